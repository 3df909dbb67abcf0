"""High-level programs: their text, what they mean, and that their assembly does it."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurocomp.config import READINGS, Sizes, UserError
from neurocomp.language.assembly import Instruction, Program, format_program
from neurocomp.language.executor import decode
from neurocomp.language.interpreter import run
from neurocomp.synthesis import constructs
from neurocomp.synthesis.constructs import CONSTRUCTS, EACH_WORD, STATEMENT, WORD, Construct
from neurocomp.synthesis.grammar import parse
from neurocomp.synthesis.lowering import DoesNotFit, Lowered, Room, lower
from neurocomp.synthesis.meaning import World, rounds
from tests.templates import statements

BASE, REGISTERS, LINES, STEPS, MOMENTS = 5, 40, 400, 700, 40
NAMED = (8, 9, 10)  # the registers that random programs name; the others start at 0
ROOM = Room(Sizes(BASE, REGISTERS, LINES), tuple(i for i in range(REGISTERS) if i not in NAMED))


def meant(term, memory, registers, mod_by_zero="zero"):
    """Memory as each round of a loop begins, then at the end, as far as `MOMENTS`; and the world after that."""
    world = World(BASE, list(memory), list(registers), mod_by_zero)
    moments = [tuple(world.memory) for _ in islice(rounds(term, world), MOMENTS)]
    return (moments if len(moments) == MOMENTS else [*moments, tuple(world.memory)]), world


def happened(lowered, memory, registers, mod_by_zero="zero"):
    """The same of the assembly: memory as control comes to the head of a loop, then when the program has halted."""
    heads = {head for head, _ in lowered.loops}
    moments, before = [], [tuple(memory)]

    def trace(step, line, instruction, memory, registers):
        if line in heads:
            moments.append(before[0])
        before[0] = memory

    program = decode(np.array(lowered.rows))
    outcome = run(program, memory, registers, base=BASE, steps=STEPS, mod_by_zero=mod_by_zero, trace=trace)
    return moments + [outcome.memory] * outcome.halted, outcome


START = st.tuples(st.lists(st.integers(0, BASE - 1), min_size=BASE, max_size=BASE),
                  st.lists(st.integers(0, BASE - 1), min_size=3, max_size=3))  # fmt: skip


@settings(max_examples=300)
@given(statements(), START, st.sampled_from(READINGS["mod_by_zero"]), st.integers(1, 9))
def test_assembly_leaves_in_memory_what_the_program_means(term, start, mod_by_zero, zeros):
    """At every moment a round of a loop begins, and at the end of programs that end: also for those that never do."""
    try:
        lowered = lower(parse(str(term)), Room(ROOM.sizes, ROOM.zeros[:zeros]))
    except DoesNotFit:
        lowered = lower(parse(str(term)), ROOM)
    registers = [0] * REGISTERS
    registers[8:11] = start[1]
    expected, world = meant(term, start[0], registers, mod_by_zero)
    found, outcome = happened(lowered, start[0], registers, mod_by_zero)
    shared = min(len(expected), len(found))
    assert found[:shared] == expected[:shared]
    assert len(expected) == len(found) or MOMENTS == shared or (not outcome.halted and shared == len(found))
    if outcome.halted and len(expected) == len(found) < MOMENTS:
        assert outcome.registers[8] == world.registers[8]

"""Hypothesis strategies: random programs over the whole instruction set, random start states."""

from __future__ import annotations

from hypothesis import strategies as st

from neurocomp.language.assembly import Instruction, Program, slots
from neurocomp.language.isa import OPCODES


@st.composite
def programs(draw, base: int, registers: int, lines: int, jump_target: str = "line", trailing: bool = False) -> Program:
    """A program of exactly `lines` lines, some of them with a label.

    Jumps go to lines 0..lines-1, and with `trailing` also to `lines`, the label after the last line. `base` is not
    used, as an instruction holds no word; it is there so that sizes can be passed as they are.
    """
    reachable = st.integers(0, lines if trailing else lines - 1)
    register = st.integers(0, registers - 1)
    instructions = []
    for opcode in draw(st.lists(st.sampled_from(OPCODES), min_size=lines, max_size=lines)):
        filled = {slot: draw(reachable if slot == "target" else register) for _, slot in slots(opcode, jump_target)}
        instructions.append(Instruction(opcode.name, **filled))
    names = st.from_regex(r"[a-z_][a-z_0-9]{0,4}|line_[0-9]", fullmatch=True)
    named = st.dictionaries(reachable, names).filter(lambda labels: len(set(labels.values())) == len(labels))
    return Program(tuple(instructions), {} if jump_target == "value" else draw(named))


@st.composite
def states(draw, base: int, registers: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Start words: memory, registers."""
    word = st.integers(0, base - 1)
    memory = draw(st.lists(word, min_size=base, max_size=base))
    return tuple(memory), tuple(draw(st.lists(word, min_size=registers, max_size=registers)))

"""The exact interpreter: a program and a start state in, the state after some steps out, all in plain ints.

Tests hold the soft machine to this file wherever every distribution is one-hot.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from neurocomp.language.assembly import Instruction, Program
from neurocomp.language.isa import BY_NAME, Opcode, compute

Trace = Callable[[int, int, Instruction, tuple[int, ...], tuple[int, ...]], None]


class Outcome(NamedTuple):
    """The state after a run, how many steps were executed (a halt's own step counts), and whether there was a halt."""

    memory: tuple[int, ...]
    registers: tuple[int, ...]
    steps: int
    halted: bool


def run(
    program: Program,
    memory: Sequence[int],
    registers: Sequence[int],
    *,
    base: int,
    steps: int,
    halting: str = "freeze",
    mod_by_zero: str = "zero",
    jump_target: str = "line",
    trace: Trace | None = None,
) -> Outcome:
    """Run for `steps` steps, or until a halt unless halting is "printed" (then the state goes on).

    Words are 0..base-1 and memory has `base` cells. The counter starts at line 0 and wraps from the last line to
    the first. `trace(step, line, instruction, memory, registers)` is called after each step; steps count from 1.
    """
    m, r = list(memory), list(registers)
    executed, halted = run_in_place(program, m, r, base, steps, halting, mod_by_zero, jump_target, trace)
    return Outcome(tuple(m), tuple(r), executed, halted)


def run_in_place(
    program: Program,
    m: list[int],
    r: list[int],
    base: int,
    steps: int,
    halting: str,
    mod_by_zero: str,
    jump_target: str = "line",
    trace: Trace | None = None,
) -> tuple[int, bool]:
    """`run` on the lists m and r themselves; returns how many steps were executed and whether there was a halt.

    Words are read only where an instruction uses them, so lists that record what is read see just those words.
    """
    decoded = _decoded(program.instructions)
    counter, halted, lines = 0, False, len(program)
    for step in range(1, steps + 1):
        line = counter
        row, sources, first, second, dst, target = decoded[line]
        opcode, counter = row.name, (line + 1) % lines
        if opcode == "halt":
            halted = True
        elif opcode == "read":
            r[dst] = m[r[first]]
        elif opcode == "write":
            m[r[first]] = r[second]
        elif opcode == "jump":
            if r[first] == 0:
                counter = (r[second] if jump_target == "value" else target) % lines
        elif opcode != "noop":
            x, y = r[first] if sources else 0, r[second] if sources > 1 else 0
            r[dst] = compute(row, x, y, base, mod_by_zero)
        if trace is not None:
            trace(step, line, program.instructions[line], tuple(m), tuple(r))
        if halted and halting == "freeze":
            return step, True
    return steps, halted


@functools.lru_cache(maxsize=256)  # a program is run on hundreds of examples
def _decoded(instructions: tuple[Instruction, ...]) -> list[tuple[Opcode, int, int, int, int, int]]:
    """Opcode, how many words it takes, and slots, line by line.

    A slot that an opcode does not use may be None or hold any register; it is never read.
    """
    return [
        (BY_NAME[i.opcode], BY_NAME[i.opcode].sources, i.first or 0, i.second or 0, i.third or 0, i.target or 0)
        for i in instructions
    ]

"""Algorithm 1 on ints: a subleq program and its data memory in, the memory after the run out. The oracle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from neurocomp.memorizer.subleq import Instruction, Program

START = 1
"""C_t before the first step."""


class Step(NamedTuple):
    """A step: the number of its instruction, the instruction, and the word that it left at address B."""

    line: int
    instruction: Instruction
    written: int


class Run(NamedTuple):
    """A data memory after a run, what each step did, and how it ended: halted, limit, or missing.

    `limit`: it was still running after the last step it was given. `missing`: the next instruction is not there.
    """

    memory: tuple[int, ...]
    steps: tuple[Step, ...]
    outcome: str


def run(program: Program, memory: Sequence[int], steps: int) -> Run:
    """Run for at most `steps` steps; `memory` is all of the data memory, the program's own words included."""
    words, line, done = list(memory), START, []
    while len(done) < steps:
        if line >= len(program):
            return Run(tuple(words), tuple(done), "missing")
        a, b, c = program.instructions[line]
        words[b] -= words[a]
        done.append(Step(line, program.instructions[line], words[b]))
        line = c if words[b] <= 0 else line + 1
        if c == 0:
            return Run(tuple(words), tuple(done), "halted")
    return Run(tuple(words), tuple(done), "limit")


def start_memory(program: Program, size: int, given: Sequence[int] = ()) -> list[int]:
    """A data memory of `size` words: the program's own, then those given from address 0 on; the others are 0."""
    words = [program.data.get(address, 0) for address in range(size)]
    words[: len(given)] = given
    return words

"""Algorithm 1 for millions of steps: the same as `interpreter.run`, which keeps each step; here only words are kept.

One loop over tuples and local variables does about ten million steps a second while words fit a machine word. Words
are Python's ints, so that there is no overflow to watch for; that they may grow without end is looked at now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.limits.checking import OPTIONS, power
from neurocomp.memorizer.interpreter import START, Step
from neurocomp.memorizer.subleq import Instruction, Program

BLOCK = 1 << 16  # steps between two looks at how large the words have become
STEP = 100  # operations of a step
BITS_AT_ONCE = 30  # of a long word, in an operation


Tell = Callable[[Step], None]


class End(NamedTuple):
    """A data memory after a run, how many steps it took, and how it ended: as in `interpreter.Run`."""

    memory: tuple[int, ...]
    steps: int
    outcome: str


class Place(NamedTuple):
    """Where a run is: the number of the next instruction, the steps done, and how it ended, or "" while it goes on."""

    line: int
    steps: int
    outcome: str


def run(program: Program, memory: Sequence[int], steps: int, limits: LimitsConfig, tell: Tell | None = None) -> End:
    """Run for at most `steps` steps; UserError when its words or its work have grown beyond the limits.

    `tell` is called after each step.
    """
    go_on = partial(_telling, tell) if tell else advance
    words, place, work = list(memory), Place(START, 0, ""), 0
    while not place.outcome:
        cost = STEP + _checked(words, place.steps, work, limits) // BITS_AT_ONCE
        block = min(steps - place.steps, max(BLOCK, len(words)), max(1, 10**9 // cost))
        line, taken, outcome = go_on(program.instructions, words, place.line, block)
        work += taken * cost
        total = place.steps + taken
        place = Place(line, total, outcome or ("limit" if total == steps else ""))
    return End(tuple(words), place.steps, place.outcome)


def advance(code: Sequence[Instruction], words: list[int], line: int, steps: int) -> Place:
    """So many steps more, or fewer if the run ends; `words` are changed in place."""
    length = len(code)
    for done in range(steps):
        if line >= length:
            return Place(line, done, "missing")
        a, b, c = code[line]
        word = words[b] = words[b] - words[a]
        if not c:
            return Place(line, done + 1, "halted")
        line = c if word <= 0 else line + 1
    return Place(line, steps, "")


def _telling(tell: Tell, code: Sequence[Instruction], words: list[int], line: int, steps: int) -> Place:
    """`advance`, with a call of `tell` after each step."""
    for done in range(steps):
        now, (line, taken, outcome) = line, advance(code, words, line, 1)
        if taken:
            tell(Step(now, code[now], words[code[now].b]))
        if outcome:
            return Place(line, done + taken, outcome)
    return Place(line, steps, "")


def _checked(words: Sequence[int], steps: int, work: int, limits: LimitsConfig) -> int:
    """The bits of the longest word; UserError where all of them together, or the work so far, are over the limits."""
    bits = [word.bit_length() for word in words]
    if sum(bits) / 8 > limits.memory_gb * 1e9:
        held = f"its words take more than {OPTIONS[0]}={limits.memory_gb:g}"
        raise UserError(f"stopped after {steps:,} steps: {held}; fewer steps, or a larger {OPTIONS[0]}")
    if work > limits.work:
        took = f"with words of up to {max(bits):,} bits they took {power(work)} operations"
        raise UserError(f"stopped after {steps:,} steps: {took}, more than {OPTIONS[1]}={limits.work:g}")
    return max(bits, default=0)

"""The shortest program that is found by dropping lines from one that is right, as long as it stays right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurocomp.language.assembly import NOOP, Program
from neurocomp.tasks.task import Examples, Task
from neurocomp.tasks.verification import right_programs


def shortened(programs: Sequence[Program], examples: Examples, task: Task) -> list[Program]:
    """Each program, which is right on the examples, without the lines that it is right without.

    One line at a time goes, the first that can; `shorter` says how. It ends where no line can go, which need not be
    the shortest program there is.
    """
    found = list(programs)
    going = set(range(len(found)))
    while going:
        tried = [(place, candidate) for place in sorted(going) for candidate in shorter(found[place])]
        right = right_programs([candidate for _, candidate in tried], examples, task)
        going = set[int]()
        for (place, candidate), is_right in zip(tried, right, strict=True):
            if is_right and place not in going:
                found[place] = candidate
                going.add(place)
    return found


def shorter(program: Program) -> Iterator[Program]:
    """The program with one line less: each line deleted in turn, then each replaced by a noop, which takes its step.

    A program keeps at least one line.
    """
    for line in range(len(program) if len(program) > 1 else 0):
        yield _without(program, line)
    for line, instruction in enumerate(program.instructions):
        if instruction != NOOP:
            yield Program((*program.instructions[:line], NOOP, *program.instructions[line + 1 :]))


def _without(program: Program, line: int) -> Program:
    """The program without this line. Jumps go where they went, and those to the line itself to the one after it."""
    kept = [*program.instructions[:line], *program.instructions[line + 1 :]]
    moved = (one if one.target is None else one._replace(target=_moved(one.target, line, len(kept))) for one in kept)
    return Program(tuple(moved))


def _moved(target: int, line: int, lines: int) -> int:
    return (target - 1 if target > line else target) % lines


def length(program: Program) -> int:
    """How many of its lines are no noop."""
    return sum(instruction != NOOP for instruction in program.instructions)

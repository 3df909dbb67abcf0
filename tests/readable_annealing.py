"""Annealing as it reads on paper, one program after the other; the compiled walk must take the same steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from neurocomp.language.assembly import Program
from neurocomp.search.annealing import MUTATED, Schedule
from neurocomp.search.judge import Judge
from neurocomp.search.local_search import start_code
from neurocomp.search.space import changed


class Step(NamedTuple):
    """The walk after a program was executed: where it is, the best program so far, whether this one was accepted."""

    code: np.ndarray  # [L, 5]
    right: int
    best: np.ndarray  # [L, 5]
    most: int
    found: bool


def walk(start: Program | None, judge: Judge, schedule: Schedule, rng: np.random.Generator) -> Iterator[Step]:
    """Every step up to the first program that is accepted, or to the last of `schedule.programs`."""
    sizes, jump_target = judge.task.sizes, judge.task.machine.jump_target
    degrees = schedule.temperature * judge.words
    code = best = np.empty(0)
    right = most = -1
    for number in range(schedule.programs):
        if number % schedule.fresh == 0:
            code = start_code(start, judge.task, rng)
            if start is not None and number > 0:
                for _ in range(MUTATED):
                    code = changed(code[None], rng.random((1, 3)), sizes, jump_target)[0]
            right, taken = right_words(code, judge), True
        else:
            candidate = changed(code[None], rng.random((1, 3)), sizes, jump_target)[0]
            if rng.random() < 0.25:
                candidate = changed(candidate[None], rng.random((1, 3)), sizes, jump_target)[0]
            fewer = right - right_words(candidate, judge)
            chance = 1.0 if fewer <= 0 else math.exp(-fewer / degrees) if degrees > 0 else 0.0
            taken = rng.random() < chance
            if taken:
                code, right = candidate, right - fewer
        if right > most:
            best, most = code, right
        found = taken and right == judge.words and bool(judge.holds(code[None])[0])
        yield Step(code, right, best, most, found)
        if found:
            return


def right_words(code: np.ndarray, judge: Judge) -> int:
    return int(judge.right(code[None])[0])

"""method=annealing: local search that also takes worse programs at times, and begins anew when it has not arrived.

A restart executes one candidate a step: the current program with one field changed, or two. A candidate that is no
worse is taken; one that leaves fewer words right is taken with the probability exp(-fewer / degrees). Every `fresh`
programs the walk begins anew, at a random program, or near the one that the restart was given.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from neurocomp.language.assembly import Program
from neurocomp.language.executor import decode
from neurocomp.limits.estimates import COMPILED_STEP
from neurocomp.search.annealing_kernel import MOST, RIGHT, State, chances, checks_of, machine_of, steps
from neurocomp.search.judge import Judge, Searched
from neurocomp.search.local_search import start_code
from neurocomp.search.space import changed
from neurocomp.tasks.task import Task

# How many fields of the given program are changed where a walk begins anew: as many as a step changes at most. Their
# number hardly matters. Parity with three wrong fields: 112, 111, 117, 115 of 120 repaired with 0, 1, 2, 4 of them
# (experiments/annealing.md).
MUTATED = 2
A_CALL = 20_000_000  # nanoseconds that a call of the kernel takes at most: between calls limit and Ctrl-C are heard


class Schedule(NamedTuple):
    """How a restart anneals: at most `programs` in all, a fresh one every `fresh`.

    `temperature` is a degree as a share of the words that are checked on all training examples.
    """

    programs: int
    temperature: float
    fresh: int


def anneal(
    start: Program | None,
    judge: Judge,
    schedule: Schedule,
    rng: np.random.Generator,
    limit: float | None = None,
    heard: Callable[[], None] = lambda: None,
) -> Searched:
    """The first program that is accepted, else the first of those that leave the most words right.

    The result depends on these arguments alone, unless `limit` ends it first: so many seconds of this thread on a core,
    not counting those in which others had it. `heard` is called many times a second, and may raise.
    """
    task, began, began_on_core = judge.task, time.perf_counter(), time.thread_time()
    walk, machine = steps(), machine_of(task)
    training, validation = checks_of(judge.training, task), checks_of(judge.validation, task)
    chance, a_call = chances(judge.words, schedule.temperature), programs_a_call(judge)
    state, programs, found, limited = State.of(task.sizes), 0, False, False
    while programs < schedule.programs and not found and not limited:
        if programs % schedule.fresh == 0:
            found = _begin(state, fresh_code(start, programs == 0, task, rng), judge)
            programs += 1
        else:
            most = min(schedule.fresh - programs % schedule.fresh, schedule.programs - programs, a_call)
            made, found = walk(most, state, rng, chance, machine, training, validation)
            programs += made
        heard()
        limited = limit is not None and not found and time.thread_time() - began_on_core >= limit
    return Searched(
        program=decode(state.code if found else state.best, task.machine.jump_target),
        fit=bool(state.counts[MOST] == judge.words),
        found=found,
        programs=programs,
        seconds=time.perf_counter() - began,
        core_seconds=time.thread_time() - began_on_core,
        cut="limit" if limited and programs < schedule.programs else "",
    )


def _begin(state: State, code: np.ndarray, judge: Judge) -> bool:
    """Let a walk begin at this program [L, 5]; whether it is accepted already."""
    right = int(judge.right(code[None])[0])
    state.code[:], state.counts[RIGHT] = code, right
    if right > state.counts[MOST]:
        state.best[:], state.counts[MOST] = code, right
    return right == judge.words and bool(judge.holds(code[None])[0])


def fresh_code(start: Program | None, first: bool, task: Task, rng: np.random.Generator) -> np.ndarray:
    """The code [L, 5] at which a walk begins: random, or the given program, at first as it is, then mutated."""
    code = start_code(start, task, rng)
    if start is None or first:
        return code
    for _ in range(MUTATED):
        (code,) = changed(code[None], rng.random((1, 3)), task.sizes, task.machine.jump_target)
    return code


def programs_a_call(judge: Judge) -> int:
    """How many programs a call of the kernel executes at most; results do not depend on it."""
    examples, steps = len(judge.training.memory), judge.task.steps
    return max(1, A_CALL // (examples * steps * COMPILED_STEP))

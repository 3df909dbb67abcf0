"""Programs a second of the searches over raw programs, each on one core, in turns side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from neurocomp.config import SEARCHES, RunConfig
from neurocomp.methods.searches import judge_of
from neurocomp.plan import Plan, make_plan
from neurocomp.progress_line import ProgressLine
from neurocomp.search.annealing import Schedule, anneal
from neurocomp.search.by_length import enumerate_programs
from neurocomp.search.judge import Searched
from neurocomp.search.local_search import local_search
from neurocomp.search.random_search import random_search
from neurocomp.seeding import generator
from neurocomp.tasks.examples import HeldOut, held_out

# The most programs that a restart executes in a turn, so that a turn takes about 0.1 s.
PROGRAMS = {"random_search": 20_000, "local_search": 256, "enumerate": 20_000, "annealing": 50_000}

Turn = Callable[[int], list[Searched]]  # from the number of the turn to what its restarts ended with


@dataclass(frozen=True)
class Pace:
    """A search's line: programs a second of one core, the median of all turns with the quartiles.

    `restarts` are searched side by side. A second is one in which the core worked for this thread.
    """

    method: str
    programs_per_s: int
    low: int
    high: int
    executions_per_s: int
    restarts: int
    examples: int
    base: int
    registers: int
    lines: int
    steps: int


def measure(config: RunConfig, rounds: int) -> list[Pace]:
    """The pace of every search on this task. A restart that finds a program ends, as in a run."""
    plans = {method: make_plan(replace(config, method=method, limit=None)) for method in SEARCHES}
    unseen = held_out(plans["annealing"].task, config.seed)
    turns = {method: _turn(plan, unseen) for method, plan in plans.items()}
    paces: dict[str, list[float]] = {method: [] for method in turns}
    for turn in turns.values():
        turn(0)  # compiles
    with ProgressLine("bench", rounds * len(turns), "turns", delay=3, stays=False) as line:
        for number in range(rounds):
            for method, turn in turns.items():
                began = time.thread_time()
                programs = sum(one.programs for one in turn(number))
                paces[method].append(programs / (time.thread_time() - began))
                line.advance()
    return [_pace(plans[method], paces[method]) for method in turns]


def _turn(plan: Plan, unseen: HeldOut) -> Turn:
    """A turn of the plan's method; local_search takes all restarts at once, the others one of them."""
    config, method = plan.config, plan.config.method
    budget = PROGRAMS[method]

    def together(number: int) -> list[Searched]:
        restarts = range(number * config.restarts, (number + 1) * config.restarts)
        judges = [judge_of(plan, unseen, restart) for restart in restarts]
        streams = [generator(config.seed, restart, method) for restart in restarts]
        return local_search([plan.start_of(restart).program for restart in restarts], judges, budget, streams)

    def alone(number: int) -> list[Searched]:
        judge, stream = judge_of(plan, unseen, number), generator(config.seed, number, method)
        if method == "annealing":
            schedule = Schedule(budget, config.annealing.temperature, config.annealing.fresh)
            return [anneal(plan.start_of(number).program, judge, schedule, stream)]
        search = random_search if method == "random_search" else enumerate_programs
        return [search(judge, budget, stream)]

    return together if method == "local_search" else alone


def _pace(plan: Plan, paces: list[float]) -> Pace:
    quartiles = statistics.quantiles(paces, n=4, method="inclusive") if len(paces) > 1 else paces * 3
    low, median, high = map(round, quartiles)
    return Pace(
        method=plan.config.method,
        programs_per_s=median,
        low=low,
        high=high,
        executions_per_s=median * plan.config.examples,
        restarts=plan.config.restarts if plan.config.method == "local_search" else 1,
        examples=plan.config.examples,
        **plan.task.sizes._asdict(),
        steps=plan.task.steps,
    )

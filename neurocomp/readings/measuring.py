"""The cells of a setting are tuned and counted: in this process, or in workers, a setting each."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from neurocomp.config import RunConfig
from neurocomp.devices import torch_threads
from neurocomp.engine import load, torch_threads_for
from neurocomp.methods.tune import tune_restarts
from neurocomp.plan import make_plan
from neurocomp.readings.cells import cell_config
from neurocomp.readings.config import ReadingsConfig
from neurocomp.readings.space import MEASURES, ORDER, Setting
from neurocomp.report.published import tuned_rates
from neurocomp.sweep import DEATHS, WorkerLost
from neurocomp.tasks.examples import held_out
from neurocomp.tuning.recovery import soft
from neurocomp.workers.pool import Outcome, Pool, Task

Rows = list[dict]


class ThisProcess:
    """A pool without workers: a task is run when it is waited for, and raises what it raises."""

    is_here = True

    def __init__(self) -> None:
        self._waiting: deque[Task] = deque()

    def slots(self) -> int:
        return 1

    def without(self, folder: Path, token: str) -> list[str]:
        return []

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def wait(self, seconds: float) -> list[Outcome]:
        task = self._waiting.popleft()
        return [Outcome(task.key, task.function(*task.arguments))]

    def close(self) -> None:
        pass


def finished(pool: Pool, tasks: Iterator[Task], what: str = "setting") -> Iterator[Any]:
    """The value of each task, such as rows, as it ends. A task is taken only when the pool has a worker for it.

    A task whose worker dies is run again. Raises WorkerLost if that happens too often, and what a task raises.
    """
    at_work: dict[int, Task] = {}
    deaths: Counter[int] = Counter()
    while True:
        while len(at_work) < pool.slots() and (task := next(tasks, None)):
            at_work[task.key] = task
            pool.submit(task)
        if not at_work:
            return
        # What was measured comes first, so that no error beside it loses it.
        for outcome in sorted(pool.wait(1.0), key=lambda one: one.value is None):
            if outcome.key not in at_work:
                continue  # a cluster may answer twice; the first answer counts
            task = at_work.pop(outcome.key)
            if outcome.error is not None:
                raise outcome.error
            if not outcome.died:
                yield outcome.value
                continue
            deaths[task.key] += outcome.died == "process"
            if deaths[task.key] >= DEATHS:
                where = f"in {what} {task.arguments[1]}"
                raise WorkerLost(f"the worker's process died {DEATHS} times {where}; what was measured is kept")
            at_work[task.key] = task
            pool.submit(task)


def measured(
    setting: Setting, number: int, config: ReadingsConfig, restarts: int, seed: int, limit: dict[str, float]
) -> Rows:
    """The rows of `measure`, all together: the work of one task."""
    return list(measure(setting, number, config, restarts, seed, limit))


def measure(
    setting: Setting, number: int, config: ReadingsConfig, restarts: int, seed: int, limit: dict[str, float]
) -> Iterator[dict]:
    """A row for each cell, in ORDER; ends early once no measure can stay below its limit.

    Places of the table that are one cell (a row may start from the program that another starts from) are tuned once.
    """
    rates, short = tuned_rates("table1"), dict.fromkeys(MEASURES, 0.0)
    counted: dict[str, dict[str, int]] = {}
    for row, task in ORDER:
        began = time.perf_counter()
        cell = cell_config(setting, row, task, config)
        digest = make_plan(cell).config_hash
        if digest not in counted:
            counted[digest] = count(cell, restarts, seed)
        for name in MEASURES:
            short[name] += 100 * abs(counted[digest][name] / restarts - rates[row, task]) / len(ORDER)
        seconds = round(time.perf_counter() - began, 2)
        measured_here = counted[digest] | {"seconds": seconds, "seed": seed}
        yield dict(setting=number, row=row, task=task, n=restarts) | measured_here | setting
        if limit and all(short[name] > limit[name] for name in MEASURES):
            return


def count(config: RunConfig, restarts: int, seed: int) -> dict[str, int]:
    """How many restarts recovered, by fit and by soft."""
    plan = make_plan(replace(config, seed=seed, restarts=restarts))
    unseen = held_out(plan.task, seed)
    with torch_threads(torch_threads_for(plan.engine, plan.threads)):
        tuned = tune_restarts(plan, unseen, range(restarts))
        final = torch.stack([restart.logits for restart in tuned])
        right = soft(final, unseen.test, plan.task, load(plan.engine, plan.threads))
    return {"fit": sum(restart.fit for restart in tuned), "soft": int(right.sum())}

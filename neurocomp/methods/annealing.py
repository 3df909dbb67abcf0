"""method=annealing: restarts side by side, one on each thread, in compiled code; one row a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import chain
from typing import NamedTuple

from neurocomp.methods.progress import Progress
from neurocomp.methods.searches import judge_of, rows_of
from neurocomp.methods.tune import SECONDS_UNSAVED, batches_of, every_few_seconds
from neurocomp.plan import Plan, programs_a_restart
from neurocomp.results.made import Made
from neurocomp.search.annealing import Schedule, anneal
from neurocomp.search.annealing_kernel import steps
from neurocomp.search.judge import Searched
from neurocomp.seeding import generator
from neurocomp.tasks.examples import HeldOut


class Annealed(NamedTuple):
    """A restart and what it ended with."""

    restart: int
    searched: Searched


class Interrupted(Exception):
    """Raised in the threads, so that they end where the run does."""


def annealed_rows(
    plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None
) -> Iterator[Made]:
    """The rows of all these restarts as they finish, every few seconds, those of consecutive restarts together."""
    finished = finished_restarts(plan, unseen, list(chain(*batches)), bar)
    for annealed in every_few_seconds(finished, SECONDS_UNSAVED):
        restarts = [one.restart for one in annealed]
        rows = rows_of(plan, unseen, restarts, [one.searched for one in annealed])
        for batch in batches_of(restarts, plan.config.chunk):
            yield Made([rows[place] for place in batch])


def finished_restarts(
    plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None
) -> Iterator[list[Annealed]]:
    """Each restart when it has finished; there are as many at a time as `plan.threads`.

    The kernel lets other threads run, so that they share the machine as processes do. When this ends early, as by
    Ctrl-C, the threads end within one call of the kernel.
    """
    steps()  # compiled before any restart's time is taken
    ended = threading.Event()

    def heard() -> None:
        if ended.is_set():
            raise Interrupted

    with ThreadPoolExecutor(plan.threads) as pool:
        try:
            futures = [pool.submit(_annealed, plan, unseen, restart, heard) for restart in restarts]
            for future in as_completed(futures):
                one = future.result()
                if bar:
                    bar.after_restart(one.searched.found)
                yield [one]
        finally:
            ended.set()
            pool.shutdown(cancel_futures=True)


def _annealed(plan: Plan, unseen: HeldOut, restart: int, heard: Callable[[], None]) -> Annealed:
    config = plan.config
    schedule = Schedule(programs_a_restart(config), config.annealing.temperature, config.annealing.fresh)
    judge = judge_of(plan, unseen, restart)
    stream = generator(config.seed, restart, "annealing")
    return Annealed(restart, anneal(plan.start_of(restart).program, judge, schedule, stream, config.limit, heard))

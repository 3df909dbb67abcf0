"""Restarts side by side, one on each thread, for methods whose work lets other threads run; rows as they finish."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import chain
from typing import NamedTuple

from neurocomp.methods.progress import Progress
from neurocomp.methods.searches import rows_of
from neurocomp.methods.tune import SECONDS_UNSAVED, batches_of, every_few_seconds
from neurocomp.plan import Plan
from neurocomp.results.made import Made
from neurocomp.search.judge import Searched
from neurocomp.tasks.examples import HeldOut

Heard = Callable[[], None]
Search = Callable[[int, Heard], Searched]  # of a restart; it calls `heard` several times a second


class Ended(NamedTuple):
    """A restart and what it ended with."""

    restart: int
    searched: Searched


class Interrupted(Exception):
    """Raised in the threads, so that they end where the run does."""


def searched_rows(
    search: Search, plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None
) -> Iterator[Made]:
    """The rows of all these restarts as they finish, every few seconds, those of consecutive restarts together."""
    finished = finished_restarts(search, plan.threads, list(chain(*batches)), bar)
    for ended in every_few_seconds(finished, SECONDS_UNSAVED):
        restarts = [one.restart for one in ended]
        rows = rows_of(plan, unseen, restarts, [one.searched for one in ended])
        for batch in batches_of(restarts, plan.config.chunk):
            yield Made([rows[place] for place in batch])


def finished_restarts(
    search: Search, threads: int, restarts: Sequence[int], bar: Progress | None
) -> Iterator[list[Ended]]:
    """Each restart when it has finished; there are as many at a time as threads.

    When this ends early, as by Ctrl-C, the threads end where they next call what they were given to call.
    """
    ended = threading.Event()

    def heard() -> None:
        if ended.is_set():
            raise Interrupted

    def one(restart: int) -> Ended:
        return Ended(restart, search(restart, heard))

    with ThreadPoolExecutor(threads) as pool:
        try:
            for future in as_completed([pool.submit(one, restart) for restart in restarts]):
                finished = future.result()
                if bar:
                    bar.after_restart(finished.searched.found)
                yield [finished]
        finally:
            ended.set()
            pool.shutdown(cancel_futures=True)

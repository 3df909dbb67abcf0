"""The driver of many cells: it holds each open cell's file, gives a pool batches, and writes the rows.

Workers write no rows, so there is nothing to merge, and nothing is lost with a worker but what it was at: that is done
again. A batch depends on (seed, restart) alone, whoever runs it.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from neurocomp.job import Job, append, produce, reason_of
from neurocomp.results.lock import CellLocked
from neurocomp.results.made import Made
from neurocomp.results.writer import CellWriter
from neurocomp.workers.pool import OtherCode, Outcome, Pool, Task
from neurocomp.workers.progress import SweepProgress

DEATHS = 3  # of the process at one batch, after which its cell is stopped: a program may be what kills it
AHEAD = 2  # tasks in flight for each slot

Report = Callable[[Job, Exception], None]
Batch = tuple[int, ...]  # restarts; () stands for the search for what a cell starts from
SEARCH: Batch = ()


class WorkerLost(RuntimeError):
    """The process of a worker died too often at the same batch."""


@dataclass
class OpenCell:
    """A cell whose rows are being produced."""

    job: Job
    writer: CellWriter
    waiting: deque[Batch]
    in_flight: set[Batch] = field(default_factory=set)
    deaths: Counter[Batch] = field(default_factory=Counter)

    @property
    def is_done(self) -> bool:
        return not self.waiting and not self.in_flight


class Sweep:
    """Cells that run in a pool, a few open at a time, in their order. `report` hears what goes wrong in a cell."""

    def __init__(self, jobs: Sequence[Job], pool: Pool, report: Report, bar: SweepProgress):
        self._jobs, self._pool, self._report, self._bar = iter(jobs), pool, report, bar
        self._pieces = max(1, AHEAD * pool.slots() // max(1, len(jobs)))  # into which a cell is cut
        self._open: list[OpenCell] = []
        self._sent: dict[int, tuple[OpenCell, Batch]] = {}
        self._number = 0

    def run(self) -> None:
        """Produce the rows that are missing. Raises OtherCode, and OSError where rows cannot be written."""
        try:
            while self._send_more() or self._sent:
                for outcome in self._pool.wait(1.0):
                    self._receive(*self._sent.pop(outcome.key), outcome)
                self._bar.tick()
        finally:
            for cell in self._open:
                cell.writer.close()

    def _send_more(self) -> bool:
        """Send tasks until the pool has enough; whether any was sent."""
        before = self._number
        while len(self._sent) < AHEAD * self._pool.slots():
            cell = next((cell for cell in self._open if cell.waiting), None) or next(self._opened(), None)
            if cell is None:
                break
            batch = cell.waiting.popleft()
            cell.in_flight.add(batch)
            call = (started, (cell.job,)) if batch == SEARCH else (produce, (cell.job, batch))
            self._number += 1
            self._sent[self._number] = cell, batch
            self._pool.submit(Task(self._number, *call))
        return self._number > before

    def _opened(self) -> Iterator[OpenCell]:
        """The next cells that lack rows, each opened; done ones are counted, locked and damaged ones reported."""
        for job in self._jobs:
            try:
                writer = CellWriter(job.path, job.configuration(), job.FORMAT)
            except (CellLocked, ValueError) as error:
                self._report(job, error)
                self._bar.cell_ended()
                continue
            missing = writer.missing_batches(job.restarts, self._size(job))
            job.remark(len(writer.finished), len(missing))
            left = sum(map(len, missing))
            self._bar.opened(job.restarts - left)
            if not missing:
                writer.close()
                self._bar.cell_ended()
                continue
            cell = OpenCell(job.resumed(), writer, deque(map(tuple, missing)))
            if cell.job.has_start:
                cell.job.describe_start()
            else:
                cell.waiting = deque([SEARCH])
            self._open.append(cell)
            yield cell

    def _size(self, job: Job) -> int:
        """How many restarts a batch has: so many that there are pieces for all workers, unless results depend on it."""
        return min(job.chunk, math.ceil(job.restarts / self._pieces)) if job.is_divisible else job.chunk

    def _receive(self, cell: OpenCell, batch: Batch, outcome: Outcome) -> None:
        """Write what came back, send again what was lost, stop the cell where something went wrong."""
        cell.in_flight.discard(batch)
        if outcome.died:
            cell.deaths[batch] += outcome.died == "process"
            if cell.deaths[batch] < DEATHS:
                cell.waiting.appendleft(batch)
            else:
                what = f"restarts {batch[0]}-{batch[-1]}" if batch else "its synthesis"
                self._stop(cell, WorkerLost(f"the worker's process died {DEATHS} times in {what}"))
        elif isinstance(outcome.error, OtherCode):
            raise outcome.error
        elif outcome.error is not None:
            self._stop(cell, outcome.error)
        elif isinstance(outcome.value, Made):
            append(cell.writer, cell.job, outcome.value)
            self._bar.made(outcome.value)
        else:
            self._begin(cell, outcome.value)
        if cell.is_done:
            self._open.remove(cell)
            cell.writer.close()
            self._bar.cell_ended()

    def _begin(self, cell: OpenCell, job: Job) -> None:
        """Keep what the search found, and go on with the batches."""
        cell.job = job
        job.keep_start()
        job.describe_start()
        cell.waiting = deque(map(tuple, cell.writer.missing_batches(job.restarts, self._size(job))))

    def _stop(self, cell: OpenCell, error: Exception) -> None:
        """No more batches of this cell are sent; those in flight may still bring rows."""
        cell.waiting.clear()
        self._report(cell.job, error)
        cell.writer.append([cell.job.failed_row(reason_of(error))])


def started(job: Job) -> Job:
    """The job with what synthesis found for it."""
    return job.started(progress=False)

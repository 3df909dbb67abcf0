"""The driver of many cells: it holds each open cell's file, gives a pool batches, and writes the rows.

Workers write no rows, so there is nothing to merge, and nothing is lost with a worker but what it was at: that is done
again. A batch depends on (seed, restart) alone, whoever runs it.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
    is_stopped: bool = False

    @property
    def is_done(self) -> bool:
        return not self.waiting and not self.in_flight


class Sweep:
    """Cells that run in a pool, a few open at a time, in their order. `report` hears what goes wrong in a cell."""

    def __init__(self, jobs: Sequence[Job], pool: Pool, report: Report, bar: SweepProgress):
        self._pool, self._report, self._bar = pool, report, bar
        self._pieces = max(1, AHEAD * pool.slots() // max(1, len(jobs)))  # into which a cell is cut
        self._cells = self._opened(jobs)
        self._open: list[OpenCell] = []
        self._sent: dict[int, tuple[OpenCell, Batch]] = {}
        self._number = 0

    def run(self) -> None:
        """Produce the rows that are missing. Raises OtherCode, and OSError where rows cannot be written."""
        try:
            while self._send_more() or self._sent:
                for outcome in self._pool.wait(1.0):
                    if outcome.key in self._sent:  # a cluster may answer twice; the first answer counts
                        self._receive(*self._sent.pop(outcome.key), outcome)
                self._bar.tick()
        finally:
            self._cells.close()
            for cell in self._open:
                cell.writer.close()

    def _send_more(self) -> bool:
        """Send tasks until the pool has enough; whether any was sent."""
        before, enough = self._number, AHEAD * self._pool.slots()
        while len(self._sent) < enough:
            cell = next((cell for cell in self._open if cell.waiting), None) or next(self._cells, None)
            if cell is None:
                break
            batch = cell.waiting.popleft()
            cell.in_flight.add(batch)
            call = (started, (cell.job,)) if batch == SEARCH else (produce, (cell.job, batch))
            self._number += 1
            self._sent[self._number] = cell, batch
            self._pool.submit(Task(self._number, *call))
        return self._number > before

    def _opened(self, jobs: Sequence[Job]) -> Generator[OpenCell]:
        """The cells that lack rows, each opened. Done ones are counted; locked and damaged ones are reported.

        The next one is being opened in a thread: a disk takes longer to keep a file than a small cell takes to run.
        """
        opening: deque[tuple[Job, Future[OpenCell]]] = deque()
        with ThreadPoolExecutor(1) as opener:
            try:
                for place in range(len(jobs)):
                    for job in jobs[place + len(opening) : place + 2]:
                        opening.append((job, opener.submit(self._open_cell, job)))
                    cell = self._next(*opening[0])
                    opening.popleft()
                    if cell:
                        yield cell
            finally:
                for _, ahead in opening:  # the sweep ends before its time
                    if not ahead.cancel() and not ahead.exception():
                        ahead.result().writer.close()

    def _open_cell(self, job: Job) -> OpenCell:
        """The cell with its file locked. Raises CellLocked; UserError where a file is damaged."""
        writer = CellWriter(job.path, job.configuration(), job.format)
        try:
            missing = writer.missing_batches(job.restarts, self._size(job))
            if missing:
                job = job.resumed()
            return OpenCell(job, writer, deque(map(tuple, missing)))
        except BaseException:
            writer.close()
            raise

    def _next(self, job: Job, opening: Future[OpenCell]) -> OpenCell | None:
        """The cell that was opened, counted and described; None if it cannot be, or is done."""
        try:
            cell = opening.result()
        except (CellLocked, ValueError) as error:
            self._report(job, error)
            self._bar.cell_ended()
            return None
        job, missing = cell.job, sum(map(len, cell.waiting))
        job.remark(len(cell.writer.finished), len(cell.waiting))
        self._bar.opened(job.restarts - missing)
        if not missing:
            cell.writer.close()
            self._bar.cell_ended()
            return None
        if job.has_start:
            job.describe_start()
        else:
            cell.waiting = deque([SEARCH])
        self._open.append(cell)
        return cell

    def _size(self, job: Job) -> int:
        """How many restarts a batch has: so many that there are pieces for all workers, unless results depend on it."""
        return min(job.chunk, math.ceil(job.restarts / self._pieces)) if job.is_divisible else job.chunk

    def _receive(self, cell: OpenCell, batch: Batch, outcome: Outcome) -> None:
        """Take what came back; what goes wrong with it stops its cell, unless it would befall the others too."""
        cell.in_flight.discard(batch)
        try:
            self._take(cell, batch, outcome)
        except (OSError, OtherCode):
            raise
        except Exception as error:
            self._stop(cell, error)
        if cell.is_done:
            self._open.remove(cell)
            cell.writer.close()
            self._bar.cell_ended()

    def _take(self, cell: OpenCell, batch: Batch, outcome: Outcome) -> None:
        """Write what came back, or send again what was lost. Raises what was raised in the task."""
        if outcome.died:
            cell.deaths[batch] += outcome.died == "process"
            if cell.deaths[batch] >= DEATHS:
                what = f"restarts {batch[0]}-{batch[-1]}" if batch else "its synthesis"
                raise WorkerLost(f"the worker's process died {DEATHS} times in {what}")
            if not cell.is_stopped:
                cell.waiting.appendleft(batch)
        elif isinstance(outcome.error, OtherCode):
            raise outcome.error
        elif outcome.error is not None:
            if self._pool.is_here and isinstance(outcome.error, OSError) and outcome.error.errno is not None:
                raise outcome.error  # of this machine's disk, which the other cells would meet too
            self._stop(cell, outcome.error)  # another machine's disk is no reason to stop here
        elif isinstance(outcome.value, Made):
            append(cell.writer, cell.job, outcome.value)
            self._bar.made(outcome.value)
        else:
            self._begin(cell, outcome.value)

    def _begin(self, cell: OpenCell, job: Job) -> None:
        """Keep what the search found, and go on with the batches."""
        cell.job = job
        job.keep_start()
        job.describe_start()
        cell.waiting = deque(map(tuple, cell.writer.missing_batches(job.restarts, self._size(job))))

    def _stop(self, cell: OpenCell, error: Exception) -> None:
        """No more batches of this cell are sent; those in flight may still bring rows. The first error is recorded."""
        if cell.is_stopped:
            return
        cell.is_stopped = True
        cell.waiting.clear()
        self._report(cell.job, error)
        cell.writer.append([cell.job.failed_row(reason_of(error))])


def started(job: Job) -> Job:
    """The job with what synthesis found for it."""
    return job.started(progress=False)

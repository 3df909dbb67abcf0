"""The seam between the machines and what runs their cells: a job is a checked cell of either, and one loop runs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from neurocomp.errors import UserError
from neurocomp.results.columns import RowFormat
from neurocomp.results.writer import CellWriter
from neurocomp.text import visible


class Job(Protocol):
    """A cell that was checked. Only `complete` and `record_failure` below write its rows."""

    FORMAT: RowFormat

    @property
    def path(self) -> Path:
        """Where its rows are."""
        ...

    @property
    def restarts(self) -> int:
        """How many it is to have."""
        ...

    @property
    def only(self) -> int | None:
        """The one restart that is to be run again, if it is no more than that."""
        ...

    @property
    def chunk(self) -> int:
        """The most restarts of a batch, and what the first of a batch is a multiple of."""
        ...

    def describe(self) -> str:
        """The cell in words of the command line."""
        ...

    def configuration(self) -> str:
        """The full configuration as YAML, with the hash of what its rows depend on."""
        ...

    def remark(self, finished: int) -> None:
        """Say what is to be said where so many restarts are done already."""
        ...

    def rows(self, batches: Sequence[Sequence[int]], progress: bool) -> Iterator[list[dict]]:
        """The rows of these restarts, those of some consecutive ones at a time; nothing is done before the first."""
        ...

    def written(self, restarts: Sequence[int]) -> None:
        """What is to be done once the rows of these restarts are on the disk."""
        ...

    def replay(self, progress: bool = True) -> dict:
        """Run the restart `only` again by itself and return its row. The cell's CSV stays as it is."""
        ...

    def failed_row(self, reason: str) -> dict:
        """A row that says the cell failed, and why."""
        ...


Config = TypeVar("Config", contravariant=True)


class Pipeline(Protocol[Config]):
    """What a machine's pipeline offers; its `run_cell(config)` is the entry for Python."""

    def check(self, config: Config, directory: Path | None = None) -> Job:
        """The cell, ready to run. Raises UserError for whatever is wrong with it before it runs."""
        ...

    def describe(self, config: Config) -> str:
        """A cell in words of the command line, whether it can run or not."""
        ...


def complete(job: Job, progress: bool = True) -> None:
    """Produce the restarts of a cell that are not in its CSV yet, and append their rows to it."""
    if job.only is not None:
        raise UserError(f"only={job.only}: replay runs one restart again, run_cell those that are missing")
    with CellWriter(job.path, job.configuration(), job.FORMAT) as cell:
        missing = cell.missing_batches(job.restarts, job.chunk)
        job.remark(len(cell.finished))
        for rows in job.rows(missing, progress) if missing else ():
            cell.append(rows)
            job.written([row["restart"] for row in rows])


def record_failure(job: Job, error: BaseException) -> None:
    """Append a row that says the cell failed."""
    reason = visible(" ".join(f"{type(error).__name__}: {error}".split()))
    with CellWriter(job.path, job.configuration(), job.FORMAT) as cell:
        cell.append([job.failed_row(reason)])

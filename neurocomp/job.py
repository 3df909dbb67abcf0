"""The seam between the machines and what runs their cells: a job is a checked cell of either, and one loop runs it.

A job is a value that another process can be given. It produces rows; only the loops here and in `sweep` write them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from neurocomp.errors import UserError
from neurocomp.results.columns import RowFormat
from neurocomp.results.made import Made, together
from neurocomp.results.writer import CellWriter
from neurocomp.text import visible


class Job(Protocol):
    """A cell that was checked."""

    @property
    def format(self) -> RowFormat:
        """The columns of its rows."""
        ...

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

    @property
    def wants_extras(self) -> bool:
        """Whether something was asked for beside the rows, which restarts that are done do not get."""
        ...

    @property
    def has_checkpoints(self) -> bool:
        """Whether a worker writes beside the rows, to go on from there: a long training does."""
        ...

    @property
    def is_divisible(self) -> bool:
        """Whether a batch may be smaller: no bit of a restart's result depends on the others in its batch."""
        ...

    @property
    def has_start(self) -> bool:
        """Whether it is known what its restarts start from; with init=synth it has to be searched for."""
        ...

    def describe(self) -> str:
        """The cell in words of the command line."""
        ...

    def configuration(self) -> str:
        """The full configuration as YAML, with the hash of what its rows depend on."""
        ...

    def remark(self, finished: int, missing: int) -> None:
        """Say what is to be said where so many restarts are done, and so many are to be."""
        ...

    def resumed(self) -> Job:
        """The job with the start that the cell began with, where one was kept beside its rows."""
        ...

    def started(self, progress: bool) -> Job:
        """The job with a start; may take a minute. Writes nothing."""
        ...

    def keep_start(self) -> None:
        """Write down what it starts from."""
        ...

    def describe_start(self) -> None:
        """Say what it starts from, if that was searched for."""
        ...

    def rows(self, batches: Sequence[Sequence[int]], progress: bool) -> Iterator[Made]:
        """The rows of these restarts as they are done. Writes nothing, but for the checkpoints of a long training."""
        ...

    def keep(self, made: Made) -> None:
        """Write what was made beside the rows."""
        ...

    def written(self, restarts: Sequence[int]) -> None:
        """What is to be done once the rows of these restarts are on the disk."""
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


def produce(job: Job, restarts: Sequence[int]) -> Made:
    """The rows of these consecutive restarts, as a value: anywhere, from anything that was sent there."""
    return together(job.rows([restarts], progress=False))


def complete(job: Job, progress: bool = True) -> None:
    """Produce the restarts of a cell that are not in its CSV yet, and append their rows to it."""
    if job.only is not None:
        raise UserError(f"only={job.only}: replay runs one restart again, run_cell those that are missing")
    with CellWriter(job.path, job.configuration(), job.format) as cell:  # rows so far
        missing = cell.missing_batches(job.restarts, job.chunk)
        job.remark(len(cell.finished), len(missing))
        if missing:
            job = begun(job, progress)  # start
            for made in job.rows(missing, progress):  # method, and judge
                append(cell, job, made)  # rows


def begun(job: Job, progress: bool = True) -> Job:
    """The job with its start, which is kept beside the rows if it is new."""
    job = job.resumed()
    if not job.has_start:
        job = job.started(progress)
        job.keep_start()
    job.describe_start()
    return job


def append(cell: CellWriter, job: Job, made: Made) -> None:
    """Put what was made on the disk: the files first, so that a row that is there has its files."""
    job.keep(made)
    cell.append(made.rows)
    job.written(made.restarts)


def replay(job: Job, progress: bool = True) -> dict:
    """Run the restart `only` again by itself and return its row; the cell's CSV stays as it is."""
    only = job.only
    if only is None:
        raise UserError("only=null: expected the number of a restart")
    job.remark(finished=0, missing=1)
    job = job.resumed()
    if not job.has_start:
        job = job.started(progress)
    job.describe_start()
    made = together(job.rows([[only]], progress))
    job.keep(made)
    return made.rows[0]


def record_failure(job: Job, error: BaseException) -> None:
    """Append a row that says the cell failed."""
    with CellWriter(job.path, job.configuration(), job.format) as cell:
        cell.append([job.failed_row(reason_of(error))])


def reason_of(error: BaseException) -> str:
    """An error as it stands in a row, on one line."""
    return visible(" ".join(f"{type(error).__name__}: {error}".split()))

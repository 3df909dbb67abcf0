"""Cells: the rows of one configuration, counted. CSV files go in, rates with their Wilson intervals come out."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from neurocomp import moved
from neurocomp.config import RunConfig, TaskConfig
from neurocomp.errors import UserError
from neurocomp.report.finding import find
from neurocomp.report.rates import Interval, wilson
from neurocomp.results.columns import RESTARTS, RowFormat

if TYPE_CHECKING:
    from pandas import DataFrame

    from neurocomp.results.typed_rows import TypedRows

# A measure of recovery, and what it asks of a restart.
METRICS = {
    "soft": "the soft machine ends with the right words on test examples",
    "hard": "the decompiled program, run exactly, does on test examples",
    "fit": "the soft machine does on the restart's own training examples",
    "general": "the decompiled program, run exactly, does on sizes it was not tuned on",
}


@dataclass(frozen=True)
class Rows:
    """One configuration: `table` has one row for each restart that ran, whatever came of it; failed runs left none.

    `facts` are what the rows share (None where unknown), `config` is the YAML beside the CSV, empty if there is none.
    `notes` and `problems` are what is to be said of the two files (see `rows_file`).
    """

    FORMAT: ClassVar[RowFormat]
    SUCH_AS: ClassVar[str]  # a key of such a configuration, for messages
    SHOWN: ClassVar[tuple[str, ...]]  # the facts that a summary has
    MEASURES: ClassVar[tuple[str, ...]]  # the keys of `measures`

    path: Path
    table: TypedRows
    config: dict
    facts: dict[str, Any]
    has_failed_rows: bool
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @staticmethod
    def settings() -> Any:
        """The configuration of such a cell, with its defaults: a dataclass."""
        raise NotImplementedError

    @functools.cached_property
    def rows(self) -> DataFrame:
        """The rows as a table of pandas."""
        return self.table.frame()

    @property
    def n(self) -> int:
        return len(self.table)

    @property
    def experiment(self) -> str:
        return self.config.get("name") or self.path.parent.name

    @property
    def requested(self) -> int | None:
        """The restarts that were asked for when the cell was begun; later runs may have added more."""
        return self.config.get("restarts")

    @property
    def complete(self) -> bool | None:
        """Whether the requested restarts are all there; None if nothing says how many were requested."""
        return None if self.requested is None else self.count_below(self.requested) == self.requested

    def count_below(self, restarts: int) -> int:
        """How many of the restarts 0, 1, ... below this number are there."""
        return int((self.table["restart"].values < restarts).sum())

    @property
    def failed(self) -> bool:
        """Whether a run of this cell raised, and the restarts it owes have not been made up for since."""
        return self.has_failed_rows and not self.complete

    @property
    def limited(self) -> int:
        """How many restarts their limit in seconds ended."""
        return int((self.table["status"].values == "limit").sum())

    def measures(self) -> dict[str, Any]:
        """What the rows come to, in numbers; None for what was not measured."""
        raise NotImplementedError

    def reached(self, measure: str) -> float | None:
        """The one number by which a sweeper that looks for the best cell judges this one."""
        raise NotImplementedError

    def texts(self) -> dict[str, str]:
        """Its line of `neurocomp show`: texts by their columns."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from neurocomp.report.shown import as_html

        return as_html(self.texts(), self.rows)

    def summary_line(self) -> dict[str, Any]:
        """The cell in numbers and text, ready for JSON."""
        return {
            "experiment": self.experiment,
            **{name: self.facts[name] for name in (*self.SHOWN, "seed", "config_hash")},
            "n": self.n,
            "requested": self.requested,
            "complete": self.complete,
            "failed": self.failed,
            "limited": self.limited,
            **self.measures(),
            **made_by(self),
            "path": str(self.path),
        }


class Report(Protocol):
    """What a machine's module of cells offers, whichever machine it is."""

    def read_cell(self, path: Path, details: bool = True) -> Rows:
        """The cell in one CSV file."""
        ...

    def each_cell(self, directory: Path, said: Said | None = None, details: bool = True) -> Iterator[Rows]:
        """All cells below a directory, one after the other."""
        ...

    def shown(self, line: dict[str, Any]) -> dict[str, str]:
        """A summary line of its cells as texts by their columns."""
        ...


class Cell(Rows):
    """A cell of the differentiable machine; facts: task, init, method, template, gamma, seed, config_hash."""

    FORMAT, SUCH_AS = RESTARTS, "machine.writeback"
    SHOWN = ("task", "init", "method", "gamma")
    MEASURES = (
        *(f"rate_{metric}" for metric in METRICS), *(f"recovered_{metric}" for metric in METRICS), "ci_low", "ci_high",
        "updates",
    )  # fmt: skip

    @staticmethod
    def settings() -> RunConfig:
        return RunConfig(TaskConfig(name="", base=2, registers=1, lines=1, steps=1))

    def recovered(self, metric: str) -> int | None:
        """How many restarts recovered; None if the measure was not taken here.

        It was not taken where the column is empty: the reference does not generalize, or the rows are older than
        the column. A single empty value is a restart that diverged, which did not recover.
        """
        recovered = self.table[f"recovered_{metric}"]
        if recovered.empty.all():
            all_diverged = self.n > 0 and bool((self.table["status"].values == "diverged").all())
            return 0 if all_diverged and metric != "general" else None
        return int(recovered.is_true.sum())

    def rate(self, metric: str) -> float | None:
        count = self.recovered(metric)
        return None if count is None else count / self.n

    def interval(self, metric: str) -> Interval | None:
        """The 95 % Wilson interval of the rate."""
        count = self.recovered(metric)
        return None if count is None else wilson(count, self.n)

    def measures(self) -> dict[str, Any]:
        """Counts and rates by each measure, the interval of `soft`, the median updates to recovery."""
        low, high = self.interval("soft") or (None, None)
        return {
            **{f"recovered_{metric}": self.recovered(metric) for metric in METRICS},
            **{f"rate_{metric}": self.rate(metric) for metric in METRICS},
            "ci_low": low,
            "ci_high": high,
            "updates": self.updates_to_recovery,
        }

    def texts(self) -> dict[str, str]:
        return shown(self.summary_line())

    def reached(self, measure: str) -> float | None:
        """The rate by this measure."""
        return self.rate(measure)

    @property
    def updates_to_recovery(self) -> float | None:
        """The median over the restarts that recovered."""
        updates = self.table["recovered_at"].known()
        return statistics.median(updates) if updates else None


def read_cell(path: Path, details: bool = True) -> Cell:
    """The cell in one CSV file, its configuration from the YAML file of the same name; see `read_file` on details."""
    return Cell(*read_parts(path, RESTARTS, _facts, details))


def read_parts(
    path: Path, format: RowFormat, facts: Callable[[TypedRows, dict], dict[str, Any]], details: bool
) -> tuple:
    """The fields of a `Rows`. Each restart counts once, by its first row; rows come in the order of restarts."""
    from neurocomp.results.configuration_file import read_configuration
    from neurocomp.results.rows_file import read_file

    found, problems, config = read_file(path, format, details), [], {}
    try:
        config = read_configuration(path.with_suffix(".yaml"))
    except UserError as error:
        problems.append(f"{error}; how many restarts were asked for is not known")
    has_failed = bool((found.table["status"].values == "failed").any())
    notes, problems = tuple(found.notes), (*found.problems, *problems)
    return path, _one_a_restart(found.table), config, facts(found.table, config), has_failed, notes, problems


def _one_a_restart(table: TypedRows) -> TypedRows:
    """The first row of each restart, in their order. The row of a failed run has no restart, and is none of them."""
    import numpy as np

    restart = table["restart"]
    if not restart.empty.any() and (restart.values[1:] > restart.values[:-1]).all():
        return table
    there = np.flatnonzero(~restart.empty)
    return table.take(there[np.unique(restart.values[there], return_index=True)[1]])


OneOf = TypeVar("OneOf", bound=Rows)


@dataclass
class Said:
    """What is to be said of the files below a directory: notes on files that count, and what is wrong with others."""

    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_cells(directory: Path, said: Said | None = None, details: bool = True) -> list[Cell]:
    """All cells below a directory (or in one file), by path; see `readable_cells`, and `read_file` on details."""
    return list(each_cell(directory, said, details))


def each_cell(directory: Path, said: Said | None = None, details: bool = True) -> Iterator[Cell]:
    """The same, one after the other."""
    found = find(directory)
    return readable_cells(found.cells, functools.partial(read_cell, details=details), found.problems, said)


def readable_cells(
    paths: list[Path], read: Callable[[Path], OneOf], problems: list[str], said: Said | None
) -> Iterator[OneOf]:
    """The cells that can be read. What is to be said, of other files and of these, is in `said` after the last one.

    Without it, UserError is raised in the end if a file is damaged or not ours.
    """
    added = Said(problems=list(problems))
    for path in paths:
        try:
            cell = read(path)
        except UserError as error:
            added.problems.append(str(error))
        else:
            added.notes += cell.notes
            added.problems += cell.problems
            yield cell
    if said is None and added.problems:
        raise UserError(*added.problems)
    if said is not None:
        said.notes += added.notes
        said.problems += added.problems


def _facts(table: TypedRows, config: dict) -> dict[str, Any]:
    names = ("task", "init", "method", "template", "gamma", "seed", "config_hash")
    if len(table):
        return {name: table[name].first() for name in names}
    task = config.get("task")  # a header without rows: all were of an incomplete batch
    return {name: config.get(name) for name in names} | {"task": task.get("name") if isinstance(task, dict) else task}


def made_by(cell: Rows) -> dict[str, str | None]:
    """The versions of neurocomp that made the rows, and the date of the last; None where no row says."""
    versions, dates = ([text for text in cell.table[name].distinct() if text] for name in ("version", "date"))
    return {"version": " ".join(sorted(versions)) or None, "date": max(dates, default=None)}


def aligned(rows: Sequence[dict[str, str]]) -> str:
    """Rows of texts under their keys, each column as wide as its widest text."""
    table = [list(rows[0]) if rows else [], *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in table]
    return "\n".join("  ".join(row).rstrip() for row in padded)


def state_of(line: dict[str, Any]) -> str:
    """How far a cell is, in a word, and how many restarts their limit ended."""
    state = "failed" if line["failed"] else {True: "complete", False: "incomplete", None: "-"}[line["complete"]]
    return f"{state}, {line['limited']} at limit" if line["limited"] else state


def shown(line: dict[str, Any]) -> dict[str, str]:
    """A summary line as texts by their columns; rates in percent, `-` for what there is not."""
    interval = "" if line["ci_low"] is None else f" ({percent(line['ci_low'])}-{percent(line['ci_high'])})"
    return {
        "experiment": line["experiment"],
        **{name: or_dash(line[name]) for name in ("task", "init", "method")},
        "gamma": or_dash(line["gamma"], "g"),
        "seed": or_dash(line["seed"]),
        "n": f"{line['n']}/{or_dash(line['requested'])}",
        "state": state_of(line),
        "soft %": percent(line["rate_soft"]) + interval,
        **{f"{metric} %": percent(line[f"rate_{metric}"]) for metric in METRICS if metric != "soft"},
        "updates": or_dash(line["updates"], "g"),
        "file": line["path"],
    }


def percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}"


def or_dash(value: Any, spec: str = "") -> str:
    """What there is, or `-`."""
    return "-" if value in (None, "") else format(value, spec)


if not TYPE_CHECKING:
    __getattr__ = moved.names_of(__name__, "neurocomp.report.rates", "neurocomp.report.finding")

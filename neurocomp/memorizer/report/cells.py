"""Cells of the memorizer: CSV files go in, a line of means and standard deviations comes out of each."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.report.cells import Rows, Said, or_dash, read_parts, readable_cells, state_of
from neurocomp.report.finding import find
from neurocomp.report.means import Sample, mean_text, sample
from neurocomp.results.columns import MEMORIZED

if TYPE_CHECKING:
    from neurocomp.results.typed_rows import TypedRows

FACTS = ("task", "language", "network", "data", "programs", "length", "label_smoothing", "check", "seed", "device",
         "precision", "config_hash")  # fmt: skip

MEMORIZED_ALL = "memorized"  # the status of a training that reached 100 %


class MemorizerCell(Rows):
    """A cell of the memorizer: its restarts are trainings. The keys of its facts are FACTS."""

    FORMAT, SUCH_AS = MEMORIZED, "training.check"
    SHOWN = ("task", "language", "network", "data", "programs")
    MEASURES = ("accuracy", "accuracy_a", "exact_rate", "memorized", "updates_mean", "updates_sd")

    @staticmethod
    def settings() -> MemorizerConfig:
        return MemorizerConfig()

    @property
    def memorized(self) -> int:
        """How many trainings reached 100 %."""
        return self.table["status"].values.tolist().count(MEMORIZED_ALL)

    def sample(self, column: str) -> Sample:
        """Mean and standard deviation of a column, where it is not empty."""
        return sample(self.table[column].known())

    def said(self, column: str) -> str:
        """What the rows say in a column; `2 4` where they do not agree."""
        return " ".join(sorted({str(value) for value in self.table[column].known()}))

    def measures(self) -> dict[str, Any]:
        """Trainings that reached 100 %, updates, and accuracies."""
        return {
            "memorized": self.memorized if self.facts["task"] == "memorize" else None,
            "updates_mean": self.updates.mean,
            "updates_sd": self.updates.sd,
            "accuracy": self.sample("accuracy").mean,
            "accuracy_a": self.sample("accuracy_a").mean,
            "exact_rate": self.sample("exact_rate").mean,
        }

    def texts(self) -> dict[str, str]:
        return shown(self.summary_line())

    def reached(self, measure: str) -> float | None:
        """The mean accuracy of its trainings, whatever the measure."""
        return self.sample("accuracy").mean

    @property
    def updates(self) -> Sample:
        """Of the updates until what was to be memorized was; of soft tasks, until the best accuracy.

        A training that was given up has no such number.
        """
        rows = self.table
        if self.facts["task"] == "memorize":
            rows = rows.take((rows["status"].values == MEMORIZED_ALL).nonzero()[0])
        return sample(rows["updates"].known())


def read_cell(path: Path, details: bool = True) -> MemorizerCell:
    """The cell in one CSV file, its configuration from the YAML file of the same name; its format has no details."""
    return MemorizerCell(*read_parts(path, MEMORIZED, _facts, details))


def read_cells(directory: Path, said: Said | None = None, details: bool = True) -> list[MemorizerCell]:
    """All cells below a directory (or in one file), by path; see `cells.readable_cells`."""
    return list(each_cell(directory, said, details))


def each_cell(directory: Path, said: Said | None = None, details: bool = True) -> Iterator[MemorizerCell]:
    """The same, one after the other."""
    found = find(directory)
    return readable_cells(found.memorized, functools.partial(read_cell, details=details), found.problems, said)


def _facts(table: TypedRows, config: dict) -> dict[str, Any]:
    if len(table):  # text is "" where it is unknown
        return {name: next((value for value in table[name].known() if value != ""), None) for name in FACTS}
    network = config.get("network")  # a header without rows: the only training was interrupted
    name = network.get("name") if isinstance(network, dict) else network
    return {name: config.get(name) for name in FACTS} | {"network": name}


SHOWN = ("experiment", "task", "language", "network", "data", "programs", "seed")


def shown(line: dict[str, Any]) -> dict[str, str]:
    """A summary line as texts by their columns; shares in percent, `-` for what there is not."""

    def share(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.2f}"

    return {
        **{key: or_dash(line[key]) for key in SHOWN},
        "n": f"{line['n']}/{or_dash(line['requested'])}",
        "state": state_of(line),
        "memorized": or_dash(line["memorized"]),
        "updates": mean_text(line["updates_mean"], line["updates_sd"], ".0f"),
        "accuracy %": share(line["accuracy"]),
        "accuracy A %": share(line["accuracy_a"]),
        "exact %": share(line["exact_rate"]),
        "file": line["path"],
    }


def machine_text(device: str | None, threads: str | None) -> str:
    """`cpu, 2 threads`."""
    if device != "cpu":
        return or_dash(device)
    return f"cpu, {threads} thread{'' if threads == '1' else 's'}"

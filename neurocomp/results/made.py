"""The results of some restarts as values: rows, and the files beside them. Who holds a cell's lock writes them."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurocomp.files import atomic_write


@dataclass(frozen=True)
class Made:
    """Rows of consecutive restarts of one chunk, and what is kept beside them where it was asked for.

    `files` are whole files by the end of their names: ".weights/3.safetensors" is <cell>.weights/3.safetensors.
    `curves` are losses after each update, by restart.
    """

    rows: list[dict[str, Any]]
    files: dict[str, bytes] = field(default_factory=dict)
    curves: dict[int, list[float]] = field(default_factory=dict)

    @property
    def restarts(self) -> list[int]:
        """The numbers of the restarts, in the order of the rows."""
        return [row["restart"] for row in self.rows]


def together(parts: Iterable[Made]) -> Made:
    """Several as one, with rows in the order of their restarts: those that took longest may have come last."""
    whole = Made([])
    for made in parts:
        whole.rows.extend(made.rows)
        whole.files.update(made.files)
        whole.curves.update(made.curves)
    whole.rows.sort(key=operator.itemgetter("restart"))
    return whole


def write_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Write whole files, named after the cell whose rows are at `path`."""
    for end, data in files.items():
        atomic_write(path.parent / (path.stem + end), data)

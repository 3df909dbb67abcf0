"""Rows by their columns: what counts need is taken from arrays; a DataFrame is made of them where one is asked for.

A DataFrame of a few rows takes milliseconds to make, arrays take microseconds: a folder may have 100,000 files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neurocomp.results.columns import RowFormat

if TYPE_CHECKING:
    from pandas import DataFrame

TYPES = {"integer": np.int64, "float": np.float64, "boolean": np.bool_, "batch": np.object_, "text": np.object_}
FILLED = {"integer": 0, "float": np.nan, "boolean": False, "batch": "", "text": ""}


class Column(NamedTuple):
    """The values of a column, and where it is empty (the value there means nothing). Text is never empty: it is ""."""

    values: np.ndarray
    empty: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """Where there is no value: where it is empty, or not a number."""
        return self.empty | np.isnan(self.values) if self.values.dtype == np.float64 else self.empty

    @property
    def is_true(self) -> np.ndarray:
        """Where a column of booleans says true."""
        return self.values & ~self.empty

    def known(self) -> list[Any]:
        """The values that there are, in the order of the rows."""
        missing = self.missing
        return (self.values[~missing] if missing.any() else self.values).tolist()

    def first(self) -> Any:
        """The value of the first row; None where there is none."""
        return next(iter(Column(self.values[:1], self.empty[:1]).known()), None)

    def distinct(self) -> list[Any]:
        """Each value once, in the order of the rows; None for where there is none."""
        values, missing = self.values.tolist(), self.missing
        if missing.any():
            values = [None if lacks else value for value, lacks in zip(values, missing.tolist(), strict=True)]
        return list(dict.fromkeys(values))


@dataclass(frozen=True, eq=False)
class TypedRows:
    """Rows of a file: the columns of its format and those that only the file has, `names` in this order."""

    columns: Mapping[str, Column]  # those that the file has
    names: tuple[str, ...]
    format: RowFormat
    count: int

    def __len__(self) -> int:
        return self.count

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Column:
        """The values of a column, [rows]; all empty where the file is older than the column."""
        if name in self.columns:
            return self.columns[name]
        if name not in self.names:
            raise KeyError(name)
        kind = self.format.kind(name)
        is_text = kind in ("text", "batch")
        return Column(np.full(self.count, FILLED[kind], TYPES[kind]), np.full(self.count, not is_text))

    def take(self, rows: np.ndarray) -> TypedRows:
        """These rows, given by their numbers, in this order."""
        taken = {name: Column(of.values[rows], of.empty[rows]) for name, of in self.columns.items()}
        return replace(self, columns=taken, count=len(rows))

    def without(self, names: Collection[str]) -> TypedRows:
        """The same rows without these columns."""
        kept = {name: column for name, column in self.columns.items() if name not in names}
        return replace(self, columns=kept, names=tuple(name for name in self.names if name not in names))

    def frame(self) -> DataFrame:
        """A new table of pandas: what is empty is NA, or "" in a column of text."""
        import pandas as pd

        return pd.DataFrame({name: _of_pandas(self.format.kind(name), self[name]) for name in self.names})


def _of_pandas(kind: str, column: Column) -> Any:
    import pandas as pd

    if kind == "integer":
        return pd.arrays.IntegerArray(*column)
    if kind == "boolean":
        return pd.arrays.BooleanArray(*column)
    return pd.Series(column.values, dtype=column.values.dtype, copy=False)  # text as objects: nothing is converted

"""A CSV of input/output examples as a task: start words and final words, one example a row.

Columns `m0, m1, ...` and `r0, ...` hold start words, `m0_final, ...` and `r0_final, ...` final ones. A start word
without a column is drawn as the task file says; every checked word needs its `_final` column. The columns say which
start words matter: rows that agree in them are one input, and must agree in the checked words.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.files import read_text
from neurocomp.limits.checking import check, most
from neurocomp.limits.estimates import BYTE_OF_EXAMPLES, file_of_examples
from neurocomp.machine_config import Sizes
from neurocomp.seeding import SHARED, generator
from neurocomp.text import SHOWN, lines, whole_number

COLUMN = re.compile(r"([mr])([0-9]{1,9})(_final)?")
FEWEST = 4  # inputs that a file needs, so that test, validation and training have one each


@dataclass(frozen=True, eq=False)
class ExampleTable:
    """The words of the file's different inputs, -1 where it has no column: memory cells first, then registers."""

    start: np.ndarray  # [N, A + R]
    final: np.ndarray  # [N, A + R]
    digest: str

    @property
    def given(self) -> list[int]:
        """The places of the start words that have a column."""
        return np.flatnonzero(self.start[0] >= 0).tolist()

    def _shuffled(self, seed: int) -> np.ndarray:
        return generator(seed, SHARED, "split").permutation(len(self.start))

    # A half of the inputs is for test, a quarter for validation, the rest for training.

    def test(self, seed: int) -> np.ndarray:
        rows = self._shuffled(seed)
        return rows[: len(rows) // 2]

    def validation(self, seed: int) -> np.ndarray:
        rows = self._shuffled(seed)
        return rows[len(rows) // 2 : len(rows) * 3 // 4]

    def training(self, seed: int) -> np.ndarray:
        rows = self._shuffled(seed)
        return rows[len(rows) * 3 // 4 :]


class _Row(NamedTuple):
    """The fields of a line of the file; `where` is FILE:LINE."""

    where: str
    fields: list[str]


def read_examples(
    path: Path, sizes: Sizes, checked_memory: tuple[int, ...], checked_registers: tuple[int, ...], limits: LimitsConfig
) -> ExampleTable:
    """The table in `path`.

    Raises UserError: for what takes more memory than `limits`, for a word that is not 0..b-1 in any row, for rows that
    contradict each other, for too few inputs.
    """
    text = read_text(path, most(limits, BYTE_OF_EXAMPLES))
    rows = [_row(path, number, line) for number, line in enumerate(lines(text), start=1) if line.strip()]
    if len(rows) < 2:
        raise UserError(f"{path}: no examples; expected a header like m0,m1,m0_final and a row for each example")
    names = [name.strip() for name in rows[0].fields]
    places = [_place(path, name, sizes) for name in names]
    if len(set(places)) < len(places):
        raise UserError(f"{path}: a column occurs twice in {','.join(rows[0].fields)}")
    checked = {
        name: _place(path, name, sizes)
        for name in [f"m{cell}_final" for cell in checked_memory] + [f"r{index}_final" for index in checked_registers]
    }
    if missing := [name for name, place in checked.items() if place not in places]:
        raise UserError(f"{path}: checked words without a column: {', '.join(sorted(missing))}")
    start, final = _words(path, rows[1:], names, places, sizes, limits)
    first = _first_rows(start)
    _refuse(_contradictions(rows[1:], first, final[:, [index for _, index in checked.values()]], list(checked)))
    kept = np.unique(first)
    if len(kept) < FEWEST:
        apart = f"test, validation and training need at least {FEWEST}, to have inputs of their own"
        raise UserError(f"{path}: {len(kept)} different input{'' if len(kept) == 1 else 's'}; {apart}")
    return ExampleTable(start[kept], final[kept], _digest(text, repeated=len(kept) < len(first)))


def _words(
    path: Path, rows: list[_Row], names: list[str], places: list[tuple[bool, int]], sizes: Sizes, limits: LimitsConfig
) -> tuple[np.ndarray, np.ndarray]:
    """The start and the final words of the rows, each [N, A + R], -1 where there is no column."""
    count = len(rows)
    names_of = {"base": "task.base", "registers": "task.registers", "rows": f"rows={count}"}
    check(limits, file_of_examples, names_of, f"{path}: ", base=sizes.base, registers=sizes.registers, rows=count)
    start, final = (np.full((count, sizes.base + sizes.registers), -1) for _ in range(2))
    _refuse(_fill(rows, names, places, sizes.base, start, final))
    return start, final


def _digest(text: str, repeated: bool) -> str:
    """The same for equal files, whatever ends their lines. A file with repeated inputs was once split by rows."""
    ended = re.sub(r"\r\n|\r", "\n", text)
    return hashlib.sha256(ended.encode()).hexdigest()[:16] + ("-inputs" if repeated else "")


def _row(path: Path, number: int, line: str) -> _Row:
    try:
        return _Row(f"{path}:{number}", next(csv.reader([line], strict=True)))
    except csv.Error as error:
        raise UserError(f"{path}:{number}: cannot be read ({error}); expected words with commas between") from None


def _refuse(mistakes: Iterator[str]) -> None:
    """Raise UserError with the first mistakes, and how many more there are. The others are counted, not kept."""
    if shown := list(islice(mistakes, SHOWN)):
        raise UserError(*shown, more=sum(1 for _ in mistakes))


def _fill(
    rows: list[_Row], names: list[str], places: list[tuple[bool, int]], base: int, start: np.ndarray, final: np.ndarray
) -> Iterator[str]:
    """Put the words of all rows into `start` and `final`; what is wrong with them is yielded."""
    for number, row in enumerate(rows):
        if len(row.fields) != len(places):
            yield f"{row.where}: {len(row.fields)} words, expected {len(places)}"
            continue
        for (is_final, index), name, field in zip(places, names, row.fields, strict=True):
            word = whole_number(field)
            if word is None or not 0 <= word < base:
                given = field if len(field) <= 40 else f"{field[:40]}..."
                yield f'{row.where}: {name} is "{given}", expected a word 0..{base - 1}'
            else:
                (final if is_final else start)[number, index] = word


def _first_rows(start: np.ndarray) -> np.ndarray:
    """The number of the first row with the same start words, for each row [N]."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(words.tobytes(), row) for row, words in enumerate(start)])


def _contradictions(rows: list[_Row], first: np.ndarray, checked: np.ndarray, names: list[str]) -> Iterator[str]:
    """Rows with the start words of an earlier one and another checked word [N, C]; `names` are those of the words."""
    for row in np.flatnonzero((checked != checked[first]).any(axis=1)).tolist():
        word = int(np.flatnonzero(checked[row] != checked[first[row]])[0])
        ends = f"{names[word]} is {checked[first[row], word]} and {checked[row, word]}"
        yield f"{rows[int(first[row])].where} and {rows[row].where}: the same start words, but {ends}"


def _place(path: Path, name: str, sizes: Sizes) -> tuple[bool, int]:
    """Whether a column holds final words, and the index of its word: cells first, then registers."""
    match = COLUMN.fullmatch(name)
    if match is None:
        raise UserError(f'{path}: column "{name}"; expected m0, m1, ..., r0, ..., m0_final, ..., r0_final, ...')
    kind, index, final = match[1], int(match[2]), bool(match[3])
    size = sizes.base if kind == "m" else sizes.registers
    if index >= size:
        kinds = "cells" if kind == "m" else "registers"
        raise UserError(f'{path}: column "{name}"; the machine has {kinds} 0..{size - 1}')
    return final, index if kind == "m" else sizes.base + index

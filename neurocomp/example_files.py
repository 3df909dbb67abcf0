"""A CSV of input/output examples as a task: start words and final words, one example a row.

Columns `m0, m1, ...` and `r0, ...` hold start words, `m0_final, ...` and `r0_final, ...` final ones. A start word
without a column is drawn as the task file says; every checked word needs its `_final` column.
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurocomp.config import Sizes, UserError
from neurocomp.seeding import SHARED, generator

COLUMN = re.compile(r"([mr])(\d{1,9})(_final)?", re.ASCII)
DIGITS = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, eq=False)
class ExampleTable:
    """The words of a file, -1 where it has no column: memory cells first, then registers."""

    start: np.ndarray  # [N, A + R]
    final: np.ndarray  # [N, A + R]
    digest: str

    def _shuffled(self, seed: int) -> np.ndarray:
        return generator(seed, SHARED, "split").permutation(len(self.start))

    # From 4 rows on: a half for test, a quarter for validation, the rest for training. Fewer serve all three.

    def test(self, seed: int) -> np.ndarray:
        rows = self._shuffled(seed)
        return rows[: len(rows) // 2] if len(rows) >= 4 else rows

    def validation(self, seed: int) -> np.ndarray:
        rows = self._shuffled(seed)
        return rows[len(rows) // 2 : len(rows) * 3 // 4] if len(rows) >= 4 else rows

    def training(self, seed: int) -> np.ndarray:
        rows = self._shuffled(seed)
        return rows[len(rows) * 3 // 4 :] if len(rows) >= 4 else rows


def read_examples(
    path: Path, sizes: Sizes, checked_memory: tuple[int, ...], checked_registers: tuple[int, ...]
) -> ExampleTable:
    """The table in `path`; UserError names every row and column with a word that is not 0..b-1."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = list(csv.reader(text.splitlines()))
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    except (OSError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(lines) < 2:
        raise UserError(f"{path}: no examples; expected a header like m0,m1,m0_final and a row for each example")
    places = [_place(path, name.strip(), sizes) for name in lines[0]]
    if len(set(places)) < len(places):
        raise UserError(f"{path}: a column occurs twice in {','.join(lines[0])}")
    needed = [f"m{cell}_final" for cell in checked_memory] + [f"r{index}_final" for index in checked_registers]
    if missing := set(needed) - {name.strip() for name in lines[0]}:
        raise UserError(f"{path}: checked words without a column: {', '.join(sorted(missing))}")
    words = {final: np.full((len(lines) - 1, sizes.base + sizes.registers), -1) for final in (False, True)}
    mistakes = []
    for row, fields in enumerate(lines[1:]):
        if len(fields) != len(places):
            mistakes.append(f"{path}:{row + 2}: {len(fields)} words, expected {len(places)}")
            continue
        for (final, index), name, field in zip(places, lines[0], fields, strict=True):
            if not DIGITS.fullmatch(field.strip()) or int(field) >= sizes.base:
                mistakes.append(f'{path}:{row + 2}: {name.strip()} is "{field}", expected a word 0..{sizes.base - 1}')
            else:
                words[final][row, index] = int(field)
    if mistakes:
        raise UserError("\n".join(mistakes))
    return ExampleTable(words[False], words[True], hashlib.sha256(text.encode()).hexdigest()[:16])


def _place(path: Path, name: str, sizes: Sizes) -> tuple[bool, int]:
    """Whether a column holds final words, and the index of its word: cells first, then registers."""
    match = COLUMN.fullmatch(name)
    if not match:
        raise UserError(f'{path}: column "{name}"; expected m0, m1, ..., r0, ..., m0_final, ..., r0_final, ...')
    kind, index, final = match[1], int(match[2]), bool(match[3])
    size = sizes.base if kind == "m" else sizes.registers
    if index >= size:
        kinds = "cells" if kind == "m" else "registers"
        raise UserError(f'{path}: column "{name}"; the machine has {kinds} 0..{size - 1}')
    return final, index if kind == "m" else sizes.base + index

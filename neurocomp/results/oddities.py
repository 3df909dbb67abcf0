"""Oddities of rows that can be read: which are errors, which are only said, and which rows count."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurocomp.errors import UserError
from neurocomp.results.columns import CIRCUMSTANCES
from neurocomp.results.typed_rows import Column, TypedRows

NAMED = 5  # lines of one kind that are named


class Lines(NamedTuple):
    """The numbers of lines, by row; the header may stand in the middle again."""

    path: Path
    repeated: list[int]

    def number(self, row: int) -> int:
        line = row + 2
        for header in self.repeated:
            line += header <= line
        return line


def check_rows(lines: Lines, table: TypedRows) -> None:
    """Raise UserError for a row that is none of this cell: another configuration's, or one that lost its restart."""
    lost = table["restart"].empty & (table["status"].values != "failed")
    if lost.any():
        row = int(lost.argmax())
        expected = f'expected a number where status is "{table["status"].values[row]}"'
        raise UserError(f'{lines.path}:{lines.number(row)}: restart is "", {expected}')
    hashes = table["config_hash"].values.tolist()
    given = [text for text in dict.fromkeys(hashes) if text]
    if len(given) > 1:
        rows = [hashes.index(text) for text in given[:2]]
        first, other = (f'"{text}"' for text in given[:2])
        place = f"{lines.path}:{lines.number(rows[1])}: config_hash is {other}"
        raise UserError(f"{place}, expected {first} as in line {lines.number(rows[0])}: it is a row of another cell")


def header_notes(lines: Lines) -> list[str]:
    return [f"{lines.path}:{number}: the header stands here again; passed over" for number in lines.repeated[:NAMED]]


def torn_notes(path: Path, line: int, torn: int) -> list[str]:
    return [f"{path}:{line}: the last line has no end ({torn} bytes); it is not counted"] if torn else []


def doubled_notes(lines: Lines, table: TypedRows, restarts: np.ndarray) -> tuple[list[str], list[str]]:
    """Notes and problems where several rows are of one restart: the first of them counts."""
    first, later = doubled_rows(restarts)
    if not len(later):
        return [], []
    unlike = {name: _differs(table[name], first, later) for name in table.names}
    outcome = np.zeros(len(later), bool)
    for name, differs in unlike.items():
        if name not in CIRCUMSTANCES:
            outcome |= differs
    at, again = lines.number(int(first[0])), lines.number(int(later[0]))
    count = f"{len(later)} row{'s repeat restarts that stand' if len(later) > 1 else ' repeats a restart that stands'}"
    notes = [f"{lines.path}: {count} further up (line {again} has that of line {at}); each restart is counted once"]
    problems = []
    for place in np.flatnonzero(outcome):
        columns = ", ".join(name for name, differs in unlike.items() if differs[place])
        line, of = lines.number(int(later[place])), lines.number(int(first[place]))
        unlike_first = f"restart {restarts[later[place]]} is unlike that of line {of} in {columns}"
        problems.append(f"{lines.path}:{line}: {unlike_first}; line {of} counts")
        if len(problems) == NAMED and outcome.sum() > NAMED:
            problems.append(f"{lines.path}: {outcome.sum() - NAMED} more rows are unlike others of their restarts")
            break
    return notes, problems


def doubled_rows(restarts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are not the first of their restart, after the first ones of these."""
    if (restarts[1:] > restarts[:-1]).all():
        return np.empty(0, np.intp), np.empty(0, np.intp)
    _, firsts, place = np.unique(restarts, return_index=True, return_inverse=True)
    first = firsts[place]
    later = np.flatnonzero((first != np.arange(len(restarts))) & (restarts >= 0))
    return first[later], later


def _differs(column: Column, first: np.ndarray, later: np.ndarray) -> np.ndarray:
    values, missing = column.values, column.missing
    both = missing[first] & missing[later]
    equal = (values[first] == values[later]) & ~missing[first] & ~missing[later]
    return ~(equal.astype(bool) | both)


class Batches(NamedTuple):
    """The labels of batches, their first and last restart, and by row the batch it is of (-1: none)."""

    labels: list[str]
    first: np.ndarray
    last: np.ndarray
    of_row: np.ndarray


def batches_of(table: TypedRows) -> Batches:
    given = table["batch"].values.tolist()
    labels = list(dict.fromkeys(given))
    places = {label: place for place, label in enumerate(labels)}
    ends = [label.split("-") if label else ("-1", "-1") for label in labels]
    first, last = (np.array([int(end[place]) for end in ends], np.int64) for place in (0, 1))
    return Batches(labels, first, last, np.array([places[label] for label in given], np.int64))


def check_batches(lines: Lines, restarts: np.ndarray, batches: Batches) -> None:
    """Raise UserError for a restart that is outside its batch: one of the two numbers is damaged."""
    first, last = batches.first[batches.of_row], batches.last[batches.of_row]
    outside = (first >= 0) & (restarts >= 0) & ((restarts < first) | (restarts > last))
    if outside.any():
        row = int(outside.argmax())
        label = batches.labels[batches.of_row[row]]
        expected = f"expected one of its batch {label}"
        raise UserError(f"{lines.path}:{lines.number(row)}: restart is {restarts[row]}, {expected}")


def batch_notes(path: Path, restarts: np.ndarray, batches: Batches) -> list[str]:
    """Notes about batches with restarts that are nowhere in the file."""
    present = restarts[restarts >= 0]
    if not (present[1:] > present[:-1]).all():
        present = np.unique(present)
    begin, end = np.searchsorted(present, batches.first), np.searchsorted(present, batches.last, "right")
    lacking = np.where(batches.first >= 0, batches.last - batches.first + 1 - (end - begin), 0)
    notes = []
    for batch in np.flatnonzero(lacking)[:NAMED]:
        first, here = int(batches.first[batch]), present[begin[batch] : end[batch]]
        gaps = np.flatnonzero(here != np.arange(first, first + len(here)))
        at = first + (int(gaps[0]) if len(gaps) else len(here))
        more = f" and {lacking[batch] - 1} more are" if lacking[batch] > 1 else " is"
        rows = "row is" if len(here) == 1 else f"{len(here)} rows are"
        notes.append(f"{path}: batch {batches.labels[batch]}: restart {at}{more} missing; the other {rows} counted")
    if (lacking > 0).sum() > NAMED:
        notes.append(f"{path}: {(lacking > 0).sum() - NAMED} more batches lack rows")
    return notes

r"""A results file as it is read: its header, its rows, and what is odd about them. Nothing here writes.

Only bytes after the last \n are torn (a kill, a full disk): they are no row. Every other line is a row that counts, or
the file is refused with the number of the line. What is odd and yet readable (a row that stands there twice, a restart
that its batch lacks) is said: `notes` are harmless, `problems` say that the numbers may mean something else.
"""

from __future__ import annotations

import difflib
import functools
import time
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from neurocomp.columns import CIRCUMSTANCES, RowFormat
from neurocomp.config import UserError, did_you_mean
from neurocomp.files import readable
from neurocomp.row_lines import (
    FILLED,
    TYPES,
    Column,
    Damaged,
    Layout,
    read_carefully,
    split_line,
)

if TYPE_CHECKING:
    from pandas import DataFrame

BLOCK = 1 << 19  # bytes that are taken apart at once
LARGE = 1 << 23  # bytes of a file from which on it pays to load compiled code
LONGEST_HEADER, LONGEST_LINE = 1 << 16, 1 << 20
SETTLED = 2.0  # seconds after which a change is sure to have another time than the one before
NAMED = 5  # lines of one kind that are named


class RowsFile(NamedTuple):
    """The header, the rows in the order of the file, what is to be said of them, and where the last whole line ends.

    `end` is 0 for an empty file. Bytes behind it are torn.
    """

    header: list[str]
    rows: DataFrame
    notes: list[str]
    problems: list[str]
    end: int


def read_rows(path: Path, format: RowFormat) -> DataFrame:
    """All rows of a file, failed ones included, with types: what is empty is NA, or "" in a column of text.

    Raises UserError that names the file, and the line where one is damaged.
    """
    return read_file(path, format).rows


def read_file(path: Path, format: RowFormat, details: bool = True) -> RowsFile:
    """Read a file, unless it is the one that was read last and still holds the same. Raises UserError.

    Without `details`, the rows lack the columns `format.details`; a damaged value in them is an error all the same.
    """
    path = Path(path)
    with readable(path):
        found = _read(path, format, _state(path), details)
    return found._replace(rows=found.rows.copy(deep=False))


def _state(path: Path) -> Hashable:
    """Equal for equal contents. A file that is so new that another change may share its time equals nothing."""
    stat = path.stat()
    settled = time.time() - stat.st_ctime > SETTLED
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) if settled else object()


@functools.lru_cache(maxsize=1)  # a run asks for the same file before, while and after it writes
def _read(path: Path, format: RowFormat, state: Hashable, details: bool) -> RowsFile:
    with path.open("rb") as file:
        first = file.readline(LONGEST_HEADER)
        if not first:
            return RowsFile(list(format.columns), _frame(_wanted([], format, details), 0, format), [], [], 0)
        header = read_header(path, first, format)
        found = _read_lines(path, file, Layout.of(header, format, details))
    frame = _frame(_wanted(header, format, details) | found.columns, found.rows, format)
    lines = Lines(path, found.repeated)
    restarts, batches = frame["restart"].to_numpy(np.int64, na_value=-1), _batches(frame)
    _check_rows(lines, frame)
    _check_batches(lines, restarts, batches)
    if not details and len(_doubled(restarts)[0]):  # whether doubled rows are unlike is seen in all columns
        whole = _read(path, format, state, details=True)
        return whole._replace(rows=whole.rows.drop(columns=[name for name in format.details if name in whole.rows]))
    doubled, contradicting = _of_doubled(lines, frame, restarts)
    torn = _of_torn(path, 2 + found.rows + len(found.repeated), found.torn)
    notes = [*_of_headers(lines), *torn, *doubled, *_of_batches(path, restarts, batches)]
    return RowsFile(header, frame, notes, contradicting, found.end)


class ReadLines(NamedTuple):
    """What whole lines say: columns with room for `rows` values and more, the lines where the header stands again,
    where the last whole line ends, and how many bytes there are behind it.
    """  # fmt: skip

    columns: dict[str, Column]
    rows: int
    repeated: list[int]
    end: int
    torn: int


def _read_lines(path: Path, file: BinaryIO, layout: Layout) -> ReadLines:
    """All lines behind the header, up to where the file ends now: another process may append meanwhile."""
    end, until = file.tell(), path.stat().st_size
    at_most, kinds = _count_lines(path, until), [layout.kinds[place] for place in layout.kept]
    columns = [Column(np.empty(at_most, TYPES[kind]), np.empty(at_most, bool)) for kind in kinds]
    rows, repeated = 0, []
    for block in _blocks(file, until):
        new, again = _columns(path, block, layout, 2 + rows + len(repeated), until >= LARGE)
        for column, part in zip(columns, new, strict=True):
            column.values[rows : rows + len(part.values)] = part.values
            column.empty[rows : rows + len(part.values)] = part.empty
        repeated += again
        rows, end = rows + len(new[0].values), end + len(block)
    names = (layout.header[place] for place in layout.kept)
    return ReadLines(dict(zip(names, columns, strict=True)), rows, repeated, end, until - end)


def _wanted(header: list[str], format: RowFormat, details: bool) -> dict[str, Column | None]:
    """The columns of the format and then those that only the file has, in this order, each still without values."""
    return {name: None for name in [*format.columns, *header] if details or name not in format.details}


def _blocks(file: BinaryIO, until: int) -> Iterator[bytes]:
    """What is left of the file up to the last newline before the byte `until`, in blocks of whole lines."""
    rest = b""
    while chunk := file.read(min(BLOCK, until - file.tell())):
        whole = chunk.rfind(b"\n") + 1
        if whole:
            yield rest + chunk[:whole]
            rest = chunk[whole:]
        else:
            rest += chunk


def _columns(
    path: Path, block: bytes, layout: Layout, line: int, large: bool
) -> tuple[list[Column], list[int]]:
    if large and (columns := _read_plainly(block, layout)) is not None:
        return columns, []
    try:
        return read_carefully(block, layout, line)
    except Damaged as damage:
        raise UserError(f"{path}:{damage}") from None


def _read_plainly(block: bytes, layout: Layout) -> list[Column] | None:
    from neurocomp.row_scan import read_plainly

    return read_plainly(block, layout)


def read_header(path: Path, line: bytes, format: RowFormat) -> list[str]:
    """The columns that the first line of a file names. Raises UserError unless it is one of ours."""
    try:
        if not line.endswith(b"\n"):
            raise Damaged("it has no whole first line")
        header = split_line(line.removesuffix(b"\n").removeprefix(b"\xef\xbb\xbf"))
        _check_header(header, format)
    except Damaged as damage:
        raise UserError(f"{path}:1: not a results file of neurocomp ({damage})") from None
    return header


def _check_header(header: list[str], format: RowFormat) -> None:
    """Raise Damaged unless all required columns are there, none twice, and none looks like another that is missing."""
    if len(header) == 1 and ";" in header[0]:
        raise Damaged('its columns are separated by ";", expected ","')
    if missing := [column for column in format.required if column not in header]:
        raise Damaged(f"its header lacks {', '.join(missing)}")
    if twice := [column for column in header if header.count(column) > 1 or not column]:
        raise Damaged(f'its header has "{twice[0]}" twice' if twice[0] else "its header has a column without a name")
    matcher = difflib.SequenceMatcher(None, format.columns, header, autojunk=False)
    for change, start, end, begin, stop in matcher.get_opcodes():
        given, expected = header[begin:stop], list(format.columns[start:end])
        at_the_end = end == len(format.columns)  # an older file with a column of its own, or of a newer neurocomp
        if change == "replace" and (not at_the_end or any(did_you_mean(name, expected) for name in given)):
            raise Damaged(f'its header has "{given[0]}" where "{expected[0]}" is expected')


def _frame(columns: dict[str, Column | None], rows: int, format: RowFormat) -> DataFrame:
    """These columns with their types, and empty ones where the file has none."""
    import pandas as pd

    typed = {}
    for name, given in columns.items():
        kind = format.kind(name)
        column = given or Column(np.full(rows, FILLED[kind], TYPES[kind]), np.ones(rows, bool))
        typed[name] = _typed(kind, Column(column.values[:rows], column.empty[:rows]))
    return pd.DataFrame(typed, copy=False)


def _count_lines(path: Path, until: int) -> int:
    lines = 0
    with path.open("rb") as file:
        while chunk := file.read(min(LONGEST_LINE, until - file.tell())):
            lines += (found := chunk.count(b"\n"))
            if not found and len(chunk) == LONGEST_LINE:  # a sparse file may seem to have any size
                raise UserError(f"{path}:{lines + 1}: has no end within {LONGEST_LINE:,} bytes, expected a row")
    return lines


def _typed(kind: str, column: Column):
    import pandas as pd

    if kind == "integer":
        return pd.arrays.IntegerArray(*column)
    if kind == "boolean":
        return pd.arrays.BooleanArray(*column)
    return pd.Series(column.values, dtype=column.values.dtype, copy=False)  # text as objects: nothing is converted


# --- what is odd


class Lines(NamedTuple):
    """The numbers of lines, by row; the header may stand in the middle again."""

    path: Path
    repeated: list[int]

    def number(self, row: int) -> int:
        line = row + 2
        for header in self.repeated:
            line += header <= line
        return line


def _check_rows(lines: Lines, frame: DataFrame) -> None:
    """Raise UserError for a row that is none of this cell: another configuration's, or one that lost its restart."""
    lost = (frame["restart"].isna() & (frame["status"] != "failed")).to_numpy(bool)
    if lost.any():
        row = int(lost.argmax())
        expected = f'expected a number where status is "{frame["status"].iloc[row]}"'
        raise UserError(f'{lines.path}:{lines.number(row)}: restart is "", {expected}')
    codes, hashes = frame["config_hash"].factorize()
    given = [code for code, text in enumerate(hashes) if text]
    if len(given) > 1:
        rows = [int((codes == code).argmax()) for code in given[:2]]
        first, other = (f'"{hashes[code]}"' for code in given[:2])
        place = f"{lines.path}:{lines.number(rows[1])}: config_hash is {other}"
        raise UserError(f"{place}, expected {first} as in line {lines.number(rows[0])}: it is a row of another cell")


def _of_headers(lines: Lines) -> list[str]:
    return [f"{lines.path}:{number}: the header stands here again; passed over" for number in lines.repeated[:NAMED]]


def _of_torn(path: Path, line: int, torn: int) -> list[str]:
    return [f"{path}:{line}: the last line has no end ({torn} bytes); it is not counted"] if torn else []


def _of_doubled(lines: Lines, frame: DataFrame, restarts: np.ndarray) -> tuple[list[str], list[str]]:
    """What is to be said where several rows are of one restart: the first of them counts."""
    first, later = _doubled(restarts)
    if not len(later):
        return [], []
    unlike = {name: _differs(frame[name], first, later) for name in frame.columns}
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


def _doubled(restarts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are not the first of their restart, after the first ones of these."""
    if (restarts[1:] > restarts[:-1]).all():
        return np.empty(0, np.intp), np.empty(0, np.intp)
    _, firsts, place = np.unique(restarts, return_index=True, return_inverse=True)
    first = firsts[place]
    later = np.flatnonzero((first != np.arange(len(restarts))) & (restarts >= 0))
    return first[later], later


def _differs(values, first: np.ndarray, later: np.ndarray) -> np.ndarray:
    one, two = values.iloc[first].reset_index(drop=True), values.iloc[later].reset_index(drop=True)
    equal = (one == two).fillna(False) | (one.isna() & two.isna())
    return ~equal.to_numpy(bool)


class Batches(NamedTuple):
    """The labels of batches, their first and last restart, and by row the batch it is of (-1: none)."""

    labels: list[str]
    first: np.ndarray
    last: np.ndarray
    of_row: np.ndarray


def _batches(frame: DataFrame) -> Batches:
    if "batch" not in frame:
        return Batches([], np.empty(0, np.int64), np.empty(0, np.int64), np.full(len(frame), -1))
    codes, labels = frame["batch"].factorize()
    ends = [label.split("-") if label else ("-1", "-1") for label in labels]
    first, last = (np.array([int(end[place]) for end in ends], np.int64) for place in (0, 1))
    return Batches(list(labels), first, last, codes)


def _check_batches(lines: Lines, restarts: np.ndarray, batches: Batches) -> None:
    """Raise UserError for a restart that is outside its batch: one of the two numbers is damaged."""
    first, last = batches.first[batches.of_row], batches.last[batches.of_row]
    outside = (first >= 0) & (restarts >= 0) & ((restarts < first) | (restarts > last))
    if outside.any():
        row = int(outside.argmax())
        label = batches.labels[batches.of_row[row]]
        expected = f"expected one of its batch {label}"
        raise UserError(f"{lines.path}:{lines.number(row)}: restart is {restarts[row]}, {expected}")


def _of_batches(path: Path, restarts: np.ndarray, batches: Batches) -> list[str]:
    """What is to be said of batches whose restarts are not all in the file, in whatever batch they are."""
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

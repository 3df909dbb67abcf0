r"""Reading a results file: its header, its rows, and what is odd about them. Nothing here writes.

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

from neurocomp.errors import UserError, did_you_mean
from neurocomp.files import readable
from neurocomp.results.columns import RowFormat
from neurocomp.results.oddities import (
    Lines,
    batch_notes,
    batches_of,
    check_batches,
    check_rows,
    doubled_notes,
    doubled_rows,
    header_notes,
    torn_notes,
)
from neurocomp.results.row_lines import Damaged, Layout, read_carefully, split_line
from neurocomp.results.typed_rows import TYPES, Column, TypedRows

if TYPE_CHECKING:
    from pandas import DataFrame

BLOCK = 1 << 19  # bytes that are taken apart at once
LARGE = 1 << 23  # bytes, of one file or of all so far, from which on it pays to load compiled code
LONGEST_HEADER, LONGEST_LINE = 1 << 16, 1 << 20
SETTLED = 2.0  # seconds after which a change is sure to have another time than the one before


class RowsFile(NamedTuple):
    """The header, the rows in the order of the file, what is to be said of them, and where the last whole line ends.

    `end` is 0 for an empty file. Bytes behind it are torn.
    """

    header: tuple[str, ...]
    table: TypedRows
    notes: list[str]
    problems: list[str]
    end: int

    @property
    def rows(self) -> DataFrame:
        """The rows as a new table of pandas."""
        return self.table.frame()


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
        return _read(path, format, _state(path), details)


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
            return RowsFile(format.columns, TypedRows({}, _names((), format, details), format, 0), [], [], 0)
        header = read_header(path, first, format)
        found = _read_lines(path, file, Layout.of(header, format, details))
    table = TypedRows(found.columns, _names(header, format, details), format, found.rows)
    lines = Lines(path, found.repeated)
    restarts, batches = np.where(table["restart"].empty, -1, table["restart"].values), batches_of(table)
    check_rows(lines, table)
    check_batches(lines, restarts, batches)
    if not details and len(doubled_rows(restarts)[0]):  # whether doubled rows are unlike is seen in all columns
        whole = _read(path, format, state, details=True)
        return whole._replace(table=whole.table.without(format.details))
    doubled, contradicting = doubled_notes(lines, table, restarts)
    torn = torn_notes(path, 2 + found.rows + len(found.repeated), found.torn)
    notes = [*header_notes(lines), *torn, *doubled, *batch_notes(path, restarts, batches)]
    return RowsFile(header, table, notes, contradicting, found.end)


class ReadLines(NamedTuple):
    """Whole lines: columns of `rows` values, the lines where the header stands again, where the last whole line ends,
    and how many bytes there are behind it.
    """

    columns: dict[str, Column]
    rows: int
    repeated: list[int]
    end: int
    torn: int


def _read_lines(path: Path, file: BinaryIO, layout: Layout) -> ReadLines:
    """All lines behind the header, up to where the file ends now: another process may append meanwhile."""
    end, until = file.tell(), path.stat().st_size
    at_most, compiles = _count_lines(path, until), _pays_to_compile(until)
    columns, rows, repeated = [], 0, []
    for block in _blocks(file, until):
        new, again = _columns(path, block, layout, 2 + rows + len(repeated), compiles)
        repeated += again
        end += len(block)
        if end == until and not rows:  # the one block of a short file
            columns, rows = new, len(new[0].values)
            break
        if not rows:
            columns = _no_rows(layout, at_most)
        for column, part in zip(columns, new, strict=True):
            column.values[rows : rows + len(part.values)] = part.values
            column.empty[rows : rows + len(part.values)] = part.empty
        rows += len(new[0].values)
    columns = columns or _no_rows(layout, 0)
    names = (layout.header[place] for place in layout.kept)
    filled = (Column(column.values[:rows], column.empty[:rows]) for column in columns)
    return ReadLines(dict(zip(names, filled, strict=True)), rows, repeated, end, until - end)


def _no_rows(layout: Layout, room: int) -> list[Column]:
    """The kept columns with room for so many values."""
    kinds = [layout.kinds[place] for place in layout.kept]
    return [Column(np.empty(room, TYPES[kind]), np.empty(room, bool)) for kind in kinds]


def _pays_to_compile(size: int) -> bool:
    """Whether so many bytes, with all that were read before, are worth the second that loading compiled code takes."""
    global _read_so_far
    _read_so_far += size
    return _read_so_far >= LARGE


_read_so_far = 0


@functools.lru_cache(maxsize=64)
def _names(header: tuple[str, ...], format: RowFormat, details: bool) -> tuple[str, ...]:
    """The columns of the format and then those that only the file has."""
    names = dict.fromkeys([*format.columns, *header])
    return tuple(name for name in names if details or name not in format.details)


def _blocks(file: BinaryIO, until: int) -> Iterator[bytes]:
    """The rest of the file up to the last newline before the byte `until`, in blocks of whole lines."""
    rest = b""
    while chunk := file.read(min(BLOCK, until - file.tell())):
        whole = chunk.rfind(b"\n") + 1
        if whole:
            yield rest + chunk[:whole]
            rest = chunk[whole:]
        else:
            rest += chunk


def _columns(path: Path, block: bytes, layout: Layout, line: int, compiles: bool) -> tuple[list[Column], list[int]]:
    if compiles and (columns := _read_plainly(block, layout)) is not None:
        return columns, []
    try:
        return read_carefully(block, layout, line)
    except Damaged as damage:
        raise UserError(f"{path}:{damage}") from None


def _read_plainly(block: bytes, layout: Layout) -> list[Column] | None:
    from neurocomp.results.row_scan import read_plainly

    return read_plainly(block, layout)


def read_header(path: Path, line: bytes, format: RowFormat) -> tuple[str, ...]:
    """The columns that the first line of a file names. Raises UserError unless it is one of ours."""
    try:
        return _header(line, format)
    except Damaged as damage:
        raise UserError(f"{path}:1: not a results file of neurocomp ({damage})") from None


@functools.lru_cache(maxsize=64)  # a folder's files begin alike
def _header(line: bytes, format: RowFormat) -> tuple[str, ...]:
    if not line.endswith(b"\n"):
        raise Damaged("it has no whole first line")
    header = tuple(split_line(line.removesuffix(b"\n").removeprefix(b"\xef\xbb\xbf")))
    _check_header(header, format)
    return header


def _check_header(header: tuple[str, ...], format: RowFormat) -> None:
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


def has_lines(path: Path, lines: int) -> bool:
    """Whether a file has so many lines, whatever they say."""
    return path.is_file() and _count_whole_lines(path, _state(path)) >= lines


@functools.lru_cache(maxsize=1)
def _count_whole_lines(path: Path, state: Hashable) -> int:
    with readable(path):
        return _count_lines(path, path.stat().st_size)


def _count_lines(path: Path, until: int) -> int:
    lines = 0
    with path.open("rb") as file:
        while chunk := file.read(min(LONGEST_LINE, until - file.tell())):
            lines += (found := chunk.count(b"\n"))
            if not found and len(chunk) == LONGEST_LINE:  # a sparse file may seem to have any size
                raise UserError(f"{path}:{lines + 1}: has no end within {LONGEST_LINE:,} bytes, expected a row")
    return lines

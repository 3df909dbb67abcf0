"""Tables on standard output: drawn by rich and folded to the width of a terminal; elsewhere plain text in columns.

What goes into a pipe or a file is never folded and has no color, so that grep and cut find whole words.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from neurocomp.report.cells import aligned
from neurocomp.text import visible, visible_lines

if TYPE_CHECKING:
    from rich.console import Console

    from neurocomp.report.grid import Table

Row = dict[str, str]

PATH = "file"  # the column whose texts are paths: a terminal shows them below the table
FILES = 20  # paths that stand below a table; of more, only their folders
GAPS = (2, 1)  # columns of the terminal between two texts, and where it is narrow
NUMBER = re.compile(r"[-+]?[0-9.,]+%?( ?(\([-+0-9.,%]+\)|\+- [0-9.,]+|/ ?[-+0-9.,]+|!))*|[0-9]+/-|-")
PIECES = re.compile(r"/ \S+ ?|(?:[^ _/,]|/(?=[0-9-]))+[ _/,]?|[ _/,]")  # a text may go on in the next line after these


def stdout_is_terminal() -> bool:
    """Whether tables are for eyes: TERM=dumb says that the terminal only takes plain text."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def print_rows(*tables: Sequence[Row], title: str = "") -> None:
    """Print rows of texts under their keys, each of these tables below the other; the title stands above them."""
    tables = tuple(rows for rows in tables if rows)
    if not stdout_is_terminal():
        plain = "\n\n".join(aligned(rows) for rows in tables)
        print(visible_lines(f"{title}\n{plain}" if title else plain))
        return
    console = _console()
    if title:
        _print_text(console, title)
    for rows in tables:
        _print_table(console, [{key: text for key, text in row.items() if key != PATH} for row in rows])
        _print_paths(console, [row[PATH] for row in rows if PATH in row])


def print_grids(table: Table) -> None:
    """Print a drawn table's grids, each with its caption above and its notes below."""
    console = _console()
    for grid in table.grids:
        _print_text(console, grid.caption)
        labels = dict.fromkeys(row for row, _ in grid.texts)
        columns = dict.fromkeys(column for _, column in grid.texts)
        rows = [{"": row} | {column: grid.texts[row, column] for column in columns} for row in labels]
        _print_table(console, rows, are_grids=True)
        for note in grid.notes:
            _print_text(console, f"- {note}")


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def _print_text(console: Console, text: str) -> None:
    from rich.text import Text

    console.print(Text(visible(text)))


def _print_paths(console: Console, paths: Sequence[str]) -> None:
    """The paths, or, if they are many, their folders. They are not folded, so that they can be copied."""
    from rich.text import Text

    if len(paths) <= FILES:
        told = list(paths)
    else:
        folders = [str(Path(path).parent) for path in paths]
        told = [f"{folders.count(folder)} files in {folder}" for folder in dict.fromkeys(folders)]
    for line in told:
        console.print(Text(visible(line), style="dim"), soft_wrap=True)


class _Column(NamedTuple):
    """The texts of a column, below its name; `least` and `most` columns of the terminal."""

    name: str
    texts: list[str]
    is_number: bool
    least: int
    most: int


def _print_table(console: Console, rows: Sequence[Row], are_grids: bool = False) -> None:
    """The rows in one table as wide as the terminal, whose columns may share a place; the columns of a grid may not."""
    if not rows:
        return
    columns = [_column(name, [visible(row[name]) for row in rows]) for name in rows[0]]
    alike = [column for column in columns if len(set(column.texts)) == 1]
    if len(rows) > 1 and 0 < len(alike) < len(columns) and _width(columns, GAPS[0], "most") > console.width:
        _print_text(console, "in all rows: " + ", ".join(f"{one.name} {one.texts[0]}" for one in alike))
        columns = [column for column in columns if column not in alike]
    if not are_grids:
        columns = _stacked(columns, console.width)
    gap = next((gap for gap in GAPS if _width(columns, gap) <= console.width), GAPS[0])
    for part in _parts(columns, console.width, gap):
        console.print(_drawn(part, console.width, gap))
        console.print()


def _stacked(columns: list[_Column], width: int) -> list[_Column]:
    """Columns that fit, as far as pairs of neighbors that stand above each other make them fit."""
    columns = list(columns)
    while _width(columns, GAPS[-1]) > width:
        pairs = [(min(one.least, other.least), -place)
                 for place, (one, other) in enumerate(itertools.pairwise(columns))
                 if one.is_number == other.is_number and "\n" not in one.name + other.name]  # fmt: skip
        if not pairs:
            break
        place = -max(pairs)[1]
        one, other = columns[place : place + 2]
        texts = [f"{above}\n{below}" for above, below in zip(one.texts, other.texts, strict=True)]
        columns[place : place + 2] = [_column(f"{one.name}\n{other.name}", texts, one.is_number and other.is_number)]
    return columns


def _column(name: str, texts: list[str], is_number: bool | None = None) -> _Column:
    from rich.cells import cell_len

    if is_number is None:
        is_number = all(NUMBER.fullmatch(text) for text in texts)
    lines = [line for text in [name, *texts] for line in text.split("\n")]
    words = [piece.rstrip(" ") for line in lines for piece in PIECES.findall(line)]
    return _Column(name, texts, is_number, max(map(cell_len, words), default=1),
                   max(map(cell_len, lines), default=1))  # fmt: skip


def _width(columns: Sequence[_Column], gap: int, of: Literal["least", "most"] = "least") -> int:
    return sum(getattr(column, of) + gap for column in columns) - gap


def _parts(columns: list[_Column], width: int, gap: int) -> list[list[_Column]]:
    """As few groups of columns as fit, about equally wide; the first column begins each of them."""
    first, others = columns[0], columns[1:]
    room = width - first.least - gap
    needed = 1
    while True:
        size = -(-len(others) // needed) or 1
        parts = [others[start : start + size] for start in range(0, len(others), size)] or [[]]
        if size == 1 or all(_width(part, gap) <= room for part in parts):
            return [[first, *part] for part in parts]
        needed += 1


def _drawn(columns: Sequence[_Column], width: int, gap: int):
    """A table of rich whose columns are as wide as they may be."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    widths = _widths(columns, width, gap)
    is_folded = any(column.most > most or "\n" in column.name for column, most in zip(columns, widths, strict=True))
    # The box itself has one space between columns.
    table = Table(box=box.SIMPLE_HEAD, padding=(0, gap - 1, 0, 0), show_edge=False, pad_edge=False, leading=is_folded)
    for column, most in zip(columns, widths, strict=True):
        justify = "right" if column.is_number else "left"
        table.add_column(Text(_folded(column.name, most)), justify=justify, width=most, overflow="fold",
                         header_style="bold")  # fmt: skip
    for texts in zip(*(column.texts for column in columns), strict=True):
        table.add_row(*(Text(_folded(text, most)) for text, most in zip(texts, widths, strict=True)))
    return table


def _widths(columns: Sequence[_Column], width: int, gap: int) -> list[int]:
    """The width of each column: what it would take, less where that is too much, the widest ones first."""
    widths = [column.most for column in columns]
    while sum(widths) + gap * (len(widths) - 1) > width:
        spare = [most - column.least for column, most in zip(columns, widths, strict=True)]
        if max(spare) <= 0:
            break
        widest = max((index for index, more in enumerate(spare) if more > 0), key=lambda index: widths[index])
        widths[widest] -= 1
    return widths


def _folded(text: str, width: int) -> str:
    """The text in lines of at most this width, broken after spaces, `_`, `/` and `,` where it can be."""
    return "\n".join(folded for line in text.split("\n") for folded in _lines(line, width))


def _lines(text: str, width: int) -> list[str]:
    from rich.cells import cell_len

    lines = [""]
    for piece in PIECES.findall(text):
        if lines[-1] and cell_len(lines[-1] + piece.rstrip(" ")) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip(" ") for line in lines]

"""A drawn table: its entries as CSV, its grids of texts as Markdown or LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from neurocomp.report.cells import percent
from neurocomp.text import is_formula, visible

if TYPE_CHECKING:
    from pandas import DataFrame

LATEX = str.maketrans(
    {special: rf"\{special}" for special in "&%#_${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)

Entry = Mapping[str, Any]  # a line of the CSV; None where nothing is known
Texts = Mapping[tuple[str, str], str]  # by row and column, in the order in which they stand


class Grid(NamedTuple):
    """Texts under a caption that says what they are; the notes below explain signs and rows."""

    caption: str
    texts: Texts
    notes: Sequence[str] = ()


class Table(NamedTuple):
    """One set of entries, and how they are shown to people."""

    name: str
    columns: Sequence[str]
    entries: Sequence[Entry]
    grids: Sequence[Grid]


def draw(table: Table, format: str) -> str:
    """The table as `csv`, `md` or `latex`."""
    if format == "csv":
        return csv_text(table.columns, table.entries)
    if format == "md":
        return "\n\n".join(_markdown(grid) for grid in table.grids) + "\n"
    labels = [f"tab:{table.name}" + (f"-{number}" if number else "") for number in range(len(table.grids))]
    return "\n".join(_latex(grid, label) for grid, label in zip(table.grids, labels, strict=True))


def csv_text(columns: Sequence[str], entries: Iterable[Entry]) -> str:
    """A line for each entry; what is None is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        writer.writerow({key: _csv_cell(value) for key, value in entry.items()})
    return text.getvalue()


def _csv_cell(value: Any) -> Any:
    """Text as a spreadsheet shows it, and computes nothing: a formula gets an apostrophe before it."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    return visible("'" * is_formula(value) + value)


def _markdown(grid: Grid) -> str:
    frame = _frame(grid.texts).map(_markdown_text).rename(index=_markdown_text, columns=_markdown_text)
    notes = "\n".join(f"- {visible(note)}" for note in grid.notes)
    parts = [visible(grid.caption), frame.to_markdown(disable_numparse=True) if len(frame) else "", notes]
    return "\n\n".join(part for part in parts if part)


def _markdown_text(text: str) -> str:
    """Text that ends no cell, and is no code, HTML or link in Markdown."""
    return re.sub(r"[|`<]|(?<=\])\(", r"\\\g<0>", visible(text))


def _latex(grid: Grid, label: str) -> str:
    """A booktabs table."""
    style = _frame(grid.texts).map(visible).rename(index=visible, columns=visible).style
    style.format(escape="latex")
    style.format_index(escape="latex")
    style.format_index(escape="latex", axis="columns")
    caption = " ".join([grid.caption, *grid.notes])
    return style.to_latex(hrules=True, caption=visible(caption).translate(LATEX), label=label)


def _frame(texts: Texts) -> DataFrame:
    import pandas as pd

    rows, columns = (list(dict.fromkeys(place[axis] for place in texts)) for axis in (0, 1))
    return pd.DataFrame([[texts[row, column] for column in columns] for row in rows], index=rows, columns=columns)


def rate_text(entry: Entry, most: int) -> str:
    """`93.0% (86.3-96.6)`, with the number of restarts if other cells have more."""
    fewer = f", n={entry['n']}" if entry["n"] < most else ""
    return f"{percent(entry['rate'])}% ({percent(entry['ci_low'])}-{percent(entry['ci_high'])}){fewer}"


def most_restarts(entries: Iterable[Entry]) -> int:
    return max((entry["n"] or 0 for entry in entries), default=0)


def restarts_text(entries: Iterable[Entry]) -> str:
    """`k = 50 to 100 restarts a cell`."""
    counts = sorted({entry["n"] for entry in entries if entry["n"]})
    ends = [str(count) for count in (counts[:1] + counts[1:][-1:])]
    return f"k = {' to '.join(ends)} restarts a cell" if ends else "no cells"

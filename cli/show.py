"""`neurocomp show`: which cells there are, how far they are, and what they recovered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from neurocomp.cli.arguments import Parser
from neurocomp.cli.tables import print_rows
from neurocomp.errors import UserError, did_you_mean
from neurocomp.report.cells import Report, Rows, Said
from neurocomp.text import json_text, real_number, say, visible

EPILOG = """\
examples:
  neurocomp show
  neurocomp show --results results/table1 --sort=-hard
  neurocomp show --where "task=fib and rate_hard<0.5"
  neurocomp show --results results/table1 | grep incomplete
  neurocomp show --json | python -m json.tool

A condition of --where is a key, one of = != < <= > >=, and a value: a column of the rows that all rows of a cell agree
in, a measure as --json has it (rate_hard is the share of the restarts, and so is recovered_hard here), or a key of the
configuration (optimizer.stop). --sort takes a column as it is shown or a key of --json; --sort=-COLUMN begins with the
largest. On a terminal the table is folded to its width; in a pipe it has one line a cell, with the cell's file.
"""

# What --sort takes, for completion: the columns of both machines' tables without their ` %`.
COLUMNS = (
    "experiment", "task", "init", "method", "gamma", "language", "network", "data", "programs", "seed", "n", "state",
    "soft", "hard", "fit", "general", "memorized", "updates", "accuracy", "exact", "file",
)  # fmt: skip

Line = dict[str, Any]


def main(argv: Sequence[str]) -> int:
    """Exit code 1 if a file could not be read; the others are shown."""
    from neurocomp.cli.selecting import repeated

    args = _parser().parse_args(_descending(repeated(argv)))
    from neurocomp.cli.machines import MACHINES

    directory, said = args.results or Path("results"), Said()
    if args.results and not args.results.exists():
        raise UserError(f"--results {args.results}: there is no such directory")
    reports = [machine.report() for machine in MACHINES]
    blocks = [(report, lines) for report, lines in _blocks(reports, directory, said, args.where) if lines]
    if args.sort:
        blocks = _sorted(blocks, args.sort)
    if args.json:
        print(json_text([line for _, lines in blocks for line in lines], indent=2))
    elif blocks:
        print_rows(*([report.shown(line) for line in lines] for report, lines in blocks))
    else:
        missing = "" if directory.exists() else " (there is no such directory)"
        print(f"no results in {visible(str(directory))}{missing}")
    say([*said.notes, *said.problems])
    return 1 if said.problems else 0


def _descending(argv: Sequence[str]) -> list[str]:
    """`--sort -hard` as `--sort=-hard`: argparse would take the column for an option."""
    words: list[str] = []
    for word in argv:
        if words[-1:] == ["--sort"] and word.startswith("-") and not word.startswith("--"):
            words[-1] = f"--sort={word}"
        else:
            words.append(word)
    return words


def _blocks(
    reports: Sequence[Report], directory: Path, said: Said, where: Sequence[str]
) -> Iterator[tuple[Report, list[Line]]]:
    """The summary lines of each machine's cells; without conditions no more than one cell is kept in memory."""
    if not where:
        for report in reports:
            yield report, [cell.summary_line() for cell in report.each_cell(directory, said, details=False)]
        return
    from neurocomp.memorizer.report.cells import MemorizerCell
    from neurocomp.report.cells import Cell
    from neurocomp.report.where import conditions, select

    asked = conditions(where)
    cells: list[list[Rows]] = [list(report.each_cell(directory, said, details=False)) for report in reports]
    chosen = {id(cell) for cell in select([cell for of in cells for cell in of], asked, Cell, MemorizerCell)}
    for report, of in zip(reports, cells, strict=True):
        yield report, [cell.summary_line() for cell in of if id(cell) in chosen]


def _sorted(blocks: Sequence[tuple[Report, list[Line]]], given: str) -> list[tuple[Report, list[Line]]]:
    """Each machine's lines by a column; a block that lacks it stays as it is. Raises UserError if all of them do."""
    column, descending = given.removeprefix("-"), given.startswith("-")
    found = []
    for report, lines in blocks:
        names = {name.removesuffix(" %"): name for name in report.shown(lines[0])}
        if column.removesuffix(" %") in names or column in lines[0]:
            values = [(_value(line, report.shown(line), column, names), line) for line in lines]
            there = sorted((pair for pair in values if pair[0] is not None), key=_order, reverse=descending)
            found.append((report, [line for _, line in there] + [line for value, line in values if value is None]))
    if blocks and not found:
        known = [name.removesuffix(" %") for report, lines in blocks for name in report.shown(lines[0])]
        expected = ", ".join(dict.fromkeys(known))
        raise UserError(f"--sort {column}: there is no such column, expected one of {expected}"
                        f"{did_you_mean(column, [*known, *blocks[0][1][0]])}")  # fmt: skip
    sorted_reports = [report for report, _ in found]
    return [*found, *((report, lines) for report, lines in blocks if report not in sorted_reports)]


def _value(line: Line, texts: dict[str, str], column: str, names: dict[str, str]) -> Any:
    """The number or text by which a line is sorted, None where nothing is known."""
    if column in line:
        return line[column]
    text = texts[names[column.removesuffix(" %")]]
    if text == "-":
        return None
    number = real_number(text.partition(" ")[0].partition("/")[0])
    return text if number is None else number


def _order(pair: tuple[Any, Line]) -> tuple[bool, Any]:
    return isinstance(pair[0], str), pair[0]


def _parser() -> Parser:
    from neurocomp.cli.selecting import add_where

    parser = Parser(
        prog="neurocomp show",
        description="List the cells, with the rates that were measured and the 95 % Wilson interval of the soft one; "
        "then the memorizer's, with means +- standard deviations.",
        epilog=EPILOG,
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="where to look (default: results)")
    add_where(parser)
    parser.add_argument("--sort", metavar="COLUMN", help="by this column; -COLUMN: the largest first")
    parser.add_argument("--json", action="store_true", help="a list of objects, one a cell, rates as fractions")
    return parser

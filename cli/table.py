"""`neurocomp table`: a published table beside what was measured, from the CSV files alone."""

from __future__ import annotations

import argparse
import importlib.resources
import sys
from collections.abc import Sequence
from pathlib import Path

from neurocomp.config import UserError

EPILOG = """\
examples:
  neurocomp table table1
  neurocomp table table1 --metric hard --where seed=0 machine.writeback=gated
  neurocomp table table1 --format csv --out table1.csv

A cell of the table comes from one configuration. If several fit, they are listed with what differs between them,
and --where chooses: by a column of the rows (seed, gamma, config_hash, ...) or a key of the configuration
(machine.writeback, optimizer.learning_rate, task.base, ...). A key that is given twice may have either value.
"""


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_args(_repeated(argv))
    from neurocomp.report.cells import read_cells
    from neurocomp.report.table import long_table, select, to_csv, to_latex, to_markdown

    directory = _directory(args.results, args.table)
    cells = read_cells(directory)
    if not cells:
        print(f"neurocomp: no results in {directory}", file=sys.stderr)
    elif args.results is None:
        print(f"read {directory}", file=sys.stderr)
    entries = long_table(args.table, select(cells, _conditions(args.where)), args.metric)
    if args.format == "csv":
        text = to_csv(entries)
    else:
        draw = to_latex if args.format == "latex" else to_markdown
        text = draw(args.table, entries, args.metric)
    _put(text, args.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neurocomp table",
        usage="neurocomp table TABLE [options]",
        description="Draw a published table beside the measured rates and their 95 % Wilson intervals.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("table", metavar="TABLE", choices=_tables(), help=f"which one: {', '.join(_tables())}")
    add("--results", type=Path, metavar="DIR", help="where the cells are (default: results/TABLE, else results)")
    add("--metric", choices=("fit", "soft", "hard", "general"), default="soft", help="what counts (default: soft)")
    add("--where", action="append", default=[], metavar="KEY=VALUE", help="only cells that have this; may be repeated")
    add("--format", choices=("md", "csv", "latex"), default="md", help="(default: md)")
    add("--out", type=Path, metavar="FILE", help="write there instead of to standard output")
    return parser


def _repeated(argv: Sequence[str]) -> list[str]:
    """`--where a=1 b=2` as `--where a=1 --where b=2`; TABLE may come next, as it has no `=` in it."""
    words: list[str] = []
    for word in argv:
        if words[-2:-1] == ["--where"] and "=" in word and not word.startswith("-"):
            words.append("--where")
        words.append(word)
    return words


def _tables() -> list[str]:
    folder = importlib.resources.files("neurocomp") / "published"
    return sorted(file.name.removesuffix(".csv") for file in folder.iterdir() if file.name.endswith(".csv"))


def _directory(given: Path | None, table: str) -> Path:
    if given is None:
        own = Path("results") / table
        return own if own.is_dir() else own.parent
    if not given.exists():
        raise UserError(f"--results {given}: there is no such directory")
    return given


def _conditions(where: list[str]) -> dict[str, list[str]]:
    """The accepted values by key, from each `key=value`."""
    conditions: dict[str, list[str]] = {}
    for text in where:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--where {text}: expected KEY=VALUE, such as seed=0")
        conditions.setdefault(key, []).append(value)
    return conditions


def _put(text: str, out: Path | None) -> None:
    if out is None:
        print(text, end="")
        return
    from neurocomp.results import atomic_write

    try:
        atomic_write(out, text)
    except (IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise UserError(f"--out {out}: {error.strerror}") from None
    print(f"wrote {out}", file=sys.stderr)

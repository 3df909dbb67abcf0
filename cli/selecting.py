"""What the commands that draw results have in common: where the cells are, and which of them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from neurocomp.errors import UserError
from neurocomp.memorizer.report import cells as memorized
from neurocomp.memorizer.report.cells import MemorizerCell
from neurocomp.report.cells import METRICS, Cell, Said, read_cells
from neurocomp.report.places import REFERENCE, SKELETON
from neurocomp.report.where import conditions, select
from neurocomp.text import say

WHERE = """\
Each place is filled from one configuration. If several fit, they are listed with what differs between them,
and --where chooses: by a column of the rows (seed, gamma, config_hash, ...) or a key of the configuration
(machine.writeback, optimizer.learning_rate, task.base, ...). A key that is given twice may have either value.
Measures can be compared too: --where "task=fib and rate_hard<0.5" (= != < <= > >=; recovered_hard is the same share).
"""


def add_options(parser: argparse.ArgumentParser, folder: str) -> None:
    """--results, with what its help says is the default, --metric and --where; `code` is what to exit with."""
    parser.set_defaults(code=0)
    add = parser.add_argument
    add("--results", type=Path, metavar="DIR", help=f"where the rows are (default: {folder}, else results)")
    add("--metric", choices=METRICS, help="what counts (default: soft; for the arena all in tables, hard in figures)")
    add_where(parser)


def add_where(parser: argparse.ArgumentParser) -> None:
    """--where."""
    text = "only cells that have this, such as seed=0 or 'rate_hard<0.5'; may be repeated"
    parser.add_argument("--where", action="append", default=[], metavar="KEY=VALUE", help=text)


def add_loop_noop(parser: argparse.ArgumentParser, of: str) -> None:
    """--loop-noop, of what has that row."""
    start = f"{of}: what the row init=loop_noop starts from (default: {SKELETON}, the loop of noops)"
    parser.add_argument("--loop-noop", choices=(SKELETON, REFERENCE), help=start)


def repeated(argv: Sequence[str]) -> list[str]:
    """`--where a=1 b=2` as `--where a=1 --where b=2`; an argument without `=` may come next."""
    words: list[str] = []
    for word in argv:
        if words[-2:-1] == ["--where"] and re.search("[=<>]", word) and not word.startswith("-"):
            words.append("--where")
        words.append(word)
    return words


def chosen_cells(args: argparse.Namespace, name: str, details: bool = False) -> list[Cell]:
    """The cells that were asked for; see `read_file` on details. Says on stderr which directory, if none was given."""
    directory = results_directory(args.results, name)
    said = Said()
    cells = read_cells(directory, said, details)
    say_what_is_odd(args, said)
    _say_what_was_read(directory, bool(cells), args)
    return select(cells, conditions(args.where), Cell)


def chosen_memorizer_cells(args: argparse.Namespace, name: str, tasks: Collection[str]) -> list[MemorizerCell]:
    """The same of the memorizer's cells, of these tasks."""
    directory, said = results_directory(args.results, name), Said()
    cells = [cell for cell in memorized.read_cells(directory, said) if cell.facts["task"] in tasks]
    say_what_is_odd(args, said)
    _say_what_was_read(directory, bool(cells), args, f" of {' or '.join(f'task={task}' for task in tasks)}")
    return select(cells, conditions(args.where), MemorizerCell)


def say_what_is_odd(args: argparse.Namespace, said: Said) -> None:
    """Say it on stderr; what is wrong with a file lets the command end with 1, after it has drawn the others."""
    say([*said.notes, *said.problems])
    args.code = 1 if said.problems else 0


def _say_what_was_read(directory: Path, found: bool, args: argparse.Namespace, what: str = "") -> None:
    if not found:
        say([f"no results{what} in {directory}"])
    elif args.results is None:
        say([f"read {directory}"], prefix="")


def results_directory(given: Path | None, name: str) -> Path:
    if given is None:
        own = Path("results") / name
        return own if own.is_dir() else own.parent
    if not given.exists():
        raise UserError(f"--results {given}: there is no such directory")
    return given

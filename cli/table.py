"""`neurocomp table`: what was measured as a table, beside what was published, from the result files alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from neurocomp.cli.arguments import Parser, whole
from neurocomp.cli.outputs import check_out, write_to
from neurocomp.cli.selecting import (
    WHERE,
    add_loop_noop,
    add_options,
    chosen_cells,
    chosen_memorizer_cells,
    repeated,
    results_directory,
    say_what_is_odd,
)
from neurocomp.cli.tables import print_grids, stdout_is_terminal
from neurocomp.errors import UserError, check_at_least
from neurocomp.files import atomic_write
from neurocomp.report.cells import Said
from neurocomp.report.grid import Table, draw
from neurocomp.report.places import SKELETON
from neurocomp.report.published import tables
from neurocomp.text import visible_lines

KINDS = {
    "transfer": "rates by the program that restarts start from and by task",
    "gamma": "rates by the noise of the compiled program",
    "arena": "what each method solves within 1, 10, ... seconds, and its time to success, by task and start",
    "abstractions": "what a library of abstractions saves on the corpus, training and held-out tasks apart",
    "programs": "how distributed and how simple the programs are that restarts end with, by task and start",
    "readings": "settings of what the paper leaves open, by their distance from its rates",
}
# Of the other paper, and of what else the memorizer did.
MEMORIZER_KINDS = {
    "memorization": "updates until random programs are memorized, measured beside published",
    "soft_programs": "accuracies of the memorizer's soft programs, measured beside published",
}

EPILOG = f"""\
examples:
  neurocomp table table1
  neurocomp table table1 --costs
  neurocomp table table1 --metric hard --where seed=0 machine.writeback=gated
  neurocomp table table1 --format csv --out table1.csv
  neurocomp table transfer
  neurocomp table gamma --format csv
  neurocomp table arena --metric hard
  neurocomp table programs
  neurocomp table readings --top 20
  neurocomp table memorization
  neurocomp table memorization --results results --where language=subleq seed=0
  neurocomp table soft_programs --format latex --out soft_programs.tex

{WHERE}The memorizer's tables (memorization, soft_programs) have a row for every configuration there is.
"""


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_args(repeated(argv))
    _refuse_what_has_no_meaning(args)
    if args.out is not None:
        check_out(args.out)
    table = _table(args)
    if args.format is None and args.out is None and stdout_is_terminal():
        print_grids(table)
        return args.code
    text = draw(table, args.format or "md")
    if args.out is None:
        print(visible_lines(text), end="")
    else:
        write_to(args.out, lambda path: atomic_write(path, text))
    return args.code


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp table",
        usage="neurocomp table TABLE [options]",
        description="Draw what was measured as a table: rates with their 95 % Wilson intervals; of the memorizer, "
        "means with their 95 % t-intervals.",
        epilog=EPILOG,
    )
    names = {name: "of the paper, measured beside published" for name in tables()} | KINDS | MEMORIZER_KINDS
    described = "; ".join(f"{name}: {what}" for name, what in names.items())
    parser.add_argument("table", metavar="TABLE", choices=names, help=f"which one. {described}")
    add_options(parser, "results/TABLE")
    add = parser.add_argument
    add("--format", choices=("md", "csv", "latex"), help="(default: md; on a terminal folded to its width)")
    add("--costs", action="store_true", help="published tables: executions and seconds of a restart too (CSV: always)")
    add_loop_noop(parser, "published tables")
    add("--top", type=whole, metavar="N", help="readings: how many settings (default: 10)")
    add("--out", type=Path, metavar="FILE", help="write there instead of to standard output")
    return parser


def _refuse_what_has_no_meaning(args: argparse.Namespace) -> None:
    if args.costs and args.table not in tables():
        raise UserError(f"--costs: {args.table} has none; expected one of {', '.join(tables())}")
    if args.loop_noop and args.table not in tables():
        raise UserError(f"--loop-noop: {args.table} has no such row; expected one of {', '.join(tables())}")
    if args.metric and args.table in MEMORIZER_KINDS:
        raise UserError(f"--metric {args.metric}: {args.table} has no recoveries to count")
    if args.metric and args.table == "abstractions":
        raise UserError(f"--metric {args.metric}: abstractions are judged by general alone")
    if args.table != "readings":
        if args.top is not None:
            raise UserError(f"--top: {args.table} is shown whole; only readings are ranked")
        return
    check_at_least("--top", 10 if args.top is None else args.top, 1)
    if args.where:
        raise UserError("--where: readings are rows of settings, not cells; all of them are ranked")
    if args.metric not in (None, "fit", "soft"):
        raise UserError(f"--metric {args.metric}: readings were judged by fit and soft only")


def _table(args: argparse.Namespace) -> Table:
    if args.table == "readings":
        from neurocomp.readings.ranking import readings_table

        metrics = (args.metric,) if args.metric else ("fit", "soft")
        said = Said()
        table = readings_table(results_directory(args.results, "readings"), metrics, args.top or 10, said)
        say_what_is_odd(args, said)
        return table
    if args.table == "memorization":
        from neurocomp.memorizer.report.memorization import TASK, memorization_table

        return memorization_table(chosen_memorizer_cells(args, args.table, (TASK,)))
    if args.table == "soft_programs":
        from neurocomp.memorizer.report.soft_programs import MODELS, soft_programs_table

        return soft_programs_table(chosen_memorizer_cells(args, args.table, tuple(MODELS)))
    from neurocomp.report.abstractions import abstractions_table
    from neurocomp.report.arena_table import arena_table
    from neurocomp.report.gamma import gamma_table
    from neurocomp.report.programs import programs_table
    from neurocomp.report.table import measured_table
    from neurocomp.report.transfer import transfer_table

    cells, metric = chosen_cells(args, args.table, details=args.table == "programs"), args.metric or "soft"
    if args.table == "abstractions":
        return abstractions_table(cells)
    if args.table == "programs":
        return programs_table(cells, args.metric or "hard")
    if args.table == "arena":
        return arena_table(cells, args.metric)
    if args.table == "transfer":
        return transfer_table(cells, metric)
    if args.table == "gamma":
        return gamma_table(cells, metric)
    return measured_table(args.table, cells, metric, args.costs, args.loop_noop or SKELETON)

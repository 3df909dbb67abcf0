"""`neurocomp report`: folders of results as one page to look at in a browser."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from neurocomp.cli.arguments import Parser
from neurocomp.cli.limiting import add_limits, limits_of
from neurocomp.cli.outputs import check_out, write_to
from neurocomp.files import atomic_write
from neurocomp.text import say

EPILOG = """\
examples:
  neurocomp report results/table1
  neurocomp report results/table1 --restarts fib-map_inc-g0.3-s0-5862796e8e:0,5 --out fib.html
  neurocomp report results/gamma results/transfer --restarts none

The page is one file that needs no network: tables of the papers as heat maps, cells to sort and search, restarts, and
soft traces of ten restarts a folder. Weights that were not saved are made again by tuning the restart once more; what
comes out has to equal its row. The first time that takes about 20 s more, as compiling does.
"""


def main(argv: Sequence[str]) -> int:
    """Exit code 1 if a file could not be read; the page has the others, and says so."""
    args = _parser().parse_args(argv)
    limits = limits_of(args)
    check_out(args.out)

    from neurocomp.memorizer.report.page import memorizer_numbers
    from neurocomp.report.cells import Said
    from neurocomp.report.page.build import report_data
    from neurocomp.report.page.write import page_text

    asked = None if args.restarts is None else [text for text in args.restarts if text != "none"]
    said = Said()
    data = report_data(args.folders, said, limits, asked, sys.stderr.isatty(), memorizer_numbers)
    write_to(args.out, lambda path: atomic_write(path, page_text(data)))
    say([*said.notes, *said.problems, *data["left_out"]])
    return 1 if said.problems else 0


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp report",
        usage="neurocomp report FOLDER... [options]",
        description="Make a page of folders of results: what was measured, cell by cell and restart by restart, and "
        "what the soft machine of some restarts does at each step.",
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("folders", nargs="+", type=Path, metavar="FOLDER", help="where rows are, such as results/table1")
    add("--out", type=Path, default=Path("report.html"), metavar="FILE", help="the page (default: report.html)")
    named = "CELL has a part of one cell's name or hash; none: no traces"
    add("--restarts", action="append", metavar="CELL:3,17", help=f"restarts to trace, instead of ten a folder; {named}")
    add_limits(parser)
    return parser

"""`neurocomp show`: which cells there are, how far they are, and what they recovered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurocomp.cli.arguments import Parser
from neurocomp.errors import UserError
from neurocomp.text import json_text, say, visible, visible_lines

EPILOG = """\
examples:
  neurocomp show
  neurocomp show --results results/table1 | grep incomplete
  neurocomp show --json | python -m json.tool
"""


def main(argv: Sequence[str]) -> int:
    """Exit code 1 if a file could not be read; the others are shown."""
    args = _parser().parse_args(argv)
    from neurocomp.cli.machines import MACHINES
    from neurocomp.report.cells import Said

    directory, said = args.results or Path("results"), Said()
    if args.results and not args.results.exists():
        raise UserError(f"--results {args.results}: there is no such directory")
    blocks = [
        (report, [cell.summary_line() for cell in report.each_cell(directory, said, details=False)])
        for report in (machine.report() for machine in MACHINES)
    ]
    blocks = [(report, lines) for report, lines in blocks if lines]
    if args.json:
        print(json_text([line for _, lines in blocks for line in lines], indent=2))
    elif blocks:
        print(visible_lines("\n\n".join(report.format_summary(lines) for report, lines in blocks)))
    else:
        missing = "" if directory.exists() else " (there is no such directory)"
        print(f"no results in {visible(str(directory))}{missing}")
    say([*said.notes, *said.problems])
    return 1 if said.problems else 0


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp show",
        description="List the cells, with the rates that were measured and the 95 % Wilson interval of the soft one; "
        "then the memorizer's, with means +- standard deviations.",
        epilog=EPILOG,
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="where to look (default: results)")
    parser.add_argument("--json", action="store_true", help="a list of objects, one a cell, rates as fractions")
    return parser

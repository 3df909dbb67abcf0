"""`neurocomp show`: which cells there are, how far they are, and what they recovered."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

EPILOG = """\
examples:
  neurocomp show
  neurocomp show --results results/table1 | grep incomplete
  neurocomp show --json | python -m json.tool
"""


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_args(argv)
    from neurocomp.report.cells import format_summary, read_cells, summary_line

    lines = [summary_line(cell) for cell in read_cells(args.results)]
    if args.json:
        print(json.dumps(lines, indent=2))
    elif lines:
        print(format_summary(lines))
    else:
        print(f"no results in {args.results}" + ("" if args.results.exists() else " (there is no such directory)"))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neurocomp show",
        description="List the cells, with the rates that were measured and the 95 % Wilson interval of the soft one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="where to look (default: results)"
    )
    parser.add_argument("--json", action="store_true", help="a list of objects, rates as fractions")
    return parser

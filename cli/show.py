"""`neurocomp show`: which cells there are, how far they are, and what they recovered."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from neurocomp.text import visible, visible_lines

EPILOG = """\
examples:
  neurocomp show
  neurocomp show --results results/table1 | grep incomplete
  neurocomp show --json | python -m json.tool
"""


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_args(argv)
    from neurocomp.report import cells as tuned
    from neurocomp.report import memorized

    blocks = [(report, [report.summary_line(cell) for cell in report.read_cells(args.results)])
              for report in (tuned, memorized)]  # fmt: skip
    blocks = [(report, lines) for report, lines in blocks if lines]
    if args.json:
        print(json.dumps([line for _, lines in blocks for line in lines], indent=2))
    elif blocks:
        print(visible_lines("\n\n".join(report.format_summary(lines) for report, lines in blocks)))
    else:
        missing = "" if args.results.exists() else " (there is no such directory)"
        print(f"no results in {visible(str(args.results))}{missing}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neurocomp show",
        description="List the cells, with the rates that were measured and the 95 % Wilson interval of the soft one; "
        "then the memorizer's, with means +- standard deviations.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="where to look (default: results)"
    )
    parser.add_argument("--json", action="store_true", help="a list of objects, one a cell, rates as fractions")
    return parser

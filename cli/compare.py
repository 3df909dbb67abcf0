"""`neurocomp compare`: two cells, their rates, and the p-value of the difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurocomp.cli.arguments import Parser
from neurocomp.cli.tables import PATH, print_rows, stdout_is_terminal
from neurocomp.errors import UserError
from neurocomp.report.cells import METRICS, Said, percent
from neurocomp.report.comparison import compare, difference_text, find_cell, format_comparison
from neurocomp.text import json_text, say, visible_lines

EPILOG = """\
examples:
  neurocomp compare table1/map_inc-map_dec-g0.3 table1/map_dec-map_inc-g0.3
  neurocomp compare 905c62d51c dee849f4e8 --metric hard --json
  neurocomp compare results/table1/fib-random-g1-s0-239a89e78c.csv results/table1/fib-map_inc-g0.3-s0-5862796e8e.csv
"""


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_args(argv)
    if not args.results.exists():
        raise UserError(f"--results {args.results}: there is no such directory")
    said = Said()
    first, second = (find_cell(text, args.results, said) for text in args.cells)
    compared = compare((first, second), args.metric)
    if stdout_is_terminal() and not args.json:
        print_rows([_shown(line, args.metric) for line in compared["cells"]])
        print(difference_text(compared))
    else:
        print(json_text(compared) if args.json else visible_lines(format_comparison(compared)))
    say([*said.notes, *said.problems])
    return 1 if said.problems else 0


def _shown(line: dict[str, Any], metric: str) -> dict[str, str]:
    """A cell as a row for a terminal."""
    return {
        **{name: line[name] for name in ("task", "init", "method")},
        "gamma": f"{line['gamma']:g}",
        "seed": str(line["seed"]),
        f"{metric} %": f"{percent(line['rate'])} ({percent(line['ci_low'])}-{percent(line['ci_high'])})",
        "recovered": f"{line['recovered']}/{line['n']}",
        PATH: line["path"],
    }


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp compare",
        description="Compare the rates of two cells by Boschloo's exact test, two-sided.",
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("cells", nargs=2, metavar="CELL", help="a CSV file, or a part of one cell's name or hash (neurocomp show)")
    add("--results", type=Path, default=Path("results"), metavar="DIR", help="where to look (default: results)")
    add("--metric", choices=METRICS, default="soft", help="what counts (default: soft)")
    add("--json", action="store_true", help="one object, rates as fractions")
    return parser

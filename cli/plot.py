"""`neurocomp plot`: a figure from the result files alone."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurocomp.cli.arguments import Parser
from neurocomp.cli.outputs import check_out, write_to
from neurocomp.cli.selecting import WHERE, add_loop_noop, add_options, chosen_cells, repeated, results_directory
from neurocomp.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What can be drawn, from which folder of results, by which measure unless another is asked for.
FIGURES = {
    "table1": ("table1", "Table 1 as a heat map, measured beside published", "soft"),
    "recovery": ("table1", "share of recovered restarts over updates, by task and initialization", "soft"),
    "gamma": ("gamma", "rate against gamma, by task (soft and hard)", "soft, hard"),
    "arena": ("arena", "share of solved restarts over seconds, by task and method (hard)", "hard"),
    "scaling": ("benchmarks", "what an update costs, by size and engine (rows of neurocomp bench --scaling)", ""),
    "arena_profile": ("arena", "the same as the mean over tasks, with bootstrap bands (hard)", "hard"),
}

EPILOG = f"""\
examples:
  neurocomp plot table1
  neurocomp plot table1 --metric hard --out hard.pdf
  neurocomp plot recovery --where seed=0
  neurocomp plot gamma --results mine/gamma
  neurocomp plot arena --metric soft
  neurocomp plot scaling
  neurocomp plot arena --where init=map_inc

{WHERE}
Needs matplotlib: pip install 'neurocomp[plot]'
"""


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_args(repeated(argv))
    if args.figure == "recovery" and args.metric:
        raise UserError(f"--metric {args.metric}: recovery shows what stopped tuning (recovered_at), not a metric")
    if args.loop_noop and args.figure != "table1":
        raise UserError(f"--loop-noop: {args.figure} has no such row; expected table1")
    plots = _plots()
    out = args.out or Path("results") / "figures" / f"{args.figure}.png"
    plots.checked_format(out)
    check_out(out)
    if args.figure == "scaling":
        figure = _scaling(args)
    else:
        folder, _, metric = FIGURES[args.figure]
        options = {"loop_noop": args.loop_noop} if args.loop_noop else {}
        figure = plots.draw(args.figure, chosen_cells(args, folder), args.metric or metric, _command(args), **options)
    write_to(out, lambda path: plots.save(figure, path))
    return args.code


def _scaling(args: argparse.Namespace) -> Figure:
    from neurocomp.report.scaling_figure import scaling_figure

    if args.metric or args.where:
        option = f"--metric {args.metric}" if args.metric else f"--where {args.where[0]}"
        raise UserError(f"{option}: scaling shows milliseconds of an update, no cells")
    return scaling_figure(results_directory(args.results, "benchmarks"), _command(args))


def _command(args: argparse.Namespace) -> str:
    """The command that draws this figure, wherever it is written to."""
    words = ["neurocomp", "plot", args.figure]
    words += ["--results", str(args.results)] if args.results else []
    words += ["--metric", args.metric] if args.metric else []
    words += ["--loop-noop", args.loop_noop] if args.loop_noop else []
    words += [word for condition in args.where for word in ("--where", condition)]
    return shlex.join(words)


def _plots():
    """The module that draws, which is the only one to need matplotlib."""
    try:
        from neurocomp.report import plots
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise UserError("plot: matplotlib is not installed; pip install 'neurocomp[plot]'") from None
    return plots


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp plot",
        usage="neurocomp plot NAME [options]",
        description="Draw a figure, with 95 % Wilson intervals unless it says otherwise.",
        epilog=EPILOG,
    )
    described = "; ".join(f"{name}: {what}" for name, (_, what, _) in FIGURES.items())
    parser.add_argument("figure", metavar="NAME", choices=FIGURES, help=f"which one. {described}")
    add_options(parser, "results/table1, gamma, arena or benchmarks")
    add_loop_noop(parser, "table1")
    out = "png, svg or pdf (default: results/figures/NAME.png)"
    parser.add_argument("--out", type=Path, metavar="FILE", help=out)
    return parser

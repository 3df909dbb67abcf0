"""`neurocomp export tensorboard`: loss curves that were kept, for a viewer of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurocomp.cli.arguments import Parser, whole
from neurocomp.cli.limiting import add_limits, limits_of
from neurocomp.errors import UserError, check_at_least
from neurocomp.text import say

EPILOG = """\
examples:
  neurocomp run task=map_inc init=map_dec save_curves=true name=curves
  neurocomp export tensorboard results/curves
  tensorboard --logdir tensorboard

Needs tensorboard: pip install 'neurocomp[tensorboard]'
"""
RESTARTS = 100


def main(argv: Sequence[str]) -> int:
    """Exit code 1 if a file could not be read; the others are exported."""
    args = _parser().parse_args(argv)
    check_at_least("--restarts", args.restarts, 1)
    from neurocomp.report.tensorboard import check_installed, export

    check_installed()
    limits = limits_of(args)
    from neurocomp.report.cells import Said, read_cells

    for folder in args.folders:
        if not folder.exists():
            raise UserError(f"{folder}: there is no such directory")
    said = Said()
    cells = [cell for folder in args.folders for cell in read_cells(folder, said)]
    exported = export(cells, args.out, limits, args.restarts, said)
    say([*said.notes, *said.problems])
    plural = "" if exported.cells == 1 else "s"
    say([f"wrote {args.out}: {exported.restarts:,} restarts of {exported.cells:,} cell{plural}; "
         f"tensorboard --logdir {args.out}"], prefix="")  # fmt: skip
    return 1 if said.problems else 0


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp export",
        usage="neurocomp export tensorboard FOLDER... [options]",
        description="Write the loss curves that save_curves=true kept as event files of TensorBoard: a run a restart, "
        "with its hyperparameters and verdicts, and one a cell, with its rates.",
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("format", metavar="FORMAT", choices=("tensorboard",), help="tensorboard")
    add("folders", nargs="+", type=Path, metavar="FOLDER", help="where rows and curves are, such as results/curves")
    add("--out", type=Path, default=Path("tensorboard"), metavar="DIR", help="a new folder (default: tensorboard)")
    add("--restarts", type=whole, default=RESTARTS, metavar="N", help=f"of each cell the first N (default: {RESTARTS})")
    add_limits(parser, work=False)
    return parser

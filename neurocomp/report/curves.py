"""Loss curves that `save_curves` kept beside a cell's rows, in CELL.curves.csv: restart, update, loss."""

from __future__ import annotations

import csv
import glob
from pathlib import Path

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.files import read_text
from neurocomp.limits.checking import most
from neurocomp.limits.estimates import BYTE_OF_CURVES
from neurocomp.text import lines, whole_number

Curve = list[tuple[int, float]]  # updates and their losses, in order


def curve_files(rows: Path) -> list[Path]:
    """The files of curves of the cell with these rows: its own, then those of restarts that were run again alone."""
    own = rows.with_name(f"{rows.stem}.curves.csv")
    again = sorted(rows.parent.glob(f"{glob.escape(rows.stem)}.only-*.curves.csv"))
    return [path for path in (own, *again) if path.exists()]


def read_curves(path: Path, limits: LimitsConfig, restarts: int) -> tuple[dict[int, Curve], int]:
    """The curves of the first so many restarts in the file, and how many others there are.

    Raises UserError, which names the line, where it is no file of loss curves.
    """
    from neurocomp.methods.extras import HEADER  # which imports torch: tables are drawn without it

    header, *rows = lines(read_text(path, most(limits, BYTE_OF_CURVES))) or [""]
    if header != HEADER:
        raise UserError(f"{path}:1: not a file of loss curves (expected {HEADER})")
    curves: dict[int, Curve] = {}
    others: set[int] = set()
    for number, row in enumerate(csv.reader(rows), start=2):
        restart, update, loss = _numbers(path, number, row)
        if restart in curves or len(curves) < restarts:
            curves.setdefault(restart, []).append((update, loss))
        else:
            others.add(restart)
    return curves, len(others)


def _numbers(path: Path, number: int, row: list[str]) -> tuple[int, int, float]:
    try:
        (restart, update), loss = map(whole_number, row[:2]), float(*row[2:])
    except (ValueError, TypeError):
        restart = update = None
        loss = 0.0
    if restart is None or update is None:
        raise UserError(f"{path}:{number}: not a row of a loss curve, expected a restart, an update and a loss")
    return restart, update, loss

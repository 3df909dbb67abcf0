"""Kept loss curves as event files of TensorBoard: a run a restart, and one a cell for its rates.

    OUT/EXPERIMENT/CELL            rate/soft, rate/hard, ... of all restarts; recovered: their share by each update
    OUT/EXPERIMENT/CELL/restart-7  loss by each update; hyperparameters, and how the restart was judged

Nothing of this is in the loop that tunes: files that are there are read, and others are written.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.progress_line import ProgressLine
from neurocomp.report.cells import METRICS, Cell, Said
from neurocomp.report.curves import Curve, curve_files, read_curves

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

HYPERPARAMETERS = ("task", "init", "method", "gamma", "seed")


class Exported(NamedTuple):
    """How many cells and restarts have event files now."""

    cells: int
    restarts: int


def check_installed() -> None:
    """Raise UserError, which says what to install, unless there is tensorboard."""
    if importlib.util.find_spec("tensorboard") is None:
        needs = "needs tensorboard, which is not installed"
        raise UserError(f"neurocomp export tensorboard: {needs}; pip install 'neurocomp[tensorboard]'")


def export(cells: Sequence[Cell], out: Path, limits: LimitsConfig, restarts: int, said: Said) -> Exported:
    """Write the event files of the cells that have curves, of so many restarts of each, into a new folder.

    What is wrong with a file of curves is added to `said`. Raises UserError where no cell has curves, or where
    something is at `out` already: event files that are beside others of the same run would be drawn as one.
    """
    if os.path.lexists(out) and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"--out {out}: is there already, expected a folder that is new or empty")
    with_curves = [cell for cell in cells if curve_files(cell.path)]
    if not with_curves:
        raise UserError("no loss curves are kept here (CELL.curves.csv); neurocomp run save_curves=true keeps them")
    with _complete(out) as folder, ProgressLine("export", len(with_curves), "cells") as line:
        written = []
        for cell, of_cell in _named(with_curves, folder):
            written.append(_export_cell(cell, of_cell, limits, restarts, said))
            line.advance()
        if not any(written):
            raise UserError(*said.problems)
    return Exported(sum(map(bool, written)), sum(written))


def _named(cells: Sequence[Cell], folder: Path) -> Iterator[tuple[Cell, Path]]:
    """The folder of each cell's runs: EXPERIMENT/CELL, or all of its path where another cell has that already."""
    taken = set[Path]()
    for cell in cells:
        name = Path(cell.path.parent.name, cell.path.stem)
        if name in taken:
            name = Path(*(part for part in cell.path.with_suffix("").parts if part not in ("/", "..")))
        taken.add(name)
        yield cell, folder / name


@contextmanager
def _complete(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` once all is in it, and is removed where something goes wrong."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        folder.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _export_cell(cell: Cell, of_cell: Path, limits: LimitsConfig, restarts: int, said: Said) -> int:
    """The runs of a cell; how many of its restarts have one."""
    curves: dict[int, Curve] = {}
    others = 0
    for path in curve_files(cell.path):
        try:
            found, more = read_curves(path, limits, restarts)
        except UserError as error:
            said.problems.append(str(error))
            continue
        curves = found | curves  # the cell's own file comes first
        others += more
    if not curves:
        return 0
    _write_cell(cell, of_cell)
    rows = {row["restart"]: row for row in cell.rows.to_dict("records")}
    for restart, curve in curves.items():
        _write_restart(cell, rows.get(restart), curve, of_cell / f"restart-{restart}")
    if others:
        said.notes.append(f"{cell.path.stem}: {others:,} more restarts have curves; --restarts N takes the first N")
    return len(curves)


def _write_cell(cell: Cell, folder: Path) -> None:
    with _writer(folder) as writer:
        for metric in METRICS:
            if (rate := cell.rate(metric)) is not None:
                writer.add_scalar(f"rate/{metric}", rate, 0)
        recovered = 0
        writer.add_scalar("recovered", 0.0, 0)
        for update, those in groupby(sorted(cell.table["recovered_at"].known())):
            recovered += len(list(those))
            writer.add_scalar("recovered", recovered / cell.n, update)


def _write_restart(cell: Cell, row: dict[Any, Any] | None, curve: Curve, folder: Path) -> None:
    with _writer(folder) as writer:
        for update, loss in curve:
            writer.add_scalar("loss", loss, update)
        if row is not None:
            facts = {name: cell.facts[name] for name in HYPERPARAMETERS if cell.facts[name] is not None}
            verdicts = {f"recovered/{metric}": float(row[f"recovered_{metric}"]) for metric in METRICS
                        if row[f"recovered_{metric}"] in (True, False)}  # fmt: skip
            writer.add_hparams(facts | {"restart": int(row["restart"])}, verdicts, run_name=".")


def _writer(folder: Path) -> SummaryWriter:
    from torch.utils.tensorboard.writer import SummaryWriter

    return SummaryWriter(str(folder))

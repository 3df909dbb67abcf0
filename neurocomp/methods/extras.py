"""The extras of tuned restarts: loss curves and weights, kept beside the rows in files named after the cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from neurocomp.compilation.weights_file import weights_bytes
from neurocomp.errors import UserError
from neurocomp.files import atomic_write, check_size, check_writable, read_text
from neurocomp.limits.checking import most
from neurocomp.limits.estimates import BYTE_OF_CURVES
from neurocomp.plan import CheckedCell, Plan
from neurocomp.results.made import Made, write_files
from neurocomp.text import lines
from neurocomp.tuning.lanes import Tuned

HEADER = "restart,update,loss"


class Extras(NamedTuple):
    """What `Made` has beside rows."""

    files: dict[str, bytes]
    curves: dict[int, list[float]]


def check_extras(plan: CheckedCell) -> None:
    """Raise UserError where the curves or the weights that are asked for could not be written."""
    if plan.config.save_weights:
        check_writable(_weights_folder(plan) / "0.safetensors")
    if plan.config.save_curves or plan.config.only is not None:
        check_writable(curves_file(plan))
        if curves_file(plan).exists():  # each batch reads it
            check_size(curves_file(plan), most(plan.config.limits, BYTE_OF_CURVES))


def _weights_folder(plan: CheckedCell) -> Path:
    return plan.path.with_name(f"{plan.path.stem}.weights")


def curves_file(plan: CheckedCell) -> Path:
    """The file of loss curves; a restart that is run again alone has a file of its own."""
    only = "" if plan.config.only is None else f".only-{plan.config.only}"
    return plan.path.with_name(f"{plan.path.stem}{only}.curves.csv")


def extras(plan: Plan, tuned: list[Tuned]) -> Extras:
    """The loss curves and the weights of finished restarts, where they were asked for.

    A restart that is run again alone always has its curve.
    """
    config, files, curves = plan.config, {}, {}
    if config.save_weights:
        for one in tuned:
            files[f".weights/{one.restart}.safetensors"] = weights_bytes(one.logits, plan.task.sizes, plan.task.machine)
    if config.save_curves or config.only is not None:
        curves = {one.restart: one.curve for one in tuned}
    return Extras(files, curves)


def keep_extras(cell: CheckedCell, made: Made) -> None:
    """Write the files and curves that were made, beside the cell's rows."""
    write_files(cell.path, made.files)
    if made.curves:
        write_curves(curves_file(cell), made.curves)


def write_curves(path: Path, curves: Mapping[int, Sequence[float]]) -> None:
    """Write rows `restart, update, loss` of these restarts; they replace the file's rows of the same restarts."""
    again = {str(restart) for restart in curves}
    header, *there = lines(read_text(path, most=None)) if path.exists() else [HEADER]
    if header != HEADER:
        raise UserError(f"{path}:1: not a file of loss curves (expected {HEADER})")
    rows = [HEADER, *(line for line in there if line.partition(",")[0] not in again)]
    for restart, losses in curves.items():
        rows += [f"{restart},{update},{loss!r}" for update, loss in enumerate(losses)]
    atomic_write(path, "".join(f"{row}\n" for row in rows))

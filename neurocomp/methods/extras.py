"""The extras of tuned restarts: loss curves and weights, kept beside the rows in files named after the cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurocomp.compilation.weights_file import save_weights
from neurocomp.errors import UserError
from neurocomp.files import atomic_write, check_size, check_writable, read_text
from neurocomp.limits.checking import most
from neurocomp.limits.estimates import BYTE_OF_CURVES
from neurocomp.plan import CheckedCell, Plan
from neurocomp.text import lines
from neurocomp.tuning.lanes import Tuned

HEADER = "restart,update,loss"


def check_extras(plan: CheckedCell) -> None:
    """Raise UserError where the curves or the weights that are asked for could not be written."""
    if plan.config.save_weights:
        check_writable(_weights_folder(plan) / "0.safetensors")
    if plan.config.save_curves or plan.config.only is not None:
        check_writable(_curves_file(plan))
        if _curves_file(plan).exists():  # each batch reads it
            check_size(_curves_file(plan), most(plan.config.limits, BYTE_OF_CURVES))


def _weights_folder(plan: CheckedCell) -> Path:
    return plan.path.with_name(f"{plan.path.stem}.weights")


def _curves_file(plan: CheckedCell) -> Path:
    """The file of loss curves; a restart that is run again alone has a file of its own."""
    only = "" if plan.config.only is None else f".only-{plan.config.only}"
    return plan.path.with_name(f"{plan.path.stem}{only}.curves.csv")


def keep_extras(plan: Plan, restarts: Sequence[int], tuned: list[Tuned]) -> dict[str, str]:
    """Write the loss curves and the weights of finished restarts, where they were asked for; returns extra columns.

    A restart that is run again alone always writes its curve, to a file of its own, whose name is the column `curve`.
    """
    if plan.config.save_weights:
        write_weights(plan, restarts, tuned)
    if plan.config.only is not None:
        write_curves(_curves_file(plan), restarts, tuned)
        return {"curve": str(_curves_file(plan))}
    if plan.config.save_curves:
        write_curves(_curves_file(plan), restarts, tuned)
    return {}


def write_weights(plan: Plan, restarts: Sequence[int], tuned: list[Tuned]) -> None:
    """Write a file of weights for each of these restarts."""
    folder = _weights_folder(plan)
    for number, restart in zip(restarts, tuned, strict=True):
        save_weights(folder / f"{number}.safetensors", restart.logits, plan.task.sizes, plan.task.machine)


def write_curves(path: Path, restarts: Sequence[int], tuned: list[Tuned]) -> None:
    """Write rows `restart, update, loss` of these restarts; they replace the file's rows of the same restarts."""
    again = {str(number) for number in restarts}
    header, *there = lines(read_text(path, most=None)) if path.exists() else [HEADER]
    if header != HEADER:
        raise UserError(f"{path}:1: not a file of loss curves (expected {HEADER})")
    rows = [HEADER, *(line for line in there if line.partition(",")[0] not in again)]
    for number, restart in zip(restarts, tuned, strict=True):
        rows += [f"{number},{update},{loss!r}" for update, loss in enumerate(restart.curve)]
    atomic_write(path, "".join(f"{row}\n" for row in rows))

"""What can be kept beside the rows of tuned restarts: loss curves and weights, in files named after the cell."""

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
    """Raise UserError where the curves or the weights that are asked for cannot be written."""
    if plan.config.save_weights:
        check_writable(_weights_folder(plan) / "0.safetensors")
    if plan.config.save_curves or plan.config.only is not None:
        check_writable(_curves_file(plan))
        if _curves_file(plan).exists():  # each batch reads it
            check_size(_curves_file(plan), most(plan.config.limits, BYTE_OF_CURVES))


def _weights_folder(plan: CheckedCell) -> Path:
    return plan.path.with_name(f"{plan.path.stem}.weights")


def _curves_file(plan: CheckedCell) -> Path:
    """Where loss curves go; a restart that is run again by itself has a file of its own."""
    only = "" if plan.config.only is None else f".only-{plan.config.only}"
    return plan.path.with_name(f"{plan.path.stem}{only}.curves.csv")


def keep_extras(plan: Plan, restarts: Sequence[int], tuned: list[Tuned]) -> dict[str, str]:
    """The loss curves and the weights of a finished batch, where they were asked for.

    A restart that is run again by itself leaves its curve in any case, in a file of its own; the name is returned.
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
    """A file of weights for each of these restarts."""
    folder = _weights_folder(plan)
    for number, restart in zip(restarts, tuned, strict=True):
        save_weights(folder / f"{number}.safetensors", restart.logits, plan.task.sizes, plan.task.machine)


def write_curves(path: Path, restarts: Sequence[int], tuned: list[Tuned]) -> None:
    """Rows `restart, update, loss` of these restarts, instead of those the file may have and beside all other lines."""
    again = {str(number) for number in restarts}
    header, *there = lines(read_text(path, most=None)) if path.exists() else [HEADER]
    if header != HEADER:
        raise UserError(f"{path}:1: not a file of loss curves (expected {HEADER})")
    rows = [HEADER, *(line for line in there if line.partition(",")[0] not in again)]
    for number, restart in zip(restarts, tuned, strict=True):
        rows += [f"{number},{update},{loss!r}" for update, loss in enumerate(restart.curve)]
    atomic_write(path, "".join(f"{row}\n" for row in rows))

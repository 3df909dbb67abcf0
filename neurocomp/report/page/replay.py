"""The weights that a restart ended with: from their file where they were kept, else by tuning the restart once more.

What a restart comes to depends on (seed, restart) alone, so that some restarts of a cell can be tuned without the
others. The row that comes out has to equal the row that is there; a restart of which it does not is no trace of it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from neurocomp.compilation.weights_file import load_weights
from neurocomp.devices import torch_threads
from neurocomp.engine import torch_threads_for
from neurocomp.errors import UserError
from neurocomp.limits.checking import most
from neurocomp.limits.estimates import BYTE_OF_WEIGHTS
from neurocomp.methods.progress import Progress
from neurocomp.methods.rows import rounded
from neurocomp.methods.tune import judge, tune_restarts
from neurocomp.plan import Plan, start
from neurocomp.report.cells import Cell
from neurocomp.report.page.restored import weights_file
from neurocomp.results.columns import CIRCUMSTANCES, RESTARTS
from neurocomp.shapes import Float, Tensor
from neurocomp.tasks.examples import HeldOut
from neurocomp.tuning.recovery import program_text

# What a restart came to: all up to its program. How the row was made, and columns that came later, are not compared.
COMPARED = tuple(
    name for name in RESTARTS.columns[: RESTARTS.columns.index("program") + 1] if name not in CIRCUMSTANCES
)
SAVED, REPLAYED = "weights that were saved", "tuned again, equal to its row"


class Replay(NamedTuple):
    """A restart's weights before its first update and after its last, its losses if known, and where they come from.

    `problem` says why there are no weights.
    """

    restart: int
    before: Float[Tensor, "L W"] | None = None
    after: Float[Tensor, "L W"] | None = None
    losses: Sequence[float] = ()
    origin: str = ""
    problem: str = ""


def replayed(plan: Plan, unseen: HeldOut, cell: Cell, restarts: Sequence[int], shown: bool = False) -> list[Replay]:
    """These restarts of a cell that was tuned, in order of their numbers; with `shown`, below a bar of progress."""
    saved = [number for number in restarts if weights_file(cell, number).is_file()]
    found = [*_loaded(plan, unseen, cell, saved)]
    missing = [number for number in restarts if number not in saved]
    if missing:
        with torch_threads(torch_threads_for(plan.engine, plan.threads)):
            title, updates = f"{cell.path.stem} again", plan.config.optimizer.updates
            with Progress(title, [missing], updates, shown) as bar:
                found += _tuned_again(plan, unseen, cell, missing, bar)
    return sorted(found, key=operator.attrgetter("restart"))


def _tuned_again(plan: Plan, unseen: HeldOut, cell: Cell, restarts: Sequence[int], bar: Progress) -> Iterator[Replay]:
    before, _ = start(plan, unseen, restarts)
    tuned = tune_restarts(plan, unseen, sorted(restarts), bar)
    begun = dict(zip(restarts, before, strict=True))
    for one, row in zip(tuned, judge(plan, unseen, tuned), strict=True):
        if different := differing(row, _row(cell, one.restart)):
            yield Replay(one.restart, problem=f"tuned again it comes to another row: {different}")
        elif not one.logits.isfinite().all():
            yield Replay(one.restart, problem="it diverged: weights that are not finite are no program")
        else:
            yield Replay(one.restart, begun[one.restart], one.logits, one.curve, REPLAYED)


def _loaded(plan: Plan, unseen: HeldOut, cell: Cell, restarts: Sequence[int]) -> Iterator[Replay]:
    for number in restarts:
        path, there = weights_file(cell, number), _row(cell, number)
        try:
            logits, sizes, machine = load_weights(path, most(plan.config.limits, BYTE_OF_WEIGHTS))
        except UserError as error:
            yield Replay(number, problem=str(error))
            continue
        fits = sizes == plan.task.sizes and machine.jump_target == plan.task.machine.jump_target
        if not fits or program_text(logits, plan.task)[0] != there["program"]:
            yield Replay(number, problem=f"{path}: another program than that of its row")
            continue
        before, _ = start(plan, unseen, [number])
        yield Replay(number, before[0], logits.to(before.dtype), origin=SAVED)


def _row(cell: Cell, restart: int) -> dict[str, Any]:
    """The values of a restart's row; those that are empty are None, columns that the file lacks are not there."""
    place = cell.table["restart"].values.tolist().index(restart)
    columns = {name: cell.table[name] for name in COMPARED if name in cell.table.columns}
    return {
        name: None if of.missing[place] else of.values[place : place + 1].tolist()[0] for name, of in columns.items()
    }


def differing(made: dict[str, Any], there: dict[str, Any]) -> str:
    """`loss 0.5 instead of 0.25` for the first column in which the rows differ; nothing if they are equal."""
    for name, value in there.items():
        mine = made.get(name)
        if name == "margin" and mine is not None and value is not None:
            value = rounded(value)  # rows that are older have all digits
        if mine != value and (mine or value or mine is False or value is False or mine == 0 or value == 0):
            return f"{name} {mine} instead of {value}"
    return ""

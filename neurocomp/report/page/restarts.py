"""The restarts of a cell as columns of plain numbers, its distinct final programs, and its curves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.language.assembly import parse
from neurocomp.report.cells import METRICS, Cell
from neurocomp.report.curves import read_curves
from neurocomp.results.typed_rows import TypedRows

MEASURES = tuple(METRICS)
PROGRAMS = 200  # distinct programs of a cell that are written out, those with most restarts first
POINTS = 60  # of a loss curve: more than a figure of a few hundred pixels can tell apart
CURVES = 20  # of a cell
NUMBERS = ("updates", "recovered_at", "lines_changed")


def restart_numbers(cell: Cell, shown: int, asked: Collection[int], limits: LimitsConfig) -> dict[str, Any]:
    """The first `shown` restarts of a cell and those `asked` for, column by column, and what all of them came to.

    `program` is a place in `programs`, whose `count` is that of all restarts; None where it is not written out.
    """
    counted = Counter(text for text in cell.table["program"].values.tolist() if text)
    written = list(dict(counted.most_common(PROGRAMS)))
    listed = _listed(cell, shown, asked)
    of_asked = values_of(listed.take(_places(listed, asked)), "program")
    written += [text for text in dict.fromkeys(of_asked) if text and text not in written]
    places = {text: place for place, text in enumerate(written)}
    return {
        "programs": [{"text": text, "count": counted[text]} | _unparsed(text, _jump_target(cell)) for text in written],
        "distinct": len(counted),
        "restarts": {
            "restart": listed["restart"].values.tolist(),
            "status": listed["status"].values.tolist(),
            **{metric: values_of(listed, f"recovered_{metric}") for metric in MEASURES},
            **{name: values_of(listed, name) for name in NUMBERS},
            **{name: list(map(short, values_of(listed, name))) for name in ("margin", "loss")},
            "program": [places.get(text) for text in values_of(listed, "program")],
        },
        "left_out": cell.n - len(listed),
        "recovery": _recovery(cell),
        **_kept_curves(cell, limits),
    }


def _listed(cell: Cell, shown: int, asked: Collection[int]) -> TypedRows:
    """The rows of the first `shown` restarts and of those that were asked for."""
    if shown >= cell.n:
        return cell.table
    return cell.table.take(np.union1d(np.arange(shown), _places(cell.table, asked)))


def _places(table: TypedRows, restarts: Collection[int]) -> np.ndarray:
    """Where the rows of these restarts are."""
    return np.flatnonzero(np.isin(table["restart"].values, list(restarts)))


def kind_of(cell: Cell, place: int) -> str:
    """`recovered` if the decompiled program is right on test examples, `near` if the weights are, else `lost`."""
    right = {metric: bool(cell.table[f"recovered_{metric}"].is_true[place]) for metric in MEASURES}
    return "recovered" if right["hard"] else "near" if right["soft"] or right["fit"] else "lost"


def _jump_target(cell: Cell) -> str:
    machine = cell.config.get("machine")
    given = machine.get("jump_target") if isinstance(machine, dict) else None
    return given if given in ("line", "operand", "value") else "line"


def _unparsed(text: str, jump_target: str) -> dict[str, str]:
    """Why a text is no program, if it is none."""
    try:
        parse(text, "program", jump_target)
    except UserError as error:
        return {"problem": str(error)}
    return {}


def values_of(table: TypedRows, name: str) -> list[Any]:
    """The values of a column; None where it is empty."""
    values, missing = table[name].values.tolist(), table[name].missing.tolist()
    return [None if lacks else value for value, lacks in zip(values, missing, strict=True)]


def short(number: float | None) -> float | None:
    """A number with four digits: what a table shows of it."""
    return None if number is None or not math.isfinite(number) else float(f"{number:.4g}")


def _recovery(cell: Cell) -> list[list[int]]:
    """After how many updates how many restarts had been recovered: a point wherever the number rises."""
    at = sorted(cell.table["recovered_at"].known())
    risen, points = 0, []
    for update, those in groupby(at):
        risen += len(list(those))
        points.append([update, risen])
    return points


def _kept_curves(cell: Cell, limits: LimitsConfig) -> dict[str, Any]:
    """The loss curves that were kept beside the rows, of the first restarts; a line about a file that is none."""
    path = cell.path.with_name(f"{cell.path.stem}.curves.csv")
    if not path.exists():
        return {"curves": {}}
    try:
        return {"curves": _curves(path, limits)}
    except UserError as error:
        return {"curves": {}, "curves_problem": str(error)}


def _curves(path: Path, limits: LimitsConfig) -> dict[str, list[list[float]]]:
    curves, _ = read_curves(path, limits, CURVES)
    return {str(restart): thinned([loss for _, loss in curve]) for restart, curve in curves.items()}


def thinned(curve: Sequence[float]) -> list[list[float]]:
    """Points (update, loss) of a curve, more of them at its start, where a loss falls; the first and last are kept."""
    last = len(curve) - 1
    if last < 0:
        return []
    updates = {round((last + 1) ** (point / (POINTS - 1))) - 1 for point in range(POINTS)} | {0, last}
    points = [(update, curve[update]) for update in sorted(updates)]
    return [[update, float(f"{loss:.4g}")] for update, loss in points if math.isfinite(loss)]

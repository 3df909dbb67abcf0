"""How an update's cost grows with each size: rows of `neurocomp bench --scaling`, a panel a size, a curve an engine.

An engine that was measured by `neurocomp bench` on the same shape alone, as JAX was, has the points that this gives.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from neurocomp.errors import UserError
from neurocomp.files import read_text
from neurocomp.report.panels import COLORS, MARKERS, STYLE, commits_text, dates_text, label_panels, sign

LETTERS = {"restarts": "K", "examples": "B", "steps": "T", "base": "b", "registers": "R", "lines": "L"}
NUMBERS = ("value", "ms_per_update", "ms_low", "ms_high")
ORDER = ("eager", "jax", "fused")

Row = dict[str, str]


class Point(NamedTuple):
    """What an update costs with an engine, in ms: the median and the quartiles, where one size has this value."""

    size: str
    engine: str
    value: int
    ms: float
    low: float
    high: float


def scaling_figure(folder: Path, command: str) -> Figure:
    """The figure of the rows in a folder's scaling.csv and updates.csv; the latest of each point counts."""
    rows = _rows(folder / "scaling.csv")
    if not rows:
        raise UserError(f"{folder}: no rows of neurocomp bench --scaling; expected its scaling.csv")
    shape = {size: int(next(row[size] for row in reversed(rows) if row["size"] != size)) for size in LETTERS}
    used = [row for row in rows if all(int(row[size]) == shape[size] for size in LETTERS if size != row["size"])]
    found = {(row["size"], row["value"], row["engine"]): row for row in used}
    points = [Point(row["size"], row["engine"], int(row["value"]), *(float(row[name]) for name in NUMBERS[1:]))
              for row in found.values()]  # fmt: skip
    engines = {point.engine for point in points}
    alike = [row for row in _rows(folder / "updates.csv") if all(int(row[size]) == shape[size] for size in LETTERS)]
    others = [row for row in alike if row["engine"] not in engines]
    others = [row for row in others if row["commit"] == others[-1]["commit"]]  # the last one's
    for engine in sorted({row["engine"] for row in others}):
        points += _from_updates([row for row in others if row["engine"] == engine], engine, shape)
    return _drawn(points, shape, [*found.values(), *others], _note(alike, others), command)


def _note(alike: Sequence[Row], others: Sequence[Row]) -> str:
    """What has to be said of points of another run: what the readable engine took there."""
    if not others:
        return ""
    here = [float(row["ms_per_update"]) for row in alike
            if row["engine"] == "eager" and row["commit"] == others[-1]["commit"]]  # fmt: skip
    beside = f" (beside them eager took {statistics.median(here):.0f} ms)" if here else ""
    names = ", ".join(sorted({row["engine"] for row in others}))
    return f"; {names}: this shape and K = 1 alone, from other runs{beside}"


def _rows(path: Path) -> list[Row]:
    return list(csv.DictReader(io.StringIO(read_text(path)))) if path.exists() else []


def _from_updates(rows: Sequence[Row], engine: str, shape: dict[str, int]) -> list[Point]:
    """The points of an engine that was measured on the shape alone: the medians over its runs."""
    middle, low, high = (statistics.median(float(row[name]) for row in rows) for name in NUMBERS[1:])
    alone = statistics.median(float(row["ms_one_restart"]) for row in rows)
    same = [Point(size, engine, shape[size], middle, low, high) for size in LETTERS]
    return [Point("restarts", engine, 1, alone, alone, alone), *same]


def _drawn(points: Sequence[Point], shape: dict[str, int], rows: Sequence[Row], note: str, command: str) -> Figure:
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(10, 6), layout="constrained")
        panels = dict(zip(LETTERS, figure.subplots(2, 3, sharey=True).flat, strict=True))
        for size, panel in panels.items():
            _panel(panel, size, [point for point in points if point.size == size])
        engines = [*ORDER, *sorted({point.engine for point in points}.difference(ORDER))]
        x = f"one size grows, the others stay; both axes logarithmic{note}"
        label_panels(figure, panels.values(), engines, x, "ms per update")
        sizes = ", ".join(f"{letter} = {shape[size]}" for size, letter in LETTERS.items())
        dates = dates_text(row["date"] for row in rows)
        dirty = any(row["dirty"] == "True" for row in rows)
        commits = commits_text((row["commit"][:7] for row in rows), dirty)
        machines = ", ".join(sorted({row["machine"] for row in rows}))
        sign(figure, "measure: ms per update, median and quartiles", [f"k: {sizes}", dates, commits, machines], command)
    return figure


def _panel(panel: Axes, size: str, points: Sequence[Point]) -> None:
    for engine in dict.fromkeys(point.engine for point in points):
        curve = sorted(point for point in points if point.engine == engine)
        look = ORDER.index(engine) if engine in ORDER else len(ORDER)
        bars = [[point.ms - point.low for point in curve], [point.high - point.ms for point in curve]]
        panel.errorbar([point.value for point in curve], [point.ms for point in curve], bars, label=engine,
                       color=COLORS[look], marker=MARKERS[look], markersize=4, capsize=2)  # fmt: skip
    panel.set(xscale="log", yscale="log", title=f"{size} ({LETTERS[size]})")
    panel.set_xticks(sorted({point.value for point in points}))
    panel.xaxis.set_major_formatter(ScalarFormatter())
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid()

"""The figures: Table 1 as a heat map, recovery over updates, against gamma, and over seconds. Drawn from rows alone.

Nothing in a file depends on when or where it is drawn, so that a figure changes only with its rows.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import NullFormatter, ScalarFormatter

from neurocomp.errors import UserError
from neurocomp.files import atomic_write
from neurocomp.report.arena_figures import arena, arena_profile
from neurocomp.report.cells import Cell
from neurocomp.report.gamma import gamma_table, is_own
from neurocomp.report.panels import COLORS, DASHES, MARKERS, label_panels, panels_of, spaced
from neurocomp.report.places import BOTH, EQUAL_BUDGET, choose, row_of
from neurocomp.report.published import task_order
from neurocomp.report.rates import wilson
from neurocomp.report.table import EXCLUDED, Entry, long_table

# What of a file would say when it was drawn, and by which matplotlib.
METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
STYLE = {"svg.hashsalt": "neurocomp", "font.size": 9.0, "axes.spines.top": False, "axes.spines.right": False}

STARTS = ("optimization", "init=map_inc", "init=map_dec", "init=loop_noop", BOTH, EQUAL_BUDGET)  # in a legend's order
OWN = "the task's own program"


def save(figure: Figure, path: Path) -> None:
    """Write the figure in the format that the suffix says. Raises UserError for another one than png, svg or pdf."""
    format = checked_format(path)
    data = io.BytesIO()
    with style.context(["default", STYLE]):
        figure.savefig(data, format=format, dpi=160, metadata=METADATA[format])
    atomic_write(path, data.getvalue())


def checked_format(path: Path) -> str:
    format = path.suffix.lower().removeprefix(".")
    if format not in METADATA:
        raise UserError(f"--out {path}: expected a name that ends in .{', .'.join(METADATA)}")
    return format


def draw(name: str, cells: Sequence[Cell], metric: str) -> Figure:
    """One of FIGURES, in matplotlib's own style whatever the user's is."""
    with style.context(["default", STYLE]):
        return FIGURES[name](cells, metric)


# --- table1


def table1(cells: Sequence[Cell], metric: str) -> Figure:
    """Measured beside published on one scale; a cell says its rate in percent and, measured, its interval."""
    entries = long_table("table1", cells, metric)
    rows = list(dict.fromkeys(entry["row"] for entry in entries))
    figure = Figure(figsize=(10, 1.2 + 0.42 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _heat(left, entries, "rate")
    image = _heat(right, entries, "published")
    left.set(title=f"measured ({metric})", yticks=range(len(rows)), yticklabels=rows)
    right.set(title="published")
    figure.colorbar(image, ax=[left, right], label="recovered restarts (%)", pad=0.01)
    signs = f"small: 95% interval; {EXCLUDED}: it has nothing in common with the published one; gray: no number"
    figure.supxlabel(signs, fontsize=8)
    return figure


def _heat(panel: Axes, entries: Sequence[Entry], column: str) -> AxesImage:
    """A colored grid of rows and tasks; what is not known is gray."""
    import numpy as np

    rows, tasks = (list(dict.fromkeys(entry[axis] for entry in entries)) for axis in ("row", "task"))
    rates = np.full((len(rows), len(tasks)), np.nan)
    for entry in entries:
        if entry[column] is not None:
            x, y = tasks.index(entry["task"]), rows.index(entry["row"])
            rates[y, x] = 100 * entry[column]
            _heat_text(panel, x, y, entry, column)
    panel.set_facecolor("0.92")
    image = panel.imshow(rates, vmin=0, vmax=100, cmap="cividis", aspect="auto")
    panel.set_xticks(range(len(tasks)), tasks)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    return image


def _heat_text(panel: Axes, x: int, y: int, entry: Entry, column: str) -> None:
    look: Any = {"ha": "center", "va": "center", "color": "black" if entry[column] > 0.5 else "white"}
    rate = f"{100 * entry[column]:.0f}"
    if column == "published":
        panel.text(x, y, rate, **look)
        return
    panel.text(x, y - 0.14, rate + (f" {EXCLUDED}" if entry["excluded"] else ""), **look)
    panel.text(x, y + 0.26, f"{100 * entry['ci_low']:.0f}-{100 * entry['ci_high']:.0f}", fontsize=6.5, **look)


# --- recovery


def recovery(cells: Sequence[Cell], metric: str) -> Figure:
    """The share of restarts that tuning had recovered by each update, by task and by what they started from."""
    tuned = [cell for cell in cells if cell.n and cell.facts["method"] == "tune"]
    chosen = choose(((row_of(cell), cell.facts["task"]), cell) for cell in tuned)
    there = {row for row, _ in chosen}
    rows = [*STARTS, *sorted(there.difference(STARTS))]
    figure, panels = panels_of(sorted({task for _, task in chosen}, key=task_order))
    last = max(max(cell.table["updates"].known(), default=1) for cell in chosen.values())
    for task, panel in panels.items():
        for look, row in enumerate(rows):
            if cell := chosen.get((row, task)):
                _curve(panel, cell, last, row, look % len(COLORS))
        panel.set_xscale("symlog", linthresh=10, linscale=0.3)
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.set_xlim(0, last)
    label_panels(figure, panels, rows, "updates (logarithmic from 10)", "restarts that tuning had recovered (%)")
    return figure


def _curve(panel: Axes, cell: Cell, last: int, label: str, look: int) -> None:
    """Steps from update to update, with the 95 % interval of each share as a band."""
    at = sorted(cell.table["recovered_at"].known())
    updates = sorted({0, *at, last})
    counts = [sum(update <= now for update in at) for now in updates]
    intervals = [wilson(count, cell.n) for count in counts]
    low, high = [100 * interval.low for interval in intervals], [100 * interval.high for interval in intervals]
    shares = [100 * count / cell.n for count in counts]
    panel.step(updates, shares, where="post", label=label, color=COLORS[look], linestyle=DASHES[look])
    panel.fill_between(updates, low, high, step="post", color=COLORS[look], alpha=0.15, linewidth=0)


# --- gamma


def gamma(cells: Sequence[Cell], metric: str) -> Figure:
    """The rate against gamma by task and initial program, with 95 % intervals; the paper's gamma is dotted."""
    entries = gamma_table(cells, metric).entries
    gammas = sorted({entry["gamma"] for entry in entries})
    labels = [OWN, *sorted({_start(entry) for entry in entries} - {OWN})]
    figure, panels = panels_of(list(dict.fromkeys(entry["task"] for entry in entries)))
    for task, panel in panels.items():
        panel.axvline(0.3, color="gray", linestyle=":", linewidth=1)
        if gammas[0] > 0 and gammas[-1] / gammas[0] > 10:
            panel.set_xscale("log")
            panel.set_xticks(gammas, spaced(gammas))
            panel.xaxis.set_minor_formatter(NullFormatter())
        for look, label in enumerate(labels):
            mine = [entry for entry in entries if entry["task"] == task and _start(entry) == label]
            if mine:
                _points(panel, mine, label, look % len(COLORS))
    x = "gamma (noise of the compiled program; dotted: 0.3)"
    label_panels(figure, panels, labels, x, f"restarts recovered ({metric}, %)")
    return figure


def _start(entry: Any) -> str:
    return OWN if is_own(entry) else f"init={entry['init']}"


def _points(panel: Axes, entries: Sequence[Any], label: str, look: int) -> None:
    rates = [100 * entry["rate"] for entry in entries]
    bars = [
        [100 * (entry["rate"] - entry["ci_low"]) for entry in entries],
        [100 * (entry["ci_high"] - entry["rate"]) for entry in entries],
    ]
    line = {"color": COLORS[look], "linestyle": DASHES[look], "marker": MARKERS[look], "markersize": 4, "capsize": 2}
    panel.errorbar([entry["gamma"] for entry in entries], rates, bars, label=label, **line)


FIGURES = {"table1": table1, "recovery": recovery, "gamma": gamma, "arena": arena, "arena_profile": arena_profile}

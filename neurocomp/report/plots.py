"""The figures: Table 1 as a heat map, recovery over updates, recovery against gamma. Drawn from rows alone.

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
from neurocomp.report.cells import Cell
from neurocomp.report.gamma import gamma_table, is_own
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

# Okabe and Ito's colors, which people with any color vision tell apart; each initialization has its own line as well.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = "osD^vPX"

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
    figure, panels = _panels(sorted({task for _, task in chosen}, key=task_order))
    last = max(max(cell.table["updates"].known(), default=1) for cell in chosen.values())
    for task, panel in panels.items():
        for look, row in enumerate(rows):
            if cell := chosen.get((row, task)):
                _curve(panel, cell, last, row, look % len(COLORS))
        panel.set_xscale("symlog", linthresh=10, linscale=0.3)
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.set_xlim(0, last)
    _label(figure, panels, rows, "updates (logarithmic from 10)", "restarts that tuning had recovered (%)")
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
    figure, panels = _panels(list(dict.fromkeys(entry["task"] for entry in entries)))
    for task, panel in panels.items():
        panel.axvline(0.3, color="gray", linestyle=":", linewidth=1)
        if gammas[0] > 0 and gammas[-1] / gammas[0] > 10:
            panel.set_xscale("log")
            panel.set_xticks(gammas, _spaced(gammas))
            panel.xaxis.set_minor_formatter(NullFormatter())
        for look, label in enumerate(labels):
            mine = [entry for entry in entries if entry["task"] == task and _start(entry) == label]
            if mine:
                _points(panel, mine, label, look % len(COLORS))
    x = "gamma (noise of the compiled program; dotted: 0.3)"
    _label(figure, panels, labels, x, f"restarts recovered ({metric}, %)")
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


# --- panels


def _panels(tasks: Sequence[str]) -> tuple[Figure, dict[str, Axes]]:
    """A panel for each task, three in a row, all with the same axes."""
    if not tasks:
        raise UserError("there is nothing to draw: no cell of these results fits the figure")
    columns = min(3, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = Figure(figsize=(10, 0.9 + 2.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
    panels = dict(zip(tasks, grid, strict=False))
    for unused in list(grid)[len(tasks) :]:
        unused.set_visible(False)
    for task, panel in panels.items():
        panel.set(title=task, ylim=(-3, 103))
        panel.grid(alpha=0.3)
    return figure, panels


def _spaced(numbers: list[float]) -> list[str]:
    """Labels of ticks on a logarithmic axis; what is less than half as much again as the last label has none."""
    labels, last = [], 0.0
    for number in numbers:
        last = number if number >= 1.5 * last else last
        labels.append(f"{number:g}" if number == last else "")
    return labels


def _label(figure: Figure, panels: dict[str, Axes], order: Sequence[str], x: str, y: str) -> None:
    """What the axes are, and above the panels a legend of all their lines."""
    figure.supxlabel(x)
    figure.supylabel(y)
    lines = {}
    for panel in panels.values():
        handles, labels = panel.get_legend_handles_labels()
        lines |= zip(labels, handles, strict=True)
    labels = sorted(lines, key=order.index)
    handles = [lines[label] for label in labels]
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 6), frameon=False)


FIGURES = {"table1": table1, "recovery": recovery, "gamma": gamma}

"""The figures: Table 1 as a heat map, recovery over updates, against gamma, and over seconds. Drawn from rows alone.

Nothing in a file depends on when or where it is drawn, so that a figure changes only with its rows.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
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
from neurocomp.report.floors import told_apart
from neurocomp.report.gamma import gamma_table, is_own, is_varied
from neurocomp.report.grid import restarts_text
from neurocomp.report.panels import (
    COLORS,
    DASHES,
    MARKERS,
    STYLE,
    facts_of,
    label_panels,
    panels_of,
    say_if_all_are_zero,
    sign,
    spaced,
)
from neurocomp.report.places import BOTH, EQUAL_BUDGET, SKELETON, choose, row_of
from neurocomp.report.published import task_order
from neurocomp.report.rates import wilson
from neurocomp.report.table import EXCLUDED, Entry, long_table, placed

# What of a file would say when it was drawn, and by which matplotlib.
METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

EXCLUDED_MEANS = "the measured and the published 95% interval have nothing in common"
STARTS = ("optimization", "init=map_inc", "init=map_dec", "init=loop_noop", BOTH, EQUAL_BUDGET)  # in a legend's order
OWN = "the task's own program"


def save(figure: Figure, path: Path) -> None:
    """Write the figure in the format that the suffix says. Raises UserError for another one than png, svg or pdf."""
    format = checked_format(path)
    data = io.BytesIO()
    with style.context(["default", STYLE]):
        _settle(figure)
        figure.savefig(data, format=format, metadata=METADATA[format])
    atomic_write(path, data.getvalue())


def _settle(figure: Figure) -> None:
    """Lay the figure out, and leave it so: the solver's last bits differ from time to time, and with them the file."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position([round(value, 5) for value in axes.get_position().bounds])  # type: ignore


def checked_format(path: Path) -> str:
    format = path.suffix.lower().removeprefix(".")
    if format not in METADATA:
        raise UserError(f"--out {path}: expected a name that ends in .{', .'.join(METADATA)}")
    return format


def draw(name: str, cells: Sequence[Cell], metric: str, command: str = "", **options: str) -> Figure:
    """One of FIGURES, in the style of figures.mplstyle whatever the user's is; the footer ends with the command."""
    with style.context(["default", STYLE]):
        figure, drawn = FIGURES[name](cells, metric, **options)
        measure = "measure: " + ("recovered_at (lines), soft (marks)" if name == "recovery" else metric)
        sign(figure, measure, facts_of(drawn), command)
    return figure


Drawn = tuple[Figure, Sequence[Cell]]  # a figure, and the cells whose rows are in it

# --- table1


def table1(cells: Sequence[Cell], metric: str, loop_noop: str = SKELETON) -> Drawn:
    """What was measured, and how far it is from what was published.

    On the left a cell says its rate in percent and its interval, on the right the difference in points and what was
    published. The right has only rows in which something was published, so that it may be short or missing.
    """
    cells, _ = told_apart(cells)
    entries = long_table("table1", cells, metric, loop_noop)
    rows = list(dict.fromkeys(entry["row"] for entry in entries))
    there = {entry["row"] for entry in entries if entry["difference"] is not None}
    compared = [entry for entry in entries if entry["row"] in there]
    figure = Figure(figsize=(11.5 if there else 6, 1.2 + 0.42 * len(rows)), layout="constrained")
    grid = figure.add_gridspec(2, 2 if there else 1, height_ratios=[max(len(there), 1), max(len(rows) - len(there), 1)])
    left = figure.add_subplot(grid[:, 0])
    figure.colorbar(_heat(left, entries, "rate"), ax=left, label="recovered restarts (%)", pad=0.01)
    left.set(title="measured", yticks=range(len(rows)), yticklabels=rows)
    if there:
        right = figure.add_subplot(grid[0, 1])
        figure.colorbar(_heat(right, compared, "difference"), ax=right, label="difference (points)", pad=0.01)
        labels = list(dict.fromkeys(entry["row"] for entry in compared))
        right.set(title="measured - published", yticks=range(len(labels)))
        right.set_yticklabels([] if labels == rows[: len(labels)] else labels)  # they stand beside the same rows
    signs = ["small: 95% interval, on the right the published rate" if there else "small: 95% interval"]
    signs += ["gray: no number", f"{EXCLUDED}: {EXCLUDED_MEANS}"] if there else []
    figure.suptitle(f"Table 1, {metric}, {restarts_text(entries)}")
    figure.supxlabel("; ".join(signs))
    return figure, list(placed("table1", cells, loop_noop)[1].values())


SCALES = {
    "rate": {"vmin": 0, "vmax": 100, "cmap": "cividis"},
    "difference": {"vmin": -100, "vmax": 100, "cmap": "RdBu"},
}


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
    image = panel.imshow(rates, aspect="auto", **SCALES[column])
    panel.set_xticks(range(len(tasks)), tasks, fontsize=8)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    return image


def _heat_text(panel: Axes, x: int, y: int, entry: Entry, column: str) -> None:
    is_dark = entry["rate"] <= 0.5 if column == "rate" else abs(entry["difference"]) > 0.6
    look: Any = {"ha": "center", "va": "center", "color": "white" if is_dark else "black"}
    sign = f" {EXCLUDED}" if entry["excluded"] else ""
    if column == "rate":
        large, small = f"{100 * entry['rate']:.0f}", f"{100 * entry['ci_low']:.0f}-{100 * entry['ci_high']:.0f}"
    else:
        large, small = f"{100 * entry['difference']:+.0f}{sign}", f"{100 * entry['published']:.0f}"
    panel.text(x, y - 0.14, large, **look)
    panel.text(x, y + 0.26, small, fontsize=6.5, **look)


# --- recovery


def recovery(cells: Sequence[Cell], metric: str) -> Drawn:
    """The share of restarts that were right by each update, by task and by what they started from.

    A line counts a restart from the update on that ended it as recovered: soft and hard held on validation together
    (with stop=fit, the fit). The mark at its right counts those of its restarts that are right by soft on test.
    """
    tuned = [cell for cell in told_apart(cells)[0] if cell.n and cell.facts["method"] == "tune"]
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
        say_if_all_are_zero(panel, "none recovered")
    x = f"updates (logarithmic from 10); lines: {_counted(chosen.values())}; marks: soft alone, on test, at the end"
    label_panels(figure, panels.values(), rows, x, "restarts that tuning had recovered (%)")
    return figure, list(chosen.values())


def _counted(cells: Iterable[Cell]) -> str:
    """What recovered_at stands for in these cells."""
    stops = {(cell.config.get("optimizer") or {}).get("stop", "validated") for cell in cells}
    texts = {"validated": "soft and hard together, on validation", "fit": "fit, on training examples"}
    return " or ".join(texts[stop] for stop in sorted(stops, reverse=True) if stop in texts)


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
    if (soft := cell.rate("soft")) is not None:
        panel.plot(last, 100 * soft, MARKERS[look], color=COLORS[look], markersize=5, fillstyle="none", clip_on=False)


# --- gamma


def gamma(cells: Sequence[Cell], metric: str) -> Drawn:
    """The rate against gamma by task and initial program, with 95 % intervals; the paper's gamma is dotted.

    `metric` may be several, such as `soft, hard`: a curve for each.
    """
    entries = [{**entry, "metric": one} for one in metric.split(", ") for entry in gamma_table(cells, one).entries]
    gammas = sorted({entry["gamma"] for entry in entries})
    starts = [OWN, *sorted({_start(entry) for entry in entries} - {OWN})]
    labels = [(start, one) for start in starts for one in metric.split(", ")]
    names = {label: _label(*label, metric, starts) for label in labels}
    figure, panels = panels_of(list(dict.fromkeys(entry["task"] for entry in entries)))
    for task, panel in panels.items():
        panel.axvline(0.3, color="gray", linestyle=":", linewidth=1)
        if gammas[0] > 0 and gammas[-1] / gammas[0] > 10:
            panel.set_xscale("log")
            panel.set_xticks(gammas, spaced(gammas))
            panel.xaxis.set_minor_formatter(NullFormatter())
        for look, label in enumerate(labels):
            mine = [entry for entry in entries if entry["task"] == task and (_start(entry), entry["metric"]) == label]
            if mine:
                _points(panel, mine, names[label], look % len(COLORS))
    x = "gamma (noise of the compiled program; dotted: 0.3)"
    measure = " and ".join(metric.split(", "))
    label_panels(figure, panels.values(), list(names.values()), x, f"restarts recovered ({measure}, %)")
    return figure, [cell for cell in cells if cell.n and is_varied(cell)]


def _label(start: str, metric: str, metrics: str, starts: Sequence[str]) -> str:
    """What tells a curve from the others: its start, its measure, or both."""
    if metric == metrics:
        return start
    return metric if len(starts) == 1 else f"{start}, {metric}"


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

"""Figures of several panels: a panel a task, one legend, and colors that people with any color vision tell apart."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocomp.errors import UserError

# Okabe and Ito's colors, which people with any color vision tell apart; each initialization has its own line as well.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = "osD^vPX"
LEGEND = 144  # about how many characters have room beside each other, with 6 for each line and its space


def panels_of(tasks: Sequence[str], columns: int = 3) -> tuple[Figure, dict[str, Axes]]:
    """A panel for each task, three in a row unless it is said otherwise, all with the same axes."""
    if not tasks:
        raise UserError("there is nothing to draw: no cell of these results fits the figure")
    columns = min(columns, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = Figure(figsize=(10, 0.9 + 2.4 * rows), layout="constrained")
    grid = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    panels = dict(zip(tasks, grid, strict=False))
    for place in range(len(tasks), len(grid)):
        grid[place].set_visible(False)
        grid[place - columns].tick_params(labelbottom=True)  # the panel above is the last of its column
    for task, panel in panels.items():
        panel.set(title=task, ylim=(-3, 103))
        panel.grid(alpha=0.3)
    return figure, panels


def spaced(numbers: list[float]) -> list[str]:
    """Labels of ticks on a logarithmic axis; what is less than half as much again as the last label has none."""
    labels, last = [], 0.0
    for number in numbers:
        last = number if number >= 1.5 * last else last
        labels.append(f"{number:g}" if number == last else "")
    return labels


def label_panels(figure: Figure, panels: dict[str, Axes], order: Sequence[str], x: str, y: str) -> None:
    """What the axes are, and above the panels a legend of all their lines."""
    figure.supxlabel(x)
    figure.supylabel(y)
    lines = {}
    for panel in panels.values():
        handles, labels = panel.get_legend_handles_labels()
        lines |= zip(labels, handles, strict=True)
    labels = sorted(lines, key=order.index)
    handles = [lines[label] for label in labels]
    fitting = max(1, LEGEND // (max(map(len, labels), default=0) + 6))
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 6, fitting), frameon=False)

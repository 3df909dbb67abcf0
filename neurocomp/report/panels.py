"""What all figures share: their style, panels with one legend, and the footer that says what they show and whence."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib import rc_params_from_file
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from neurocomp.errors import UserError
from neurocomp.report.cells import Cell
from neurocomp.text import visible

STYLE = Path(__file__).with_name("figures.mplstyle")
COLORS = tuple(rc_params_from_file(STYLE, use_default_template=False)["axes.prop_cycle"].by_key()["color"])
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))  # so that color is not needed
MARKERS = "osD^vPX"
LEGEND = 144  # about how many characters have room beside each other, with 6 for each line and its space
FOOTER, LINE, LABEL = 6.5, 0.125, 0.2  # size of the footer's letters; inches that a line of it and the label take
COMMITS = 3  # that a footer names; of more it says how many there are


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
        grid[place].remove()
        grid[place - columns].tick_params(labelbottom=True)  # the panel above is the last of its column
    for task, panel in panels.items():
        panel.set(title=task, ylim=(-3, 103))
        panel.grid()
    return figure, panels


def spaced(numbers: list[float]) -> list[str]:
    """Labels of ticks on a logarithmic axis; what is less than half as much again as the last label has none."""
    labels, last = [], 0.0
    for number in numbers:
        last = number if number >= 1.5 * last else last
        labels.append(f"{number:g}" if number == last else "")
    return labels


def label_panels(figure: Figure, panels: Iterable[Axes], order: Sequence[str], x: str, y: str) -> None:
    """What the axes are, and above the panels a legend of all their lines; one line alone is named at its axis."""
    figure.supxlabel(x)
    lines = {}
    for panel in panels:
        handles, labels = panel.get_legend_handles_labels()
        lines |= zip(labels, handles, strict=True)
    labels = sorted(lines, key=order.index)
    figure.supylabel(y if len(labels) != 1 else f"{y}, {labels[0]}")
    if len(labels) > 1:
        fitting = max(1, LEGEND // (max(map(len, labels)) + 6))
        handles = [lines[label] for label in labels]
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 6, fitting))


def say_if_all_are_zero(panel: Axes, said: str) -> None:
    """Write into a panel whose lines all lie on its floor that this is what was measured."""
    if panel.lines and all(float(value) == 0 for line in panel.lines for value in line.get_ydata()):  # type: ignore
        panel.text(0.5, 0.5, said, transform=panel.transAxes, ha="center", va="center", color="0.4")


def sign(figure: Figure, measure: str, facts: Sequence[str], command: str) -> None:
    """The footer: the measure, how many restarts, when and by which code they were made, the command for the figure."""
    width, height = figure.get_size_inches()
    text = visible(" · ".join(part for part in (measure, *facts, command) if part))
    lines = textwrap.wrap(text, int(width * 22), break_long_words=False, break_on_hyphens=False)
    room = LINE * (len(lines) + 0.5)
    figure.set_size_inches(width, height + room)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    label = figure.get_supxlabel()
    below = room + (LABEL if label else 0)
    engine.set(rect=(0, below / (height + room), 1, (height + room - below) / (height + room)))
    if label:  # without a place of its own it goes to the figure's very end, and with one it keeps no room free
        figure.supxlabel(label, y=(room + LABEL / 6) / (height + room))
    figure.text(0.005, 0.04 / (height + room), "\n".join(lines), fontsize=FOOTER, color="0.35", va="bottom", ha="left")


def facts_of(cells: Sequence[Cell]) -> list[str]:
    """How many restarts the cells have, when their rows were made, and by which code."""
    counts, dates, commits, undated, dirty = set(), set(), set(), False, False
    for cell in cells:
        counts.add(cell.n)
        days = {text.partition("T")[0] for text in cell.table["date"].known() if text}
        dates |= days
        undated |= not days
        commits |= {text[:7] for text in cell.table["commit"].distinct() if text}
        dirty |= True in cell.table["dirty"].distinct()
    return [f"k = {ends(counts)}", dates_text(dates, undated), commits_text(commits, dirty)]


def ends(values: Iterable[int]) -> str:
    """`50 to 100`; one number where all are the same."""
    ordered = sorted(set(values))
    return " to ".join(str(value) for value in ordered[:1] + ordered[1:][-1:])


def dates_text(dates: Iterable[str], undated: bool = False) -> str:
    """When rows were made; rows of the first versions do not say."""
    days = sorted(set(dates))
    text = " to ".join(days[:1] + days[1:][-1:])
    return (f"{text}, older rows undated" if undated else text) if text else "rows undated"


def commits_text(commits: Iterable[str], dirty: bool) -> str:
    """Which code made the rows, in an order that does not depend on the files'."""
    named = sorted(set(commits))
    if not named:
        return "commit unknown"
    changed = " (changed)" if dirty else ""
    if len(named) > COMMITS:
        return f"{len(named)} commits, among them {named[0]}{changed}"
    return f"commit{'s' if named[1:] else ''} {', '.join(named)}{changed}"

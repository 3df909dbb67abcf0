"""The arena's figures: the share of solved restarts over seconds, by task, and as the mean over tasks."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter

from neurocomp.report.arena import NOTHING, Contestant, contestants
from neurocomp.report.cells import Cell
from neurocomp.report.panels import COLORS, MARKERS, label_panels, panels_of, say_if_all_are_zero
from neurocomp.report.success import profile, seconds_of, times_to_success

POINTS = 400  # of seconds at which a profile is computed
SECONDS = "seconds of one core (logarithmic)"


class Curve(NamedTuple):
    """A cell with its times to success, [n], and the seconds up to which its rows say what is solved.

    These are its limit, or without one the longest time of a restart.
    """

    one: Contestant
    times: np.ndarray
    end: float


def curves(cells: Sequence[Cell], metric: str) -> list[Curve]:
    """The cells for which this measure was taken, by start, task and method."""
    found = []
    for one in contestants(cells):
        times = times_to_success(one.cell, metric)
        if times is not None:
            took = seconds_of(one.cell)
            end = one.limit if one.limit is not None else float(took[took > 0].max(initial=0.001))
            found.append(Curve(one, times, end))
    return found


def arena(cells: Sequence[Cell], metric: str) -> tuple[Figure, Sequence[Cell]]:
    """The share of restarts solved within so many seconds: a panel a task, a curve a method.

    Restarts from nothing are shown; if all start from programs, there is a panel for each task and program. A curve
    stops where its rows say no more. A second cell of a method, with another limit, is pale.
    """
    there = curves(cells, metric)
    shown = [curve for curve in there if curve.one.start == NOTHING] or there
    figure, panels = panels_of(list(dict.fromkeys(curve.one.place for curve in shown)))
    first, looks, is_any_pale = _first_seconds(shown), _looks(there), False
    for place, panel in panels.items():
        drawn: set[str] = set()
        for curve in [curve for curve in shown if curve.one.place == place]:
            is_pale = curve.one.label in drawn
            _survival(panel, curve, first, looks[curve.one.label], is_pale)
            drawn.add(curve.one.label)
            is_any_pale |= is_pale
        _seconds_axis(panel, first, shown)
        say_if_all_are_zero(panel, "none solved")
    pale = "; pale: restarts with another limit" if is_any_pale else ""
    x = f"{SECONDS}; a curve stops at its restarts' limit or last end{pale}"
    label_panels(figure, panels.values(), list(looks), x, f"restarts solved ({metric}, %)")
    return figure, [curve.one.cell for curve in shown]


def _survival(panel: Axes, curve: Curve, first: float, look: dict[str, Any], is_pale: bool) -> None:
    """Steps up at each time to success."""
    end = max(curve.end, first)
    seconds = sorted({first, *(time for time in curve.times.tolist() if first < time < end), end})
    shares = [100 * float((curve.times <= now).mean()) for now in seconds]
    label = None if is_pale else curve.one.label
    panel.step(seconds, shares, where="post", label=label, alpha=0.45 if is_pale else 1, **look)


def arena_profile(cells: Sequence[Cell], metric: str) -> tuple[Figure, Sequence[Cell]]:
    """The performance profile of each method: the mean over tasks of the share of restarts solved within the seconds.

    There is a panel for each start, over the tasks that all of its methods have, with 95 % bootstrap bands (`profile`).
    Where a method has several cells of a task, the one with the most restarts counts, then that of the longest limit.
    """
    there = curves(cells, metric)
    starts = dict.fromkeys(curve.one.start for curve in there)
    figure, panels = panels_of([f"from {start}" for start in starts], columns=2)
    first, looks, drawn = _first_seconds(there), _looks(there), list[Cell]()
    for title, panel in panels.items():
        here = [curve for curve in there if f"from {curve.one.start}" == title]
        methods = list(dict.fromkeys(curve.one.label for curve in here))
        tasks = list(dict.fromkeys(curve.one.task for curve in here))
        by_restarts = sorted(here, key=lambda curve: (curve.one.cell.n, curve.end))
        chosen = {(curve.one.label, curve.one.task): curve for curve in by_restarts}
        common = [task for task in tasks if all((method, task) in chosen for method in methods)]
        panel.set_title(f"{title}\n{_tasks_text(tasks, common)}", fontsize=8)
        for method in methods if common else ():
            own = [chosen[method, task] for task in common]
            _profile(panel, own, first, looks[method])
            drawn += [curve.one.cell for curve in own]
        _seconds_axis(panel, first, there)
    x, y = f"{SECONDS}; band: 95% bootstrap interval", f"restarts solved, mean over tasks ({metric}, %)"
    label_panels(figure, panels.values(), list(looks), x, y)
    return figure, drawn


def _tasks_text(tasks: Sequence[str], common: Sequence[str]) -> str:
    others = [task for task in tasks if task not in common]
    left_out = f"; not all methods have {', '.join(others)}" if others else ""
    return textwrap.fill(f"{', '.join(common) or 'no task in common'}{left_out}", 80)


def _profile(panel: Axes, own: Sequence[Curve], first: float, look: dict[str, Any]) -> None:
    """A method's profile over these tasks, up to their shortest limit, or to their last end if none has a limit."""
    limits = [curve.end for curve in own if curve.one.limit is not None]
    end = max(min(limits) if limits else max(curve.end for curve in own), first)
    seconds = np.geomspace(first, end, POINTS)
    of = profile([curve.times for curve in own], seconds)
    panel.step(seconds, 100 * of.share, where="post", label=own[0].one.label, **look)
    band: dict[str, Any] = {"color": look["color"], "alpha": 0.15, "linewidth": 0}
    panel.fill_between(seconds, 100 * of.low, 100 * of.high, step="post", **band)


# --- what the two share


def _first_seconds(there: Sequence[Curve]) -> float:
    """Where the axis of seconds begins: a power of ten below all times to success, 1 ms at the least."""
    times = [time for curve in there for time in curve.times.tolist() if 0 < time < math.inf]
    return 10.0 ** max(-3, math.floor(math.log10(min(times, default=1.0))))


def _seconds_axis(panel: Axes, first: float, there: Sequence[Curve]) -> None:
    panel.set_xscale("log")
    panel.set_xlim(first, 1.3 * max(first, *(curve.end for curve in there)))
    panel.xaxis.set_major_formatter(FormatStrFormatter("%g"))


def _looks(there: Sequence[Curve]) -> dict[str, dict[str, Any]]:
    """The color, line and end marker of each method, in the legend's order. Learners are dashed, markers hollow."""
    learners = {curve.one.label for curve in there if curve.one.is_learner}
    labels = list(dict.fromkeys(curve.one.label for curve in sorted(there, key=lambda curve: curve.one.rank)))
    looks: dict[str, dict[str, Any]] = {}
    for label in labels:
        again, number = divmod(sum((other in learners) == (label in learners) for other in looks), len(COLORS))
        hollow = {"markerfacecolor": "white"} if label in learners else {}
        line = (":" if again else "--") if label in learners else ("-." if again else "-")
        look = {"color": COLORS[number], "marker": MARKERS[number], "linestyle": line}
        looks[label] = look | {"markevery": [-1], "markersize": 4} | hollow
    return looks

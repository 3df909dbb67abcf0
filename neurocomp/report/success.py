"""Times to success: how many seconds each restart of a cell took until it recovered, and what follows from them.

A restart runs once, up to its cell's limit, so that the share of restarts that are solved within any fewer seconds can
be read off the same rows. Times are arrays of seconds, infinite for a restart that did not recover.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neurocomp.report.cells import Cell
from neurocomp.report.rates import Interval

LEARNER = "learner"  # the method that prints no program, so that only its soft measure means anything
DRAWS = 2000  # of the bootstrap


def seconds_of(cell: Cell) -> np.ndarray:
    """What each restart took in seconds of one core, [n]: `cpu_s`, or `wall_s` where a row has none. NaN if unknown."""
    core, wall = cell.table["cpu_s"], cell.table["wall_s"]
    return np.where(core.missing, np.where(wall.missing, np.nan, wall.values), core.values)


def other_clock(cell: Cell) -> str:
    """Whose seconds they are where they are not those of one core: `2 threads (cpu)`; nothing where they are."""
    threads, device = cell.table["threads"], cell.table["device"]
    other = cell.table["cpu_s"].missing & ((threads.values > 1) & ~threads.missing | (device.values == "cuda"))
    rows = np.flatnonzero(other)
    return f"{threads.values[rows[0]]} threads ({device.values[rows[0]]})" if len(rows) else ""


def times_to_success(cell: Cell, metric: str) -> np.ndarray | None:
    """The seconds until each restart recovered by this measure, [n]; None if that is not known.

    It is not known where the measure was not taken, or where the row of a restart that recovered or ended at its limit
    has no seconds. Where its limit ended it, a restart did not recover. A learner prints no program: it has only soft.
    """
    if cell.recovered(metric) is None or (cell.facts["method"] == LEARNER and metric != "soft"):
        return None
    seconds, limited = seconds_of(cell), cell.table["status"].values == "limit"
    solved = cell.table[f"recovered_{metric}"].is_true & ~limited
    return None if np.isnan(seconds[solved | limited]).any() else np.where(solved, seconds, np.inf)


def limit_of(cell: Cell) -> float | None:
    """The seconds that each restart may take; None for no limit.

    Where the configuration is lost, this is the least time of a restart that ended at its limit.
    """
    limit = cell.config.get("limit")
    if limit is None and cell.limited:
        return float(seconds_of(cell)[cell.table["status"].values == "limit"].min())
    return limit


def says(cell: Cell, budget: float) -> bool:
    """Whether its rows say which restarts would have been solved within so many seconds."""
    limit = limit_of(cell)
    return limit is None or budget <= limit


def ended_early(cell: Cell, times: np.ndarray, budget: float) -> bool:
    """Whether a restart that is not solved ended before the budget, out of updates or programs."""
    exhausted = cell.table["status"].values == "exhausted"
    return bool((exhausted & np.isinf(times) & (seconds_of(cell) < budget)).any())


def median_interval(values: np.ndarray) -> Interval | None:
    """A 95 % confidence interval of the median by order statistics; None for fewer than six values.

    The median lies below the (j+1)-th of n values with the probability that j or fewer of n fair coins show heads. The
    interval leaves out as many values at either end as this allows, with at most 2.5 % there.
    """
    from scipy.special import bdtr

    n = len(values)
    left_out = int(np.searchsorted(bdtr(np.arange(n), n, 0.5), 0.025, side="right"))
    if not left_out:
        return None
    ordered = np.sort(values)
    return Interval(float(ordered[left_out - 1]), float(ordered[n - left_out]))


class Profile(NamedTuple):
    """The share of restarts solved within each budget, [budgets]: the mean over tasks, and its 95 % interval."""

    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def profile(times: Sequence[np.ndarray], budgets: np.ndarray) -> Profile:
    """The performance profile of a method over tasks, from the times to success of its restarts of each task.

    This is the run-score distribution of Agarwal et al. (2021, "Deep reinforcement learning at the edge of the
    statistical precipice"), with 1 / seconds as the score of a restart, and 0 if it is not solved: for each threshold
    the share of restarts above it, first for each task, then the mean over tasks. The interval is the percentile
    bootstrap with tasks as strata: restarts are drawn anew within their task. It says how certain the mean over these
    tasks is, and nothing of others; where all restarts or none are solved it has no width.

    Their library, rliable, is not used: its repository is archived, it brings ten packages, and its matrices of scores
    have equally many restarts of each task. To draw n of n restarts anew is one multinomial draw of their weights.
    """
    shares, draws = np.zeros(len(budgets)), np.zeros((DRAWS, len(budgets)))
    generator = np.random.default_rng(0)  # the same rows give the same figure
    for of_task in times:
        solved = (of_task[:, None] <= budgets).astype(float)  # [n, budgets]
        n = len(of_task)
        shares += solved.mean(axis=0) / len(times)
        draws += generator.multinomial(n, [1 / n] * n, size=DRAWS) @ solved / (n * len(times))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return Profile(shares, low, high)

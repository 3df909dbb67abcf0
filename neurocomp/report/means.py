"""Means of a few trainings: how uncertain they are, and how surprising a difference of two would be by chance."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any, NamedTuple

from neurocomp.report.rates import Interval


class Sample(NamedTuple):
    """n numbers by their mean and standard deviation (with n - 1 below); None where there are too few of them."""

    mean: float | None
    sd: float | None
    n: int


def sample(values: Iterable[float]) -> Sample:
    """What is known of these numbers."""
    known = [float(value) for value in values]
    mean = statistics.mean(known) if known else None
    return Sample(mean, statistics.stdev(known) if known[1:] else None, len(known))


def t_interval(of: Sample) -> Interval | None:
    """The 95 % confidence interval of the mean by Student's t; None for fewer than two numbers."""
    if of.mean is None or of.sd is None:
        return None
    from scipy.stats import t

    half = float(t.ppf(0.975, of.n - 1)) * of.sd / of.n**0.5
    return Interval(of.mean - half, of.mean + half)


def welch(first: Sample, second: Sample) -> float | None:
    """The two-sided p-value of Welch's t-test; None for fewer than two numbers in either, or where none varies."""
    if not first.sd and not second.sd or first.sd is None or second.sd is None:
        return None
    from scipy.stats import ttest_ind_from_stats

    return float(ttest_ind_from_stats(*first, *second, equal_var=False).pvalue)


def compared(measured: Sample | None, published: Sample) -> dict[str, Any]:
    """A published mean beside a measured one, the difference (measured - published), and its p-value."""
    theirs = {"published_mean": published.mean, "published_sd": published.sd, "published_n": published.n}
    if measured is None or measured.mean is None or published.mean is None:
        return theirs
    # Of fractions the difference has noise in its last digits.
    return theirs | {"difference": round(measured.mean - published.mean, 12), "p_value": welch(measured, published)}


def mean_text(mean: float | None, sd: float | None, spec: str) -> str:
    """`1030 +- 74`, or what is known of it."""
    if mean is None:
        return "-"
    return format(mean, spec) + ("" if sd is None else f" +- {sd:{spec}}")


def interval_text(low: float | None, high: float | None, spec: str) -> str:
    """` (938-1122)`, or nothing."""
    return "" if low is None else f" ({low:{spec}}-{high:{spec}})"

"""Rates and their Wilson intervals."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

NORMAL_975 = 1.959963984540054  # the normal distribution's quantile for an interval of 95 %


class Interval(NamedTuple):
    low: float
    high: float


def wilson(count: int, n: int) -> Interval:
    """The 95 % Wilson interval of a rate of `count` in `n` (Wilson, 1927).

    To the last bit what `scipy.stats.binomtest` gives, which takes a second to import.
    """
    rate = count / n
    denominator = 2 * (n + NORMAL_975**2)
    center = (2 * n * rate + NORMAL_975**2) / denominator
    delta = NORMAL_975 / denominator * math.sqrt(4 * n * rate * (1 - rate) + NORMAL_975**2)
    return Interval(center - delta if count else 0.0, center + delta if count < n else 1.0)


def rate_columns(count: int, n: int) -> dict[str, Any]:
    """What tables say of `count` recovered restarts of `n`: n, the rate as a fraction, its interval."""
    low, high = wilson(count, n)
    return {"n": n, "rate": count / n, "ci_low": low, "ci_high": high}

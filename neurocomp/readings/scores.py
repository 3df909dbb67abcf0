"""How far settings are from the published table: rows -> errors by setting, the best, and what others must stay below.

A row says of one setting and one cell how many restarts of n recovered, by fit and by soft.
"""

from __future__ import annotations

from collections import Counter

from neurocomp.readings.space import MEASURES, ORDER
from neurocomp.report.published import tuned_rates

BEST = 8  # of each measure: a setting must be able to beat the last of them to be screened to its end


def estimates(rows: list[dict], measure: str) -> dict[int, float]:
    """The mean absolute difference in points to the published rates, of each setting over the cells that it has.

    A setting that was given up has the most telling cells alone, and an estimate above the limit that ended it. Its
    least possible error would be just above that limit: with it, half of what seem the best settings are given-up ones.
    """
    rates, found = tuned_rates("table1"), {}
    for row in rows:
        difference = row[measure] / row["n"] - rates[row["row"], row["task"]]
        found.setdefault(row["setting"], []).append(100 * abs(difference))
    return {number: sum(of) / len(of) for number, of in found.items()}


def errors(rows: list[dict], measure: str) -> dict[int, float]:
    """The same of each setting that has all its cells."""
    cells = Counter(row["setting"] for row in rows)
    return {number: error for number, error in estimates(rows, measure).items() if cells[number] == len(ORDER)}


def best(rows: list[dict], measure: str) -> list[tuple[float, int]]:
    """(error, setting), the best first."""
    return sorted((error, number) for number, error in errors(rows, measure).items())


def limits(rows: list[dict]) -> dict[str, float]:
    """The error that a setting must be able to stay below, by measure; none while few settings are known."""
    ranked = {name: best(rows, name) for name in MEASURES}
    if any(len(of) < BEST for of in ranked.values()):
        return {}
    return {name: of[BEST - 1][0] for name, of in ranked.items()}

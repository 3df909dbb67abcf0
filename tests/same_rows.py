"""Are the rows of two folders the same? For a change that is not meant to change results:

    neurocomp run experiment=table1 results=/tmp/mine
    python tests/same_rows.py results/table1 /tmp/mine/table1

Cells that both folders have are compared restart by restart, by the columns that a result consists of. Seconds, code,
machine and batch may differ; a margin may differ in its seventh digit, as processors round the last bits differently.
Exit code 1 if a row differs, or if the folders have no row in common.
"""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path

COMPARED = (
    "task", "init", "method", "template", "gamma", "seed", "status", "synthesized", "recovered_fit",
    "recovered_soft", "recovered_hard", "recovered_general", "coverage", "loss", "updates", "recovered_at",
    "lines_changed", "program", "config_hash", "executions", "backward_executions",
)  # fmt: skip
MARGIN_TOLERANCE = 1e-5


def rows(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a cell by restart; those of failed runs have none."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["restart"]: row for row in csv.DictReader(file) if row["restart"]}


def differences(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """`loss 0.5 0.25` for each compared column in which two rows differ."""
    found = [f"{key} {first[key]!r} {second[key]!r}" for key in COMPARED if first.get(key) != second.get(key)]
    margins = [float(row["margin"]) if row.get("margin") else None for row in (first, second)]
    if margins[0] is None or margins[1] is None:
        same = margins[0] == margins[1]
    else:
        same = math.isclose(*margins, rel_tol=MARGIN_TOLERANCE)
    return found if same else [*found, f"margin {margins[0]} {margins[1]}"]


def main(first: Path, second: Path) -> int:
    """Print what differs, and how much was compared."""
    compared = different = 0
    both = sorted({path.name for path in first.glob("*.csv")} & {path.name for path in second.glob("*.csv")})
    for name in both:
        before, after = rows(first / name), rows(second / name)
        for restart in before.keys() & after.keys():
            compared += 1
            if found := differences(before[restart], after[restart]):
                different += 1
                print(f"{name} restart {restart}: {'; '.join(found)}")
    print(f"{len(both)} cells, {compared} rows compared, {different} differ")
    return 1 if different or not compared else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))

"""What a distance from the published table means: how near it is without training, or with rows that say little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from neurocomp.report.arena import USERS
from neurocomp.report.cells import Cell
from neurocomp.report.places import REFERENCE, Place
from neurocomp.report.published import LOOP_NOOP, OPTIMIZATION, row_of_init
from neurocomp.report.where import flat, known_keys

DRAWS = 10_000  # of the bootstrap

OTHER_METHODS = tuple(f"{group}." for group, users in USERS.items() if "tune" not in users)
"""Groups of keys that tuning from a given start does not look at."""

Rates = Mapping[Place, float]


def is_untrained(cell: Cell) -> bool:
    """Whether its restarts are as they were compiled: tuned by no update."""
    return cell.facts["method"] == "tune" and (cell.config.get("optimizer") or {}).get("updates") == 0


def told_apart(cells: Sequence[Cell]) -> tuple[list[Cell], list[Cell]]:
    """The cells that were trained, and those that were not. Where there are none but these, they are the first."""
    untrained = [cell for cell in cells if is_untrained(cell)]
    trained = [cell for cell in cells if not is_untrained(cell)]
    return (trained, untrained) if trained else (untrained, [])


def untrained_alike(cells: Iterable[Cell], untrained: Iterable[Cell]) -> list[Cell]:
    """Of the untrained cells those that are like one of the cells in all but the number of updates."""
    kinds = {_settings(cell) for cell in cells}
    return [cell for cell in untrained if _settings(cell) in kinds]


def _settings(cell: Cell) -> str:
    """All that tuning from a given start depends on, but for the number of updates.

    Keys that are younger than the cell have their defaults; keys that there are no more are left out.
    """
    defaults, no_part = known_keys()
    groups = (*OTHER_METHODS, *(name for name in no_part if name.endswith(".")))
    left_out = {"config_hash", "optimizer.updates", *no_part}
    known = {key for key in defaults if key not in left_out and not key.startswith(groups)}
    given = {key: value for key, value in flat(cell.config).items() if key in known or key.startswith("task.")}
    return str(sorted((key, str(value)) for key, value in ({key: defaults[key] for key in known} | given).items()))


def floors_text(published: Rates, nothing_trained: float | None, loop_noop: str) -> str:
    """The floors of a mean difference over these published rates (fractions), in points."""
    texts = ["not measured" if nothing_trained is None else f"{100 * nothing_trained:.1f}"]
    texts[0] += " with nothing trained (the same cells with optimizer.updates=0)"
    texts.append(
        f"{100 * one_constant(published):.1f} with one constant a column and 100 where a program is its own task"
    )
    if loop_noop == REFERENCE:
        texts.append(f"{100 * row_at(published, 1.0):.1f} from {LOOP_NOOP} alone, were it 100 in every column")
    else:
        texts.append(f"{100 * row_as_optimization(published):.1f} where {LOOP_NOOP} is {OPTIMIZATION} in every column")
    return f"Floors of that difference: {'; '.join(texts)}."


def one_constant(published: Rates) -> float:
    """The least mean difference of a table with one rate a column, and 100 % where a program starts as its own task."""
    columns: dict[str, list[float]] = {}
    own = 0.0
    for (row, task), rate in published.items():
        if row == row_of_init(task):
            own += abs(1 - rate)
        else:
            columns.setdefault(task, []).append(rate)
    return (own + sum(abs(rate - median(of)) for of in columns.values() for rate in of)) / len(published)


def row_at(published: Rates, rate: float) -> float:
    """What the row of loop_noop contributes to the mean difference if all of it is `rate`, and the rest is right."""
    return sum(abs(rate - there) for (row, _), there in published.items() if row == LOOP_NOOP) / len(published)


def row_as_optimization(published: Rates) -> float:
    """The least mean difference of a table whose rows of loop_noop and of random weights are the same."""
    pairs = ((rate, published.get((OPTIMIZATION, task))) for (row, task), rate in published.items() if row == LOOP_NOOP)
    return sum(abs(rate - other) for rate, other in pairs if other is not None) / len(published)


def interval_of_mean(entries: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The 95 % interval of the mean absolute difference, by a bootstrap: the restarts of each cell are drawn anew."""
    import numpy as np

    rng = np.random.default_rng(0)
    n, rates, published = (np.array([entry[key] for entry in entries]) for key in ("n", "rate", "published"))
    drawn = rng.binomial(n, rates, size=(DRAWS, len(entries))) / n
    low, high = np.quantile(np.abs(drawn - published).mean(axis=1), (0.025, 0.975))
    return float(low), float(high)

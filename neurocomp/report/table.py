"""The published tables, measured again: cells go in, rates beside the published ones come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from neurocomp.report.cells import METRICS, Cell
from neurocomp.report.floors import floors_text, interval_of_mean, told_apart, untrained_alike
from neurocomp.report.grid import Grid, Table, most_restarts, rate_text, restarts_text
from neurocomp.report.places import (
    AFTER_TUNING,
    BOTH_HARD,
    EQUAL_BUDGET,
    SKELETON,
    Found,
    Place,
    choose,
    find,
    own_rows,
    published_rows,
    row_of,
)
from neurocomp.report.published import RESTARTS, axes, is_tuned, published
from neurocomp.report.rates import rate_columns, wilson
from neurocomp.results.columns import PUBLISHED

RATES = (*PUBLISHED, "rate", "ci_low", "ci_high", "published", "difference", "excluded")
SUMS = ("executions", "backward_executions", "wall_s")
COLUMNS = (*RATES, "source", *SUMS)

Entry = dict[str, Any]  # the keys COLUMNS; None where nothing is known

EXCLUDED, SYNTHESIZED = "!", "[s]"
EXCLUDED_NOTE = f"{EXCLUDED}: the measured 95% interval and that of {RESTARTS} published runs have nothing in common."
SYNTHESIZED_NOTE = (
    f"{SYNTHESIZED}: the synthesizer's own program, right on the test examples for every draw of the examples; where "
    "it is not, both is the best template, tuned."
)
COSTS = (
    "Costs of a restart: executions forward + backward / seconds. One program on one example for at most T steps is "
    "one execution."
)


def measured_table(
    name: str, cells: Sequence[Cell], metric: str, costs: bool = False, loop_noop: str = SKELETON
) -> Table:
    """A published table beside what was measured; with `costs`, what a restart of each cell took.

    `loop_noop` says what the row of that name starts from. Cells that no update has trained give a floor of the error.
    """
    cells, untrained = told_apart(cells)
    entries = long_table(name, cells, metric, loop_noop)
    begun = long_table(name, untrained_alike(cells, untrained), metric, loop_noop)
    distance = _distance(entries, begun, loop_noop)
    shown = "Each cell: measured rate (95% Wilson interval) / published / difference in points."
    caption = f"{name}, metric {metric}: {METRICS[metric]}; {restarts_text(entries)}. {shown}"
    grids = [Grid(caption, comparisons(entries), [*_notes(entries, metric), *distance, *_limited(entries, cells)])]
    if costs:
        there = {entry["row"] for entry in entries if entry["n"]}
        measured = [entry for entry in entries if entry["row"] in there]
        grids.append(Grid(COSTS, {(entry["row"], entry["task"]): _cost(entry) for entry in measured}))
    return Table(name, COLUMNS, entries, grids)


def long_table(name: str, cells: Sequence[Cell], metric: str, loop_noop: str = SKELETON) -> list[Entry]:
    """An entry for all places of the table in published order, then for the rows of ours that there are cells for."""
    rates = published(name)
    shown, chosen = placed(name, cells, loop_noop)
    return [_entry(place, find(*place, chosen, metric), rates.get(place)) for place in shown]


def placed(
    name: str, cells: Sequence[Cell], loop_noop: str = SKELETON
) -> tuple[list[tuple[str, str]], dict[Place, Cell]]:
    """The places of the table, row and task, in their order, and the cell that is the material of each."""
    rows, tasks = axes(name)
    places = [((row, cell.facts["task"]), cell) for cell in cells for row in published_rows(cell, loop_noop)]
    chosen = choose(
        ((row, task), cell) for (row, task), cell in places if task in tasks and (row in rows or not is_tuned(row))
    )
    return [(row, task) for row in [*rows, *own_rows(chosen)] for task in tasks], chosen


def _entry(place: tuple[str, str], found: Found | None, published_rate: float | None) -> Entry:
    if found is None or found.count is None:
        return dict.fromkeys(COLUMNS) | compared(place, None, None, published_rate)
    sums = {column: _sum(found.cell, column) for column in SUMS}
    return compared(place, found.count, found.cell.n, published_rate) | {"source": found.source} | sums


def compared(place: tuple[str, str], count: int | None, n: int | None, published_rate: float | None) -> Entry:
    """The columns RATES: the rate of `count` in `n` beside the published one.

    `excluded` says whether the two 95 % intervals have nothing in common.
    """
    entry = dict.fromkeys(RATES) | {"row": place[0], "task": place[1], "published": published_rate}
    if count is None or not n:
        return entry
    entry |= rate_columns(count, n)
    if published_rate is None:
        return entry
    ours, theirs = wilson(count, n), wilson(round(published_rate * RESTARTS), RESTARTS)
    # The difference of two fractions of 100 has noise in its last digits; 12 are more than any k needs.
    difference = round(count / n - published_rate, 12)
    return entry | {"difference": difference, "excluded": ours.low > theirs.high or ours.high < theirs.low}


def _sum(cell: Cell, column: str) -> float | None:
    """What all restarts of a cell took together; None if some of its rows do not say (they are older)."""
    values = cell.table[column].known()
    return round(sum(values), 4) if len(values) == cell.n else None


def mean_difference(entries: Iterable[Entry]) -> tuple[float, int] | None:
    """The mean absolute difference from the published tuned cells, as a fraction, and over how many of them."""
    differences = [entry["difference"] for entry in entries if is_tuned(entry["row"])]
    known = [abs(difference) for difference in differences if difference is not None]
    return (sum(known) / len(known), len(known)) if known else None


def comparisons(entries: Sequence[Entry]) -> dict[tuple[str, str], str]:
    """`93.0% (86.3-96.6) / 86 / +7.0` by row and task."""
    most = most_restarts(entries)
    return {(entry["row"], entry["task"]): _comparison(entry, most) for entry in entries}


def _comparison(entry: Entry, most: int) -> str:
    published_rate = "-" if entry["published"] is None else f"{100 * entry['published']:.0f}"
    if entry["rate"] is None:
        return f"missing / {published_rate}"
    source = f" {SYNTHESIZED}" if entry.get("source") == "synthesis" else ""
    difference = "-" if entry["difference"] is None else f"{100 * entry['difference']:+.1f}"
    excluded = f" {EXCLUDED}" if entry["excluded"] else ""
    return f"{rate_text(entry, most)}{source} / {published_rate} / {difference}{excluded}"


def _notes(entries: Sequence[Entry], metric: str) -> list[str]:
    """What the signs and rows that are there mean, and how far the tuned cells are from the published ones."""
    notes = [EXCLUDED_NOTE] if any(entry["excluded"] for entry in entries) else []
    if any(entry["source"] == "synthesis" for entry in entries):
        notes.append(SYNTHESIZED_NOTE)
    if any(entry["row"] == EQUAL_BUDGET for entry in entries):
        before = "" if metric == "general" else "the program was right before tuning, or "
        counted = f"counted if {before}it recovered; {AFTER_TUNING}: counted if it recovered."
        notes.append(f"{EQUAL_BUDGET}: restarts spent in turn on all templates, {counted}")
    if any(entry["row"] == BOTH_HARD for entry in entries):
        notes.append(
            f"{BOTH_HARD}: where {SYNTHESIZED} does not stand, the near misses of synthesis, repaired by annealing."
        )
    return notes


def _distance(entries: Sequence[Entry], untrained: Sequence[Entry], loop_noop: str) -> list[str]:
    """How far the tuned cells are from the published ones, and what that is worth."""
    known = [entry for entry in entries if is_tuned(entry["row"]) and entry["difference"] is not None]
    mean = mean_difference(known)
    if mean is None:
        return []
    low, high = interval_of_mean(known)
    points = f"{100 * mean[0]:.1f} points ({100 * low:.1f}-{100 * high:.1f}, 95% interval of a bootstrap over restarts)"
    rates = {(entry["row"], entry["task"]): entry["published"] for entry in known}
    begun = mean_difference(entry for entry in untrained if (entry["row"], entry["task"]) in rates)
    floors = floors_text(rates, begun[0] if begun and begun[1] == len(known) else None, loop_noop)
    return [f"Mean absolute difference over {mean[1]} published tuned cells (optimization, init): {points}.", floors]


def _limited(entries: Sequence[Entry], cells: Sequence[Cell]) -> list[str]:
    """How many restarts of the cells that are shown their limit in seconds ended."""
    there = {(entry["row"], entry["task"]) for entry in entries if entry["n"]}
    count = sum(cell.limited for cell in cells if (row_of(cell), cell.facts["task"]) in there)
    return [f"{count} restarts ended at their limit in seconds and count as not recovered."] if count else []


def _cost(entry: Entry) -> str:
    if entry["n"] is None:
        return "missing"
    forward, backward, seconds = (None if entry[column] is None else entry[column] / entry["n"] for column in SUMS)
    executions = "-" if forward is None else f"{forward:,.0f}" + (f" + {backward:,.0f}" if backward is not None else "")
    return f"{executions} / " + ("-" if seconds is None else f"{seconds:.3g} s")

"""What methods solve within so many seconds: a grid for each measure, with methods as columns; learners apart."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from neurocomp.report.arena import Contestant, contestants, settings_text
from neurocomp.report.cells import METRICS, Cell
from neurocomp.report.grid import Entry, Grid, Table, most_restarts, restarts_text
from neurocomp.report.means import sample, t_interval
from neurocomp.report.rates import Interval, rate_columns
from neurocomp.report.success import ended_early, median_interval, other_clock, says, times_to_success
from neurocomp.results.columns import ARENA
from neurocomp.text import named

BUDGETS = (1.0, 10.0)  # the seconds that are shown beside the limits of the cells
MEASURES = ("soft", "hard", "general")
SHARES = {"test_share": "test %", "larger_share": "larger %"}  # of learners
COLUMNS = (
    *ARENA, "seed", "metric", "budget", "n", "solved", "rate", "ci_low", "ci_high", "ended_early", "median_s",
    "median_low", "median_high", "executions", "backward_executions", *SHARES, "settings", "config_hash",
)  # fmt: skip

NONE, EARLY = "-", "[e]"
NONE_NOTE = f"No number ({NONE}): there is no such cell, or its limit is shorter, or the measure was not taken."
EARLY_NOTE = f"{EARLY}: restarts that were not solved ended before this time, out of updates or programs."
MEDIANS = "intervals of medians (95%) are those of order statistics, from six restarts on"
SEVERAL_NOTE = (
    "Where cells of a method differ in their limit, the one with most restarts is shown (n) of those that were given "
    "the time; the CSV has all."
)

Texts = dict[tuple[str, str], str]
NamedRow = tuple[str, Callable[[Sequence[Contestant]], str]]  # what a row says, and how of the cells of a method


def arena_table(cells: Sequence[Cell], metric: str | None = None) -> Table:
    """An entry for each cell, measure and budget that its rows say something of; by one measure alone if it is named.

    A budget that is empty in CSV is infinite: what a cell without a limit came to in the end.
    """
    there, measures = contestants(cells), (metric,) if metric else MEASURES
    programs = [one for one in there if not one.is_learner]
    learners = [one for one in there if one.is_learner and "soft" in measures]
    grids = [*_grids(programs, measures, metric or "hard"), *([_learners_grid(learners)] if learners else [])]
    entries = [*_entries(programs, measures), *_entries(learners, ("soft",))]
    return Table("arena", COLUMNS, entries, grids or [Grid(f"arena: no cells with {' or '.join(measures)}.", {})])


# --- numbers


def _entries(members: Sequence[Contestant], measures: Sequence[str]) -> Iterator[dict[str, Any]]:
    for one in members:
        beside = [other for other in members if other.place == one.place]
        for metric in measures:
            for budget in budgets(beside):
                if counted := counted_within(one.cell, metric, budget):
                    yield _place(one, metric, budget) | counted | success(one.cell, metric) | _facts(one)


def _place(one: Contestant, metric: str, budget: float) -> dict[str, Any]:
    within = {"metric": metric, "budget": budget if math.isfinite(budget) else None}
    return {"task": one.task, "start": one.start, "method": one.label, "limit": one.limit} | within


def _facts(one: Contestant) -> dict[str, Any]:
    shares = {name: sample(one.cell.table[name].known()).mean if one.is_learner else None for name in SHARES}
    facts = {name: one.cell.facts[name] for name in ("seed", "config_hash")}
    return shares | facts | {"settings": settings_text(one.cell)}


def budgets(members: Sequence[Contestant]) -> list[float]:
    """The seconds within which restarts are counted where these cells stand: those that one of them says something of.

    Infinity comes last where a cell without a limit has a restart that was solved later than all the others.
    """
    limits = {one.limit for one in members if one.limit is not None}
    known = sorted(seconds for seconds in {*BUDGETS, *limits} if any(says(one.cell, seconds) for one in members))
    times = [times_to_success(one.cell, metric) for one in members if one.limit is None for metric in MEASURES]
    is_later = any(of is not None and (np.isfinite(of) & (of > known[-1])).any() for of in times)
    return [*known, math.inf] if is_later else known


def counted_within(cell: Cell, metric: str, budget: float) -> dict[str, Any] | None:
    """How many restarts were solved within the budget, the rate and its interval; None where it is not known."""
    times = times_to_success(cell, metric)
    if times is None or not says(cell, budget):
        return None
    solved = int((np.isfinite(times) & (times <= budget)).sum())
    early = math.isfinite(budget) and ended_early(cell, times, budget)
    return {"solved": solved, **rate_columns(solved, cell.n), "ended_early": early}


def success(cell: Cell, metric: str) -> dict[str, Any]:
    """The median seconds and executions of the restarts that were solved; nothing where none was."""
    times = times_to_success(cell, metric)
    if times is None or not (solved := np.isfinite(times)).any():
        return {}
    low, high = median_interval(times[solved]) or (None, None)
    medians: dict[str, Any] = {"median_s": float(np.median(times[solved])), "median_low": low, "median_high": high}
    for name in ("executions", "backward_executions"):
        column = cell.table[name]
        known = column.values[solved & ~column.missing]
        medians[name] = float(np.median(known)) if len(known) else None
    return medians


# --- grids


def _grids(members: Sequence[Contestant], measures: Sequence[str], timed: str) -> list[Grid]:
    """The rates by each measure, and below them the times to success by one."""
    within, counts = "% of restarts solved within so many seconds of one core (95% Wilson interval)", _counts(members)
    grids = []
    for metric in measures:
        if texts := _texts(members, functools.partial(_rate_rows, metric, most_restarts(counts))):
            caption = f"arena, {metric}: {METRICS[metric]}. {within}; {restarts_text(counts)}, {_seeds(members)}."
            grids.append(Grid(caption, texts, _signs(texts)))
    if texts := _texts(members, functools.partial(_success_rows, timed, "")):
        solved = f"the restarts that were solved in the end by {timed}"
        caption = f"arena, time to success: seconds / executions, each the median of {solved}; {MEDIANS}."
        grids.append(Grid(caption, texts, _signs(texts)))
    return [*grids[:-1], grids[-1]._replace(notes=[*grids[-1].notes, *_remarks(members)])] if grids else []


def _learners_grid(members: Sequence[Contestant]) -> Grid:
    """The soft rates of learners, their shares of right examples and their times to success, task by task."""
    counts = _counts(members)

    def rows(here: Sequence[Contestant]) -> Iterator[NamedRow]:
        yield from _rate_rows("soft", most_restarts(counts), here)
        yield from ((title, functools.partial(_share_text, name)) for name, title in SHARES.items())
        yield from _success_rows("soft", "s / executions", here)

    texts = _texts(members, rows)
    caption = (
        "arena, learners: they print no program, so that only soft is measured, never hard or general. % of restarts "
        "solved within so many seconds (95% Wilson interval); on how many examples all words are right, of the test "
        "examples and of examples at longer lists and larger bases (mean over restarts, 95% t-interval); seconds / "
        f"executions, each the median of the restarts that were solved in the end; {MEDIANS}; {restarts_text(counts)}, "
        f"{_seeds(members)}."
    )
    return Grid(caption, texts, [*_signs(texts), *_remarks(members)])


def _texts(members: Sequence[Contestant], rows: Callable[[Sequence[Contestant]], Iterable[NamedRow]]) -> Texts:
    """By row and method: for each task and start the `rows` of the cells there. A row that says nothing is left out."""
    methods, texts = dict.fromkeys(one.label for one in sorted(members, key=lambda one: one.rank)), {}
    for place in dict.fromkeys(one.place for one in members):
        here = [one for one in members if one.place == place]
        for name, text in rows(here):
            row = {method: text([one for one in here if one.label == method]) for method in methods}
            if set(row.values()) != {NONE}:
                texts |= {(f"{place}, {name}" if name else place, method): said for method, said in row.items()}
    return texts


def _rate_rows(metric: str, most: int, here: Sequence[Contestant]) -> Iterator[NamedRow]:
    for budget in budgets(here):
        name = f"{budget:g} s" if math.isfinite(budget) else "in the end"
        yield name, functools.partial(_rate_text, metric, budget, most)


def _success_rows(metric: str, name: str, here: Sequence[Contestant]) -> Iterator[NamedRow]:
    yield name, functools.partial(_success_text, metric)


# --- texts


def _rate_text(metric: str, budget: float, most: int, of_method: Sequence[Contestant]) -> str:
    """`98 (93-99.4) [e]`, with the number of restarts if other cells have more."""
    cell = _largest([one for one in of_method if says(one.cell, budget)])
    counted = cell and counted_within(cell, metric, budget)
    if not counted:
        return NONE
    interval = _range(Interval(counted["ci_low"], counted["ci_high"]), _percent)
    fewer = f", n={counted['n']}" if counted["n"] < most else ""
    return f"{_percent(counted['rate'])}{interval}{fewer}" + f" {EARLY}" * counted["ended_early"]


def _success_text(metric: str, of_method: Sequence[Contestant]) -> str:
    """`0.047 (0.041-0.052) / 16,016 + 16,000`: forward, and backward executions if there were any."""
    cell = _largest(of_method)
    medians = success(cell, metric) if cell else {}
    if not medians:
        return NONE
    low, forward, backward = (medians[name] for name in ("median_low", "executions", "backward_executions"))
    interval = None if low is None else Interval(low, medians["median_high"])
    executions = NONE if forward is None else f"{forward:,.0f}" + (f" + {backward:,.0f}" if backward else "")
    return f"{_seconds(medians['median_s'])}{_range(interval, _seconds)} / {executions}"


def _share_text(name: str, of_method: Sequence[Contestant]) -> str:
    cell = _largest(of_method)
    of = sample(cell.table[name].known() if cell else ())
    if of.mean is None:
        return NONE
    interval = t_interval(of)
    within = Interval(max(0.0, interval.low), min(1.0, interval.high)) if interval else None  # t knows of no bounds
    return _percent(of.mean) + _range(within, _percent)


def _largest(of_method: Sequence[Contestant]) -> Cell | None:
    """The cell with the most restarts; of equal ones that with the longest limit."""
    return max((one.cell for one in reversed(of_method)), key=lambda cell: cell.n, default=None)


def _range(interval: Interval | None, text: Callable[[float], str]) -> str:
    return f" ({text(interval.low)}-{text(interval.high)})" if interval else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def _counts(members: Sequence[Contestant]) -> list[Entry]:
    return [{"n": one.cell.n} for one in members]


def _seeds(members: Sequence[Contestant]) -> str:
    return f"seed {', '.join(sorted({str(one.cell.facts['seed']) for one in members}))}"


# --- notes


def _signs(texts: Texts) -> list[str]:
    """What the signs in these texts mean."""
    there = {NONE_NOTE: NONE in texts.values(), EARLY_NOTE: any(EARLY in text for text in texts.values())}
    return [note for note, is_there in there.items() if is_there]


def _remarks(members: Sequence[Contestant]) -> list[str]:
    """Which restarts are missing or ended otherwise, what methods were set to, and whose seconds they are."""
    cells, remarks = [one.cell for one in members], []
    if len({one[:3] for one in members}) < len(members):
        remarks.append(SEVERAL_NOTE)
    if partial := [one for one in members if one.cell.complete is False]:
        counts = [f"{one.label} of {one.place} ({one.cell.n} of {one.cell.requested})" for one in partial]
        remarks.append(f"Not all restarts have been run: {named(counts)}.")
    if limited := sum(cell.limited for cell in cells):
        remarks.append(f"{limited:,} restarts ended at their limit and count as not solved.")
    if died := sum(int((cell.table["status"].values == "died").sum()) for cell in cells):
        remarks.append(f"{died:,} restarts ended because their process died, and count as not solved.")
    settings = _by_text(members, settings_text, "set to")
    return [*remarks, *settings, *_by_text(members, other_clock, "seconds are those of")]


def _by_text(members: Sequence[Contestant], said_of: Callable[[Cell], str], what: str) -> Iterator[str]:
    """`tune (2): set to optimizer.hold=1.`, with tasks where this does not hold for all cells of the method."""
    for text in dict.fromkeys(filter(None, (said_of(one.cell) for one in members))):
        named_so = []
        for label in dict.fromkeys(one.label for one in members if said_of(one.cell) == text):
            own = [one for one in members if one.label == label]
            tasks = dict.fromkeys(one.task for one in own if said_of(one.cell) == text)
            is_whole = all(said_of(one.cell) == text for one in own)
            named_so.append(label if is_whole else f"{label} ({', '.join(tasks)})")
        yield f"{'; '.join(named_so)}: {what} {text}."

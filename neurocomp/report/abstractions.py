"""What abstractions save: the corpus without and with a library, by the same searches, training and held-out apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from neurocomp.report.cells import Cell
from neurocomp.report.grid import Entry, Grid, Table
from neurocomp.report.means import interval_text, sample, t_interval
from neurocomp.tasks import corpus

COLUMNS = (
    "task", "family", "split", "language", "n", "solved", "hard", "candidates", "seconds", "budget", "config_hash",
)  # fmt: skip
NONE, PLAIN = "-", "plain"
CANDIDATES, SECONDS = (10_000, 100_000, 500_000), (0.1, 1.0)
NOTES = (
    "A restart is a synthesis from examples of its own. It is solved if the program that it ends with, run exactly, is "
    "right on test examples and on other sizes; in brackets, how many are right on test examples.",
    "candidates: the median over restarts that are solved, up to the program. Within seconds: of the core that "
    "computed for the restart. Both are read from the same rows, so a search may go on to more.",
    "Sums are means over draws of examples, with 95% t-intervals over draws. times fewer: the geometric mean over "
    "tasks that the draw solves in both languages; below 1 it takes more.",
)


class Solved(NamedTuple):
    """Of one task in one language, for each draw of examples: candidates and seconds up to the solution, else inf."""

    hard: np.ndarray  # [draws] bool: whether the program is right on test examples, in the order of draws as all here
    candidates: np.ndarray  # [draws]
    seconds: np.ndarray
    budget: int
    cell: Cell


def abstractions_table(cells: Sequence[Cell]) -> Table:
    """Entries for each task of the corpus and language; grids for the splits, and for every task."""
    solved = {(str(cell.facts["task"]), _language(cell)): _solved(cell) for cell in cells if _counts(cell)}
    others = sorted({language for _, language in solved} - {PLAIN})
    entries = [
        _entry(task, language, solved[task, language])
        for task in corpus.tasks()
        for language in (PLAIN, *others)
        if (task, language) in solved
    ]
    if not entries:
        return Table("abstractions", COLUMNS, [], [Grid("abstractions: no syntheses of tasks of the corpus.", {})])
    draws = {entry["n"] for entry in entries}
    k = f"{min(draws)} to {max(draws)}" if len(draws) > 1 else str(max(draws))
    grids = [
        Grid(f"abstractions: tasks of the corpus solved, {k} draws of examples.", _whole(dict(_sums(solved, others))))
    ]
    each = _whole({key: text for entry in entries for key, text in _texts(entry).items()})
    grids.append(Grid("abstractions: every task, solved draws and the median of their candidates.", each, NOTES))
    return Table("abstractions", COLUMNS, entries, grids)


def _whole(texts: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """The same texts, and NONE at all other places of their rows and columns."""
    rows, columns = (dict.fromkeys(key[place] for key in texts) for place in (0, 1))
    return {(row, column): texts.get((row, column), NONE) for row in rows for column in columns}


def _counts(cell: Cell) -> bool:
    return bool(cell.n) and cell.facts["method"] == "synthesize" and cell.facts["task"] in corpus.tasks()


def _language(cell: Cell) -> str:
    """`plain`, or what is added to the constructs that programs are built from by default."""
    settings = cell.config.get("synthesis") or {}
    added = [name for name in settings.get("constructs") or () if name in corpus.given()]
    library = settings.get("library")
    return " and ".join([*([f"library {library}"] if library else []), *added]) or PLAIN


def _solved(cell: Cell) -> Solved:
    order = np.argsort(cell.table["restart"].values)
    hard = np.asarray(cell.table["recovered_hard"].is_true)[order]
    right = hard & np.asarray(cell.table["recovered_general"].is_true)[order]
    executions = np.asarray(cell.table["executions"].values, float)[order]
    seconds = np.asarray(cell.table["cpu_s"].values, float)[order]
    examples, budget = int(cell.config.get("examples") or 1), int(cell.config["synthesis"]["candidates"])
    return Solved(hard, np.where(right, executions / examples, np.inf), np.where(right, seconds, np.inf), budget, cell)


def _entry(task: str, language: str, solved: Solved) -> dict[str, Any]:
    found = solved.candidates[np.isfinite(solved.candidates)]
    seconds = solved.seconds[np.isfinite(solved.seconds)]
    family = next(name for name, one in corpus.families().items() if task in one.tasks)
    return {
        "task": task,
        "family": family,
        "split": "held-out" if task in corpus.held_out() else "training",
        "language": language,
        "n": len(solved.candidates),
        "solved": len(found),
        "hard": int(solved.hard.sum()),
        "candidates": float(np.median(found)) if len(found) else None,
        "seconds": float(np.median(seconds)) if len(seconds) else None,
        "budget": solved.budget,
        "config_hash": solved.cell.facts["config_hash"],
    }


def _texts(entry: Entry) -> dict[tuple[str, str], str]:
    """The texts of one task and language in the grid of all tasks."""
    row, language = f"{entry['task']} ({entry['split']})", entry["language"]
    other = f" ({entry['hard']})" if entry["hard"] != entry["solved"] else ""
    candidates = NONE if entry["candidates"] is None else f"{entry['candidates']:,.0f}"
    return {
        (row, f"{language}: solved"): f"{entry['solved']} of {entry['n']}" + other,
        (row, f"{language}: candidates"): candidates,
    }


def _sums(solved: dict[tuple[str, str], Solved], others: Sequence[str]) -> Iterator[tuple[tuple[str, str], str]]:
    """The grid of the splits: how many tasks are solved within each budget, and how candidates compare."""
    for split, tasks in (("training", corpus.training()), ("held-out", corpus.held_out())):
        for language in others:
            both = [task for task in tasks if {(task, PLAIN), (task, language)} <= solved.keys()]
            if not both:
                continue
            of = {name: [solved[task, name] for task in both] for name in (PLAIN, language)}
            for title, count in _budgets(of):
                for name, searches in of.items():
                    yield (f"{split}, {len(both)} tasks, {name}", title), count(searches)
            yield (f"{split}, {len(both)} tasks, {language}", "times fewer candidates"), _ratio(*of.values())


def _budgets(of: dict[str, list[Solved]]) -> Iterator[tuple[str, Callable[[list[Solved]], str]]]:
    most = min(one.budget for searches in of.values() for one in searches)
    for candidates in CANDIDATES:
        if candidates <= most:
            yield f"within {candidates:,} candidates", _counting("candidates", candidates)
    for seconds in SECONDS:
        yield f"within {seconds:g} s", _counting("seconds", seconds)


def _counting(name: str, budget: float) -> Callable[[list[Solved]], str]:
    def count(searches: list[Solved]) -> str:
        solved = (_table(searches, name) <= budget).sum(0)
        return _mean_text([float(number) for number in solved], ".1f", most=len(searches))

    return count


def _table(searches: list[Solved], name: str) -> np.ndarray:
    """The numbers [tasks, draws] of as many draws as all have."""
    draws = min(len(one.candidates) for one in searches)
    return np.array([getattr(one, name)[:draws] for one in searches])


def _ratio(plain: list[Solved], other: list[Solved]) -> str:
    before, after = _table(plain, "candidates"), _table(other, "candidates")
    draws = min(before.shape[1], after.shape[1])
    before, after = before[:, :draws], after[:, :draws]
    both = np.isfinite(before) & np.isfinite(after)
    logs = [
        float(np.log(before[:, draw][both[:, draw]] / after[:, draw][both[:, draw]]).mean())
        for draw in range(draws)
        if both[:, draw].any()
    ]
    return _mean_text(logs, ".2f", math.exp) if logs else NONE


def _mean_text(
    numbers: Sequence[float], spec: str, of: Callable[[float], float] = float, most: float = math.inf
) -> str:
    """The mean and its interval, `9.2 (8.6-9.8)`, which ends at 0 and at the most that there can be.

    No interval where there is one number, or all are the same.
    """
    own = sample(numbers)
    within = t_interval(own)
    if own.mean is None:
        return NONE
    text = format(of(own.mean), spec)
    if within is None or within.low == within.high:
        return text
    return text + interval_text(max(of(within.low), 0.0), min(of(within.high), most), spec)

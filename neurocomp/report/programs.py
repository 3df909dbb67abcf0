"""How distributed and how simple the programs are that restarts end with, by task and by what they start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from neurocomp.report.cells import METRICS, Cell
from neurocomp.report.floors import is_untrained
from neurocomp.report.grid import Entry, Grid, Table, rate_text, restarts_text
from neurocomp.report.means import sample, t_interval
from neurocomp.report.places import Place, choose
from neurocomp.report.published import axes, row_of_init, task_order
from neurocomp.report.rates import Interval, rate_columns
from neurocomp.results.columns import COMPLEXITY, PROGRAMS

NONE = "-"
MEANS = tuple(f"{name}{end}" for name in COMPLEXITY for end in ("", "_low", "_high"))
COLUMNS = (*PROGRAMS, "tuned", "metric", "rate", "ci_low", "ci_high", "distinct", *MEANS, "config_hash")


class Shown(NamedTuple):
    """A column of a grid: its title, what numbers are multiplied by, digits behind the point, the most they can be."""

    title: str
    unit: int = 1
    digits: int = 2
    most: float = np.inf


SHOWN = {
    "n": Shown("n"),
    "rate": Shown("recovered"),
    "distinct": Shown("distinct"),
    "decision_entropy": Shown("entropy, bits", digits=3),
    "active_lines": Shown("active lines"),
    "agreement": Shown("agreement, %", 100, 1, 1.0),
    "shortest_lines": Shown("shortest, lines"),
    "edits_from_start": Shown("edits from start", digits=1),
    "edits_from_reference": Shown("edits from reference", digits=1),
}
OF_ALL = tuple(name for name in SHOWN if name != "shortest_lines")  # which only programs that are right have
OF_RECOVERED = tuple(name for name in SHOWN if name != "rate")
BEFORE = tuple(name for name in OF_ALL if name != "rate")
NOTES = (
    "entropy: of a decision (opcode or operand) of the lines that the decompiled program executes; 0 where all are "
    "certain. active lines: 2 to the entropy of the program counter before a step; 1 where it is at one line. "
    "agreement: steps after which all likeliest words, of memory and registers, are those of the exact run.",
    "shortest: lines that are left, noops not counted, when lines are dropped one at a time as long as the program is "
    "right on the test examples. edits: Levenshtein's distance in opcodes and operands. distinct: decompiled programs "
    "that differ.",
    "Means over restarts with 95% t-intervals; no interval where there is one restart.",
)


def programs_table(cells: Sequence[Cell], metric: str) -> Table:
    """Entries for each task and start: all restarts, those recovered by this measure, and all before the first update.

    Cells whose rows do not say how distributed they are (complexity=false) are left out.
    """
    judged = [cell for cell in cells if cell.n and COMPLEXITY[0] in cell.table.columns]
    tuned, untuned = (_entries(judged, metric, is_tuned) for is_tuned in (True, False))
    every, before = _of(tuned, "all"), _of(untuned, "all")
    k = restarts_text([{"n": entry["of"]} for entry in every or before])
    grids = [
        Grid(caption, {(_row(entry), SHOWN[name].title): _text(entry, name) for entry in shown for name in columns})
        for caption, shown, columns in (
            (f"programs, all restarts, metric {metric}: {METRICS[metric]}; {k}.", every, OF_ALL),
            (f"programs, the restarts that recovered ({metric}).", _of(tuned, metric), OF_RECOVERED),
            (f"programs, all restarts before their first update (optimizer.updates=0); {k}.", before, BEFORE),
        )
        if shown
    ]
    if not grids:
        return Table("programs", COLUMNS, [], [Grid("programs: no cells with complexity=true.", {})])
    grids[-1] = grids[-1]._replace(notes=NOTES)
    entries = [{name: entry[name] for name in COLUMNS} for entry in (*tuned, *untuned)]
    return Table("programs", COLUMNS, entries, grids)


def _of(entries: Sequence[Entry], which: str) -> list[Entry]:
    return [entry for entry in entries if entry["restarts"] == which and entry["n"]]


def _entries(cells: Sequence[Cell], metric: str, is_tuned: bool) -> list[dict[str, Any]]:
    chosen = choose((_place(cell), cell) for cell in cells if is_untrained(cell) is not is_tuned)
    return [entry for _, cell in sorted(chosen.items(), key=_order) for entry in _entries_of(cell, metric, is_tuned)]


def _place(cell: Cell) -> Place:
    return cell.facts["task"], cell.facts["init"]


def _order(placed: tuple[Place, Cell]) -> tuple:
    (task, start), _ = placed
    rows = axes("table1")[0]
    row = row_of_init(start)
    return *task_order(task), rows.index(row) if row in rows else len(rows), start


def _entries_of(cell: Cell, metric: str, is_tuned: bool) -> Iterator[dict[str, Any]]:
    """Of all restarts of a cell, and of those that recovered. `of` is how many there are in all."""
    (task, start), count = _place(cell), cell.recovered(metric)
    shared = {"task": task, "start": start, "tuned": is_tuned, "metric": metric, "of": cell.n}
    shared |= {"config_hash": cell.facts["config_hash"], "rate": None, "ci_low": None, "ci_high": None}
    rate = {"n": cell.n} if count is None else rate_columns(count, cell.n)
    yield shared | {"restarts": "all"} | rate | _numbers(cell)
    some = replace(cell, table=cell.table.take(np.flatnonzero(cell.table[f"recovered_{metric}"].is_true)))
    yield shared | {"restarts": metric, "n": some.n} | _numbers(some)


def _numbers(cell: Cell) -> dict[str, Any]:
    """How many programs differ, and each mean with its interval; None where there is none."""
    numbers: dict[str, Any] = {"distinct": len({text for text in cell.table["program"].known() if text})}
    for name in COMPLEXITY:
        of = sample(cell.table[name].known())
        within = t_interval(of) or Interval(*[None] * 2)  # type: ignore[arg-type]
        numbers |= {name: of.mean, f"{name}_low": within.low, f"{name}_high": within.high}
    return numbers


def _row(entry: Entry) -> str:
    return f"{entry['task']} from {entry['start']}"


def _text(entry: Entry, name: str) -> str:
    if name == "rate":
        return NONE if entry["rate"] is None else rate_text(entry, entry["n"])
    return str(entry[name]) if name in ("n", "distinct") else _mean_text(entry, name)


def _mean_text(entry: Entry, name: str) -> str:
    """`1.09 (1.07-1.10)`. The interval ends where the number can go no further: t knows of no bounds."""
    shown, mean = SHOWN[name], entry[name]
    if mean is None:
        return NONE
    low, high = entry[f"{name}_low"], entry[f"{name}_high"]
    ends = [] if low is None else [max(low, 0.0), min(high, shown.most)]
    mean, *within = (f"{shown.unit * number:.{shown.digits}f}" for number in (mean, *ends))
    return mean + (f" ({within[0]}-{within[1]})" if within else "")

"""How much noise a program survives: the rate of recovery against gamma, for each task and initial program."""

from __future__ import annotations

from collections.abc import Sequence

from neurocomp.report.cells import METRICS, Cell
from neurocomp.report.grid import Entry, Grid, Table, most_restarts, rate_text, restarts_text
from neurocomp.report.places import Place, choose
from neurocomp.report.published import task_order
from neurocomp.report.rates import rate_columns
from neurocomp.results.columns import GAMMA

COLUMNS = (*GAMMA, "rate", "ci_low", "ci_high")


def gamma_table(cells: Sequence[Cell], metric: str) -> Table:
    """An entry for each task, initial program and gamma that was measured, in this order.

    Random weights have no gamma to vary, and what the synthesizer finds is no one program.
    """
    chosen = choose((_place(cell), cell) for cell in cells if cell.n and is_varied(cell))
    entries = []
    for cell in sorted(chosen.values(), key=_order):
        count = cell.recovered(metric)
        if count is not None:
            entries.append({key: cell.facts[key] for key in COLUMNS[:3]} | rate_columns(count, cell.n))
    shown = "Columns: gamma, the noise of the compiled program; each cell: measured rate (95% Wilson interval)."
    caption = f"gamma, metric {metric}: {METRICS[metric]}; {restarts_text(entries)}. {shown}"
    return Table("gamma", COLUMNS, entries, [Grid(caption, _texts(entries))])


def is_varied(cell: Cell) -> bool:
    """Whether the cell is tuned from one program."""
    return cell.facts["method"] == "tune" and cell.facts["init"] not in ("random", "synth")


def _place(cell: Cell) -> Place:
    return cell.facts["task"], cell.facts["init"], f"gamma={cell.facts['gamma']:g}"


def _order(cell: Cell) -> tuple:
    return *task_order(cell.facts["task"]), cell.facts["init"], cell.facts["gamma"]


def _texts(entries: Sequence[Entry]) -> dict[tuple[str, str], str]:
    """By curve and gamma; what was not measured is `-`."""
    most = most_restarts(entries)
    measured = {(curve_name(entry), entry["gamma"]): rate_text(entry, most) for entry in entries}
    curves = dict.fromkeys(curve for curve, _ in measured)
    gammas = sorted({gamma for _, gamma in measured})
    return {(curve, f"{gamma:g}"): measured.get((curve, gamma), "-") for curve in curves for gamma in gammas}


def curve_name(entry: Entry) -> str:
    """`fib` for the task's own program, else `fib from map_inc`."""
    return entry["task"] if is_own(entry) else f"{entry['task']} from {entry['init']}"


def is_own(entry: Entry) -> bool:
    """Whether this starts from the task's own program, which has the task's name or none."""
    return entry["init"] in (entry["task"], "reference")

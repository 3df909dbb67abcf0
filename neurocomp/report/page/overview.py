"""What a page says of folders: each cell in numbers, and the tables of the papers that their cells fill."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.language.assembly import Program, format_program
from neurocomp.report.cells import METRICS, Cell, Rows, made_by, state_of
from neurocomp.report.floors import told_apart
from neurocomp.report.grid import restarts_text
from neurocomp.report.page.commands import command_of, settings_of
from neurocomp.report.page.restored import restored, starts
from neurocomp.report.places import find
from neurocomp.report.published import tables
from neurocomp.report.table import long_table, measured_table, placed
from neurocomp.tasks.task import Task

SHOWN = ("row", "task", "n", "rate", "ci_low", "ci_high", "published", "difference", "excluded")
DIGITS = 4  # of a rate: 0.01 % is less than any interval here


def cell_numbers(cell: Cell, number: int, folder: Path, limits: LimitsConfig) -> dict[str, Any]:
    """A cell: its settings, rates with intervals, where it comes from, how it is made, what restarts start from."""
    line = cell.summary_line()
    facts = {name: line[name] for name in (*Cell.SHOWN, "seed", "config_hash", "n", "requested", "updates")}
    return {
        "id": number,
        "folder": str(folder),
        "name": cell.path.stem,
        "path": str(cell.path),
        "experiment": line["experiment"],
        **facts,
        "state": state_of(line),
        "rates": {metric: _rate(cell, metric) for metric in METRICS},
        "commits": distinct(cell, "commit"),
        "changed": "true" in [str(value).lower() for value in cell.table["dirty"].distinct()],
        "versions": made_by(cell)["version"],
        "dates": ends(cell),
        "notes": [*cell.notes, *cell.problems],
        **_origin(cell, limits),
    }


def _rate(cell: Cell, metric: str) -> list[Any] | None:
    """Count, rate, and the ends of its interval; None where it was not measured."""
    count, interval = cell.recovered(metric), cell.interval(metric) if cell.n else None
    if count is None or interval is None:
        return None
    return [count, *(round(part, DIGITS) for part in (count / cell.n, *interval))]


def distinct(cell: Rows, column: str) -> list[str]:
    """The different texts of a column."""
    return [value for value in cell.table[column].distinct() if value]


def ends(cell: Rows) -> list[str]:
    """The dates of the first row and of the last; none where the rows are older than the column."""
    dates = sorted(distinct(cell, "date"))
    return [dates[0], dates[-1]] if dates else []


def _origin(cell: Cell, limits: LimitsConfig) -> dict[str, Any]:
    """The command, and the programs that restarts are compared with; `origin_problem` where that is not known."""
    origin: dict[str, Any] = {
        "command": None,
        "settings": None,
        "starts": [],
        "reference": None,
        "origin_problem": None,
    }
    try:
        known = restored(cell, limits)
        origin["command"] = command_of(known.config, cell.requested or known.config.restarts)
        origin["settings"] = settings_of(known.config)
        origin["reference"] = _reference(known.task)
        origin["starts"] = [
            None if one.program is None else _text(one.program, known.task.machine.jump_target) for one in starts(known)
        ]
    except UserError as error:
        origin["origin_problem"] = str(error)
    return origin


def _reference(task: Task) -> str | None:
    return None if task.reference is None else _text(task.reference)


def _text(program: Program, jump_target: str = "line") -> str:
    """A program as rows have theirs: on one line, its labels named after lines."""
    return format_program(Program(program.instructions), one_line=True, jump_target=jump_target)


def paper_tables(cells: Sequence[Cell], folder: Path, numbers: Mapping[Path, int]) -> list[dict[str, Any]]:
    """The published tables of which the cells of a folder fill at least one published place, by each measure.

    `numbers` are those of the cells by their files.
    """
    found = []
    for name in tables():
        try:
            if table := _paper_table(name, cells, folder, numbers):
                found.append(table)
        except UserError:
            many = "several configurations compete for a place of it"
            chosen = f"neurocomp table {name} --results {shlex.quote(str(folder))} lists them, and --where chooses"
            found.append({"name": name, "folder": str(folder), "problem": f"{many}; {chosen}"})
    return found


def _paper_table(name: str, cells: Sequence[Cell], folder: Path, numbers: Mapping[Path, int]) -> dict[str, Any] | None:
    trained, _ = told_apart(cells)
    shown, chosen = placed(name, trained)
    if not any(entry["n"] and entry["published"] is not None for entry in long_table(name, trained, "soft")):
        return None
    metrics = {}
    for metric in METRICS:
        table = measured_table(name, cells, metric)
        standing = [find(*place, chosen, metric) for place in shown]
        metrics[metric] = {
            "places": [
                {key: entry[key] for key in SHOWN} | {"cell": None if of is None else numbers[of.cell.path]}
                for entry, of in zip(table.entries, standing, strict=True)
            ],
            "caption": f"{metric}: {METRICS[metric]}; {restarts_text(table.entries)}",
            "notes": list(table.grids[0].notes),
        }
    rows, tasks = (list(dict.fromkeys(place[axis] for place in shown)) for axis in (0, 1))
    return {"name": name, "folder": str(folder), "rows": rows, "tasks": tasks, "metrics": metrics}

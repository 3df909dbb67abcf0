"""What a page says of the memorizer's cells: each in numbers with its trainings, and the tables of its paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurocomp.memorizer.report import memorization, soft_programs
from neurocomp.memorizer.report.cells import MemorizerCell, each_cell
from neurocomp.memorizer.report.settings import defaults, departures, words
from neurocomp.report.cells import Said, made_by, state_of
from neurocomp.report.grid import Grid
from neurocomp.report.page.overview import distinct, ends
from neurocomp.report.page.restarts import short, values_of

CELLS, TRAININGS = 500, 200  # that a page has, and that it lists of a cell
COLUMNS = (
    "restart", "status", "updates", "accuracy", "accuracy_a", "exact_rate", "outcomes", "exact_by_program",
)  # fmt: skip
SHORT = ("loss", "wall_s")  # columns of which a few digits are shown


def memorizer_numbers(folders: Sequence[Path], said: Said) -> dict[str, Any]:
    """The memorizer's cells below these folders and their tables, ready for JSON; `left_out` are lines on the others.

    Notes on files go to `said`; files that cannot be read are named by whoever reads the other cells of the folder.
    """
    seen: set[Path] = set()
    cells: list[dict[str, Any]] = []
    tables: list[dict[str, Any]] = []
    left_out: list[str] = []
    for folder in folders:
        here = Said()
        found = [cell for cell in each_cell(folder, here) if cell.path.resolve() not in seen]
        seen |= {cell.path.resolve() for cell in found}
        said.notes += here.notes
        said.problems += [problem for problem in here.problems if problem not in said.problems]
        room = max(0, CELLS - len(cells))
        if len(found) > room:
            left_out.append(f"{len(found) - room:,} of {len(found):,} cells of the memorizer in {folder}")
        cells += [_cell(cell, len(cells) + place, folder) for place, cell in enumerate(found[:room])]
        tables += _tables(found, folder)
    left_out += [f"{cell['name']}: {cell['left_out']:,} of {cell['n']:,} trainings" for cell in cells
                 if cell["left_out"]]  # fmt: skip
    return {"cells": cells, "tables": tables, "left_out": left_out}


def _cell(cell: MemorizerCell, number: int, folder: Path) -> dict[str, Any]:
    line = cell.summary_line()
    trainings = cell.table.take(np.arange(min(cell.n, TRAININGS)))
    of_few_digits = {name: list(map(short, values_of(trainings, name))) for name in SHORT}
    return {
        "id": number,
        "folder": str(folder),
        "name": cell.path.stem,
        "path": str(cell.path),
        **{name: line[name] for name in (*MemorizerCell.SHOWN, "experiment", "seed", "config_hash", "n", "requested")},
        "state": state_of(line),
        **cell.measures(),
        "settings": words(departures(cell, defaults(), ("task", "data", "programs", "network.name", "language"))),
        "commits": distinct(cell, "commit"),
        "changed": True in cell.table["dirty"].distinct(),
        "versions": made_by(cell)["version"],
        "dates": ends(cell),
        "notes": [*cell.notes, *cell.problems],
        "trainings": {name: values_of(trainings, name) for name in COLUMNS} | of_few_digits,
        "left_out": cell.n - len(trainings),
    }


def _tables(cells: Sequence[MemorizerCell], folder: Path) -> list[dict[str, Any]]:
    """The paper's tables for which there is a training here: published beside measured, and the difference."""
    drawn = []
    if any(cell.n and cell.facts["task"] == memorization.TASK for cell in cells):
        drawn.append(memorization.memorization_table(cells))
    if any(cell.n and cell.facts["task"] in soft_programs.MODELS for cell in cells):
        drawn.append(soft_programs.soft_programs_table(cells))
    return [{"name": table.name, "folder": str(folder)} | _texts(grid) for table in drawn for grid in table.grids]


def _texts(grid: Grid) -> dict[str, Any]:
    rows, columns = (list(dict.fromkeys(place[axis] for place in grid.texts)) for axis in (0, 1))
    return {
        "caption": grid.caption,
        "columns": columns,
        "rows": [{"row": row, "texts": [grid.texts[row, name] for name in columns]} for row in rows],
        "notes": list(grid.notes),
    }

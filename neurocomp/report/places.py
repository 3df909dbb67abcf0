"""Where cells belong: the one cell for each place of a table, and which of its restarts count there.

A place is filled from one configuration. Where several fit, the reader decides; nothing is pooled or guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from neurocomp.errors import UserError
from neurocomp.report.cells import Cell
from neurocomp.report.published import LOOP_NOOP, is_tuned, row_of_init
from neurocomp.report.where import differences

Place = tuple[str, ...]  # row and column of a table, and what else tells its entries apart

SYNTHESIS = "synthesis"
BOTH = "both"
EQUAL_BUDGET = "both, equal budget"
AFTER_TUNING = "both, after tuning"
BOTH_HARD = "both, hard"
RANDOM_PROGRAMS = "random programs"
LOCAL_SEARCH = "local search from "
ENUMERATION = "enumeration"
SOLVER = "solver"
FROM_A_PROGRAM = {"local_search": LOCAL_SEARCH, "annealing": "annealing from ", "solver": "repair by a solver of "}

REPAIRED = f"{FROM_A_PROGRAM['annealing']}synth"  # what stands in BOTH_HARD where synthesis has no exact program

LISTED, CELLS_LISTED = 5, 10  # ambiguous places that a message spells out, and cells of each


class Found(NamedTuple):
    """What stands in a place: a cell, how many of its restarts count (None: not measured), and in `both` by whom."""

    cell: Cell
    count: int | None
    source: str | None = None


def row_of(cell: Cell) -> str:
    """The row that a cell is the material of. Of synthesized programs, those tuned in turn fill EQUAL_BUDGET."""
    method, init = cell.facts["method"], cell.facts["init"]
    if method == "synthesize":
        return SYNTHESIS
    if method == "random_search":
        return RANDOM_PROGRAMS
    if method == "solver" and init == "none":
        return SOLVER
    if method in FROM_A_PROGRAM:
        return f"{FROM_A_PROGRAM[method]}{init}"
    if method == "enumerate":
        return ENUMERATION
    if method != "tune":
        return method  # a method that no table of the paper has a row for
    if init == "synth":
        return BOTH if allocation(cell) == "best" else EQUAL_BUDGET
    return row_of_init(init)


SKELETON, REFERENCE = "skeleton", "reference"
"""What the published row init=loop_noop is read as: the appendix's loop of noops, or the task's own program."""


def published_rows(cell: Cell, loop_noop: str) -> list[str]:
    """The rows that a cell is the material of, where the row init=loop_noop starts from what `loop_noop` says.

    A cell that is tuned from its task's own program may stand in two: in that of the program, and in this one.
    """
    row = row_of(cell)
    if loop_noop == SKELETON:
        return [row]
    rows = [] if row == LOOP_NOOP else [row]
    return [*rows, LOOP_NOOP] if is_tuned(row) and cell.facts["init"] in ("reference", own_program(cell)) else rows


def own_program(cell: Cell) -> str | None:
    """The name of the program that the cell's task has as its reference; None where it has none."""
    task = cell.config.get("task")
    return task.get("program") if isinstance(task, dict) else None


def allocation(cell: Cell) -> str:
    """How the restarts of a cell from synthesized programs were spent on templates."""
    return (cell.config.get("synthesis") or {}).get("allocation", "even")


def choose(candidates: Iterable[tuple[Place, Cell]]) -> dict[Place, Cell]:
    """The one cell for each place. Files with the same hash are copies of one cell: the longer one is taken.

    UserError if different configurations compete, saying for each place in what they differ.
    """
    found: dict[Place, dict[str, Cell]] = {}
    for place, cell in sorted(candidates, key=lambda candidate: candidate[1].n):
        if cell.n:
            found.setdefault(place, {})[cell.facts["config_hash"]] = cell
    competing = {place: list(of.values()) for place, of in found.items() if len(of) > 1}
    if competing:
        raise UserError("several configurations fit; choose with --where KEY=VALUE", *_listed(competing))
    return {place: next(iter(of.values())) for place, of in found.items()}


def _listed(competing: dict[Place, list[Cell]]) -> list[str]:
    """In what the cells differ that compete for a place: the first places, and the first cells of each."""
    lines = []
    for place, cells in list(competing.items())[:LISTED]:
        lines += [f"{', '.join(place)}:", *(f"  {line}" for line in differences(cells)[:CELLS_LISTED])]
        lines += [f"  and {len(cells) - CELLS_LISTED} more"] if len(cells) > CELLS_LISTED else []
    return lines + ([f"and {len(competing) - LISTED} more"] if len(competing) > LISTED else [])


def own_rows(chosen: dict[Place, Cell]) -> list[str]:
    """The rows that no paper has and that there are cells for, in their order."""
    searched = []
    for start in FROM_A_PROGRAM.values():
        of_start = {row for row, _ in chosen if row.startswith(start)}
        inits = [f"{start}{init}" for init in ("random", "map_inc", "map_dec", "loop_noop")]
        searched += sorted(of_start, key=lambda row: (inits.index(row) if row in inits else len(inits), row))
    there = {row for row, _ in chosen}
    there |= {row for row, of in ((AFTER_TUNING, EQUAL_BUDGET), (BOTH_HARD, REPAIRED)) if of in there}
    shown = (EQUAL_BUDGET, AFTER_TUNING, BOTH_HARD, RANDOM_PROGRAMS, *searched, ENUMERATION, SOLVER)
    return [row for row in shown if row in there]


def find(row: str, task: str, chosen: dict[Place, Cell], metric: str) -> Found | None:
    """What stands in a place of Table 1 by this measure, or None if it was not measured."""
    if row in (BOTH, BOTH_HARD):
        synthesis = chosen.get((SYNTHESIS, task))
        if synthesis and synthesis.recovered("hard") == synthesis.n:
            return Found(synthesis, synthesis.recovered(metric), "synthesis")
    cell = chosen.get(({AFTER_TUNING: EQUAL_BUDGET, BOTH_HARD: REPAIRED}.get(row, row), task))
    if cell is None:
        return None
    if row == EQUAL_BUDGET:
        return Found(cell, _right_before_or_after(cell, metric))
    return Found(cell, cell.recovered(metric), {BOTH: "tuned", BOTH_HARD: "repaired"}.get(row))


def _right_before_or_after(cell: Cell, metric: str) -> int | None:
    """Restarts that recovered, or whose program was right before it was tuned.

    That program was held to the test examples only, so that nothing is known of its `general`.
    """
    after = cell.recovered(metric)
    if after is None or metric == "general":
        return after
    return int((cell.table["synthesized"].is_true | cell.table[f"recovered_{metric}"].is_true).sum())

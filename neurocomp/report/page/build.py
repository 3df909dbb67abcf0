"""All that a page shows, as one object of plain numbers and texts: folders of results go in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from neurocomp.cell_limits import KEYS
from neurocomp.compilation.soft_trace import SoftTrace, trace_softly
from neurocomp.config import LimitsConfig
from neurocomp.devices import torch_threads
from neurocomp.errors import UserError
from neurocomp.limits import estimates
from neurocomp.limits.checking import OPTIONS, check
from neurocomp.methods.tune import make_ready
from neurocomp.plan import Plan
from neurocomp.report.cells import Cell, Said, each_cell
from neurocomp.report.finding import find
from neurocomp.report.page.choosing import Chosen, asked_for, passed_over, usual
from neurocomp.report.page.overview import cell_numbers, paper_tables
from neurocomp.report.page.replay import Replay, replayed
from neurocomp.report.page.restarts import restart_numbers, thinned
from neurocomp.report.page.restored import planned, restored
from neurocomp.report.page.traces import page_data, phase
from neurocomp.shapes import Float, Tensor
from neurocomp.tasks.examples import HeldOut, held_out

CELLS, RESTARTS = 2_000, 20_000  # that a page has: a browser draws so many at once, and sorts them without a wait
INPUTS = 3  # test inputs of a soft trace


def report_data(
    folders: Sequence[Path],
    said: Said,
    limits: LimitsConfig,
    restarts: Sequence[str] | None = None,
    shown: bool = False,
    others: Callable[[Sequence[Path], Said], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The data of a page about these folders; `restarts` are texts such as `CELL:3,17`, None: ten a folder.

    With `shown`, bars say how far the restarts are that are tuned again. Notes on files go to `said`. `others` gives
    what the page says of the memorizer's cells. Raises UserError for a folder that has no rows.
    """
    found, left_out = _first_cells([(folder, _cells_in(folder, said)) for folder in dict.fromkeys(folders)])
    cells = [cell for _, those in found for cell in those]
    numbers = {cell.path: number for number, cell in enumerate(cells)}
    most = even_share([cell.n for cell in cells], RESTARTS)
    if restarts is None:
        chosen = [one for _, those in found for one in usual([(numbers[cell.path], cell) for cell in those])]
        left_out += passed_over(cells)
    else:
        chosen = asked_for(restarts, cells)
    traces, untraced = _traces(cells, chosen, limits, shown)
    asked = {number: [one.restart for one in chosen if one.cell == number] for number in range(len(cells))}
    memorizer = others(folders, said) if others else {"cells": [], "tables": [], "left_out": []}
    return page_data("report") | {
        "memorizer": memorizer,
        "folders": [str(folder) for folder, _ in found],
        "left_out": left_out + _unlisted(cells, most) + memorizer["left_out"],
        "notes": list(dict.fromkeys(said.notes)),
        "problems": list(dict.fromkeys(said.problems)),
        "tables": [table for folder, those in found for table in paper_tables(those, folder, numbers)],
        "cells": [
            cell_numbers(cell, number, folder, limits) | restart_numbers(cell, most, asked[number], limits)
            for folder, those in found
            for cell in those
            for number in [numbers[cell.path]]
        ],
        "traces": traces,
        "untraced": untraced,
    }


InFolders = list[tuple[Path, list[Cell]]]


def _first_cells(found: InFolders) -> tuple[InFolders, list[str]]:
    """As many cells as a page has, each once wherever folders lie in each other; and a line on those left out."""
    seen: dict[Path, None] = {}
    kept, total = [], 0
    for folder, cells in found:
        new = [cell for cell in cells if cell.path.resolve() not in seen]
        seen |= dict.fromkeys(cell.path.resolve() for cell in new)
        kept.append((folder, new[: max(0, CELLS - total)]))
        total += len(new)
    return kept, [f"{total - CELLS:,} of {total:,} cells: a page has the first {CELLS:,}"] if total > CELLS else []


def _unlisted(cells: Sequence[Cell], most: int) -> list[str]:
    """A line on the restarts that are not listed, where a cell lists at most so many."""
    hidden, total = sum(max(0, cell.n - most) for cell in cells), sum(cell.n for cell in cells)
    if not hidden:
        return []
    listed = f"a page lists {RESTARTS:,}, here the first {most:,} of a cell"
    return [f"{hidden:,} of {total:,} restarts: {listed}; counts, rates and distinct programs are of all"]


def _cells_in(folder: Path, said: Said) -> list[Cell]:
    """The cells of a folder. Raises UserError where it has no rows."""
    if not folder.exists():
        raise UserError(f"{folder}: there is no such folder")
    here = Said()
    cells, others = list(each_cell(folder, here)), len(find(folder).memorized)
    if not sum(cell.n for cell in cells) and not others:
        expected = "expected a folder with those of a run, such as results/table1"
        raise UserError(f"{folder}: no rows in it, {expected}", *here.problems)
    said.notes += here.notes
    said.problems += here.problems
    return cells


def even_share(counts: Sequence[int], total: int) -> int:
    """The largest number of which all may have so many, or what they have, without more than `total` together."""
    left, waiting = total, sorted(counts)
    while waiting:
        share = left // len(waiting)
        if waiting[0] > share:
            return max(1, share)
        left -= waiting.pop(0)
    return max(counts, default=0)


def _traces(
    cells: Sequence[Cell], chosen: Sequence[Chosen], limits: LimitsConfig, shown: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The soft traces of the chosen restarts, and those that cannot be shown, with the reason."""
    traces, untraced = [], []
    for number, those in groupby(sorted(set(chosen)), key=attrgetter("cell")):
        kinds = {one.restart: one.kind for one in those}
        for restart, found in _of_one_cell(cells[number], list(kinds), limits, shown):
            where = {"cell": number, "restart": restart, "kind": kinds[restart]}
            if isinstance(found, str):
                untraced.append(where | {"problem": found})
            else:
                traces.append(where | found)
    return traces, untraced


def _of_one_cell(
    cell: Cell, restarts: Sequence[int], limits: LimitsConfig, shown: bool
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The trace of each of these restarts, or why there is none."""
    try:
        plan = planned(restored(cell, limits, len(restarts)))
        sizes = {"steps": plan.task.steps, **plan.task.sizes._asdict()}
        check(limits, estimates.soft_trace, {name: KEYS[name] for name in sizes}, lifted_by=OPTIONS, **sizes)
        unseen = held_out(plan.task, plan.config.seed)
        make_ready(plan, unseen)
        found = replayed(plan, unseen, cell, restarts, shown)
    except UserError as error:
        yield from ((restart, str(error)) for restart in restarts)
        return
    for one in found:
        try:
            yield one.restart, one.problem or _trace(plan, unseen, one)
        except UserError as error:
            yield one.restart, str(error)


def _trace(plan: Plan, unseen: HeldOut, replay: Replay) -> dict[str, Any]:
    """A restart before its first update and after its last, on the first test inputs."""
    task, test = plan.task, unseen.test
    inputs = list(zip(test.memory[:INPUTS].tolist(), test.registers[:INPUTS].tolist(), strict=True))
    assert replay.before is not None and replay.after is not None
    with torch_threads(1):  # steps of one example are too small to share out
        phases = [
            phase(name, logits, task.sizes, task.machine, [_traced(plan, logits, words) for words in inputs])
            for name, logits in (("before the first update", replay.before), ("after the last update", replay.after))
        ]
    return {
        "origin": replay.origin,
        "sizes": task.sizes._asdict(),
        "checked": {"memory": task.checked_memory, "registers": task.checked_registers},
        "right": [
            {"memory": test.final_memory[place].tolist(), "registers": test.final_registers[place].tolist()}
            for place in range(len(inputs))
        ],
        "curve": thinned(replay.losses),
        "phases": phases,
    }


def _traced(plan: Plan, logits: Float[Tensor, "L W"], words: tuple[list[int], list[int]]) -> SoftTrace:
    """Raises UserError where the numbers grow beyond what there is."""
    task = plan.task
    found = trace_softly(logits, task.sizes, task.machine, *words, task.steps)
    if (at := found.lost_at) is not None:
        raise UserError(f"the soft machine has no words left after {at} steps")
    return found

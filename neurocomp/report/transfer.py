"""Which templates can be tuned into which programs: rates by what restarts start from and by task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from neurocomp.report.cells import METRICS, Cell
from neurocomp.report.grid import Grid, Table, most_restarts, rate_text, restarts_text
from neurocomp.report.places import Place, choose
from neurocomp.report.published import axes, task_order
from neurocomp.report.rates import rate_columns
from neurocomp.results.columns import TRANSFER

COLUMNS = (*TRANSFER, "rate", "ci_low", "ci_high")


def transfer_table(cells: Sequence[Cell], metric: str) -> Table:
    """An entry for each template and task that was measured: programs first, then templates that were synthesized."""
    chosen = choose(candidate for cell in cells for candidate in _by_template(cell))
    entries = []
    for (template, task), cell in sorted(chosen.items(), key=_order):
        count = cell.recovered(metric)
        if count is not None:
            entries.append({"template": template, "task": task, **rate_columns(count, cell.n)})
    shown = "Rows: what restarts start from; columns: tasks; each cell: measured rate (95% Wilson interval)."
    caption = f"transfer, metric {metric}: {METRICS[metric]}; {restarts_text(entries)}. {shown}"
    return Table("transfer", COLUMNS, entries, [Grid(caption, _texts(entries))])


def _by_template(cell: Cell) -> Iterator[tuple[Place, Cell]]:
    """The cell, or its restarts by the synthesized template that they started from. Random weights have none."""
    init, task = cell.facts["init"], cell.facts["task"]
    if cell.facts["method"] != "tune" or init == "random":
        return
    if init != "synth":
        yield (init, task), cell
        return
    templates = cell.table["template"]
    for template in templates.distinct():
        yield (template, task), replace(cell, table=cell.table.take(np.flatnonzero(templates.values == template)))


def _order(placed: tuple[Place, Cell]) -> tuple:
    (template, task), cell = placed
    programs = [*axes("table1")[1], "loop_noop"]
    kind = 2 if cell.facts["init"] == "synth" else 0 if template in programs else 1
    return kind, programs.index(template) if kind == 0 else template, *task_order(task)


def _texts(entries: Sequence[dict]) -> dict[tuple[str, str], str]:
    """By template and task; what was not measured is `-`."""
    most = most_restarts(entries)
    measured = {(entry["template"], entry["task"]): rate_text(entry, most) for entry in entries}
    templates = dict.fromkeys(template for template, _ in measured)
    tasks = sorted({task for _, task in measured}, key=task_order)
    return {(template, task): measured.get((template, task), "-") for template in templates for task in tasks}

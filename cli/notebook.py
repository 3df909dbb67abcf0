"""The entry for Python and notebooks: what `neurocomp run` does with one cell, and its rows as the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurocomp.cli.compose import one_cell
from neurocomp.cli.machines import DIFFERENTIABLE, MEMORIZER, Machine
from neurocomp.config import RunConfig
from neurocomp.job import complete
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.memorizer.report.cells import MemorizerCell
from neurocomp.memorizer.report.cells import read_cell as read_memorizer_cell
from neurocomp.report.cells import Cell, read_cell


def run(*overrides: str, config_dir: str | None = None, progress: bool = True) -> Cell:
    """Run the cell of the differentiable machine that these overrides stand for, or what is missing of it.

        cell = run("task=map_inc", "init=map_inc", "restarts=20")
        print(cell.rate("hard"), cell.interval("hard"), cell.rows["program"])

    Rows go to results/runs/ below the current folder, unless `results` and `name` say otherwise. Raises UserError
    where `neurocomp run` would refuse the cell.
    """
    return read_cell(_completed(DIFFERENTIABLE, "run()", overrides, config_dir, progress))


def memorize(*overrides: str, config_dir: str | None = None, progress: bool = True) -> MemorizerCell:
    """The same for the memorizer: `memorize("experiment=memorization", "programs=16")`."""
    return read_memorizer_cell(_completed(MEMORIZER, "memorize()", overrides, config_dir, progress))


def _completed(
    machine: Machine[RunConfig] | Machine[MemorizerConfig],
    called: str,
    overrides: Sequence[str],
    config_dir: str | None,
    progress: bool,
) -> Path:
    """Where the rows of the cell are, none of which is missing now."""
    composed = one_cell(list(overrides), config_dir, called)
    job = machine.check(composed.config, composed.directory)
    complete(job, progress)
    return job.path

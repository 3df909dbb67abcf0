"""The entry for Python and notebooks: what `neurocomp run` does with one cell, and its rows as the answer."""

from __future__ import annotations

from neurocomp.cli.compose import one_cell
from neurocomp.cli.machines import DIFFERENTIABLE, MEMORIZER
from neurocomp.job import complete
from neurocomp.memorizer.report.cells import MemorizerCell
from neurocomp.report.cells import Cell


def run(*overrides: str, config_dir: str | None = None, progress: bool = True) -> Cell:
    """Run the cell of the differentiable machine that these overrides stand for, or what is missing of it.

        cell = run("task=map_inc", "init=map_inc", "restarts=20")
        print(cell.rate("hard"), cell.interval("hard"), cell.rows["program"])

    Rows go to results/runs/ below the current folder, unless `results` and `name` say otherwise. Raises UserError
    where `neurocomp run` would refuse the cell.
    """
    from neurocomp.report.cells import read_cell

    composed = one_cell(list(overrides), config_dir, "run()")
    job = DIFFERENTIABLE.check(composed.config, composed.directory)
    complete(job, progress)
    return read_cell(job.path)


def memorize(*overrides: str, config_dir: str | None = None, progress: bool = True) -> MemorizerCell:
    """The same for the memorizer: `memorize("experiment=memorization", "programs=16")`."""
    from neurocomp.memorizer.report.cells import read_cell

    composed = one_cell(list(overrides), config_dir, "memorize()")
    job = MEMORIZER.check(composed.config, composed.directory)
    complete(job, progress)
    return read_cell(job.path)

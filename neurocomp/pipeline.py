"""One cell of a table, stage by stage: task, rows so far, what to start from, the method, rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from neurocomp import moved
from neurocomp.config import CIRCUMSTANCES, RunConfig
from neurocomp.devices import torch_threads
from neurocomp.engine import torch_threads_for
from neurocomp.jit import check_compiler
from neurocomp.job import complete
from neurocomp.limits.estimates import LEARNERS_AT_ONCE
from neurocomp.methods.annealing import annealed_rows
from neurocomp.methods.extras import check_extras, keep_extras
from neurocomp.methods.learner import learned_rows
from neurocomp.methods.near_misses import Record, keep, kept_templates, search, starts_of
from neurocomp.methods.near_misses import describe as describe_record
from neurocomp.methods.progress import Progress
from neurocomp.methods.rows import common_columns
from neurocomp.methods.searches import enumerated_rows, local_search_rows, random_search_rows
from neurocomp.methods.solver import solved_rows
from neurocomp.methods.synthesize import synthesized_rows
from neurocomp.methods.tune import make_ready, tuned_rows
from neurocomp.plan import CheckedCell, Plan, check_config, plan_from
from neurocomp.report.cells import Cell, read_cell
from neurocomp.results.columns import RESTARTS, WITH_COMPLEXITY, RowFormat
from neurocomp.results.configuration_file import configuration_text
from neurocomp.results.made import Made
from neurocomp.results.writer import check_appendable
from neurocomp.search.solver.process import check_installed
from neurocomp.tasks.examples import HeldOut, few_inputs, held_out
from neurocomp.text import say

Method = Callable[..., Iterator[Made]]


def by_batch(rows_of: Callable[..., list[dict]]) -> Method:
    """A method that knows the rows of one batch, as one that yields them batch after batch."""

    def rows(plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None) -> Iterator[Made]:
        for restarts in batches:
            yield Made(rows_of(plan, unseen, restarts, bar))

    return rows


# How rows are produced: (plan, held-out examples, batches of restarts, progress bar) -> rows of consecutive restarts.
METHODS: dict[str, Method] = {
    "tune": tuned_rows,
    "synthesize": by_batch(synthesized_rows),
    "random_search": by_batch(random_search_rows),
    "local_search": by_batch(local_search_rows),
    "enumerate": by_batch(enumerated_rows),
    "annealing": annealed_rows,
    "solver": solved_rows,
    "learner": learned_rows,
}
# A restart takes seconds and gains nothing from the others in its batch: always, or with a limit that lets it.
ONE_AT_A_TIME, ONE_WITH_LIMIT = ("synthesize",), ("random_search", "enumerate")


def run_cell(config: RunConfig, directory: Path | None = None, progress: bool = True) -> Cell:
    """Produce the restarts of a cell that are not in its CSV yet, and return the cell as it then stands."""
    job = Job(check_config(config, directory))  # task
    complete(job, progress)  # rows so far, start, method, judge, rows
    return read_cell(job.path)


def check(config: RunConfig, directory: Path | None = None) -> Job:
    """Raise UserError for whatever is wrong with a cell before it runs, a results file that is not ours included."""
    check_compiler()
    cell = check_config(config, directory)
    check_appendable(cell.path, cell.config.results)
    kept_templates(cell)
    if cell.config.method == "tune":
        check_extras(cell)
    if cell.config.method == "solver":
        check_installed("method=solver")
    return Job(cell)


@dataclass(frozen=True)
class Job:
    """A cell of the differentiable machine, as `neurocomp.job` runs it; `record` is what init=synth found."""

    cell: CheckedCell
    record: Record | None = None

    def rows(self, batches: Sequence[Sequence[int]], progress: bool) -> Iterator[Made]:
        """Held-out examples, the start, and the method: the rows of these restarts as they are done."""
        cell, method = self.cell, METHODS[self.cell.config.method]
        with torch_threads(torch_threads_for(cell.engine, cell.threads)):
            unseen = held_out(cell.task, cell.config.seed)
            plan = plan_from(cell, starts_of(cell, self.record))
            make_ready(plan, unseen)
            shown = progress and self.only is None  # one restart alone is soon done
            updates, limit = updates_of(cell.config), cell.config.limit
            with Progress(cell.path.stem, batches, updates, shown, limit) as bar:
                yield from method(plan, unseen, batches, bar)

    def started(self, progress: bool) -> Job:
        """The job with what synthesis finds on examples of its own."""
        with torch_threads(torch_threads_for(self.cell.engine, self.cell.threads)):
            return replace(self, record=search(self.cell, progress))

    def resumed(self) -> Job:
        """The job with the templates that the cell began with, where they were kept."""
        return self if self.has_start else replace(self, record=kept_templates(self.cell))

    @property
    def has_start(self) -> bool:
        return self.cell.init != "synth" or self.record is not None

    def keep_start(self) -> None:
        if self.record is not None:
            keep(self.cell, self.record)

    def describe_start(self) -> None:
        if self.record is not None:
            say([f"{self.path.stem}: {describe_record(self.record)}"], prefix="")

    @property
    def format(self) -> RowFormat:
        return WITH_COMPLEXITY if self.cell.config.complexity else RESTARTS

    @property
    def path(self) -> Path:
        return self.cell.path

    @property
    def restarts(self) -> int:
        return self.cell.config.restarts

    @property
    def only(self) -> int | None:
        return self.cell.config.only

    @property
    def chunk(self) -> int:
        config = self.cell.config
        if config.method == "learner":
            return LEARNERS_AT_ONCE
        alone = ONE_AT_A_TIME if config.limit is None else (*ONE_AT_A_TIME, *ONE_WITH_LIMIT)
        return 1 if config.method in alone else config.chunk

    @property
    def has_checkpoints(self) -> bool:
        """Restarts are short: one that is lost begins anew."""
        return False

    @property
    def wants_extras(self) -> bool:
        return self.cell.config.save_curves or self.cell.config.save_weights

    @property
    def is_divisible(self) -> bool:
        """With engine=eager PyTorch's last bits may depend on the batch; learners are trained in groups."""
        return self.cell.engine not in ("eager", "torch")

    def describe(self) -> str:
        return describe(self.cell.config)

    def configuration(self) -> str:
        cell, given = self.cell, self.cell.config.init
        init = given if Path(given).name == cell.init else cell.init  # a path stays one; reference has a name
        resolved = {"init": init, "gamma": cell.gamma, "engine": cell.engine, "config_hash": cell.config_hash}
        settings = vars(cell.config) | resolved
        return configuration_text({key: value for key, value in settings.items() if key not in CIRCUMSTANCES})

    def remark(self, finished: int, missing: int) -> None:
        """Say so where inputs are few, and where curves or weights are asked for of restarts that are done."""
        if missing:
            remark_once(few_inputs(self.cell.task))
        if finished and self.wants_extras:
            done = f"{self.path.stem}: {finished} restarts are done and not run again for curves or weights"
            say([f"{done}; only=N runs one, another name= runs all"], prefix="")

    def keep(self, made: Made) -> None:
        keep_extras(self.cell, made)

    def written(self, restarts: Sequence[int]) -> None:
        """Nothing is left to do."""

    def failed_row(self, reason: str) -> dict:
        return common_columns(self.cell) | {"restart": None, "status": "failed", "program": reason}


def updates_of(config: RunConfig) -> int:
    """The most updates of a restart, where it has updates."""
    return config.learner.updates if config.method == "learner" else config.optimizer.updates


def describe(config: RunConfig) -> str:
    """A cell in words of the command line."""
    method = "" if config.method == "tune" else f" method={config.method}"
    method += f" learner={config.learner.kind}" if config.method == "learner" else ""
    return f"task={config.task.name} init={config.init}{method} gamma={config.gamma:g} seed={config.seed}"


@functools.cache
def remark_once(remark: str | None) -> None:
    """Say this on stderr, if there is anything to say: the first cell of a task in a grid says it for all."""
    if remark:
        say([remark], prefix="")


if not TYPE_CHECKING:
    __getattr__ = moved.names_of(__name__, "neurocomp.job")

"""One cell of a table, stage by stage: task, rows so far, what to start from, the method, rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from neurocomp.config import RunConfig
from neurocomp.errors import UserError
from neurocomp.jit import check_compiler
from neurocomp.methods.extras import check_extras
from neurocomp.methods.near_misses import kept_templates, with_templates
from neurocomp.methods.progress import Progress
from neurocomp.methods.rows import common_columns
from neurocomp.methods.searches import enumerated_rows, local_search_rows, random_search_rows
from neurocomp.methods.synthesize import synthesized_rows
from neurocomp.methods.tune import make_ready, tuned_rows
from neurocomp.plan import Plan, make_plan
from neurocomp.report.cells import Cell, read_cell
from neurocomp.results.writer import CellWriter, check_appendable
from neurocomp.tasks.examples import HeldOut, few_inputs, held_out
from neurocomp.text import say, visible

Rows = Iterator[list[dict]]


def by_batch(rows_of: Callable[..., list[dict]]) -> Callable[..., Rows]:
    """A method that knows the rows of one batch, as one that yields them batch after batch."""

    def rows(plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None) -> Rows:
        for restarts in batches:
            yield rows_of(plan, unseen, restarts, bar)

    return rows


# How rows are produced: (plan, held-out examples, batches of restarts, progress bar) -> rows of consecutive restarts.
METHODS: dict[str, Callable[..., Rows]] = {
    "tune": tuned_rows,
    "synthesize": by_batch(synthesized_rows),
    "random_search": by_batch(random_search_rows),
    "local_search": by_batch(local_search_rows),
    "enumerate": by_batch(enumerated_rows),
}
ONE_AT_A_TIME = ("synthesize",)  # a restart takes seconds and gains nothing from the others in its batch


def run_cell(config: RunConfig, directory: Path | None = None, progress: bool = True) -> Cell:
    """Produce the restarts of a cell that are not in its CSV yet, and return the cell as it then stands."""
    return read_cell(complete(config, directory, progress))


def complete(config: RunConfig, directory: Path | None = None, progress: bool = True) -> Path:
    """Produce the restarts of a cell that are not in its CSV yet, and return where this is."""
    plan = make_plan(config, directory)
    config = plan.config
    if config.only is not None:
        raise UserError(f"only={config.only}: replay runs one restart again, run_cell those that are missing")
    unseen = held_out(plan.task, config.seed)
    with CellWriter(plan.path, configuration(plan)) as cell:
        batches = cell.missing_batches(config.restarts, 1 if config.method in ONE_AT_A_TIME else config.chunk)
        warn_of_extras(plan, len(cell.finished))
        if batches:
            remark_once(few_inputs(plan.task))
            make_ready(plan, unseen)
            plan = with_templates(plan, unseen, progress, keep=True)
        with Progress(plan.path.stem, batches, config.optimizer.updates, shown=progress) as bar:
            for rows in METHODS[config.method](plan, unseen, batches, bar):
                cell.append(rows)
    return plan.path


def replay(config: RunConfig, directory: Path | None = None, progress: bool = True) -> dict:
    """Run the restart `config.only` again by itself and return its row; of a tuned one, the loss curve goes to a file.

    The cell's CSV stays as it is.
    """
    plan = make_plan(config, directory)
    unseen = held_out(plan.task, config.seed)
    remark_once(few_inputs(plan.task))
    plan = with_templates(plan, unseen, progress, keep=False)
    ((row,),) = METHODS[plan.config.method](plan, unseen, [[plan.config.only]], None)
    return row


@functools.cache
def remark_once(remark: str | None) -> None:
    """Say this on stderr, if there is anything to say: of a grid's cells of one task, the first says it for all."""
    if remark:
        say([remark], prefix="")


def warn_of_extras(plan: Plan, finished: int) -> None:
    """Say so where curves or weights are asked for of restarts that are done."""
    if finished and (plan.config.save_curves or plan.config.save_weights):
        done = f"{plan.path.stem}: {finished} restarts are done and not run again for curves or weights"
        say([f"{done}; only=N runs one, another name= runs all"], prefix="")


def configuration(plan: Plan) -> str:
    """The full resolved configuration as YAML, with what the hash was taken of."""
    given = plan.config.init
    init = given if Path(given).name == plan.init else plan.init  # a path stays one; reference has a name
    resolved = {"init": init, "gamma": plan.gamma, "engine": plan.engine, "config_hash": plan.config_hash}
    settings = asdict(plan.config) | resolved
    del settings["limits"]  # what a cell may take is no part of what it is
    return yaml.safe_dump(settings, sort_keys=False)


def check(config: RunConfig, directory: Path | None = None) -> None:
    """Raise UserError for whatever is wrong with a cell before it runs, a results file that is not ours included."""
    check_compiler()
    plan = make_plan(config, directory)
    check_appendable(plan.path, config.results)
    kept_templates(plan)
    if config.method == "tune":
        check_extras(plan)


def cell_path(config: RunConfig, directory: Path | None = None) -> Path:
    """Where the rows of this cell are."""
    return make_plan(config, directory).path


def describe(config: RunConfig) -> str:
    """The cell in words of the command line; a search over readings is none."""
    if config.readings.settings:
        return f"search over readings, name={config.name} seed={config.seed}"
    method = "" if config.method == "tune" else f" method={config.method}"
    return f"task={config.task.name} init={config.init}{method} gamma={config.gamma:g} seed={config.seed}"


def record_failure(config: RunConfig, directory: Path | None, error: BaseException) -> None:
    """A row that says the cell failed, with the reason where the program would stand."""
    plan = make_plan(config, directory)
    with CellWriter(plan.path, configuration(plan)) as cell:
        reason = visible(" ".join(f"{type(error).__name__}: {error}".split()))
        cell.append([common_columns(plan) | {"restart": None, "status": "failed", "program": reason}])

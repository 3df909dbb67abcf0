"""One cell of the memorizer, stage by stage: plan, rows so far, train, run, rows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
import yaml

from neurocomp.devices import thread_count
from neurocomp.memorizer.columns import MEMORIZED
from neurocomp.memorizer.config import SOFT_TASKS, MemorizerConfig
from neurocomp.memorizer.memorize import memorized_row
from neurocomp.memorizer.plan import Plan, make_plan
from neurocomp.memorizer.progress import Progress
from neurocomp.memorizer.rows import common_columns
from neurocomp.memorizer.saving import checkpoint_path
from neurocomp.results.writer import CellWriter, check_appendable
from neurocomp.seeding import generator
from neurocomp.text import visible


def complete(config: MemorizerConfig, directory: Path | None = None, progress: bool = True) -> Path:
    """Train the restarts of a cell that are not in its CSV yet, and return where this is."""
    plan = make_plan(config)
    with CellWriter(plan.path, configuration(plan), MEMORIZED) as cell:
        for (restart,) in cell.missing_batches(plan.config.restarts, 1):
            cell.append([one_row(plan, restart, progress)])
            checkpoint_path(plan, restart).unlink(missing_ok=True)
    return plan.path


def replay(config: MemorizerConfig, directory: Path | None = None, progress: bool = True) -> dict:
    """Train the restart `config.only` again by itself and return its row. The cell's CSV stays as it is."""
    plan = make_plan(config)
    return one_row(plan, plan.config.only or 0, progress)


def one_row(plan: Plan, restart: int, progress: bool) -> dict:
    """One training, from a seed of its own, with as many threads as were asked for."""
    config = plan.config
    soft = config.task in SOFT_TASKS
    devices = [plan.device] if plan.device.type == "cuda" else []
    before = torch.get_num_threads()
    title = f"{plan.path.stem} {restart + 1}/{config.restarts}"
    try:
        torch.set_num_threads(thread_count(config.threads))
        with torch.random.fork_rng(devices), Progress(title, None, progress) as bar:
            torch.manual_seed(int(generator(config.seed, restart, "network").integers(2**63)))
            if soft:
                from neurocomp.memorizer.soft import soft_row

                return soft_row(plan, restart, bar)
            return memorized_row(plan, restart, bar)
    finally:
        torch.set_num_threads(before)


def configuration(plan: Plan) -> str:
    """The full configuration as YAML, with the hash of what its rows depend on."""
    settings = asdict(plan.config) | {"config_hash": plan.config_hash}
    del settings["limits"]  # what a cell may take is no part of what it is
    return yaml.safe_dump(settings, sort_keys=False)


def check(config: MemorizerConfig, directory: Path | None = None) -> None:
    """Raise UserError for whatever is wrong with a cell before it runs, a results file that is not ours included."""
    path = make_plan(config).path
    check_appendable(path, config.results, MEMORIZED)


def cell_path(config: MemorizerConfig, directory: Path | None = None) -> Path:
    """Where the rows of this cell are."""
    return make_plan(config).path


def describe(config: MemorizerConfig) -> str:
    """The cell in words of the command line."""
    return f"task={config.task} language={config.language} programs={config.programs} seed={config.seed}"


def record_failure(config: MemorizerConfig, directory: Path | None, error: BaseException) -> None:
    """A row that says the cell failed, with the reason where its outcomes would stand."""
    plan = make_plan(config)
    with CellWriter(plan.path, configuration(plan), MEMORIZED) as cell:
        reason = visible(" ".join(f"{type(error).__name__}: {error}".split()))
        cell.append([common_columns(plan) | {"restart": None, "status": "failed", "outcomes": reason}])

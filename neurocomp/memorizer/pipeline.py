"""One cell of the memorizer, stage by stage: plan, rows so far, train, run, rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from neurocomp import moved
from neurocomp.config import CIRCUMSTANCES
from neurocomp.devices import thread_count, torch_threads
from neurocomp.job import complete
from neurocomp.memorizer.config import SOFT_TASKS, MemorizerConfig
from neurocomp.memorizer.memorize import memorized
from neurocomp.memorizer.plan import Plan, make_plan
from neurocomp.memorizer.progress import Progress
from neurocomp.memorizer.report.cells import MemorizerCell, read_cell
from neurocomp.memorizer.rows import common_columns
from neurocomp.memorizer.saving import checkpoint_path
from neurocomp.results.columns import MEMORIZED, RowFormat
from neurocomp.results.configuration_file import configuration_text
from neurocomp.results.made import Made, write_files
from neurocomp.results.writer import check_appendable
from neurocomp.seeding import generator


def run_cell(config: MemorizerConfig, progress: bool = True) -> MemorizerCell:
    """Train the restarts of a cell that are not in its CSV yet, and return the cell as it then stands."""
    job = Job(make_plan(config))
    complete(job, progress)
    return read_cell(job.path)


def check(config: MemorizerConfig, directory: Path | None = None) -> Job:
    """Raise UserError for whatever is wrong with a cell before it runs, a results file that is not ours included."""
    plan = make_plan(config)
    check_appendable(plan.path, plan.config.results, MEMORIZED)
    return Job(plan)


@dataclass(frozen=True)
class Job:
    """A cell of the memorizer, as `neurocomp.job` runs it: its restarts are trainings."""

    plan: Plan

    def rows(self, batches: Sequence[Sequence[int]], progress: bool) -> Iterator[Made]:
        """Trainings, one after the other; each writes checkpoints beside the cell while it lasts."""
        for restarts in batches:
            for restart in restarts:
                yield train(self.plan, restart, progress)

    def resumed(self) -> Job:
        return self

    def started(self, progress: bool) -> Job:
        return self

    @property
    def format(self) -> RowFormat:
        return MEMORIZED

    @property
    def has_start(self) -> bool:
        """A training starts from first weights that are drawn."""
        return True

    def keep_start(self) -> None:
        """There is nothing to keep."""

    def describe_start(self) -> None:
        """There is nothing to say."""

    @property
    def path(self) -> Path:
        return self.plan.path

    @property
    def restarts(self) -> int:
        return self.plan.config.restarts

    @property
    def only(self) -> int | None:
        return self.plan.config.only

    @property
    def chunk(self) -> int:
        """A training is a batch of its own."""
        return 1

    @property
    def wants_extras(self) -> bool:
        """Nothing is said of weights that are asked for later."""
        return False

    @property
    def has_checkpoints(self) -> bool:
        """Theorem 1 gives weights without a training."""
        return self.plan.config.network.name == "bert"

    @property
    def is_divisible(self) -> bool:
        """A training is a batch of its own."""
        return True

    def describe(self) -> str:
        return describe(self.plan.config)

    def configuration(self) -> str:
        settings = self.plan.settings
        return configuration_text({key: value for key, value in settings.items() if key not in CIRCUMSTANCES})

    def remark(self, finished: int, missing: int) -> None:
        """There is nothing to say."""

    def keep(self, made: Made) -> None:
        write_files(self.plan.path, made.files)

    def written(self, restarts: Sequence[int]) -> None:
        """A finished training goes on no more: its checkpoint can go."""
        for restart in restarts:
            checkpoint_path(self.plan, restart).unlink(missing_ok=True)

    def failed_row(self, reason: str) -> dict:
        return common_columns(self.plan) | {"restart": None, "status": "failed", "outcomes": reason}


def train(plan: Plan, restart: int, progress: bool) -> Made:
    """One training, from a seed of its own, with as many threads as were asked for."""
    config = plan.config
    devices = [plan.device] if plan.device.type == "cuda" else []
    title = f"{plan.path.stem} {restart + 1}/{config.restarts}"
    threads = torch_threads(thread_count(config.threads))
    with threads, torch.random.fork_rng(devices), Progress(title, None, progress) as bar:
        torch.manual_seed(int(generator(config.seed, restart, "network").integers(2**63)))
        if config.task in SOFT_TASKS:
            from neurocomp.memorizer.soft import soft_row

            return Made([soft_row(plan, restart, bar)])
        return memorized(plan, restart, bar)


def describe(config: MemorizerConfig) -> str:
    """A cell in words of the command line."""
    return f"task={config.task} language={config.language} programs={config.programs} seed={config.seed}"


if not TYPE_CHECKING:
    __getattr__ = moved.names_of(__name__, "neurocomp.job")

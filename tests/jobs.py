"""What the command line does with a configuration, for tests that have one: of either machine."""

from __future__ import annotations

from pathlib import Path

from neurocomp import job, pipeline
from neurocomp.config import RunConfig
from neurocomp.memorizer import pipeline as memorizer
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.memorizer.plan import make_plan as memorizer_plan
from neurocomp.plan import check_config


def job_of(config: RunConfig | MemorizerConfig, directory: Path | None = None) -> job.Job:
    if isinstance(config, RunConfig):
        return pipeline.Job(check_config(config, directory))
    return memorizer.Job(memorizer_plan(config))


def cell_path(config, directory: Path | None = None) -> Path:
    return job_of(config, directory).path


def complete(config, progress: bool = True) -> None:
    job.complete(job_of(config), progress)


def replay(config, progress: bool = True) -> dict:
    return job.replay(job_of(config), progress)


def record_failure(config, error: BaseException) -> None:
    job.record_failure(job_of(config), error)

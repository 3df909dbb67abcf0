"""Grids under a launcher of Hydra's (joblib, submitit): a job that is lost leaves its cell incomplete, and is said.

The launchers raise where a job was lost, and Hydra would end with a traceback. What each cell has is read from its file
afterwards, so that here a lost job needs a line, no more.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from neurocomp.cli.environment import Stop, is_refusal
from neurocomp.errors import UserError
from neurocomp.text import say

ASK_SLURM_EVERY = 10.0  # seconds
SAFE = "rows so far are safe, and the same command goes on from there"


def launched(run: Callable[[], None], debug: bool) -> bool:
    """Let Hydra run the cells, and say what was lost; whether nothing was. Raises UserError, and Stop.

    Hydra raises what it would print where HYDRA_FULL_ERROR is set.
    """
    lost: list[str] = []
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        with _waiting_for_all(lost):
            run()
    except UserError:
        raise
    except Exception as error:
        if debug:
            raise
        if is_refusal(error):
            raise Stop(getattr(error, "filename", None) or "") from error
        print(file=sys.stderr)  # below the bar of a job that ended within it
        say([f"Hydra's launcher: {_first_line(error)} (--verbose shows the traceback); {SAFE}"])
        return False
    for reason in lost:
        say([f"a job was lost before its cell was done ({reason}); {SAFE}"])
    return not lost


@contextlib.contextmanager
def _waiting_for_all(lost: list[str]) -> Iterator[None]:
    """Inside, submitit's launcher waits for each of its jobs, whatever becomes of the others.

    It would raise at the first that is lost while the others run, and wait for ever where Slurm keeps no accounts.
    """
    try:
        from submitit.core.core import Job  # pyright: ignore[reportMissingImports]
        from submitit.core.utils import (  # pyright: ignore[reportMissingImports]
            FailedJobError,
            UncompletedJobError,
        )
    except ImportError:
        yield
        return
    logging.getLogger("submitit").setLevel(logging.ERROR)  # without accounts it would warn at each look
    results = Job.results

    def results_or_loss(job: Any) -> list[Any]:
        try:
            if _has_ended_without_result(job):
                raise UncompletedJobError(f"Job {job.job_id} is not in Slurm's queue any more")
            return results(job)
        except (FailedJobError, UncompletedJobError) as error:
            lost.append(_first_line(error))
            return [JobReturn(status=JobStatus.COMPLETED, _return_value=math.nan)]

    Job.results = results_or_loss  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        Job.results = results


def _has_ended_without_result(job: Any) -> bool:
    """Wait until a job has ended, and say whether Slurm knows no more of it than that it is gone."""
    asked = time.monotonic()
    while not job.done():
        time.sleep(1)
        if getattr(job, "_cancel_command", "") == "scancel" and time.monotonic() - asked > ASK_SLURM_EVERY:
            asked = time.monotonic()
            if not _is_queued(job.job_id):
                time.sleep(2)  # a network disk may show its result late
                return not job.done()
    return False


def _is_queued(job_id: str) -> bool:
    """Whether Slurm's queue has the job, waiting or running; also where the queue cannot be read."""
    asked = subprocess.run(["squeue", "--noheader", f"--jobs={job_id}"], capture_output=True, text=True)
    return bool(asked.stdout.strip()) if asked.returncode == 0 else "Invalid job id" not in asked.stderr


def _first_line(error: Exception) -> str:
    """`UncompletedJobError: Job 12 (task: 0) with path ...`: what follows are whole logs."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0].partition('. ')[0]}"

"""`workers=`: the pool that a command line asks for, and a sweep of its cells in it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from neurocomp.cli.compose import Cell
from neurocomp.errors import UserError
from neurocomp.job import Job
from neurocomp.sweep import Report, Sweep
from neurocomp.text import say
from neurocomp.workers.pool import OtherCode, Pool
from neurocomp.workers.progress import SweepProgress


def with_workers(cells: Sequence[Cell]) -> list[Cell]:
    """The cells as workers run them: on one thread each, unless they say how many. Raises UserError if they differ."""
    asked = {(cell.config.workers, cell.config.gpus, cell.config.threads) for cell in cells}
    if {workers for workers, *_ in asked} == {None}:
        return list(cells)
    if len(asked) > 1:
        raise UserError("workers, gpus, threads: a grid has one pool, expected one value of each")
    if alone := [cell.config.only for cell in cells if cell.config.only is not None]:
        raise UserError(f"only={alone[0]}: one restart needs no workers, expected workers=null")
    return [
        cell._replace(config=replace(cell.config, threads=1)) if cell.config.threads is None else cell for cell in cells
    ]


def make_pool(cell: Cell) -> Pool:
    """The pool that the cells ask for."""
    config = cell.config
    gpus = (config.gpus or 1.0) if config.device.startswith("cuda") else None
    if isinstance(config.workers, int):
        from neurocomp.workers.local import LocalPool

        _check_gpus(config.workers, gpus)
        return LocalPool(config.workers, gpus)
    from neurocomp.workers.ray_pool import RayPool

    return RayPool(config.workers.partition(":")[2] or None, gpus, config.threads or 1)


def _check_gpus(workers: int, gpus: float | None) -> None:
    if gpus is None:
        return
    import torch

    from neurocomp.workers.local import gpus_needed

    there = torch.cuda.device_count()
    if gpus_needed(workers, gpus) > there:
        raise UserError(f"workers={workers}, each with gpus={gpus:g}: expected no more than the {there} GPUs here")


def say_where_trainings_begin_anew(jobs: Sequence[Job], pool: Pool) -> None:
    """Say once on which machines no checkpoint can be written beside the cells; ask only where there are any."""
    for folder in sorted({job.path.parent for job in jobs if job.has_checkpoints}):
        if machines := _without(pool, folder):
            named = ", ".join(machines[:3]) + (f" and {len(machines) - 3} more" if machines[3:] else "")
            cannot = f"workers on {named} cannot write into {folder} of this machine"
            say([f"{cannot}: a training that is lost there begins anew"])
            return


def _without(pool: Pool, folder: Path) -> list[str]:
    """The machines whose workers do not see a file that is made in the folder for this, or may make none there."""
    if pool.is_here:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".workers-") as token:
        return pool.without(folder, Path(token.name).name)


def sweep(jobs: Sequence[Job], pool: Pool, report: Report) -> None:
    """Run the cells in the pool, with progress on stderr. Raises UserError where a worker runs other code."""
    say_where_trainings_begin_anew(jobs, pool)
    bar = SweepProgress(len(jobs), sum(job.restarts for job in jobs), shown=True)
    try:
        Sweep(jobs, pool, report, bar).run()
    except OtherCode as error:
        raise UserError(f"workers: {error}") from None
    finally:
        pool.close()
        bar.close()

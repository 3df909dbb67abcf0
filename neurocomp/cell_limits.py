"""The sizes of a cell that the estimates take, and their keys on the command line."""

from __future__ import annotations

import math
import os
from functools import partial
from typing import Any

from neurocomp.config import RunConfig
from neurocomp.errors import UserError
from neurocomp.limits import estimates
from neurocomp.limits.checking import check, short
from neurocomp.tasks.task import Task

KEYS = {
    "base": "task.base", "registers": "task.registers", "lines": "task.lines", "steps": "task.steps",
    "examples": "examples", "restarts": "restarts", "chunk": "chunk", "updates": "optimizer.updates",
    "candidates": "synthesis.candidates", "seconds": "synthesis.seconds", "general_base": "task.general.base",
    "general_registers": "task.general.registers", "general_steps": "task.general.steps",
}  # fmt: skip
LEARNER_SIZES = ("updates", "hidden", "layers", "heads", "slots", "width")


def check_cell(config: RunConfig, task: Task, engine: str, device: str) -> None:
    """Raise UserError where the cell would take more memory or work than `config.limits`."""
    if config.method == "enumerate" and programs_a_restart(config) > estimates.ENUMERABLE:
        most = f"method=enumerate keeps at most {estimates.ENUMERABLE:,} apart"
        accepted = f"expected a budget <= {estimates.ENUMERABLE / config.optimizer.updates:g}, or method=random_search"
        given = f"search.budget={config.search.budget:g}: {short(programs_a_restart(config))} programs a restart"
        raise UserError(f"{given}; {most}, {accepted}")
    cell = partial(
        estimates.cell,
        method=config.method,
        synthesized=config.init == "synth",
        engine=engine,
        threads=config.threads or os.cpu_count() or 1,
        itemsize=8 if config.precision == "float64" else 4,
        on_gpu=device == "cuda",
        kind=config.learner.kind,
        judges_complexity=config.complexity,
    )
    given = {"programs": f"search.budget={config.search.budget:g}"}
    if config.method == "annealing" and config.annealing.programs is not None:
        given["programs"] = "annealing.programs"
    if task.general and "length" in config.task.general:
        given["general_steps"] = f"task.general.length={config.task.general['length']}"
    sizes = _sizes(config, task)
    if config.method == "learner":
        given |= {name: f"learner.{name}" for name in LEARNER_SIZES}
        sizes |= {name: getattr(config.learner, name) for name in LEARNER_SIZES}
    if config.limit is not None:
        sizes["limit"], given["limit"] = math.ceil(config.limit), "limit"
    check(config.limits, cell, KEYS | given, **sizes)


def _sizes(config: RunConfig, task: Task) -> dict[str, Any]:
    """The sizes that the estimate takes, by name."""
    general = task.general
    return {
        "restarts": 1 if config.only is not None else config.restarts,
        "examples": config.examples,
        "chunk": config.chunk,
        **task.sizes._asdict(),
        "steps": task.steps,
        "updates": config.optimizer.updates,
        "programs": programs_a_restart(config),
        "candidates": config.synthesis.candidates,
        "seconds": math.ceil(config.synthesis.seconds),
        "general_base": general.sizes.base if general else 0,
        "general_registers": general.sizes.registers if general else 0,
        "general_steps": general.steps if general else 0,
    }


def programs_a_restart(config: RunConfig) -> int:
    """How many programs a search may execute on its examples: `search.budget` times the updates of tuning.

    Annealing has a number of its own.
    """
    if config.method == "annealing" and config.annealing.programs is not None:
        return config.annealing.programs
    return int(config.search.budget * config.optimizer.updates + 1e-9)  # 0.29 * 100 is a little less than 29

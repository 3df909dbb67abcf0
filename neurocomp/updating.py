"""One update of many restarts: with autograd, or with the fused engine's own gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import torch

from neurocomp import optimizer
from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.engine import Engine, load
from neurocomp.objective import TINY, composite, losses, surprise
from neurocomp.optimizer import Adam
from neurocomp.recovery import Batch, right_words
from neurocomp.shapes import Bool, Float, Tensor
from neurocomp.tasks import Task


class Updated(NamedTuple):
    """The weights after an update, and how those before it did: their loss, whether they fit the examples."""

    state: Adam
    loss: Float[Tensor, "K"]
    fits: Bool[Tensor, "K"]


Update = Callable[[Adam, Batch], Updated]


def choose(engine: str, threads: int, task: Task, objective: ObjectiveConfig, config: OptimizerConfig) -> Update:
    """How this engine updates restarts."""
    run = load(engine, threads)
    if engine == "fused" and objective.loss == "log":
        return functools.partial(compiled, threads, task, objective, config)
    return functools.partial(plain, run, task, objective, config)


def plain(
    run: Engine, task: Task, objective: ObjectiveConfig, config: OptimizerConfig, state: Adam, batch: Batch
) -> Updated:
    """The run, its loss, the gradient by autograd, and Adam."""
    weights = state.logits.detach().requires_grad_()
    ended = run(weights, batch.start, task.sizes, task.machine, task.steps)
    loss = losses(ended, batch.supervised, objective)
    with torch.no_grad():
        fits = right_words(ended, batch.targets)
    (gradient,) = torch.autograd.grad(loss.sum(), weights)
    return Updated(optimizer.update(state, gradient, config), loss.detach(), fits)


def compiled(
    threads: int, task: Task, objective: ObjectiveConfig, config: OptimizerConfig, state: Adam, batch: Batch
) -> Updated:
    """The same with run and gradient in one compiled call; PyTorch takes the logarithms and makes the step."""
    from neurocomp.engine import fused

    of, examples = batch.supervised, len(batch.start.halted[0])
    counts = [len(of.cells), len(of.register_indices)]
    wanted = fused.Wanted(
        tuple(of.cells), tuple(of.register_indices),
        shares=tuple(1 / (examples * count) for count in counts for _ in range(count)),
        counted=(True,) * counts[0] + tuple(index in batch.targets.register_indices for index in of.register_indices),
        tiny=TINY, efficiency=objective.efficiency,
    )  # fmt: skip
    words = torch.cat([of.memory, of.registers], dim=-1)
    made = fused.gradient(state.logits, batch.start, words, wanted, task.sizes, task.machine, task.steps, threads)
    parts = zip(made.mass.split(counts, dim=-1), made.right.split(counts, dim=-1), strict=True)
    loss = composite([surprise(*part) for part in parts if part[0].shape[-1]], made.halted, objective)
    return Updated(optimizer.update(state, made.slopes, config), loss, made.fits > 0)

"""Tuning: the updates of a batch of restarts, each of which leaves when it is recovered, lost or out of updates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch

from neurocomp import optimizer
from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.engine import Engine
from neurocomp.machine.state import State
from neurocomp.objective import Targets, losses
from neurocomp.recovery import Batch, Validation, right_words
from neurocomp.shapes import Float, Tensor
from neurocomp.tasks import Task


class Tuned(NamedTuple):
    """A restart as it left the batch: its index in the batch, its weights, and how it went."""

    lane: int
    logits: Float[Tensor, "L W"]
    status: str
    fit: bool
    loss: float
    updates: int
    recovered_at: int | None
    seconds: float
    curve: list[float]


def tune(
    logits: Float[Tensor, "K L W"],
    batch: Batch,
    task: Task,
    validation: Validation,
    engine: Engine,
    objective: ObjectiveConfig,
    config: OptimizerConfig,
) -> Iterator[list[Tuned]]:
    """After each update, the restarts that left; the work shrinks with them.

    A lane leaves when soft and hard have held on validation after `config.hold` updates in a row (recovered: the
    first success alone is often a near tie of two words, which other inputs tip over), when its loss is not finite
    (diverged), or after `config.updates` updates (recovered if both hold then, else exhausted). With stop=fit it is
    the fit that has to hold. Its seconds are 1/K of each update it took part in.
    """
    state, lanes = optimizer.init(logits), list(range(len(logits)))
    seconds = [0.0] * len(lanes)
    curves: list[list[float]] = [[] for _ in lanes]
    held = torch.zeros(len(lanes), dtype=torch.long, device=logits.device)
    while lanes:
        began = time.perf_counter()
        weights = state.logits.detach().requires_grad_()
        run = engine(weights, batch.start, task.sizes, task.machine, task.steps)
        loss = losses(run, batch.supervised, objective)
        with torch.no_grad():
            fits = right_words(run, batch.targets)
            holds = fits if config.stop == "fit" else validation.holds(weights.detach(), fits)
            held = torch.where(holds, held + 1, 0)
            last = state.updates == config.updates
            recovered = (held > 0) if last else (held >= config.hold)
            diverged = ~loss.isfinite()
            leaving = recovered | diverged | last
        for lane, value in zip(lanes, loss.tolist(), strict=True):
            curves[lane].append(value)
        staying = (~leaving).nonzero().flatten()
        if len(staying):
            (gradient,) = torch.autograd.grad(loss.sum(), weights)
            following = optimizer.keep(optimizer.update(state, gradient, config), staying)
        else:
            following = optimizer.keep(state, staying)
        share = (time.perf_counter() - began) / len(lanes)
        for lane in lanes:
            seconds[lane] += share
        yield [
            Tuned(
                lanes[index],
                weights[index].detach(),
                "recovered" if recovered[index] else "diverged" if diverged[index] else "exhausted",
                bool(fits[index]),
                curves[lanes[index]][-1],
                state.updates,
                state.updates - int(held[index]) + 1 if recovered[index] else None,
                seconds[lanes[index]],
                curves[lanes[index]],
            )
            for index in leaving.nonzero().flatten().tolist()
        ]
        if len(staying) < len(lanes):
            batch, held = _keep(batch, staying), held[staying]
            lanes = [lanes[index] for index in staying.tolist()]
        state = following


def _keep(batch: Batch, lanes: Tensor) -> Batch:
    targets, supervised = (
        Targets(words.memory[lanes], words.registers[lanes], words.cells, words.register_indices)
        for words in (batch.targets, batch.supervised)
    )
    return Batch(State(*(part[lanes] for part in batch.start)), targets, supervised)

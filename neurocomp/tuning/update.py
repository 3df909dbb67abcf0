"""One update of many restarts: with autograd, with a CUDA graph of it, or with the fused engine's own gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch

from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.engine import Engine, load
from neurocomp.engine.captured import Captured
from neurocomp.machine.lookup import lookup_table
from neurocomp.machine.state import State
from neurocomp.shapes import Bool, Float, Int, Tensor
from neurocomp.tasks.task import Task
from neurocomp.tuning import optimizer
from neurocomp.tuning.objective import TINY, composite, cross_entropy, losses, softmax_cross_entropy
from neurocomp.tuning.optimizer import Adam
from neurocomp.tuning.recovery import Batch, right_words, says

if TYPE_CHECKING:
    from neurocomp.engine.descent import Descent


class Updated(NamedTuple):
    """The state after an update; the loss of the weights before it, and whether they fit their examples."""

    state: Adam
    loss: Float[Tensor, "K"]
    fits: Bool[Tensor, "K"]


Update = Callable[[Adam, Batch], Updated]


def choose(engine: str, threads: int, task: Task, objective: ObjectiveConfig, config: OptimizerConfig) -> Update:
    """The update of restarts with this engine; it runs on the device of their weights."""
    run = load(engine, threads)
    if engine == "fused":
        return Compiled(threads, task, objective, config)
    on_cpu = functools.partial(plain, run, task, objective, config)
    on_cuda = Replaying(run, task, objective, config)
    return lambda state, batch: (on_cuda if state.logits.is_cuda else on_cpu)(state, batch)


def plain(
    run: Engine, task: Task, objective: ObjectiveConfig, config: OptimizerConfig, state: Adam, batch: Batch
) -> Updated:
    """An update by the run, its loss, the gradient by autograd, and Adam."""
    weights = state.logits.detach().requires_grad_()
    ended = run(weights, batch.start, task.sizes, task.machine, task.steps)
    loss = losses(ended, batch.supervised, objective)
    with torch.no_grad():
        fits = right_words(ended, batch.targets)
    (gradient,) = torch.autograd.grad(loss.sum(), weights)
    return Updated(optimizer.update(state, gradient, config), loss.detach(), fits)


class Replaying:
    """`plain` on CUDA: run, loss and gradient are captured in a graph by the first update, and replayed by all.

    They are thousands of small operations, each of which takes longer to launch than to run. Later updates may have
    fewer restarts than the first; for more, a larger graph is captured. Adam stays outside the graph: its moments are
    joined and kept with the lanes, and it is few operations.
    """

    def __init__(self, run: Engine, task: Task, objective: ObjectiveConfig, config: OptimizerConfig):
        self.run, self.task, self.objective, self.config = run, task, objective, config
        self.captured: Captured | None = None

    def __call__(self, state: Adam, batch: Batch) -> Updated:
        words = torch.cat([batch.supervised.memory, batch.supervised.registers], dim=-1)
        inputs = [state.logits, *batch.start, words]
        if self.captured is None or not self.captured.takes(inputs):
            self.captured = None  # frees its memory before the next graph takes as much
            self.captured = self.capture(rows_asked_for(batch), inputs)
        loss, gradient, fits = self.captured(*inputs)
        return Updated(optimizer.update(state, gradient, self.config), loss, fits)

    def capture(self, rows: Rows, inputs: list[Tensor]) -> Captured:
        task, logits = self.task, inputs[0]
        # A graph reads the table of Eq. 6 at its address, so the table is held here: its cache may drop it.
        self.table = lookup_table(task.sizes.base, task.machine.mod_by_zero, logits.dtype, logits.device)
        return Captured(functools.partial(descent, self.run, task, self.objective, rows), inputs)


class Rows(NamedTuple):
    """The cells and registers that the loss asks for, and which of these rows (cells first) need not be right to fit.

    They are tensors on the machine's device: a list would be copied there each time it is an index, and the host
    would wait.
    """

    cells: Int[Tensor, "cells"]
    registers: Int[Tensor, "registers"]
    optional: Bool[Tensor, "rows"]


def rows_asked_for(batch: Batch) -> Rows:
    of, fit, device = batch.supervised, batch.targets.register_indices, batch.start.halted.device
    optional = [False] * len(of.cells) + [index not in fit for index in of.register_indices]
    return Rows(
        torch.tensor(of.cells, dtype=torch.long, device=device),
        torch.tensor(of.register_indices, dtype=torch.long, device=device),
        torch.tensor(optional, dtype=torch.bool, device=device),
    )


def descent(
    run: Engine,
    task: Task,
    objective: ObjectiveConfig,
    rows: Rows,
    logits: Float[Tensor, "K L W"],
    memory: Float[Tensor, "K B A V"],
    registers: Float[Tensor, "K B R V"],
    counter: Float[Tensor, "K B L"],
    halted: Float[Tensor, "K B"],
    words: Int[Tensor, "K B rows"],
) -> tuple[Float[Tensor, "K"], Float[Tensor, "K L W"], Bool[Tensor, "K"]]:
    """Loss, its gradient, and whether each restart fits, as in `plain`. It asks the host for nothing.

    `words` are the right words of the rows, cells first.
    """
    weights = logits.detach().requires_grad_()
    start = State(memory, registers, counter, halted)
    ended = run(weights, start, task.sizes, task.machine, task.steps)
    found = [ended.memory.index_select(2, rows.cells), ended.registers.index_select(2, rows.registers)]
    parts = zip(found, words.split([len(rows.cells), len(rows.registers)], dim=-1), strict=True)
    of_words = cross_entropy if objective.loss == "log" else softmax_cross_entropy
    loss = composite([of_words(*part) for part in parts if part[1].shape[-1]], ended.halted, objective)
    right = says(torch.cat(found, dim=2).detach(), words)
    (gradient,) = torch.autograd.grad(loss.sum(), weights)
    return loss.detach(), gradient, (right | rows.optional).flatten(1).all(dim=1)


class Compiled:
    """`plain` in few compiled calls; the first update of each batch makes their buffers."""

    def __init__(self, threads: int, task: Task, objective: ObjectiveConfig, config: OptimizerConfig):
        self.threads, self.task, self.objective, self.config = threads, task, objective, config
        self.batch: Batch | None = None

    def __call__(self, state: Adam, batch: Batch) -> Updated:
        # The buffers hold the examples. A batch is never changed, but `lanes` makes a new one whenever lanes change: a
        # batch that is the same object has the same examples.
        if batch is not self.batch:
            self.batch, self.descent = batch, self.descent_of(batch)
        slope = self.descent(state.logits)
        return Updated(optimizer.compiled_update(state, slope.gradient, self.config), slope.loss, slope.fits)

    def descent_of(self, batch: Batch) -> Descent:
        from neurocomp.engine.descent import Descent, Wanted

        of, task = batch.supervised, self.task
        counted = [True] * len(of.cells) + [index in batch.targets.register_indices for index in of.register_indices]
        rows = tuple(of.cells), tuple(of.register_indices), tuple(counted)
        wanted = Wanted(*rows, TINY, self.objective.efficiency, self.objective.loss == "softmax")
        words = torch.cat([of.memory, of.registers], dim=-1)
        return Descent(batch.start, words, wanted, task.sizes, task.machine, task.steps, self.threads)

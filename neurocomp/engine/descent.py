"""An update of restarts on the CPU in compiled passes: run, loss and gradient in one call, then Adam.

It has the bits of what it stands for, `objective.losses` and `optimizer.update` about `fused.run`, as PyTorch takes
the logarithms and square roots, and the passes add in its order.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from neurocomp.config import MachineConfig, Sizes
from neurocomp.engine.cache import call
from neurocomp.engine.fused import EXTRA_RECORDS, Sweep
from neurocomp.engine.gradient import gradient, losses
from neurocomp.machine.state import State
from neurocomp.shapes import Bool, Float, Int, Tensor


class Wanted(NamedTuple):
    """What a loss asks for: the final words of cells and registers, and which of these rows (cells first) must be
    right for a restart to fit.

    Cells are one term, registers another, and each is a mean over its rows. `tiny` keeps logarithms finite;
    `efficiency` is the weight of the mass that has not halted, as a sum over steps and a mean over examples.
    """

    cells: tuple[int, ...]
    registers: tuple[int, ...]
    counted: tuple[bool, ...]
    tiny: float
    efficiency: float


class Slope(NamedTuple):
    """How steep the loss is: its gradient by the logits; its value; and who fits."""

    gradient: Float[Tensor, "K L W"]
    loss: Float[Tensor, "K"]
    fits: Bool[Tensor, "K"]


class Descent:
    """The log loss of restarts on these examples, by their logits; all that they do not change is made ready once.

    `words` (K, B, rows) are the right ones. Everything is on the CPU, in the precision of `start`.
    """

    def __init__(
        self,
        start: State,
        words: Int[Tensor, "K B rows"],
        wanted: Wanted,
        sizes: Sizes,
        machine: MachineConfig,
        steps: int,
        threads: int,
    ):
        examples, counts = start.halted.shape[1], [len(wanted.cells), len(wanted.registers)]
        self.start, self.words = [part.contiguous() for part in start], words.contiguous()
        self.like, self.steps, self.counts = start.halted, steps, torch.tensor(counts)
        self.sweep = Sweep(gradient, sizes, machine, steps + EXTRA_RECORDS, start.halted.dtype, threads)
        layout = self.sweep.plan
        places = [layout.memory_at + cell * layout.base for cell in wanted.cells]
        places += [layout.registers_at + register * layout.base for register in wanted.registers]
        self.rows = torch.tensor([[place, int(fits)] for place, fits in zip(places, wanted.counted, strict=True)])
        self.shares = self.numbers([1 / (examples * count) for count in counts for _ in range(count)])
        self.efficiency = self.numbers([wanted.efficiency])
        self.settings = torch.cat([self.numbers([wanted.tiny]), -self.efficiency / examples])
        self.work = self.like.new_empty(examples * sum(counts) + steps)

    def numbers(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=self.like.dtype)

    def __call__(self, logits: Float[Tensor, "K L W"]) -> Slope:
        made = Slope(torch.empty_like(logits), *(self.like.new_empty(len(logits)) for _ in range(2)))
        masses = self.like.new_empty(2, *self.words.shape)
        halted = self.like.new_empty(*self.like.shape, self.steps)
        self.sweep(
            logits, *self.start, self.words, self.rows, self.shares, self.settings,
            made.gradient, *masses, halted, made.fits,
        )  # fmt: skip
        call(losses, self.counts, self.efficiency, *masses.log_(), halted, self.work, made.loss)
        return made._replace(fits=made.fits > 0)


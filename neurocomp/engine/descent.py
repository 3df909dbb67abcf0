"""The gradient of restarts on the CPU in compiled passes: run and gradient in one call, the loss in another.

With loss=log the results have the same bits as autograd through `objective.losses` and `fused.run`: PyTorch takes the
logarithms, and the passes add in PyTorch's order.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from neurocomp.engine.cache import call
from neurocomp.engine.fused import EXTRA_RECORDS, Sweep, tables
from neurocomp.engine.gradient import gradient, losses
from neurocomp.machine.state import State
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Bool, Float, Int, Tensor


class Wanted(NamedTuple):
    """The final words that a loss asks for: of these cells and registers, called rows, cells first.

    `counted` says which rows must be right for a restart to fit. The loss has a term for cells and one for registers,
    each a mean over its rows. `tiny` keeps logarithms finite; `efficiency` is the weight of the mass that has not
    halted, summed over steps and averaged over examples. `softmax`: rows are logits, not probabilities.
    """

    cells: tuple[int, ...]
    registers: tuple[int, ...]
    counted: tuple[bool, ...]
    tiny: float
    efficiency: float
    softmax: bool = False


class Slope(NamedTuple):
    """The loss of each restart: its gradient with respect to the logits, its value, and whether the restart fits."""

    gradient: Float[Tensor, "K L W"]
    loss: Float[Tensor, "K"]
    fits: Bool[Tensor, "K"]


class Descent:
    """The loss of restarts on these examples as a function of their logits.

    `words` (K, B, rows) are the right ones. Everything is on the CPU, in the precision of `start`. Buffers and the
    arguments of the kernels are made once, for all calls.
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
        (restarts, examples), counts = start.halted.shape, [len(wanted.cells), len(wanted.registers)]
        new = start.halted.new_empty
        _, layout = tables(sizes, *vars(machine).items())
        places = [layout.memory_at + cell * layout.base for cell in wanted.cells]
        places += [layout.registers_at + register * layout.base for register in wanted.registers]
        rows = torch.tensor([[place, int(fits)] for place, fits in zip(places, wanted.counted, strict=True)])
        shares = start.halted.new_tensor([1 / (examples * count) for count in counts for _ in range(count)])
        settings = start.halted.new_tensor([wanted.tiny, wanted.efficiency, wanted.softmax])
        self.logits = new(restarts, sizes.lines, layout.width)
        self.gradient, self.fits = torch.empty_like(self.logits), new(restarts)
        self.masses, halted = new(2, *words.shape), new(restarts, examples, steps)
        self.sweep = Sweep(
            gradient, sizes, machine, steps + EXTRA_RECORDS,
            [self.logits, *(part.contiguous() for part in start), words.contiguous(), rows, shares, settings,
             self.gradient, *self.masses, halted, self.fits],
            threads,
        )  # fmt: skip
        self.are_logarithms = wanted.softmax
        self.loss, scratch = new(restarts), new(examples * sum(counts) + steps)
        self.losses = [torch.tensor(counts), settings, *self.masses, halted, scratch, self.loss]

    def __call__(self, logits: Float[Tensor, "K L W"]) -> Slope:
        """The slope at these logits; the next call overwrites its gradient."""
        self.logits.copy_(logits)
        self.sweep()
        if not self.are_logarithms:
            self.masses.log_()
        call(losses, *self.losses)
        return Slope(self.gradient, self.loss.clone(), self.fits > 0)

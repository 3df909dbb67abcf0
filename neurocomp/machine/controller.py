"""The controller: from the program counter to the instruction at it (Eq. 1, 2)."""

from __future__ import annotations

import torch

from neurocomp.machine.weights import Selectors, pack, probabilities, unpack
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Tensor


def prepare(logits: Float[Tensor, "K L W"], sizes: Sizes, machine: MachineConfig) -> Float[Tensor, "K L W"]:
    """The lines that `fetch` mixes, computed once a run: logits, or with mix_of_softmax each line's distributions."""
    if machine.controller == "softmax_of_mix":
        return logits
    return pack(probabilities(unpack(logits, sizes)))


def fetch(
    lines: Float[Tensor, "K L W"], counter: Float[Tensor, "K B L"], sizes: Sizes, machine: MachineConfig
) -> Selectors:
    """The instruction at the program counter, every decision a distribution (Eq. 2).

    With a one-hot counter both readings give the distributions of that line. For a counter between lines,
    softmax_of_mix averages logits and then takes the softmax, as printed; mix_of_softmax averages distributions.
    """
    mixed = unpack(torch.bmm(counter, lines), sizes)
    return probabilities(mixed) if machine.controller == "softmax_of_mix" else mixed

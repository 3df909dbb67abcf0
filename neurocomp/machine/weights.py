"""The weights of the controller: one packed tensor of logits, and the names of its sections (Eq. 2).

Each program line holds one section per decision: the opcode (O), three register slots (3 R) and, where a jump
has its own selector over lines (`jump_target=line`), the target (L). They are packed so that the optimizer
updates one tensor and the controller mixes lines with one product.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch

from neurocomp.language.isa import OPCODES
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Tensor


class Selectors(NamedTuple):
    """The sections of a packed tensor, as logits or as probabilities. Slots are first, second, third (r1, r2, r3)."""

    opcode: Float[Tensor, "*batch O"]
    slots: Float[Tensor, "*batch 3 R"]
    target: Float[Tensor, "*batch L"] | None


def packed_width(sizes: Sizes, machine: MachineConfig) -> int:
    """The length W of the packed axis: O + 3 R, and L more with `jump_target=line`."""
    own_target = sizes.lines if machine.jump_target == "line" else 0
    return len(OPCODES) + 3 * sizes.registers + own_target


def unpack(packed: Float[Tensor, "*batch W"], sizes: Sizes) -> Selectors:
    """The sections of `packed`, as views."""
    slots_end = len(OPCODES) + 3 * sizes.registers
    slots = cast(Tensor, packed[..., len(OPCODES) : slots_end].unflatten(-1, (3, sizes.registers)))
    target = packed[..., slots_end:] if packed.shape[-1] > slots_end else None
    return Selectors(packed[..., : len(OPCODES)], slots, target)


def pack(selectors: Selectors) -> Float[Tensor, "*batch W"]:
    """The inverse of `unpack`."""
    parts = [selectors.opcode, selectors.slots.flatten(-2)]
    return torch.cat(parts if selectors.target is None else [*parts, selectors.target], dim=-1)


def probabilities(logits: Selectors) -> Selectors:
    """Each decision's softmax, section by section (Eq. 2)."""
    target = None if logits.target is None else logits.target.softmax(dim=-1)
    return Selectors(logits.opcode.softmax(dim=-1), logits.slots.softmax(dim=-1), target)

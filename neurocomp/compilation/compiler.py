"""Assembly to weights (Eq. 3): W = log(onehot + gamma u + eps), with u uniform in [0, 1) and drawn for each restart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from neurocomp.language.assembly import NOOP, Program
from neurocomp.language.isa import INDEX
from neurocomp.machine.weights import Selectors, pack, packed_width, unpack
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.seeding import generator
from neurocomp.shapes import Float, Tensor

CERTAIN = 1e4  # logits this far apart: exp(-CERTAIN) is 0 in float64


def compile_program(
    program: Program | None,
    sizes: Sizes,
    machine: MachineConfig,
    *,
    gamma: float,
    epsilon: float,
    seed: int,
    restarts: Sequence[int],
    dtype: torch.dtype = torch.float32,
    open_noops: bool = False,
) -> Float[Tensor, "K L W"]:
    """Packed logits of `program` for each of `restarts`, with noise of magnitude gamma (Eq. 3).

    `program` fits `sizes` already (`assembly.fit`). With gamma < 1 each of its decisions stays the most likely one,
    because 1 + gamma u >= 1 > gamma u'. None is the random initialization: the same formula without any one-hot. With
    `open_noops` so are the lines that hold a noop.
    """
    shape = (sizes.lines, packed_width(sizes, machine))
    noise = np.stack([generator(seed, restart, "weights").random(shape) for restart in restarts])
    exact = torch.zeros(shape, dtype=torch.float64) if program is None else one_hot_program(program, sizes, machine)
    if program is not None and open_noops:
        exact[[instruction == NOOP for instruction in program.instructions]] = 0
    return torch.log(exact + gamma * torch.from_numpy(noise) + epsilon).to(dtype)


def exact_weights(program: Program, sizes: Sizes, machine: MachineConfig) -> Float[Tensor, "L W"]:
    """Packed logits, in float64, whose softmax is exactly 1 at each decision of the program and 0 beside it.

    `program` fits `sizes` already. A slot that its instruction does not use has no decision: there all logits are 0.
    """
    # Logits must stay finite: a line that the counter is not at enters the mix of lines as 0 times its logits, and 0
    # times minus infinity would be NaN.
    opcode, slots, target = unpack(one_hot_program(program, sizes, machine), sizes)
    return pack(Selectors(_certain(opcode), _certain(slots), None if target is None else _certain(target)))


def _certain(chosen: Float[Tensor, "*batch V"]) -> Float[Tensor, "*batch V"]:
    """The logits of decisions that are one-hot or, where there is none, all zero."""
    return torch.where(chosen.sum(-1, keepdim=True) > 0, (chosen - 1) * CERTAIN, 0.0)


def one_hot_program(program: Program, sizes: Sizes, machine: MachineConfig) -> Float[Tensor, "L W"]:
    """The program as certain decisions; a slot that its instruction does not use stays all zero."""
    packed = torch.zeros(sizes.lines, packed_width(sizes, machine), dtype=torch.float64)
    opcode, slots, target = unpack(packed, sizes)
    for line, instruction in enumerate(program.instructions):
        opcode[line, INDEX[instruction.opcode]] = 1
        for slot, register in enumerate((instruction.first, instruction.second, instruction.third)):
            if register is not None:
                slots[line, slot, register] = 1
        if instruction.target is not None:
            # jump_target=operand has no selector over lines: the label is slot 2, which needs R = L.
            where = slots[:, 1] if target is None else target
            where[line, instruction.target] = 1
    return packed

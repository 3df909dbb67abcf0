"""A whole run of the machine: T steps from a start state."""

from __future__ import annotations

from typing import NamedTuple

import torch

from neurocomp.machine.controller import prepare
from neurocomp.machine.state import State
from neurocomp.machine.step import step
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Tensor


class Run(NamedTuple):
    """Memory and registers at the end of a run, and the halted mass after each step (for the loss, Eq. 11)."""

    memory: Float[Tensor, "K B A V"]
    registers: Float[Tensor, "K B R V"]
    halted: Float[Tensor, "K B T"]


def run(logits: Float[Tensor, "K L W"], state: State, sizes: Sizes, machine: MachineConfig, steps: int) -> Run:
    """The machine after `steps` steps, differentiable in `logits`. T may be 0."""
    lines = prepare(logits, sizes, machine)
    halted: list[Tensor] = []
    for _ in range(steps):
        state = step(lines, state, sizes, machine)
        halted.append(state.halted)
    trace = torch.stack(halted, dim=-1) if halted else state.halted.unsqueeze(-1)[..., :0]
    return Run(state.memory, state.registers, trace)

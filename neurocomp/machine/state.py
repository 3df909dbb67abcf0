"""The state of the machine between two steps: rows that are distributions over words or lines, and the halted mass."""

from __future__ import annotations

from typing import NamedTuple

import torch

from neurocomp.machine.simplex import one_hot
from neurocomp.machine_config import Sizes
from neurocomp.shapes import Float, Int, Tensor


class State(NamedTuple):
    """Memory M, registers R, program counter l and halted mass h of each restart and example (Eq. 4)."""

    memory: Float[Tensor, "K B A V"]
    registers: Float[Tensor, "K B R V"]
    counter: Float[Tensor, "K B L"]
    halted: Float[Tensor, "K B"]


def start_state(
    memory: Int[Tensor, "K B A"], registers: Int[Tensor, "K B R"], sizes: Sizes, dtype: torch.dtype
) -> State:
    """The state at step 0: the given words, the counter at line 0, nothing halted."""
    first_line = torch.zeros(memory.shape[:2], dtype=torch.long, device=memory.device)
    return State(
        memory=one_hot(memory, sizes.base, dtype),
        registers=one_hot(registers, sizes.base, dtype),
        counter=one_hot(first_line, sizes.lines, dtype),
        halted=torch.zeros(memory.shape[:2], dtype=dtype, device=memory.device),
    )


def alone(state: State) -> State:
    """The state of the one restart and example that there is, without these two axes."""
    return State(*(part[0, 0] for part in state))

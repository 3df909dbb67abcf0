"""One program on the soft machine: compiled to certain weights and run from given words, to the likeliest words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from neurocomp.compilation.compiler import exact_weights
from neurocomp.language.assembly import Program
from neurocomp.language.interpreter import Trace
from neurocomp.machine.controller import prepare
from neurocomp.machine.simplex import most_likely, one_hot
from neurocomp.machine.state import State, alone, start_state
from neurocomp.machine.step import step
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Tensor

# A run with at least this margin executed the program exactly: a step from one-hot rows to one-hot rows is the step of
# its opcode. Rounding moves a margin by less than 1e-12; a decision that is not certain moves it by far more than 1e-6.
CERTAIN = 1 - 1e-6

Watch = Callable[[State, State], None]
"""Called with the states before and after a step, those of the one restart and example alone."""


class SoftOutcome(NamedTuple):
    """The likeliest words at the end, the steps executed, whether a halt was likelier than not, and the margin.

    The margin is the smallest probability of a likeliest word, in memory or registers, or of the counter's likeliest
    line, after any step. With printed laws the mass of a row may not be 1; there 1 minus half the row's distance to
    a one-hot takes the place of the probability.
    """

    memory: tuple[int, ...]
    registers: tuple[int, ...]
    steps: int
    halted: bool
    margin: float


@torch.no_grad()
def run_soft(
    program: Program,
    sizes: Sizes,
    machine: MachineConfig,
    memory: Sequence[int],
    registers: Sequence[int],
    steps: int,
    trace: Trace | None = None,
    watch: Watch | None = None,
) -> SoftOutcome:
    """Run a program that fits `sizes`, in float64, for `steps` steps, or until it has halted with halting=freeze.

    `trace(step, line, instruction, memory, registers)` is called after each step, with the likeliest line and words,
    then `watch(before, after)`.
    """
    lines = prepare(exact_weights(program, sizes, machine).unsqueeze(0), sizes, machine)
    state = start_state(torch.tensor([[memory]]), torch.tensor([[registers]]), sizes, torch.float64)
    executed, margin = 0, torch.ones((), dtype=torch.float64)
    while executed < steps and not (_halted(state) and machine.halting == "freeze"):
        line, before = int(most_likely(state.counter)), state
        state = step(lines, state, sizes, machine)
        margin = torch.minimum(margin, _certainty(state))  # a NaN stays, unlike with Python's min
        executed += 1
        if trace:
            trace(executed, line, program.instructions[line], *likeliest_words(alone(state)))
        if watch:
            watch(alone(before), alone(state))
    return SoftOutcome(*likeliest_words(alone(state)), executed, _halted(state), float(margin))


def _certainty(state: State) -> Float[Tensor, ""]:
    """The least certain row of a state: 1 minus half its distance to the one-hot of its likeliest word or line."""
    return torch.stack(
        [
            1 - (rows - one_hot(most_likely(rows), rows.shape[-1], rows.dtype)).abs().sum(-1).max() / 2
            for rows in (state.memory, state.registers, state.counter)
        ]
    ).min()


def _halted(state: State) -> bool:
    return float(state.halted) > 0.5


def likeliest_words(state: State) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The likeliest words in memory [A, V] and registers [R, V]."""
    return tuple(most_likely(state.memory).tolist()), tuple(most_likely(state.registers).tolist())

"""One program on the soft machine: compiled without noise, run from given words, read off as the likeliest words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from neurocomp.compiler import compile_program
from neurocomp.config import MachineConfig, RunConfig, Sizes
from neurocomp.language.assembly import Program
from neurocomp.language.interpreter import Trace
from neurocomp.machine.controller import prepare
from neurocomp.machine.state import State, start_state
from neurocomp.machine.step import step
from neurocomp.simplex import most_likely


class SoftOutcome(NamedTuple):
    """The likeliest words at the end, the steps executed, whether a halt was likelier than not, and the margin.

    The margin is the smallest winning probability among all words of memory and registers.
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
) -> SoftOutcome:
    """Run a program that fits `sizes`, in float64; it ends early when it has halted, unless halting is printed.

    `trace(step, line, instruction, memory, registers)` is called after each step with the likeliest of each.
    """
    logits = compile_program(
        program, sizes, machine, gamma=0.0, epsilon=RunConfig.epsilon, seed=0, restarts=[0], dtype=torch.float64
    )
    lines = prepare(logits, sizes, machine)
    state = start_state(torch.tensor([[memory]]), torch.tensor([[registers]]), sizes, torch.float64)
    executed = 0
    while executed < steps and not (_halted(state) and machine.halting == "freeze"):
        line = int(most_likely(state.counter))
        state = step(lines, state, sizes, machine)
        executed += 1
        if trace:
            trace(executed, line, program.instructions[line], *_words(state))
    margin = min(float(state.memory.amax(-1).min()), float(state.registers.amax(-1).min()))
    return SoftOutcome(*_words(state), executed, _halted(state), margin)


def _halted(state: State) -> bool:
    return float(state.halted) > 0.5


def _words(state: State) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(most_likely(state.memory)[0, 0].tolist()), tuple(most_likely(state.registers)[0, 0].tolist())

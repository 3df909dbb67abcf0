"""A run of the soft machine step by step, as distributions, beside the exact run of its decompiled program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from neurocomp.compilation.decompiler import decompile
from neurocomp.compilation.soft_run import likeliest_words
from neurocomp.language.assembly import Program
from neurocomp.language.interpreter import run
from neurocomp.machine import simplex
from neurocomp.machine.controller import fetch, prepare
from neurocomp.machine.state import State, alone, start_state
from neurocomp.machine.step import step
from neurocomp.machine.weights import Selectors
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Tensor


class Moment(NamedTuple):
    """A step: the counter before it [L], the instruction there as distributions, and the state after it.

    The state has memory [A, V], registers [R, V], counter [L] and the halted mass. `counter` and the instruction are
    what the step does; slots are [3, R], the target [L] or None.
    """

    counter: Float[Tensor, "L"]
    instruction: Selectors
    after: State


class ExactStep(NamedTuple):
    """The same step of the exact run: the line that it executes, and the words after it."""

    line: int
    memory: tuple[int, ...]
    registers: tuple[int, ...]


class SoftTrace(NamedTuple):
    """A run: its start, its moments, the decompiled program and its exact steps, fewer where that has halted."""

    start: State
    moments: list[Moment]
    program: Program
    exact: list[ExactStep]

    @property
    def parts_at(self) -> int | None:
        """The first step, from 1, after which a likeliest word is not the exact run's; None if there is none.

        An exact run that has halted keeps its words.
        """
        for number, (moment, exact) in enumerate(zip(self.moments, self.held(), strict=True), start=1):
            if likeliest_words(moment.after) != (exact.memory, exact.registers):
                return number
        return None

    @property
    def lost_at(self) -> int | None:
        """The first step, from 1, after which a number is not finite: a printed law lets them grow without bound."""
        finite = (all(part.isfinite().all() for part in moment.after) for moment in self.moments)
        return next((number for number, is_finite in enumerate(finite, start=1) if not is_finite), None)

    def held(self) -> Iterator[ExactStep]:
        """The exact run's step at each moment: its last one again where it has halted."""
        for number in range(len(self.moments)):
            yield self.exact[min(number, len(self.exact) - 1)]


@torch.no_grad()
def trace_softly(
    logits: Float[Tensor, "L W"],
    sizes: Sizes,
    machine: MachineConfig,
    memory: Sequence[int],
    registers: Sequence[int],
    steps: int,
) -> SoftTrace:
    """Run these packed logits for `steps` steps, in float64, and their decompiled program beside them.

    The soft run goes on where the exact one halts: a part of it may not have halted.
    """
    lines = prepare(logits.double().unsqueeze(0), sizes, machine)
    state = start_state(torch.tensor([[memory]]), torch.tensor([[registers]]), sizes, torch.float64)
    moments, start = [], alone(state)
    for _ in range(steps):
        instruction = fetch(lines, state.counter, sizes, machine)
        counter, state = state.counter, step(lines, state, sizes, machine)
        parts = Selectors(*(None if part is None else part[0, 0] for part in instruction))  # type: ignore[arg-type]
        moments.append(Moment(counter[0, 0], parts, alone(state)))
    program = decompile(logits, sizes, machine).program
    return SoftTrace(start, moments, program, exact_steps(program, sizes, machine, memory, registers, steps))


def exact_steps(
    program: Program,
    sizes: Sizes,
    machine: MachineConfig,
    memory: Sequence[int],
    registers: Sequence[int],
    steps: int,
) -> list[ExactStep]:
    """The exact run of a program, step by step."""
    found: list[ExactStep] = []
    run(
        program, memory, registers, base=sizes.base, steps=steps, halting=machine.halting,
        mod_by_zero=machine.mod_by_zero, jump_target=machine.jump_target,
        trace=lambda _step, line, _instruction, m, r: found.append(ExactStep(line, tuple(m), tuple(r))),
    )  # fmt: skip
    return found


def entropy(row: Float[Tensor, "V"]) -> float:
    """The entropy of a row in bits, as if it had mass 1."""
    return float(simplex.entropy(row))

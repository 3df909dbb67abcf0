"""How distributed restarts are: how open their decisions, how many lines are active, how far the soft run is exact.

All three are those of the soft machine in float64 on the test examples, beside the exact runs of the decompiled
programs, step by step.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from neurocomp.language.assembly import Program, slots
from neurocomp.language.executor import Final, each_step, encode
from neurocomp.language.isa import OPCODES
from neurocomp.limits.estimates import SOFT_AT_ONCE
from neurocomp.machine.controller import prepare
from neurocomp.machine.simplex import entropy, most_likely
from neurocomp.machine.state import State
from neurocomp.machine.step import step
from neurocomp.machine.weights import probabilities, unpack
from neurocomp.shapes import Bool, Float, Tensor
from neurocomp.tasks.task import Examples, Task
from neurocomp.tuning.recovery import says, to_batch

SECTIONS = ("opcode", "first", "second", "third", "target")


class Spread(NamedTuple):
    """How distributed K restarts are, each number a tensor [K]; NaN where a printed law let a number grow to infinity.

    decision_entropy: bits, the mean over the decisions that are used. Used are the opcode of each line that the
    decompiled program executes on a test example, and the operands that this opcode takes.
    active_lines: 2 to the entropy in bits of the program counter, before a step; mean over steps and examples.
    agreement: the share of steps after which all likeliest words, of memory and registers, are those of the exact run
    of the decompiled program; of all examples together.
    """

    decision_entropy: Float[Tensor, "K"]
    active_lines: Float[Tensor, "K"]
    agreement: Float[Tensor, "K"]


@torch.no_grad()
def spread(logits: Float[Tensor, "K L W"], programs: Sequence[Program], examples: Examples, task: Task) -> Spread:
    """How distributed these restarts are, which decompile to these programs; they share the examples."""
    block = max(1, SOFT_AT_ONCE // len(examples.memory))
    parts = [
        _spread(part, programs[first : first + block], examples, task)
        for first, part in zip(range(0, len(logits), block), logits.double().split(block), strict=True)
    ]
    return Spread(*map(torch.cat, zip(*parts, strict=True)))


def _spread(logits: Float[Tensor, "K L W"], programs: Sequence[Program], examples: Examples, task: Task) -> Spread:
    code, lines = encode(programs, task.sizes.lines), prepare(logits, task.sizes, task.machine)
    state = to_batch([examples] * len(logits), task, logits.dtype, logits.device).start
    executed = np.zeros((len(programs), task.sizes.lines + 1), dtype=np.bool_)  # the last column: has halted
    active = agreeing = torch.zeros(len(logits), dtype=logits.dtype, device=logits.device)
    for line, exact in _exact_steps(code, examples, task):
        np.put_along_axis(executed, line % executed.shape[1], True, axis=1)
        active = active + entropy(state.counter).exp2().mean(dim=1)
        state = step(lines, state, task.sizes, task.machine)
        agreeing = agreeing + _agrees(state, exact).double().mean(dim=1)
    used = torch.from_numpy(executed[:, :-1]).to(logits.device)
    decisions = decision_entropy(logits, used, task)
    return Spread(decisions, active / task.steps, agreeing / task.steps)


def _exact_steps(code: np.ndarray, examples: Examples, task: Task) -> Iterator[tuple[np.ndarray, Final]]:
    machine = task.machine
    return each_step(
        code, examples.memory, examples.registers, base=task.sizes.base, steps=task.steps, halting=machine.halting,
        mod_by_zero=machine.mod_by_zero, jump_target=machine.jump_target,
    )  # fmt: skip


def _agrees(state: State, exact: Final) -> Bool[Tensor, "K B"]:
    """Whether all likeliest words are those of the exact run."""
    memory, registers = (torch.from_numpy(words).to(state.halted.device) for words in (exact.memory, exact.registers))
    return says(state.memory, memory).all(dim=-1) & says(state.registers, registers).all(dim=-1)


def decision_entropy(logits: Float[Tensor, "K L W"], executed: Bool[Tensor, "K L"], task: Task) -> Float[Tensor, "K"]:
    """The mean entropy in bits of the decisions that are used in the executed lines."""
    sure = probabilities(unpack(logits, task.sizes))
    sections = [sure.opcode, *sure.slots.unbind(dim=-2), *([] if sure.target is None else [sure.target])]
    entropies = torch.stack([entropy(section) for section in sections], dim=-1)
    takes = _taken(task.machine.jump_target).to(logits.device)[most_likely(sure.opcode), : len(sections)]
    used = takes & executed.unsqueeze(-1)
    return torch.where(used, entropies, 0.0).sum(dim=(1, 2)) / used.sum(dim=(1, 2))


@functools.cache
def _taken(jump_target: str) -> Bool[Tensor, "O D"]:
    """Which sections of a line each opcode uses. With jump_target=operand the label stands in the second slot."""
    target = "second" if jump_target == "operand" else "target"
    used = [
        {"opcode", *(target if operand.slot == "target" else operand.slot for operand in slots(opcode, jump_target))}
        for opcode in OPCODES
    ]
    return torch.tensor([[section in of_opcode for section in SECTIONS] for of_opcode in used])

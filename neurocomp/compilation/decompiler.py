"""Weights back to assembly: the most likely decisions of every line, and their probabilities."""

from __future__ import annotations

from typing import NamedTuple

import torch

from neurocomp.language.assembly import Instruction, Program, slots
from neurocomp.language.isa import OPCODES
from neurocomp.machine.simplex import most_likely
from neurocomp.machine.weights import probabilities, unpack
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Int, Tensor


class Decompiled(NamedTuple):
    """A program, the margin of each line, and the smallest margin.

    A line's margin is the smallest probability among its decisions: its opcode and the operands that it uses.
    """

    program: Program
    margins: list[float]
    margin: float


def decisions(logits: Float[Tensor, "K L W"], sizes: Sizes) -> Int[Tensor, "K L D"]:
    """The most likely opcode, slots and target of every line: equal decisions decompile to equal text."""
    chosen = unpack(logits, sizes)
    parts = [most_likely(chosen.opcode).unsqueeze(-1), most_likely(chosen.slots)]
    return torch.cat(parts if chosen.target is None else [*parts, most_likely(chosen.target).unsqueeze(-1)], dim=-1)


def decompile(logits: Float[Tensor, "L W"], sizes: Sizes, machine: MachineConfig) -> Decompiled:
    """The most likely program of one restart's packed logits: all L lines, noops included."""
    sure = probabilities(unpack(logits.detach().cpu(), sizes))
    opcodes, (first, second, third) = sure.opcode, sure.slots.unbind(dim=-2)
    # With jump_target=operand the label stands in slot 2, an index over registers that is read as a line.
    target = second if sure.target is None else sure.target
    choices = {"first": first, "second": second, "third": third, "target": target}
    chosen = {slot: most_likely(mass).tolist() for slot, mass in choices.items()}
    masses = {slot: mass.amax(dim=-1).tolist() for slot, mass in choices.items()}
    instructions, margins = [], []
    for line, index in enumerate(most_likely(opcodes).tolist()):
        used = [operand.slot for operand in slots(OPCODES[index], machine.jump_target)]
        instructions.append(Instruction(OPCODES[index].name, **{slot: chosen[slot][line] for slot in used}))
        margins.append(min(float(opcodes[line, index]), *(masses[slot][line] for slot in used), 1.0))
    return Decompiled(Program(tuple(instructions)), margins, min(margins))

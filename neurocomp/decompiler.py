"""Weights back to assembly: the most likely decision of every line, and how sure it is."""

from __future__ import annotations

from typing import NamedTuple

from neurocomp.config import MachineConfig, Sizes
from neurocomp.language.assembly import Instruction, Program
from neurocomp.language.isa import OPCODES
from neurocomp.machine.weights import probabilities, unpack
from neurocomp.shapes import Float, Tensor
from neurocomp.simplex import most_likely


class Decompiled(NamedTuple):
    """A program, the margin of each line and the smallest of them.

    A line's margin is the smallest probability among its decisions: its opcode and the operands that it uses.
    """

    program: Program
    margins: list[float]
    margin: float


def decompile(logits: Float[Tensor, "L W"], sizes: Sizes, machine: MachineConfig) -> Decompiled:
    """The argmax program of one restart's packed logits; all L lines of it, noops included."""
    chosen = unpack(logits.detach().cpu(), sizes)
    sure = probabilities(chosen)
    opcodes, slots = most_likely(chosen.opcode).tolist(), most_likely(chosen.slots).tolist()
    opcode_mass, slot_mass = sure.opcode.amax(-1).tolist(), sure.slots.amax(-1).tolist()
    if chosen.target is None or sure.target is None:  # operand, value: the jump goes where slot 2 points
        targets, target_mass = [line[1] for line in slots], [line[1] for line in slot_mass]
    else:
        targets, target_mass = most_likely(chosen.target).tolist(), sure.target.amax(-1).tolist()
    instructions, margins = [], []
    for line, index in enumerate(opcodes):
        operands = OPCODES[index].operands
        sources = sum(operand not in ("dst", "label") for operand in operands)
        if machine.jump_target == "value" and "label" in operands:
            sources += 1  # the second source register holds the line
        to_line = "label" in operands and machine.jump_target != "value"
        used = [slot < sources or (slot == 2 and "dst" in operands) for slot in range(3)]
        registers = [slots[line][slot] if used[slot] else None for slot in range(3)]
        instructions.append(Instruction(OPCODES[index].name, *registers, targets[line] if to_line else None))
        decisions = [opcode_mass[line], *(slot_mass[line][slot] for slot in range(3) if used[slot])]
        margins.append(min(decisions + ([target_mass[line]] if to_line else [])))
    return Decompiled(Program(tuple(instructions)), margins, min(margins))

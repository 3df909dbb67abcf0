"""From a high-level program to assembly that fits a task's machine."""

from __future__ import annotations

from neurocomp.errors import UserError
from neurocomp.synthesis.assembler import Assembler, Lowered, Room, TooFewRegisters
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.terms import Term
from neurocomp.tasks.task import Task


def room_of(task: Task) -> Room:
    """What the task's machine has. UserError where a jump needs a register that holds a line.

    Registers that are checked are for results: they are right if a program sets them, not by how it is lowered.
    """
    if task.machine.jump_target == "value":
        raise UserError("synthesis: machine.jump_target=value has no labels to lower loops to; expected line, operand")
    ranges = task.ranges[task.sizes.base :]
    zeros = tuple(i for i, words in enumerate(ranges) if words == (0, 0) and i not in task.checked_registers)
    return Room(task.sizes, zeros, task.machine.halting)


def lower(term: Term, room: Room) -> Lowered:
    """The assembly of a program. DoesNotFit says what it needs more than the machine has."""
    try:
        return Assembler(term, room, CONSTRUCTS).lowered(term)
    except TooFewRegisters:
        return Assembler(term, room, CONSTRUCTS, frugal=True).lowered(term)

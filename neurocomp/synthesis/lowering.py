"""From a high-level program to assembly that fits a task's machine."""

from __future__ import annotations

from neurocomp.errors import UserError
from neurocomp.synthesis.assembler import Assembler, Lowered, Room, TooFewRegisters
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.terms import Term
from neurocomp.tasks.task import Task


def room_of(task: Task) -> Room:
    """The room of the task's machine. Raises UserError with jump_target=value, where jumps have no labels."""
    if task.machine.jump_target == "value":
        raise UserError("synthesis: machine.jump_target=value has no labels to lower loops to; expected line, operand")
    ranges = task.ranges[task.sizes.base :]
    # Checked registers are for results. If the assembler might use them, whether a program is right could depend on
    # which of them it took.
    zeros = tuple(i for i, words in enumerate(ranges) if words == (0, 0) and i not in task.checked_registers)
    return Room(task.sizes, zeros, task.machine.halting)


def lower(term: Term, room: Room, language: Language = LANGUAGE) -> Lowered:
    """The assembly of a program: that of its expansion. Raises DoesNotFit, which says what the machine has not."""
    # A fresh register is 0 without an instruction; a used one must be set to 0 first. So the first attempt takes the
    # fewest lines, and the frugal one, with fewer registers and more lines, is only for want of registers.
    term = language.expand(term)
    try:
        return Assembler(term, room, language.rows).lowered(term)
    except TooFewRegisters:
        return Assembler(term, room, language.rows, frugal=True).lowered(term)

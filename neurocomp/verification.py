"""Is a program the algorithm? Its printed text is parsed again and run exactly, on inputs that nobody trained on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from neurocomp.language import interpreter
from neurocomp.language.assembly import parse
from neurocomp.tasks import Examples, HeldOut, Task


class Verdict(NamedTuple):
    """hard: right on the test examples. general: on the task's general sizes; None where there are none."""

    hard: bool
    general: bool | None


def hard(text: str, examples: Examples, task: Task) -> bool:
    """Whether the printed program, parsed again, leaves the right words on all examples in the interpreter."""
    machine = task.machine
    program = parse(text, jump_target=machine.jump_target)
    for memory, registers, final_memory, final_registers in zip(*(words.tolist() for words in examples), strict=True):
        outcome = interpreter.run(
            program, memory, registers, base=task.sizes.base, steps=task.steps,
            halting=machine.halting, mod_by_zero=machine.mod_by_zero, jump_target=machine.jump_target,
        )
        if any(outcome.memory[cell] != final_memory[cell] for cell in task.checked_memory):
            return False
        if any(outcome.registers[index] != final_registers[index] for index in task.checked_registers):
            return False
    return True


def verdicts(texts: Iterable[str], task: Task, held_out: HeldOut) -> dict[str, Verdict]:
    """The verdict on each printed program; equal texts are run once."""
    found = {}
    for text in set(texts):
        general = None
        if task.general and held_out.general:
            general = hard(text, held_out.general, task.general)
        found[text] = Verdict(hard(text, held_out.test, task), general)
    return found

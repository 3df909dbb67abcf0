"""The program that restarts start from: by name, from a file, or the task's own; fitted to the task's machine."""

from __future__ import annotations

from pathlib import Path

from neurocomp.config import RunConfig
from neurocomp.errors import UserError
from neurocomp.language.assembly import NOOP, Instruction, Program, fit, load_program
from neurocomp.tasks.task import Task
from neurocomp.text import is_formula, visible


def init_name(config: RunConfig) -> str:
    """The name by which rows record what they start from; `reference` is recorded by the name of the task's program."""
    given, program = config.init, config.task.program
    if given == "reference" and program and len(program.split()) == 1:
        given = program
    if is_formula(name := Path(given).name) or visible(name) != name:
        raise UserError(f"init={given}: rows name it, so expected a file name that does not begin with = + - @")
    return name  # a path keeps its .asm: it is no shipped program, whatever its name


def initial_program(init: str, task: Task, directory: Path | None) -> Program | None:
    """The program that the weights start from, padded to the task's lines; None for `random`."""
    jump_target = task.machine.jump_target
    if init == "random":
        return None
    if init == "reference":
        return reference(task)
    if init == "loop_noop" and jump_target != "value":  # there every program with a label is refused
        return fit(loop_noop(task.sizes.lines), task.sizes, "init=loop_noop")
    here = directory / init if directory and not Path(init).is_file() and (directory / init).is_file() else init
    return fit(load_program(here, jump_target, task.sizes), task.sizes, f"init={init}")


def reference(task: Task) -> Program:
    """The task's own program as a start; UserError if it has none, or one that this machine cannot hold."""
    if task.reference is None:
        raise UserError(f"init=reference: task {task.name} has examples, no program")
    labels = any(instruction.target is not None for instruction in task.reference.instructions)
    if labels and task.machine.jump_target == "value":
        raise UserError(f"init=reference: the program of task {task.name} has labels; jump_target=value refuses them")
    return task.reference


def loop_noop(lines: int) -> Program:
    """A loop over nothing, as long as the machine: `loop:`, L-2 noops, `inc 3 3`, `jump 4 loop` (the appendix)."""
    ending = (Instruction("inc", 3, None, 3, None), Instruction("jump", 4, None, None, 0))
    return Program((NOOP,) * (lines - 2) + ending, {0: "loop"})

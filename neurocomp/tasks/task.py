"""Tasks: from a task file to examples, each a start state and the words that a right program leaves.

A task is a reference program (or a table of examples), how start words are drawn, how many steps a run lasts,
and which words are checked. Everything here is ints.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from neurocomp.caching import by_text
from neurocomp.config import LimitsConfig, TaskConfig
from neurocomp.errors import UserError
from neurocomp.files import read_bytes
from neurocomp.language.assembly import Program, fit, load_program, parse, shipped_programs
from neurocomp.limits import estimates
from neurocomp.limits.checking import check
from neurocomp.machine_config import MachineConfig, Sizes, check_jump_target
from neurocomp.tasks.entries import Entries
from neurocomp.tasks.example_files import ExampleTable, read_examples
from neurocomp.tasks.expressions import evaluate
from neurocomp.tasks.inputs import Reads, variety


class Examples(NamedTuple):
    """N start states and the words after T steps; -1 for a final word without a column, which is not checked."""

    memory: np.ndarray  # [N, A]
    registers: np.ndarray  # [N, R]
    final_memory: np.ndarray  # [N, A]
    final_registers: np.ndarray  # [N, R]


@dataclass(frozen=True)
class Task:
    """A task with every expression evaluated; `ranges` are (low, high) of each memory cell, then each register."""

    name: str
    sizes: Sizes
    steps: int
    reference: Program | None
    table: ExampleTable | None
    ranges: tuple[tuple[int, int], ...]
    checked_memory: tuple[int, ...]
    checked_registers: tuple[int, ...]
    machine: MachineConfig
    general: Task | None = None

    @property
    def inputs(self) -> int:
        """How many different start states there are."""
        return math.prod(high - low + 1 for low, high in self.ranges)

    @property
    def reads(self) -> Reads | None:
        """The program that decides which start words matter; None where the columns of a file of examples say it."""
        if self.reference is None:
            return None
        registers = (self.sizes.base + register for register in self.checked_registers)
        checked = (*self.checked_memory, *registers)
        machine = self.machine
        return Reads(self.reference, self.sizes.base, self.steps, checked, machine.halting, machine.mod_by_zero)

    @property
    def apart_in_reads(self) -> bool:
        """Whether there are so many inputs that sets of examples can be apart in the words that matter."""
        return self.reads is not None and variety(self.reads, self.ranges).enough

    def identity(self) -> dict[str, Any]:
        """The facts that tell this task from others in the configuration's hash. File names are none of them.

        How examples are kept apart is said where it came later, so that no older row is mistaken for a new one.
        """
        return self._facts() | ({"apart": "read"} if self.apart_in_reads else {})

    def _facts(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "sizes": self.sizes,
            "steps": self.steps,
            "reference": self.reference.instructions if self.reference else None,
            "table": self.table.digest if self.table else None,
            "ranges": self.ranges,
            "checked": [self.checked_memory, self.checked_registers],
            "general": self.general._facts() if self.general else None,
        }


def load_task(
    config: TaskConfig, machine: MachineConfig, directory: Path | None = None, limits: LimitsConfig | None = None
) -> Task:
    """The task that a file describes; files it names are looked up here, then in `directory`.

    Raises UserError where a word, register, cell or line does not exist on the task's own sizes, and where these
    sizes would take more than `limits`.
    """
    limits = limits or LimitsConfig()
    if _names_a_file(config):
        return _loaded(config, machine, directory, limits)
    return _shared(config, copy.copy(machine), limits)


def _names_a_file(config: TaskConfig) -> bool:
    """Whether what the task is depends on a file of the user's."""
    program = config.program or ""
    return config.examples is not None or (len(program.split()) == 1 and program not in shipped_programs())


@by_text
def _shared(config: TaskConfig, machine: MachineConfig, limits: LimitsConfig) -> Task:
    """A task that follows from these alone: the cells of a grid share it."""
    return _loaded(config, machine, None, limits)


def _loaded(config: TaskConfig, machine: MachineConfig, directory: Path | None, limits: LimitsConfig) -> Task:
    names = {} if config.length is None else {"length": config.length}
    entries = Entries(names | {"base": config.base}, "task", set())
    task = _sized(config, entries, machine, directory, limits)
    if config.length is not None and "length" not in entries.used:
        raise UserError(f"task.length={config.length}: task {config.name} has no length, nothing in it depends on one")
    if config.general is None:
        return task
    larger = Entries(entries.names | _general_sizes(config, entries.names), "task.general", set())
    return replace(task, general=_sized(config, larger, machine, directory, limits))


def _general_sizes(config: TaskConfig, names: dict[str, int]) -> dict[str, int]:
    """The length and base at which a program is called general."""
    given: Any = config.general
    if config.examples is not None:
        raise UserError(f"task.general: task {config.name} has examples, no program that says what other sizes leave")
    sizes = cast("dict[str, Any]", given)
    if not isinstance(given, dict) or not sizes.keys() <= {"length", "base"}:
        raise UserError(f'task.general={given}: expected a mapping of "length" and "base"')
    return {key: evaluate(value, names, f"task.general.{key}") for key, value in sizes.items() if value is not None}


def _sized(
    config: TaskConfig, entries: Entries, machine: MachineConfig, directory: Path | None, limits: LimitsConfig
) -> Task:
    """The task at one length and base."""
    sizes = _sizes(config, entries, limits)
    if entries.within == "task":  # general sizes are for the decompiled text alone, which no machine has to fit
        check_jump_target(machine.jump_target, sizes)
    if (config.program is None) == (config.examples is None):
        got = "neither" if config.program is None else "both"
        raise UserError(f"task {config.name}: expected either program or examples, got {got}")
    checked_memory, checked_registers = _checked(config, entries, sizes)
    ranges = (
        *entries.ranges(config.memory, "memory", sizes.base, (0, sizes.base - 1)),
        *entries.ranges(config.start_registers, "start_registers", sizes.registers, (0, 0)),
    )
    reference, table = None, None
    if config.program is not None:
        source = f"program of task {config.name}"
        reference = fit(_reference(config.program, directory, source, sizes), sizes, source)
    else:
        table = read_examples(_find(str(config.examples), directory), sizes, checked_memory, checked_registers, limits)
    steps = entries.integer(config.steps, "steps", 1)
    return Task(config.name, sizes, steps, reference, table, ranges, checked_memory, checked_registers, machine)


def _sizes(config: TaskConfig, entries: Entries, limits: LimitsConfig) -> Sizes:
    """The machine's sizes. UserError where they would take more than `limits`."""
    sizes = Sizes(
        entries.integer(entries.names["base"], "base", 2),
        entries.integer(config.registers, "registers", 1),
        entries.integer(config.lines, "lines", 1),
    )
    check(limits, estimates.task, {key: f"{entries.within}.{key}" for key in sizes._fields}, **sizes._asdict())
    return sizes


def _checked(config: TaskConfig, entries: Entries, sizes: Sizes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The memory cells and the registers that are checked; `check` is a mapping, or the cells alone."""
    given: Any = config.check
    checked = cast("dict[Any, Any]", given) if isinstance(given, dict) else {"memory": given}
    if unknown := set(checked) - {"memory", "registers"}:
        raise UserError(f"task.check.{unknown.pop()}: expected memory, registers")
    memory = entries.indices(checked.get("memory"), "check.memory", sizes.base)
    registers = entries.indices(checked.get("registers"), "check.registers", sizes.registers)
    if not memory and not registers:
        raise UserError(f"task.check: task {config.name} checks nothing; expected memory cells or registers")
    return memory, registers


def _reference(text: str, directory: Path | None, source: str, sizes: Sizes) -> Program:
    """The program given as assembly, as a shipped program's name or as a path.

    It only says what the words are to become, so its jumps are to labels in every reading of jump_target.
    """
    if len(text.split()) != 1:
        return parse(text, source, sizes=sizes)
    return load_program(str(_find(text, directory)) if text.endswith(".asm") else text, sizes=sizes)


def _find(name: str, directory: Path | None) -> Path:
    for folder in (Path(), *([directory, directory / "task"] if directory else [])):
        if (folder / name).is_file():
            return folder / name
        if (folder / name).exists():
            read_bytes(folder / name)  # refuses it, and says what it is
    raise UserError(f"{name}: no such file" + (f", neither here nor in {directory}" if directory else ""))

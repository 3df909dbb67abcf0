"""Tasks: from a task file to examples, each a start state and the words that a right program leaves.

A task is a reference program (or a table of examples), how start words are drawn, how many steps a run lasts,
and which words are checked. Everything here is ints.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurocomp.config import LimitsConfig, TaskConfig
from neurocomp.errors import UserError
from neurocomp.files import read_bytes
from neurocomp.language.assembly import Program, fit, load_program, parse
from neurocomp.limits import estimates
from neurocomp.limits.checking import check
from neurocomp.machine_config import MachineConfig, Sizes, check_jump_target
from neurocomp.tasks.example_files import ExampleTable, read_examples
from neurocomp.tasks.expressions import evaluate, evaluate_range
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
        """What decides which start words matter; None where a file of examples says it by its columns."""
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

    def identity(self) -> dict:
        """What makes this task the same task, for the configuration's hash; file names do not.

        How examples are kept apart is said where it came later, so that no older row is mistaken for a new one.
        """
        return self._facts() | ({"apart": "read"} if self.apart_in_reads else {})

    def _facts(self) -> dict:
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
    lengths = {} if config.length is None else {"length": config.length}
    used: set[str] = set()
    limits = limits or LimitsConfig()
    task = _sized(config, machine, directory, {**lengths, "base": config.base}, used, limits)
    if config.length is not None and "length" not in used:
        raise UserError(f"task.length={config.length}: task {config.name} has no length, nothing in it depends on one")
    if config.general is None:
        return task
    if task.table:
        raise UserError(f"task.general: task {config.name} has examples, no program that says what other sizes leave")
    if not isinstance(config.general, dict) or not set(config.general) <= {"length", "base"}:
        raise UserError(f'task.general={config.general}: expected a mapping of "length" and "base"')
    names = {**lengths, "base": config.base}
    larger = {
        key: evaluate(value, names, f"task.general.{key}") for key, value in config.general.items() if value is not None
    }
    general = _sized(config, machine, directory, {**names, **larger}, set(), limits, within="task.general")
    return Task(**{**task.__dict__, "general": general})


def _sized(
    config: TaskConfig,
    machine: MachineConfig,
    directory: Path | None,
    names: dict[str, int],
    used: set[str],
    limits: LimitsConfig,
    within: str = "task",
) -> Task:
    """The task at one length and base."""

    def integer(given: object, key: str, least: int) -> int:
        value = evaluate(given, names, f"{within}.{key}", used)
        if value < least:
            raise UserError(f"{within}.{key}={value}: expected an integer >= {least}")
        return value

    sizes = Sizes(
        integer(names["base"], "base", 2), integer(config.registers, "registers", 1), integer(config.lines, "lines", 1)
    )
    check(limits, estimates.task, {key: f"{within}.{key}" for key in sizes._fields}, **sizes._asdict())
    if within == "task":  # general sizes are for the decompiled text alone, which no machine has to fit
        check_jump_target(machine.jump_target, sizes)
    if (config.program is None) == (config.examples is None):
        raise UserError(
            f"task {config.name}: expected either program or examples, got "
            f"{'neither' if config.program is None else 'both'}"
        )
    checked = config.check if isinstance(config.check, dict) else {"memory": config.check}
    if unknown := set(checked) - {"memory", "registers"}:
        raise UserError(f"task.check.{unknown.pop()}: expected memory, registers")
    checked_memory = _indices(checked.get("memory"), names, f"{within}.check.memory", sizes.base, used)
    checked_registers = _indices(checked.get("registers"), names, f"{within}.check.registers", sizes.registers, used)
    if not checked_memory and not checked_registers:
        raise UserError(f"task.check: task {config.name} checks nothing; expected memory cells or registers")
    ranges = (
        *_ranges(config.memory, sizes.base, (0, sizes.base - 1), names, f"{within}.memory", used),
        *_ranges(config.start_registers, sizes.registers, (0, 0), names, f"{within}.start_registers", used),
    )
    reference, table = None, None
    if config.program is not None:
        source = f"program of task {config.name}"
        reference = fit(_reference(config.program, directory, source, sizes), sizes, source)
    else:
        table = read_examples(_find(str(config.examples), directory), sizes, checked_memory, checked_registers, limits)
    steps = integer(config.steps, "steps", 1)
    return Task(config.name, sizes, steps, reference, table, ranges, checked_memory, checked_registers, machine)


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


def _indices(given: object, names: dict[str, int], where: str, size: int, used: set[str]) -> tuple[int, ...]:
    """The cells or registers of a `check` entry, each an integer, expression or range."""
    items = [] if given is None else given if isinstance(given, (list, tuple)) else [given]
    found: list[int] = []
    for item in items:
        low, high = evaluate_range(item, names, where, used)
        if low < 0 or high >= size:
            raise UserError(f"{where}: {item} is outside 0..{size - 1}")
        found.extend(range(low, high + 1))
    return tuple(sorted(set(found)))


def _ranges(
    given: object, size: int, default: tuple[int, int], names: dict[str, int], where: str, used: set[str]
) -> Iterator[tuple[int, int]]:
    """(low, high) of each of `size` words, `default` where nothing is given (`random` means any word)."""
    ranges = [default] * size
    if given == "random":
        ranges = [(0, names["base"] - 1)] * size
    elif isinstance(given, (list, dict)):
        entries = given.items() if isinstance(given, dict) else enumerate(given)
        for index, word in entries:
            for cell in _indices([index], names, where, size, used):
                ranges[cell] = evaluate_range(word, names, f"{where}[{cell}]", used)
    elif given is not None:
        raise UserError(f"{where}={given}: expected random, a list of words, or a mapping to words or ranges")
    for index, (low, high) in enumerate(ranges):
        if low < 0 or high >= names["base"]:
            raise UserError(f"{where}[{index}]: {low}..{high} is outside the words 0..{names['base'] - 1}")
    return iter(ranges)

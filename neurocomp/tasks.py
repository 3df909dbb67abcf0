"""Tasks: from a task file to examples, each a start state and the words that a right program leaves.

A task is a reference program (or a table of examples), how start words are drawn, how many steps a run lasts,
and which words are checked. Everything here is ints.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurocomp import estimates
from neurocomp.config import LimitsConfig, MachineConfig, Sizes, TaskConfig, UserError, check_jump_target
from neurocomp.example_files import ExampleTable, read_examples
from neurocomp.expressions import evaluate, evaluate_range
from neurocomp.files import read_bytes
from neurocomp.inputs import ENOUGH, Key, Reads, variety
from neurocomp.language import interpreter
from neurocomp.language.assembly import Program, fit, load_program, parse
from neurocomp.limits import check
from neurocomp.seeding import SHARED, generator

VALIDATION, TEST = 64, 256
assert ENOUGH == 2 * (VALIDATION + TEST)


class Examples(NamedTuple):
    """N start states and the words after T steps; -1 where what a right program leaves is not known."""

    memory: np.ndarray  # [N, A]
    registers: np.ndarray  # [N, R]
    final_memory: np.ndarray  # [N, A]
    final_registers: np.ndarray  # [N, R]


class HeldOut(NamedTuple):
    """What all restarts are judged on: validation decides when to stop, test is used once at the end."""

    validation: Examples
    test: Examples
    coverage: float  # the share of all start states that `test` holds; of a file's inputs, where the task is a file
    general: Examples | None
    inputs: frozenset[Hashable]  # what training examples are drawn apart from; empty where inputs are few
    tested: tuple[Key, ...] = ()  # the words that matter of each test input


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
        return Reads(
            self.reference, self.sizes.base, self.steps, checked, machine.halting, machine.mod_by_zero
        )

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
    larger = {key: evaluate(value, names, f"task.general.{key}") for key, value in config.general.items()
              if value is not None}
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
        raise UserError(f"task {config.name}: expected either program or examples, got "
                        f"{'neither' if config.program is None else 'both'}")
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


def training_examples(
    task: Task, held_out: HeldOut, seed: int, restart: int, count: int, stream: str = "train"
) -> Examples:
    """The examples that one restart trains on; they depend on (seed, restart, stream) alone."""
    rng = generator(seed, restart, stream)
    if task.table:
        rows = task.table.training(seed)
        chosen = rng.choice(rows, size=count, replace=count > len(rows))
        return _from_table(task, chosen, rng)
    return _solve(task, _draw(task, rng, count, _identity(task), held_out.inputs, distinct=False))


def held_out(task: Task, seed: int) -> HeldOut:
    """Validation, test and general examples, the same for every restart of a seed.

    Where inputs are many in the words that matter, sets are apart in these: test, validation and the training
    examples of any restart (`apart_in_reads`). Where they are few, `few_inputs` says so and rows count what was trained
    on too: up to 256 start states are all tested (coverage 1), up to 640 sets may overlap, beyond they are apart as
    start states.
    """
    if task.table:
        return _held_out_rows(task, seed)
    rng = generator(seed, SHARED, "held_out")
    identity = _identity(task)
    apart = task.inputs >= ENOUGH
    everything = task.inputs <= TEST
    test = _all_inputs(task) if everything else _draw(task, rng, TEST, identity)
    tested = frozenset(map(identity, test)) if apart else frozenset()
    validation = _draw(task, rng, min(VALIDATION, task.inputs), identity, tested)
    general = None
    if task.general:
        count = min(TEST, task.general.inputs)
        general = _solve(task.general, _draw(task.general, generator(seed, SHARED, "general"), count, _start_words))
    test_examples = _solve(task, test)
    return HeldOut(
        validation=_solve(task, validation),
        test=test_examples,
        coverage=len(test) / task.inputs,
        general=general,
        inputs=tested | frozenset(map(identity, validation)) if apart else frozenset(),
        tested=tuple(words_that_matter(task, test_examples)),
    )


def _held_out_rows(task: Task, seed: int) -> HeldOut:
    assert task.table is not None
    validation, test = task.table.validation(seed), task.table.test(seed)
    rng = generator(seed, SHARED, "held_out")
    validated, tested = _from_table(task, validation[:VALIDATION], rng), _from_table(task, test[:TEST], rng)
    return HeldOut(
        validation=validated,
        test=tested,
        coverage=min(len(test), TEST) / len(task.table.start),
        general=None,
        inputs=frozenset(),
        tested=tuple(words_that_matter(task, tested)),
    )


def words_that_matter(task: Task, examples: Examples) -> list[Key]:
    """What tells each example's input apart: the start words that the reference reads, or that the file gives."""
    starts = np.concatenate([examples.memory, examples.registers], axis=1).tolist()
    if reads := task.reads:
        return [reads.key(start) for start in starts]
    assert task.table is not None
    return [tuple([(place, start[place]) for place in task.table.given]) for start in starts]


def count_trained_tests(task: Task, held_out: HeldOut, trained: Iterable[Examples]) -> int:
    """How many of the test inputs are among the inputs of these examples, in the words that matter."""
    keys = {key for examples in trained for key in words_that_matter(task, examples)}
    return sum(key in keys for key in held_out.tested)


def few_inputs(task: Task, counted: bool = True) -> str | None:
    """What is to be known where test examples may have been trained on, in one line; None where they cannot.

    `counted`: there will be rows, which count them.
    """
    if task.reads is None or task.apart_in_reads:
        return None
    different, _, exact = variety(task.reads, task.ranges)
    inputs = f"{different}{'' if exact else ' or more'} different input{'' if different == 1 else 's'}"
    uneven = "" if exact else "a few of them may be nearly all that is drawn, and "
    trained = "test examples may have been trained on" + (" (column tests_trained)" if counted else "")
    return f"{task.name}: {inputs} in the words that its program reads; {uneven}{trained}"


def _all_inputs(task: Task) -> np.ndarray:
    return np.array(list(itertools.product(*(range(low, high + 1) for low, high in task.ranges))))


def _draw(
    task: Task,
    rng: np.random.Generator,
    count: int,
    identity: Callable[[np.ndarray], Hashable],
    apart_from: frozenset[Hashable] = frozenset(),
    distinct: bool = True,
) -> np.ndarray:
    """`count` start states [N, A + R], uniform over the ranges, the identity of none of them in `apart_from`.

    It ends. Sets are apart in what is read only where a sixteenth of all that is drawn is never held out (`variety`);
    as start states they are apart only where half of these are not.
    """
    lows = np.array([low for low, _ in task.ranges])
    highs = np.array([high for _, high in task.ranges])
    seen = set(apart_from)
    drawn: list[np.ndarray] = []
    while len(drawn) < count:
        for row in rng.integers(lows, highs + 1, size=(count, len(lows))):
            if len(drawn) == count:
                break
            if not distinct and not seen:
                drawn.append(row)
            elif (key := identity(row)) not in seen:
                drawn.append(row)
                if distinct:
                    seen.add(key)
    return np.array(drawn)


def _start_words(row: np.ndarray) -> Hashable:
    return row.tobytes()


def _identity(task: Task) -> Callable[[np.ndarray], Hashable]:
    """What two inputs must not have in common where they are to be apart."""
    if task.apart_in_reads and (reads := task.reads):
        return lambda row: reads.key(row.tolist())
    return _start_words


def _solve(task: Task, rows: np.ndarray) -> Examples:
    """The examples whose starts are `rows`, with the words that the reference program leaves."""
    assert task.reference is not None
    base = task.sizes.base
    outcomes = [
        interpreter.run(
            task.reference, row[:base], row[base:], base=base, steps=task.steps,
            halting=task.machine.halting, mod_by_zero=task.machine.mod_by_zero,
        )
        for row in rows.tolist()
    ]
    return Examples(
        rows[:, :base], rows[:, base:],
        np.array([outcome.memory for outcome in outcomes]), np.array([outcome.registers for outcome in outcomes]),
    )


def _from_table(task: Task, indices: Sequence[int] | np.ndarray, rng: np.random.Generator) -> Examples:
    """The examples in these rows of the table; start words it does not give are drawn."""
    assert task.table is not None
    base = task.sizes.base
    drawn = _draw(task, rng, len(indices), _start_words, distinct=False)
    given = task.table.start[indices]
    start = np.where(given >= 0, given, drawn)
    final = task.table.final[indices]
    return Examples(start[:, :base], start[:, base:], final[:, :base], final[:, base:])

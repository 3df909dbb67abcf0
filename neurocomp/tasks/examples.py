"""Examples of a task: those that restarts train on, and those that are held out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from neurocomp.language import interpreter
from neurocomp.language.executor import encode, execute
from neurocomp.limits.estimates import TEST, VALIDATION
from neurocomp.seeding import SHARED, generator
from neurocomp.tasks.inputs import ENOUGH, Key, known_inputs, variety
from neurocomp.tasks.task import Examples, Task

FRESH_BLOCK = 50  # updates whose fresh examples are drawn at a time
TABULATED = 64  # values of a word up to which the executor makes examples


class HeldOut(NamedTuple):
    """The examples that all restarts are judged on: validation decides when to stop, test is used once at the end."""

    validation: Examples
    test: Examples
    coverage: float  # the share of all start states that `test` holds; of a file's inputs, where the task is a file
    general: Examples | None
    inputs: frozenset[Hashable]  # training examples are drawn apart from these; empty where inputs are few
    tested: tuple[Key, ...] = ()  # the words that matter of each test input


def training_examples(
    task: Task, held_out: HeldOut, seed: int, restart: int, count: int, stream: str = "train"
) -> Examples:
    """The examples that one restart trains on; they depend on (seed, restart, stream) alone."""
    rng = generator(seed, restart, stream)
    if task.table:
        rows = task.table.training(seed)
        chosen = rng.choice(rows, size=count, replace=count > len(rows))
        return _from_table(task, chosen, rng)
    return _solve(task, _draw(task, rng, count, _apart_from(task, held_out.inputs)))


def fresh_examples(
    task: Task, held_out: HeldOut, seed: int, restart: int, count: int, stream: str, block: int
) -> Examples:
    """The examples of FRESH_BLOCK updates of a restart, `count` for each, where they are drawn anew at every update."""
    return training_examples(task, held_out, seed, restart, count * FRESH_BLOCK, f"{stream} {block}")


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
    identities = _identities(task)
    apart = task.inputs >= ENOUGH
    everything = task.inputs <= TEST
    test = _all_inputs(task) if everything else _draw(task, rng, TEST, _distinct(identities))
    tested = frozenset(identities(test)) if apart else frozenset[Hashable]()
    validation = _draw(task, rng, min(VALIDATION, task.inputs), _distinct(identities, tested))
    general = None
    if task.general:
        count = min(TEST, task.general.inputs)
        of_general = generator(seed, SHARED, "general")
        general = _solve(task.general, _draw(task.general, of_general, count, _distinct(_start_words)))
    test_examples = _solve(task, test)
    return HeldOut(
        validation=_solve(task, validation),
        test=test_examples,
        coverage=len(test) / task.inputs,
        general=general,
        inputs=tested | frozenset(identities(validation)) if apart else frozenset(),
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
    """The words that tell each example's input apart: the start words that the reference reads, or the file gives."""
    starts = _starts(examples)
    if reads := task.reads:
        return reads.keys(starts)
    assert task.table is not None
    return [tuple([(place, start[place]) for place in task.table.given]) for start in starts]


def _starts(examples: Examples) -> list[list[int]]:
    """The start words of each example: memory cells, then registers."""
    return np.concatenate([examples.memory, examples.registers], axis=1).tolist()


def count_trained_tests(held_out: HeldOut, trained: Iterable[Examples]) -> int:
    """How many of the test inputs are among the inputs of these examples, in the words that matter."""
    known = known_inputs(held_out.tested)
    keys = {known.key(start) for examples in trained for start in _starts(examples)}
    return sum(key in keys for key in held_out.tested)


def few_inputs(task: Task, counted: bool = True) -> str | None:
    """A line that says that test examples may have been trained on; None where they cannot have been.

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


Identities = Callable[[np.ndarray], Sequence[Hashable]]
"""The keys of start states [N, A + R]: inputs are apart if their keys differ."""

Taken = Callable[[np.ndarray], Sequence[int] | slice]
"""Which rows of drawn start states are taken, by their places."""


def _draw(task: Task, rng: np.random.Generator, count: int, taken: Taken) -> np.ndarray:
    """`count` start states [N, A + R], uniform over the ranges, of those that are taken.

    It ends. Sets are apart in what is read only where a sixteenth of all that is drawn is never held out (`variety`);
    as start states they are apart only where half of these are not.
    """
    lows = np.array([low for low, _ in task.ranges])
    highs = np.array([high for _, high in task.ranges])
    drawn = np.empty((0, len(lows)), dtype=np.int64)
    while len(drawn) < count:
        rows = rng.integers(lows, highs + 1, size=(count, len(lows)))
        drawn = np.concatenate([drawn, rows[taken(rows)]])[:count]
    return drawn


def _any(rows: np.ndarray) -> slice:
    return slice(None)


def _distinct(identities: Identities, apart_from: frozenset[Hashable] = frozenset()) -> Taken:
    """No two alike, and none like these."""
    seen = set(apart_from)

    def taken(rows: np.ndarray) -> list[int]:
        places: list[int] = []
        for place, key in enumerate(identities(rows)):
            if key not in seen:
                seen.add(key)
                places.append(place)
        return places

    return taken


def _apart_from(task: Task, inputs: frozenset[Hashable]) -> Taken:
    """None of these inputs; two may be alike."""
    if not inputs:
        return _any
    if task.apart_in_reads:
        known = known_inputs(cast("frozenset[Key]", inputs))
        return lambda rows: [place for place, start in enumerate(rows.tolist()) if known.key(start) is None]
    return lambda rows: [place for place, key in enumerate(_start_words(rows)) if key not in inputs]


def _start_words(rows: np.ndarray) -> list[bytes]:
    """All start words tell inputs apart."""
    data, length = rows.tobytes(), rows.itemsize * rows.shape[1]
    return [data[place : place + length] for place in range(0, len(data), length)]


def _identities(task: Task) -> Identities:
    if task.apart_in_reads and (reads := task.reads):
        return lambda rows: reads.keys(rows.tolist())
    return _start_words


def _solve(task: Task, rows: np.ndarray) -> Examples:
    """The examples whose starts are `rows`, with the words that the reference program leaves.

    The executor runs it; on the first example the interpreter does too. Raises RuntimeError where they disagree. Its
    tables of what opcodes compute would take longer than the runs where words have many values.
    """
    assert task.reference is not None
    if task.sizes.base > TABULATED:
        return _interpreted(task, rows)
    memory, registers = rows[:, : task.sizes.base], rows[:, task.sizes.base :]
    final = execute(encode([task.reference], len(task.reference)), memory, registers, **_rules(task))
    solved, exact = Examples(memory, registers, final.memory[0], final.registers[0]), _interpreted(task, rows[:1])
    if any((words[:1] != expected).any() for words, expected in zip(solved, exact, strict=True)):
        raise RuntimeError(f"task {task.name}: executor and interpreter disagree on what its program leaves")
    return solved


def _interpreted(task: Task, rows: np.ndarray) -> Examples:
    """The same, by the interpreter alone."""
    assert task.reference is not None
    base, rules = task.sizes.base, _rules(task)
    outcomes = [interpreter.run(task.reference, row[:base], row[base:], **rules) for row in rows.tolist()]
    memory, registers = (np.array(words) for words in zip(*(outcome[:2] for outcome in outcomes), strict=True))
    return Examples(rows[:, :base], rows[:, base:], memory, registers)


def _rules(task: Task) -> dict[str, Any]:
    """How the reference runs, for the executor and the interpreter; its jumps are to labels in every reading."""
    readings = {"halting": task.machine.halting, "mod_by_zero": task.machine.mod_by_zero}
    return {"base": task.sizes.base, "steps": task.steps, **readings}


def _from_table(task: Task, indices: Sequence[int] | np.ndarray, rng: np.random.Generator) -> Examples:
    """The examples in these rows of the table; start words it does not give are drawn."""
    assert task.table is not None
    base = task.sizes.base
    drawn = _draw(task, rng, len(indices), _any)
    given = task.table.start[indices]
    start = np.where(given >= 0, given, drawn)
    final = task.table.final[indices]
    return Examples(start[:, :base], start[:, base:], final[:, :base], final[:, base:])

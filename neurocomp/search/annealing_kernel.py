"""The steps of annealing between two fresh programs in one compiled call; `tests/readable_annealing.py` is its meaning.

The kernel changes one program in place and takes back what is not accepted. Its random numbers are those of a NumPy
generator, one after the other, so they do not depend on how many steps a call makes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from neurocomp.jit import compiled, kernel
from neurocomp.language import executor
from neurocomp.language.executor import COMPUTE, HALT, JUMP, READ, WRITE
from neurocomp.machine_config import Sizes
from neurocomp.search.local_search import TWO_CHANGES
from neurocomp.search.space import FIELDS, bounds, fields_in_order, used_fields
from neurocomp.tasks.outcomes import expected_words
from neurocomp.tasks.task import Examples, Task

RIGHT, MOST = 0, 1  # in `counts`: the words that the current program leaves right, and the best one


class Checks(NamedTuple):
    """Examples as the kernel takes them: start words, registers first, and the words that a right program leaves."""

    start: np.ndarray  # [N, R + A]
    expected: np.ndarray  # [N, C]


class Machine(NamedTuple):
    """What programs run on, and what may be changed in them."""

    kinds: np.ndarray  # [O]
    table: np.ndarray  # [O, b, b]
    checked: np.ndarray  # [C], places among the R + A words
    bounds: np.ndarray  # [5]: how many values each field can have
    fields: np.ndarray  # [O, 5]: the fields that an opcode uses, then the others
    used: np.ndarray  # [O]: how many it uses
    registers: int
    steps: int
    freeze: bool
    by_value: bool


class State(NamedTuple):
    """Where a restart is; the kernel changes these arrays."""

    code: np.ndarray  # [L, 5]
    best: np.ndarray  # [L, 5]: the first of the programs that leave the most words right
    counts: np.ndarray  # [2]: RIGHT of `code`, MOST of `best`
    words: np.ndarray  # [R + A], scratch

    @classmethod
    def of(cls, sizes: Sizes) -> State:
        """Before the first program."""
        code = np.zeros((sizes.lines, len(FIELDS)), np.int64)
        words = np.zeros(sizes.registers + sizes.base, np.int64)
        return cls(code, code.copy(), np.array([-1, -1]), words)


def machine_of(task: Task) -> Machine:
    """The machine of a task."""
    sizes, reading = task.sizes, task.machine
    kinds, table = executor.meaning(sizes.base, reading.mod_by_zero)
    cells = [sizes.registers + cell for cell in task.checked_memory]
    return Machine(
        kinds,
        table,
        np.array([*cells, *task.checked_registers]),
        bounds(sizes),
        fields_in_order(reading.jump_target),
        used_fields(reading.jump_target).sum(1),
        sizes.registers,
        task.steps,
        reading.halting == "freeze",
        reading.jump_target == "value",
    )


def checks_of(examples: Examples | None, task: Task) -> Checks:
    """The examples as the kernel takes them; without any, every program is right."""
    if examples is None:
        return Checks(np.empty((0, sum(task.sizes[:2])), np.int64), np.empty((0, 1), np.int64))
    start = np.concatenate([examples.registers, examples.memory], axis=1)
    return Checks(np.ascontiguousarray(start, np.int64), np.ascontiguousarray(expected_words(examples, task), np.int64))


def chances(words: int, temperature: float) -> np.ndarray:
    """The probability to accept a program that leaves 0, 1, 2, ... words fewer right [W + 1]: exp(-fewer / degrees).

    `temperature` is the share of the `words` that is one degree. At 0 no worse program is accepted.
    """
    degrees = temperature * words
    return np.array([1.0] + [math.exp(-fewer / degrees) if degrees else 0.0 for fewer in range(1, words + 1)])


@functools.cache
def steps() -> Callable[..., tuple[int, bool]]:
    """`_steps`, compiled."""
    numbers, table = numba.int64[::1], numba.int64[:, ::1]
    whole, truth = numba.int64, numba.boolean
    checks = numba.types.NamedTuple((table, table), Checks)
    machine = numba.types.NamedTuple(
        (numbers, numba.int64[:, :, ::1], numbers, numbers, table, numbers, whole, whole, truth, truth), Machine
    )
    state = numba.types.NamedTuple((table, table, numbers, numbers), State)
    types = (whole, state, numba.types.npy_rng, numba.float64[::1], machine, checks, checks)
    return compiled(_steps, types, (Path(__file__), Path(executor.__file__)))


def _steps(most, state, rng, chances, machine, training, validation):
    """Make at most `most` steps; return how many were made, and whether the last one found a right program."""
    code, best, counts, _ = state
    words = len(training.expected) * len(machine.checked)
    for made in range(most):
        line, field, before = _change(code, rng, machine)
        other_line, other_field, other_before = line, field, code[line, field]
        if rng.random() < TWO_CHANGES:
            other_line, other_field, other_before = _change(code, rng, machine)
        # The random number that accepts is drawn before the program runs: then it is known how many words may be
        # wrong, and a run over the examples ends with the first word too many.
        chance, fewer = rng.random(), 0
        while fewer < words and chance < chances[fewer + 1]:
            fewer += 1
        may_be_wrong = words - counts[RIGHT] + fewer
        wrong = _wrong_words(code, machine, training, state.words, may_be_wrong)
        if wrong > may_be_wrong:
            code[other_line, other_field] = other_before
            code[line, field] = before
            continue
        counts[RIGHT] = words - wrong
        if counts[RIGHT] > counts[MOST]:
            counts[MOST] = counts[RIGHT]
            for i in range(len(code)):
                for j in range(code.shape[1]):
                    best[i, j] = code[i, j]
        if not wrong and not _wrong_words(code, machine, validation, state.words, 0):
            return made + 1, True
    return most, False


@kernel
def _change(code, rng, machine):
    """Give one field that its opcode uses another value (`space.changed`); return its line, its place, its value."""
    line = int(rng.random() * len(code))
    opcode = code[line, 0]
    field = machine.fields[opcode, int(rng.random() * machine.used[opcode])]
    before, high = code[line, field], machine.bounds[field]
    code[line, field] = (before + 1 + int(rng.random() * max(high - 1, 1))) % high
    return line, field, before


@kernel
def _wrong_words(code, machine, checks, w, most):
    """How many words the program leaves wrong on these examples; the count ends with the first above `most`."""
    wrong = 0
    for n in range(len(checks.start)):
        for i in range(len(w)):
            w[i] = checks.start[n, i]
        _run(code, machine, w)
        for c in range(len(machine.checked)):
            wrong += w[machine.checked[c]] != checks.expected[n, c]
        if wrong > most:
            break
    return wrong


@kernel
def _run(code, machine, w):
    """Run a program [L, 5] on the words w [R + A] of registers and memory, as the executor does."""
    lines, cells, counter = len(code), machine.registers, 0
    kinds, table = machine.kinds, machine.table
    for _ in range(machine.steps):
        opcode, first, second = code[counter, 0], code[counter, 1], code[counter, 2]
        third, target = code[counter, 3], code[counter, 4]
        counter += 1
        kind = kinds[opcode]
        if kind == COMPUTE:
            w[third] = table[opcode, w[first], w[second]]
        elif kind == READ:
            w[third] = w[cells + w[first]]
        elif kind == WRITE:
            w[cells + w[first]] = w[second]
        elif kind == JUMP:
            if w[first] == 0:
                counter = w[second] if machine.by_value else target
        elif kind == HALT and machine.freeze:
            break
        if counter >= lines:
            counter %= lines

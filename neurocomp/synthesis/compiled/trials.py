"""What programs do on a task's examples, for thousands of them in one compiled call."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from neurocomp.language.executor import COMPUTE, meaning
from neurocomp.language.executor import HALT as EXECUTOR_HALT
from neurocomp.language.executor import JUMP as EXECUTOR_JUMP
from neurocomp.language.executor import READ as EXECUTOR_READ
from neurocomp.language.executor import WRITE as EXECUTOR_WRITE
from neurocomp.synthesis.compiled import code_kernel, trials_kernel
from neurocomp.synthesis.compiled.functions import compiled_for
from neurocomp.synthesis.compiled.space import ARRAYS, Space
from neurocomp.synthesis.compiled.trials_kernel import (
    ADD,
    HALT,
    JUMP,
    LARGEST,
    LARGEST_MOD,
    MAX,
    MIN,
    MOD,
    MOST_LINES,
    NOTHING,
    PLUS,
    READ,
    SUB,
    TABLE,
    WRITE,
    Apart,
    Machine,
    Trials,
)
from neurocomp.synthesis.score import behaviors, loops_in, score
from neurocomp.tasks.outcomes import checked_words, expected_words, right_words
from neurocomp.tasks.task import Examples, Task
from neurocomp.tasks.verification import run


class Trying:
    """A task's machine and examples, laid out for the kernel."""

    def __init__(self, task: Task, examples: Examples):
        self.task, self.examples = task, examples
        wanted = expected_words(examples, task)
        self.count = len(wanted)
        self.due = (wanted != checked_words(examples.memory, examples.registers, task)).any(0)
        self.fits = task.sizes.base <= LARGEST and task.sizes.lines <= MOST_LINES
        if self.fits:
            self.kernels = kernels()  # compiles them, unless that is done already
            self.machine = self._machine(wanted)

    def _machine(self, wanted: np.ndarray) -> Machine:
        task, base = self.task, self.task.sizes.base
        kinds, table = meaning(base, task.machine.mod_by_zero)
        actions = np.array([_action(kind, results, base) for kind, results in zip(kinds, table, strict=True)])
        begin = np.arange(len(table)) * base * base
        of_zero = np.where(table[:, 1, 0] == 1, -1, 0)  # 1 mod 0
        constants = np.select([actions == PLUS, actions == MOD], [table[:, 0, 0], of_zero], begin).astype(np.uint64)
        start = np.hstack([self.examples.memory, self.examples.registers])
        places = [*task.checked_memory, *(base + register for register in task.checked_registers)]
        return Machine(
            actions, constants, table.ravel().astype(np.uint8), _eights(start), np.array(places, np.int64),
            _eights(wanted), _eights(np.ones((self.count, 1)), 0)[0], self.due, base, task.steps,
            task.machine.halting == "freeze",
        )  # fmt: skip

    def of_programs(self, space: Space, programs: np.ndarray) -> Trials:
        """Run programs [K] of a space on all examples."""
        if not self.fits:
            return self.of_code(space.code(programs))
        count, start, lines = len(programs), self.machine.start, self.task.sizes.lines
        trials = Trials(*(np.zeros(count, kind) for kind in (np.int64, np.int64, np.int64, np.bool_, np.uint64)))
        eights, apart = np.zeros(start.size, np.uint64), Apart(*np.zeros((3, start.shape[1]), np.uint64))
        self.kernels.try_programs(
            *space.arrays(programs), self.machine, np.zeros((1, lines, 6), np.int64), *space.stacks(), eights,
            eights.view(np.uint8), apart, trials,
        )  # fmt: skip
        return trials

    def of_code(self, code: np.ndarray) -> Trials:
        """The same for code [K, L, 5], by the executor: for sizes above a byte, and for code that no space made."""
        final, task = run(code, self.examples, self.task), self.task
        right = right_words(final, self.examples, task)
        start = checked_words(self.examples.memory, self.examples.registers, task)
        changed = (checked_words(final.memory, final.registers, task) != start).any(1) & self.due
        keys = np.array([int.from_bytes(key[:8], "little") for key in behaviors(final, task)], np.uint64)
        return Trials(right.sum((1, 2)), right.all(2).sum(1), changed.sum(1), loops_in(code), keys)

    def scores(self, trials: Trials) -> np.ndarray:
        """How promising each program is [K], see `score.scores`."""
        places, due = len(self.due), self.due.sum()
        changed = trials.changed / due if due else np.ones(len(trials.changed))
        return score(trials.right / (places * self.count), trials.whole / self.count, changed, trials.loops, places)


class Behaviors:
    """A set of behaviors, each known by 63 bits of a hash: of 10^7, two are taken for one with a chance of 10^-5."""

    def __init__(self):
        self.seen, self.count = np.zeros(1 << 12, np.uint64), 0

    def put(self, hashes: np.ndarray) -> np.ndarray:
        """Add behaviors [K]; says which were not there [K]."""
        put, new = kernels().put, np.zeros(len(hashes), np.bool_)
        if 2 * (self.count + len(hashes)) > len(self.seen):
            known = self.seen[self.seen != 0]
            self.seen = np.zeros(4 * max(len(self.seen), len(hashes)), np.uint64)
            put(self.seen, known, np.zeros(len(known), np.bool_))
        self.count += put(self.seen, hashes, new)
        return new


def _eights(words: np.ndarray, fill: int | None = None) -> np.ndarray:
    """The words [N, places] of examples as integers of eight [places, W]; the last are filled with the first example's
    words, or with `fill`."""
    missing = -len(words) % 8
    filled = np.tile(words[:1], (missing, 1)) if fill is None else np.full((missing, words.shape[1]), fill)
    return np.ascontiguousarray(np.concatenate([words, filled]).T.astype(np.uint8)).view(np.uint64)


def _action(kind: int, results: np.ndarray, base: int) -> int:
    """What the kernel does for an opcode of this kind whose results are these [b, b]."""
    if kind != COMPUTE:
        return {EXECUTOR_READ: READ, EXECUTOR_WRITE: WRITE, EXECUTOR_JUMP: JUMP, EXECUTOR_HALT: HALT}.get(kind, NOTHING)
    x, y = np.indices((base, base))
    known = {ADD: x + y, SUB: x - y, MIN: np.minimum(x, y), MAX: np.maximum(x, y), PLUS: x + results[0, 0]}
    if 1 < base <= LARGEST_MOD:
        known[MOD] = np.where(y, x % np.maximum(y, 1), x if results[1, 0] else 0)
    return next((action for action, words in known.items() if (words % base == results).all()), TABLE)


class Kernels(NamedTuple):
    try_programs: Callable[..., None]
    put: Callable[..., int]


@functools.cache
def kernels() -> Kernels:
    """The kernels, compiled for arrays of these types."""
    flags, hashes, bytes_ = np.zeros(1, bool), np.zeros(1, np.uint64), np.zeros(1, np.uint8)
    eights = np.zeros((1, 1), np.uint64)
    ints, rows, code = np.zeros(1, np.int64), np.zeros(1, np.int32), np.zeros((1, 1, 6), np.int64)
    machine = Machine(ints, hashes, bytes_, eights, ints, eights, hashes, flags, 0, 0, True)
    apart, trials = Apart(hashes, hashes, hashes), Trials(ints, ints, ints, flags, hashes)
    given = (*ARRAYS, machine, code, rows, ints, hashes, bytes_, apart, trials)
    return Kernels(
        compiled_for(trials_kernel.try_programs, given), compiled_for(code_kernel.put, (hashes, hashes, flags))
    )

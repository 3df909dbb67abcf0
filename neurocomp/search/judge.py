"""The judgment of searched programs, and the search that tries programs in a given order until one is accepted."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neurocomp.language.assembly import Program
from neurocomp.language.executor import decode
from neurocomp.tasks.outcomes import expected_words, right_words
from neurocomp.tasks.task import Examples, Task
from neurocomp.tasks.verification import holds, run


class Searched(NamedTuple):
    """The program that a search ended with: `fit` if it is right on the training examples, `found` if it was accepted.

    `programs` counts those executed on the training examples up to this one, not those that its block ran after it.
    `seconds` is the wall time of this restart's search, `core_seconds` what a core computed for it, where that was
    measured. `cut` says what ended it before its time: "limit", or "died" of its process; "" if nothing did. A solver
    says what is `proved`, and in how many fields of the start the program differs.
    """

    program: Program
    fit: bool
    found: bool
    programs: int
    seconds: float = 0.0
    core_seconds: float | None = None
    cut: str = ""
    proved: str = ""
    fields_changed: int | None = None


@dataclass(frozen=True, eq=False)
class Judge:
    """The examples of one search. A program is accepted if it is right on `training` and on `validation`.

    Without `validation` (None), a program that is right on `training` is accepted.
    """

    task: Task
    training: Examples
    validation: Examples | None

    @property
    def words(self) -> int:
        """How many words a right program leaves on the training examples."""
        return expected_words(self.training, self.task).size

    def right(self, code: np.ndarray) -> np.ndarray:
        """How many of these `words` each of the programs [P, L, 5] leaves right [P]."""
        return count_right(code, self.training, self.task)

    def holds(self, code: np.ndarray) -> np.ndarray:
        """Whether each of the programs [P, L, 5] is right on all validation examples [P].

        Searches do not count these executions.
        """
        if self.validation is None:
            return np.ones(len(code), dtype=bool)
        return holds(code, self.validation, self.task)


def count_right(code: np.ndarray, examples: Examples, task: Task) -> np.ndarray:
    """How many checked words each of the programs [P, L, 5] leaves right [P], summed over all examples.

    The programs share the examples [N, ...], or each has its own [P, N, ...].
    """
    return right_words(run(code, examples, task), examples, task).sum((1, 2))


def first_right(blocks: Iterable[np.ndarray], judge: Judge, limit: float | None = None) -> Searched:
    """The first program that is accepted; without one, the first of those that leave the most words right.

    `blocks` of programs [P, L, 5] are executed one after the other until a program is accepted, or until this thread
    has been on a core for `limit` seconds.
    """
    most, best, seen, jump_target, cut = -1, np.empty(0), 0, judge.task.machine.jump_target, ""
    began = time.thread_time()

    def ended(program: np.ndarray, fit: bool, found: bool, programs: int) -> Searched:
        return Searched(
            decode(program, jump_target), fit, found, programs, core_seconds=time.thread_time() - began, cut=cut
        )

    for code in blocks:
        if limit is not None and seen and time.thread_time() - began >= limit:
            cut = "limit"
            break
        right = judge.right(code)
        fits = np.flatnonzero(right == judge.words)
        accepted = fits[judge.holds(code[fits])]
        if len(accepted):
            return ended(code[accepted[0]], True, True, seen + int(accepted[0]) + 1)
        if right.max() > most:
            most, best = right.max(), code[right.argmax()]
        seen += len(code)
    return ended(best, bool(most == judge.words), False, seen)

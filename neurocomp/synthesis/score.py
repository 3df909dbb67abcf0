"""How much of the examples a program explains: the words it leaves against those that a right program leaves."""

from __future__ import annotations

import hashlib

import numpy as np

from neurocomp.language.executor import Final
from neurocomp.language.isa import COLUMN
from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.tasks.outcomes import checked_words, expected_words, right_words
from neurocomp.tasks.task import Examples, Task


def scores(final: Final, loops: np.ndarray, examples: Examples, task: Task) -> np.ndarray:
    """How promising programs are [P]: 1 where all checked words are right, else at most 0.999, a sum of three parts.

    0.7 x the share of the checked words that are right, 0.1 x the share of the examples that are wholly right, 0.2 x
    structure: among the checked places that have to change in some example, the share of those that do. Structure
    counts half for a program without a loop (`loops` [P]) where several places are checked, because its changes in
    one place have nothing to do with the others.
    """
    right = right_words(final, examples, task)
    words, whole = right.mean((1, 2)), right.all(2).mean(1)
    start = checked_words(examples.memory, examples.registers, task)
    due = (expected_words(examples, task) != start).any(0)
    changed = (checked_words(final.memory, final.registers, task) != start).any(1)
    structure = (changed & due).sum(1) / due.sum() if due.any() else np.ones(len(words))
    return score(words, whole, structure, loops, len(due))


def score(words: np.ndarray, whole: np.ndarray, changed: np.ndarray, loops: np.ndarray, places: int) -> np.ndarray:
    """The score [P] from the shares [P] of `scores` and the number of checked places."""
    structure = changed * np.where(loops | (places == 1), 1, 0.5)
    near = np.minimum(0.7 * words + 0.1 * whole + 0.2 * structure, 0.999)
    return np.where(words == 1, 1.0, near)


def behaviors(final: Final, task: Task) -> list[bytes]:
    """A key [16 bytes] for the behavior of each program: the words that it leaves in the checked places."""
    words = checked_words(final.memory, final.registers, task).astype(np.int32)
    rows = words.reshape(len(words), -1)
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]


def loops_in(code: np.ndarray) -> np.ndarray:
    """Which programs jump back [P]. A jump to its own line only ends a program; it is no loop."""
    back = code[..., COLUMN.target] < np.arange(code.shape[1])
    return ((code[..., COLUMN.opcode] == OPCODE["jump"]) & back).any(1)

"""How much of the examples a program explains: the words it leaves against those that a right program leaves."""

from __future__ import annotations

import numpy as np

from neurocomp.language.executor import Final
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
    structure = structure * np.where(loops | (len(due) == 1), 1, 0.5)
    near = np.minimum(0.7 * words + 0.1 * whole + 0.2 * structure, 0.999)
    return np.where(words == 1, 1.0, near)

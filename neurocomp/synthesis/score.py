"""How much of the examples a program explains: the words that it leaves against those that a right program leaves.

Only checked cells and registers count, and only their words that are known (-1 in an example is not known).
"""

from __future__ import annotations

import numpy as np

from neurocomp.language.executor import Final
from neurocomp.tasks.task import Examples, Task


def checked_words(memory: np.ndarray, registers: np.ndarray, task: Task) -> np.ndarray:
    """The words [..., C] that count, of memory [..., A] and registers [..., R]: cells first, then registers."""
    return np.concatenate([memory[..., list(task.checked_memory)], registers[..., list(task.checked_registers)]], -1)


def expected_words(examples: Examples, task: Task) -> np.ndarray:
    """The checked words that a right program leaves [N, C]; -1 where a word is not known."""
    return checked_words(examples.final_memory, examples.final_registers, task)


def right_words(final: Final, examples: Examples, task: Task) -> np.ndarray:
    """Which checked words are right [P, N, C]; where none is known, any word is right."""
    expected = expected_words(examples, task)
    return (checked_words(final.memory, final.registers, task) == expected) | (expected < 0)


def explained(final: Final, examples: Examples, task: Task) -> np.ndarray:
    """The share of the known words that are right [P]; 1 where nothing is known."""
    known = expected_words(examples, task) >= 0
    right = (right_words(final, examples, task) & known).sum((1, 2))
    return right / known.sum() if known.any() else np.ones(len(right))


def scores(final: Final, loops: np.ndarray, examples: Examples, task: Task) -> np.ndarray:
    """How promising programs are [P]: 1 where all known words are right, else at most 0.999, a sum of three parts.

    0.7 x the share of the known words that are right, 0.1 x the share of the examples that are wholly right, 0.2 x
    structure: among the checked places that have to change in some example, the share of those that do. Structure
    counts half for a program without a loop (`loops` [P]) where several places are checked, because its changes in
    one place have nothing to do with the others.
    """
    words = explained(final, examples, task)
    whole = right_words(final, examples, task).all(2).mean(1)
    start = checked_words(examples.memory, examples.registers, task)
    expected = expected_words(examples, task)
    due = ((expected >= 0) & (expected != start)).any(0)
    changed = (checked_words(final.memory, final.registers, task) != start).any(1)
    structure = (changed & due).sum(1) / due.sum() if due.any() else np.ones(len(words))
    structure = structure * np.where(loops | (len(due) == 1), 1, 0.5)
    near = np.minimum(0.7 * words + 0.1 * whole + 0.2 * structure, 0.999)
    return np.where(words == 1, 1.0, near)

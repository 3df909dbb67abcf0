"""The words that a right program leaves: which words count, and whether a program left them.

The memory cells and registers that the task checks count, and nothing else. Every example says what they are to be: a
reference leaves all words, and a file of examples has a column for each word that is checked.
"""

from __future__ import annotations

import numpy as np

from neurocomp.language.executor import Final
from neurocomp.tasks.task import Examples, Task


def checked_words(memory: np.ndarray, registers: np.ndarray, task: Task) -> np.ndarray:
    """The words [..., C] that count, of memory [..., A] and registers [..., R]: cells first, then registers."""
    return np.concatenate([memory[..., list(task.checked_memory)], registers[..., list(task.checked_registers)]], -1)


def expected_words(examples: Examples, task: Task) -> np.ndarray:
    """The words that a right program leaves there [N, C], or [P, N, C] where each program has its own examples."""
    return checked_words(examples.final_memory, examples.final_registers, task)


def right_words(final: Final, examples: Examples, task: Task) -> np.ndarray:
    """Whether each program left each of these words right [P, N, C]."""
    return checked_words(final.memory, final.registers, task) == expected_words(examples, task)

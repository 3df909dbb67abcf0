"""Words as a learner reads and says them: bits, so that larger bases and longer lists have an encoding too.

A sequence has a token for each start word, memory cells first, then registers, and after these a token for each word
that is asked for. A token is the word's bits (none of a question), the bits of its place (cell or register), and which
of the four it is: a cell, a register, a question for a cell, a question for a register.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from neurocomp.shapes import Bool, Float, Tensor
from neurocomp.tasks.task import Examples, Task

KINDS = 4
CELL, REGISTER, CELL_ASKED, REGISTER_ASKED = range(KINDS)


class Alphabet(NamedTuple):
    """How many bits words and places have; enough for the task's own sizes and for its general ones."""

    word: int
    place: int

    @property
    def token(self) -> int:
        """F: how many numbers a token has."""
        return self.word + self.place + KINDS


class Questions(NamedTuple):
    """What a learner is asked of N examples: tokens, the C last of which are questions, and the bits of the answers.

    A word that need not be right (a file of examples does not give it) is not `asked`.
    """

    tokens: Float[Tensor, "N S F"]
    bits: Float[Tensor, "N C word"]
    asked: Bool[Tensor, "N C"]


def alphabet_of(task: Task) -> Alphabet:
    """The alphabet in which all words and places of a task can be said."""
    sizes = [each.sizes for each in (task, task.general) if each]
    words = max(each.base for each in sizes)
    places = max(words, *(each.registers for each in sizes))
    return Alphabet(_bits(words), _bits(places))


def _bits(count: int) -> int:
    """How many bits tell `count` numbers apart."""
    return max(1, (count - 1).bit_length())


def questions(task: Task, examples: Examples, alphabet: Alphabet) -> Questions:
    """What a learner is asked of these examples of the task; `task` may be a task's general one."""
    given = [
        _tokens(examples.memory, np.arange(task.sizes.base), CELL, alphabet),
        _tokens(examples.registers, np.arange(task.sizes.registers), REGISTER, alphabet),
    ]
    answers = []
    for final, places, kind in (
        (examples.final_memory, task.checked_memory, CELL_ASKED),
        (examples.final_registers, task.checked_registers, REGISTER_ASKED),
    ):
        if places:
            words = final[:, list(places)]
            answers.append(words)
            given.append(_tokens(np.zeros_like(words), np.array(places), kind, alphabet))
    words = np.concatenate(answers, axis=1)
    return Questions(
        torch.from_numpy(np.concatenate(given, axis=1)),
        torch.from_numpy(_as_bits(np.maximum(words, 0), alphabet.word)),
        torch.from_numpy(words >= 0),
    )


def _tokens(words: np.ndarray, places: np.ndarray, kind: int, alphabet: Alphabet) -> np.ndarray:
    """The tokens [N, S, F] of words [N, S] at these places [S]."""
    where = np.concatenate([_as_bits(places, alphabet.place), np.eye(KINDS, dtype=np.float32)[[kind] * len(places)]], 1)
    return np.concatenate([_as_bits(words, alphabet.word), np.broadcast_to(where, (len(words), *where.shape))], axis=2)


def _as_bits(numbers: np.ndarray, count: int) -> np.ndarray:
    """Each number as `count` bits, the lowest first."""
    return ((numbers[..., None] >> np.arange(count)) & 1).astype(np.float32)

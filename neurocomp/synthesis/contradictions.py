"""Examples that no program explains: the same start with different final words."""

from __future__ import annotations

import numpy as np

from neurocomp.config import UserError
from neurocomp.synthesis.score import checked_words, expected_words
from neurocomp.tasks import Examples, Task


def check_examples(task: Task, examples: Examples) -> None:
    """Raise UserError if two rows of the task's file, or two of the examples, contradict each other.

    In a file the words that it gives are the start; words that are drawn for it decide nothing.
    """
    places = [f"m{cell}" for cell in task.checked_memory] + [f"r{index}" for index in task.checked_registers]
    if task.table:
        base = task.sizes.base
        final = checked_words(task.table.final[:, :base], task.table.final[:, base:], task)
        if found := _contradiction(task.table.start, final):
            one, other, place = found  # the header is row 1 of the file
            raise UserError(_message(f"task {task.name}: rows {one + 2} and {other + 2}", places[place]))
    start = np.concatenate([examples.memory, examples.registers], axis=1)
    if found := _contradiction(start, expected_words(examples, task)):
        one, other, place = found
        raise UserError(_message(f"task {task.name}: examples {one} and {other} (counted from 0)", places[place]))


def _contradiction(start: np.ndarray, final: np.ndarray) -> tuple[int, int, int] | None:
    """Two rows with the same start but different final words, and the place where these differ; -1 is no word."""
    first: dict[bytes, tuple[int, list[int]]] = {}
    for row, (words, ends) in enumerate(zip(np.ascontiguousarray(start), final.tolist(), strict=True)):
        earlier, known = first.setdefault(words.tobytes(), (row, list(ends)))
        for place, word in enumerate(ends):
            if word >= 0 and known[place] >= 0 and word != known[place]:
                return earlier, row, place
            known[place] = max(known[place], word)
    return None


def _message(rows: str, place: str) -> str:
    return f"{rows} contradict each other: the same start, but different final words in {place}"

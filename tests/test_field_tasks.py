"""The tasks access, swap, list_k and reverse on memories that were worked by hand, by interpreter and executor."""

from __future__ import annotations

import numpy as np
import pytest

from neurocomp.language import interpreter
from neurocomp.language.executor import encode
from neurocomp.tasks.task import Examples, Task
from neurocomp.tasks.verification import run
from tests.test_tasks import load, shipped

# Memory before, and the checked cells after. Of list_k: the nodes 2 -> 3 -> 1 with the values 4, 0, 6, k behind them;
# a node that is its own next; a circle of two. In the larger ones the first node is 4, and 4 -> 1 -> 3 -> 2.
BY_HAND = {
    "access": [
        ("3 5 0 6 2 1 4 7", {0: 6}), ("1 5 0 6 2 1 4 7", {0: 5}), ("7 5 0 6 2 1 4 2", {0: 2}),
    ],
    "swap": [
        ("4 2 5 1 3 0", {2: 3, 3: 1, 4: 5, 5: 0}), ("2 5 5 1 3 0", {2: 0, 3: 1, 4: 3, 5: 5}),
        ("3 3 5 1 2 0", {2: 5, 3: 1, 4: 2, 5: 0}),
    ],
    "list_k": [
        ("2 2 3 1 1 6 4 0", {0: 4}), ("2 2 3 1 2 6 4 0", {0: 0}), ("2 2 3 1 3 6 4 0", {0: 6}),
        ("1 1 3 2 3 5 0 7", {0: 5}), ("3 1 3 2 3 5 0 7", {0: 7}),
    ],
    "reverse": [("3 5 2 0 7 1 6 4", {3: 2, 4: 5, 5: 3}), ("0 0 7 1 1 1 1 1", {3: 7, 4: 0, 5: 0})],
}  # fmt: skip
LARGER = {
    "access": [("9 5 0 6 2 1 4 7 3 10 8", {0: 10})],
    "swap": [("8 3 5 1 3 0 7 6 4", {2: 5, 3: 4, 4: 3, 5: 0, 6: 7, 7: 6, 8: 1})],
    "list_k": [
        ("4 3 1 2 1 3 8 10 9 0 5", {0: 9}), ("4 3 1 2 1 4 8 10 9 0 5", {0: 10}), ("4 3 1 2 1 1 8 10 9 0 5", {0: 0}),
    ],
    "reverse": [("3 10 2 0 7 1 6 4 8 9 5", {5: 7, 6: 0, 7: 2, 8: 10, 9: 3})],
}  # fmt: skip


def is_within(words: list[int], task: Task) -> bool:
    return all(low <= word <= high for word, (low, high) in zip(words, task.ranges, strict=False))


@pytest.mark.parametrize("larger", [False, True])
@pytest.mark.parametrize("name", BY_HAND)
def test_the_reference_leaves_what_was_worked_by_hand(name, larger):
    task = load(shipped(name))
    task = task.general if larger else task
    registers = [low for low, _ in task.ranges[task.sizes.base :]]
    for text, expected in (LARGER if larger else BY_HAND)[name]:
        memory = [int(word) for word in text.split()]
        assert len(memory) == task.sizes.base and is_within(memory, task) and set(expected) == set(task.checked_memory)
        exact = interpreter.run(task.reference, memory, registers, base=task.sizes.base, steps=task.steps)
        start = Examples(*(np.array([words]) for words in (memory, registers, memory, registers)))
        final = run(encode([task.reference], task.sizes.lines), start, task)
        assert {cell: exact.memory[cell] for cell in expected} == expected
        assert {cell: int(final.memory[0, 0, cell]) for cell in expected} == expected


@pytest.mark.parametrize("name", ["swap", "list_k"])
def test_with_a_step_fewer_the_slowest_input_is_not_done(name):
    task = load(shipped(name))
    registers = [low for low, _ in task.ranges[task.sizes.base :]]
    late = []
    for text, expected in BY_HAND[name]:
        memory = [int(word) for word in text.split()]
        cut = interpreter.run(task.reference, memory, registers, base=task.sizes.base, steps=task.steps - 1)
        late.append(any(cut.memory[cell] != word for cell, word in expected.items()))
    assert any(late)

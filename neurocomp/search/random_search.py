"""method=random_search: programs drawn uniformly, until one is right or the budget is spent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurocomp.machine_config import Sizes
from neurocomp.search.judge import Judge, Searched, first_right
from neurocomp.search.space import random_code

BLOCK = 256  # programs that are executed at a time


def random_search(judge: Judge, budget: int, rng: np.random.Generator, limit: float | None = None) -> Searched:
    """The first of `budget` random programs that is accepted, else the first that leaves the most words right.

    `limit` ends it as it ends `first_right`.
    """
    return first_right(_blocks(budget, judge.task.sizes, rng), judge, limit)


def _blocks(budget: int, sizes: Sizes, rng: np.random.Generator) -> Iterator[np.ndarray]:
    for first in range(0, budget, BLOCK):
        yield random_code(min(BLOCK, budget - first), sizes, rng)

"""The sampled values of variables, drawn when they are looked at: most variables never meet another."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurocomp.synthesis.compiled.terms import grown
from neurocomp.synthesis.compiled.variables_kernel import NONE

AT_ONCE = 1 << 20  # words


class Samples:
    """The values that `equivalence.Functions` draws for one variable after the other.

    Variables are numbered in chunks. Of each chunk, `states` keeps the state of the generator before it, so that its
    `columns` [sample] can be drawn later. `column_of` [variables] says where those of a variable are, or NONE.
    """

    def __init__(self, base: int, sample: int, words: type):
        self.base, self.generator = base, np.random.PCG64(0)
        self.chunk = max(1, min(256, AT_ONCE // sample))
        self.states: list[Any] = []
        self.columns, self.drawn = np.zeros((0, sample), words), 0
        self.places = np.zeros(0, np.int32)

    @property
    def column_of(self) -> np.ndarray:
        return self.places[: len(self.states) * self.chunk]

    def make_room(self, variables: int) -> None:
        """Begin chunks until there are so many variables."""
        begun = len(self.column_of)
        while len(self.states) * self.chunk < variables:
            self.states.append(self.generator.state)
            self._skip()
        self.places = grown(self.places, len(self.states) * self.chunk)
        self.column_of[begun:] = NONE

    def _skip(self) -> None:
        words = self.chunk * self.columns.shape[1]
        if words % 2 or self.base & (self.base - 1):
            self._values(self.generator)
        else:  # two words from each number of the generator, and none is drawn again
            self.generator.advance(words // 2)

    def _values(self, generator: np.random.PCG64) -> np.ndarray:
        random = np.random.Generator(generator)
        return random.integers(0, self.base, (self.chunk, self.columns.shape[1]), np.uint32)

    def draw(self, variables: np.ndarray) -> None:
        """Draw the values of these variables, and of those in the same chunks."""
        for chunk in np.unique(variables[self.column_of[variables] == NONE] // self.chunk):
            generator = np.random.PCG64()
            generator.state = self.states[chunk]
            self.columns = grown(self.columns, self.drawn + self.chunk)
            self.columns[self.drawn : self.drawn + self.chunk] = self._values(generator)
            begin = chunk * self.chunk
            self.column_of[begin : begin + self.chunk] = self.drawn + np.arange(self.chunk)
            self.drawn += self.chunk

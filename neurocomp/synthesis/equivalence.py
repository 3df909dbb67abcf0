"""Which words are the same in every state: those that are the same function of the variables that they depend on.

The variables are the index, registers, and reads. Each read is a variable of its own, known by its address: two reads
are the same word only if their addresses are the same function. (`read(1)` and `read(3)` are equal in many states; to
merge them would lose every sum over a list.) Reads are treated as independent variables. That is safe: what holds for
every combination of values holds for those that can occur.

Functions are compared on a sample of values for all variables. Equal values prove two functions equal if the sample
holds every combination of values of the variables that occur in either, because then it is their whole table. Without
that proof they stay apart: a word too many costs time, but a word that is merged wrongly would lose programs.
"""

from __future__ import annotations

import functools
import hashlib
from typing import NamedTuple

import numpy as np

from neurocomp.synthesis.construct import Construct
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number
from neurocomp.synthesis.world import World

# At most so many values of each variable are sampled, or 15 b^2 where that is more. Up to base 6 the sample has 10 for
# each combination of three variables, so that one of the b^3 is missing with a probability of b^3 e^-10, at most 1 %.
# In any base it has at least 15 for each combination of two.
SAMPLE = 2500


def sample_size(base: int) -> int:
    """How many values of each variable are sampled."""
    return min(10 * base**3, max(SAMPLE, 15 * base**2))


class Function(NamedTuple):
    """A function of words. Two that are proved equal have the same number; it depends on `variables` at most."""

    number: int
    variables: frozenset[int]


class Functions:
    """All functions met so far, each once. They are the same in every run: the sample is drawn with a fixed seed."""

    def __init__(self, base: int, mod_by_zero: str):
        self.base, self.mod_by_zero = base, mod_by_zero
        self.random = np.random.default_rng(0)
        self.sample = sample_size(base)
        # The type of a pair of words as one number, the index into tables; a byte where it fits, which is fastest.
        self.pair = np.uint8 if base * base <= 256 else np.int64
        self.columns: list[np.ndarray] = []  # the sampled values of each variable
        self.variables: dict[tuple, int] = {}
        self.alike: dict[bytes, list[Function]] = {}  # by their values on the sample
        self.recipes: list[tuple] = []  # for each function: a construct and functions, or a constant, or a variable
        self.values = functools.lru_cache(maxsize=10_000)(self._values)  # keeping all would take gigabytes
        self.scaled = functools.lru_cache(maxsize=1000)(lambda number: self.values(number) * self.pair(self.base))
        self.complete = functools.cache(self._complete)
        self.table = functools.cache(self._table)

    def of_leaf(self, term: Term) -> Function:
        """The function of a number, a register or the index; the element is `read(index)`."""
        if (value := number(term)) is not None:
            return self._known(frozenset(), np.full(self.sample, value, self.pair), (None, value))
        if term == ELEM:
            return self.of_construct(CONSTRUCTS["read"], (self.of_leaf(INDEX),))
        return self._variable((term.name,))

    def of_construct(self, row: Construct, arguments: tuple[Function, ...]) -> Function:
        """The construct applied to words that are these functions."""
        if row.reads_memory:
            return self._variable((row.name, *[argument.number for argument in arguments]))
        if len(arguments) == 1:
            numbers, variables = (arguments[0].number,), arguments[0].variables
        else:
            numbers = tuple([argument.number for argument in arguments])
            variables = frozenset().union(*[argument.variables for argument in arguments])
        return self._known(variables, self._applied(row, numbers), (row, *numbers))

    def symmetric(self, row: Construct) -> bool:
        """Whether the arguments of an operation on two words may change places."""
        if row.reads_memory or len(row.arguments) != 2 or row.body is not None:
            return False
        table = self.table(row)[: self.base**2].reshape(self.base, self.base)
        return bool((table == table.T).all())

    def _variable(self, key: tuple) -> Function:
        variable = self.variables.setdefault(key, len(self.variables))
        if variable == len(self.columns):
            self.columns.append(self.random.integers(0, self.base, self.sample).astype(self.pair))
        return self._known(frozenset([variable]), self.columns[variable], ("variable", variable))

    def _known(self, variables: frozenset[int], values: np.ndarray, recipe: tuple) -> Function:
        """The known function that is proved equal to the one with these values, or a new one."""
        alike = self.alike.setdefault(hashlib.blake2b(values.tobytes(), digest_size=16).digest(), [])
        # Both depend on no variables but these. If every combination of their values is in the sample, two functions
        # that are equal on the sample are equal everywhere.
        for function in alike:
            if self.complete(variables | function.variables):
                return function
        alike.append(Function(len(self.recipes), variables))
        self.recipes.append(recipe)
        return alike[-1]

    def _complete(self, variables: frozenset[int]) -> bool:
        """Whether the sample holds all combinations of values of these variables."""
        combinations = self.base ** len(variables)
        if combinations > self.sample:
            return False
        places = np.zeros(self.sample, dtype=np.int64)
        for variable in variables:
            places = places * self.base + self.columns[variable]
        return len(np.unique(places)) == combinations

    def _values(self, number: int) -> np.ndarray:
        """The values of a function on the sample, computed again from its recipe."""
        row, *numbers = self.recipes[number]
        if row is None:
            return np.full(self.sample, numbers[0], self.pair)
        return self.columns[numbers[0]] if row == "variable" else self._applied(row, tuple(numbers))

    def _applied(self, row: Construct, numbers: tuple[int, ...]) -> np.ndarray:
        """The values on the sample of a construct applied to the functions with these numbers."""
        *first, last = numbers
        place = self.values(last)
        if len(first) == 1:
            place = place + self.scaled(first[0])
        elif first:
            place = np.ravel_multi_index([self.values(number) for number in numbers], (self.base,) * len(numbers))
        if place.dtype == np.uint8:  # the fastest lookup of bytes that Python has
            return np.frombuffer(place.tobytes().translate(self.table(row).tobytes()), np.uint8)
        return self.table(row)[place]

    def _table(self, row: Construct) -> np.ndarray:
        """The results of a scalar operation for all words, in the order of `np.ndindex`, filled with 0 up to 256."""
        world = World(self.base, [], [], self.mod_by_zero)
        words = [row.meaning(world, *arguments) for arguments in np.ndindex((self.base,) * len(row.arguments))]
        return np.array(words + [0] * (256 - len(words)), self.pair)

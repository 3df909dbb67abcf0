"""The functions that words are, each once: `equivalence.Functions`, for blocks of words in compiled code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np

from neurocomp.jit import compiled
from neurocomp.synthesis.compiled import functions_kernel, variables_kernel
from neurocomp.synthesis.compiled.functions_kernel import AN_APPLICATION, scratch
from neurocomp.synthesis.compiled.samples import Samples
from neurocomp.synthesis.compiled.terms import grown
from neurocomp.synthesis.compiled.variables_kernel import (
    ENTRIES,
    FUNCTIONS,
    NONE,
    SETS,
    TABLES,
    UNDRAWN,
    VARIABLES,
    Known,
)
from neurocomp.synthesis.construct import Construct
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.equivalence import sample_size
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number
from neurocomp.synthesis.world import World

SOURCES = tuple(sorted(Path(__file__).parent.glob("*_kernel.py")))


def word_type(base: int) -> type:
    """The smallest type that holds all words of a base."""
    return np.uint8 if base <= 256 else np.uint16


class WordFunctions:
    """All functions met so far. They have the numbers that `equivalence.Functions` gives them."""

    def __init__(self, base: int, mod_by_zero: str):
        self.base, self.mod_by_zero = base, mod_by_zero
        sample, words, width = sample_size(base), word_type(base), 1
        while base ** (width + 1) <= sample:
            width += 1
        self.samples = Samples(base, sample, words)
        self.known = Known(
            np.zeros(6, np.int64), np.zeros(64, np.int32), np.zeros(64, np.int32), np.zeros((64, width), np.int32),
            np.zeros((64, width), np.int32), np.zeros(64, np.uint32), np.zeros(64, np.int32), np.zeros(1 << 12, words),
            np.full(256, NONE, np.int32), np.zeros((64, width), np.int32), np.zeros(64, np.int8),
            np.full(256, NONE, np.int32), self.samples.columns, self.samples.column_of, np.zeros((0, 64), np.int32),
        )  # fmt: skip
        self.kernels = kernels(words)
        self.scratch = scratch(base, width, words)
        self.met = {looped: np.zeros(64, np.bool_) for looped in (False, True)}  # functions that have a word already
        self.variables: dict[str, int] = {}  # of registers and the index
        self.of_variable = np.zeros(0, np.int32)  # the function of each variable, NONE where it is not known
        self.readers: list[str] = []  # the constructs that read, as in `known.reads`
        self.results: dict[str, np.ndarray] = {}

    @property
    def count(self) -> int:
        return int(self.known.counts[FUNCTIONS])

    def of_leaf(self, term: Term) -> int:
        """The function of a number, a register or the index; the element is `read(index)`."""
        if number(term) is not None:
            return int(self._leaves(np.array([self.variable(term)]))[0])
        return int(self._of_variables(np.array([self.variable(term)]))[0])

    def variable(self, term: Term) -> int:
        """The variable of a register, the index or the element, or NONE - 1 - n for the number n."""
        if (value := number(term)) is not None:
            return NONE - 1 - value
        if term == ELEM:
            return int(self._of_addresses(CONSTRUCTS["read"], np.array([self.of_leaf(INDEX)]))[0])
        if term.name not in self.variables:
            self.variables[term.name] = self._new_variables(1)
        return self.variables[term.name]

    def new_leaf(self, function: int, looped: bool) -> bool:
        """Whether no word so far is this function; from now on there is one."""
        self._make_room()
        new = not self.met[looped][function]
        self.met[looped][function] = True
        return new

    def reader(self, row: Construct) -> int:
        """The place of a construct that reads in `known.reads`."""
        if row.name not in self.readers:
            self.readers.append(row.name)
            more = np.zeros((len(self.readers), self.known.reads.shape[1]), np.int32)
            more[:-1] = self.known.reads
            self.known = self.known._replace(reads=more)
        return self.readers.index(row.name)

    def _of_addresses(self, row: Construct, addresses: np.ndarray) -> np.ndarray:
        """The variables [K] of reads from addresses that are these functions [K]."""
        reader = self.reader(row)
        self._make_room()
        variables = self.known.reads[reader]
        unknown, firsts = np.unique(addresses[variables[addresses] == 0], return_index=True)
        first = self._new_variables(len(unknown))
        variables[unknown[np.argsort(firsts)]] = 1 + first + np.arange(len(unknown))
        return variables[addresses] - 1

    def read(self, row: Construct, addresses: np.ndarray, looped: bool) -> tuple[np.ndarray, np.ndarray]:
        """Reads from addresses that are these functions [K]: numbers [K], and for which [K] there was no word."""
        numbers = self._of_variables(self._of_addresses(row, addresses))
        self._make_room()
        met, new = self.met[looped], np.zeros(len(numbers), np.bool_)
        new[np.unique(numbers, return_index=True)[1]] = True  # the first of each
        new &= ~met[numbers]
        met[numbers] = True
        return numbers, new

    def _new_variables(self, count: int) -> int:
        """Begin so many new variables, and return the first of them."""
        first = int(self.known.counts[VARIABLES])
        self.known.counts[VARIABLES] += count
        self._make_room()
        return first

    def _draw(self, variables: np.ndarray) -> None:
        """Draw the samples of these variables."""
        self.samples.draw(variables)
        self.known = self.known._replace(columns=self.samples.columns, column_of=self.samples.column_of)

    def _of_variables(self, variables: np.ndarray) -> np.ndarray:
        """The functions [K] of variables [K]: a known one, if it is proved to be itself, else a new one each time."""
        numbers = self.of_variable[variables]
        unknown = np.flatnonzero(numbers == NONE)
        _, firsts = np.unique(variables[unknown], return_index=True)
        firsts = unknown[np.sort(firsts)]
        numbers[firsts] = self._leaves(variables[firsts])
        proved = firsts[self.known.table_of[numbers[firsts]] != NONE]
        self.of_variable[variables[proved]] = numbers[proved]
        numbers[unknown] = self.of_variable[variables[unknown]]
        return numbers

    def _leaves(self, variables: np.ndarray) -> np.ndarray:
        """The functions [K] of variables, and of constants: NONE - 1 - n stands for the number n."""
        numbers, done = np.zeros(len(variables), np.int32), 0
        while done < len(variables):
            self._make_room()
            rest = slice(done, None)
            done += self.kernels.leaves(
                self.known, variables[rest].astype(np.int64), self.base, self.scratch, numbers[rest]
            )
        return numbers

    def applied(
        self, row: Construct, left: np.ndarray, right: np.ndarray, looped: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """An operation applied to functions [K] and [K] (twice the same if it takes one word).

        Returns the numbers [K] of the results, and for which [K] there was no word so far. Of the two orders of
        a symmetric operation's arguments, one is left out.
        """
        numbers, new = np.full(len(left), NONE, np.int32), np.zeros(len(left), np.bool_)
        ordered, arity, done = self.symmetric(row), len(row.arguments), 0
        results = self.results_of(row)
        if arity == 2:
            needed = np.zeros(self.known.counts[VARIABLES], np.bool_)
            self.kernels.meeting(self.known, left, right, self.scratch.union, needed)
            self._draw(np.flatnonzero(needed))
        while done < len(left):
            self._make_room()
            rest = slice(done, None)
            done += self.kernels.applied(
                self.known, results, arity, left[rest], right[rest], ordered, self.met[looped], self.base,
                self.scratch, numbers[rest], new[rest],
            )  # fmt: skip
        assert not self.known.counts[UNDRAWN]
        return numbers, new

    def written(
        self, nodes: np.ndarray, operations: np.ndarray, rows: Sequence[Construct], words: np.ndarray,
        fits: np.ndarray, looped: bool,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """A body (see `functions_kernel.written`) with words in its holes that are functions [K, n].

        `operations` [K, N] are places in `rows`. Returns the numbers [K], and for which of those that fit [K] there was
        no word so far.
        """
        numbers, new, done = np.full(len(words), NONE, np.int32), np.zeros(len(words), np.bool_), 0
        tables = np.zeros((len(rows), self.base**2), self.known.entries.dtype)
        for table, row in zip(tables, rows, strict=True):
            table[: self.base ** len(row.arguments)] = self.results_of(row)
        arities = np.array([len(row.arguments) for row in rows], np.int64)
        work = np.zeros(len(nodes), np.int32)
        while done < len(words):
            self._make_room(len(nodes))
            if (nodes[:, 0] == AN_APPLICATION).any():  # which variables will meet in it is not known before
                self._draw(np.arange(len(self.known.column_of)))
            rest = slice(done, None)
            done += self.kernels.written(
                self.known, nodes, operations[rest], tables, arities, words[rest], fits[rest], self.met[looped],
                self.base, self.scratch, work, numbers[rest], new[rest],
            )  # fmt: skip
        assert not self.known.counts[UNDRAWN]
        return numbers, new

    def constant(self, functions: np.ndarray) -> np.ndarray:
        """Which functions [K] have no variables in their text."""
        tables = self.known.table_of[functions]
        return (tables != NONE) & (self.known.variables[tables, 0] == NONE)

    def symmetric(self, row: Construct) -> bool:
        """Whether the arguments of an operation on two words may change places."""
        if row.reads_memory or len(row.arguments) != 2:
            return False
        table = self.results_of(row).reshape(self.base, self.base)
        return bool((table == table.T).all())

    def results_of(self, row: Construct) -> np.ndarray:
        """The results [b^arity] of a scalar operation for all words."""
        if row.name not in self.results:
            world = World(self.base, [], [], self.mod_by_zero)
            results = [row.meaning(world, *arguments) for arguments in np.ndindex((self.base,) * len(row.arguments))]
            self.results[row.name] = np.array(results, self.known.entries.dtype)
        return self.results[row.name]

    def _make_room(self, more: int = 1) -> None:
        """Double what might be too short for so many more functions."""
        known, functions, sets = self.known, self.count + more, int(self.known.counts[SETS])
        tables = int(known.counts[TABLES]) + more
        rows = {
            name: grown(getattr(known, name), tables)
            for name in ("function_of", "variables", "matter", "start", "follower")
        }
        rows["table_of"] = grown(known.table_of, functions)
        if functions > known.reads.shape[1]:
            # Of most functions no read is known, and memory that nothing was written to takes none.
            rows["reads"] = np.zeros((len(known.reads), 2 * functions), np.int32)
            for more_reads, reads in zip(rows["reads"], known.reads, strict=True):
                read = np.flatnonzero(reads)
                more_reads[read] = reads[read]
        self.met = {looped: grown(met, functions) for looped, met in self.met.items()}
        # The largest array: its copies would be what takes most memory.
        entries = grown(known.entries, int(known.counts[ENTRIES]) + more * len(self.scratch.table), times=4)
        variables = int(known.counts[VARIABLES])
        self.samples.make_room(variables + more)
        known_variables = len(self.of_variable)
        self.of_variable = grown(self.of_variable, len(self.samples.column_of))
        self.of_variable[known_variables:] = NONE
        self.known = known = known._replace(entries=entries, column_of=self.samples.column_of, **rows)
        while 2 * tables >= len(known.heads):
            self.known = known = known._replace(heads=np.full(4 * len(known.heads), NONE, np.int32))
            self.kernels.place_tables(known, self.base)
        if 2 * sets >= len(known.sets):
            larger = {name: grown(getattr(known, name), len(known.sets) + 1) for name in ("sets", "complete")}
            places = np.full(2 * len(known.places), NONE, np.int32)
            self.known = known = known._replace(places=places, **larger)
            self.kernels.place_sets(known)


class Kernels(NamedTuple):
    leaves: Callable[..., int]
    applied: Callable[..., int]
    written: Callable[..., int]
    meeting: Callable[..., None]
    place_tables: Callable[..., None]
    place_sets: Callable[..., None]


@functools.cache
def kernels(kind: type) -> Kernels:
    """The kernels, compiled for words of this type."""
    one, entries, words, flags = np.zeros(1, np.int64), np.zeros(1, kind), np.zeros(1, np.int32), np.zeros(1, bool)
    lists, small = np.zeros((1, 1), np.int32), np.zeros(1, np.int8)
    table = np.zeros((1, 1), kind)
    known = Known(
        one,
        words,
        words,
        lists,
        lists,
        np.zeros(1, np.uint32),
        words,
        entries,
        words,
        lists,
        small,
        words,
        table,
        words,
        lists,
    )
    nodes = np.zeros((1, 1), np.int64)
    given = {
        "leaves": (known, one, 0, scratch(2, 1, kind), words),
        "applied": (known, entries, 0, words, words, True, flags, 0, scratch(2, 1, kind), words, flags),
        "written": (known, nodes, nodes, table, one, lists, flags, flags, 0, scratch(2, 1, kind), words, words, flags),
        "meeting": (known, words, words, words, flags),
        "place_tables": (known, 0),
        "place_sets": (known,),
    }
    return Kernels(**{name: compiled_for(_function(name), sample) for name, sample in given.items()})


def _function(name: str) -> Callable[..., Any]:
    return getattr(functions_kernel if hasattr(functions_kernel, name) else variables_kernel, name)


def compiled_for(function: Callable[..., Any], sample: tuple[Any, ...]) -> Callable[..., Any]:
    """The kernel for arguments of the types of these."""
    return compiled(function, tuple(numba.typeof(one) for one in sample), SOURCES, "the synthesizer")

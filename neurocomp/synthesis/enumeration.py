"""All programs of a language that fit a machine, by weight, each once, as code that the executor runs in batches.

Bottom-up: the words and statements of a weight are made from lighter ones. Of words that are the same function only
the first is kept; statements differ if their words do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from neurocomp.synthesis.assembler import Room
from neurocomp.synthesis.construct import (
    ADDRESS,
    EACH_STATEMENT,
    EACH_TEST,
    EACH_WORD,
    FIXED,
    OPERATOR,
    REGISTER,
    STATEMENT,
    TEST,
    WORD,
    Construct,
)
from neurocomp.synthesis.equivalence import Function, Functions
from neurocomp.synthesis.grammar import operators
from neurocomp.synthesis.pools import NOTHING, Fragment, Needs, Pool, combinations
from neurocomp.synthesis.skeletons import Shape, Shapes, code_of
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number

BATCH = 1024
ENDING = "statement that ends"
EACH = {EACH_WORD: WORD, EACH_TEST: TEST, EACH_STATEMENT: ENDING}


class Batch(NamedTuple):
    """Programs of one weight: terms, and their code [P, L, 5]. Before them `skipped` did not fit the machine."""

    weight: int
    terms: list[Term]
    code: np.ndarray
    skipped: int


class Space:
    """The programs that `rows` build on a machine, made as they are asked for and kept for the next who asks.

    `readable` are the registers that programs may read, `settable` those they may set. An error while programs are
    made (Ctrl-C, most likely) leaves it `broken`.
    """

    def __init__(
        self,
        rows: tuple[Construct, ...],
        room: Room,
        mod_by_zero: str,
        readable: tuple[int, ...],
        settable: tuple[int, ...],
        kept: bool = True,
    ):
        self.kept, self.broken = kept, False
        self.rows, self.room, self.readable, self.settable = rows, room, readable, settable
        self.functions = Functions(room.sizes.base, mod_by_zero)
        self.shapes = Shapes(room)
        # Words and statements outside loops (False), and inside (True), where there are index and elem.
        kinds = (WORD, TEST, ADDRESS, STATEMENT, ENDING, FIXED, OPERATOR, REGISTER)
        self.pools = {(kind, looped): Pool() for kind in kinds for looped in (False, True)}
        self.met: set[tuple[bool, int]] = set()
        self.made: list[Batch] = []
        self.growing = self._grow()

    def batches(self) -> Iterator[Batch | None]:
        """All programs, the lightest first. None now and then, while there is nothing to run yet."""
        place = 0
        while True:
            if place < len(self.made):
                yield self.made[place]
                place += 1
                continue
            try:
                batch = next(self.growing)
            except StopIteration:
                return
            except BaseException:
                self.broken = True
                raise
            if batch and self.kept:
                self.made.append(batch)
            else:
                yield batch

    def _grow(self) -> Iterator[Batch | None]:
        """Batches as they are made; it ends when no program that is heavier could fit."""
        for weight in itertools.count(1):
            if weight > self._heaviest():
                return
            yield from self._programs(weight)
            self._add_leaves(weight)
            for looped in (False, True):
                yield from self._add_words(weight, looped)
            for _ in self._statements(weight, True):
                yield None

    def _heaviest(self) -> int:
        """What can be made from what there is weighs at most this much; leaves may weigh as much as the base."""
        weights = [self.room.sizes.base + 1]
        for row, kinds in itertools.product(self.rows, (False, True)):
            for signature in self._signatures(row):
                pools = self._pools(row, signature, kinds)
                if all(pool.heaviest for pool in pools):
                    weights.append(row.weight + sum(pool.heaviest for pool in pools))
        return max(weights)

    def _signatures(self, row: Construct) -> Iterator[tuple[str, ...]]:
        """The kinds of each number of arguments that a row can take; every statement takes a line."""
        for count in range(max(len(row.arguments), self.room.sizes.lines) + 1):
            if (kinds := row.kinds(count)) is not None:
                yield kinds

    def _pools(self, row: Construct, kinds: tuple[str, ...], looped: bool) -> list[Pool]:
        """Where the arguments come from."""
        pools = []
        for place, kind in enumerate(kinds):
            followed = row.sequential and place + 1 < len(kinds)
            pools.append(self.pools[ENDING if followed else EACH.get(kind, kind), looped or kind in EACH])
        return pools

    def _add_leaves(self, weight: int) -> None:
        """Numbers, the lighter the smaller; registers, operators, index and element."""
        for looped in (False, True):
            room = self.room.sizes.lines - 1 - 2 * looped
            words = [Term(str(weight - 1))] if weight <= min(self.room.sizes.base, room + 1) else []
            if weight == 1:
                words += [Term(f"r{register}") for register in self.readable]
                self._add_names(OPERATOR, looped, operators(self.rows))
                self._add_names(REGISTER, looped, [f"r{register}" for register in self.settable])
            for term in words:
                fragment = self._leaf(term)._replace(needs=Needs(0, number(term) or 0, 0))
                self.pools[FIXED, looped].add(weight, fragment)
                self._add_new_leaf(weight, looped, fragment)
            if looped and weight == 1:
                self._add_new_leaf(1, True, self._leaf(INDEX))
                self._add_new_leaf(1, True, self._leaf(ELEM)._replace(needs=Needs(0, 0, 1)))

    def _leaf(self, term: Term) -> Fragment:
        return Fragment(term, NOTHING, self.shapes.of(None, term.name, ()), (), self.functions.of_leaf(term))

    def _add_new_leaf(self, weight: int, looped: bool, word: Fragment) -> None:
        if word.function and self._is_new(word.function, looped):
            self._add_word(weight, looped, word)

    def _add_names(self, kind: str, looped: bool, names: list[str]) -> None:
        for name in names:
            self.pools[kind, looped].add(1, Fragment(Term(name), NOTHING, self.shapes.of(None, name, ()), ()))

    def _is_new(self, function: Function, looped: bool) -> bool:
        """Whether no word in the pool is the same function."""
        key = looped, function.number
        new = key not in self.met
        self.met.add(key)
        return new

    def _add_words(self, weight: int, looped: bool) -> Iterator[None]:
        """New words: those that no word in the pool equals."""
        for row in self.rows:
            if row.result != WORD:
                continue
            symmetric = self.functions.symmetric(row)
            for needs, arguments in self._combinations(row, weight, looped):
                functions = tuple([argument.function for argument in arguments if argument.function])
                if symmetric and functions[0].number > functions[1].number:
                    continue
                function = self.functions.of_construct(row, functions)
                if self._is_new(function, looped):
                    self._add_word(weight, looped, self._fragment(row, needs, arguments, function))
                yield None

    def _add_word(self, weight: int, looped: bool, word: Fragment) -> None:
        self.pools[WORD, looped].add(weight, word)
        if word.function and word.function.variables:
            self.pools[TEST, looped].add(weight, word)
        if not looped or not (word.term.arguments or word.term == ELEM):
            self.pools[ADDRESS, looped].add(weight, word)

    def _statements(self, weight: int, looped: bool) -> Iterator[Fragment]:
        """New statements, which go into the pools; in loops only those that end, since others end the loop."""
        for row in self.rows:
            if row.result != STATEMENT:
                continue
            for needs, arguments in self._combinations(row, weight, looped):
                fragment = self._fragment(row, needs, arguments)
                if looped and not fragment.ends:
                    continue
                if looped or self.shapes.lower(fragment.shape, fragment.term):
                    self.pools[STATEMENT, looped].add(weight, fragment)
                    if fragment.ends:
                        self.pools[ENDING, looped].add(weight, fragment)
                yield fragment

    def _combinations(self, row: Construct, weight: int, looped: bool) -> Iterator[tuple[Needs, tuple[Fragment, ...]]]:
        """Arguments that together make a term of this weight, as far as there may be lines for it.

        And for what it must be part of: a word of a statement (one line), both of a loop (two more).
        """
        lines = self.room.sizes.lines - (row.result == WORD) - 2 * looped
        for kinds in self._signatures(row):
            own, pools = row.own_lines(len(kinds)), self._pools(row, kinds, looped)
            for needs, arguments in combinations(pools, weight - row.weight, lines - own):
                if not (row.sequential and any([argument.term.name == row.name for argument in arguments])):
                    yield Needs(needs[0] + own, needs[1], needs[2]), arguments

    def _fragment(
        self, row: Construct, needs: Needs, arguments: tuple[Fragment, ...], function: Function | None = None
    ) -> Fragment:
        if row.result == STATEMENT:
            needs = Needs(needs.lines + needs.element, needs.largest, 0)
        return Fragment(
            Term(row.name, tuple([argument.term for argument in arguments])),
            needs,
            self.shapes.of(row, row.name, [argument.shape for argument in arguments]),
            self.shapes.opcodes(row, [argument.opcodes for argument in arguments]),
            function,
            row.ends(len(arguments)) and all([argument.ends for argument in arguments]),
        )

    def _programs(self, weight: int) -> Iterator[Batch]:
        """Statements that stand for themselves."""
        fragments: list[Fragment] = []
        shapes: list[Shape] = []
        skipped = 0
        for fragment in self._statements(weight, False):
            shape = self.shapes.lower(fragment.shape, fragment.term)
            skipped += shape is None
            if shape:
                fragments.append(fragment)
                shapes.append(shape)
            if len(fragments) == BATCH:
                yield self._batch(weight, fragments, shapes, skipped)
                fragments, shapes, skipped = [], [], 0
        if fragments or skipped:
            yield self._batch(weight, fragments, shapes, skipped)

    def _batch(self, weight: int, fragments: list[Fragment], shapes: list[Shape], skipped: int) -> Batch:
        code = code_of(shapes, [fragment.opcodes for fragment in fragments], self.room.sizes.lines)
        return Batch(weight, [fragment.term for fragment in fragments], code.astype(np.int16), skipped)

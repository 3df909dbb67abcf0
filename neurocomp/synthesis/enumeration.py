"""All programs of a language that fit a machine, by weight, each once, as code that the executor runs in batches.

Bottom-up: the words and statements of a weight are made from lighter ones. Only the first of the words that are the
same function is kept. Statements are not compared: those made of different words count as different.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import numpy as np

from neurocomp.synthesis.assembler import Room
from neurocomp.synthesis.construct import (
    ADDRESS,
    EACH,
    ENDING,
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
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.pools import NOTHING, Fragment, Needs, Pool, combinations
from neurocomp.synthesis.skeletons import Shape, Shapes, code_of
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, terms_in

BATCH = 1024


class Batch(NamedTuple):
    """Programs of one weight: terms, and their code [P, L, 5]. `skipped` more of them did not fit the machine."""

    weight: int
    terms: list[Term]
    code: np.ndarray
    skipped: int


class Enumeration:
    """The order in which the programs that `rows` build are made: on demand, and kept for the next search.

    `readable` are the registers that programs may read, `settable` those that they may set. An error while programs
    are made (most likely Ctrl-C) leaves the enumeration `broken`. `Space` makes them one by one, and is there to be
    read; `compiled.space.Space` makes them in blocks.
    """

    def __init__(
        self,
        rows: tuple[Construct, ...],
        room: Room,
        readable: tuple[int, ...],
        settable: tuple[int, ...],
        kept: bool,
        pool: Callable[[], Any],
    ):
        self.kept, self.broken = kept, False
        self.room, self.readable, self.settable = room, readable, settable
        # Without abstractions that have a number which is no word of this base.
        numbers = {row: [number(term) or 0 for term in terms_in(row.body)] for row in rows if row.body}
        self.rows = [row for row in rows if max(numbers.get(row, [0])) < room.sizes.base]
        # Fragments for places outside loops (False), and for places inside (True), where there are index and elem.
        kinds = (WORD, TEST, ADDRESS, STATEMENT, ENDING, FIXED, OPERATOR, REGISTER)
        self.pools = {(kind, looped): pool() for kind in kinds for looped in (False, True)}
        self.made: list[Any] = []
        self.growing = self._grow()

    def batches(self) -> Iterator[Any]:
        """All programs, the lightest first, and None now and then, so that a search can stop while there is none."""
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

    def _grow(self) -> Generator[Any, None, None]:
        """Make all batches; ends when no heavier program could fit."""
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
        """The largest weight of a term that can be made from the fragments so far, or of a leaf (at most the base)."""
        weights = [self.room.sizes.base + 1]
        for row, kinds in itertools.product(self.rows, (False, True)):
            for signature in self._signatures(row):
                pools = self._pools(row, signature, kinds)
                if all(pool.heaviest for pool in pools):
                    weights.append(row.weight + sum(pool.heaviest for pool in pools))
        return max(weights)

    def _signatures(self, row: Construct) -> Iterator[tuple[str, ...]]:
        """The kinds of each number of arguments that a row can take; no more than lines, because each takes one."""
        for count in range(max(len(row.arguments), self.room.sizes.lines) + 1):
            if (kinds := row.kinds(count)) is not None:
                yield kinds

    def _pools(self, row: Construct, kinds: tuple[str, ...], looped: bool) -> list[Any]:
        """The pools that the arguments come from."""
        pools = []
        for place, kind in enumerate(kinds):
            followed = row.sequential and place + 1 < len(kinds)
            pools.append(self.pools[ENDING if followed else EACH.get(kind, kind), looped or kind in EACH])
        return pools

    def _add_leaves(self, weight: int) -> None:
        """Add the leaves of this weight: a number n weighs n + 1; registers, operators, index and element weigh 1."""
        for looped in (False, True):
            # A number n takes n lines to make, the statement around it one more, and a loop around that two.
            most = min(self.room.sizes.base, self.room.sizes.lines - 2 * looped)
            words = [Term(str(weight - 1))] if weight <= most else []
            if weight == 1:
                words += [Term(f"r{register}") for register in self.readable]
                names = [(OPERATOR, name) for name in operators(self.rows)]
                for kind, name in names + [(REGISTER, f"r{register}") for register in self.settable]:
                    self._add_leaf(kind, looped, 1, self._name(Term(name)))
            for term in words:
                leaf = self._leaf(term)
                self._add_leaf(FIXED, looped, weight, leaf)
                self._add_new_leaf(weight, looped, leaf)
            if looped and weight == 1:
                self._add_new_leaf(1, True, self._leaf(INDEX))
                self._add_new_leaf(1, True, self._leaf(ELEM))

    def _lines(self, row: Construct, looped: bool) -> int:
        """The lines that are left for a term of this row."""
        # Lines are left for what the term must be part of: a word of a statement (one line at least), and a term in a
        # loop of the loop (its step and its jump).
        return self.room.sizes.lines - (row.result == WORD) - 2 * looped

    def _leaf(self, term: Term) -> Any:
        """A word without arguments."""
        raise NotImplementedError

    def _name(self, term: Term) -> Any:
        """A name that is no word: of an operation, or of a register that is set."""
        raise NotImplementedError

    def _add_leaf(self, kind: str, looped: bool, weight: int, leaf: Any) -> None:
        """Add a word or a name to the pool of this kind."""
        self.pools[kind, looped].add(weight, leaf)

    def _add_new_leaf(self, weight: int, looped: bool, word: Any) -> None:
        """Add a word to the pools of words, if it is a new function."""
        raise NotImplementedError

    def _add_words(self, weight: int, looped: bool) -> Iterator[None]:
        """Add the words of this weight that are new functions; yields now and then."""
        raise NotImplementedError

    def _statements(self, weight: int, looped: bool) -> Iterator[Any]:
        """The statements of this weight; they are added to the pools.

        Inside loops only those that end are made: after another, the loop would never begin a second round.
        """
        raise NotImplementedError

    def _programs(self, weight: int) -> Iterator[Any]:
        """The programs of this weight, in batches: all statements outside loops that fit the machine."""
        raise NotImplementedError


class Space(Enumeration):
    """The readable enumeration: one program after the other."""

    def __init__(
        self,
        rows: tuple[Construct, ...],
        room: Room,
        mod_by_zero: str,
        readable: tuple[int, ...],
        settable: tuple[int, ...],
        language: Language = LANGUAGE,
        kept: bool = True,
    ):
        super().__init__(rows, room, readable, settable, kept, Pool)
        self.functions = Functions(room.sizes.base, mod_by_zero)
        self.shapes, self.language = Shapes(room, language), language
        self.met: set[tuple[bool, int]] = set()

    def _leaf(self, term: Term) -> Fragment:
        needs = Needs(0, number(term) or 0, int(term == ELEM))
        return self._name(term)._replace(needs=needs, function=self.functions.of_leaf(term))

    def _name(self, term: Term) -> Fragment:
        return Fragment(term, NOTHING, self.shapes.of(None, term.name, ()), ())

    def _add_new_leaf(self, weight: int, looped: bool, word: Fragment) -> None:
        if word.function and self._is_new(word.function, looped):
            self._add_word(weight, looped, word)

    def _is_new(self, function: Function, looped: bool) -> bool:
        """Whether no word so far is the same function; from now on there is one."""
        key = looped, function.number
        new = key not in self.met
        self.met.add(key)
        return new

    def _add_words(self, weight: int, looped: bool) -> Iterator[None]:
        for row in self.rows:
            if row.result != WORD:
                continue
            symmetric = self.functions.symmetric(row)
            for needs, arguments in self._combinations(row, weight, looped):
                if row.body is not None:
                    word = self._abstraction(row, arguments)
                    if self._fits(word, looped) and word.function and self._is_new(word.function, looped):
                        self._add_word(weight, looped, word)
                    yield None
                    continue
                functions = tuple([argument.function for argument in arguments if argument.function])
                # Both orders of two arguments come up, and both are the same function: one is enough.
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
        if not looped or not (word.needs.lines or word.term == ELEM):
            self.pools[ADDRESS, looped].add(weight, word)

    def _statements(self, weight: int, looped: bool) -> Iterator[Fragment]:
        for row in self.rows:
            if row.result != STATEMENT:
                continue
            for needs, arguments in self._combinations(row, weight, looped):
                if row.body is None:
                    fragment = self._fragment(row, needs, arguments)
                elif not self._fits(fragment := self._abstraction(row, arguments), looped):
                    continue
                if looped and not fragment.ends:
                    continue
                if looped or self.shapes.lower(fragment.shape, fragment.term):
                    self.pools[STATEMENT, looped].add(weight, fragment)
                    if fragment.ends:
                        self.pools[ENDING, looped].add(weight, fragment)
                yield fragment

    def _combinations(self, row: Construct, weight: int, looped: bool) -> Iterator[tuple[Needs, tuple[Fragment, ...]]]:
        """Arguments that make a term of this weight, as far as lines may suffice; each with the term's needs."""
        lines = self._lines(row, looped)
        if row.outside if looped else row.inside:
            return
        for kinds in self._signatures(row):
            own, pools = row.own_lines(len(kinds)), self._pools(row, kinds, looped)
            for needs, arguments in combinations(pools, weight - row.weight, lines - own):
                if not (row.sequential and any([argument.term.name == row.name for argument in arguments])):
                    yield Needs(needs.lines + own, needs.largest, needs.element), arguments

    def _fragment(
        self, row: Construct, needs: Needs, arguments: tuple[Fragment, ...], function: Function | None = None
    ) -> Fragment:
        if row.result == STATEMENT:  # the element is read once for each statement: from here on it is one of its lines
            needs = Needs(needs.lines + needs.element, needs.largest, 0)
        return Fragment(
            Term(row.name, tuple([argument.term for argument in arguments])),
            needs,
            self.shapes.of(row, row.name, [argument.shape for argument in arguments]),
            self.shapes.opcodes(row, [argument.opcodes for argument in arguments]),
            function,
            row.ends(len(arguments)) and all([argument.ends for argument in arguments]),
        )

    def _abstraction(self, row: Construct, arguments: tuple[Fragment, ...]) -> Fragment:
        """An abstraction of these arguments: the fragment of its expansion, under its own name."""
        assert row.body is not None
        found = self._written_out(row.body, dict(zip(row.holes, arguments, strict=True)))
        return found._replace(term=Term(row.name, tuple([argument.term for argument in arguments])))

    def _written_out(self, body: Term, given: dict[str, Fragment]) -> Fragment:
        """The fragment of a body with these fragments in its holes."""
        if body.name in given and not body.arguments:
            return given[body.name]
        name = given[body.name].term.name if body.name in given else body.name  # a hole may be for an operator
        row = self.language.rows.get(name)
        if row is None:
            return self._leaf(body)
        kinds = row.kinds(len(body.arguments)) or ()
        arguments = [
            self._name(argument)
            if kind == OPERATOR and argument.name not in given
            else self._written_out(argument, given)
            for argument, kind in zip(body.arguments, kinds, strict=True)
        ]
        needs = functools.reduce(
            Needs.with_, [argument.needs for argument in arguments], Needs(row.own_lines(len(kinds)), 0, 0)
        )
        function = None
        if row.result == WORD:
            function = self.functions.of_construct(row, tuple([one.function for one in arguments if one.function]))
        return self._fragment(row, needs, tuple(arguments), function)

    def _fits(self, abstraction: Fragment, looped: bool) -> bool:
        """Whether its lines may suffice: a hole that stands twice in a body takes its lines twice."""
        needs = abstraction.needs
        others = (abstraction.function is not None) + 2 * looped
        return needs.lines + needs.largest + needs.element + others <= self.room.sizes.lines

    def _programs(self, weight: int) -> Iterator[Batch]:
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

"""The readable enumeration: `compiled/` makes the same programs in the same order, much faster, and is tested on it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from neurocomp.synthesis.construct import ADDRESS, ENDING, OPERATOR, STATEMENT, TEST, WORD, Construct
from neurocomp.synthesis.enumeration import BATCH, Enumeration
from neurocomp.synthesis.equivalence import Function, Functions
from neurocomp.synthesis.language import is_leaf
from neurocomp.synthesis.pools import NOTHING, Fragment, Needs, Pool, combinations
from neurocomp.synthesis.skeletons import Shape, Shapes, code_of
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, terms_in


class Batch(NamedTuple):
    """Programs of one weight: terms, and their code [P, L, 5]. `skipped` more of them did not fit the machine."""

    weight: int
    terms: list[Term]
    code: np.ndarray
    skipped: int


class Space(Enumeration):
    """The programs one after the other."""

    POOL = Pool

    def _begin(self, mod_by_zero: str) -> None:
        self.functions = Functions(self.room.sizes.base, mod_by_zero)
        self.shapes = Shapes(self.room, self.language)
        self.met: set[tuple[bool, int]] = set()

    def term(self, batch: Batch, place: int) -> Term:
        return batch.terms[place]

    def trials(self, batch: Batch, most: int, trying: Any) -> Any:
        return trying.of_code(batch.code[:most])

    def _leaf(self, term: Term) -> Fragment:
        return self._without_function(term)._replace(function=self.functions.of_leaf(term))

    def _without_function(self, leaf: Term) -> Fragment:
        return self._name(leaf)._replace(needs=Needs(0, number(leaf) or 0, int(leaf == ELEM)))

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
            if row.body is not None:
                self._meet_leaves(row)
            for needs, arguments in self._combinations(row, weight, looped):
                if row.body is not None:
                    word = self._abstraction(row, arguments)
                    if self._fits(row, word, looped) and word.function and self._is_new(word.function, looped):
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
                elif not self._fits(row, fragment := self._abstraction(row, arguments), looped):
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

    def _meet_leaves(self, row: Construct) -> None:
        """Number the functions of a body's leaves before those that are made of them."""
        for term in terms_in(row.body or INDEX):
            if is_leaf(term, row, self.language.rows):
                self.functions.of_leaf(term)

    def _abstraction(self, row: Construct, arguments: tuple[Fragment, ...]) -> Fragment:
        """An abstraction of these arguments: the fragment of its expansion, under its own name."""
        assert row.body is not None
        given = dict(zip(row.holes, arguments, strict=True))
        term = Term(row.name, tuple([argument.term for argument in arguments]))
        function = self._function(row.body, given) if row.result == WORD else None
        return self._written_out(row.body, given)._replace(term=term, function=function)

    def _written_out(self, body: Term, given: dict[str, Fragment]) -> Fragment:
        """The fragment, but for its function, of a body with these fragments in its holes."""
        if body.name in given and not body.arguments:
            return given[body.name]
        row = self._row(body, given)
        if row is None:
            return self._without_function(body)
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
        return self._fragment(row, needs, tuple(arguments))

    def _row(self, body: Term, given: dict[str, Fragment]) -> Construct | None:
        name = given[body.name].term.name if body.name in given else body.name  # a hole may be for an operator
        return self.language.rows.get(name)

    def _function(self, body: Term, given: dict[str, Fragment]) -> Function:
        """The function of a word, the body with these fragments in its holes."""
        if body.name in given and not body.arguments:
            function = given[body.name].function
            assert function is not None
            return function
        row = self._row(body, given)
        if row is None:
            return self.functions.of_leaf(body)
        return self.functions.of_construct(row, tuple([self._function(one, given) for one in body.arguments]))

    def _fits(self, row: Construct, abstraction: Fragment, looped: bool) -> bool:
        """Whether its lines may suffice: a hole that stands twice in a body takes its lines twice."""
        return sum(abstraction.needs) <= self._lines(row, looped)

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

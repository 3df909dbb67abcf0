"""The meaning of high-level programs on ints, without any assembly: tests hold the lowering to it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from neurocomp.synthesis.construct import EACH_STATEMENT, ENDING, OPERATOR, REGISTER, STATEMENT, Construct
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, register
from neurocomp.synthesis.world import World


def word(term: Term, world: World, language: Language = LANGUAGE) -> int:
    """The word that a term is."""
    return _Meaning(world, language, {}).word(term)


def rounds(term: Term, world: World, language: Language = LANGUAGE) -> Iterator[None]:
    """Run a statement; yields at the beginning of each round of its loops, for ever if it never ends."""
    return _Meaning(world, language, {}).rounds(term)


class _Meaning:
    """The meaning of terms in a world. In the body of an abstraction, names of holes mean what was `given` for them."""

    def __init__(self, world: World, language: Language, given: Mapping[str, Callable[..., Any]]):
        self.world, self.rows, self.language, self.given = world, language.rows, language, given

    def word(self, term: Term) -> int:
        if (given := self.given.get(term.name)) is not None:
            return given(*map(self.word, term.arguments))  # a hole for an operator has arguments
        if (value := number(term)) is not None:
            return value
        if (index := register(term)) is not None:
            return self.world.registers[index]
        if term in (INDEX, ELEM):
            return self.world.index if term == INDEX else self.world.memory[self.world.index]
        row = self.rows[term.name]
        if row.body is not None:
            return self._inside(row, term).word(row.body)
        return row.meaning(self.world, *map(self.word, term.arguments))

    def rounds(self, term: Term) -> Iterator[None]:
        if (given := self.given.get(term.name)) is not None:
            return given()
        row = self.rows[term.name]
        if row.body is not None:
            return self._inside(row, term).rounds(row.body)
        return row.meaning(self.world, *self._arguments(row, term))

    def _inside(self, row: Construct, term: Term) -> _Meaning:
        """The meaning of terms in the body of an abstraction."""
        return _Meaning(self.world, self.language, dict(zip(row.holes, self._arguments(row, term), strict=True)))

    def _arguments(self, row: Construct, term: Term) -> list[Any]:
        kinds = row.kinds(len(term.arguments)) or ()
        return [self._argument(one, kind) for one, kind in zip(term.arguments, kinds, strict=True)]

    def _argument(self, term: Term, kind: str) -> Any:
        """An argument in the form that the meaning of a statement takes."""
        if term.name in self.given and not term.arguments:
            return self.given[term.name]
        if kind == OPERATOR:
            return functools.partial(self.rows[term.name].meaning, self.world)
        if kind == REGISTER:
            return register(term)
        return functools.partial(self.rounds if kind in (STATEMENT, EACH_STATEMENT, ENDING) else self.word, term)

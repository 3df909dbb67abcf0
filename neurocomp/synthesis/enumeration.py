"""All programs of a language that fit a machine, by weight, each once, as code that the executor runs in batches.

Bottom-up: the words and statements of a weight are made from lighter ones. Only the first of the words that are the
same function is kept. Statements are not compared: those made of different words count as different.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from typing import Any, ClassVar

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
from neurocomp.synthesis.grammar import operators
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, terms_in

BATCH = 1024


class Enumeration:
    """The order in which the programs that `rows` build are made: on demand, and kept for the next search.

    `readable` are the registers that programs may read, `settable` those that they may set. An error while programs
    are made (most likely Ctrl-C) leaves the enumeration `broken`. `readable.Space` makes them one by one, and is there
    to be read; `compiled.space.Space` makes them in blocks.
    """

    POOL: ClassVar[type[Any]]  # what holds the fragments of a kind

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
        self.language, self.kept, self.broken = language, kept, False
        self.room, self.readable, self.settable = room, readable, settable
        # Without abstractions that have a number which is no word of this base.
        numbers = {row: [number(term) or 0 for term in terms_in(row.body)] for row in rows if row.body}
        self.rows = [row for row in rows if max(numbers.get(row, [0])) < room.sizes.base]
        # Fragments for places outside loops (False), and for places inside (True), where there are index and elem.
        kinds = (WORD, TEST, ADDRESS, STATEMENT, ENDING, FIXED, OPERATOR, REGISTER)
        self.pools = {(kind, looped): self.POOL() for kind in kinds for looped in (False, True)}
        self.made: list[Any] = []
        self.growing = self._grow()
        self._begin(mod_by_zero)

    def _begin(self, mod_by_zero: str) -> None:
        """What else there is before the first program."""
        raise NotImplementedError

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

    def term(self, batch: Any, place: int) -> Term:
        """The program at this place of a batch."""
        raise NotImplementedError

    def trials(self, batch: Any, most: int, trying: Any) -> Any:
        """What the first programs of a batch do, at most so many of them (see `compiled.trials`)."""
        raise NotImplementedError

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

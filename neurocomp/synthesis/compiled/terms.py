"""Terms as rows of integers: a head and the rows of its arguments, and the facts that enumeration needs about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.synthesis.compiled.registers_kernel import (
    A_NAME,
    A_NUMBER,
    A_REGISTER,
    A_STATEMENT,
    AN_ELEM,
    AN_INDEX,
    AN_OPERATION,
    ANOTHER_WORD,
)
from neurocomp.synthesis.construct import STATEMENT, Construct
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, register


class Block(NamedTuple):
    """K terms of one head with n arguments each."""

    arguments: np.ndarray  # [K, n] rows of terms
    needs: np.ndarray  # [K, 3] of uint16: lines, largest, element (see `pools.Needs`)


def grown(array: np.ndarray, needed: int, times: int = 2) -> np.ndarray:
    """The array with room for `needed` rows: as it is, or a copy with at least so many times as many."""
    if needed <= len(array):
        return array
    more = np.zeros((max(needed, times * len(array)), *array.shape[1:]), array.dtype)
    more[: len(array)] = array
    return more


def needs_of_leaf(term: Term, is_name: bool) -> np.ndarray:
    """The needs [1, 3] of a term without arguments; a name of an operation or of a register has none."""
    needs = (0, 0, 0) if is_name else (0, number(term) or 0, int(term == ELEM))
    return np.array([needs], np.uint16)


class Terms:
    """All terms made so far; a term is the number of its row.

    An abstraction's row has the facts of its expansion, whose row is `plain`. Only the names of terms know of it: the
    `children` are what compiled code looks at, written out, and `named` are those that a text shows.
    """

    def __init__(self, constructs: Mapping[str, Construct], keeps_needs: bool):
        self.constructs = constructs
        self.count = self.used = 0
        self.names: list[str] = []
        self.numbers: dict[tuple[str, bool], int] = {}  # of heads, by name and whether it is a construct
        self.kind_of, self.value_of = np.zeros(16, np.int64), np.zeros(16, np.int64)
        self.heads = np.zeros(1024, np.int16)
        self.first = np.zeros(1024, np.uint32)  # where its arguments are; they end where those of the next row begin
        self.needs = np.zeros((1024 if keeps_needs else 0, 3), np.uint16)  # only abstractions ask for them later
        self.shapes = np.zeros(1024, np.int32)
        self.facts = np.zeros(1024, np.int32)  # the function of a word; how a statement is lowered, see `recording.py`
        self.ends = np.zeros(1024, np.bool_)
        self.children = self.named = np.zeros(4096, np.int32)
        self._plain: np.ndarray | None = None

    def head(self, name: str, construct: bool) -> int:
        """The number of a head: a construct, or a leaf."""
        key = name, construct
        if key not in self.numbers:
            place = self.numbers[key] = len(self.names)
            self.names.append(name)
            self.kind_of, self.value_of = grown(self.kind_of, place + 1), grown(self.value_of, place + 1)
            self.kind_of[place], self.value_of[place] = self._meaning(name, construct)
        return self.numbers[key]

    def _meaning(self, name: str, construct: bool) -> tuple[int, int]:
        leaf = Term(name)
        if construct:
            row = self.constructs[name]
            if row.opcode:
                return AN_OPERATION, OPCODE[row.opcode]
            return (A_STATEMENT if row.result == STATEMENT else ANOTHER_WORD), 0
        if leaf in (INDEX, ELEM):
            return (AN_INDEX if leaf == INDEX else AN_ELEM), 0
        if (value := number(leaf)) is not None:
            return A_NUMBER, value
        return (A_NAME, 0) if (index := register(leaf)) is None else (A_REGISTER, index)

    def make_room(self, terms: int, arguments: int) -> None:
        """Room for so many more terms and arguments."""
        if self.count + terms < len(self.heads) and self.used + arguments <= len(self.children):
            return
        for name in ("heads", "first", "shapes", "facts", "ends", *(["needs"] if len(self.needs) else [])):
            setattr(self, name, grown(getattr(self, name), self.count + terms + 1))
        self.children, one = grown(self.children, self.used + arguments), self.children is self.named
        self.named = self.children if one else grown(self.named, self.used + arguments)
        if self._plain is not None:
            self._plain = grown(self._plain, self.count + terms + 1)

    def plain(self, rows: np.ndarray) -> np.ndarray:
        """The rows [...] of what terms stand for."""
        return rows if self._plain is None else self._plain[rows]

    def write(
        self, head: int, block: Block, shapes: np.ndarray, ends: np.ndarray | bool, facts: np.ndarray | int = 0
    ) -> np.ndarray:
        """Write terms behind the last one, and return their rows [K]; `keep` makes them stay."""
        (terms, size), arguments = block.arguments.shape, block.arguments
        self.make_room(terms, terms * size)
        rows = slice(self.count, self.count + terms)
        self.heads[rows], self.facts[rows] = head, facts
        if len(self.needs):
            self.needs[rows] = block.needs
        self.first[rows.start : rows.stop + 1] = self.used + size * np.arange(terms + 1)
        inner = slice(self.used, self.used + terms * size)
        self.children[inner] = self.plain(arguments).ravel()
        if self._plain is not None:
            self.named[inner], self._plain[rows] = arguments.ravel(), np.arange(rows.start, rows.stop)
        self.shapes[rows], self.ends[rows] = shapes, ends
        return np.arange(self.count, self.count + terms, dtype=np.int32)

    def leaf(self, term: Term, is_name: bool = False) -> int:
        """Write a term without arguments, which may be no word but the name of an operation or of a register."""
        head = self.head(term.name, construct=False)
        needs = needs_of_leaf(term, is_name)
        row = self.write(head, Block(np.zeros((1, 0), np.int32), needs), np.array([head]), True)
        self.keep(1)
        return int(row[0])

    def write_named(self, head: int, arguments: np.ndarray, plain: np.ndarray) -> np.ndarray:
        """Write terms that stand for the terms `plain` [K], under another head, and return their rows [K]."""
        if self._plain is None:
            self.named, self._plain = self.children.copy(), np.arange(len(self.heads), dtype=np.int32)
        facts = self.facts[plain]
        rows = self.write(head, Block(arguments, self.needs[plain]), self.shapes[plain], self.ends[plain], facts)
        self._plain[rows] = plain
        return rows

    def keep(self, terms: int) -> None:
        """The first so many of the terms that were written last stay."""
        self.forget(self.count + terms)

    def forget(self, count: int) -> None:
        """Leave out all terms but the first so many."""
        self.count, self.used = count, int(self.first[count])

    def term(self, row: int) -> Term:
        """The term as a tree."""
        inner = self.named[self.first[row] : self.first[row + 1]]
        return Term(self.names[self.heads[row]], tuple(self.term(child) for child in inner))

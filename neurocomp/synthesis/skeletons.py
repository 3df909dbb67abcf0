"""Many programs as code at once: programs of one shape are lowered once, then only opcodes differ.

`map(inc(elem))` and `map(dec(elem))` have one shape. The assembler looks at an operation's name only to write its one
instruction; registers and lines follow from the numbers of arguments. So programs that differ in such operations alone
have the same code but for opcodes. The shape of an abstraction is that of its expansion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neurocomp.language.isa import COLUMN
from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.synthesis.assembler import Assembler, DoesNotFit, Room, TooFewRegisters
from neurocomp.synthesis.construct import Construct
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.padding import pad
from neurocomp.synthesis.terms import Term


class Shape(NamedTuple):
    """The code [L, 5] that all programs of a shape share, and places (line, k): the line holds their k-th opcode."""

    code: np.ndarray
    places: list[tuple[int, int]]


class Shapes:
    """All shapes met so far, by number; a shape is lowered with its first program."""

    def __init__(self, room: Room, language: Language = LANGUAGE):
        self.room, self.language = room, language
        self.numbers: dict[tuple, int] = {}
        self.lowered: dict[int, Shape | None] = {}

    def of(self, row: Construct | None, name: str, arguments: Sequence[int]) -> int:
        """The number of a term's shape, given those of its arguments; a leaf has no row."""
        alike = len(arguments) if row and row.opcode else name
        return self.numbers.setdefault((alike, *arguments), len(self.numbers))

    def opcodes(self, row: Construct, arguments: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """The opcodes of a term's one-instruction operations, in the order of its text."""
        return sum(arguments, (OPCODE[row.opcode],) if row.opcode else ())

    def lower(self, number: int, term: Term) -> Shape | None:
        """The shape of a program; None where its programs do not fit the machine."""
        if number not in self.lowered:
            self.lowered[number] = lowered_shape(self.language.expand(term), self.room, self.language)
        return self.lowered[number]


def code_of(shapes: Sequence[Shape], opcodes: Sequence[tuple[int, ...]], lines: int) -> np.ndarray:
    """The code [P, L, 5] of programs of these shapes with these opcodes."""
    code = np.array([shape.code for shape in shapes]).reshape(-1, lines, 5)
    places = [(p, line, opcodes[p][k]) for p, shape in enumerate(shapes) for line, k in shape.places]
    if places:
        rows = np.array(places)
        program, line, opcode = rows.T
        code[program, line, COLUMN.opcode] = opcode
    return code


def lowered_shape(term: Term, room: Room, language: Language) -> Shape | None:
    """The shape of a program without abstractions; None if it does not fit the machine."""
    operations: list[Term] = []
    fresh = _copy(term, operations, language)
    assembler = Assembler(fresh, room, language.rows)
    try:
        try:
            lowered = assembler.lowered(fresh)
        except TooFewRegisters:
            assembler = Assembler(fresh, room, language.rows, frugal=True)
            lowered = assembler.lowered(fresh)
    except DoesNotFit:
        return None
    numbers = {id(operation): k for k, operation in enumerate(operations)}
    return Shape(pad(lowered, room.sizes.lines), [(line, numbers[id(word)]) for word, line in assembler.computed])


def _copy(term: Term, operations: list[Term], language: Language) -> Term:
    """The same term with a new object for each operation, known by its id; `operations` lists them in text order."""
    if not term.arguments:
        return term
    place = len(operations)
    copied = Term(term.name, tuple([_copy(argument, operations, language) for argument in term.arguments]))
    if language.rows[term.name].opcode:
        operations.insert(place, copied)
    return copied

"""Instructions for a machine with little room: which register holds what is decided here.

Registers that start at 0 and that the program does not name are free. One that nobody writes stays 0: the address of
cell 0, the test of a jump that is always taken. Constants are made once, at the start, each from the one before.
A program that ends halts if a line is left for that. If none is, the counter wraps and the program starts over, in
the state that it left: what it means holds up to its end, and examples decide whether the steps after that matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from neurocomp.errors import UserError
from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.machine_config import Sizes
from neurocomp.synthesis.construct import WORDS, Construct
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, register, terms_in

Row = list[int]  # opcode, first, second, third, target, as in `executor.encode`
ZERO = -1  # a register that nobody writes; which one is known at the end


class Room(NamedTuple):
    """What a machine has for programs: its sizes, registers that start at 0, and how a program that ends can stop."""

    sizes: Sizes
    zeros: tuple[int, ...]
    halting: str = "freeze"


class Lowered(NamedTuple):
    """The instructions of a program, and the first and last line of each of its loops."""

    rows: tuple[tuple[int, ...], ...]
    loops: tuple[tuple[int, int], ...]


class DoesNotFit(UserError):
    """A program that needs more lines, registers or words than there are."""


class TooFewRegisters(DoesNotFit):
    """Registers are missing, perhaps only because some were taken that no instruction had to set to 0."""


@dataclass
class Loop:
    """A loop that is being written: its index, and the line that its rounds begin at."""

    index: int
    head: int
    stepped: bool = False  # the index has moved on already


class Assembler:
    """Writes instructions, and knows which registers are free.

    `fresh` have not been written yet, so they hold 0; `used` hold what nobody needs any more. Where both are empty,
    registers are made up, so that an error can say how many would have been enough. A `frugal` one sets a used
    register to 0 before it takes a fresh one.
    """

    def __init__(self, term: Term, room: Room, constructs: Mapping[str, Construct], frugal: bool = False):
        self.room, self.constructs, self.frugal = room, constructs, frugal
        named = {register(leaf) for leaf in terms_in(term)}
        free = [index for index in room.zeros if index not in named]
        self.fresh = free[1:] + free[:1]  # 0 last: what is left is the register that stays 0, by custom register 0
        self.named = named
        self.used: list[int] = []
        self.temporaries: set[int] = set()
        self.missing = 0
        self.constants: dict[int, int] = {}
        self.rows: list[Row] = []
        self.loops: list[Loop] = []
        self.spans: list[tuple[int, int]] = []
        self.computed: list[tuple[Term, int]] = []  # words of one instruction, and its line
        self.elements_left = 0
        self.element: int | None = None

    # Registers

    def _take_fresh(self) -> int:
        if not self.fresh:
            self.missing += 1
            return self.room.sizes.registers + self.missing - 1
        return self.fresh.pop(0)

    def temporary(self) -> int:
        """A register for a word that is soon not needed any more."""
        taken = self.used.pop() if self.used else self._take_fresh()
        self.temporaries.add(taken)
        return taken

    def release(self, *registers: int) -> None:
        """Those of them that are temporary are free again."""
        for one in registers:
            if one in self.temporaries:
                self.temporaries.remove(one)
                self.used.append(one)

    def zeroed(self) -> int:
        """A temporary register that holds 0 whenever control comes here."""
        if self.fresh and not self.loops and not (self.frugal and self.used):
            self.temporaries.add(self.fresh[0])
            return self.fresh.pop(0)
        taken = self.temporary()
        self.emit("zero", to=taken)
        return taken

    def copy(self, term: Term, to: int | None = None) -> int:
        """A register (`to`, or a temporary one) that holds the word and that may be changed."""
        value = number(term)
        if to is None and value is not None:
            to = self.zeroed()
            for _ in range(self._checked(value)):
                self.emit("inc", to, to=to)
            return to
        if term.arguments:
            return self._computed(term, to)
        (source,) = self.words(term)
        self.release(source)
        to = self.temporary() if to is None else to
        self.emit("max", source, source, to=to)
        return to

    def register(self, term: Term) -> int:
        """The register that a term names."""
        index = register(term)
        if index is None or index >= self.room.sizes.registers:
            raise DoesNotFit(f"there is no register {term}, the machine has {self.room.sizes.registers}")
        return index

    def _checked(self, value: int) -> int:
        if value >= self.room.sizes.base:
            raise DoesNotFit(f"there is no word {value} in base {self.room.sizes.base}")
        return value

    def _constant(self, value: int) -> int:
        """The register that holds a number all the time; `lowered` writes what makes it."""
        if self._checked(value) == 0:
            return ZERO
        if value not in self.constants:
            self.constants[value] = self._take_fresh()
        return self.constants[value]

    # Words

    def words(self, *terms: Term) -> list[int]:
        """Registers that hold these words, to be released when they have been used.

        The larger terms are computed first, as they need more registers. Leaves come last: a register that is only
        looked at (the element) cannot become the destination of what is computed beside it.
        """
        if len(terms) == 1:
            return [self._word(terms[0])]
        found = [ZERO] * len(terms)
        for place in sorted(range(len(terms)), key=[-_size(term) for term in terms].__getitem__):
            found[place] = self._word(terms[place])
        return found

    def _word(self, term: Term) -> int:
        if term.arguments:
            return self._computed(term)
        if (value := number(term)) is not None:
            return self._constant(value)
        if term == INDEX:
            return self.loops[-1].index
        return self._element() if term == ELEM else self.register(term)

    def _computed(self, term: Term, to: int | None = None) -> int:
        """An operation, in `to` or in a temporary register, which may be that of an argument."""
        sources = self.words(*term.arguments)
        self.release(*sources)
        to = self.temporary() if to is None else to
        row = self.constructs[term.name]
        if row.opcode:
            self.computed.append((term, len(self.rows)))
        row.lower(self, to, *sources)
        return to

    def same_element(self, *terms: Term) -> None:
        """From here on the element is read once for all of these terms; its last use makes its register free."""
        self.elements_left, self.element = sum([terms_in(term).count(ELEM) for term in terms]), None

    def _element(self) -> int:
        if self.element is None:
            self.element = self.temporary()
            self.temporaries.remove(self.element)
            self.emit("read", self.loops[-1].index, to=self.element)
        self.elements_left -= 1
        if self.elements_left == 0:
            self.temporaries.add(self.element)
        return self.element

    # Instructions

    def emit(self, opcode: str, first: int = 0, second: int = 0, to: int = 0) -> None:
        self.rows.append([OPCODE[opcode], first, second, to, 0])

    def jump(self, test: int = ZERO) -> int:
        """A jump whose line is not known yet: `land` is given what this returns."""
        self.emit("jump", test)
        return len(self.rows) - 1

    def land(self, jump: int) -> None:
        """The jump goes to the next line."""
        self.rows[jump][4] = len(self.rows)

    def statement(self, term: Term) -> None:
        row = self.constructs[term.name]
        if self.loops:
            kinds = row.kinds(len(term.arguments)) or ()
            self.same_element(*(a for a, kind in zip(term.arguments, kinds, strict=True) if kind in WORDS))
        row.lower(self, *term.arguments)

    def begin_loop(self) -> Loop:
        loop = Loop(self.zeroed(), len(self.rows))
        self.temporaries.remove(loop.index)
        self.loops.append(loop)
        return loop

    def step(self, loop: Loop) -> None:
        """The index moves on, here and not at the end of the loop."""
        self.emit("inc", loop.index, to=loop.index)
        loop.stepped = True

    def end_loop(self, loop: Loop, last: Term | None) -> None:
        """Move on and go back: always, or while max(index, last) = last. The index may be used until the next loop."""
        if not loop.stepped:
            self.step(loop)
        test = ZERO
        if last is not None:
            (bound,) = self.words(last)
            test = self.temporary()
            self.emit("max", loop.index, bound, to=test)
            self.emit("sub", bound, test, to=test)
            self.release(test)
        self.emit("jump", test)
        self.rows[-1][4] = loop.head
        self.spans.append((loop.head, len(self.rows) - 1))
        self.loops.pop()
        self.used.append(loop.index)

    # The whole program

    def lowered(self, term: Term) -> Lowered:
        """All instructions of a program, or DoesNotFit."""
        self.statement(term)
        zero = self.fresh[-1] if self.fresh else None
        if zero is None and any(ZERO in row[1:3] for row in self.rows):
            zero = self._take_fresh()
        made = self._making_constants(zero)
        shift, jump = len(made), OPCODE["jump"]
        self.computed = [(word, line + shift) for word, line in self.computed]
        for row in self.rows:
            if zero is not None:
                row[1:3] = [zero if source == ZERO else source for source in row[1:3]]
            if row[0] == jump:
                row[4] += shift
        rows = made + self.rows
        self._check(len(rows))
        goes_on = rows[-1][:2] == [jump, zero] and max([row[4] for row in rows]) < len(rows)
        if not goes_on and len(rows) < self.room.sizes.lines:
            rows += self._stopping(zero, len(rows))
        return Lowered(tuple(map(tuple, rows)), tuple((head + shift, end + shift) for head, end in self.spans))

    def _stopping(self, zero: int | None, line: int) -> list[Row]:
        """What ends a program. Where a halt does not keep the state from going on, a jump to itself does."""
        if self.room.halting == "freeze":
            return [[OPCODE["halt"], 0, 0, 0, 0]]
        return [] if zero is None else [[OPCODE["jump"], zero, 0, 0, line]]

    def _making_constants(self, zero: int | None) -> list[Row]:
        rows, have, source = [], 0, zero
        for value, to in sorted(self.constants.items()):
            for _ in range(value - have):
                rows.append([OPCODE["inc"], to if source is None else source, 0, to, 0])
                source = to
            have = value
        return rows

    def _check(self, lines: int) -> None:
        sizes, needs = self.room.sizes, []
        if lines > sizes.lines:
            needs.append(f"{lines} lines, the machine has {sizes.lines}")
        if self.missing:
            free = sum(index not in self.named for index in self.room.zeros)
            needs.append(f"{free + self.missing} registers that start at 0 and that it does not name, there are {free}")
        if needs:
            kind = TooFewRegisters if self.missing else DoesNotFit
            raise kind(f"needs {'; and '.join(needs)}")


def _size(term: Term) -> int:
    """How many operations a word is."""
    return sum([1 + _size(argument) for argument in term.arguments]) if term.arguments else 0

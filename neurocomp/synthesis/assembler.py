"""Instructions for a machine with few lines and registers: the assembler decides which register holds which word.

Registers that start at 0 and that the program does not name are free. One that no instruction writes stays 0: it is
the address of cell 0 and the test of a jump that is always taken. Constants are made once, at the start, each from
the one before. A program that ends halts if a line is left for that. If none is left, the counter wraps and the
program starts over in the state that it left. Its meaning holds up to its end; examples decide whether the steps
after that matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from neurocomp.errors import UserError
from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.language.isa import CodeRow
from neurocomp.machine_config import Sizes
from neurocomp.synthesis.construct import WORDS, Construct
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, register, terms_in

ZERO = -1  # stands for the register that no instruction writes; which one that is, is known at the end


@dataclass
class Row:
    """A `CodeRow` that is being written: its line and its ZERO registers are filled in later."""

    opcode: int
    first: int
    second: int
    third: int
    target: int = 0


class Room(NamedTuple):
    """The room of a machine: its sizes, the registers that start at 0, and its reading of halt."""

    sizes: Sizes
    zeros: tuple[int, ...]
    halting: str = "freeze"


class Lowered(NamedTuple):
    """The instructions of a program, and the first and last line of each of its loops."""

    rows: tuple[CodeRow, ...]
    loops: tuple[tuple[int, int], ...]


class DoesNotFit(UserError):
    """A program that needs more lines, registers or words than there are."""


class TooFewRegisters(DoesNotFit):
    """Registers are missing, perhaps only because fresh ones were taken to save the instruction `zero`."""


@dataclass
class Loop:
    """A loop that is being written: the register of its index, and the line where its rounds begin."""

    index: int
    head: int
    stepped: bool = False  # the index has been increased already


class Assembler:
    """Writes instructions, and keeps account of the free registers.

    `fresh` registers have not been written yet, so they hold 0; `used` registers hold words that are not needed any
    more. Where both are empty, registers are made up, so that an error can say how many would have been enough. A
    `frugal` assembler sets a used register to 0 before it takes a fresh one.
    """

    def __init__(self, term: Term, room: Room, constructs: Mapping[str, Construct], frugal: bool = False):
        self.room, self.constructs, self.frugal = room, constructs, frugal
        named = {register(leaf) for leaf in terms_in(term)}
        free = [index for index in room.zeros if index not in named]
        # The first free register is taken last, because what is left stays 0: by custom that is register 0.
        self.fresh = free[1:] + free[:1]
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
        """A register for a word that is needed for a short time only; `release` frees it."""
        taken = self.used.pop() if self.used else self._take_fresh()
        self.temporaries.add(taken)
        return taken

    def release(self, *registers: int) -> None:
        """Free those of these registers that are temporary."""
        for one in registers:
            if one in self.temporaries:
                self.temporaries.remove(one)
                self.used.append(one)

    def zeroed(self) -> int:
        """A temporary register that holds 0 whenever control comes here."""
        # A fresh register needs no instruction, but it holds 0 in the first pass only: in a loop, a second round would
        # find there what the first one left. So inside loops, 0 is always written.
        if self.fresh and not self.loops and not (self.frugal and self.used):
            self.temporaries.add(self.fresh[0])
            return self.fresh.pop(0)
        taken = self.temporary()
        self.emit("zero", to=taken)
        return taken

    def copy(self, term: Term, to: int | None = None) -> int:
        """A register (`to`, or a temporary one) that holds a copy of the word, which may be changed."""
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
        """The register that holds a number all the time; `lowered` writes the instructions that make it."""
        if self._checked(value) == 0:
            return ZERO
        if value not in self.constants:
            self.constants[value] = self._take_fresh()
        return self.constants[value]

    # Words

    def words(self, *terms: Term) -> list[int]:
        """Registers that hold these words, to be released when they have been used.

        Larger terms are computed first, because they need more registers: what is computed later has one less.
        """
        # Leaves must come last. In add(inc(elem), elem), inc may write its result to the element's register only if
        # that is the element's last use. If the leaf were taken first, the use in inc would count as the last one, and
        # inc would overwrite the word that add still has to read.
        if len(terms) == 1:
            (term,) = terms
            return [self._word(term)]
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
        # Released before the destination is taken: it may be a source, because an instruction reads before it writes.
        self.release(*sources)
        to = self.temporary() if to is None else to
        row = self.constructs[term.name]
        if row.opcode:
            self.computed.append((term, len(self.rows)))
        row.lower(self, to, *sources)
        return to

    def same_element(self, *terms: Term) -> None:
        """From here on the element is read once for all of these terms; its register is free after its last use.

        They must all be computed before the index or the element changes.
        """
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
        self.rows.append(Row(OPCODE[opcode], first, second, to))

    def jump(self, test: int = ZERO) -> int:
        """Write a jump whose target is not known yet, and return its line, for `land`."""
        self.emit("jump", test)
        return len(self.rows) - 1

    def land(self, jump: int) -> None:
        """Let the jump on this line go to the next instruction."""
        self.rows[jump].target = len(self.rows)

    def statement(self, term: Term) -> None:
        row = self.constructs[term.name]
        if self.loops:
            kinds = row.kinds(len(term.arguments)) or ()
            self.same_element(*(a for a, kind in zip(term.arguments, kinds, strict=True) if kind in WORDS))
        row.lower(self, *term.arguments)

    def begin_loop(self) -> Loop:
        index = self.zeroed()  # may write an instruction, which stands before the head: rounds do not repeat it
        loop = Loop(index, len(self.rows))
        self.temporaries.remove(loop.index)
        self.loops.append(loop)
        return loop

    def step(self, loop: Loop) -> None:
        """Increase the index here, not at the end of the loop."""
        self.emit("inc", loop.index, to=loop.index)
        loop.stepped = True

    def end_loop(self, loop: Loop, last: Term | None) -> None:
        """Increase the index and go back: always, or while index <= last.

        The register of the index keeps its word until the next register is taken.
        """
        if not loop.stepped:
            self.step(loop)
        test = ZERO
        if last is not None:
            (bound,) = self.words(last)
            test = self.temporary()
            # last - max(index, last) is 0 exactly if index <= last, and a jump is taken if its test is 0.
            self.emit("max", loop.index, bound, to=test)
            self.emit("sub", bound, test, to=test)
            self.release(test)
        self.emit("jump", test)
        self.rows[-1].target = loop.head
        self.spans.append((loop.head, len(self.rows) - 1))
        self.loops.pop()
        self.used.append(loop.index)

    # The whole program

    def lowered(self, term: Term) -> Lowered:
        """All instructions of a program. Raises DoesNotFit, which says how much room is missing."""
        self.statement(term)
        # All registers are taken by now, so one that is still fresh is never written: it is 0 in every step.
        zero = self.fresh[-1] if self.fresh else None
        if zero is None and any(ZERO in (row.first, row.second) for row in self.rows):
            zero = self._take_fresh()
        constants = self._making_constants(zero)
        # The constants come before the program, so every line of it moves down by so many.
        shift = len(constants)
        self.computed = [(word, line + shift) for word, line in self.computed]
        for row in self.rows:
            if zero is not None:
                row.first, row.second = (zero if source == ZERO else source for source in (row.first, row.second))
            if row.opcode == OPCODE["jump"]:
                row.target += shift
        rows = constants + self.rows
        self._check(len(rows))
        if not _never_ends(rows, zero) and len(rows) < self.room.sizes.lines:
            rows += self._stopping(zero, len(rows))
        code = tuple(CodeRow(row.opcode, row.first, row.second, row.third, row.target) for row in rows)
        return Lowered(code, tuple((head + shift, end + shift) for head, end in self.spans))

    def _stopping(self, zero: int | None, line: int) -> list[Row]:
        """The instruction that ends a program. With halting=printed the state goes on, so a jump to itself ends it."""
        if self.room.halting == "freeze":
            return [Row(OPCODE["halt"], 0, 0, 0)]
        return [] if zero is None else [Row(OPCODE["jump"], zero, 0, 0, line)]

    def _making_constants(self, zero: int | None) -> list[Row]:
        """The instructions that make the constants, the smallest first, each from the one before."""
        rows, have, source = [], 0, zero
        for value, to in sorted(self.constants.items()):
            for _ in range(value - have):
                # Without a register that stays 0, the first constant counts up from itself: it starts at 0.
                rows.append(Row(OPCODE["inc"], to if source is None else source, 0, to))
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


def _never_ends(rows: list[Row], zero: int | None) -> bool:
    """Whether control never comes to the end: the last row always jumps, and no jump goes behind it."""
    always = rows[-1].opcode == OPCODE["jump"] and rows[-1].first == zero
    return always and max([row.target for row in rows]) < len(rows)


def _size(term: Term) -> int:
    """How many operations a word takes."""
    return sum([1 + _size(argument) for argument in term.arguments]) if term.arguments else 0

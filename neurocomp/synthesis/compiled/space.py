"""All programs of a language that fit a machine, in blocks: `readable.Space` as arrays and compiled code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from neurocomp.synthesis.compiled import code_kernel
from neurocomp.synthesis.compiled.expansions import Expansions, of_statements
from neurocomp.synthesis.compiled.functions import WordFunctions, compiled_for
from neurocomp.synthesis.compiled.pools import Pool, add_both, combinations
from neurocomp.synthesis.compiled.shapes import Shapes
from neurocomp.synthesis.compiled.terms import Block, Terms, needs_of_leaf
from neurocomp.synthesis.construct import ADDRESS, ENDING, OPERATOR, REGISTER, STATEMENT, TEST, WORD, Construct
from neurocomp.synthesis.enumeration import BATCH, Enumeration
from neurocomp.synthesis.terms import ELEM, Term


class Batch(NamedTuple):
    """Programs of one weight, as rows of `Space.terms` [P]. `skipped` more of them did not fit the machine."""

    weight: int
    programs: np.ndarray
    skipped: int


class Space(Enumeration):
    """The programs of `readable.Space`, in the same order and the same batches."""

    POOL = Pool

    def _begin(self, mod_by_zero: str) -> None:
        language = self.language
        self.terms = Terms(language.rows, keeps_needs=bool(language.abstractions))
        self.functions = WordFunctions(self.room.sizes.base, mod_by_zero)
        self.shapes = Shapes(self.room, self.terms, language)
        self.expansions = Expansions(self.terms, self.shapes, self.functions, language.rows)

    def term(self, batch: Batch, place: int) -> Term:
        return self.terms.term(batch.programs[place])

    def trials(self, batch: Batch, most: int, trying: Any) -> Any:
        return trying.of_programs(self, batch.programs[:most])

    def code(self, programs: np.ndarray) -> np.ndarray:
        """The code [P, L, 5] of programs [P]."""
        code = np.zeros((len(programs), self.room.sizes.lines, 5), np.int64)
        code_of()(*self.arrays(programs), code, *self.stacks())
        return code

    def arrays(self, programs: np.ndarray) -> tuple[np.ndarray, ...]:
        """What the kernels need to write the code of programs [P]."""
        terms, shapes = self.terms, self.shapes
        lowered = shapes.lowered[terms.shapes[programs]]
        return (
            terms.plain(programs), terms.heads, terms.first, terms.children, terms.kind_of, terms.value_of, lowered,
            shapes.codes,
        )  # fmt: skip

    def stacks(self) -> tuple[np.ndarray, np.ndarray]:
        size = 64 * self.room.sizes.lines
        return np.zeros(size, np.int32), np.zeros(size, np.int64)

    def _leaf(self, term: Term) -> np.ndarray:
        row = np.array([self.terms.leaf(term)], np.int32)
        self.terms.facts[row] = self.functions.of_leaf(term)
        return row

    def _name(self, term: Term) -> np.ndarray:
        return np.array([self.terms.leaf(term, is_name=True)], np.int32)

    def _add_leaf(self, kind: str, looped: bool, weight: int, leaf: np.ndarray) -> None:
        self.pools[kind, looped].add(weight, leaf, self._needs(leaf, kind in (OPERATOR, REGISTER)))

    def _needs(self, leaf: np.ndarray, is_name: bool = False) -> np.ndarray:
        return needs_of_leaf(self.terms.term(int(leaf[0])), is_name)

    def _add_new_leaf(self, weight: int, looped: bool, row: np.ndarray) -> None:
        if self.functions.new_leaf(int(self.terms.facts[row[0]]), looped):
            addresses = self.terms.heads[row[0]] != self.terms.head(ELEM.name, False)
            self._add_to_pools(weight, looped, row, self._needs(row), addresses)

    def _add_to_pools(
        self, weight: int, looped: bool, rows: np.ndarray, needs: np.ndarray, addresses: bool = False
    ) -> None:
        """Add words [K]; in loops, they are addresses only where that is said."""
        tests = ~self.functions.constant(self.terms.facts[rows])
        add_both(self.pools[WORD, looped], self.pools[TEST, looped], weight, rows, needs, tests)
        if addresses or not looped:
            self.pools[ADDRESS, looped].add(weight, rows, needs)

    def _add_words(self, weight: int, looped: bool) -> Iterator[None]:
        for row in self.rows:
            if row.result == WORD:
                add = self._add_block_of_words if row.body is None else self._add_block_of_named_words
                for block in self._blocks(row, weight, looped):
                    add(row, weight, looped, block)
                    yield None

    def _add_block_of_words(self, row: Construct, weight: int, looped: bool, block: Block) -> None:
        """Add the words of a block that are new functions."""
        functions = self.terms.facts[block.arguments]
        if row.reads_memory:
            numbers, new = self.functions.read(row, functions[:, 0], looped)
        else:
            numbers, new = self.functions.applied(row, functions[:, 0], functions[:, -1], looped)
        block = Block(block.arguments[new], block.needs[new])
        head = self.terms.head(row.name, construct=True)
        rows = self.terms.write(head, block, self.shapes.of(row, head, block.arguments), True)
        self.terms.facts[rows] = numbers[new]
        self.terms.keep(len(rows))
        self._add_to_pools(weight, looped, rows, block.needs)

    def _add_block_of_named_words(self, row: Construct, weight: int, looped: bool, block: Block) -> None:
        """The same for an abstraction."""
        fits = self._fit(row, looped, self.expansions.needs(row, block.arguments))
        numbers, new = self.expansions.functions_of(row, block.arguments, fits, looped)
        rows = self.expansions.write(row, block.arguments[new])
        self.terms.facts[rows] = numbers[new]
        self._add_to_pools(weight, looped, rows, self.terms.needs[rows])

    def _fit(self, row: Construct, looped: bool, needs: np.ndarray) -> np.ndarray:
        """Whether the lines of abstractions [K] may suffice: a hole that is twice in a body takes its lines twice."""
        return needs.sum(1) <= self._lines(row, looped)

    def _statements(self, weight: int, looped: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The statements of this weight, added to the pools: for each [K] whether it fits, and those that do."""
        for row in self.rows:
            if row.result == STATEMENT:
                add = self._add_block_of_statements if row.body is None else self._add_block_of_named_statements
                for block in self._blocks(row, weight, looped):
                    yield add(row, weight, looped, block)

    def _add_block_of_statements(
        self, row: Construct, weight: int, looped: bool, block: Block
    ) -> tuple[np.ndarray, np.ndarray]:
        terms, head = self.terms, self.terms.head(row.name, construct=True)
        ends = np.logical_and.reduce(terms.ends[block.arguments], 1) & row.ends(block.arguments.shape[1])
        if looped:
            block, ends = Block(block.arguments[ends], block.needs[ends]), ends[ends]
        needs = of_statements(block.needs)
        shapes = self.shapes.of(row, head, block.arguments)
        recordings = self.shapes.recordings_of(row, head, block.arguments)

        def write(places: np.ndarray) -> np.ndarray:
            part = Block(block.arguments[places], needs[places])
            return terms.write(head, part, shapes[places], ends[places], recordings[places])

        fits = np.ones(len(shapes), np.bool_) if looped else self.shapes.fit(shapes, write)
        rows = write(np.flatnonzero(fits))
        terms.keep(len(rows))
        self._add_statements(weight, looped, rows, needs[fits])
        return fits, rows

    def _add_block_of_named_statements(
        self, row: Construct, weight: int, looped: bool, block: Block
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same for an abstraction."""
        terms, expansions, arguments = self.terms, self.expansions, block.arguments
        arguments = arguments[self._fit(row, looped, expansions.needs(row, arguments))]
        count = terms.count
        rows = expansions.write(row, arguments)
        fits = terms.ends[rows] if looped else self.shapes.fit(terms.shapes[rows], rows.__getitem__)
        if not fits.all():
            terms.forget(count)
            rows = expansions.write(row, arguments[fits])
        self._add_statements(weight, looped, rows, terms.needs[rows])
        return fits, rows

    def _add_statements(self, weight: int, looped: bool, rows: np.ndarray, needs: np.ndarray) -> None:
        self.pools[STATEMENT, looped].add(weight, rows, needs)
        end = self.terms.ends[rows]
        self.pools[ENDING, looped].add(weight, rows[end], needs[end])

    def _blocks(self, row: Construct, weight: int, looped: bool) -> Iterator[Block]:
        """Arguments that make a term of this weight, as far as lines may suffice; each with the term's needs."""
        head = self.terms.head(row.name, construct=True)
        lines = self._lines(row, looped)
        if row.outside if looped else row.inside:
            return
        for kinds in self._signatures(row):
            own, pools = row.own_lines(len(kinds)), self._pools(row, kinds, looped)
            for block in combinations(pools, weight - row.weight, lines - own):
                if row.sequential:
                    flat = ~(self.terms.heads[block.arguments] == head).any(1)
                    block = Block(block.arguments[flat], block.needs[flat])
                block.needs[:, 0] += own
                yield block

    def _programs(self, weight: int) -> Iterator[Batch]:
        waiting, skipped = np.zeros(0, np.int32), 0
        for fits, rows in self._statements(weight, False):
            ends = np.flatnonzero(fits)  # where in the block each program of `rows` stands
            begin = done = 0
            while len(waiting) + len(rows) - done >= BATCH:
                taken = BATCH - len(waiting)
                end = ends[done + taken - 1] + 1
                skipped += int((~fits[begin:end]).sum())
                yield Batch(weight, np.concatenate([waiting, rows[done : done + taken]]), skipped)
                waiting, skipped, begin, done = waiting[:0], 0, end, done + taken
            waiting = np.concatenate([waiting, rows[done:]])
            skipped += int((~fits[begin:]).sum())
        if len(waiting) or skipped:
            yield Batch(weight, waiting, skipped)


# Arrays of the types that `Space.arrays` returns.
ARRAYS = (
    np.zeros(1, np.int32), np.zeros(1, np.int16), np.zeros(1, np.uint32), np.zeros(1, np.int32), np.zeros(1, np.int64),
    np.zeros(1, np.int64), np.zeros(1, np.int32), np.zeros((1, 1, 6), np.int16),
)  # fmt: skip


@functools.cache
def code_of() -> Callable[..., None]:
    """The kernel that writes code, compiled for arrays of these types."""
    rows, ints = np.zeros(1, np.int32), np.zeros(1, np.int64)
    return compiled_for(code_kernel.code_of, (*ARRAYS, np.zeros((1, 1, 5), np.int64), rows, ints))

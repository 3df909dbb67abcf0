"""The lookup table T of Eq. 6 in the form that the engine evaluates: few products of sums, derived from `isa`.

Written out, T has O b^2 ones. But most opcodes treat many words alike: `min` gives x for every y >= x. So for each
opcode and result v, the pairs (x, y) that give v are covered by rectangles, a set of words x times a set of words y;
each costs one product of two sums. And where y only says by how much x moves (inc, dec, add, sub), all these
opcodes together are one distribution of shifts, by which x moves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurocomp.language.isa import OPCODES, compute

Words = frozenset[int]


class Lookup(NamedTuple):
    """T as rows of ints. Sums 0..b-1 of an operand are its words; `x_sums` and `y_sums` make those after them."""

    x_sums: np.ndarray  # (first, second): the next sum of x is the sum of these two
    y_sums: np.ndarray
    shifts: np.ndarray  # (opcode, shift, sum of y): what moves x by `shift`
    rectangles: np.ndarray  # (opcode, v, sum of x, sum of y): for these words the opcode gives v
    y_all: int  # which sum of y is over all words


class Sums:
    """Sums over sets of words: first the words themselves, then sums of two earlier ones each."""

    def __init__(self, base: int, wanted: set[Words]):
        self.index: dict[Words, int] = {frozenset([word]): word for word in range(base)}
        self.rows: list[tuple[int, int]] = []
        for words in sorted(wanted, key=lambda words: (len(words), sorted(words))):
            self.make(words)

    def make(self, words: Words) -> None:
        """Add known parts, the largest first, until they are `words`."""
        have = Words()
        while have != words:  # ends, because every single word is known; parts never overlap, so no word counts twice
            part = max((known for known in self.index if known <= words - have), key=len)
            if have:
                self.rows.append((self.index[have], self.index[part]))
                self.index[have | part] = len(self.index)
            have |= part


def lookup(base: int, mod_by_zero: str) -> Lookup:
    """The table T for words 0..base-1."""
    shifts: list[tuple[int, int, Words]] = []
    rectangles: list[tuple[int, int, Words, Words]] = []
    for index, opcode in enumerate(OPCODES):
        if opcode.result is None:
            continue
        table = [[compute(opcode, x, y, base, mod_by_zero) for y in range(base)] for x in range(base)]
        by_shift = shift_of(table)
        if by_shift is not None:
            shifts += [(index, shift, ys) for shift, ys in by_shift.items()]
        else:
            rectangles += [(index, v, xs, ys) for v in range(base) for ys, xs in cover(table, v).items()]
    everything = Words(range(base))
    x_sums = Sums(base, {xs for _, _, xs, _ in rectangles})
    y_sums = Sums(base, {everything} | {ys for *_, ys in rectangles} | {ys for *_, ys in shifts})
    return Lookup(
        rows(x_sums.rows),
        rows(y_sums.rows),
        rows([(index, shift, y_sums.index[ys]) for index, shift, ys in shifts]),
        rows([(index, v, x_sums.index[xs], y_sums.index[ys]) for index, v, xs, ys in rectangles]),
        y_sums.index[everything],
    )


def shift_of(table: list[list[int]]) -> dict[int, Words] | None:
    """For each shift the words y that move x by it; None if the opcode does more than shift x (see module)."""
    base = len(table)
    if any(table[x][y] != (x + table[0][y]) % base for x in range(base) for y in range(base)):
        return None
    return {shift: frozenset(y for y in range(base) if table[0][y] == shift) for shift in sorted(set(table[0]))}


def cover(table: list[list[int]], v: int) -> dict[Words, Words]:
    """Rectangles that together hold each pair (x, y) with result v once: words of y -> words of x.

    Words x with the same words y share a rectangle. Each x is in one, with all its words y, so no pair counts twice.
    """
    found: dict[Words, Words] = {}
    for x, row in enumerate(table):
        ys = frozenset(y for y, result in enumerate(row) if result == v)
        if ys:
            found[ys] = found.get(ys, frozenset()) | {x}
    return found


def rows(tuples: list[tuple[int, ...]]) -> np.ndarray:
    """The tuples as an array with two axes, also when there are none."""
    return np.array(tuples, dtype=np.int64).reshape(len(tuples), -1 if tuples else 2)

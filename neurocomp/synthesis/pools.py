"""The parts of programs: pools of fragments by weight, and all combinations of fragments of a given weight."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from neurocomp.synthesis.equivalence import Function
from neurocomp.synthesis.terms import Term


class Needs(NamedTuple):
    """The fewest lines that a fragment takes, in three parts that add up.

    `lines` are those of its own instructions. Constants take `largest` lines, as many as the largest number in it.
    Reading the element takes one more (`element`, 0 or 1).
    """

    lines: int
    largest: int
    element: int

    def with_(self, other: Needs) -> Needs:
        """The needs of two fragments together: numbers are made from each other, and the element is read once."""
        lines, largest = self.lines + other.lines, max(self.largest, other.largest)
        return Needs(lines, largest, self.element | other.element)


NOTHING = Needs(0, 0, 0)


class Fragment(NamedTuple):
    """A term and the facts about it that enumeration needs without looking into it.

    `shape` and `opcodes` are for its code (see `skeletons.py`). `function` is that of a word, else None.
    `ends` is False for a statement that may go on for ever.
    """

    term: Term
    needs: Needs
    shape: int
    opcodes: tuple[int, ...]
    function: Function | None = None
    ends: bool = True


class Pool:
    """Fragments of one kind, by weight and needs, and the fewest lines that a fragment of each weight takes."""

    def __init__(self):
        self.fragments: dict[tuple[int, Needs], list[Fragment]] = {}
        self.fewest: dict[int, int] = {}

    @property
    def heaviest(self) -> int:
        return max(self.fewest, default=0)

    def add(self, weight: int, fragment: Fragment) -> None:
        self.fragments.setdefault((weight, fragment.needs), []).append(fragment)
        self.fewest[weight] = min(fragment.needs.lines, self.fewest.get(weight, fragment.needs.lines))


def fewest_lines(pools: Sequence[dict[int, int]], weight: int, lines: int) -> list[dict[int, int]]:
    """The fewest lines that fragments of the last 0, 1, ... pools take for each weight in sum, up to `weight`.

    Each pool is given by the fewest lines of its fragments of each weight.
    """
    fewest = [{0: 0}]
    for pool in reversed(pools):
        least: dict[int, int] = {}
        for (own, own_lines), (rest, rest_lines) in itertools.product(pool.items(), fewest[-1].items()):
            if own + rest <= weight:
                least[own + rest] = min(own_lines + rest_lines, least.get(own + rest, lines + 1))
        fewest.append(least)
    return fewest


def combinations(pools: list[Pool], weight: int, lines: int) -> Iterator[tuple[Needs, tuple[Fragment, ...]]]:
    """One fragment from each pool, with this weight in sum, as far as they may fit `lines`; in a fixed order."""
    fewest = fewest_lines([pool.fewest for pool in pools], weight, lines)
    if fewest[-1].get(weight, lines + 1) <= lines:
        yield from _combinations(pools, fewest[-2::-1], weight, lines, NOTHING)


def _combinations(
    pools: list[Pool], fewest: list[dict[int, int]], weight: int, lines: int, needs: Needs
) -> Iterator[tuple[Needs, tuple[Fragment, ...]]]:
    """`combinations`, given the needs of the fragments before; `fewest` are for the pools after each pool."""
    # `fewest` bounds the needs of later fragments from below by their own lines alone, so only what cannot fit is left
    # out; but most of it is left out here, before its fragments are put together.
    if not pools:
        yield needs, ()
        return
    for (own, own_needs), fragments in list(pools[0].fragments.items()):
        rest_lines = fewest[0].get(weight - own)
        if rest_lines is None:
            continue
        both = needs.with_(own_needs)
        if both.lines + both.largest + both.element + rest_lines > lines:
            continue
        rests = list(_combinations(pools[1:], fewest[1:], weight - own, lines, both))
        for fragment in fragments:
            for all_needs, rest in rests:
                yield all_needs, (fragment, *rest)

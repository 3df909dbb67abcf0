"""What programs are made from: fragments by kind and weight, and all ways to put some of them together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from neurocomp.synthesis.equivalence import Function
from neurocomp.synthesis.terms import Term


class Needs(NamedTuple):
    """The lines that a fragment takes at least: its own, as many as its largest number, one to read the element."""

    lines: int
    largest: int
    element: int

    def with_(self, other: Needs) -> Needs:
        """What two fragments need side by side: numbers are made from each other, the element is read once."""
        return Needs(self[0] + other[0], max(self[1], other[1]), self[2] | other[2])


NOTHING = Needs(0, 0, 0)


class Fragment(NamedTuple):
    """A term and what is known of it without looking into it.

    With `shape` and `opcodes` it is lowered (see `shapes.py`). `function` is that of a word.
    """

    term: Term
    needs: Needs
    shape: int
    opcodes: tuple[int, ...]
    function: Function | None = None
    ends: bool = True


class Pool:
    """Fragments of one kind, by weight and needs; and the fewest lines of each weight."""

    def __init__(self):
        self.fragments: dict[tuple[int, Needs], list[Fragment]] = {}
        self.fewest: dict[int, int] = {}

    @property
    def heaviest(self) -> int:
        return max(self.fewest, default=0)

    def add(self, weight: int, fragment: Fragment) -> None:
        self.fragments.setdefault((weight, fragment.needs), []).append(fragment)
        self.fewest[weight] = min(fragment.needs.lines, self.fewest.get(weight, fragment.needs.lines))


def combinations(pools: list[Pool], weight: int, lines: int) -> Iterator[tuple[Needs, tuple[Fragment, ...]]]:
    """One fragment from each pool, of this weight together, that may fit so many lines; in a fixed order."""
    fewest: list[dict[int, int]] = [{0: 0}]  # lines that the last 0, 1, ... pools need for each weight
    for pool in reversed(pools):
        least: dict[int, int] = {}
        for (own, own_lines), (rest, rest_lines) in itertools.product(pool.fewest.items(), fewest[-1].items()):
            if own + rest <= weight:
                least[own + rest] = min(own_lines + rest_lines, least.get(own + rest, lines + 1))
        fewest.append(least)
    if fewest[-1].get(weight, lines + 1) <= lines:
        yield from _combinations(pools, fewest[-2::-1], weight, lines, NOTHING)


def _combinations(
    pools: list[Pool], fewest: list[dict[int, int]], weight: int, lines: int, needs: Needs
) -> Iterator[tuple[Needs, tuple[Fragment, ...]]]:
    """The same, given what those before need; `fewest` are the lines that those after each pool need."""
    if not pools:
        yield needs, ()
        return
    for (own, own_needs), fragments in list(pools[0].fragments.items()):
        rest_lines = fewest[0].get(weight - own)
        if rest_lines is None:
            continue
        both = needs.with_(own_needs)
        if sum(both) + rest_lines > lines:
            continue
        rests = list(_combinations(pools[1:], fewest[1:], weight - own, lines, both))
        for fragment in fragments:
            for all_needs, rest in rests:
                yield all_needs, (fragment, *rest)

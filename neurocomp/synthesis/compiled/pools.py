"""Pools of terms by weight and needs, and all combinations of a given weight as arrays: `pools.py`, many at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurocomp.synthesis.compiled.terms import Block, grown
from neurocomp.synthesis.pools import fewest_lines

PACKED = np.array([1 << 32, 1 << 16, 1])  # three needs as one number
AT_ONCE = 1 << 15  # combinations in one block
Key = tuple[int, int, int, int]  # weight, lines, largest, element


class Rows:
    """Rows of terms, in the order in which they came."""

    def __init__(self):
        self.count, self.array = 0, np.zeros(4, np.int32)

    def add(self, rows: np.ndarray) -> None:
        self.array = grown(self.array, self.count + len(rows))
        self.array[self.count : self.count + len(rows)] = rows
        self.count += len(rows)

    def copy(self) -> Rows:
        other = Rows()
        other.add(self.rows)
        return other

    @property
    def rows(self) -> np.ndarray:
        return self.array[: self.count]


class Pool:
    """Terms of one kind by weight and needs, in the order in which they came, and the fewest lines of each weight."""

    def __init__(self):
        self.groups: dict[Key, Rows] = {}
        self.fewest: dict[int, int] = {}

    @property
    def heaviest(self) -> int:
        return max(self.fewest, default=0)

    def add(self, weight: int, rows: np.ndarray, needs: np.ndarray) -> None:
        """Add terms [K] of this weight with these needs [K, 3]."""
        if not len(rows):
            return
        packed = needs.astype(np.int64) @ PACKED
        if (packed == packed[0]).all():  # as they are most often
            firsts, inverse = np.zeros(1, np.int64), None
        else:
            _, firsts, inverse = np.unique(packed, return_index=True, return_inverse=True)
        for kind in np.argsort(firsts):
            lines, largest, element = needs[firsts[kind]].tolist()
            group = self.groups.setdefault((weight, lines, largest, element), Rows())
            group.add(rows if inverse is None else rows[inverse == kind])
            self.fewest[weight] = min(lines, self.fewest.get(weight, lines))


def add_both(every: Pool, some: Pool, weight: int, rows: np.ndarray, needs: np.ndarray, chosen: np.ndarray) -> None:
    """Add terms [K] to a pool, and those that are `chosen` [K] to another. They share the groups of a weight while all
    of its terms are in both."""
    own = [key for key in every.groups if key[0] == weight]
    shared = all(some.groups.get(key) is every.groups[key] for key in own)
    every_one = bool(chosen.all())
    if shared and not every_one:
        some.groups |= {key: every.groups[key].copy() for key in own}
    every.add(weight, rows, needs)
    if not (shared and every_one):
        some.add(weight, rows[chosen], needs[chosen])
    elif len(rows):
        some.groups |= {key: group for key, group in every.groups.items() if key[0] == weight}
        some.fewest[weight] = every.fewest[weight]


def combinations(pools: list[Pool], weight: int, lines: int) -> Iterator[Block]:
    """One term from each pool, with this weight in sum, as far as they may fit `lines`, in the readable order."""
    if sum(pool.heaviest for pool in pools) < weight:
        return
    fewest = fewest_lines([pool.fewest for pool in pools], weight, lines)
    if fewest[-1].get(weight, lines + 1) <= lines:
        yield from _blocks(pools, fewest[-2::-1], weight, lines, (0, 0, 0))


def _blocks(
    pools: list[Pool], fewest: list[dict[int, int]], weight: int, lines: int, needs: tuple[int, int, int]
) -> Iterator[Block]:
    """The blocks of the combinations that go on from arguments with these needs."""
    if not pools:
        yield Block(np.zeros((1, 0), np.int32), np.array([needs], np.uint16))
        return
    for (own, *own_needs), group in list(pools[0].groups.items()):
        rest_lines = fewest[0].get(weight - own)
        if rest_lines is None:
            continue
        both = needs[0] + own_needs[0], max(needs[1], own_needs[1]), needs[2] | own_needs[2]
        if sum(both) + rest_lines > lines:
            continue
        rests = list(_blocks(pools[1:], fewest[1:], weight - own, lines, both))
        if rests:
            yield from _crossed(group.rows, rests)


def _crossed(rows: np.ndarray, rests: list[Block]) -> Iterator[Block]:
    """Each row before each combination of the rests, in order."""
    arguments = rests[0].arguments if len(rests) == 1 else np.concatenate([rest.arguments for rest in rests])
    needs = rests[0].needs if len(rests) == 1 else np.concatenate([rest.needs for rest in rests])
    at_once = max(1, AT_ONCE // len(needs))
    for begin in range(0, len(rows), at_once):
        part = rows[begin : begin + at_once]
        # In this order: all rests of the first row, then all of the second.
        first = np.repeat(part, len(needs))[:, None]
        yield Block(np.hstack([first, np.tile(arguments, (len(part), 1))]), np.tile(needs, (len(part), 1)))

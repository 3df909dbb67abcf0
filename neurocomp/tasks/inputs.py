"""Which start words of an input matter, and how many inputs differ in them.

The words that matter are those that the reference program reads before it has overwritten them, and the checked words
that it never overwrites. Which words these are depends on the input: inc follows a pointer. Two inputs that agree in
them run alike, step by step, and leave the same checked words. A word that is read in vain counts too.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from neurocomp.language.assembly import Program
from neurocomp.language.interpreter import run_in_place
from neurocomp.limits.estimates import HELD_OUT

ENOUGH = 2 * HELD_OUT  # from so many different inputs on, there is room to keep training inputs apart
LIKELY = 15 / 16  # at most so much of what is drawn may be held out, or training examples are drawn for ever

STEPS = 1_000_000  # that the search for different inputs may execute, a second or two
REMEMBERED = 50_000  # nodes of the tree of reads that are kept, of each program

Key = tuple[tuple[int, int], ...]
"""The words that matter of one input, in the order in which they are read: (place, word)."""

Ranges = tuple[tuple[int, int], ...]
"""(low, high) of each start word. Its place is its index: memory cells first, then registers."""


@dataclass(frozen=True)
class Reads:
    """A reference program and all that decides which start words it reads; `checked` are places."""

    program: Program
    base: int
    steps: int
    checked: tuple[int, ...]
    halting: str = "freeze"
    mod_by_zero: str = "zero"

    def key(self, start: Sequence[int]) -> Key:
        """The words that matter of one input."""
        return self.keys([start])[0]

    def keys(self, starts: Iterable[Sequence[int]]) -> list[Key]:
        """The words that matter of each of these inputs (plain ints: memory cells, then registers)."""
        root = _seen(self)
        return [self._key(start, root) for start in starts]

    def _key(self, start: Sequence[int], node: _Node) -> Key:
        words: list[tuple[int, int]] = []
        places: list[int] | None = None
        while True:
            if node.place is None:
                places = places or self.places(start)
                node.place = places[len(words)] if len(words) < len(places) else END
            if node.place == END:
                return tuple(words)
            word = start[node.place]
            words.append((node.place, word))
            node = node.after(word)

    def places(self, start: Sequence[int]) -> list[int]:
        """The places of the words that matter, in the order in which they are read, by running the program."""
        read: list[int] = []
        known: set[int] = set()
        memory, registers = start[: self.base], start[self.base :]
        run_in_place(
            self.program,
            _Noted(memory, 0, read, known),
            _Noted(registers, self.base, read, known),
            self.base,
            self.steps,
            self.halting,
            self.mod_by_zero,
        )
        return read + [place for place in self.checked if place not in known]


END = -1


class _Node:
    """The runs that have read certain words: the place that all of them read next, None while no run has got there."""

    def __init__(self, kept: Iterator[int]):
        self.place: int | None = None
        self.below: dict[int, _Node] = {}
        self.kept = kept

    def after(self, word: int) -> _Node:
        """The node of the runs that read this word there."""
        node = self.below.get(word)
        if node is None:
            node = _Node(self.kept)
            if next(self.kept) < REMEMBERED:
                self.below[word] = node
        return node


@functools.lru_cache(maxsize=64)
def _seen(reads: Reads) -> _Node:
    """The root of all that runs have read, so that an input like an earlier one need not be run."""
    return _Node(itertools.count())


class _Noted(list[int]):
    """Words that append the place of each to `read` when it is read, unless it was read or overwritten before."""

    def __init__(self, words: Sequence[int], first: int, read: list[int], known: set[int]):
        super().__init__(words)
        self.first, self.read, self.known = first, read, known

    def __getitem__(self, index: int) -> int:  # type: ignore[override]
        place = self.first + index
        if place not in self.known:
            self.known.add(place)
            self.read.append(place)
        return super().__getitem__(index)

    def __setitem__(self, index: int, word: int) -> None:  # type: ignore[override]
        self.known.add(self.first + index)
        super().__setitem__(index, word)


class KnownInputs:
    """Inputs that are known by the words that matter of each, so that no other input need be run to be told apart.

    What a run reads next depends on what it has read. So an input is one of these if and only if, from the first place
    that all runs read, its words lead along those of a known one to the end.
    """

    def __init__(self, keys: Iterable[Key]):
        self.root = _Branch()
        for key in keys:
            branch = self.root
            for place, word in key:
                branch.place = place
                branch = branch.below.setdefault(word, _Branch())
            branch.key = key

    def key(self, start: Sequence[int]) -> Key | None:
        """The words that matter of an input (plain ints) if it is one of these, else None."""
        branch: _Branch | None = self.root
        while branch is not None and branch.key is None:
            branch = None if branch.place is None else branch.below.get(start[branch.place])
        return branch.key if branch else None


class _Branch:
    """Known inputs that agree so far: the place that is read next, or the key where all is read."""

    def __init__(self):
        self.key: Key | None = None
        self.place: int | None = None
        self.below: dict[int, _Branch] = {}


@functools.lru_cache(maxsize=16)
def known_inputs(keys: Collection[Key]) -> KnownInputs:
    """The same, made once for a frozenset or tuple of keys."""
    return KnownInputs(keys)


class Variety(NamedTuple):
    """How many inputs differ in the words that matter, at most ENOUGH, and whether held-out ones can be apart.

    Without `exact` there may be more of them.
    """

    different: int
    enough: bool
    exact: bool


class _Siblings(NamedTuple):
    """Inputs that agree in `words` and next read the word at `place`, which is one of low..high in each of them.

    `rank` is minus the probability of each: a heap gives the likeliest first.
    """

    rank: float
    words: Key
    place: int
    low: int
    high: int

    @property
    def size(self) -> int:
        return self.high - self.low + 1


class _Tree:
    """The tree of reads as far as it was walked. A node stands for the words that a run has read so far; it branches
    over the values of the word that is read next. `nodes` counts the leaves that are known, ends of runs included.
    """

    def __init__(self, reads: Reads, ranges: Ranges):
        self.reads, self.ranges = reads, ranges
        self.unfinished: list[_Siblings] = []
        self.finished: list[float] = []  # the probability of each input
        self.nodes = 0
        self._run((), 1.0)

    def walk(self) -> None:
        """Run one of the likeliest nodes."""
        siblings = heapq.heappop(self.unfinished)
        self.nodes -= 1
        if siblings.size > 1:
            heapq.heappush(self.unfinished, siblings._replace(low=siblings.low + 1))
        self._run((*siblings.words, (siblings.place, siblings.low)), -siblings.rank)

    def _run(self, words: Key, probability: float) -> None:
        start = [low for low, _ in self.ranges]
        for place, word in words:
            start[place] = word
        # A word that is fixed tells no inputs apart.
        read = [place for place, _ in self.reads.key(start) if self.ranges[place][0] < self.ranges[place][1]]
        if len(read) == len(words):
            self.finished.append(probability)
            self.nodes += 1
            return
        place = read[len(words)]
        low, high = self.ranges[place]
        heapq.heappush(self.unfinished, _Siblings(-probability / (high - low + 1), words, place, low, high))
        self.nodes += high - low + 1

    def enough(self) -> bool:
        """Whether there are ENOUGH inputs, of which no HELD_OUT are more than LIKELY of all that is drawn.

        A node has at least one input below it, and these are together as likely as it is. So the nodes tell.
        """
        if self.nodes < ENOUGH:
            return False
        room, share = HELD_OUT, 0.0
        sizes = [(-siblings.rank, siblings.size) for siblings in self.unfinished]
        for probability, size in sorted(sizes + [(probability, 1) for probability in self.finished], reverse=True):
            share += probability * min(size, room)
            room -= min(size, room)
        return share <= LIKELY


@functools.lru_cache(maxsize=256)
def variety(reads: Reads, ranges: Ranges) -> Variety:
    """How the inputs differ whose words are drawn uniformly from `ranges`.

    The walk ends when there is enough. It sees all of a tree with less than ENOUGH inputs, which has fewer nodes that
    branch than inputs, unless each run takes thousands of steps.
    """
    tree = _Tree(reads, ranges)
    for _ in range(min(2 * ENOUGH, STEPS // reads.steps)):
        if not tree.unfinished or tree.enough():
            break
        tree.walk()
    return Variety(min(tree.nodes, ENOUGH), tree.enough(), not tree.unfinished)

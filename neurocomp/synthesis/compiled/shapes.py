"""The shapes of programs, each lowered once: `skeletons.Shapes` for blocks of programs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from neurocomp.language.isa import COLUMN
from neurocomp.synthesis.assembler import Room
from neurocomp.synthesis.compiled import shapes_kernel
from neurocomp.synthesis.compiled.functions import compiled_for
from neurocomp.synthesis.compiled.recording import recorded
from neurocomp.synthesis.compiled.registers_kernel import A_NAME, AN_ELEM, AN_INDEX, NONE, scratch
from neurocomp.synthesis.compiled.terms import Terms, grown
from neurocomp.synthesis.construct import EACH_STATEMENT, STATEMENT, Construct
from neurocomp.synthesis.language import Language
from neurocomp.synthesis.skeletons import lowered_shape
from neurocomp.synthesis.terms import Term

UNKNOWN, TOO_LARGE = -1, -2  # in `lowered`, where there is no place in `codes`
LEAVES = 1 << 16  # heads of leaves and of constructs are shapes below this; others are pairs of shapes


class Shapes:
    """All shapes met so far. `lowered` [shapes] says where the code of each is in `codes` [S, L, 6]."""

    def __init__(self, room: Room, terms: Terms, language: Language):
        self.room, self.terms, self.language = room, terms, language
        sizes = room.sizes
        self.keys, self.numbers = np.full(1 << 12, NONE, np.int64), np.zeros(1 << 12, np.int32)
        self.counts = np.array([LEAVES, 0])
        self.lowered = np.full(2 * LEAVES, UNKNOWN, np.int32)
        self.codes, self.count = np.zeros((256, sizes.lines, 6), np.int16), 0
        self.recordings: dict[tuple, int] = {}
        self.steps, self.starts = np.zeros(0, np.int64), np.zeros(1, np.int64)
        self.scratch = scratch(sizes.lines, sizes.registers, sizes.base, len(room.zeros))
        self.nodes = np.zeros((64 * sizes.lines, 8), np.int64)

    def of(self, row: Construct, head: int, arguments: np.ndarray) -> np.ndarray:
        """The shapes [K] of terms with arguments [K, n]."""
        # Operations of as many words have one shape: the first of them stands for all.
        alike = LEAVES - 1 - arguments.shape[1] if row.opcode else head
        shapes = np.full(len(arguments), alike, np.int32)
        for place in range(arguments.shape[1]):
            shapes = self._pairs(shapes, self.terms.shapes[arguments[:, place]])
        return shapes

    def _pairs(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        found, done = np.zeros(len(left), np.int32), 0
        while True:
            rest = slice(done, None)
            number_pairs = kernels().number_pairs
            done += number_pairs(left[rest], right[rest], self.keys, self.numbers, self.counts, found[rest])
            if done == len(left):
                return found
            keys, numbers = self.keys[self.keys != NONE], self.numbers[self.keys != NONE]
            order = np.argsort(numbers)
            keys, numbers = keys[order], numbers[order]
            size = 4 * len(self.keys)
            self.keys, self.numbers = np.full(size, NONE, np.int64), np.zeros(size, np.int32)
            # The numbers are those in order, so placing the pairs anew gives them again.
            again = np.zeros(len(keys), np.int32)
            number_pairs(
                (keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32), self.keys, self.numbers,
                np.array([LEAVES, 0]), again,
            )  # fmt: skip

    def recordings_of(self, row: Construct, head: int, arguments: np.ndarray) -> np.ndarray:
        """For statements with arguments [K, n], the recordings [K] of how they are lowered."""
        kinds, terms, arguments = row.kinds(arguments.shape[1]) or (), self.terms, self.terms.plain(arguments)
        looked = [place for place, kind in enumerate(kinds) if kind not in (STATEMENT, EACH_STATEMENT)]
        heads = terms.heads[arguments[:, looked]].astype(np.int64)
        leaves = np.isin(terms.kind_of[heads], (AN_INDEX, AN_ELEM, A_NAME))
        keys = ((heads + 1) * leaves) @ (len(terms.names) + 1) ** np.arange(len(looked), dtype=np.int64)
        found = np.zeros(len(arguments), np.int16)
        alike = len(keys) > 0 and (keys == keys[0]).all()
        each = (keys[:1], [0]) if alike else np.unique(keys, return_index=True)
        for key, at in zip(*each, strict=True):
            names: list[Term | None] = [None] * len(kinds)
            for place, own, leaf in zip(looked, heads[at], leaves[at], strict=True):
                names[place] = Term(terms.names[own]) if leaf else None
            found[keys == key] = self._recording(row.name, tuple(names))
        return found

    def _recording(self, name: str, arguments: tuple[Term | None, ...]) -> int:
        if (name, arguments) not in self.recordings:
            steps = recorded(self.terms.constructs, name, arguments)
            self.recordings[name, arguments] = NONE if steps is None else len(self.starts) - 1
            if steps is not None:
                self.steps = np.append(self.steps, np.array(steps, np.int64))
                self.starts = np.append(self.starts, len(self.steps))
        return self.recordings[name, arguments]

    def fit(self, shapes: np.ndarray, write: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Which programs [K] fit the machine, given their shapes [K].

        `write` writes some of them, given their places, behind all terms, and returns their rows.
        """
        self.lowered = _more(self.lowered, int(self.counts[0]))
        unknown = np.flatnonzero(self.lowered[shapes] == UNKNOWN)
        if len(unknown):
            own, firsts = np.unique(shapes[unknown], return_index=True)
            self._lower(own, write(unknown[firsts]))
        return self.lowered[shapes] != TOO_LARGE

    def _lower(self, shapes: np.ndarray, rows: np.ndarray) -> None:
        """Lower the shapes [S] of programs with these rows [S]."""
        terms, count = self.terms, len(rows)
        zeros, nodes = np.array(self.room.zeros, np.int64), np.zeros(len(self.nodes), np.int32)
        code, fits = np.zeros((count, *self.codes.shape[1:]), np.int16), np.zeros(count, np.int8)
        kernels().lower_all(
            terms.plain(rows), terms.heads, terms.first, terms.children, terms.facts, terms.kind_of, terms.value_of,
            self.steps, self.starts, zeros, self.room.halting == "freeze", self.scratch, self.nodes, nodes, code, fits,
        )  # fmt: skip
        for place in np.flatnonzero(fits == NONE):
            shape = lowered_shape(self.language.expand(terms.term(rows[place])), self.room, self.language)
            fits[place] = shape is not None
            if shape:
                code[place, :, : len(COLUMN)], code[place, :, len(COLUMN)] = shape.code, NONE
                for line, operation in shape.places:
                    code[place, line, len(COLUMN)] = operation
        fitting = fits == 1
        self.lowered[shapes] = TOO_LARGE
        self.lowered[shapes[fitting]] = self.count + np.arange(fitting.sum())
        self.codes = grown(self.codes, self.count + int(fitting.sum()))
        self.codes[self.count : self.count + int(fitting.sum())] = code[fitting]
        self.count += int(fitting.sum())


def _more(lowered: np.ndarray, shapes: int) -> np.ndarray:
    if shapes <= len(lowered):
        return lowered
    more = np.full(max(shapes, 2 * len(lowered)), UNKNOWN, np.int32)
    more[: len(lowered)] = lowered
    return more


class Kernels(NamedTuple):
    lower_all: Callable[..., None]
    number_pairs: Callable[..., int]


@functools.cache
def kernels() -> Kernels:
    """The kernels, compiled for arrays of these types."""
    ints, words = np.zeros(1, np.int64), np.zeros(1, np.int32)
    nodes = np.zeros((1, 8), np.int64)
    given = (
        words, np.zeros(1, np.int16), np.zeros(1, np.uint32), words, words, ints, ints, ints, ints, ints, True,
        scratch(2, 2, 2, 2), nodes, words, np.zeros((1, 1, 6), np.int16), np.zeros(1, np.int8),
    )  # fmt: skip
    return Kernels(
        compiled_for(shapes_kernel.lower_all, given),
        compiled_for(shapes_kernel.number_pairs, (words, words, ints, words, ints, words)),
    )

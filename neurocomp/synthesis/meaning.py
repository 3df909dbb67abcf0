"""What a high-level program means on ints, without any assembly: the measure of its lowering."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from neurocomp.synthesis.constructs import CONSTRUCTS, EACH_STATEMENT, OPERATOR, REGISTER, STATEMENT
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, register


@dataclass
class World:
    """What programs read and change. `indices` are those of the loops around, the innermost last."""

    base: int
    memory: list[int]
    registers: list[int]
    mod_by_zero: str = "zero"
    indices: list[int] = field(default_factory=list)

    @property
    def index(self) -> int:
        return self.indices[-1]

    def rounds(self, last: Callable[[], int] | None = None) -> Iterator[None]:
        """The rounds of a loop, at index 0, 1, ..., `last`; without it for ever, from the last cell to the first.

        A loop to the last cell never ends either: the index after it is 0 again, which is not above `last`.
        """
        self.indices.append(0)
        while True:
            yield
            self.indices[-1] = (self.index + 1) % self.base
            if last is not None and self.index > last():
                break
        self.indices.pop()


def word(term: Term, world: World) -> int:
    """The word that a term is."""
    if (value := number(term)) is not None:
        return value
    if (index := register(term)) is not None:
        return world.registers[index]
    if term in (INDEX, ELEM):
        return world.index if term == INDEX else world.memory[world.index]
    return CONSTRUCTS[term.name].meaning(world, *(word(argument, world) for argument in term.arguments))


def rounds(term: Term, world: World) -> Iterator[None]:
    """Run a statement, stopping as each round of each of its loops begins; of one that never ends, for ever."""
    row = CONSTRUCTS[term.name]
    kinds = row.kinds(len(term.arguments)) or ()
    given = (_given(argument, kind, world) for argument, kind in zip(term.arguments, kinds, strict=True))
    return row.meaning(world, *given)


def _given(term: Term, kind: str, world: World) -> Any:
    """An argument as the meaning of a statement takes it."""
    if kind == OPERATOR:
        return functools.partial(CONSTRUCTS[term.name].meaning, world)
    if kind == REGISTER:
        return register(term)
    return functools.partial(rounds if kind in (STATEMENT, EACH_STATEMENT) else word, term, world)

"""The meaning of high-level programs on ints, without any assembly: tests hold the lowering to it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from neurocomp.synthesis.construct import EACH_STATEMENT, OPERATOR, REGISTER, STATEMENT
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, register
from neurocomp.synthesis.world import World


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
    """Run a statement; yields at the beginning of each round of its loops, for ever if it never ends."""
    row = CONSTRUCTS[term.name]
    kinds = row.kinds(len(term.arguments)) or ()
    given = (_given(argument, kind, world) for argument, kind in zip(term.arguments, kinds, strict=True))
    return row.meaning(world, *given)


def _given(term: Term, kind: str, world: World) -> Any:
    """An argument in the form that the meaning of a statement takes."""
    if kind == OPERATOR:
        return functools.partial(CONSTRUCTS[term.name].meaning, world)
    if kind == REGISTER:
        return register(term)
    return functools.partial(rounds if kind in (STATEMENT, EACH_STATEMENT) else word, term, world)

"""The high-level language that programs are written in: constructs, and abstractions that are made of them.

An abstraction is a row like any other: `scan(add, 3)` may stand for `iterate(add(elem, read(inc(index))), 3)`. It is
printed by its name. Its meaning and its lowering are those of its expansion.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from neurocomp.errors import UserError, did_you_mean
from neurocomp.synthesis.construct import ADDRESS, EACH, OPERATOR, WORD, Construct
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.terms import DEPTH, ELEM, INDEX, Term, terms_in

LARGEST = 10_000  # terms of an expansion

Rows = Mapping[str, Construct]


class Origin(NamedTuple):
    """Where an abstraction comes from: programs that have its body in them, and how many candidates it saved."""

    programs: tuple[str, ...] = ()
    saved: int | None = None


class Abstraction(NamedTuple):
    """A name for a term with holes, each of which has a name and a kind (see `construct.py`).

    In the body, the name of a hole stands for an argument: `iterate(f(elem, read(inc(index))), last)`. Its origin is no
    part of the language.
    """

    name: str
    holes: tuple[tuple[str, str], ...]
    body: Term
    origin: Origin = Origin()

    def content(self) -> list[Any]:
        """All that programs depend on: the name, the kinds of the holes, and the body with numbers for their names."""
        numbered = {hole: _Sized(Term(f"${place}"), 1, 1) for place, (hole, _) in enumerate(self.holes)}
        return [self.name, [kind for _, kind in self.holes], str(_filled(self.body, numbered, {}).term)]


@dataclass(frozen=True)
class Language:
    """Constructs, and abstractions made of them and of each other; `library.py` checks those that a file names."""

    abstractions: tuple[Abstraction, ...] = ()
    constructs: tuple[Construct, ...] = tuple(CONSTRUCTS.values())

    @functools.cached_property
    def rows(self) -> Rows:
        """Every construct and abstraction by its name."""
        rows = {row.name: row for row in self.constructs}
        missing = {one.name: one for one in self.abstractions}

        def add(one: Abstraction) -> None:
            for term in terms_in(one.body):
                if term.name in missing:
                    add(missing.pop(term.name))
            rows[one.name] = row_of(one, rows)

        while missing:
            add(missing.pop(next(iter(missing))))
        return {name: rows[name] for name in (row.name for row in (*self.constructs, *self.abstractions))}

    def content(self) -> list[Any] | None:
        """All that programs depend on beside the constructs, for a cell's hash; None where there is no abstraction."""
        return [one.content() for one in self.abstractions] or None

    def expand(self, term: Term) -> Term:
        """The term written out in constructs alone. Raises UserError where that is too large."""
        return _expanded(term, self.rows).term

    def chosen(self, names: Any) -> tuple[Construct, ...]:
        """The rows that programs are built from, given `synthesis.constructs` (null: all rows that are `by_default`).

        Naming statements does not restrict words, nor the other way round: `[map, reduce]` leaves all scalar
        operations. Raises UserError where a name is neither a construct nor an abstraction.
        """
        if names is None:
            return tuple(row for row in self.rows.values() if row.by_default)
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, (list, tuple)) or not names:
            raise UserError(f"synthesis.constructs={names}: expected a list such as [map,reduce,loop]")
        for name in map(str, names):
            if name not in self.rows:
                known = f"expected some of {', '.join(self.rows)}{did_you_mean(name, list(self.rows))}"
                raise UserError(f'synthesis.constructs: unknown construct "{name}", {known}')
        kinds = {self.rows[name].result for name in names}
        return tuple(
            row for row in self.rows.values() if row.name in names or (row.result not in kinds and row.by_default)
        )

    def __reduce__(self) -> tuple[Any, ...]:  # meanings are functions, which cannot be pickled
        assert self.constructs == LANGUAGE.constructs
        return Language, (self.abstractions,)


LANGUAGE = Language()
"""The language without abstractions."""


def row_of(one: Abstraction, rows: Rows) -> Construct:
    """The row of an abstraction whose body is made of these rows. Raises UserError where its expansion is too large."""
    holes = tuple(name for name, _ in one.holes)
    given = {name: _Sized(Term(name), 1, 1) for name in holes}
    body = _filled(one.body, given, rows).term
    found = [place for place in places(body, rows) if place.kind != OPERATOR]
    inner = [(rows[term.name], term) for term, *_ in found if term.name in rows]
    applied = sum(bool(term.arguments) for term, *_ in found if term.name in holes)
    return Construct(
        one.name,
        rows[body.name].result,
        tuple(kind for _, kind in one.holes),
        weight=1,
        lines=(sum(row.own_lines(len(term.arguments)) for row, term in inner) + applied,),
        meaning=_of_body,
        lower=_of_body,
        holes=holes,
        body=body,
        inside=is_inside(body, rows),
        outside=any(kind == ADDRESS and not looped and term.arguments for term, kind, looped in places(body, rows)),
        endless=any(not row.ends(len(term.arguments)) for row, term in inner),
    )


def is_leaf(term: Term, abstraction: Construct, rows: Rows) -> bool:
    """Whether a term of an abstraction's body is a word without arguments: no construct, no operation, and no hole."""
    return not term.arguments and term.name not in rows and term.name not in abstraction.holes


def _of_body(*_: Any) -> Any:
    raise TypeError("an abstraction means, and is lowered to, what its body is")


class Place(NamedTuple):
    """A term within another: the kind that is expected there, and whether a loop of the other is around it."""

    term: Term
    kind: str
    looped: bool


def places(term: Term, rows: Rows, kind: str = "", looped: bool = False) -> Iterator[Place]:
    """The term and all terms inside it, in the order of the text. A name that is no row is a hole, or a leaf."""
    yield Place(term, kind, looped)
    row, count = rows.get(term.name), len(term.arguments)
    kinds = row and row.kinds(count) or (WORD,) * count
    for argument, expected in zip(term.arguments, kinds, strict=True):
        yield from places(argument, rows, EACH.get(expected, expected), looped or expected in EACH)


def is_inside(body: Term, rows: Rows) -> bool:
    """Whether a body has an index or an elem of a loop that is not its own."""
    return any(
        term in (INDEX, ELEM) or (term.name in rows and rows[term.name].inside)
        for term, _, looped in places(body, rows)
        if not looped
    )


class _Sized(NamedTuple):
    """A term, how many terms it has when it is written out, and how many of them are inside each other.

    A hole that stands twice in a body doubles the first number: it is known without writing the term out.
    """

    term: Term
    size: int
    depth: int


def _expanded(term: Term, rows: Rows) -> _Sized:
    row = rows.get(term.name)
    inner = [_expanded(argument, rows) for argument in term.arguments]
    if row is None or row.body is None:
        return _around(term.name, inner)
    return _filled(row.body, dict(zip(row.holes, inner, strict=True)), {})


def _filled(body: Term, given: Mapping[str, _Sized], rows: Rows) -> _Sized:
    """A body with these terms in its holes; abstractions in it are written out."""
    inner = [_filled(argument, given, rows) for argument in body.arguments]
    row = rows.get(body.name)
    if row is not None and row.body is not None:
        return _filled(row.body, dict(zip(row.holes, inner, strict=True)), {})
    if body.name not in given:
        return _around(body.name, inner)
    return _around(given[body.name].term.name, inner) if inner else given[body.name]


def _around(name: str, inner: list[_Sized]) -> _Sized:
    size, depth = 1 + sum(one.size for one in inner), 1 + max((one.depth for one in inner), default=0)
    if size > LARGEST or depth > DEPTH:
        wrong = f"{size:,} terms" if size > LARGEST else f"{depth} terms in each other"
        most = f"{LARGEST:,}" if size > LARGEST else f"{DEPTH}"
        raise UserError(f"stands for {wrong} when it is written out, expected at most {most}")
    return _Sized(Term(name, tuple(one.term for one in inner)), size, depth)

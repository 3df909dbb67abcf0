"""Random abstractions for tests: a part of a program becomes the body, parts of that part become its holes."""

from __future__ import annotations

from random import Random

from neurocomp.synthesis.construct import EACH, ENDING, FIXED, OPERATOR, REGISTER, STATEMENT, WORD
from neurocomp.synthesis.grammar import endless
from neurocomp.synthesis.language import Abstraction, Language, is_inside, places
from neurocomp.synthesis.terms import Term, register, terms_in

EACH_OF = {inner: each for each, inner in EACH.items()}


def abstracted(term: Term, language: Language, name: str, random: Random) -> tuple[Term, Language]:
    """The program with one of its parts written as an abstraction, and the language that has this too."""
    roots = [place.term for place in places(term, language.rows) if place.term.name in language.rows]
    operators = {place.term for place in places(term, language.rows) if place.kind == OPERATOR}
    root = random.choice([one for one in roots if one not in operators])
    arguments: dict[str, Term] = {}
    body = _with_holes(root, language, arguments, random, is_root=True)
    inside = is_inside(body, language.rows)
    kinds: dict[str, str] = {}
    for place in places(body, language.rows, looped=inside):
        if place.term.name in arguments:
            kind = _kind(place.term, place.kind, place.looped, arguments[place.term.name], language)
            kinds[place.term.name] = FIXED if FIXED in (kind, kinds.get(place.term.name)) else kind
    holes = tuple((hole, kinds[hole]) for hole in arguments)
    application = Term(name, tuple(arguments.values()))
    return _replaced(term, root, application), Language((*language.abstractions, Abstraction(name, holes, body)))


def _with_holes(
    term: Term, language: Language, arguments: dict[str, Term], random: Random, is_root: bool = False
) -> Term:
    """The term with holes for some of its parts and for all registers; the holes go to `arguments`."""
    if register(term) is not None or not is_root and random.random() < 0.3:
        hole = f"of_{term}" if register(term) is not None else f"x{len(arguments)}"
        arguments[hole] = term
        return Term(hole)
    row, name = language.rows.get(term.name), term.name
    inner = tuple(_with_holes(argument, language, arguments, random) for argument in term.arguments)
    if row and row.arguments == (WORD, WORD) and row.result == WORD and not row.body and inner:
        if not is_root and random.random() < 0.3:
            name = f"x{len(arguments)}"
            arguments[name] = Term(term.name)
    return Term(name, inner)


def _kind(hole: Term, kind: str, looped: bool, argument: Term, language: Language) -> str:
    """The widest kind of a hole at a place of this kind."""
    if hole.arguments or kind == OPERATOR:
        return OPERATOR
    if kind == REGISTER or register(argument) is not None:
        return REGISTER if kind == REGISTER else FIXED
    if kind in (STATEMENT, ENDING):
        kind = STATEMENT if endless(argument, language) else ENDING
    return EACH_OF.get(kind, kind) if looped else kind


def _replaced(term: Term, part: Term, by: Term) -> Term:
    if term == part:
        return by
    return Term(term.name, tuple(_replaced(argument, part, by) for argument in term.arguments))


def uses(term: Term, name: str) -> bool:
    return any(inner.name == name for inner in terms_in(term))

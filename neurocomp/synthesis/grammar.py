"""Which terms are programs: constructs take arguments of their kinds, and nothing follows a loop that never ends."""

from __future__ import annotations

from collections.abc import Iterable

from neurocomp.errors import UserError, did_you_mean
from neurocomp.synthesis.construct import (
    ADDRESS,
    EACH_STATEMENT,
    EACH_TEST,
    EACH_WORD,
    FIXED,
    OPERATOR,
    STATEMENT,
    WORD,
    Construct,
)
from neurocomp.synthesis.construct import REGISTER as REGISTER_KIND
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, parse_term, register, terms_in


def parse(text: str) -> Term:
    """The program that `text` says. Raises UserError, which names the part of it that is wrong."""
    term = parse_term(text)
    try:
        check(term)
    except UserError as error:
        raise UserError(f'template "{text}": {error}') from None
    return term


def check(term: Term) -> None:
    """Raise UserError unless the term is a program."""
    _check(term, STATEMENT, False)
    named: dict[bool, set[Term]] = {False: set(), True: set()}  # the registers that are read; those that are set
    for inner in terms_in(term):
        kinds = CONSTRUCTS[inner.name].kinds(len(inner.arguments)) if inner.arguments else ()
        for argument, kind in zip(inner.arguments, kinds or (), strict=True):
            if register(argument) is not None:
                named[kind == REGISTER_KIND].add(argument)
    if both := named[False] & named[True]:
        raise UserError(f"{min(both)} is set and read, expected a register that is not set, or a cell")


def endless(term: Term) -> bool:
    """Whether a statement may go on for ever."""
    row = CONSTRUCTS.get(term.name)
    if row is None or row.result != STATEMENT:
        return False
    return not row.ends(len(term.arguments)) or any(endless(argument) for argument in term.arguments)


def _check(term: Term, kind: str, looped: bool) -> None:
    """Raise UserError unless the term is of this kind; `looped` inside a loop, where there are index and elem."""
    if kind in (FIXED, REGISTER_KIND, OPERATOR):
        return _check_leaf(term, kind)
    if kind == ADDRESS and looped and (term.arguments or term == ELEM):
        raise UserError(
            f'"{term}" as an address in a loop, expected a number, a register such as r4, or index (put takes any word)'
        )
    result = STATEMENT if kind in (STATEMENT, EACH_STATEMENT) else WORD
    if result == WORD and term in (INDEX, ELEM) and not looped:
        raise UserError(f'"{term}" is a word of loops, and there is no loop around it')
    if result == WORD and _is_leaf(term):
        return
    row = CONSTRUCTS.get(term.name)
    if row is None or row.result != result:
        raise _unknown(term, result)
    kinds = row.kinds(len(term.arguments))
    if kinds is None:
        takes = ", ".join(row.arguments) or "nothing"
        raise UserError(f'{row.name} takes {takes}, got {len(term.arguments)} in "{term}"')
    _check_arguments(row, term, kinds, looped)


def _is_leaf(term: Term) -> bool:
    """Whether a term is a word without arguments."""
    named = number(term) is not None or register(term) is not None or term in (INDEX, ELEM)
    return named and not term.arguments


def _check_arguments(row: Construct, term: Term, kinds: tuple[str, ...], looped: bool) -> None:
    """Raise UserError unless the arguments are of these kinds, and nothing follows one that never ends."""
    for place, (argument, expected) in enumerate(zip(term.arguments, kinds, strict=True)):
        each = expected in (EACH_WORD, EACH_TEST, EACH_STATEMENT)
        _check(argument, expected, looped or each)
        followed = row.sequential and place + 1 < len(kinds)
        if endless(argument) and (expected == EACH_STATEMENT or followed):
            raise UserError(f'"{argument}" never ends, and something follows it; expected a loop with a bound')


def _check_leaf(term: Term, kind: str) -> None:
    known = operators(CONSTRUCTS.values())
    if kind == OPERATOR and term.name not in known:
        raise UserError(f'"{term}", expected one of {", ".join(known)}{did_you_mean(term.name, known)}')
    if kind == REGISTER_KIND and register(term) is None:
        raise UserError(f'"{term}", expected a register such as r4')
    if kind == FIXED and number(term) is None and register(term) is None:
        raise UserError(f'"{term}", expected a number or a register such as r4')
    if term.arguments:
        raise UserError(f'"{term}", expected {term.name} alone')


def _unknown(term: Term, result: str) -> UserError:
    """The error for a term that is no word, or no statement, where one is expected."""
    known = [row.name for row in CONSTRUCTS.values() if row.result == result]
    words = "a number, a register such as r4, index, elem, " if result == WORD else ""
    hint = did_you_mean(term.name, known + ["index", "elem"] * (result == WORD))
    found = f'"{term.name}" is no {result}' if term.name in CONSTRUCTS else f'unknown {result} "{term.name}"'
    return UserError(f"{found}, expected {words}{'or ' if words else ''}one of {', '.join(known)}{hint}")


def weight(term: Term) -> int:
    """The weight that orders the enumeration: the sum over all constructs in a term; a number n weighs n + 1."""
    if not term.arguments and term.name not in CONSTRUCTS:
        return 1 + (number(term) or 0)
    own = CONSTRUCTS[term.name].weight
    return own + sum(weight(argument) for argument in term.arguments)


def operators(rows: Iterable[Construct]) -> list[str]:
    """The names of the operations among `rows` that reduce can take."""
    return [row.name for row in rows if row.arguments == (WORD, WORD) and row.result == WORD]

"""Which terms are programs: constructs take arguments of their kinds, and nothing follows a loop that never ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from neurocomp.errors import UserError, did_you_mean
from neurocomp.synthesis.construct import (
    ADDRESS,
    EACH,
    EACH_ADDRESS,
    EACH_STATEMENT,
    EACH_TEST,
    EACH_WORD,
    ENDING,
    FIXED,
    OPERATOR,
    STATEMENT,
    TEST,
    WORD,
    Construct,
)
from neurocomp.synthesis.construct import REGISTER as REGISTER_KIND
from neurocomp.synthesis.language import LANGUAGE, Language, places
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number, parse_term, register, terms_in

# The kinds of holes that may stand where a kind is expected: outside the loops of a body, and what is added inside.
HOLES = {
    WORD: ((WORD, TEST, ADDRESS, FIXED), (EACH_WORD, EACH_TEST, EACH_ADDRESS)),
    TEST: ((TEST, WORD, ADDRESS, FIXED), (EACH_TEST, EACH_WORD, EACH_ADDRESS)),
    ADDRESS: ((ADDRESS, FIXED), ()),
    FIXED: ((FIXED,), ()),
    OPERATOR: ((OPERATOR,), ()),
    REGISTER_KIND: ((REGISTER_KIND,), ()),
    STATEMENT: ((STATEMENT, ENDING), (EACH_STATEMENT,)),
    ENDING: ((ENDING,), (EACH_STATEMENT,)),
}
KINDS = tuple(dict.fromkeys(kind for outside, inside in HOLES.values() for kind in (*outside, *inside)))
"""The kinds that holes may have."""


def parse(text: str, language: Language = LANGUAGE) -> Term:
    """The program that `text` says. Raises UserError, which names the part of it that is wrong."""
    term = parse_term(text)
    try:
        check(term, language)
    except UserError as error:
        raise UserError(f'template "{text}": {error}') from None
    return term


def check(term: Term, language: Language = LANGUAGE) -> None:
    """Raise UserError unless the term is a program."""
    Grammar(language, {}).check(term, STATEMENT, False)
    named: dict[bool, set[Term]] = {False: set(), True: set()}  # the registers that are read; those that are set
    for inner, kind, _ in places(language.expand(term), language.rows):
        if register(inner) is not None:
            named[kind == REGISTER_KIND].add(inner)
    if both := named[False] & named[True]:
        raise UserError(f"{min(both)} is set and read, expected a register that is not set, or a cell")


def check_body(body: Term, holes: Mapping[str, str], inside: bool, language: Language) -> None:
    """Raise UserError unless the body of an abstraction is a word or a statement; `inside` a loop around it."""
    row = language.rows.get(body.name)
    if row is None:
        raise UserError(f"expected a construct and its arguments{did_you_mean(body.name, list(language.rows))}")
    for term in terms_in(body):
        if register(term) is not None:
            fitting = f'expected a hole of kind "{FIXED}" in its place'
            raise UserError(f"{term} in the body: other tasks have other words in it, {fitting}")
    Grammar(language, holes).check(body, row.result, inside)


def endless(term: Term, language: Language = LANGUAGE) -> bool:
    """Whether a statement may go on for ever."""
    return Grammar(language, {}).endless(term)


class Grammar(NamedTuple):
    """The rules of a language. In the body of an abstraction, names may also be `holes`, each of a kind."""

    language: Language
    holes: Mapping[str, str]

    def check(self, term: Term, kind: str, looped: bool) -> None:
        """Raise UserError unless the term is of this kind; `looped` inside a loop, where there are index and elem."""
        if term.name in self.holes:
            return self._check_hole(term, kind, looped)
        if kind in (FIXED, REGISTER_KIND, OPERATOR):
            return self._check_leaf(term, kind)
        if kind == ADDRESS and looped and (term.arguments or term == ELEM or term.name in self.language.rows):
            words = "expected a number, a register such as r4, or index (put takes any word)"
            raise UserError(f'"{term}" as an address in a loop, {words}')
        result = STATEMENT if kind in (STATEMENT, ENDING) else WORD
        if result == WORD and term in (INDEX, ELEM) and not looped:
            raise UserError(f'"{term}" is a word of loops, and there is no loop around it')
        if result == WORD and _is_leaf(term):
            return
        row = self.language.rows.get(term.name)
        if row is None or row.result != result:
            raise self._unknown(term, result)
        kinds = row.kinds(len(term.arguments))
        if kinds is None:
            takes = ", ".join(row.arguments) or "nothing"
            raise UserError(f'{row.name} takes {takes}, got {len(term.arguments)} in "{term}"')
        if row.inside and not looped:
            raise UserError(f'"{term}" has an index or an elem of the loop around it, and there is no loop around it')
        if row.outside and looped:
            raise UserError(f'"{term}" in a loop: it has an address that is more than a number, a register or index')
        self._check_arguments(row, term, kinds, looped)

    def endless(self, term: Term) -> bool:
        """Whether a statement may go on for ever."""
        if term.name in self.holes:
            return self.holes[term.name] == STATEMENT
        row = self.language.rows.get(term.name)
        if row is None or row.result != STATEMENT:
            return False
        return not row.ends(len(term.arguments)) or any(map(self.endless, term.arguments))

    def _check_arguments(self, row: Construct, term: Term, kinds: tuple[str, ...], looped: bool) -> None:
        """Raise UserError unless the arguments are of these kinds, and nothing follows one that never ends."""
        for place, (argument, expected) in enumerate(zip(term.arguments, kinds, strict=True)):
            self.check(argument, EACH.get(expected, expected), looped or expected in EACH)
            followed = row.sequential and place + 1 < len(kinds)
            if (expected in (EACH_STATEMENT, ENDING) or followed) and self.endless(argument):
                if open_ended := [one.name for one in terms_in(argument) if self.holes.get(one.name) == STATEMENT]:
                    kind = f'expected kind "{ENDING}"'
                    raise UserError(f"hole {open_ended[0]} may never end, and something follows it; {kind}")
                raise UserError(f'"{argument}" never ends, and something follows it; expected a loop with a bound')

    def _check_hole(self, term: Term, kind: str, looped: bool) -> None:
        own = self.holes[term.name]
        if term.arguments and (kind in (WORD, TEST) or kind == ADDRESS and not looped):  # an operator that is applied
            kind = OPERATOR
            if len(term.arguments) != 2:
                raise UserError(f'an operator takes {WORD}, {WORD}, got {len(term.arguments)} in "{term}"')
            for argument in term.arguments:
                self.check(argument, WORD, looped)
        elif term.arguments:
            raise UserError(f'"{term}", expected {term.name} alone')
        if own not in fitting(kind, looped) and not (kind == ENDING and own == STATEMENT):
            expected = " or ".join(f'"{one}"' for one in fitting(kind, looped))
            raise UserError(f'hole {term.name} is of kind "{own}"; where it stands, expected {expected}')

    def _check_leaf(self, term: Term, kind: str) -> None:
        known = operators(self.language.rows.values())
        if kind == OPERATOR and term.name not in known:
            raise UserError(f'"{term}", expected one of {", ".join(known)}{did_you_mean(term.name, known)}')
        if kind == REGISTER_KIND and register(term) is None:
            raise UserError(f'"{term}", expected a register such as r4')
        if kind == FIXED and number(term) is None and register(term) is None:
            raise UserError(f'"{term}", expected a number or a register such as r4')
        if term.arguments:
            raise UserError(f'"{term}", expected {term.name} alone')

    def _unknown(self, term: Term, result: str) -> UserError:
        """The error for a term that is no word, or no statement, where one is expected."""
        rows = self.language.rows
        known = [row.name for row in rows.values() if row.result == result]
        words = "a number, a register such as r4, index, elem, " if result == WORD else ""
        hint = did_you_mean(term.name, known + ["index", "elem"] * (result == WORD))
        found = f'"{term.name}" is no {result}' if term.name in rows else f'unknown {result} "{term.name}"'
        return UserError(f"{found}, expected {words}{'or ' if words else ''}one of {', '.join(known)}{hint}")


def fitting(kind: str, looped: bool) -> tuple[str, ...]:
    """The kinds of holes that may stand where this kind is expected, `looped` in a loop of the body."""
    if kind == ADDRESS and looped:  # a word that is an address elsewhere may be another cell in each round here
        return FIXED, EACH_ADDRESS
    outside, inside = HOLES[kind]
    return (*outside, *inside) if looped else outside


def _is_leaf(term: Term) -> bool:
    """Whether a term is a word without arguments."""
    named = number(term) is not None or register(term) is not None or term in (INDEX, ELEM)
    return named and not term.arguments


def weight(term: Term, language: Language = LANGUAGE) -> int:
    """The weight that orders the enumeration: the sum over all constructs in a term; a number n weighs n + 1."""
    row = language.rows.get(term.name)
    if row is None:
        return 1 + (number(term) or 0)
    return row.weight + sum(weight(argument, language) for argument in term.arguments)


def operators(rows: Iterable[Construct]) -> list[str]:
    """The names of the operations among `rows` that reduce can take."""
    return [row.name for row in rows if row.arguments == (WORD, WORD) and row.result == WORD and row.body is None]

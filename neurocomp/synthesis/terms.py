"""High-level programs as trees, and their text: `map(inc(elem))`, `reduce(add, 0, 2)`, `store(0, read(inc(read(0))))`.

A term is a name and its arguments. Names that take none are words: whole numbers, registers as the program finds them
(`r4`), and inside a loop `index`, which cell it is at, and `elem`, the word in that cell. What other names mean is in
`constructs.py`; `grammar.py` says which terms are programs. Formatting a term and parsing it gives the same term.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from neurocomp.errors import UserError

TOKEN = re.compile(r"\s*(?:([a-z_]\w*|\d{1,4})|([(),]))", re.ASCII | re.IGNORECASE)
REGISTER = re.compile(r"r(\d{1,4})", re.ASCII)
DEPTH = 50  # more parentheses inside each other than this are a mistake


class Term(NamedTuple):
    """A node of a program and what stands in its parentheses."""

    name: str
    arguments: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})" if self.arguments else self.name


INDEX = Term("index")
ELEM = Term("elem")


def number(term: Term) -> int | None:
    """The word that a term names, if it is one."""
    return int(term.name) if term.name.isdigit() else None


def register(term: Term) -> int | None:
    """The register that a term names, if it is one."""
    return _register(term.name)


@functools.cache
def _register(name: str) -> int | None:
    match = REGISTER.fullmatch(name)
    return int(match[1]) if match else None


def terms_in(term: Term) -> list[Term]:
    """The term and all terms inside it."""
    found = [term]
    for inner in found:
        found += inner.arguments
    return found


def parse_term(text: str) -> Term:
    """The term that `text` says. UserError says at which character it stops being one."""
    tokens = list(_tokens(text))
    term, at = _term(text, tokens, 0, 0)
    if at < len(tokens):
        raise _mistake(text, tokens[at], "expected nothing more")
    return term


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Names, numbers and punctuation, each with where it begins."""
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if not match:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise _mistake(text, (text[at], at), "expected a name, a number, a comma or parentheses")
        yield match[1] or match[2], match.start(match.lastindex or 0)
        at = match.end()


def _term(text: str, tokens: list[tuple[str, int]], at: int, depth: int) -> tuple[Term, int]:
    """The term that begins at token `at`, and the token after it."""
    name = tokens[at] if at < len(tokens) else ("", len(text))
    if name[0] in ("", "(", ")", ",") or depth > DEPTH:
        accepted = "expected a name or a number" if depth <= DEPTH else f"expected at most {DEPTH} terms in each other"
        raise _mistake(text, name, accepted)
    at += 1
    if at == len(tokens) or tokens[at][0] != "(":
        return Term(name[0].lstrip("0") or "0" if name[0].isdigit() else name[0]), at
    arguments = []
    while tokens[at][0] in ("(", ","):
        argument, at = _term(text, tokens, at + 1, depth + 1)
        arguments.append(argument)
        if at == len(tokens) or tokens[at][0] not in (",", ")"):
            raise _mistake(text, tokens[at] if at < len(tokens) else ("", len(text)), 'expected "," or ")"')
    return Term(name[0], tuple(arguments)), at + 1


def _mistake(text: str, token: tuple[str, int], accepted: str) -> UserError:
    found = f'"{token[0]}" at character {token[1] + 1}' if token[0] else "the end"
    return UserError(f'template "{text}": {found}, {accepted}')

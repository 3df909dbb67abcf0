"""High-level programs as trees, and their text: `map(inc(elem))`, `reduce(add, 0, 2)`, `store(0, read(inc(read(0))))`.

A term is a name and its arguments. Names that take none are words: whole numbers, registers with their start words
(`r4`), and inside a loop `index`, the cell that the loop is at, and `elem`, the word in that cell. `constructs.py`
defines the other names; `grammar.py` says which terms are programs. Formatting a term and parsing it gives the same
term.
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


class Token(NamedTuple):
    """A name, a number or punctuation, and the place where it begins; "" at the end of the text."""

    text: str
    at: int


class Term(NamedTuple):
    """A node of a program and the arguments in its parentheses."""

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
    """The term that `text` says. Raises UserError, which names the first character where it is none."""
    tokens = list(_tokens(text))
    term, at = _term(text, tokens, 0, 0)
    if at < len(tokens):
        raise _mistake(text, tokens[at], "expected nothing more")
    return term


def _tokens(text: str) -> Iterator[Token]:
    """The tokens of a text in order, without its end."""
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if not match:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise _mistake(text, Token(text[at], at), "expected a name, a number, a comma or parentheses")
        yield Token(match[1] or match[2], match.start(match.lastindex or 0))
        at = match.end()


def _term(text: str, tokens: list[Token], at: int, depth: int) -> tuple[Term, int]:
    """The term that begins at token `at`, and the index of the token after it."""
    end = Token("", len(text))
    first = tokens[at] if at < len(tokens) else end
    if first.text in ("", "(", ")", ",") or depth > DEPTH:
        accepted = "expected a name or a number" if depth <= DEPTH else f"expected at most {DEPTH} terms in each other"
        raise _mistake(text, first, accepted)
    at += 1
    if at == len(tokens) or tokens[at].text != "(":
        return Term(first.text.lstrip("0") or "0" if first.text.isdigit() else first.text), at
    arguments = []
    while tokens[at].text in ("(", ","):
        argument, at = _term(text, tokens, at + 1, depth + 1)
        arguments.append(argument)
        if at == len(tokens) or tokens[at].text not in (",", ")"):
            raise _mistake(text, tokens[at] if at < len(tokens) else end, 'expected "," or ")"')
    return Term(first.text, tuple(arguments)), at + 1


def _mistake(text: str, token: Token, accepted: str) -> UserError:
    found = f'"{token.text}" at character {token.at + 1}' if token.text else "the end"
    return UserError(f'template "{text}": {found}, {accepted}')

"""What programs have in common, as abstractions: stitch proposes bodies with holes, and ours are those that have kinds.

Stitch reads s-expressions and knows no types. So every binary operation is `(op2 add x y)`, where the operator can be
a hole, and what takes different numbers of arguments has a head for each: `(map2 x last)`. A body that is no word and
no statement is refused. A register in a body becomes a hole: another task has another word there.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Sequence

from neurocomp.errors import UserError
from neurocomp.synthesis.construct import (
    ADDRESS,
    EACH_ADDRESS,
    EACH_STATEMENT,
    EACH_TEST,
    EACH_WORD,
    ENDING,
    FIXED,
    OPERATOR,
    REGISTER,
    STATEMENT,
    TEST,
    WORD,
)
from neurocomp.synthesis.grammar import check_body, fitting, operators
from neurocomp.synthesis.language import Abstraction, Language, is_inside, places
from neurocomp.synthesis.terms import Term, number, register, terms_in

ARITIES = (1, 2, 3)  # the most holes of a proposal; stitch is asked for each, because it proposes one at a time
AT_ONCE = 8  # proposals of each
OPERATION = "op2"
LETTERS = "xyzuvwabcdefghijklmnopqst"
TOKEN = re.compile(r"[()]|[^\s()]+")
# The kinds that a hole may have, the widest first; a test is a word that is no constant.
WIDEST = (
    EACH_WORD, WORD, EACH_ADDRESS, ADDRESS, FIXED, OPERATOR, REGISTER, EACH_STATEMENT, STATEMENT, ENDING
)  # fmt: skip


class CompressionFailed(RuntimeError):
    """Stitch did not do what it was asked for."""


def is_installed() -> bool:
    """Whether there is stitch."""
    try:
        import stitch_core  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False
    return True


def check_installed() -> None:
    """Raise UserError, which says what to install, unless there is stitch."""
    if not is_installed():
        needs = "needs stitch, which is not installed"
        raise UserError(f"neurocomp learn: {needs}; pip install 'neurocomp[learn]'")


def proposals(programs: Sequence[Term], language: Language) -> list[Abstraction]:
    """Abstractions that shorten these programs, which are written in `language`; those of it are not proposed again.

    Raises CompressionFailed.
    """
    heads: dict[str, str] = {}
    texts = [_expression(program, language, heads) for program in programs]
    taken = {tuple(map(str, one.content()[1:])) for one in language.abstractions}
    found: list[Abstraction] = []
    for body in _bodies(texts, heads):
        one = typed(body, language)
        if one is None or (content := tuple(map(str, one.content()[1:]))) in taken:
            continue
        taken.add(content)
        names = {*language.rows, *(each.name for each in found)}
        found.append(one._replace(name=_new_name(one, names)))
    return found


def typed(body: Term, language: Language) -> Abstraction | None:
    """The abstraction of a body in which `$0`, `$1`, ... are holes; None where it has no kinds, or is no shorter.

    It is made of constructs alone, so that it does not depend on other abstractions.
    """
    try:
        body = _with_names(language.expand(body), language)
    except UserError:  # too large
        return None
    inside = is_inside(body, language.rows)
    holes = _kinds(body, inside, language)
    own_weight = sum(1 + (number(term) or 0) for term in terms_in(body) if holes is None or term.name not in holes)
    if holes is None or own_weight < 2:
        return None
    for kind in (STATEMENT, ENDING):  # a statement may never end, if nothing follows it
        given = {name: kind if own == STATEMENT else own for name, own in holes.items()}
        with contextlib.suppress(UserError):
            check_body(body, given, inside, language)
            return Abstraction("", tuple(given.items()), body)
    return None


def _with_names(body: Term, language: Language) -> Term:
    """The body with letters for its holes, and for a hole in the place of each register."""
    names = {term.name for term in terms_in(body) if term.name.startswith("$") or register(term) is not None}
    letters = (letter for letter in LETTERS if letter not in language.rows)
    in_order = dict.fromkeys(place.term.name for place in places(body, language.rows) if place.term.name in names)
    new = dict(zip(in_order, letters, strict=False))

    def named(term: Term) -> Term:
        return Term(new.get(term.name, term.name), tuple(map(named, term.arguments)))

    return named(body)


def _kinds(body: Term, inside: bool, language: Language) -> dict[str, str] | None:
    """The widest kind of each hole that all its places take; None where there is none."""
    allowed: dict[str, list[set[str]]] = {}
    for term, kind, looped in places(body, language.rows, looped=inside):
        if term.name in LETTERS and term.name not in language.rows:
            expected = OPERATOR if term.arguments else kind
            allowed.setdefault(term.name, []).append(set(fitting(expected, looped)) if expected else set())
    holes: dict[str, str] = {}
    for name, kinds in allowed.items():
        common = set.intersection(*kinds)
        order = (EACH_TEST, TEST, *WIDEST) if _only_tests(name, body, language) else WIDEST
        if not (choices := [kind for kind in order if kind in common]):
            return None
        holes[name] = choices[0]
    return holes


def _only_tests(name: str, body: Term, language: Language) -> bool:
    return all(kind == TEST for term, kind, _ in places(body, language.rows) if term.name == name)


def _new_name(one: Abstraction, taken: Collection[str]) -> str:
    """A name that says what is outermost in the body: `iterate_1`."""
    return next(name for number in range(1, 10_000) if (name := f"{one.body.name}_{number}") not in taken)


# S-expressions


def _expression(term: Term, language: Language, heads: dict[str, str]) -> str:
    """The term as stitch reads it; `heads` receives the names that heads stand for."""
    if not term.arguments:
        return term.name
    inner = " ".join(_expression(argument, language, heads) for argument in term.arguments)
    if term.name in operators(language.rows.values()):
        return f"({OPERATION} {term.name} {inner})"
    head = f"{term.name}/{len(term.arguments)}"
    heads[head] = term.name
    return f"({head} {inner})"


def _term(text: str, heads: dict[str, str]) -> Term:
    """The term of an s-expression; `#0` becomes `$0`. Raises ValueError where there is none."""
    tokens: Iterator[str] = iter(TOKEN.findall(text))

    def read(token: str) -> Term:
        if token != "(":
            return Term(token.replace("#", "$"))
        items = []
        while (token := next(tokens, ")")) != ")":
            items.append(read(token))
        head, *inner = items
        if head.name == OPERATION:
            operator, *inner = inner
            return Term(operator.name, tuple(inner))
        return Term(heads[head.name], tuple(inner))

    return read(next(tokens))


def _bodies(texts: Sequence[str], heads: dict[str, str]) -> Iterator[Term]:
    """The bodies that stitch proposes, with those that they use written out. Raises CompressionFailed."""
    for arity in ARITIES:
        found: dict[str, str] = {}
        for name, body in _asked(texts, arity):
            found[name] = _written_out(body, found)
            try:
                yield _term(found[name], heads)
            except (KeyError, ValueError, StopIteration, IndexError):
                continue  # a part of an operation, such as `(op2 add)`, is no term


def _written_out(body: str, found: dict[str, str]) -> str:
    """The s-expression with earlier proposals in place of their names."""
    tokens: Iterator[str] = iter(TOKEN.findall(body))

    def applied(token: str) -> str:
        if token != "(":
            return found.get(token, token)
        head, items = next(tokens), []
        while (token := next(tokens, ")")) != ")":
            items.append(applied(token))
        if head not in found:
            return f"({' '.join([head, *items])})"
        return re.sub(r"#(\d+)", lambda match: items[int(match[1])], found[head])

    return applied(next(tokens))


def _asked(texts: Sequence[str], arity: int) -> list[tuple[str, str]]:
    """The names and bodies of stitch's abstractions, in its order. Raises CompressionFailed."""
    import stitch_core  # pyright: ignore[reportMissingImports]

    try:
        result = stitch_core.compress(
            list(texts), iterations=AT_ONCE, max_arity=arity, no_curried_metavars=True, no_curried_bodies=True
        )
        return [(one.name, one.body) for one in result.abstractions]
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CompressionFailed(f"stitch failed ({reason[:200]})") from None

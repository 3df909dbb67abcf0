"""Hypothesis strategies: random high-level programs over the whole language."""

from __future__ import annotations

from hypothesis import strategies as st

from neurocomp.synthesis.constructs import CONSTRUCTS, SCALARS
from neurocomp.synthesis.terms import ELEM, INDEX, Term

SETTABLE, READABLE = (Term("r8"),), (Term("r9"), Term("r10"))
NUMBERS = tuple(Term(str(number)) for number in range(4))


def words(looped: bool, depth: int = 3) -> st.SearchStrategy[Term]:
    """Words; `looped` ones may use index and elem."""
    leaves = st.sampled_from(NUMBERS + READABLE + ((INDEX, ELEM) * 3 if looped else ()))
    if depth == 0:
        return leaves
    inner = words(looped, depth - 1)
    made = [st.builds(Term, st.just(row.name), st.tuples(*[inner] * len(row.arguments)))
            for row in (*SCALARS, CONSTRUCTS["read"])]  # fmt: skip
    return st.one_of(leaves, leaves, *made)


def statements(looped: bool = False, ends: bool = False, depth: int = 2) -> st.SearchStrategy[Term]:
    """Statements; those that have to end have no loop without a bound in them."""
    made = [
        term("store", st.sampled_from((*NUMBERS, *READABLE, INDEX)) if looped else words(False), words(looped)),
        term("put", words(looped), words(looped)),
        term("set", st.sampled_from(SETTABLE), words(looped)),
        term("reduce", st.sampled_from([Term(row.name) for row in SCALARS if len(row.arguments) == 2]),
             st.sampled_from(NUMBERS + READABLE), bounds()),
        with_bound("map", [words(True)], ends),
        with_bound("iterate", [words(True)], ends),
        with_bound("update", [words(True), words(True)], ends),
        st.just(Term("noop")),
    ]  # fmt: skip
    if depth:
        one, ending = statements(looped, ends, depth - 1), statements(looped, True, depth - 1)
        made += [
            with_bound("loop", [statements(True, True, depth - 1)], ends),
            term("if", words(looped), one),
            term("if", words(looped), one, one),
            term("unless", words(looped), one),
            term("seq", ending, one),
            term("seq", ending, ending, one),
        ]
    return st.one_of(made)


def term(name: str, *arguments: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.builds(Term, st.just(name), st.tuples(*arguments))


def bounds() -> st.SearchStrategy[Term]:
    return st.sampled_from(NUMBERS + READABLE)


def with_bound(name: str, arguments: list[st.SearchStrategy[Term]], ends: bool) -> st.SearchStrategy[Term]:
    bounded = term(name, *arguments, bounds())
    return bounded if ends else st.one_of(bounded, term(name, *arguments))

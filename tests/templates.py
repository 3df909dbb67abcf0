"""High-level programs for tests: random ones over the whole language, as hypothesis strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from neurocomp.synthesis.constructs import READ, SCALARS
from neurocomp.synthesis.terms import ELEM, INDEX, Term

SETTABLE, READABLE = (Term("r8"),), (Term("r9"), Term("r10"))
NUMBERS = tuple(Term(str(number)) for number in range(4))
FIXED = st.sampled_from(NUMBERS + READABLE)


def words(looped: bool, depth: int = 3) -> st.SearchStrategy[Term]:
    """Words; `looped` ones may use index and elem."""
    leaves = st.sampled_from(NUMBERS + READABLE + ((INDEX, ELEM) * 3 if looped else ()))
    if depth == 0:
        return leaves
    inner = words(looped, depth - 1)
    made = [term(row.name, *[inner] * len(row.arguments)) for row in (*SCALARS, READ)]
    return st.one_of(leaves, leaves, *made)


def statements(looped: bool = False, ends: bool = False, depth: int = 2) -> st.SearchStrategy[Term]:
    """Programs, or statements in loops; those that have to end have no loop without a bound in them."""
    address = st.sampled_from((*NUMBERS, *READABLE, INDEX)) if looped else words(False)
    operator = st.sampled_from([Term(row.name) for row in SCALARS if len(row.arguments) == 2])
    each = words(True)
    made = [
        term("store", address, words(looped)),
        term("put", words(looped), words(looped)),
        term("exchange", address),
        term("set", st.sampled_from(SETTABLE), words(looped)),
        term("reduce", operator, FIXED, FIXED),
        loops("map", [each], ends),
        loops("iterate", [each], ends),
        loops("update", [each, each], ends),
        st.just(Term("noop")),
    ]
    if depth:
        one, ending = statements(looped, ends, depth - 1), statements(looped, True, depth - 1)
        made += [
            loops("loop", [statements(True, True, depth - 1)], ends),
            term("if", words(looped), one),
            term("if", words(looped), one, one),
            term("unless", words(looped), one),
            term("seq", ending, one),
            term("seq", ending, ending, one),
        ]
    return st.one_of(made)


def term(name: str, *arguments: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.builds(Term, st.just(name), st.tuples(*arguments))


def loops(name: str, arguments: list[st.SearchStrategy[Term]], ends: bool) -> st.SearchStrategy[Term]:
    """With a bound; where they need not end, without one too."""
    bounded = term(name, *arguments, FIXED)
    return bounded if ends else st.one_of(bounded, term(name, *arguments))

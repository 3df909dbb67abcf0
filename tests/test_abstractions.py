"""Abstractions: a name means what its expansion means, is lowered to the same, and is built with like a construct."""

from __future__ import annotations

import pickle
import re
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.errors import UserError
from neurocomp.synthesis.assembler import DoesNotFit, Room
from neurocomp.synthesis.grammar import parse, weight
from neurocomp.synthesis.language import LANGUAGE, Abstraction, Language
from neurocomp.synthesis.library import library_text, read_library
from neurocomp.synthesis.lowering import lower
from neurocomp.synthesis.padding import pad
from neurocomp.synthesis.readable import Space
from neurocomp.synthesis.templates import skeleton
from neurocomp.synthesis.terms import Term, parse_term
from tests.abstractions import abstracted
from tests.templates import statements
from tests.test_synthesis_language import (
    MOD_BY_ZERO,
    MOMENTS,
    ROOM,
    STARTS,
    happened,
    meant,
    memory_after,
    registers_of,
    room,
)

SEEDS = st.integers(0, 10**6)


def made(name: str, body: str, **holes: str) -> Abstraction:
    return Abstraction(name, tuple(holes.items()), parse_term(body))


NEXT = made("next", "read(inc(index))")
AT = made("at", "store(read(0), x)", x="word")
SCAN = made("scan", "iterate(f(elem, next), last)", f="operator", last="fixed")
LIBRARY = Language((SCAN, NEXT, made("twice", "seq(s, s)", s="statement that ends"), AT))


@settings(max_examples=150)
@given(statements(), SEEDS)
def test_a_name_is_its_expansion(term, seed):
    """Of abstractions that are made of abstractions too: the second one may have the first in its body."""
    random = Random(seed)
    first, language = abstracted(term, LANGUAGE, "first", random)
    second, language = abstracted(first, language, "second", random)
    assert parse(str(second), language) == second
    assert language.expand(second) == language.expand(first) == term
    assert skeleton(second, language) == skeleton(term)
    try:
        lowered = lower(term, ROOM)
    except DoesNotFit:
        return
    assert lower(second, ROOM, language) == lowered


@settings(max_examples=150)
@given(statements(), SEEDS, STARTS, MOD_BY_ZERO)
def test_a_name_means_what_its_expansion_means_and_what_the_assembly_does(term, seed, start, mod_by_zero):
    random = Random(seed)
    named, language = abstracted(term, LANGUAGE, "first", random)
    named, language = abstracted(named, language, "second", random)
    registers = registers_of(start)
    by_name, _ = meant(named, start[0], registers, mod_by_zero, language)
    assert by_name == meant(term, start[0], registers, mod_by_zero)[0]
    found, outcome = happened(lower(named, ROOM, language), start[0], registers, mod_by_zero)
    shared = min(len(by_name), len(found))
    assert found[:shared] == by_name[:shared]
    assert shared == MOMENTS or len(found) == len(by_name) or not outcome.halted


@given(statements(), SEEDS)
def test_a_file_that_is_written_and_read_has_the_same_language(tmp_path_factory, term, seed):
    random = Random(seed)
    named, language = abstracted(term, LANGUAGE, "first", random)
    _, language = abstracted(named, language, "second", random)
    path = tmp_path_factory.getbasetemp() / "library.yaml"
    path.write_text(library_text(language), encoding="utf-8")
    assert read_library(path) == language
    assert pickle.loads(pickle.dumps(language)) == language


@pytest.mark.parametrize(
    "text, start, end",
    [
        ("scan(add, 2)", "1 2 3 4 0 0 0 0", "1 3 6 2 0 0 0 0"),
        ("scan(max, 2)", "1 0 3 2 0 0 0 0", "1 1 3 3 0 0 0 0"),
        ("twice(scan(add, 1))", "1 1 1 0 0 0 0 0", "1 3 6 0 0 0 0 0"),
        ("loop(store(index, add(elem, next)), 2)", "1 2 3 4 0 0 0 0", "3 5 7 4 0 0 0 0"),
    ],
)
def test_meaning_worked_by_hand(text, start, end):
    assert memory_after(text, start, language=LIBRARY) == end


@pytest.mark.parametrize(
    "text, expected",
    [
        ("scan(add)", 'scan takes operator, fixed, got 1 in "scan(add)"'),
        ("scan(inc, 2)", '"inc", expected one of add, sub, min, max, mod'),
        ("scan(next, 2)", '"next", expected one of add, sub, min, max, mod'),
        ("store(0, next)", '"next" has an index or an elem of the loop around it, and there is no loop around it'),
        ("twice(map(elem))", '"map(elem)" never ends, and something follows it; expected a loop with a bound'),
        ("loop(store(next, 0))", '"next" as an address in a loop, expected a number, a register such as r4, or index'),
        ("loop(at(0))", '"at(0)" in a loop: it has an address that is more than a number, a register or index'),
        ("scna(add, 2)", 'did you mean "scan"?'),
    ],
)
def test_mistakes_are_told_in_one_line(text, expected):
    with pytest.raises(UserError) as raised:
        parse(text, LIBRARY)
    assert expected in str(raised.value) and "\n" not in str(raised.value)


def test_a_name_weighs_one():
    assert weight(parse("scan(add, 2)", LIBRARY), LIBRARY) == 1 + 1 + 3
    assert weight(parse("map(next)", LIBRARY), LIBRARY) == 2


def test_a_program_that_stands_for_too_much_is_refused():
    """Without writing it out: 40 times inside itself it would have 2^40 terms."""
    language = Language((made("double", "add(x, x)", x="word"),))
    text = "store(0, " + "double(" * 40 + "0" + ")" * 41
    with pytest.raises(UserError, match=r"stands for [0-9,]+ terms when it is written out, expected at most 10,000$"):
        parse(text, language)


def test_naming_abstractions_restricts_as_naming_constructs_does():
    assert {row.name for row in LIBRARY.chosen(["scan"]) if row.result == "statement"} == {"scan"}
    assert {row.name for row in LIBRARY.chosen(["map"])} & {"scan", "twice", "next"} == {"next"}
    assert {row.name for row in LIBRARY.chosen(None)} >= {"scan", "twice", "next", "map", "inc"}
    with pytest.raises(UserError, match="scna.*did you mean"):
        LIBRARY.chosen(["scna"])


# --- enumeration


def programs(space: Space) -> dict[Term, np.ndarray]:
    """All programs of a space and their code."""
    return {
        term: code for batch in space.batches() if batch for term, code in zip(batch.terms, batch.code, strict=True)
    }


SMALL = dict(mod_by_zero="zero", readable=(4,), settable=())
WITHIN = room(4, 6, 8, (4,))


def whole_space(language: Language, names: list[str], within: Room = WITHIN) -> dict[Term, np.ndarray]:
    return programs(Space(language.chosen(names), within, language=language, **SMALL))


def test_with_a_library_every_program_is_there_by_its_name_too():
    """Nothing that fits is lost to the estimate of lines: spaces that can be made whole say so.

    There are more: a body may put words together that enumeration leaves out, as the same functions as lighter ones.
    """
    names = ["map", "iterate", "if", "add", "dec"]
    plain = whole_space(LANGUAGE, names)
    fold = made("fold", "iterate(add(elem, x), last)", x="each word", last="fixed")
    both = made("both", "iterate(add(x, x))", x="each word")
    where = made("where", "if(t, map(x, last))", t="test", x="each word", last="fixed")
    language = Language((fold, both, where))
    named = whole_space(language, [*names, "fold", "both", "where"])
    expanded = {
        one.name: {language.expand(term) for term in named if term.name == one.name} for one in (fold, both, where)
    }
    alike = {
        "fold": lambda text: re.fullmatch(r"iterate\(add\(elem, .*\), (\d|r4)\)", text),
        "both": lambda text: re.fullmatch(r"iterate\(add\((.*), \1\)\)", text),
        "where": lambda text: re.fullmatch(r"if\(.*, map\([^i].*, (\d|r4)\)\)", text),
    }
    for name, is_alike in alike.items():
        expected = {term for term in plain if is_alike(str(term))}
        assert len(expected) >= 3 and expected <= expanded[name]
        assert all(is_alike(str(term)) for term in expanded[name] if name != "where")
    assert set(plain) <= named.keys() | set().union(*expanded.values())
    assert {term for term in named if language.expand(term) == term} == set(plain)


@pytest.mark.parametrize("names", [["map", "scan", "next", "add"], ["loop", "store", "next", "twice", "at", "max"]])
def test_the_code_of_an_enumerated_program_is_that_of_its_expansion(names):
    named = whole_space(LIBRARY, names)
    with_names = [term for term in named if LIBRARY.expand(term) != term]
    assert len(with_names) > 10
    for term in with_names:
        assert parse(str(term), LIBRARY) == term
        expected = pad(lower(LIBRARY.expand(term), WITHIN), WITHIN.sizes.lines)
        assert (named[term] == expected).all(), str(term)


def test_an_abstraction_of_numbers_that_a_base_does_not_have_is_left_out():
    language = Language((made("five", "add(x, 5)", x="word"), made("three", "add(x, 3)", x="word")))
    heads = {term.arguments[0].name for term in whole_space(language, ["map", "five", "three"])}
    assert "three" in heads and "five" not in heads


def test_a_word_has_the_name_of_what_is_the_same_word():
    """`add(x, x)` is heavier than `double(x)` and the same function: it is left out."""
    language = Language((made("double", "add(x, x)", x="word"),))
    named = whole_space(language, ["map", "double", "add"])
    assert Term("map", (Term("double", (Term("elem"),)),)) in named
    assert parse_term("map(add(elem, elem))") not in named and parse_term("map(add(index, elem))") in named

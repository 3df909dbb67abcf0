"""With a library too, the compiled enumeration makes the programs of the readable one, and their code."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.machine_config import Sizes
from neurocomp.synthesis.assembler import Room
from neurocomp.synthesis.compiled import space as compiled
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.lowering import lower
from neurocomp.synthesis.padding import pad
from tests.abstractions import abstracted
from tests.templates import statements
from tests.test_abstractions import AT, LIBRARY, made
from tests.test_compiled_synthesis import ROOMS, arguments, check_same

TWICE_THE_SUM = made("both", "add(f(x, y), f(y, x))", f="operator", x="word", y="word")
LIBRARIES = {
    "words, operators and statements": LIBRARY,
    "an operator in a word": Language((TWICE_THE_SUM,)),
    "a read of a sum": Language((made("beyond", "add(read(add(x, 3)), read(inc(x)))", x="word"),)),
    "a read in a loop": Language((made("after", "sub(read(inc(elem)), x)", x="each word"), AT)),
    "one word": Language((made("one", "read(2)"), made("plus", "add(read(2), inc(read(2)))"))),
    "statements in statements": Language(
        (
            made("guarded", "if(t, seq(s, map(f(elem, x), 2)), s)", t="test", s="statement that ends", f="operator",
                 x="each word"),
            made("endless", "loop(s)", s="each statement"),
            made("total", "reduce(f, 0, n)", f="operator", n="fixed"),
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("room", ["with inputs", "bits", "every construct", "many lines", "a large base"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_the_compiled_enumeration_makes_the_readable_ones_programs(name, room):
    language, (sizes, *rest) = LIBRARIES[name], ROOMS[room]
    _, *others = arguments(*sizes, *rest)
    names = None if rest[2] is None else [*rest[2], *(one.name for one in language.abstractions)]
    assert check_same((language.chosen(names), *others, language), 3000) > 5


@settings(max_examples=15, deadline=None)
@given(statements(), st.integers(0, 10**6), st.sampled_from([(3, 4, 6), (4, 5, 7), (6, 5, 6)]))
def test_they_are_the_same_with_any_library(term, seed, sizes):
    random = Random(seed)
    named, language = abstracted(term, LANGUAGE, "first", random)
    _, language = abstracted(named, language, "second", random)
    _, *others = arguments(*sizes, (sizes[1] - 1,), (), None, "freeze", "zero")
    names = ["map", "if", "store", "seq", "add", "inc", "read", *(one.name for one in language.abstractions)]
    check_same((language.chosen(names), *others, language), 500)


def test_the_code_of_a_named_program_is_that_of_its_expansion():
    language = LIBRARIES["statements in statements"]
    room = Room(Sizes(4, 6, 12), (0, 1, 2, 3, 5), "freeze")
    names = ["map", "store", "inc", "read", "add", "max", "guarded", "endless", "total"]
    space = compiled.Space(language.chosen(names), room, "zero", (4,), (), language)
    named = 0
    for batch in filter(None, space.batches()):
        code = space.code(batch.programs)
        for place, row in enumerate(batch.programs[:200]):
            term = space.terms.term(row)
            named += language.expand(term) != term
            assert (code[place] == pad(lower(language.expand(term), room), room.sizes.lines)).all()
        if named > 500:
            return
    raise AssertionError(f"only {named} programs have a name of the library in them")

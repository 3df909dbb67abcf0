"""`synthesis.library`: files of abstractions, what is wrong with them, and what cells are made with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurocomp.errors import UserError
from neurocomp.synthesis.language import LANGUAGE
from neurocomp.synthesis.library import language_of, read_library

SCAN = """\
abstractions:
  scan:                  # a running total, or maximum, ...
    holes: {f: operator, last: fixed}
    body: iterate(f(elem, next), last)
    origin: {programs: ["prefix_sum: iterate(add(elem, read(inc(index))), r4)"], saved: 111006}
  next:
    body: read(inc(index))
"""


def written(folder: Path, text: str, name: str = "library.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_abstractions_may_stand_in_any_order(tmp_path):
    language = read_library(written(tmp_path, SCAN))
    scan, after = language.abstractions
    assert str(scan.body) == "iterate(f(elem, next), last)" and str(after.body) == "read(inc(index))"
    assert str(language.rows["scan"].body) == "iterate(f(elem, read(inc(index))), last)"
    assert scan.holes == (("f", "operator"), ("last", "fixed")) and scan.origin.saved == 111006
    assert [name for name in language.rows if name not in LANGUAGE.rows] == ["scan", "next"]


def test_a_name_that_is_not_here_is_looked_up_in_the_folder_of_the_users_files(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    written(tmp_path / "mine", SCAN)
    monkeypatch.chdir(tmp_path)
    assert language_of("library.yaml", tmp_path / "mine") == read_library(tmp_path / "mine" / "library.yaml")
    assert language_of(None, tmp_path / "mine") is LANGUAGE


def test_the_shipped_library_is_known_by_its_name_where_there_is_no_such_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    assert [one.name for one in language_of("corpus").abstractions] == ["read_1"]
    (tmp_path / "corpus").rmdir()
    mine = written(tmp_path, SCAN, "corpus")
    assert language_of("corpus") == read_library(mine)


def one(body: str, holes: str = "") -> str:
    return f"abstractions:\n  a:\n    holes: {{{holes}}}\n    body: {body}\n"


BAD = {
    "unknown construct": (
        one("mup(inc(elem))"),
        'abstraction "a": expected a construct and its arguments; did you mean "map"?',
    ),
    "unknown word": (
        one("map(inv(elem))"),
        'abstraction "a": unknown word "inv", expected a number, a register such as',
    ),
    "an alias": (one("x", "x: word"), 'abstraction "a": expected a construct and its arguments'),
    "a number": (one("'3'"), 'abstraction "a": expected a construct and its arguments'),
    "too many arguments": (one("inc(1, 2)"), 'abstraction "a": inc takes word, got 2 in "inc(1, 2)"'),
    "no kind": (
        one("map(x)", "x: wrod"),
        'abstraction "a": hole "x" is of kind "wrod", expected one of word, test, address, fixed, each word, '
        "each test, each address, operator, register, statement, statement that ends, each statement; "
        'did you mean "word"?',
    ),
    "a kind that is no text": (
        one("map(x)", "x: [word]"),
        """hole "x" is of kind "['word']", expected one of word, test,""",
    ),
    "wrong kind": (
        one("map(x)", "x: statement"),
        'abstraction "a": hole x is of kind "statement"; where it stands, expected "word" or "test" or "address" or '
        '"fixed" or "each word" or "each test" or "each address"',
    ),
    "each outside": (
        one("store(0, x)", "x: each word"),
        'hole x is of kind "each word"; where it stands, expected "word" or "test" or "address" or "fixed"',
    ),
    "an address in a loop": (
        one("loop(store(x, 0))", "x: address"),
        'hole x is of kind "address"; where it stands, expected "fixed" or "each address"',
    ),
    "a word as the bound": (one("map(0, x)", "x: word"), 'hole x is of kind "word"; where it stands, expected "fixed"'),
    "a word that is applied": (
        one("map(x(1, 2))", "x: word"),
        'hole x is of kind "word"; where it stands, expected "operator"',
    ),
    "an operator that is not": (
        one("map(x)", "x: operator"),
        'hole x is of kind "operator"; where it stands, expected "word"',
    ),
    "an operator of one": (one("map(x(1))", "x: operator"), 'an operator takes word, word, got 1 in "x(1)"'),
    "an operator as a statement": (one("loop(x(1, 2))", "x: operator"), '"x(1, 2)", expected x alone'),
    "two kinds": (
        one("if(x, x)", "x: test"),
        'hole x is of kind "test"; where it stands, expected "statement" or "statement that ends"',
    ),
    "a register that is read": (
        one("seq(set(x, 1), store(0, x))", "x: register"),
        'hole x is of kind "register"; where it stands, expected "word"',
    ),
    "a statement that is followed": (
        one("seq(x, store(0, 1))", "x: statement"),
        'hole x may never end, and something follows it; expected kind "statement that ends"',
    ),
    "a statement in a loop": (
        one("loop(if(elem, x))", "x: statement"),
        'hole x may never end, and something follows it; expected kind "statement that ends"',
    ),
    "a loop that is followed": (one("seq(map(0), noop)"), '"map(0)" never ends, and something follows it'),
    "a register in the body": (
        one("map(elem, r4)"),
        'abstraction "a": r4 in the body: other tasks have other words in it, expected a hole of kind "fixed" in its '
        "place",
    ),
    "unused": (one("map(elem)", "x: word"), 'abstraction "a": hole x is not in the body, expected each hole there'),
    "a construct's name": (
        "abstractions: {map: {body: inc(0)}}",
        'abstraction "map": map: there is one of this name, expected another name',
    ),
    "index": ("abstractions: {index: {body: inc(0)}}", "index: there is one of this name, expected another name"),
    "elem as a hole": (
        one("map(elem)", "elem: each word"),
        "hole elem: there is one of this name, expected another name",
    ),
    "a register's name": ("abstractions: {r4: {body: inc(0)}}", "r4: there is one of this name, expected another name"),
    "a number as a name": (
        "abstractions: {4: {body: inc(0)}}",
        'abstraction "4": "4": expected a name of at most 40 letters',
    ),
    "a long name": (
        "abstractions: {" + "a" * 41 + ": {body: inc(0)}}",
        "expected a name of at most 40 letters, digits and _",
    ),
    "a hole named as an abstraction": (
        one("inc(a)", "a: word"),
        "hole a: there is one of this name, expected another name",
    ),
    "a hole named as a construct": (
        one("inc(inc)", "inc: word"),
        "hole inc: there is one of this name, expected another name",
    ),
    "itself": (one("inc(a)"), 'abstraction "a": a uses a, expected none that uses itself'),
    "a circle": (
        "abstractions: {a: {body: inc(b)}, b: {body: dec(c)}, c: {body: inc(a)}}",
        'abstraction "a": a uses b uses c uses a, expected none that uses itself',
    ),
    "two of a name": (
        "abstractions:\n  a: {body: inc(0)}\n  a: {body: dec(0)}",
        'library.yaml, line 3: "a" stands twice',
    ),
    "two holes of a name": (one("inc(x)", "x: word, x: fixed"), 'library.yaml, line 3: "x" stands twice'),
    "not YAML": ("abstractions: {a", "library.yaml, line 1: expected ',' or '}'"),
    "a tag": ("abstractions: !!python/object:os.system {}", "expected plain data without tags"),
    "empty": ("", "library.yaml: the file is nothing, expected the keys abstractions"),
    "a list": ("[1]", 'library.yaml: the file is "[1]", expected the keys abstractions'),
    "no abstractions": (
        "abstractions: {}",
        "library.yaml: no abstractions, expected some under the key abstractions, by their names",
    ),
    "another key": (
        "abstraction: {}",
        'the file has a key "abstraction", expected abstractions; did you mean "abstractions"?',
    ),
    "another key within": (
        "abstractions: {a: {boddy: inc(0)}}",
        'abstraction "a": it has a key "boddy", expected holes, body, origin; did you mean "body"?',
    ),
    "text alone": (
        "abstractions: {a: inc(0)}",
        'abstraction "a": it is "inc(0)", expected the keys holes, body, origin',
    ),
    "no body": (
        "abstractions: {a: {holes: {}}}",
        'abstraction "a": body is nothing, expected text such as map(inc(elem))',
    ),
    "half a body": (one('"map(inc(elem)"'), 'abstraction "a": body "map(inc(elem)": the end, expected "," or ")"'),
    "holes as a list": (
        "abstractions: {a: {holes: [x], body: inc(x)}}",
        "holes is \"['x']\", expected their names and kinds, such as {x: each word}",
    ),
    "too deep": (one("inc(" * 60 + "0" + ")" * 60), "expected at most 50 terms in each other"),
    "too deep together": (
        "abstractions: {a: {holes: {x: word}, body: "
        + "inc(" * 30
        + "x"
        + ")" * 30
        + "}, b: {body: "
        + "a(" * 2
        + "0"
        + "))}}",
        'abstraction "b": stands for 51 terms in each other when it is written out, expected at most 50',
    ),
    "too large": (
        "abstractions:\n"
        + "".join(
            f"  a{n}: {{body: 'add({of}, {of})'}}\n" for n, of in enumerate(["0", *(f"a{n}" for n in range(40))])
        ),
        "stands for 16,383 terms when it is written out, expected at most 10,000",
    ),
    "too many": (
        "abstractions:\n" + "".join(f"  a{n}: {{body: inc({n})}}\n" for n in range(101)),
        "101 abstractions, expected at most 100",
    ),
    "origin": (
        "abstractions: {a: {body: inc(0), origin: {programs: x}}}",
        'abstraction "a": origin: programs is "x", expected a list of text',
    ),
    "saved": (
        "abstractions: {a: {body: inc(0), origin: {saved: many}}}",
        'abstraction "a": origin: saved is "many", expected a whole number',
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path, case):
    text, expected = BAD[case]
    with pytest.raises(UserError) as raised:
        read_library(written(tmp_path, text))
    assert expected in str(raised.value) and "\n" not in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "library.yaml"))


# --- commands and cells

SMALL = ["examples=16", "synthesis.constructs=[map,scan,next,iterate,add,inc,read]"]


def test_what_is_found_prints_by_name_and_expands_on_request(command, tmp_path):
    written(tmp_path, SCAN)
    answer = command("synth", "task=corpus/prefix_sum", "synthesis.library=library.yaml", *SMALL)
    assert answer.code == 0 and answer.out.startswith("  1  scan(add, r4)\n     exact, weight 3, candidate ")
    assert "iterate" not in answer.out
    answer = command("synth", "task=corpus/prefix_sum", "synthesis.library=library.yaml", "--expand", *SMALL)
    assert answer.out.startswith("  1  scan(add, r4)\n     = iterate(add(elem, read(inc(index))), r4)\n     exact, ")
    template = ["--template", "scan(max, r4)", "--json", "--expand"]
    answer = command("synth", "task=corpus/running_max", "synthesis.library=library.yaml", *template)
    assert '"expansion": "iterate(max(elem, read(inc(index))), r4)"' in answer.out and '"verified": 256' in answer.out


@pytest.mark.parametrize("kind", [["method=synthesize"], ["init=synth", "optimizer.updates=1"]])
def test_a_cell_is_what_its_library_says_and_not_what_it_is_called(command, tmp_path, kind):
    cell = ["run", "task=corpus/prefix_sum", *kind, "restarts=1", *SMALL]
    written(tmp_path, SCAN)
    assert command(*cell, "synthesis.library=library.yaml").code == 0
    other_words = SCAN.replace("holes: {f: operator, last: fixed}", "holes: {g: operator, last: fixed}")
    other_words = other_words.replace("body: iterate(f(elem, next), last)", "body: iterate( g(elem,next),last )")
    written(tmp_path, other_words.replace("saved: 111006", "saved: 1"), "mine.yaml")
    rows = {path: path.read_bytes() for path in (tmp_path / "results/runs").glob("*.csv")}
    assert len(rows) == 1 and b"scan(add, r4)" in next(iter(rows.values()))
    assert command(*cell, "synthesis.library=mine.yaml").code == 0
    assert {path: path.read_bytes() for path in (tmp_path / "results/runs").glob("*.csv")} == rows
    written(tmp_path, SCAN.replace("f(elem, next)", "f(next, elem)"), "other.yaml")
    assert command(*cell, "synthesis.library=other.yaml").code == 0
    assert len(list((tmp_path / "results/runs").glob("*.csv"))) == 2


def test_a_cell_whose_library_is_not_there_says_which(command, tmp_path):
    cell = [
        "run",
        "task=corpus/prefix_sum",
        "method=synthesize",
        "restarts=1",
        "synthesis.library=library.yaml",
        *SMALL,
    ]
    written(tmp_path, SCAN)
    assert command(*cell).code == 0
    (tmp_path / "library.yaml").unlink()
    answer = command(*cell)
    assert answer.code == 2
    assert answer.err == "neurocomp: library.yaml: cannot be read (No such file or directory)\n"


def test_a_library_is_checked_where_it_is_not_used_too(command, tmp_path):
    written(tmp_path, "abstractions: {}")
    answer = command("run", "task=map_inc", "init=map_inc", "restarts=1", "synthesis.library=library.yaml")
    assert (answer.code, answer.out) == (2, "") and answer.err.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_names_kinds_bodies_and_their_order_are_the_content(tmp_path):
    def content(text: str):
        return read_library(written(tmp_path, text)).content()

    two = "abstractions: {{a: {{holes: {{x: {}}}, body: map({})}}, b: {{body: {}}}}}"
    first = content(two.format("each word", "inc(x)", "inc(0)"))
    assert content(two.format("each word", "inc( x )", "inc(00)")) == first
    others = [("word", "inc(x)", "inc(0)"), ("each word", "dec(x)", "inc(0)"), ("each word", "inc(x)", "inc(1)")]
    assert all(content(two.format(*other)) != first for other in others)
    turned = "abstractions: {b: {body: inc(0)}, a: {holes: {x: each word}, body: map(inc(x))}}"
    renamed = two.format("each word", "inc(x)", "inc(0)").replace("a:", "c:")
    assert content(turned) != first != content(renamed)
    assert LANGUAGE.content() is None

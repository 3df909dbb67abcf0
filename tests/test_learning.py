"""`neurocomp learn`: what stitch proposes gets kinds or is refused, what saves is kept, and searches are made once."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from neurocomp.cli.compose import configure
from neurocomp.config import MachineConfig
from neurocomp.errors import UserError
from neurocomp.language.assembly import format_program
from neurocomp.learning import compression, solving
from neurocomp.learning.compression import proposals, typed
from neurocomp.learning.searches import Searches
from neurocomp.learning.solving import Problem, Searched, algorithm_judge, solve, with_steps
from neurocomp.learning.weighing import bits, bits_a_weight, length, weighed
from neurocomp.readings.measuring import ThisProcess
from neurocomp.search_config import SynthesisConfig
from neurocomp.synthesis.language import LANGUAGE, Abstraction, Language
from neurocomp.synthesis.library import library_text, read_library
from neurocomp.synthesis.terms import Term, parse_term
from neurocomp.tasks.examples import held_out
from neurocomp.tasks.task import load_task
from neurocomp.tasks.verification import hard
from tests.conftest import ROOT
from tests.test_tasks import shipped

needs_stitch = pytest.mark.skipif(not compression.is_installed(), reason="extra `learn`")


def body(text: str) -> Term:
    """The term of a text in which the holes are called h0, h1, ..."""

    def renamed(term: Term) -> Term:
        name = f"${term.name[1:]}" if term.name[0] == "h" and term.name[1:].isdigit() else term.name
        return Term(name, tuple(map(renamed, term.arguments)))

    return renamed(parse_term(text))


# --- sleep


@pytest.mark.parametrize(
    "text, expected, kinds",
    [
        ("iterate(h0(elem, read(inc(index))), r4)", "iterate(x(elem, read(inc(index))), y)", ["operator", "fixed"]),
        ("map(h0, r4)", None, None),  # saves nothing: it weighs as much as map itself
        ("map(inc(h0), r4)", "map(inc(x), y)", ["each word", "fixed"]),
        ("read(inc(index))", "read(inc(index))", []),
        ("add(h0, read(h0))", "add(x, read(x))", ["word"]),
        ("if(inc(h0), store(h1, h0))", "if(inc(x), store(y, x))", ["word", "address"]),
        ("loop(store(h0, inc(h1)), r4)", "loop(store(x, inc(y)), z)", ["each address", "each word", "fixed"]),
        ("update(h0, inc(elem), h1)", "update(x, inc(elem), y)", ["each test", "fixed"]),
        ("seq(h0, map(inc(elem), r4))", "seq(x, map(inc(elem), y))", ["statement that ends", "fixed"]),
        ("seq(map(inc(elem), 2), h0)", "seq(map(inc(elem), 2), x)", ["statement"]),
        ("if(h0, h0)", None, None),  # no kind is a word and a statement
        ("set(r8, inc(h0))", "set(x, inc(y))", ["register", "word"]),
        ("reduce(h0, 0, h1)", "reduce(x, 0, y)", ["operator", "fixed"]),
        ("seq(set(r8, 1), store(0, r8))", None, None),  # a register is set or read
    ],
)
def test_a_proposal_gets_the_widest_kinds_that_its_places_take_or_is_refused(text, expected, kinds):
    found = typed(body(text), LANGUAGE)
    if expected is None:
        assert found is None
    else:
        assert found is not None and str(found.body) == expected
        assert [kind for _, kind in found.holes] == kinds


SCANS = ["iterate(add(elem, read(inc(index))), r4)", "iterate(max(elem, read(inc(index))), r4)", "map(inc(elem), r4)"]


@needs_stitch
def test_the_scan_is_found_with_a_hole_for_the_operator_and_for_the_register(tmp_path):
    found = proposals(list(map(parse_term, SCANS)), LANGUAGE)
    assert "iterate(x(elem, read(inc(index))), y)" in [str(one.body) for one in found]
    assert all("r4" not in str(one.body) for one in found) and len({one.name for one in found}) == len(found)
    path = tmp_path / "library.yaml"
    path.write_text(library_text(Language(tuple(found))), encoding="utf-8")
    assert read_library(path) == Language(tuple(found))


@needs_stitch
def test_what_is_known_is_not_proposed_again():
    programs = list(map(parse_term, SCANS))
    known = Language(tuple(proposals(programs, LANGUAGE)))
    assert not {str(one.body) for one in proposals(programs, known)} & {str(one.body) for one in known.abstractions}


def test_proposals_of_proposals_are_written_out():
    known = {"fn_0": "(iterate/2 (op2 #0 elem #1) r4)", "fn_1": "(read (inc index))"}
    assert compression._written_out("(seq/2 (fn_0 add fn_1) #0)", known) == (
        "(seq/2 (iterate/2 (op2 add elem (read (inc index))) r4) #0)"
    )


# --- wake


def problem(name: str, candidates: int = 3000, **changes) -> Problem:
    task = shipped_task(name)
    config = SynthesisConfig(
        candidates=candidates, seconds=600, constructs=["map", "iterate", "add", "inc", "read", "max"]
    )
    return Problem(name, task, 0, 16, config, **changes)


def shipped_task(name: str):
    config = configure([f"task=corpus/{name}"])
    return load_task(config.task, config.machine)  # type: ignore[union-attr]


def test_a_program_that_is_right_only_when_it_is_cut_is_no_solution():
    """A loop that never ends comes round again, and adds a second time."""
    task = shipped_task("inc_each")
    judge = algorithm_judge(task, held_out(task, 0))
    own = "loop: read 1 2; inc 2 2; write 1 2; inc 1 1; max 1 4 3; sub 4 3 3; jump 3 loop; halt; noop; noop; noop; noop"
    endless = "loop: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 0 loop; noop; noop; noop; noop; noop; noop; noop"
    assert judge(own) and not judge(endless)
    # After 39 steps, in its eighth round, the endless loop has added once to each cell, as it should.
    brief = replace(task, steps=39, general=None)
    unseen = held_out(task, 0)._replace(general=None)
    assert hard([own, endless], unseen.test, brief) == [True, True]
    judge = algorithm_judge(brief, unseen)
    assert judge(own) and not judge(endless)
    assert (with_steps(task, 36).steps, with_steps(task, 36).general.steps) == (
        36,
        task.general.steps * 36 // task.steps,
    )


def test_where_the_tasks_own_program_never_ends_nothing_is_asked_after_its_steps():
    task = load_task(shipped("map_inc"), MachineConfig())
    assert algorithm_judge(task, held_out(task, 0))(format_program(task.reference, one_line=True))


def test_a_search_goes_on_after_a_fluke(monkeypatch):
    found = solve(problem("inc_each"), (), 3000)
    assert found.template == "map(inc(elem), r4)" and found.flukes == 0 and found.candidates <= found.tried
    judged: list[str] = []

    def judge(task, unseen):
        return lambda text: judged.append(text) or len(judged) > 1

    monkeypatch.setattr(solving, "algorithm_judge", judge)
    after = solve(problem("inc_each"), (), 3000)
    assert after.flukes == 1 and after.template != found.template and after.candidates > found.candidates


# --- weighing

SCAN = Abstraction(
    "scan", (("f", "operator"), ("last", "fixed")), parse_term(SCANS[0].replace("add", "f").replace("r4", "last"))
)
USELESS = Abstraction("twice", (("x", "word"),), parse_term("add(x, add(x, x))"))


def test_what_saves_is_kept_and_what_does_not_is_left_out(tmp_path):
    problems = [problem("prefix_sum", 60_000), problem("running_max", 60_000), problem("inc_each", 60_000)]
    searches = Searches(tmp_path, ThisProcess())
    found = searches(problems, LANGUAGE, "wake")
    assert all(one.template for one in found.values())
    chosen = weighed(problems, found, LANGUAGE, [USELESS, SCAN], searches)
    assert chosen.abstractions == (SCAN,)
    after = searches(problems, chosen, "wake")
    assert after["prefix_sum"].template == "scan(add, r4)"
    assert bits(problems, after) < bits(problems, found) - 6  # two of three tasks take an eighth or less


def test_a_body_costs_what_it_takes_to_write_it(tmp_path):
    """The solution weighs 4 and has 6 bits; the body of scan weighs 7."""
    problems = [problem("inc_each", 500), problem("diff", 500)]
    found = {
        "inc_each": Searched(90, "map(inc(elem), r4)", 64, 0, "exact", 1.0),
        "diff": Searched(500, None, None, 0, "candidates", 1.0),
    }
    assert bits_a_weight(problems, found, LANGUAGE) == 1.5
    assert bits_a_weight(problems[1:], found, LANGUAGE) == 0
    assert length([SCAN], 1.5) == 7 * 1.5
    problems = [problem("prefix_sum", 60_000), problem("running_max", 60_000)]
    searches = Searches(tmp_path, ThisProcess())
    found = searches(problems, LANGUAGE, "wake")
    saved = bits(problems, found) - bits(problems, searches(problems, Language((SCAN,)), "wake"))
    assert weighed(problems, found, LANGUAGE, [SCAN], searches, a_weight=saved / 7 - 0.01).abstractions == (SCAN,)
    assert weighed(problems, found, LANGUAGE, [SCAN], searches, a_weight=saved / 7 + 0.01) == LANGUAGE


def test_candidates_count_by_their_logarithms_and_a_problem_that_is_not_solved_has_its_budget():
    problems = [problem("inc_each", 500), problem("diff", 500)]
    found = {
        "inc_each": Searched(90, "x", 64, 0, "exact", 1.0),
        "diff": Searched(500, None, None, 0, "candidates", 1.0),
    }
    assert bits(problems, found) == pytest.approx(6 + 8.966, abs=0.001)  # log2(64) and log2(500)
    assert bits(problems, found, {"inc_each": 32, "diff": 256}) == 5 + 8


def test_a_search_is_made_once_and_more_only_for_a_larger_budget(tmp_path, monkeypatch):
    given = [problem("running_max", 100)]
    first = Searches(tmp_path, ThisProcess())(given, LANGUAGE, "wake")
    assert first["running_max"].template is None and first["running_max"].tried == 100
    again = Searches(tmp_path, ThisProcess())
    monkeypatch.setattr("neurocomp.learning.searches.solve_all", None)  # nothing is searched
    assert again(given, LANGUAGE, "wake") == first and again(given, LANGUAGE, "wake", {"running_max": 50}) == first
    with pytest.raises(TypeError):
        again([problem("running_max", 101)], LANGUAGE, "wake")


def test_a_kept_search_that_is_not_ours_is_refused(tmp_path):
    given = [problem("inc_each", 200)]
    Searches(tmp_path, ThisProcess())(given, LANGUAGE, "wake")
    (path,) = tmp_path.glob("*.json")
    for text in ("{", "[]", "[" * 10_000, json.dumps(json.loads(path.read_text()) | {"tried": "many"})):
        path.write_text(text)
        with pytest.raises(UserError, match="not what neurocomp learn writes, expected a search; without the file it "):
            Searches(tmp_path, ThisProcess())(given, LANGUAGE, "wake")


@pytest.mark.parametrize(
    "tried, candidates, ended, budget, found",
    [
        (100, 40, "exact", 40, 40),
        (100, 40, "exact", 39, None),
        (100, None, "candidates", 100, None),
        (9, None, "space", 50, None),
    ],
)
def test_a_search_says_what_one_of_a_smaller_budget_finds(tried, candidates, ended, budget, found):
    searched = Searched(tried, "x" if candidates else None, candidates, 0, ended, 1.0)
    assert searched.says(budget) and searched.within(budget) == found


def test_a_search_does_not_say_what_one_of_a_larger_budget_finds():
    assert not Searched(100, None, None, 0, "candidates", 1.0).says(101)


# --- the command

SMALL = ["examples=16", "synthesis.candidates=60000", "synthesis.constructs=[map,iterate,add,inc,read,max]"]
TASKS = "task=corpus/inc_each,corpus/count_up,corpus/prefix_sum"


def own_tasks(folder: Path) -> None:
    """`task=total,largest,least`: three scans of the corpus under other names."""
    (folder / "mine/task").mkdir(parents=True)
    for name, source in (("total", "prefix_sum"), ("largest", "running_max"), ("least", "running_min")):
        text = (ROOT / f"configs/task/corpus/{source}.yaml").read_text(encoding="utf-8")
        (folder / f"mine/task/{name}.yaml").write_text(text.replace(f"name: {source}", f"name: {name}"))


@needs_stitch
@pytest.mark.parametrize("workers", [[], ["workers=2"]])
def test_the_command_learns_from_own_tasks_reports_and_goes_on(command, tmp_path, workers):
    own_tasks(tmp_path)
    names = "synthesis.constructs=[map,iterate,add,min,inc,read,max]"
    line = ["learn", "task=total,largest", "--held-out", "least", "--config-dir", "mine", *SMALL[:2], names]
    answer = command(*line, *workers)
    assert answer.code == 0, answer.err
    assert (
        "training: 2 of 2 solved before, 2 after; " in answer.out
        and "held-out: 1 of 1 solved before, 1 after; " in answer.out
    )
    (scan,) = read_library(tmp_path / "library.yaml").abstractions
    assert str(scan.body) == "iterate(x(elem, read(inc(index))), y)"
    assert scan.origin.programs == ("total: iterate_1(add, r4)", "largest: iterate_1(max, r4)")
    assert scan.origin.saved is not None and scan.origin.saved > 5000
    assert (
        f"{scan.name}(x: operator, y: fixed) = {scan.body}\n  saves {scan.origin.saved:,} candidates on 2 "
        in answer.out
    )
    rows = {
        line.split()[0]: line.split()[1:] for line in answer.out.splitlines() if line.startswith(("total", "least"))
    }
    assert rows["least"][0] == "held-out" and rows["least"][3:] == ["iterate_1(min,", "r4)"]
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "library.yaml.searches").glob("*.json")}
    again = command(*line)
    assert again.out == answer.out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "library.yaml.searches").glob("*.json")} == kept


@needs_stitch
def test_a_library_that_was_edited_is_not_overwritten(command, tmp_path):
    (tmp_path / "mine.yaml").write_text("abstractions: {a: {body: inc(0)}}")
    answer = command("learn", TASKS, *SMALL, "--out", "mine.yaml")
    assert answer.code == 2
    given = "neurocomp: --out mine.yaml: is there, and is not as neurocomp learn left it; expected another file\n"
    assert answer.err == given and (tmp_path / "mine.yaml").read_text() == "abstractions: {a: {body: inc(0)}}"


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], "learn: expected tasks to learn from, corpus or names such as 'task=glob(mine/*)'"),
        (["corpus", "task=inc"], "learn: expected tasks to learn from, corpus or names such as 'task=glob(mine/*)'"),
        (["task=corpus/prefix_sum"], "learn: all of these tasks are held-out, expected some to learn from"),
        (["task=inc", "seed=0,1"], "more than one cell of a task, expected a grid of tasks alone"),
        (["corpus", "--rounds", "0"], "--rounds=0: expected a number >= 1"),
        (["corpus", "--out", "."], ".: is a folder, expected a file"),
        (["task=inc,nothing"], "nothing"),
        (["corpus", "synthesis.library=none.yaml"], "none.yaml: cannot be read (No such file or directory)"),
        (["corpus", "synthesis.constructs=[mup]"], 'synthesis.constructs: unknown construct "mup"'),
        (
            ["task=map_inc", "task.base=5", "machine.jump_target=value"],
            "machine.jump_target=value has no labels to lower loops to",
        ),
    ],
)
@needs_stitch
def test_mistakes_are_told_before_anything_is_searched(command, tmp_path, words, expected):
    answer = command("learn", *words)
    assert answer.code == 2 and expected in answer.err and answer.err.count("\n") == 1
    assert not list(Path(tmp_path).iterdir())


def test_without_stitch_it_says_what_to_install(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "stitch_core", None)
    answer = command("learn", "corpus")
    needs = "neurocomp learn: needs stitch, which is not installed; pip install 'neurocomp[learn]'"
    assert (answer.code, answer.err) == (2, f"neurocomp: {needs}\n")


class Panic(BaseException):
    """As a panic of Rust arrives in Python."""


@needs_stitch
@pytest.mark.parametrize("error", [Panic("index out of bounds\n at src/lib.rs"), ValueError("no programs")])
def test_where_stitch_fails_what_was_solved_is_kept(command, tmp_path, monkeypatch, error):
    import stitch_core

    def failing(*_, **__):
        raise error

    monkeypatch.setattr(stitch_core, "compress", failing)
    answer = command("learn", TASKS, *SMALL)
    reason = " ".join(str(error).split())
    kept = "the searches are kept in library.yaml.searches, and the same command goes on from there"
    assert answer.code == 1 and answer.err.endswith(f"neurocomp: stitch failed ({reason}); {kept}\n")
    assert len(list((tmp_path / "library.yaml.searches").glob("*.json"))) == 2

"""`neurocomp synth`: what it prints, as text and as JSON, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from neurocomp.cli import synth
from neurocomp.language.assembly import load_program, parse

KEYS = {"template", "program", "exact", "score", "weight", "candidates", "seconds"}


def test_a_solution_is_shown_as_text_as_assembly_and_verified(command):
    answer = command("synth", "task=inc")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "  1  store(0, read(inc(read(0))))"
    assert "exact, weight 6, candidate " in lines[1] and "right on 256 of 256 test examples, 256 of 256" in lines[1]
    assert [line.strip() for line in lines[2:7]] == ["read 0 1", "inc 1 1", "read 1 1", "write 0 1", "halt"]
    assert lines[-2] == "inc: 1 program is right on all 16 training examples"
    assert lines[-1].startswith("tried ") and " programs/s; " in lines[-1] and " executions/s" in lines[-1]


def test_json_is_an_object_a_line_with_a_program_that_runs(command):
    answer = command("synth", "task=parity", "--json")
    solutions = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 0 and len(solutions) == 2 and all(KEYS <= set(solution) for solution in solutions)
    assert [solution["template"] for solution in solutions] == ["map(mod(elem, r4))", "map(mod(elem, r6))"]
    for solution in solutions:
        assert len(parse(solution["program"])) == 7 and solution["exact"] is True and solution["score"] == 1
        assert solution["weight"] == 4 and solution["candidates"] > 0 and solution["seconds"] > 0
        assert solution["verified"] == solution["tests"] == 256
    assert "parity: 2 programs are right on all 16 training examples" in answer.err


def test_near_misses_are_success_that_says_so(command):
    answer = command("synth", "task=fib", "synthesis.candidates=3000", "--top", "2")
    assert answer.code == 0
    told = "fib: no program is right on all 16 training examples (synthesis.candidates=3000 were tried); these are"
    assert told in answer.out and "  2  " in answer.out and "  3  " not in answer.out


def test_a_spent_second_and_a_spent_space_are_told(command):
    spent = command("synth", "task=fib", "task.lines=10", "synthesis.seconds=0.2")
    assert "(synthesis.seconds=0.2 are over)" in spent.out
    ended = command("synth", "task=reduce", "synthesis.constructs=[map,inc]", "task.lines=9")
    assert "(all programs of the language that fit were tried)" in ended.out


def test_another_seed_and_other_examples_are_overrides(command):
    answer = command("synth", "task=map_inc", "seed=3", "examples=2", "task.length=4")
    assert "map_inc: 1 program is right on all 2 training examples" in answer.out


def test_ctrl_c_shows_what_was_found(command, monkeypatch):
    def interrupted(task, examples, settings, progress, **_):
        def stop(tried):
            raise KeyboardInterrupt

        return search(task, examples, settings, stop)

    search = synth.synthesize
    monkeypatch.setattr(synth, "synthesize", interrupted)
    answer = command("synth", "task=fib")
    assert answer.code == 130 and "(interrupted); these are the best near misses" in answer.out


def test_a_template_is_judged_without_a_search(command):
    answer = command("synth", "task=reduce", "--template", "reduce(add,0,2)", "--json")
    (found,) = map(json.loads, answer.out.splitlines())
    assert found["template"] == "reduce(add,0,2)" and found["exact"] and found["verified"] == 256
    assert len(parse(found["program"])) == len(load_program("reduce")) and not answer.err


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["task=inc", "synthesis.constructs=[mup]"], 'unknown construct "mup", expected some of inc, dec'),
        (["task=inc", "synthesis.candidates=0"], "synthesis.candidates=0: expected a number >= 1"),
        (["task=inc", "synthesis.seconds=0"], "synthesis.seconds=0.0: expected a number > 0"),
        (["task=inc", "--top", "0"], "--top=0: expected a number >= 1"),
        (["task=inc", "--template", "reduce(add, 0, 2)"], "needs 9 lines, the machine has 5"),
        (["task=inc", "--template", "mup(0)"], 'template "mup(0)": unknown statement "mup"'),
        (["task=incc"], "there is no such task"),
        ([], "task: none was given"),
    ],
)
def test_mistakes_are_one_line(command, arguments, told):
    answer = command("synth", *arguments)
    assert answer.code == 2 and told in answer.err and len(answer.err.splitlines()) == 1 and not answer.out


def test_contradicting_rows_of_a_file_are_one_line(command, tmp_path):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(
        "name: mine\nbase: 4\nregisters: 3\nlines: 4\nsteps: 9\nexamples: mine.csv\ncheck: {memory: [0]}\n"
    )
    (tmp_path / "mine.csv").write_text("m0,m0_final\n1,2\n0,1\n1,3\n")
    answer = command("synth", "task=mine", "--config-dir", str(tmp_path))
    assert answer.code == 2
    assert answer.err == "neurocomp: mine.csv:2 and mine.csv:4: the same start words, but m0_final is 2 and 3\n"


def test_no_torch_is_needed(tmp_path):
    code = (
        "import sys; from neurocomp.cli.main import main; main(['synth', 'task=map_inc'])\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "map(inc(elem))" in done.stdout, done.stderr


def test_help_shows_an_example(command):
    answer = command("synth", "--help")
    assert answer.code == 0 and "neurocomp synth task=fib --top 10" in answer.out and "--template" in answer.out

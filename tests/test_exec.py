"""`neurocomp exec` runs a given program, and says why where it cannot."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from neurocomp.cli.exec import main
from neurocomp.errors import UserError
from tests.programs import CASES

REGISTERS_OF_MAP = [0, 2, 6, 0]


def listed(words):
    return ",".join(map(str, words))


def arguments(case, directory):
    """The command line that runs a case of the table."""
    file = case.program
    if " " in file or file in ("halt", "noop"):
        file = directory / "case.asm"
        file.write_text(case.program)
    readings = [f"--{key.replace('_', '-')}={value}" for key, value in case.readings.items()]
    start = ["--memory", listed(case.memory), "--start", listed(case.registers)]
    return [str(file), "--base", str(case.base), *start, "--steps", str(case.steps), *readings]


def answer(capsys, *argv):
    assert main([str(word) for word in argv]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_exec_answers_the_table(case, tmp_path, capsys):
    assert answer(capsys, *arguments(case, tmp_path), "--json") == {
        "memory": list(case.final_memory),
        "registers": list(case.final_registers),
        "steps": case.executed,
        "halted": case.halted_after is not None,
    }


def test_words_that_are_not_given_are_zero(capsys):
    found = answer(capsys, "map_inc", "--memory", "3, 5", "--steps", 10, "--json")
    assert found == {"memory": [4, 6] + [0] * 8, "registers": REGISTERS_OF_MAP, "steps": 10, "halted": False}


def test_registers_follow_the_program_and_the_start(capsys):
    quick = ("map_inc", "--steps", 0, "--json")
    assert answer(capsys, *quick)["registers"] == [0] * 4
    assert answer(capsys, *quick, "--start", "1,2")["registers"] == [1, 2, 0, 0]
    assert answer(capsys, *quick, "--start", "1,2,3,4,5")["registers"] == [1, 2, 3, 4, 5]
    assert answer(capsys, *quick, "--start", "1,2", "--registers", 6)["registers"] == [1, 2, 0, 0, 0, 0]


def test_lines_pad_the_program(tmp_path, capsys):
    (tmp_path / "my.asm").write_text("inc 0 0")
    assert answer(capsys, tmp_path / "my.asm", "--steps", 9, "--json")["registers"] == [9]
    assert answer(capsys, tmp_path / "my.asm", "--steps", 9, "--lines", 4, "--json")["registers"] == [3]


def test_answer_for_people(capsys):
    assert main(["map_inc", "--memory", "3,5", "--base", "7", "--steps", "10"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "memory     4 6 0 0 0 0 0",
        "registers  0 2 6 0",
        "steps      10, not halted",
    ]


def test_trace_prints_a_line_per_step(capsys):
    traced = ["map_inc", "--memory", "3,5", "--base", "6", "--steps", "6", "--trace"]
    assert main(traced) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 6 + 3
    assert out[4] == "step 5    line 4   jump 3 map_loop  registers 0 1 4 0  memory 4 5 0 0 0 0"
    assert main([*traced, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == out[:6]
    assert json.loads(captured.out)["steps"] == 6


def test_inputs_run_once_a_line(tmp_path, capsys):
    path = tmp_path / "inputs.jsonl"
    path.write_text('{"memory": [3, 5]}\n\n{"registers": [0, 1, 0, 0, 9]}\n{"memory": [7], "registers": []}\n')
    assert main(["map_inc", "--inputs", str(path), "--steps", "3", "--memory", "1", "--start", "0,2"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["memory"] for row in found] == [[3, 5, 1] + [0] * 7, [1, 1] + [0] * 8, [8] + [0] * 9]
    assert [row["registers"] for row in found] == [[0, 2, 1, 0, 0], [0, 1, 1, 0, 9], [0, 0, 8, 0, 0]]


@pytest.mark.parametrize(
    "argv, message",
    [
        (["map_icn"], 'no program "map_icn", .*did you mean "map_inc"'),
        (["none.asm"], r"none.asm: cannot be read \(No such file or directory\)"),
        (["inc", "--steps=-1"], "--steps=-1: expected a number >= 0"),
        (["inc", "--base=1"], "--base=1: expected a number >= 2"),
        (["inc", "--registers=0"], "--registers=0: expected a number >= 1"),
        (["inc", "--lines=-3"], "--lines=-3: expected a number >= 1"),
        (["inc", "--memory=1,x"], "--memory 1,x: expected whole numbers separated by commas"),
        (["inc", "--memory=1,12"], "memory 1 is 12, expected 0 to 9 in base 10"),
        (["inc", "--start=-1"], "registers 0 is -1, expected 0 to 9 in base 10"),
        (["inc", "--base=3", "--memory=1,1,1,1"], "4 words for memory, expected at most 3"),
        (["inc", "--registers=2", "--start=1,1,1"], "3 words for registers, expected at most 2"),
        (["map_inc", "--registers=2"], r'map_inc.asm:\d: "read 1 2" uses register 2, expected 0 to 1'),
        (["map_inc", "--lines=4"], r'map_inc.asm:\d: "jump 3 map_loop" is one too many'),
        (["map_inc", "--jump-target=value"], 'map_inc.asm:2: label "map_loop:" is refused'),
        (["inc", "--inputs=none.jsonl"], r"none.jsonl: cannot be read \(No such file or directory\)"),
    ],
)
def test_what_cannot_run_is_refused(argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        main(argv)


def test_mistakes_of_the_text_and_of_the_sizes_are_told_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.asm").write_text("ad 1 2 3\nzero 5\nnoop")
    with pytest.raises(UserError, match=r'^my.asm:1: unknown.*\nmy.asm:2: "zero 5" uses.*\nmy.asm:3: "noop" is one'):
        main(["my.asm", "--registers=3", "--lines=2"])


@pytest.mark.parametrize(
    "line, message",
    [
        ("{", "not JSON"),
        ("[1]", r"got \[1\], expected an object"),
        ('{"memroy": [1]}', 'unknown key "memroy", .*did you mean "memory"'),
        ('{"memory": 1}', '"memory" is 1, expected a list of whole numbers'),
        ('{"memory": [1.5]}', "expected a list of whole numbers"),
        ('{"memory": [true]}', "expected a list of whole numbers"),
        ('{"memory": [10]}', "memory 0 is 10, expected 0 to 9 in base 10"),
    ],
)
def test_a_bad_input_line_is_named_and_nothing_runs(line, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.jsonl").write_text('{"memory": [1]}\n' + line)
    with pytest.raises(UserError, match=rf"^my\.jsonl:2: .*{message}"):
        main(["inc", "--inputs", "my.jsonl"])
    assert capsys.readouterr().out == ""


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "\n  neurocomp exec map_inc --memory 3,5,2,9,4 --steps 15\n" in capsys.readouterr().out


def test_exact_runs_import_nothing_heavy():
    heavy = ("torch", "numpy", "hydra", "omegaconf")
    script = "import sys; from neurocomp.cli.exec import main; main(['inc'])\n"
    script += f"print([module for module in {heavy} if module in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_soft_machine_answers_the_table(case, tmp_path, capsys):
    found = answer(capsys, *arguments(case, tmp_path), "--json", "--machine", "soft")
    assert found["memory"] == list(case.final_memory)
    assert found["registers"] == list(case.final_registers)
    assert found["halted"] == (case.halted_after is not None)
    assert found["steps"] == case.executed
    assert 0.99 < found["margin"] <= 1.0 + 1e-6


def test_soft_trace_prints_the_most_likely_words(capsys):
    traced = ["map_inc", "--memory", "3,5", "--base", "6", "--steps", "6", "--trace"]
    assert main(traced) == 0
    exact = capsys.readouterr().out.splitlines()
    assert main([*traced, "--machine", "soft"]) == 0
    soft = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("    ")]  # probabilities
    assert soft[:-1] == exact and soft[-1].startswith("margin ")


def test_words_that_are_lost_are_not_an_answer(monkeypatch):
    lost = ((0,) * 10, (0, 0), 9, False, float("nan"))
    monkeypatch.setattr("neurocomp.compilation.soft_run.run_soft", lambda *_, **__: lost)
    with pytest.raises(UserError, match="no words left after 9 steps: expected fewer --steps"):
        main(["inc", "--machine", "soft"])


def test_soft_jumps_need_sizes_that_match(tmp_path):
    (tmp_path / "my.asm").write_text("jump 0 1")
    with pytest.raises(UserError, match="jump_target=value needs base = lines, got 10 and 1"):
        main([str(tmp_path / "my.asm"), "--machine=soft", "--jump-target=value"])
    with pytest.raises(UserError, match="as many registers as lines, got 5 and 7"):
        main(["fib", "--machine=soft", "--jump-target=operand"])
    assert main(["fib", "--machine=soft", "--jump-target=operand", "--registers=7", "--steps=9"]) == 0

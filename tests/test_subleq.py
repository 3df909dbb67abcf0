"""Subleq: Algorithm 1 step by step, the shipped programs against arithmetic, its text, and `neurocomp subleq exec`."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.memorizer.checkpoint import load, save
from neurocomp.memorizer.interpreter import Run, run, start_memory
from neurocomp.memorizer.subleq import FOLDER, HALT, Instruction, Program, format_program, load_program, parse, shipped

FIBONACCI = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987]


def ran(text: str, memory: list[int], steps: int = 20) -> Run:
    return run(parse(text), memory, steps)


def shipped_run(name: str, *inputs: int, steps: int = 256, scratch: int = 0) -> Run:
    """A shipped program on these inputs, with `scratch` in every word that is neither the program's nor an input."""
    program = load_program(name)
    memory = [program.data.get(address, scratch) for address in range(11)]
    memory[: len(inputs)] = inputs
    return run(program, memory, steps)


# --- Algorithm 1


def test_the_steps_of_add_are_those_worked_by_hand():
    done = run(load_program("add"), [3, 4, 99], 256)
    assert [tuple(step) for step in done.steps] == [
        (1, (2, 2, 2), 0),  # 99 - 99
        (2, (0, 2, 3), -3),  # 0 - 3
        (3, (2, 1, 0), 7),  # 4 - -3
    ]
    assert done.memory == (3, 7, -3) and done.outcome == "halted"


@pytest.mark.parametrize("word, lines", [(-1, [1, 3]), (0, [1, 3]), (1, [1, 2])])
def test_a_run_starts_at_1_and_branches_unless_the_word_is_above_0(word, lines):
    done = ran("0 1 3\n0 0 halt\n0 0 halt", [0, word])
    assert [step.line for step in done.steps] == lines


@pytest.mark.parametrize("word", [-5, 0, 5])
def test_c_0_halts_whether_it_branches_or_not(word):
    done = ran("1 0 halt\n1 1 next\n1 1 halt", [word, 0])
    assert (done.outcome, len(done.steps), done.memory) == ("halted", 1, (word, 0))


def test_a_subtraction_is_of_the_words_before_it():
    assert ran("0 0 halt", [7]).memory == (0,)
    assert ran("1 0 halt", [7, 10]).memory == (-3, 10)


def test_every_way_that_a_run_ends_has_a_name():
    assert ran("0 0 1", [3], steps=9)[1:] == (((1, (0, 0, 1), 0),) * 9, "limit")
    past_the_end = ran("1 0 1", [5, 0])  # 5 - 0 is above 0, so on to instruction 2
    assert (past_the_end.outcome, len(past_the_end.steps)) == ("missing", 1)
    assert ran("1 0 halt", [5, 0], steps=0) == Run((5, 0), (), "limit")
    assert ran("1 0 1", [5, 0], steps=1).outcome == "limit"  # nobody looked for the instruction that is not there


def test_words_have_no_largest():
    assert ran("0 1 halt", [-(10**40), 10**40]).memory[1] == 2 * 10**40


# --- the shipped programs


@pytest.mark.parametrize("scratch", [0, 9, -4])
def test_add_multiply_countdown_and_fibonacci_are_right_for_all_inputs_to_9(scratch):
    for a, b in itertools.product(range(10), repeat=2):
        added, product = (shipped_run(name, a, b, scratch=scratch) for name in ("add", "multiply"))
        assert (added.outcome, added.memory[1]) == ("halted", a + b)
        assert (product.outcome, product.memory[:3]) == ("halted", (a, b, a * b))
    for n in range(10):
        down, number = (shipped_run(name, n, scratch=scratch) for name in ("countdown", "fibonacci"))
        assert (down.outcome, down.memory[:2]) == ("halted", (0, n))
        assert (number.outcome, number.memory[:2]) == ("halted", (n, FIBONACCI[n]))


def test_the_shipped_programs_are_right_for_large_words_given_the_steps():
    assert shipped_run("add", 10**30, 7).memory[1] == 10**30 + 7
    assert shipped_run("add", -8, 3).memory[1] == -5
    assert shipped_run("multiply", 12_345, 678, steps=2000).memory[2] == 12_345 * 678
    assert shipped_run("multiply", -7, 6).memory[2] == -42
    assert shipped_run("countdown", 400, steps=2000).memory[:2] == (0, 400)
    assert shipped_run("fibonacci", 16).memory[1] == FIBONACCI[16]


def test_the_first_line_of_a_shipped_program_says_what_it_needs():
    assert shipped() == ["add", "countdown", "fibonacci", "multiply"]
    for name in shipped():
        first = (FOLDER / f"{name}.subleq").read_text().splitlines()[0]
        assert first.startswith("# Input") and "Output" in first and "Needs" in first, name


# --- text


def test_text_means_what_it_says():
    assert parse("# a comment\n[4] = -1\n[2]=0\nloop: 4 1 next\n\n  2 2 loop # back\nend:\n 0 0 halt") == Program(
        (HALT, Instruction(4, 1, 2), Instruction(2, 2, 1), Instruction(0, 0, 0)), {2: 0, 4: -1}
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r"p:1: no instructions here"),
        ("[1] = 2\n# nothing", r"p:1: no instructions here"),
        ("0 1 next\n0 0 halt\n\n9 1 halt", r"p:4: address 9 is out of range, expected one of 0 to 8"),
        ("0 17 halt", r"p:1: address 17 is out of range"),
        ("[9] = 1\n0 0 halt", r"p:1: address 9 is out of range"),
        ("0 0 next\n1 halt", r'p:2: an instruction is A B C, three operands; got 2 in "1 halt"'),
        ("1 2 3 4", r"p:1: an instruction is A B C, three operands; got 4"),
        ("0 x halt", r'p:1: "x" is not an address, expected a number such as 3'),
        ("0 -1 halt", r'p:1: "-1" is not an address'),
        ("loop: 0 0 lopp", r'p:1: "lopp" is not an instruction, .*did you mean "loop"'),
        ("a: 0 0 next\na: 0 0 halt", r'p:2: label "a:" is taken'),
        ("next: 0 0 halt", r'p:1: label "next:" is taken'),
        ("0 0 next\n0 0 7", r"p:2: instruction 7 is not there \(operand C\), expected one of 0 to 2"),
        ("0 0 next", r"p:1: instruction 2 is not there"),
        ("0 0 end\nend:", r"p:1: instruction 2 is not there"),
        ("[1] = x\n0 0 halt", r'p:1: "\[1\] = x" is not a data word, expected \[address\] = word'),
        ("[1] = 2\n[1] = 3\n0 0 halt", r"p:2: address 1 has a word already, 2"),
    ],
)
def test_a_mistake_is_named_with_its_line(text, message):
    with pytest.raises(UserError, match=f"^{message}[^\n]*$"):
        parse(text, "p", memory=9)


def test_all_mistakes_are_told_at_once_in_the_order_of_lines():
    with pytest.raises(UserError) as caught:
        parse("0 0 nowhere\n[12] = 1\n0 0\n10 11 halt", "my.subleq", memory=9)
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["1", "2", "3", "4", "4"]


@st.composite
def parts(draw) -> tuple[list[tuple[int, int, int]], dict[int, int]]:
    """The instructions of a program from number 1 on, and its own words."""
    last = draw(st.integers(1, 9))
    address = st.integers(0, 300)
    instructions = st.lists(st.tuples(address, address, st.integers(0, last)), min_size=last, max_size=last)
    return draw(instructions), draw(st.dictionaries(address, st.integers(-(10**30), 10**30)))


@given(parts())
def test_formatting_and_parsing_gives_the_same_program(given_parts):
    instructions, words = given_parts
    program = Program((HALT, *(Instruction(*operands) for operands in instructions)), words)
    assert parse(format_program(program)) == program


def test_a_programs_own_words_stand_where_nothing_is_given():
    program = parse("[1] = 5\n[3] = -1\n0 0 halt")
    assert start_memory(program, 5) == [0, 5, 0, -1, 0]
    assert start_memory(program, 5, (7, 8)) == [7, 8, 0, -1, 0]


def test_a_file_that_is_not_there_is_told_with_what_is(tmp_path):
    with pytest.raises(UserError, match='mutiply: cannot be read .*add, countdown, .*did you mean "multiply"'):
        load_program("mutiply")
    (tmp_path / "b.subleq").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not text"):
        load_program(str(tmp_path / "b.subleq"))
    (tmp_path / "b.subleq").write_bytes("\ufeff0 0 halt".encode())
    assert len(load_program(str(tmp_path / "b.subleq"))) == 2


# --- the command


def test_exec_runs_a_shipped_program(command):
    answer = command("subleq", "exec", "add", "--memory", "3,4")
    assert answer.code == 0
    assert answer.out.splitlines() == ["memory     3 7 -3 0 0 0 0 0 0 0 0 0 0 0 0 0", "steps      3, halted"]


def test_exec_answers_in_json_and_traces_on_stderr(command):
    answer = command("subleq", "exec", "add", "--memory=3,4", "--size=5", "--json", "--trace")
    assert json.loads(answer.out) == {"memory": [3, 7, -3, 0, 0], "steps": 3, "outcome": "halted"}
    assert answer.err.splitlines() == [
        "step 1    instruction 1   2 2 2        [2] = 0",
        "step 2    instruction 2   0 2 3        [2] = -3",
        "step 3    instruction 3   2 1 0        [1] = 7",
    ]
    assert command("subleq", "exec", "add", "--memory=3,4", "--trace").out.splitlines()[:3] == answer.err.splitlines()


def test_a_program_that_does_not_halt_is_an_outcome(command, tmp_path):
    (tmp_path / "on.subleq").write_text("on: 1 0 on\n2 20 on")
    answer = command("subleq", "exec", "on.subleq", "--steps", "50")
    assert answer.code == 0 and "50, limit: it had not halted after --steps=50" in answer.out
    missing = command("subleq", "exec", "on.subleq", "--memory", "1,0,-6")
    assert missing.code == 0 and "2, missing" in missing.out and "[20] = 6" in missing.out


def test_words_of_thousands_of_digits_are_printed(command, tmp_path):
    (tmp_path / "double.subleq").write_text("again: 1 1 next\n0 1 next\n1 0 again\n2 2 again")  # word 0 is doubled
    answer = command("subleq", "exec", "double.subleq", f"--memory={10**4000}", "--steps=4400", "--size=3", "--json")
    assert json.loads(answer.out)["memory"][0] == 10**4000 * 2**1100


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["ad"], 'did you mean "add"'),
        (["add", "--memory=1,x"], "--memory 1,x: expected whole numbers separated by commas"),
        (["add", "--memory=1,2,3,4", "--size=3"], "--memory: 4 words, expected at most 3"),
        (["add", "--size=2"], "add.subleq:2: address 2 is out of range, expected one of 0 to 1"),
        (["add", "--size=0"], "--size=0: expected a number >= 1"),
        (["add", "--steps=-1"], "--steps=-1: expected a number >= 0"),
        (["add", "--checkpoint=none.safetensors"], "none.safetensors: cannot be read"),
        (["add", "--checkpoint=text"], "text: cannot be read as safetensors"),
    ],
)
def test_what_cannot_run_is_refused(command, tmp_path, arguments, message):
    (tmp_path / "text").write_text("not tensors")
    answer = command("subleq", "exec", *arguments)
    assert answer.code == 2 and message in answer.err and "Traceback" not in answer.err and answer.out == ""


def test_help_has_examples_and_exact_runs_import_nothing_heavy(command):
    assert "neurocomp subleq exec add --memory 3,4" in command("subleq", "--help").out
    assert "\n  neurocomp subleq exec multiply --memory 6,7 --trace\n" in command("subleq", "exec", "--help").out
    script = "import sys; from neurocomp.cli.main import main; main(['subleq', 'exec', 'add'])\n"
    script += "print([module for module in ('torch', 'numpy', 'hydra', 'omegaconf') if module in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "line, offered", [("subleq ", "exec"), ("subleq exec ", "add countdown fibonacci multiply"),
                      ("subleq exec mu", "multiply"), ("subl", "subleq")],
)  # fmt: skip
def test_completion_offers_programs(command, monkeypatch, line, offered):
    monkeypatch.setenv("COMP_LINE", f"neurocomp {line}")
    assert command("-sc", "query=bash").out.split() == offered.split()


# --- with a network


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A small network that memorized add, a program from a file that counts word 0 to 0, and a random one."""
    from tests.jobs import complete
    from tests.test_memorizer import tiny

    folder = tmp_path_factory.mktemp("memorized")
    (folder / "mine.subleq").write_text("[5] = 1\nagain: 1 0 end\n5 0 next\n1 1 again\nend: 1 1 halt")
    complete(tiny(folder, include=["add", str(folder / "mine.subleq")], save_weights=True), progress=False)
    (path,) = folder.rglob("0.safetensors")
    return path


def test_the_network_drives_what_it_memorized(command, weights):
    answer = command("subleq", "exec", "add", "--memory", "30,12", "--checkpoint", weights, "--json", "--trace")
    assert json.loads(answer.out) == {"memory": [30, 42, -30, 0, 0, 0, 0], "steps": 3, "outcome": "halted",
                                      "exact": True}  # fmt: skip
    assert answer.err.splitlines()[-1] == "step 3    instruction 3   2 1 0        [1] = 42"
    mine = ("--memory=4", "--checkpoint", weights)
    by_file = command("subleq", "exec", weights.parents[2].parent / "mine.subleq", *mine)
    assert by_file.out.splitlines() == ["memory     0 0 0 0 0 1 0", "steps      14, halted", "exact      yes"]
    assert command("subleq", "exec", "mine", *mine).out == by_file.out
    assert command("subleq", "exec", "random-0", *mine).out.splitlines()[-1] == "exact      yes"


def test_a_network_that_does_something_else_is_not_exact(command, weights, tmp_path):
    tensors, facts = load(weights, LimitsConfig())
    del facts["format"]
    tensors["network.head.bias"][0] += 1e4  # it says A = 0, whatever the instruction is
    save(tmp_path / "wrong", tensors, facts)
    answer = command("subleq", "exec", "add", "--memory=1,2", "--checkpoint", "wrong")
    assert answer.code == 0 and answer.out.splitlines()[-1] == "exact      no"


def test_a_checkpoint_that_does_not_fit_is_refused_in_one_line(command, weights, tmp_path):
    tensors, facts = load(weights, LimitsConfig())
    del facts["format"]
    save(tmp_path / "assembly", tensors, facts | {"language": "assembly"})
    save(tmp_path / "shape", tensors, facts | {"network": json.dumps(json.loads(facts["network"]) | {"hidden": 16})})
    save(tmp_path / "training", tensors, facts | {"updates": "3"})
    save(tmp_path / "poor", tensors, {key: facts[key] for key in facts if key != "sizes"})
    save(tmp_path / "torn", tensors, facts | {"programs": "{"})
    save(tmp_path / "other", tensors | {"network.more": tensors["network.head.bias"].clone()}, facts)
    expected = {
        ("add", "--size=16", "--checkpoint", weights): "classes, --size=16 needs 16 16 13",
        ("ad", "--checkpoint", weights): 'no program ad in it, expected one of add, mine, random-0; did you mean "add"',
        ("multiply", "--checkpoint", weights): "no program multiply in it",
        ("add", "--checkpoint", "assembly"): "it memorized assembly programs, expected subleq",
        ("add", "--checkpoint", "shape"): "has shape (16, 32), but by its metadata it has (16, 16)",
        ("add", "--checkpoint", "training"): "a training that is not done",
        ("add", "--checkpoint", "poor"): "the metadata has no sizes",
        ("add", "--checkpoint", "torn"): "the metadata cannot be read",
        ("add", "--checkpoint", "other"): "more has shape (27,), but by its metadata it has no such tensor",
    }
    for arguments, message in expected.items():
        answer = command("subleq", "exec", *arguments)
        assert answer.code == 2 and message in answer.err and answer.err.count("\n") == 1, (arguments, answer.err)

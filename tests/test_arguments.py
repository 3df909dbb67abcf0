"""What is typed after a command: numbers by one door, and each complaint in one line."""

from __future__ import annotations

import pytest

from neurocomp.text import elided, first_lines, named, real_number

WHOLE = "is not a whole number, expected one such as 12; neurocomp"


@pytest.mark.parametrize("text, number", [
    ("0.3", 0.3), ("-2", -2.0), (".5", 0.5), ("5.", 5.0), ("1e-6", 1e-6), ("+1E3", 1000.0), (" 1\t", 1.0),
    ("", None), (".", None), ("nan", None), ("inf", None), ("-infinity", None), ("1_0", None), ("\uff13", None),
    ("0x1p3", None), ("1e", None), ("1,5", None),
])  # fmt: skip
def test_real_numbers_are_of_ascii_digits(text, number):
    assert real_number(text) == number


@pytest.mark.parametrize("words, line", [
    ("exec inc --steps 1_000", f'--steps: "1_000" {WHOLE} exec --help says more'),
    ("exec inc --base \uff15", f'--base: "\uff15" {WHOLE} exec --help says more'),
    ("exec inc --registers 3.0", f'--registers: "3.0" {WHOLE} exec --help says more'),
    ("subleq exec add --size 1e3", f'--size: "1e3" {WHOLE} subleq exec --help says more'),
    ("bench --rounds x", f'--rounds: "x" {WHOLE} bench --help says more'),
    ("table readings --top 1_0", f'--top: "1_0" {WHOLE} table --help says more'),
    ("synth task=inc --top 1_0", f'--top: "1_0" {WHOLE} synth --help says more'),
    ("compile inc --out w --seed 1_0", f'--seed: "1_0" {WHOLE} compile --help says more'),
    ("compile inc --out w --gamma nan",
     '--gamma: "nan" is not a number, expected one such as 0.3; neurocomp compile --help says more'),
    ("compile inc --out w --gamma 1_0",
     '--gamma: "1_0" is not a number, expected one such as 0.3; neurocomp compile --help says more'),
    ("compile inc --out w --epsilon 1e999",
     '--epsilon: "1e999" is not a number, expected one such as 0.3; neurocomp compile --help says more'),
    ("bench --threads \u0661", '--threads "\u0661": expected numbers from 1, by commas, such as 1,2'),
    ("bench --threads 0,1", '--threads "0,1": expected numbers from 1, by commas, such as 1,2'),
    ("exec inc --memory \uff13", "--memory \uff13: expected whole numbers separated by commas, such as 3,5,2"),
    ("exec inc --memory 1_0", "--memory 1_0: expected whole numbers separated by commas, such as 3,5,2"),
    ("exec inc --start 3,,5", "--start 3,,5: expected whole numbers separated by commas, such as 3,5,2"),
    ("subleq exec add --memory 1e3", "--memory 1e3: expected whole numbers separated by commas, such as 3,5,2"),
    ("exec inc --memory -3,4", "--memory -3,4: a value that begins with - is given as --memory=-3,4"),
    ("subleq exec add --memory -3,4", "--memory -3,4: a value that begins with - is given as --memory=-3,4"),
    ("exec inc --memory", "--memory: expected one argument; neurocomp exec --help says more"),
    ("exec", "FILE.asm: has to be given; neurocomp exec --help says more"),
    ("exec inc map_inc", "unrecognized arguments: map_inc; neurocomp exec --help says more"),
    ("exec inc --machine sotf",
     '--machine: "sotf" is not there, expected one of exact, soft; did you mean "soft"?; neurocomp exec --help says '
     "more"),
    ("subleq exce add",
     'COMMAND: "exce" is not there, expected one of exec; did you mean "exec"?; neurocomp subleq --help says more'),
    ("compare a", "CELL: has to be given; neurocomp compare --help says more"),
    ("show --foo", "unrecognized arguments: --foo; neurocomp show --help says more"),
])  # fmt: skip
def test_a_mistake_on_the_command_line_is_one_line(command, words, line):
    assert command(*words.split(" ")) == (2, "", f"neurocomp: {line}\n")


def test_a_negative_memory_is_taken_with_an_equals_sign(command):
    answer = command("subleq", "exec", "add", "--memory=-3,4")
    assert answer.code == 0 and answer.out.startswith("memory     -3 1")


def test_a_long_list_is_shortened_once():
    messages = first_lines(str(number) for number in range(100_000))
    assert messages[20:] == ["... and 99,980 more"]
    assert first_lines([*messages[:20], "x"], more=5)[20:] == ["... and 6 more"]
    assert named(["a", "b"]) == "a, b"
    assert named([str(number) for number in range(22)]).endswith("18, 19 and 2 more")
    assert elided("x" * 1000) == "x" * 1000
    assert elided("a" * 2000 + "b" * 2000) == "a" * 497 + " ... " + "b" * 497

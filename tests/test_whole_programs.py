"""A network's file holds whole programs, data words included: what is run and compared is what was memorized."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from neurocomp.config import LimitsConfig
from neurocomp.memorizer.checkpoint import load, save
from neurocomp.memorizer.dataset import Named, labels_of
from neurocomp.memorizer.saving import load_network
from tests.jobs import complete
from tests.test_memorizer import tiny

PLUS5 = "# word 0 becomes word 0 + 5\n[1] = -5\n1 0 halt\n"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A small network that memorized plus5 from a file, add, and a random program."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "plus5.subleq").write_text(PLUS5)
    complete(tiny(folder, include=[str(folder / "plus5.subleq"), "add"], save_weights=True), progress=False)
    (path,) = folder.rglob("0.safetensors")
    return path


def changed(weights: Path, path: Path, tensors: dict | None = None, without: tuple[str, ...] = (), **facts) -> Path:
    """A copy of the file with other tensors and facts, or without some of either."""
    kept, said = load(weights, LimitsConfig())
    del said["format"]
    kept, said = kept | (tensors or {}), said | facts
    save(path, *({key: value for key, value in of.items() if key not in without} for of in (kept, said)))
    return path


def run(command, program, checkpoint, *more):
    return command("subleq", "exec", program, "--memory=3", "--checkpoint", checkpoint, "--json", *more)


def test_a_program_runs_with_its_own_words_where_its_file_is_not(command, weights):
    """By hand: word 0 is 3, and 3 - -5 = 8."""
    answer = run(command, "plus5", weights)
    assert json.loads(answer.out) == {"memory": [8, -5, 0, 0, 0, 0, 0], "steps": 1, "outcome": "halted", "exact": True}
    assert json.loads(run(command, "random-0", weights).out)["exact"] is True


def test_given_words_replace_those_of_the_program(command, weights):
    answer = command("subleq", "exec", "plus5", "--memory=3,-2", "--checkpoint", weights, "--json")
    assert json.loads(answer.out)["memory"][:2] == [5, -2]


def test_a_file_is_what_it_says_whatever_it_is_called(command, weights, tmp_path):
    (tmp_path / "renamed.subleq").write_text(PLUS5)
    assert json.loads(run(command, "renamed.subleq", weights).out)["memory"][0] == 8


def test_a_name_is_that_of_the_memorized_program_and_not_of_a_shipped_one(command, weights, tmp_path):
    programs = json.loads(load(weights, LimitsConfig())[1]["programs"])
    data = json.loads(load(weights, LimitsConfig())[1]["data"])
    names = {"plus5": "add", "add": "plus5", "random-0": "random-0"}
    said = {
        key: json.dumps({names[name]: value for name, value in of.items()})
        for key, of in (("programs", programs), ("data", data))
    }
    changed(weights, tmp_path / "swapped", **said)
    assert json.loads(run(command, "add", "swapped").out)["memory"][0] == 8


@pytest.mark.parametrize("name", ["plus5.subleq", "plus5", "add.subleq", "other.subleq"])
@pytest.mark.parametrize(
    "text, plus5",
    [
        ("[1] = -4\n1 0 halt", "its word [1] is -4, there -5"),
        ("[1] = -5\n[3] = 7\n1 0 halt", "its word [3] is 7, there 0"),
        ("1 0 halt", "its word [1] is 0, there -5"),
        ("[1] = -5\n1 0 1", "its instruction 1 is 1 0 1, there 1 0 0"),
        ("[1] = -5\n1 0 halt\n1 0 halt", "it has 2 instructions, there 1"),
    ],
)
def test_another_program_is_refused_whatever_its_file_is_called(command, weights, tmp_path, name, text, plus5):
    (tmp_path / name).write_text(text)
    answer = run(command, name, weights)
    assert answer.code == 2 and answer.out == "" and answer.err.count("\n") == 1
    said = f"neurocomp: {name}: not a program that {weights} memorized: "
    assert answer.err.startswith(said)
    if name.startswith("plus5"):
        assert answer.err == f"{said}{plus5}\n"
    if name.startswith("other"):
        assert answer.err == f"{said}expected one of plus5, add, random-0\n"


def test_an_older_file_needs_the_text_of_what_was_not_drawn(command, weights, tmp_path):
    """It knows the lengths of its programs alone."""
    old = changed(weights, tmp_path / "old", without=("instructions", "data"))
    assert load_network(old, LimitsConfig()).whole is None
    refused = run(command, "plus5", "old")
    assert refused.code == 2 and refused.err == (
        "neurocomp: old: an older version wrote it, without the data words of plus5; "
        "expected the file that plus5 was memorized from instead of its name\n"
    )
    assert json.loads(run(command, "random-0", "old").out)["exact"] is None
    assert json.loads(run(command, "add", "old").out)["exact"] is True  # it is shipped
    (tmp_path / "plus5.subleq").write_text(PLUS5)
    found = json.loads(run(command, "plus5.subleq", "old").out)
    assert found["memory"][0] == 8 and found["exact"] is True
    (tmp_path / "plus5.subleq").write_text(PLUS5 + "1 0 halt")
    assert "it has 2 instructions, there 1" in run(command, "plus5.subleq", "old").err


def test_a_file_that_is_not_whole_is_refused_in_one_line(command, weights, tmp_path):
    tensors = load(weights, LimitsConfig())[0]
    rows, bias = tensors["instructions"], tensors["network.head.bias"]
    cases = {
        "the metadata cannot be read (data has other programs": {"data": "{}"},
        "the metadata has no data": {"without": ("data",)},
        "an address that is none of 0 to 6": {"data": '{"plus5": {"7": 1}, "add": {}, "random-0": {}}'},
        "the metadata cannot be read (1.5, expected a whole number)": {
            "data": '{"plus5": {"1": 1.5}, "add": {}, "random-0": {}}'
        },
        "instructions has a number that is none of its field": {"tensors": {"instructions": rows + 7}},
        "instructions has shape (1, 3)": {"tensors": {"instructions": rows[:1].clone()}},
        "the metadata cannot be read (0, expected a whole number >= 1)": {"programs": '{"plus5": 0}'},
        "the metadata cannot be read (-7, expected a whole number >= 1)": {"sizes": "[-7, 7, 13]"},
        "sizes=[7, 13], expected one for each of ABC": {"sizes": "[7, 13]"},
        "network.head.bias[0] is nan, expected a finite number": {"tensors": {"network.head.bias": bias * torch.nan}},
        "network.head.bias is bfloat16, but by its metadata it has float32": {
            "tensors": {"network.head.bias": bias.bfloat16()}
        },
        "network.head.bias has shape no such tensor": {"without": ("network.head.bias",)},
    }
    for message, change in cases.items():
        answer = run(command, "plus5", changed(weights, tmp_path / "file", **change))
        assert answer.code == 2 and message in answer.err and answer.err.count("\n") == 1, (message, answer.err)


def test_no_two_programs_have_one_name():
    files = ["a/add~2.subleq", "add", "b/add.subleq", "random-0.subleq"]
    table = np.zeros((1, 3), int)
    names = labels_of([*(Named(file, table) for file in files), Named(None, table)])
    assert len(set(names)) == 5 and names[1] == "add" and names[0] == "add~2"

"""A file of examples: different inputs, contradictions, how it is split, and what its text may look like."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.config import LimitsConfig, TaskConfig
from neurocomp.errors import UserError
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.tasks.example_files import read_examples
from neurocomp.tasks.examples import count_trained_tests, few_inputs, held_out, training_examples
from neurocomp.tasks.task import Task, load_task

SIZES = Sizes(base=6, registers=2, lines=3)


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(text: str | bytes, *checked: int, name: str = "e.csv"):
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_examples(Path(name), SIZES, checked or (0,), (), LimitsConfig())


def refusal(text: str | bytes, *checked: int) -> str:
    with pytest.raises(UserError) as error:
        table(text, *checked)
    return str(error.value)


def task(text: str, **changes) -> Task:
    Path("e.csv").write_text(text)
    fields = dict(name="mine", base=6, registers=2, lines=3, steps=3, examples="e.csv", check={"memory": [0]})
    return load_task(TaskConfig(**(fields | changes)), MachineConfig())


SUCCESSORS = [f"{word},{(word + 1) % 6}" for word in range(6)]
"""Six different inputs."""


def text_of(*rows: str) -> str:
    return "\n".join(["m0,m0_final", *rows]) + "\n"


def test_rows_with_the_same_start_are_one_input():
    once = table(text_of(*SUCCESSORS))
    again = table(text_of(*SUCCESSORS, *SUCCESSORS[:2] * 20))
    assert once.start[:, 0].tolist() == again.start[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert once.final[:, 0].tolist() == again.final[:, 0].tolist() == [1, 2, 3, 4, 5, 0]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_no_input_of_a_file_both_trains_and_tests(repeated):
    """Whatever is written how often, a half of the inputs is for test, a quarter for validation, the rest trains."""
    given_task = task(text_of(*SUCCESSORS, *(SUCCESSORS[word] for word in repeated)))
    unseen = held_out(given_task, 0)
    training = [training_examples(given_task, unseen, 0, restart, 16) for restart in range(4)]
    sets = [set(part.memory[:, 0].tolist()) for part in (unseen.test, unseen.validation)]
    sets.append({word for part in training for word in part.memory[:, 0].tolist()})
    assert [len(part) for part in sets] == [3, 1, 2] and set.union(*sets) == set(range(6))
    assert count_trained_tests(unseen, training) == 0
    assert few_inputs(given_task) is None and unseen.coverage == 0.5


def test_start_words_without_a_column_make_no_other_input():
    """They are drawn: the same given words with other drawn ones are the same input."""
    given_task = task(text_of(*SUCCESSORS))
    unseen = held_out(given_task, 0)
    assert len({tuple(row) for row in unseen.test.memory.tolist()}) == 3
    assert [len(key) for key in unseen.tested] == [1, 1, 1]
    assert count_trained_tests(unseen, [training_examples(given_task, unseen, 0, 0, 16, "x")]) == 0
    assert count_trained_tests(unseen, [unseen.test]) == 3


def test_another_seed_splits_a_file_otherwise():
    splits = []
    for seed in range(4):
        unseen = held_out(given_task := task(text_of(*SUCCESSORS)), seed)
        trained = training_examples(given_task, unseen, seed, 0, 16)
        splits.append(
            tuple(tuple(sorted(set(part.memory[:, 0].tolist()))) for part in (unseen.test, unseen.validation, trained))
        )
    assert len(set(splits)) > 1


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_a_file_with_too_few_inputs_is_refused(inputs):
    rows = [SUCCESSORS[row % inputs] for row in range(9)]
    plural = "" if inputs == 1 else "s"
    assert refusal(text_of(*rows)) == (
        f"e.csv: {inputs} different input{plural}; "
        "test, validation and training need at least 4, to have inputs of their own"
    )


def test_four_inputs_suffice():
    unseen = held_out(given_task := task(text_of(*SUCCESSORS[:4])), 0)
    assert [len(part.memory) for part in (unseen.test, unseen.validation)] == [2, 1]
    assert len(set(training_examples(given_task, unseen, 0, 0, 16).memory[:, 0].tolist())) == 1


CONTRADICTION = "m0,m1,m0_final,m1_final\n1,2,2,1\n0,3,3,0\n1,2,5,5\n4,5,5,4\n"


def test_contradicting_rows_are_both_named():
    assert refusal(CONTRADICTION) == "e.csv:2 and e.csv:4: the same start words, but m0_final is 2 and 5"
    assert refusal(CONTRADICTION, 1) == "e.csv:2 and e.csv:4: the same start words, but m1_final is 1 and 5"
    half = CONTRADICTION.replace("1,2,5,5", "1,2,2,5")
    assert refusal(half, 0, 1) == "e.csv:2 and e.csv:4: the same start words, but m1_final is 1 and 5"
    two = "m0,m0_final\n\n1,1\n2,2\n1,3\n2,4\n1,1\n"
    assert refusal(two).splitlines() == [
        "e.csv:3 and e.csv:5: the same start words, but m0_final is 1 and 3",
        "e.csv:4 and e.csv:6: the same start words, but m0_final is 2 and 4",
    ]


def test_a_difference_in_what_is_not_checked_is_no_contradiction():
    rows = [f"{word},1,{word}" for word in range(6)] + ["0,1,5"]
    assert len(table("\n".join(["m0,m0_final,m1_final", *rows])).start) == 6


def test_registers_can_contradict_too():
    Path("e.csv").write_text("r1,r0_final\n1,1\n2,2\n3,3\n4,4\n1,5\n")
    with pytest.raises(UserError, match="^e.csv:2 and e.csv:6: the same start words, but r0_final is 1 and 5$"):
        read_examples(Path("e.csv"), SIZES, (), (0,), LimitsConfig())


@pytest.mark.parametrize("method", ["tune", "synthesize", "random_search", "local_search", "enumerate", "annealing"])
def test_every_method_refuses_a_contradiction_before_anything_is_written(command, tmp_path, method):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(
        "name: mine\nbase: 6\nregisters: 3\nlines: 4\nsteps: 9\nexamples: mine.csv\ncheck: {memory: [0, 1]}\n"
    )
    (tmp_path / "mine.csv").write_text(CONTRADICTION)
    answer = command("run", "--config-dir", str(tmp_path), "task=mine", f"method={method}", "restarts=1")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "neurocomp: mine.csv:2 and mine.csv:4: the same start words, but m0_final is 2 and 5\n"
    shutil.rmtree(tmp_path / "task")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
def test_how_lines_end_and_a_byte_order_mark_make_no_difference(begin, end):
    plain = table(text_of(*SUCCESSORS))
    other = table(begin + text_of(*SUCCESSORS).replace("\n", end))
    assert np.array_equal(other.start, plain.start) and np.array_equal(other.final, plain.final)
    assert other.digest == plain.digest == "0f05b5b637d44800"


def test_blank_lines_are_no_rows_and_still_count_as_lines():
    plain = table(text_of(*SUCCESSORS))
    for text in (text_of(*SUCCESSORS) + "\n", text_of(*SUCCESSORS) + " \t\n\n", text_of("", *SUCCESSORS, "")):
        assert np.array_equal(table(text).start, plain.start)
    assert refusal(text_of("", *SUCCESSORS, "", "7,1")) == 'e.csv:10: m0 is "7", expected a word 0..5'


def test_the_digest_says_whether_inputs_are_repeated():
    """Files without repeated inputs are split as ever, and their cells keep their hash."""
    assert table(text_of(*SUCCESSORS, SUCCESSORS[0])).digest.endswith("-inputs")


@pytest.mark.parametrize(("text", "message"), [
    (text_of("１,1"), 'e.csv:2: m0 is "１", expected a word 0..5'),
    (text_of("1_0,1"), 'e.csv:2: m0 is "1_0", expected a word 0..5'),
    (text_of("1.0,1"), 'e.csv:2: m0 is "1.0", expected a word 0..5'),
    (text_of("-1,1"), 'e.csv:2: m0 is "-1", expected a word 0..5'),
    (text_of(",1"), 'e.csv:2: m0 is "", expected a word 0..5'),
    (text_of("1\f2,1"), 'e.csv:2: m0 is "1\f2", expected a word 0..5'),
    (text_of("1\u20282,1"), 'e.csv:2: m0 is "1\u20282", expected a word 0..5'),
    (text_of("9" * 5000 + ",1"), f'e.csv:2: m0 is "{"9" * 40}...", expected a word 0..5'),
    (text_of("1,1,1"), "e.csv:2: 3 words, expected 2"),
    (text_of('"1,1', "2,2"), "e.csv:2: cannot be read (unexpected end of data); expected words with commas between"),
    ("m0;m0_final\n1;1\n", 'e.csv: column "m0;m0_final"; expected m0, m1, ..., r0, ..., m0_final, ..., r0_final, ...'),
    ("m０,m0_final\n1,1\n", 'e.csv: column "m０"; expected m0, m1, ..., r0, ..., m0_final, ..., r0_final, ...'),
    ("m0,m00,m0_final\n1,1,1\n", "e.csv: a column occurs twice in m0,m00,m0_final"),
    (b"m0,m0_final\n\xff,1\n", "e.csv: not UTF-8 text (byte 13)"),
    ("", "e.csv: no examples; expected a header like m0,m1,m0_final and a row for each example"),
    ("m0,m0_final\n\n\n", "e.csv: no examples; expected a header like m0,m1,m0_final and a row for each example"),
], ids=lambda given: str(given)[:24])  # fmt: skip
def test_mistakes_are_one_line(text, message):
    assert refusal(text) == message


def test_of_many_mistakes_the_first_are_named_and_the_others_counted():
    told = refusal(text_of(*["9,9"] * 1000)).splitlines()
    assert told[0] == 'e.csv:2: m0 is "9", expected a word 0..5'
    assert told[-1] == "... and 1,980 more" and len(told) == 21

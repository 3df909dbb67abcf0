"""Soft instructions and imperatives: labels and inputs worked by hand, and small trainings from end to end."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.cli.compose import configure
from neurocomp.errors import UserError
from neurocomp.memorizer import generated, interpreter, pipeline, soft, soft_dataset, texts, wordpiece
from neurocomp.memorizer.config import (
    ExecutionConfig,
    MemorizerConfig,
    NetworkConfig,
    SoftConfig,
    TrainingConfig,
)
from neurocomp.memorizer.dataset import Examples
from neurocomp.memorizer.plan import make_plan
from neurocomp.memorizer.progress import Progress
from neurocomp.memorizer.subleq import Instruction, Program
from neurocomp.memorizer.training import Judge, Training
from tests.jobs import complete

SENTENCES = ("good film", "bad film , and a long one")
PIECES = wordpiece.train([*SENTENCES, "a good one"], list(soft_dataset.PROMPTS.values()), 200)


def small(task: str, **changes) -> MemorizerConfig:
    """A network that learns in seconds."""
    given = {
        "programs": 3, "length": 4, "lines": 6, "memory": 7, "restarts": 1, "threads": 1,
        "network": NetworkConfig(hidden=32, intermediate=48, layers=1, heads=2),
        "training": TrainingConfig(batch=16, learning_rate=2e-3, epochs=2),
        "execution": ExecutionConfig(runs=4, steps=9),
    }  # fmt: skip
    return MemorizerConfig(task=task, **(given | changes))


def test_soft_instruction_writes_the_class_and_halts():
    labels = soft_dataset.soft_instruction(np.array([0, 1, 1]))
    assert labels.tolist() == [[1, 3, 0], [2, 3, 0], [2, 3, 0]]
    for number, instruction in enumerate(labels[:2].tolist()):
        program = Program((Instruction(0, 0, 0), Instruction(*instruction)))
        done = interpreter.run(program, [0, -0, -1, 0], steps=5)
        assert (done.memory[3], len(done.steps), done.outcome) == (number, 1, "halted")


def test_soft_imperative_is_the_instruction_or_halt():
    there = np.array([[4, 5, 1], [6, 2, 3], [1, 1, 4]])
    assert soft_dataset.soft_imperative(np.array([1, 0, 1]), there).tolist() == [[4, 5, 1], [0, 0, 0], [1, 1, 4]]


@given(st.integers(1, 4), st.integers(1, 9), st.integers(2, 9), st.integers(0, 99), st.integers(0, 3))
def test_random_programs_never_refer_to_0_and_stay_inside(
    programs: int, length: int, memory: int, seed: int, restart: int
):
    config = small("soft_imperative", programs=programs, length=length, memory=memory, lines=length + 1, seed=seed)
    tables = soft_dataset.draw_programs(config, restart)
    assert [table.shape for table in tables] == [(length + 1, 3)] * programs
    for table in tables:
        assert table[0].tolist() == [0, 0, 0]
        assert (table[1:] >= 1).all() and (table[1:] <= [memory - 1, memory - 1, length]).all()
    again = soft_dataset.draw_programs(config, restart)
    assert all((table == same).all() for table, same in zip(tables, again, strict=True))


def test_restarts_draw_other_programs_and_combine_texts_with_all_of_their_instructions():
    config = small("soft_imperative")
    tables = [soft_dataset.draw_programs(config, restart) for restart in (0, 1)]
    assert not np.array_equal(tables[0], tables[1])
    drawn = soft_dataset.combine(config, 0, "train", 500)
    assert set(zip(drawn.lines.tolist(), drawn.programs.tolist(), strict=True)) == {
        (line, program) for line in (1, 2, 3, 4) for program in (0, 1, 2)
    }
    assert not np.array_equal(drawn.lines, soft_dataset.combine(config, 1, "train", 500).lines)
    assert not np.array_equal(drawn.lines, soft_dataset.combine(config, 0, "validation", 500).lines)


@pytest.mark.parametrize("task, expected", [
    ("classify", ["1", "good", "film"]),
    ("soft_instruction", ["1", "classify", "this", "input", ":", "good", "film"]),
    ("soft_imperative", ["4", "as", "long", "as", "the", "input", "text", "is", "positive", "run", "program 2", "[SEP]",
                         "good", "film"]),
])  # fmt: skip
def test_input_is_the_instruction_number_the_prompt_and_the_text(task: str, expected: list[str]):
    config = small(task)
    combined = soft_dataset.combine(config, 0, "train", 2)
    if task == "soft_imperative":
        combined = soft_dataset.Combined(np.array([4, 3]), np.array([2, 1]))
    tokens, mask = soft_dataset.inputs(soft_dataset.Reader(config, PIECES), SENTENCES, combined)
    names = [*map(str, range(6)), *(f"program {number}" for number in range(3))]
    names += sorted(PIECES.get_vocab(), key=PIECES.get_vocab().__getitem__)
    assert [names[token] for token in tokens[0, mask[0]]] == expected
    assert mask[1].all() and tokens.shape == (2, len(expected) + 5)
    assert not mask[0, len(expected) :].any()


def test_end_of_a_text_that_is_too_long_is_cut_off_and_the_prompt_stays():
    config = small("soft_imperative", soft=SoftConfig(tokens=16))
    reader = soft_dataset.Reader(config, PIECES)
    tokens, mask = soft_dataset.inputs(reader, ["good bad a one film"], soft_dataset.combine(config, 0, "", 1))
    assert tokens.shape == (1, 16) and mask.all()
    assert PIECES.decode((tokens[0, -4:] - 9).tolist()) == "good bad a one"


def test_labels_follow_texts_programs_and_lines():
    config = small("soft_imperative")
    split = texts.Split(("a", "b", "c"), (1, 0, 1))
    tables = soft_dataset.draw_programs(config, 0)
    combined = soft_dataset.Combined(np.array([4, 1, 2]), np.array([2, 0, 1]))
    found = soft_dataset.examples(soft_dataset.Reader(config, PIECES), split, combined, tables).labels.tolist()
    assert found == [tables[2][4].tolist(), [0, 0, 0], tables[1][2].tolist()]
    for task, expected in (("classify", [[1], [0], [1]]), ("soft_instruction", [[2, 3, 0], [1, 3, 0], [2, 3, 0]])):
        config = small(task)
        combined = soft_dataset.combine(config, 0, "train", 3)
        given = soft_dataset.examples(soft_dataset.Reader(config, PIECES), split, combined, [])
        assert given.labels.tolist() == expected


class Knowing(torch.nn.Module):
    """Answers from tables, as a network that learned everything would; `wrong` program 0 forgets one instruction."""

    def __init__(self, config: MemorizerConfig, tables, combined: soft_dataset.Combined, labels, wrong: bool = False):
        super().__init__()
        self.sizes, self.tables = (config.memory, config.memory, config.lines), [table.copy() for table in tables]
        if wrong:
            self.tables[0][1] = [1, 1, 0]
        self.programs, self.labels, self.config = combined.programs, labels, config

    def forward(self, tokens, mask):
        found = []
        for row in tokens.tolist():
            place = row[-1]
            there = self.tables[self.programs[place]][row[0]] if self.labels[place] else [0, 0, 0]
            found.append(torch.cat([torch.eye(n)[int(field)] for n, field in zip(self.sizes, there, strict=True)]))
        return torch.stack(found)


@pytest.mark.parametrize("wrong", [False, True])
def test_runs_of_what_is_known_are_the_interpreters_and_one_wrong_instruction_shows(wrong: bool):
    """The text is its place; positive texts of program 0 differ once its first instruction is another one."""
    config = small("soft_imperative", execution=ExecutionConfig(runs=20, steps=9))
    labels = tuple(int(place % 3 > 0) for place in range(60))
    split = texts.Split(tuple(map(str, range(60))), labels)
    tables, combined = soft_dataset.draw_programs(config, 0), soft_dataset.combine(config, 0, "validation", 60)
    tokens = torch.stack([torch.from_numpy(combined.lines), torch.arange(60)], dim=-1)
    data = Examples(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros(60, 3, dtype=torch.long))
    network, reader = Knowing(config, tables, combined, labels, wrong), soft_dataset.Reader(config, PIECES)
    told = soft.exactness(make_plan(config), network, reader, split, data, tables, 0)
    spoiled = sum(program == 0 and label == 1 for program, label in zip(combined.programs, labels, strict=True))
    assert spoiled > 5
    assert told["exact_rate"] == pytest.approx(1 - spoiled / 60 if wrong else 1)
    ends = dict(part.split("=") for part in told["outcomes"].split())
    assert int(ends["halted"]) == 20 + (spoiled if wrong else 0)  # one text in three is negative
    assert sum(map(int, ends.values())) == 60


class Answering(torch.nn.Module):
    """To the input that is a number, the logits in that row."""

    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits = logits

    def forward(self, tokens, mask):
        return self.logits[tokens[:, 0]]


def test_accuracy_of_a_field_counts_that_field_alone():
    data = Examples(torch.tensor([[0], [1], [2], [3]]), None, torch.tensor([[0, 1], [1, 1], [0, 0], [1, 0]]))
    judge = Judge(data, (2, 2), "float32")
    network = Answering(torch.tensor([[1.0, 0, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 1, 0]]))
    loss, accuracy, by_field = judge.measure_fields(network)
    assert (accuracy, by_field) == (0.25, [0.5, 0.75])
    assert judge.measure(network) == (loss, accuracy)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few hundred generated texts in the format of GLUE."""
    folder = tmp_path_factory.mktemp("glue")
    generated.write(folder)
    for name, rows in (("train", 320), ("dev", 60), ("test", 5)):
        path = folder / f"{name}.tsv"
        path.write_text("\n".join(path.read_text().split("\n")[: rows + 1]) + "\n")
    return folder


def of_folder(task: str, folder: Path, results: Path, **changes) -> MemorizerConfig:
    data = SoftConfig("sst2", str(folder), "any", vocabulary=300, tokens=40)
    return small(task, soft=data, results=str(results), **changes)


def rows_of(config: MemorizerConfig) -> list[dict]:
    with make_plan(config).path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("task", soft_dataset.PROMPTS)
def test_small_training_leaves_a_row(task: str, folder: Path, tmp_path: Path):
    config = of_folder(task, folder, tmp_path)
    complete(config, progress=False)
    (row,) = rows_of(config)
    assert (row["task"], row["status"], row["data"], row["batch_size"]) == (task, "trained", "generated", "16")
    assert int(row["updates"]) in (20, 40)
    assert 0 <= float(row["accuracy"]) <= 1 and float(row["loss"]) > 0 and float(row["updates_per_s"]) > 0
    sizes = {"classify": ("", ""), "soft_instruction": ("1", "1"), "soft_imperative": ("3", "4")}
    assert (row["programs"], row["length"]) == sizes[task]
    assert (row["accuracy_a"] == "") == (task == "classify")
    if task == "soft_imperative":
        assert float(row["accuracy_a"]) >= float(row["accuracy"])
        assert sum(int(end.split("=")[1]) for end in row["outcomes"].split()) == 12
        assert 0 <= float(row["exact_rate"]) <= 1
    else:
        assert row["exact_rate"] == ""


def test_network_learns_which_words_are_positive(tmp_path: Path):
    good, bad = "lovely great clever".split(), "awful dull flat".split()
    rows = [(f"the {noun} {verb} {word}", int(word in good)) for noun in "film plot cast hero music".split()
            for verb in ("is", "was", "seemed") for word in good + bad]  # fmt: skip
    for name, some in (("train", rows[18:] * 4), ("dev", rows[:18])):
        lines = ["sentence\tlabel", *(f"{text}\t{label}" for text, label in some)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines))
    network = NetworkConfig(hidden=64, intermediate=64, layers=1, heads=2, dropout=0.0)
    training = TrainingConfig(batch=16, learning_rate=3e-3, epochs=12)
    row = soft_row_of(of_folder("soft_instruction", tmp_path, tmp_path / "results", network=network, training=training))
    assert row["data"] == "sst2-subset"
    assert row["accuracy"] == row["accuracy_a"] > 0.9


def soft_row_of(config: MemorizerConfig) -> dict:
    return pipeline.train(make_plan(config), 0, progress=False).rows[0]


TIMES = ("updates_per_s", "wall_s", "date")


@pytest.mark.parametrize("stop", [19, 20, 33])
def test_training_that_was_interrupted_goes_on_to_the_same_row(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
):
    """Before, at and after the end of the first of two epochs of 20 updates."""
    training = TrainingConfig(batch=16, learning_rate=2e-3, epochs=2, save_every=0.0)
    whole = of_folder("soft_imperative", folder, tmp_path / "whole", training=training)
    complete(whole, progress=False)
    config = of_folder("soft_imperative", folder, tmp_path / "parts", training=training)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Progress, "after_update", interrupt_after(stop))
        complete(config, progress=False)
    assert not make_plan(config).path.exists() and list((tmp_path / "parts").rglob("*.checkpoint.safetensors"))
    done = count_updates(monkeypatch)
    complete(config, progress=False)
    assert len(done) == 40 - stop
    ((row,), (expected,)) = rows_of(config), rows_of(whole)
    assert {key: row[key] for key in row if key not in TIMES} == {key: expected[key] for key in row if key not in TIMES}
    assert not list((tmp_path / "parts").rglob("*.checkpoint.safetensors"))


def interrupt_after(stop: int):
    def after_update(self, updates: int, accuracy: float) -> None:
        if updates == stop:
            raise KeyboardInterrupt

    return after_update


def count_updates(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    done, advance = [], Training.advance
    monkeypatch.setattr(Training, "advance", lambda self: (done.append(self.updates), advance(self))[1])
    return done


@pytest.mark.parametrize(
    "task, changes, told",
    [
        ("classify", {"include": ["add"]}, r"include=\['add'\]: is for task=memorize"),
        ("classify", {"save_weights": True}, "save_weights=true: is for task=memorize"),
        ("classify", {"training": TrainingConfig()}, "training.batch=null: expected a number with task=classify"),
        ("soft_instruction", {"memory": 3}, "task=soft_instruction memory=3: expected a number >= 4"),
        ("soft_imperative", {"length": 6}, r"length=6: expected at most 5 \(lines - 1"),
        ("classify", {"soft": SoftConfig("sst2", "nowhere")}, "soft.folder=nowhere: no such directory"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(task: str, changes: dict, told: str, tmp_path: Path):
    with pytest.raises(UserError, match=told):
        pipeline.check(small(task, results=str(tmp_path / "results"), **changes))
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("name, data, examples, schedule, check", [
    ("soft_programs", "sst2", "published", "linear", 64),
    ("soft_programs_generated", "generated", "own", "constant", None),
])  # fmt: skip
def test_experiment_has_the_papers_settings(name: str, data: str, examples: str, schedule: str, check: int | None):
    config = configure([f"experiment={name}", "task=soft_imperative"])
    training, network = config.training, config.network
    assert (training.learning_rate, training.batch, training.epochs, config.restarts) == (1e-4, 32, 2, 5)
    assert (config.soft.examples, training.schedule, training.check) == (examples, schedule, check)
    assert (config.programs, config.length, config.soft.data, config.name) == (10, 10, data, "soft_programs")
    assert (network.hidden, network.intermediate, network.layers, network.heads) == (256, 1024, 4, 4)


def test_experiment_runs_all_three_tasks_on_a_folder_and_the_command_line_has_the_last_word(command, folder: Path):
    shrink = ["network.hidden=32", "network.intermediate=32", "network.layers=1", "execution.runs=1", "restarts=1",
              "training.epochs=1", "soft.sizes=any", f"soft.folder={folder}", "threads=1"]  # fmt: skip
    answer = command("run", "experiment=soft_programs", *shrink)
    assert answer.code == 0, answer.err
    cells = [line.split() for line in answer.out.splitlines() if line.startswith("soft_programs")]
    assert [task for _, task, *_ in cells] == list(soft_dataset.PROMPTS)
    answer = command("run", "experiment=soft_programs", "task=classify", "soft.folder=nowhere")
    assert answer.code == 2 and "soft.folder=nowhere: no such directory; expected soft.folder=DIR" in answer.err

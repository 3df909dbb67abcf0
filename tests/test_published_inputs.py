"""Soft tasks as the paper's public code reads texts: inputs word by word, its labels, a vocabulary in a file."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from neurocomp.errors import UserError
from neurocomp.memorizer import interpreter, pipeline, soft, soft_dataset, texts, wordpiece
from neurocomp.memorizer.config import MemorizerConfig, NetworkConfig, SoftConfig, TrainingConfig
from neurocomp.memorizer.plan import make_plan
from neurocomp.memorizer.subleq import Instruction, Program
from neurocomp.results.identity import hashed
from tests.jobs import complete

MARKS = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NUMBERS = [str(number) for number in range(6)]
WORDS = "classify this input as long the text is post run program good bad film ##ive ##s , : a one".split()
PIECES = [*MARKS, *reversed(NUMBERS), *WORDS]
SENTENCES = ("good films", "bad film , a one")


def vocabulary(folder: Path, pieces: list[str] | str = PIECES, name: str = "vocab.txt") -> Path:
    text = pieces if isinstance(pieces, str) else "".join(f"{piece}\n" for piece in pieces)
    (folder / name).write_bytes(text.encode())
    return folder / name


def glue(folder: Path, train: int = 40, dev: int = 12, test: int = 3) -> Path:
    """A folder in GLUE's format, with so many texts."""
    for name, rows in (("train", train), ("dev", dev)):
        lines = [f"{'good' if row % 2 else 'bad'} film {'a ' * (row % 5)}\t{row % 2}" for row in range(rows)]
        (folder / f"{name}.tsv").write_text("\n".join(["sentence\tlabel", *lines]) + "\n")
    lines = [f"{row}\tone film" for row in range(test)]
    (folder / "test.tsv").write_text("\n".join(["index\tsentence", *lines]) + "\n")
    return folder


def small(task: str, folder: Path, file: Path | None = None, **changes) -> MemorizerConfig:
    """A network that learns in a second, on texts in a folder, with the vocabulary that lies there too."""
    given = {
        "programs": 3, "length": 4, "lines": 6, "memory": 7, "restarts": 1, "threads": 1,
        "results": str(folder / "out"),
        "network": NetworkConfig(hidden=16, intermediate=16, layers=1, heads=2),
        "training": TrainingConfig(batch=16, learning_rate=1e-3, schedule="linear", warmup=0, check=2, epochs=2),
        "soft": SoftConfig("sst2", str(folder), "any", vocabulary_file=str(file or folder / "vocab.txt"),
                           examples="published", tokens=32),
    }  # fmt: skip
    return MemorizerConfig(task=task, **given | changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    vocabulary(tmp_path)
    return glue(tmp_path)


def reader_of(config: MemorizerConfig) -> soft_dataset.Reader:
    return soft_dataset.Reader(config, soft_dataset.tokenizer(texts.load(config.soft), config))


@pytest.mark.parametrize("task, expected", [
    ("classify", "[CLS] good film ##s [SEP]"),
    ("soft_instruction", "[CLS] 4 classify this input good film ##s [SEP]"),
    ("soft_imperative",
     "[CLS] 4 as long as the input text is post ##ive , run PROGRAM-2 [SEP] good film ##s [SEP]"),
])  # fmt: skip
def test_inputs_are_those_of_the_public_code(task: str, expected: str, folder: Path):
    """The words are the public code's, its "postive" too; the pieces of a file keep their numbers."""
    config = small(task, folder)
    combined = soft_dataset.Combined(np.array([4, 3]), np.array([2, 1]))
    reader = reader_of(config)
    tokens, mask = soft_dataset.inputs(reader, SENTENCES, combined)
    names = [*PIECES, *(f"PROGRAM-{number}" for number in range(3))]
    assert reader.vocabulary == len(names)
    assert " ".join(names[token] for token in tokens[0, mask[0]]) == expected
    assert mask[1].all() and {names[token] for token in tokens[0, ~mask[0]]} == {"[PAD]"}


def test_a_text_that_is_too_long_loses_its_end_and_keeps_the_separator(folder: Path):
    config = small("soft_instruction", folder, soft=SoftConfig(vocabulary_file=str(folder / "vocab.txt"),
                                                               examples="published", tokens=16))  # fmt: skip
    tokens, mask = soft_dataset.inputs(
        soft_dataset.Reader(config, wordpiece.of(wordpiece.read(folder / "vocab.txt", 100))),
        ["good " * 9 + "film bad"],
        soft_dataset.Combined(np.array([1]), np.array([0])),
    )
    assert tokens.shape == (1, 16) and mask.all()
    assert [PIECES[token] for token in tokens[0, -3:]] == ["good", "film", "[SEP]"]


def test_a_soft_instruction_is_0_2_0_for_a_positive_text_and_1_2_0_for_a_negative_one():
    labels = soft_dataset.soft_instruction(np.array([1, 0]), soft_dataset.PUBLISHED)
    assert labels.tolist() == [[0, 2, 0], [1, 2, 0]]
    for expected, instruction in zip((1, 0), labels.tolist(), strict=True):
        program = Program((Instruction(0, 0, 0), Instruction(*instruction)))
        done = interpreter.run(program, [-1, -0, 0], steps=5)
        assert (done.memory[2], done.outcome) == (expected, "halted")


def test_a_run_changes_the_instruction_number_and_nothing_else(folder: Path):
    config = small("soft_imperative", folder)
    reader, seen = reader_of(config), []
    combined = soft_dataset.Combined(np.array([4, 3]), np.array([2, 1]))
    split = texts.Split(SENTENCES, (1, 0))
    data = soft_dataset.examples(reader, split, combined, soft_dataset.draw_programs(config, 0))

    class Seeing(torch.nn.Module):
        def forward(self, tokens, mask):
            seen.append(tokens)
            return torch.zeros(len(tokens), 20)

    soft.fetcher(make_plan(config), Seeing(), reader, data)(np.array([5, 2]), np.array([1, 0]))
    expected = data.tokens[[1, 0]]
    expected[:, 1] = torch.tensor([PIECES.index("5"), PIECES.index("2")])
    assert seen[0].equal(expected) and not expected.equal(data.tokens[[1, 0]])


def test_without_a_file_numbers_and_marks_are_pieces_of_the_vocabulary_that_is_trained(folder: Path):
    config = small("soft_imperative", folder, soft=SoftConfig("sst2", str(folder), "any", examples="published"))
    reader = reader_of(config)
    assert "vocabulary_file" not in soft_dataset.check(config)
    tokens, _ = soft_dataset.inputs(reader, ["good film"], soft_dataset.Combined(np.array([4]), np.array([2])))
    names = {number: piece for piece, number in reader.pieces.get_vocab().items()} | {reader.vocabulary - 1: "PROGRAM"}
    assert [names[token] for token in tokens[0].tolist()] == [
        *"[CLS] 4 as long as the input text is postive , run PROGRAM [SEP] good film [SEP]".split()
    ]


# --- what a cell is


def test_a_cell_is_what_its_files_say_not_where_they_lie(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    before = make_plan(small("classify", folder))
    other = tmp_path_factory.mktemp("elsewhere")
    there = vocabulary(other, "\r\n".join(PIECES), "pieces")
    same = small("classify", glue(other), there, results=before.config.results)
    assert (make_plan(same).config_hash, make_plan(same).path) == (before.config_hash, before.path)
    swapped = [*PIECES[:-2], PIECES[-1], PIECES[-2]]
    assert make_plan(small("classify", folder, vocabulary(other, swapped))).config_hash != before.config_hash
    glue(folder, dev=14)
    assert make_plan(small("classify", folder)).config_hash != before.config_hash


def test_keys_at_their_defaults_are_no_part_of_a_hash():
    assert not {"vocabulary_file", "examples"} & set(hashed(SoftConfig()))
    given = hashed(SoftConfig(vocabulary_file="x", examples="published"))
    assert (given["vocabulary_file"], given["examples"]) == ("x", "published")


@pytest.mark.parametrize("task", soft_dataset.PROMPTS)
def test_files_beside_rows_have_counts_and_hashes_and_no_path(task: str, folder: Path):
    config = small(task, folder)
    complete(config, progress=False)
    plan = make_plan(config)
    with plan.path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["status"] == "trained" and int(row["updates"]) in (2, 4, 6)
    text = plan.path.with_suffix(".yaml").read_text()
    assert str(folder) not in text.replace(str(folder / "out"), "") and "vocab.txt" not in text
    written = yaml.safe_load(text)
    digest = hashlib.sha256((folder / "vocab.txt").read_bytes()).hexdigest()[:16]
    assert (written["soft"]["folder"], written["soft"]["vocabulary_file"]) == (None, f"sha256:{digest}")
    assert written["contents"] == {
        "train": 40, "validation": 12, "texts": texts.load(config.soft).digest, "pieces": len(PIECES),
    }  # fmt: skip


def test_files_that_change_while_a_cell_runs_are_noticed(folder: Path):
    plan = make_plan(small("classify", folder))
    vocabulary(folder, [*PIECES, "new"])
    with pytest.raises(UserError, match=r"^soft: pieces is 33, expected 32 as when the cell began$"):
        pipeline.train(plan, 0, progress=False)


# --- what is wrong with a vocabulary


def without(*gone: str) -> list[str]:
    return [piece for piece in PIECES if piece not in gone]


@pytest.mark.parametrize("pieces, told", [
    (without("3", "5"), ": no 3, expected each instruction number below lines=6 as one piece"),
    (without("0"), ": no 0, expected each instruction number below lines=6 as one piece"),
    (without("[CLS]"), ": no [CLS], expected each of [PAD], [UNK], [CLS], [SEP] on a line of its own"),
    (without("[SEP]"), ": no [SEP], expected each of [PAD], [UNK], [CLS], [SEP] on a line of its own"),
    (without("[PAD]", "[UNK]"), ": no [PAD], expected each of [PAD], [UNK], [CLS], [SEP] on a line of its own"),
    (without("[UNK]"), ": no [UNK], expected each of [PAD], [UNK], [CLS], [SEP] on a line of its own"),
    ([*PIECES, "film"], ':33: "film" stands in line 26 too, expected it once'),
    ([*PIECES[:3], "", *PIECES[3:]], ":4: nothing, expected a piece of a word without white space"),
    (["[PAD] 0", *PIECES[1:]], ':1: "[PAD] 0", expected a piece of a word without white space'),
    ("", ": is empty, expected a piece of a word on each line"),
    ("\n".join([*PIECES, *map(str, range(6, 80))]), ": 106 pieces, expected at most soft.vocabulary=100"),
])  # fmt: skip
def test_what_is_wrong_with_a_vocabulary_is_one_line(pieces: list[str] | str, told: str, folder: Path):
    file = vocabulary(folder, pieces)
    assert message(folder, file) == f"soft.vocabulary_file={file}{told}"


def message(folder: Path, file: Path) -> str:
    data = SoftConfig("sst2", str(folder), "any", 100, vocabulary_file=str(file), examples="published")
    with pytest.raises(UserError) as told:
        pipeline.check(small("classify", folder, soft=data))
    assert not (folder / "out").exists()
    return str(told.value)


def test_a_vocabulary_that_cannot_be_read_is_one_line(folder: Path):
    missing = folder / "nowhere.txt"
    assert message(folder, missing) == f"soft.vocabulary_file={missing}: cannot be read (No such file or directory)"
    assert message(folder, folder) == f"soft.vocabulary_file={folder}: is a folder, expected a file"
    (folder / "latin.txt").write_bytes(b"[PAD]\ncaf\xe9\n")
    assert message(folder, folder / "latin.txt").endswith("latin.txt: not UTF-8 text (byte 10)")


def test_a_vocabulary_is_for_soft_tasks_and_numbers_are_for_published_inputs(folder: Path):
    with pytest.raises(UserError, match=r"^soft.vocabulary_file=x: task=memorize reads no texts"):
        MemorizerConfig(soft=SoftConfig(vocabulary_file="x"))
    file = vocabulary(folder, without("3"))
    data = SoftConfig("sst2", str(folder), "any", vocabulary_file=str(file))
    assert soft_dataset.check(small("classify", folder, soft=data))["pieces"] == len(PIECES) - 1
    with pytest.raises(UserError, match=r"^soft.examples=publishd: .*published"):
        SoftConfig(examples="publishd")
    few = SoftConfig("sst2", str(folder), "any", vocabulary=105, examples="published")
    with pytest.raises(UserError, match=r"^soft.examples=published soft.vocabulary=105: expected a number >= 106$"):
        pipeline.check(small("classify", folder, soft=few))


def test_other_counts_than_the_published_ones_say_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(texts, "PUBLISHED", {"train": 40, "validation": 12, "test": 3})
    glue(tmp_path, dev=11)
    with pytest.raises(UserError) as told:
        texts.load(SoftConfig("sst2", str(tmp_path)))
    assert str(told.value) == (
        f"soft.folder={tmp_path}: validation 11 texts; published were validation 12 (soft.sizes=any accepts others)"
    )


def test_the_experiment_runs_with_a_folder_and_a_vocabulary_and_its_rows_are_in_the_table(command, folder: Path):
    shrink = ["network.hidden=16", "network.intermediate=16", "network.layers=1", "execution.runs=1", "restarts=1",
              "training.epochs=1", "training.batch=20", "training.check=1", "lines=6", "memory=7", "length=5",
              "soft.sizes=any", "threads=1"]  # fmt: skip
    given = [f"soft.folder={folder}", f"soft.vocabulary_file={folder / 'vocab.txt'}"]
    answer = command("run", "experiment=soft_programs", *shrink, *given)
    assert answer.code == 0, answer.err
    cells = [line.split() for line in answer.out.splitlines() if line.startswith("soft_programs")]
    assert [task for _, task, *_ in cells] == list(soft_dataset.PROMPTS)
    rows = command("table", "soft_programs").out
    assert "| soft_imperative on sst2-subset " in rows and "soft.examples=own" not in rows.partition("\n\n-")[0]
    again = command("run", "experiment=soft_programs", *shrink, *given)
    assert again.code == 0 and "contents" not in again.err

"""Texts with classes: SST-2 in both of its formats, what is wrong with a folder, the generated set, word pieces."""

from __future__ import annotations

import collections
import re
import subprocess
import sys
import types
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.errors import UserError
from neurocomp.memorizer import generated, texts, wordpiece
from neurocomp.memorizer.config import SoftConfig

ROWS = {
    "train": [("a gorgeous , witty film ", 1), ('the "plot" , such as it is , fails', 0), ("it 's dull", 0)],
    "validation": [("never once predictable", 1), ("flat as a board", 0)],
    "test": [("who knows", -1)],
}
GLUE = {
    "train.tsv": 'sentence\tlabel\na gorgeous , witty film \t1\nthe "plot" , such as it is , fails\t0\n'
    "it 's dull\t0\n",
    "dev.tsv": "sentence\tlabel\nnever once predictable\t1\nflat as a board\t0\n",
    "test.tsv": "index\tsentence\n0\twho knows\n",
}


def folder_of(files: dict[str, str], folder: Path) -> Path:
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return folder


def sst2(folder: Path | None, sizes: str = "any") -> texts.Texts:
    return texts.load(SoftConfig("sst2", str(folder) if folder else None, sizes))


def message(folder: Path | None, sizes: str = "any") -> str:
    """What a user is told; one line."""
    with pytest.raises(UserError) as told:
        sst2(folder, sizes)
    assert "\n" not in str(told.value)
    return str(told.value)


def expect_rows(found: texts.Texts) -> None:
    for split, name in ((found.train, "train"), (found.validation, "validation")):
        assert list(zip(split.sentences, split.labels, strict=True)) == ROWS[name]
    assert found.name == "sst2-subset"


def test_glue_folder_is_read_and_quotes_are_text(tmp_path: Path):
    expect_rows(sst2(folder_of(GLUE, tmp_path)))


def test_lines_that_end_as_on_windows_are_the_same(tmp_path: Path):
    expect_rows(sst2(folder_of({name: text.replace("\n", "\r\n") for name, text in GLUE.items()}, tmp_path)))


@pytest.mark.parametrize("inside", ["", "data"])
def test_hugging_face_folder_is_read_whole_in_the_order_of_its_shards(tmp_path: Path, inside: str):
    (tmp_path / inside).mkdir(exist_ok=True)
    shards = {"train-00000-of-00002": ROWS["train"][:2], "train-00001-of-00002": ROWS["train"][2:],
              "validation-00000-of-00001": ROWS["validation"], "test-00000-of-00001": ROWS["test"]}  # fmt: skip
    for name, rows in shards.items():
        frame = pandas.DataFrame(rows, columns=["sentence", "label"]).reset_index(names="idx")
        frame.to_parquet(tmp_path / inside / f"{name}.parquet")
    expect_rows(sst2(tmp_path))


def test_bad_parquet_is_named_with_its_row(tmp_path: Path):
    for split in ("train", "validation"):
        pandas.DataFrame({"sentence": ["fine", "bad"], "label": [1, -1]}).to_parquet(tmp_path / f"{split}-0.parquet")
    assert "train-0.parquet:1: label -1, expected 0" in message(tmp_path)
    pandas.DataFrame({"text": ["fine"], "label": [1]}).to_parquet(tmp_path / "train-0.parquet")
    assert "train-0.parquet: no column sentence; expected sentence and label, got text, label" in message(tmp_path)
    (tmp_path / "train-0.parquet").write_text("not parquet")
    assert "train-0.parquet: cannot be read as parquet" in message(tmp_path)


def test_parquet_without_pyarrow_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for split in ("train", "validation"):
        (tmp_path / f"{split}-0.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    assert "train-0.parquet: reading parquet needs pyarrow (pip install neurocomp[sst2])" in message(tmp_path)


@pytest.mark.parametrize("name, text, told", [
    ("train.tsv", "sentence\tlabels\nfine\t1\n", 'train.tsv: no column label; expected sentence and label, '
                                                 'got sentence, labels; did you mean "labels"?'),
    ("dev.tsv", "text\tclass\nfine\t1\n", "dev.tsv: no column sentence and label; expected sentence and label"),
    ("test.tsv", "index\ttext\n0\tfine\n", "test.tsv: no column sentence; expected sentence, got index, text"),
    ("train.tsv", "sentence\tlabel\nfine\t1\nbad\t2\n", "train.tsv:3: label 2, expected 0 (negative) or 1 (positive)"),
    ("train.tsv", "sentence\tlabel\nfine\tpositive\n", "train.tsv:2: label positive, expected 0"),
    ("dev.tsv", "sentence\tlabel\nfine\t1\nbad\n", "dev.tsv:3: 1 fields, expected 2 (sentence, label)"),
    ("dev.tsv", "sentence\tlabel\nfine\t1\nto\tbe\t1\n", "dev.tsv:3: 3 fields, expected 2 (sentence, label)"),
    ("dev.tsv", "sentence\tlabel\n \t1\n", "dev.tsv:2: no sentence, expected a text"),
    ("dev.tsv", "sentence\tlabel\n", "no texts in validation, expected at least one"),
    ("train.tsv", "", "train.tsv: no column sentence and label"),
])  # fmt: skip
def test_mistakes_in_tsv_are_named_with_file_and_line(tmp_path: Path, name: str, text: str, told: str):
    assert told in message(folder_of(GLUE | {name: text}, tmp_path))


def test_file_that_is_not_text_is_named(tmp_path: Path):
    folder_of(GLUE, tmp_path)
    (tmp_path / "train.tsv").write_bytes(b"sentence\tlabel\n\xff\xfe\t1\n")
    assert "train.tsv: cannot be read as UTF-8 text" in message(tmp_path)


def test_what_is_missing_is_said_with_where_to_put_it(tmp_path: Path):
    assert re.search(
        r"soft.folder=\S+/nowhere: no such directory; expected soft.folder=DIR with train.tsv, dev.tsv",
        message(tmp_path / "nowhere"),
    )
    assert "no texts there; expected soft.folder=DIR with train.tsv" in message(tmp_path)
    folder_of({"train.tsv": GLUE["train.tsv"]}, tmp_path)
    assert "dev.tsv not there; expected" in message(tmp_path)


def test_published_sizes_are_asked_for_unless_any_will_do(tmp_path: Path):
    told = message(folder_of(GLUE, tmp_path), sizes="published")
    assert "train 3, validation 2, test 1 texts; published were train 67,349, validation 872, test 1,821" in told
    lines = [f"film {number}\t{number % 2}" for number in range(67_349)]
    full = {
        "train.tsv": "\n".join(["sentence\tlabel", *lines]),
        "dev.tsv": "\n".join(["sentence\tlabel", *lines[:872]]),
        "test.tsv": "\n".join(["index\tsentence", *(f"{number}\tfilm" for number in range(1_821))]),
    }
    assert sst2(folder_of(full, tmp_path), sizes="published").name == "sst2"
    (tmp_path / "test.tsv").unlink()
    assert "test 0 texts; published were" in message(tmp_path, sizes="published")


def test_folder_that_changes_is_read_again_and_has_another_digest(tmp_path: Path):
    before = sst2(folder_of(GLUE, tmp_path))
    assert sst2(tmp_path) is before
    after = sst2(folder_of({"dev.tsv": GLUE["dev.tsv"] + "and so on\t1\n"}, tmp_path))
    assert len(after.validation) == 3 and after.digest != before.digest


def library(monkeypatch: pytest.MonkeyPatch, load) -> None:
    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load))
    texts._from_library.cache_clear()
    monkeypatch.setattr(texts, "_from_library", texts._from_library.__wrapped__)


def test_without_folder_the_datasets_library_is_asked(monkeypatch: pytest.MonkeyPatch):
    def load(path: str, name: str) -> dict:
        assert (path, name) == ("nyu-mll/glue", "sst2")
        columns = {split: zip(*rows, strict=True) for split, rows in ROWS.items()}
        return {split: dict(zip(("sentence", "label"), of_split, strict=True)) for split, of_split in columns.items()}

    library(monkeypatch, load)
    expect_rows(sst2(None))


def test_without_library_or_network_the_error_says_where_to_put_the_files(monkeypatch: pytest.MonkeyPatch):
    def load(*names: str) -> dict:
        raise ConnectionError("no\nroute")

    library(monkeypatch, load)
    assert "did not get it (ConnectionError: no route); expected soft.folder=DIR with train.tsv, dev" in message(None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "no datasets library here; expected soft.folder=DIR with train.tsv, dev.tsv" in message(None)


def test_generated_texts_have_no_folder():
    with pytest.raises(UserError, match="soft.folder=x: is for soft.data=sst2"):
        texts.load(SoftConfig("generated", "x"))


def test_generated_splits_are_balanced_and_share_no_sentence():
    splits = generated.sentences()
    assert {split: len(rows) for split, rows in splits.items()} == generated.SIZES
    for rows in splits.values():
        assert collections.Counter(label for _, label in rows) == {0: len(rows) / 2, 1: len(rows) / 2}
    every = [text for rows in splits.values() for text, _ in rows]
    assert len(set(every)) == len(every)


def test_generated_set_is_the_same_in_another_process():
    script = "from neurocomp.memorizer import texts; print(texts._generated().digest)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == texts.load(SoftConfig("generated")).digest


GOOD = {word for word in generated.OPINIONS[1]} | {"loved", "love", "enjoy", "admire"}
BAD = {word for word in generated.OPINIONS[0]} | {"hated", "hate", "dislike", "regret"}


def read(sentence: str) -> int:
    """The class by the rule that people are told: the main clause decides, `not` turns it round."""
    if " although " in f" {sentence}":
        main = sentence.split("although ")[1].split(" , ")[1]
    else:
        main = sentence.split(" , but ")[-1].split(" and ")[0]
    words = main.split()
    return (bool(GOOD & set(words)) + ("not" in words)) % 2


def test_classes_of_generated_sentences_follow_from_their_words():
    for rows in generated.sentences().values():
        assert [read(text) for text, _ in rows[:500]] == [label for _, label in rows[:500]]


def pairs(sentence: str) -> set[tuple[str, str]]:
    """What each clause says of what."""
    clauses = re.split(r" , but | and |although | , ", sentence)
    found = set()
    for clause in clauses:
        parts = [part for part in generated.PARTS if f"the {part}" in clause]
        found |= {(part, word) for part in parts for word in (GOOD | BAD) & set(clause.split())}
    return found


def test_validation_says_of_each_part_what_training_never_says_of_it():
    splits = generated.sentences()
    of_train = set().union(*(pairs(text) for text, _ in splits["train"]))
    for split in ("dev", "test"):
        of_split = set().union(*(pairs(text) for text, _ in splits[split]))
        assert of_split and not of_split & of_train


def test_words_alone_do_not_decide_generated_sentences():
    rows = [(set(text.split()), label) for text, label in generated.sentences()["dev"]]
    by_words = sum(bool(words & GOOD) != bool(words & BAD) and label == bool(words & GOOD) for words, label in rows)
    assert by_words < 0.65 * len(rows)  # the others deny something, or say good and bad


def test_generated_set_in_a_folder_is_read_as_sst2_is_and_keeps_its_name(tmp_path: Path):
    generated.write(tmp_path)
    found = sst2(tmp_path)
    assert found == texts.load(SoftConfig("generated"))
    assert (tmp_path / "test.tsv").read_text().startswith("index\tsentence\n0\t")
    lines = (tmp_path / "train.tsv").read_text().splitlines()
    (tmp_path / "train.tsv").write_text("\n".join(lines[:101]) + "\n")
    assert (sst2(tmp_path).name, len(sst2(tmp_path).train)) == ("generated", 100)


PROMPTS = ["Classify this input:"]
CORPUS = [text for text, _ in generated.sentences()["train"][:1000]]


def test_prompt_words_are_pieces_and_other_words_are_cut_where_training_saw_no_whole():
    pieces = wordpiece.train(["low lower lowest low low", "new newer newest"], PROMPTS, 100)
    assert pieces.encode("Classify this input: LOW").tokens == ["classify", "this", "input", ":", "low"]
    assert pieces.get_vocab()["[UNK]"] == 0 and pieces.get_vocab()["[SEP]"] == 1
    assert pieces.encode("zoo low").tokens == ["[UNK]", "low"]
    assert len(pieces.encode("newlow").tokens) > 1


@pytest.mark.parametrize("size", [100, 200])
def test_two_trainings_give_the_same_pieces_of_which_there_are_not_too_many(size: int):
    trained = [wordpiece.train(texts_, PROMPTS, size).get_vocab() for texts_ in (CORPUS, CORPUS, CORPUS[::-1])]
    assert trained[0] == trained[1] == trained[2]
    assert len(trained[0]) <= size and sorted(trained[0].values()) == list(range(len(trained[0])))


def test_rare_letters_are_left_out_of_a_small_vocabulary():
    odd = [chr(0x4E00 + number) for number in range(90)]
    pieces = wordpiece.train([*CORPUS[:200], *odd], PROMPTS, 100)
    assert len(pieces.get_vocab()) <= 100
    assert pieces.encode("not " + odd[-1]).tokens[-1] == "[UNK]"
    assert "[UNK]" not in pieces.encode("not " + odd[0]).tokens


SMALL = wordpiece.train(CORPUS, PROMPTS, 120)


@given(st.lists(st.sampled_from(sorted({word for text in CORPUS for word in text.split()})), min_size=1, max_size=12))
def test_pieces_of_known_letters_decode_to_the_words(words: list[str]):
    (ids,) = wordpiece.encode(SMALL, [" ".join(words)])
    assert SMALL.decode(ids).replace(" ", "") == "".join(words)
    assert SMALL.get_vocab()["[UNK]"] not in ids

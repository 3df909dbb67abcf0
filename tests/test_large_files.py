"""A file that is too large is refused by its size, before any of it is read: sparse files of 100 GB stand for all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.files import check_size
from neurocomp.limits.checking import Most, most
from neurocomp.memorizer import checkpoint, texts
from neurocomp.memorizer.config import SoftConfig

SIZE = 100 * 2**30
HAS = f"has {SIZE:,} bytes, expected at most "
WHOLE = HAS + "50,000,000"


def large(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, SIZE)
    return path


TASK = "name: mine\nbase: 4\nregisters: 1\nlines: 2\nsteps: 2\nexamples: x.csv\ncheck: {memory: [0]}\n"
RUN = ("run", "task=inc", "init=inc", "restarts=1", "examples=4", "optimizer.updates=1")


@pytest.mark.parametrize("name, given, reason", [
    ("x.csv", ("run", "--config-dir", ".", "task=mine"), HAS + "40,000,000 (limits.memory_gb=8)"),
    ("x.csv", ("run", "--config-dir", ".", "task=mine", "limits.memory_gb=16"),
     HAS + "80,000,000 (limits.memory_gb=16)"),
    ("x.csv", ("synth", "--config-dir", ".", "task=mine"), HAS + "40,000,000 (limits.memory_gb=8)"),
    ("x.asm", ("run", "task=inc", "init=x.asm"), WHOLE),
    ("x.asm", ("exec", "x.asm"), WHOLE),
    ("x.asm", ("compile", "x.asm", "--out", "w"), WHOLE),
    ("x.subleq", ("subleq", "exec", "x.subleq"), WHOLE),
    ("x.jsonl", ("exec", "inc", "--inputs", "x.jsonl"), HAS + "266,666,666 (--memory-gb=8)"),
    ("x.jsonl", ("exec", "inc", "--inputs", "x.jsonl", "--memory-gb", "3"), HAS + "100,000,000 (--memory-gb=3)"),
    ("x.safetensors", ("decompile", "x.safetensors"), HAS + "1,000,000,000 (--memory-gb=8)"),
    ("x.safetensors", ("subleq", "exec", "--checkpoint", "x.safetensors", "add"),
     HAS + "2,000,000,000 (--memory-gb=8)"),
    ("task/large.yaml", ("run", "--config-dir", ".", "task=large"), HAS + "262,144"),
])  # fmt: skip
def test_a_file_that_is_too_large_is_not_read(command, tmp_path, monkeypatch, name, given, reason):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(TASK)
    large(tmp_path / name)
    opened = Path.open

    def open_other(path, *arguments, **more):
        assert path.name != Path(name).name
        return opened(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", open_other)
    answer = command(*given)
    said = answer.err.removeprefix("neurocomp: ").removeprefix(f"{tmp_path}/").removesuffix("\n")
    assert (answer.code, said) == (2, f"{name}: {reason}")


def test_a_file_of_a_shipped_name_that_is_too_large_is_only_compared_by_its_size(command, tmp_path):
    path = large(tmp_path / "task" / "inc.yaml")
    answer = command(*RUN, "--config-dir", tmp_path)
    said = f"task=inc: {path} has the name of a shipped task, expected another name"
    assert answer == (2, "", f"neurocomp: {said}\n")


def test_files_beside_rows_that_are_too_large_are_not_read(command, tmp_path):
    assert command(*RUN).code == 0
    (rows,) = tmp_path.rglob("*.csv")
    configuration = large(rows.with_suffix(".yaml"))
    where = configuration.relative_to(tmp_path)
    assert command(*RUN).err.splitlines()[0] == f"neurocomp: {where}: {HAS}1,048,576; it is left as it is"
    curves = large(rows.with_suffix(".curves.csv")).relative_to(tmp_path)
    answer = command(*RUN, "restarts=2", "save_curves=true")
    assert answer == (2, "", f"neurocomp: {curves}: {HAS}400,000,000 (limits.memory_gb=8)\n")


def test_readings_that_are_too_large_are_passed_over(command, tmp_path):
    large(tmp_path / "readings" / "screen-s0.csv")
    answer = command("table", "readings", "--results", "readings")
    assert (answer.code, answer.err) == (1, f"neurocomp: readings/screen-s0.csv: {WHOLE}\n")


def test_a_training_and_texts_that_are_too_large_are_not_read(tmp_path):
    large(tmp_path / "train.tsv")
    large(tmp_path / "dev.tsv")
    with pytest.raises(UserError) as refused:
        texts.load(SoftConfig(data="sst2", folder=str(tmp_path)))
    assert str(refused.value) == f"{tmp_path}/train.tsv: {WHOLE}"
    training = large(tmp_path / "training.safetensors")
    with pytest.raises(UserError) as refused:
        checkpoint.load(training, LimitsConfig())
    assert str(refused.value) == f"{training}: {HAS}2,000,000,000 (limits.memory_gb=8)"


def test_the_words_of_a_wide_machine_are_estimated_before_they_are_made(command, tmp_path):
    """1,000 rows of 100,004 words, 40 bytes each."""
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(TASK)
    (tmp_path / "x.csv").write_text("m0,m0_final\n" + "0,0\n" * 1_000)
    answer = command("run", "--config-dir", ".", "task=mine", "task.registers=100000", "limits.memory_gb=2")
    expected = "x.csv: task.registers=100000: would take about 4.1 GB of memory, more than limits.memory_gb=2; "
    assert answer == (2, "", f"neurocomp: {expected}fewer registers, or limits.memory_gb=4.3\n")


def test_the_largest_file_is_still_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345678")
    assert most(LimitsConfig(memory_gb=1.6e-8), 2) == Most(8, "limits.memory_gb=1.6e-08")
    check_size(path, Most(8))
    with pytest.raises(UserError) as refused:
        check_size(path, Most(7))
    assert str(refused.value) == f"{path}: has 8 bytes, expected at most 7"

"""What a memorizer's row is about: runs from words of their own, a limit that is looked at, time that is not lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from neurocomp.memorizer import memorize, texts
from neurocomp.memorizer.config import ExecutionConfig, MemorizerConfig, SoftConfig, TrainingConfig
from neurocomp.memorizer.dataset import Named, programs
from neurocomp.memorizer.generated import OPINIONS, PARTS, VERBS, sentences
from neurocomp.memorizer.languages import Run, Subleq
from neurocomp.memorizer.plan import batch_size, make_plan
from neurocomp.memorizer.saving import Saving
from tests.test_memorizer import Looked, run, tiny
from tests.test_memorizer_training import training


@pytest.mark.parametrize("count, include, batch, size", [
    (16, [], None, 204), (2, ["add"] * 3, None, 26), (0, ["add"], None, 1), (16, [], 7, 7),
])  # fmt: skip
def test_the_batch_size_is_of_all_instructions(count, include, batch, size):
    """floor(all / 20): of 2 random programs of 256 and 3 times the 4 instructions of add 524 // 20."""
    config = MemorizerConfig(programs=count, include=include, training=TrainingConfig(batch=batch))
    assert batch_size(config, 256 * count + 4 * len(include)) == size


# --- runs


class Watched(Subleq):
    """Remembers the words that runs start from."""

    def __init__(self, memory: int, lines: int):
        super().__init__(memory, lines)
        self.started: list[tuple[int, ...]] = []

    def run(self, table, start, steps) -> Run:
        self.started.append(tuple(start))
        return super().run(table, start, steps)


def exactness(tmp_path, seed=0, restart=0, spoil=None, runs=3) -> tuple[dict, list]:
    """Of three random programs; `spoil` is the number of one whose network forgets its instruction 1."""
    config = tiny(tmp_path, programs=3, length=5, seed=seed, execution=ExecutionConfig(runs=runs, steps=9))
    spoken = Watched(7, 13)
    plan = replace(make_plan(config), language=spoken)
    tables = [np.array([[0, 0, 0], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 3, 0]])] * 3
    memorized = [Named(None, table) for table in tables]
    known = [table.tolist() for table in tables]
    if spoil is not None:
        known[spoil] = [[0, 0, 0], [4, 4, 0], *known[spoil][2:]]
    return memorize.exactness(plan, Looked(known, plan.sizes, 13), memorized, restart), spoken.started


def test_every_run_starts_from_words_of_its_own(tmp_path):
    started = [exactness(tmp_path, seed, restart)[1] for seed in (0, 1) for restart in (0, 1)]
    everything = sum(started, [])
    assert [len(one) for one in started] == [9] * 4 and len(set(everything)) == 36
    assert exactness(tmp_path)[1] == started[0]


@pytest.mark.parametrize("spoil", [0, 1, 2])
def test_runs_that_are_not_exact_are_those_of_the_program_that_was_forgotten(tmp_path, spoil):
    found, _ = exactness(tmp_path, spoil=spoil, runs=2)
    rates = [float(part.split("=")[1]) for part in found["exact_by_program"].split()]
    assert rates == [float(number != spoil) for number in range(3)]
    assert found["exact_rate"] == pytest.approx(2 / 3)
    assert sum(int(part.split("=")[1]) for part in found["outcomes"].split()) == 6


def test_without_runs_nothing_is_claimed(tmp_path):
    assert exactness(tmp_path, runs=0)[0] == {}


# --- the limit of a training


def test_a_training_is_looked_at_when_its_updates_run_out(tmp_path, monkeypatch):
    """Checks come after 0, 3 and 6 updates, and at the limit of 7."""
    looks = []

    def all_right(judge, network):
        looks.append(len(looks))
        return len(looks) == 4

    monkeypatch.setattr(memorize.Judge, "all_right", all_right)
    (row,) = run(tiny(tmp_path, training=TrainingConfig(batch=4, check=3, updates=7)))
    assert (row["status"], row["updates"], looks) == ("memorized", 7, [0, 1, 2, 3])


# --- going on


def test_what_goes_on_keeps_its_seconds_its_notes_and_its_updates(tmp_path):
    plan, notes = make_plan(tiny(tmp_path)), {"best": {"accuracy": 0.5, "updates": 3}}
    plan.path.parent.mkdir(parents=True)
    any_notes = lambda *_: True  # noqa: E731
    before, after = training(20, batch=6), training(20, batch=6)
    for _ in range(5):
        before.advance()
    saving = Saving(plan, 0, before, 20, any_notes)
    saving.notes, saving.every, saving._before = notes, 0, 1000.5
    saving.after_update()
    goes_on = Saving(plan, 0, after, 20, any_notes)
    assert goes_on.notes == notes and 1000.5 <= goes_on.seconds() < 1100 and after.updates == 5
    told = [one.advance().loss for one in (before, after)]
    assert told[0] == told[1] and torch.equal(before.network.rows, after.network.rows)  # pyright: ignore


# --- texts


def test_training_never_says_what_is_kept_for_validation():
    """One pair of a part and an opinion in five is kept; training has four in five, and every text has its class's."""
    words = {word for of in (*OPINIONS, *VERBS) for word in of}

    def pairs(split: str) -> set[tuple[str, str]]:
        found = set()
        for text, _ in sentences()[split]:
            for clause in text.replace("although", "").replace(", but", ",").replace(" and ", " , ").split(","):
                parts = [part for part in PARTS if f" {part} " in f" {clause} "]
                opinions = [word for word in words if f" {word} " in f" {clause} "]
                if len(parts) == len(opinions) == 1:
                    found.add((parts[0], opinions[0]))
        return found

    train, validation = pairs("train"), pairs("dev")
    assert not train & validation and len(train) > 2 * len(validation) > 50


@pytest.mark.parametrize(
    "counts, name",
    [
        ({"train": 67_349, "validation": 872, "test": 1_821}, "sst2"),
        ({"train": 67_349, "validation": 871, "test": 1_821}, "sst2-subset"),
        ({"train": 67_348, "validation": 872, "test": 1_821}, "sst2-subset"),
        ({"train": 67_349, "validation": 872, "test": 1_820}, "sst2-subset"),
    ],
)
def test_only_the_published_splits_are_called_sst2(tmp_path, monkeypatch, counts, name):
    """As few as they can be written: a thousandth of the published texts."""
    monkeypatch.setattr(texts, "PUBLISHED", {"train": 67, "validation": 9, "test": 18})
    smaller = {
        "train": counts["train"] - 67_282,
        "validation": counts["validation"] - 863,
        "test": counts["test"] - 1_803,
    }
    for split, file in (("train", "train.tsv"), ("validation", "dev.tsv"), ("test", "test.tsv")):
        rows = [f"film {number}\t{number % 2}" for number in range(smaller[split])]
        (tmp_path / file).write_text("\n".join(["sentence\tlabel", *rows]) + "\n")
    assert texts.load(SoftConfig("sst2", str(tmp_path), "any")).name == name


def test_programs_that_are_included_come_first_and_have_no_name_if_they_are_drawn(tmp_path):
    found = programs(tiny(tmp_path, include=["add"], programs=2), Subleq(7, 13), 0)
    assert [one.name for one in found] == ["add", None, None]

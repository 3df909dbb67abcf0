"""The column tests_trained, and the line on the screen that goes with it."""

from __future__ import annotations

import os

import pytest

from neurocomp import pipeline
from neurocomp.cli.compose import configure
from neurocomp.pipeline import run_cell
from neurocomp.plan import check_config
from neurocomp.seeding import SHARED
from neurocomp.tasks.examples import held_out, training_examples

QUICK = ("restarts=3", "optimizer.updates=1", "engine=eager", "threads=1", "synthesis.candidates=400")
FEW = (
    "map_inc: 216 different inputs in the words that its program reads; "
    "test examples may have been trained on (column tests_trained)"
)


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def lists(examples) -> set[tuple[int, ...]]:
    return {tuple(row) for row in examples.memory[:, :3].tolist()}


@pytest.mark.parametrize("overrides, with_synthesis", [
    (("init=map_inc",), False),
    (("init=synth",), True),
    (("method=synthesize",), False),
    (("method=random_search",), False),
    (("method=local_search", "init=map_dec"), False),
    (("method=local_search", "init=synth"), True),
    (("method=enumerate",), False),
    (("method=annealing", "init=map_dec"), False),
    (("method=annealing", "init=synth"), True),
], ids=str)  # fmt: skip
def test_every_method_counts_the_test_inputs_that_it_trained_on(overrides, with_synthesis):
    """Those among a restart's own examples; where it starts from what synthesis found, also among the synthesis'."""
    config = configure(["task=map_inc", *QUICK, *overrides])
    rows = run_cell(config, progress=False).rows
    task = check_config(config).task
    unseen = held_out(task, 0)
    shared = lists(training_examples(task, unseen, 0, SHARED, 16, stream="synthesis")) if with_synthesis else set()
    for restart, told in zip(rows["restart"], rows["tests_trained"], strict=True):
        trained = lists(training_examples(task, unseen, 0, restart, 16)) | shared
        assert told == sum(tuple(row) in trained for row in unseen.test.memory[:, :3].tolist()) > 0


@pytest.mark.parametrize("overrides", [("init=map_inc",), ("method=random_search",), ("init=synth",)], ids=str)
def test_where_inputs_are_many_no_test_input_is_trained_on(overrides, capsys):
    rows = run_cell(configure(["task=map_inc", "task.base=9", *QUICK, *overrides]), progress=False).rows
    assert rows["tests_trained"].tolist() == [0, 0, 0]
    assert "different inputs" not in capsys.readouterr().err


def test_few_inputs_are_said_once_for_all_cells_of_a_task(command):
    answer = command("run", "-m", "task=map_inc", "init=map_inc,map_dec", *QUICK)
    assert answer.code == 0 and answer.err.count(FEW + "\n") == 1 and FEW not in answer.out
    pipeline.remark_once.cache_clear()
    again = command("run", "-m", "task=map_inc", "init=map_inc,map_dec", *QUICK)
    assert again.code == 0 and not again.err  # there is nothing to do


def test_one_restart_again_says_it_too(command):
    answer = command("run", "task=map_inc", "init=map_inc", "only=1", *QUICK)
    assert answer.err == FEW + "\n" and "\ntests_trained: " in answer.out


def test_synth_says_it_behind_what_it_found(command):
    answer = command("synth", "task=map_inc")
    assert answer.err == FEW.removesuffix(" (column tests_trained)") + "\n" and "map(inc(elem))" in answer.out


def test_a_pipe_of_examples_is_refused(command, tmp_path):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(
        "name: mine\nbase: 6\nregisters: 3\nlines: 4\nsteps: 9\nexamples: mine.csv\ncheck: {memory: [0]}\n"
    )
    os.mkfifo(tmp_path / "mine.csv")
    answer = command("run", "--config-dir", str(tmp_path), "task=mine")
    assert (answer.code, answer.err) == (2, "neurocomp: mine.csv: is not a regular file, expected a file\n")

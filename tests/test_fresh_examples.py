"""fresh=true: a restart's training examples are drawn anew at every update."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurocomp.cli.compose import configure
from neurocomp.errors import UserError
from neurocomp.language import interpreter
from neurocomp.pipeline import run_cell
from neurocomp.plan import FreshExamples, check_config, make_plan
from neurocomp.results.columns import RESTARTS
from neurocomp.tasks.examples import FRESH_BLOCK, held_out

QUICK = ("task=map_inc", "fresh=true", "examples=3", "optimizer.updates=60", "threads=1")
COMPARED = [column for column in RESTARTS.columns if column not in ("wall_s", "batch", "date", "dirty", "commit")]


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def supply(*overrides):
    plan = make_plan(configure([*QUICK, *overrides]))
    return FreshExamples(plan, held_out(plan.task, plan.config.seed)), plan


def words(examples):
    return np.concatenate(examples, axis=1)


def test_each_update_has_other_examples_that_depend_on_seed_restart_and_update_alone():
    forward, plan = supply()
    updates = range(2 * FRESH_BLOCK + 1)
    drawn = {(restart, update): words(forward.of(restart, update)) for restart in (0, 7) for update in updates}
    assert all(one.shape == (3, 2 * (plan.task.sizes.base + plan.task.sizes.registers)) for one in drawn.values())
    assert len({one.tobytes() for one in drawn.values()}) > 0.95 * len(drawn)
    backward, _ = supply()
    for (restart, update), one in reversed(drawn.items()):
        assert (words(backward.of(restart, update)) == one).all()
    other, _ = supply("seed=1")
    assert (words(other.of(0, 0)) != drawn[0, 0]).any()


def test_they_are_solved_by_the_reference_and_none_is_held_out():
    forward, plan = supply("task.base=9")
    unseen, task = held_out(plan.task, 0), plan.task
    assert unseen.inputs and task.reads and task.reference
    for update in (0, FRESH_BLOCK - 1, FRESH_BLOCK):
        examples = forward.of(3, update)
        for memory, registers, final, _ in zip(*examples, strict=True):
            ended = interpreter.run(task.reference, memory.tolist(), registers.tolist(), base=9, steps=task.steps)
            assert list(ended[0]) == final.tolist()
            assert task.reads.key([*memory.tolist(), *registers.tolist()]) not in unseen.inputs


def test_a_batch_has_the_examples_of_each_restart_in_its_lane():
    forward, plan = supply()
    batch = forward([(4, 2), (1, 55)])
    for lane, (restart, update) in enumerate([(4, 2), (1, 55)]):
        start = batch.start.memory[lane].argmax(-1)
        assert torch.equal(start, torch.from_numpy(forward.of(restart, update).memory))


@pytest.mark.parametrize("engine", ["fused", "eager"])
def test_rows_do_not_depend_on_which_restarts_are_side_by_side(engine):
    rows = [
        run_cell(
            configure([*QUICK, f"engine={engine}", "restarts=5", f"chunk={chunk}", f"name={chunk}"]), progress=False
        ).rows
        for chunk in (2, 5)
    ]
    kept = [
        column for column in COMPARED if column in rows[0] and (engine == "fused" or column not in ("loss", "margin"))
    ]
    assert rows[0][kept].equals(rows[1][kept])


def test_the_losses_are_those_of_other_examples():
    """With a rate of almost nothing, the loss of fixed examples stands still; that of fresh ones does not."""
    config = [
        "restarts=2",
        "optimizer.updates=5",
        "optimizer.learning_rate=1e-9",
        "save_curves=true",
        "optimizer.hold=9",
    ]
    spread = []
    for fresh in ("true", "false"):
        cell = run_cell(configure([*QUICK, *config, f"fresh={fresh}", f"name=fresh-{fresh}"]), progress=False)
        lines = cell.path.with_suffix(".curves.csv").read_text().splitlines()[1:]
        losses = [float(line.split(",")[-1]) for line in lines if line.startswith("0,")]
        spread.append(max(losses) - min(losses))
    assert spread[0] > 0.01 and spread[1] < 1e-4


def test_test_inputs_that_were_drawn_are_counted():
    """map_inc has 216 different inputs: 61 updates of 3 examples show about 57 % of them, one update 1 %."""
    rows = run_cell(configure([*QUICK, "restarts=3", "optimizer.hold=99"]), progress=False).rows
    forward, plan = supply()
    unseen = held_out(plan.task, 0)
    for restart, told in zip(rows["restart"], rows["tests_trained"], strict=True):
        lists = {tuple(row) for update in range(61) for row in forward.of(restart, update).memory[:, :3].tolist()}
        assert told == sum(tuple(row) in lists for row in unseen.test.memory[:, :3].tolist()) > 50


def test_it_is_another_cell_for_tuning_alone():
    def hash_of(*overrides):
        return check_config(configure(["task=map_inc", *overrides])).config_hash

    assert hash_of() == hash_of("fresh=false") != hash_of("fresh=true")
    assert hash_of("method=annealing") == hash_of("method=annealing", "fresh=true")


@pytest.mark.parametrize("key", ["noop_lines=open", "noop_lines=compiled"])
def test_open_lines_are_another_cell_where_there_are_noops(key):
    def hash_of(*overrides):
        return check_config(configure(["task=map_inc", *overrides])).config_hash

    for init, has_noops in (("loop_noop", True), ("map_inc", False), ("random", False)):
        assert (hash_of(f"init={init}", key) == hash_of(f"init={init}")) == (key.endswith("compiled") or not has_noops)


@pytest.mark.parametrize("overrides, said", [
    (["noop_lines=shut"], "noop_lines=shut: expected one of compiled, open"),
    (["init=synth", "synthesis.allocation=best"], "synthesis.allocation=best: the best template is chosen on examples "
     "that restarts keep; with fresh=true expected even"),
], ids=str)  # fmt: skip
def test_what_cannot_be_is_refused(overrides, said):
    with pytest.raises(UserError, match=said.split(":")[0]) as error:
        check_config(configure([*QUICK, *overrides]))
    assert str(error.value) == said

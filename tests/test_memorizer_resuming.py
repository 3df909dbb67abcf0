"""Trainings of the memorizer that were interrupted, and the cells that they are rows of."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
import torch

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.memorizer import checkpoint
from neurocomp.memorizer.config import MemorizerConfig, TrainingConfig
from neurocomp.memorizer.pipeline import check
from neurocomp.memorizer.plan import make_plan
from neurocomp.memorizer.saving import Saving, checkpoint_path
from neurocomp.results.columns import MEMORIZED
from neurocomp.results.writer import CellLocked, CellWriter
from tests import test_memorizer
from tests.jobs import cell_path, record_failure
from tests.test_memorizer import facts, run, short, tiny

learned = test_memorizer.learned


def kept(config: MemorizerConfig, restart: int) -> dict[str, torch.Tensor]:
    path = cell_path(config)
    return checkpoint.load(path.with_name(f"{path.stem}.weights") / f"{restart}.safetensors", LimitsConfig())[0]


def same_tensors(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


class Stopped(KeyboardInterrupt):
    """An interrupt that this file caused."""


@pytest.mark.parametrize("after", [1, 4])
def test_a_training_that_was_interrupted_gives_the_same_row_and_weights(tmp_path, monkeypatch, after):
    whole = short(tmp_path / "whole", save_weights=True)
    expected = run(whole)
    config = short(tmp_path / "stopped", save_weights=True)
    saved = Saving.after_update

    def stop(saving):
        saved(saving)
        if saving.training.updates == after:
            raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Saving, "after_update", stop)
        run(config)
    path = checkpoint_path(make_plan(config), 0)
    assert checkpoint.load(path, LimitsConfig())[1]["updates"] == str(after)
    updates = []
    monkeypatch.setattr(Saving, "after_update", lambda saving: updates.append(saving.training.updates))
    assert run(config) == expected
    assert updates == list(range(after + 1, 8)) and not path.exists()
    assert same_tensors(kept(config, 0), kept(whole, 0))


def test_sigkill_is_survived(tmp_path):
    training = TrainingConfig(batch=2, updates=12, save_every=0.0)
    configs = {name: replace(short(tmp_path / name, save_weights=True), training=training) for name in ("a", "b")}
    script = """
import json, os, signal, sys
from neurocomp.memorizer.config import MemorizerConfig, NetworkConfig, TrainingConfig, ExecutionConfig
from tests.jobs import complete
from neurocomp.memorizer.saving import Saving
given = json.loads(sys.argv[1])
parts = {"network": NetworkConfig, "training": TrainingConfig, "execution": ExecutionConfig}
given.pop("soft"), given.pop("limits")
saved = Saving.after_update

def killed(saving):
    saved(saving)
    if saving.training.updates == 7:
        os.kill(os.getpid(), signal.SIGKILL)

Saving.after_update = killed
complete(MemorizerConfig(**(given | {key: kind(**given[key]) for key, kind in parts.items()})), progress=False)
"""
    ended = subprocess.run([sys.executable, "-c", script, json.dumps(asdict(configs["a"]))])
    assert ended.returncode == -signal.SIGKILL
    path = checkpoint_path(make_plan(configs["a"]), 0)
    assert checkpoint.load(path, LimitsConfig())[1]["updates"] == "7" and not cell_path(configs["a"]).exists()
    assert run(configs["a"]) == run(configs["b"])
    assert same_tensors(kept(configs["a"], 0), kept(configs["b"], 0))


def test_a_checkpoint_of_another_network_is_refused_with_both_shapes(tmp_path, learned):
    config = short(tmp_path)
    plan = make_plan(config)
    path = cell_path(learned)
    tensors, kept_facts = checkpoint.load(path.with_name(f"{path.stem}.weights") / "0.safetensors", LimitsConfig())
    del kept_facts["format"]
    checkpoint.save(checkpoint_path(plan, 0), tensors, kept_facts)
    with pytest.raises(UserError, match="not a training to go on with"):
        run(config)
    progress = {"updates": "1", "seconds": "0", "notes": "{}"}
    checkpoint.save(checkpoint_path(plan, 0), tensors, kept_facts | progress)
    with pytest.raises(UserError, match=r"word_embeddings.weight has shape \(15, 32\), but here .* \(14, 32\)"):
        run(config)
    checkpoint_path(plan, 0).write_bytes(b"half of i")
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        run(config)


def test_a_failure_is_a_row_with_its_reason(tmp_path):
    config = tiny(tmp_path)
    record_failure(config, RuntimeError("out of\nwords"))
    (row,) = facts(config)
    assert (row["restart"], row["status"], row["outcomes"]) == (None, "failed", "RuntimeError: out of words")
    (_, done) = run(short(tmp_path)), facts(config)
    assert len(done) == 1  # another cell


def test_a_cell_that_another_process_writes_is_locked(tmp_path):
    config = short(tmp_path)
    with CellWriter(cell_path(config), "restarts: 1\n", MEMORIZED):
        script = f"""
from pathlib import Path
from neurocomp.results.columns import MEMORIZED
from neurocomp.results.writer import CellLocked, CellWriter
try:
    CellWriter(Path({str(cell_path(config))!r}), "restarts: 1\\n", MEMORIZED)
except CellLocked:
    print("locked")
"""
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout == "locked\n"
        with pytest.raises(CellLocked):
            run(config)


def test_results_of_another_kind_are_refused(tmp_path):
    config = short(tmp_path)
    path = cell_path(config)
    path.parent.mkdir(parents=True)
    path.write_text("task,init,restart\ninc,inc,0\n")
    for reading in (lambda: check(config), lambda: run(config)):
        with pytest.raises(UserError, match="its header lacks language, network"):
            reading()


def test_a_cell_is_another_for_anything_but_what_has_no_effect(tmp_path):
    one = tiny(tmp_path)
    for same in ({"restarts": 9}, {"threads": 2}, {"only": 3}, {"save_weights": True},
                 {"training": replace(one.training, save_every=1.0)}):  # fmt: skip
        assert cell_path(replace(one, **same)) == cell_path(one), same
    others = [{"seed": 1}, {"programs": 2}, {"include": ["add"]}, {"lines": 14}, {"precision": "bfloat16"},
              {"training": replace(one.training, check=5)}, {"network": replace(one.network, layers=2)}]  # fmt: skip
    assert len({cell_path(replace(one, **other)).name for other in others} - {cell_path(one).name}) == len(others)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UserError, match="^device=cuda: not available here; expected one of cpu$"):
        check(tiny(tmp_path, device="cuda"))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"include": ["ad"]}, 'ad: cannot be read .*did you mean "add"'),
        ({"include": ["multiply"], "memory": 5}, "multiply.subleq:2: address 5 is out of range, expected one of 0 to"),
        ({"include": ["multiply"], "lines": 8}, r"multiply: 8 instructions, expected at most 7 \(lines - 1\)"),
        ({"programs": 0}, "nothing to memorize"),
        ({"length": 14}, "length=14: expected at most lines=13"),
    ],
)
def test_what_cannot_be_memorized_is_refused_before_anything_runs(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        check(tiny(tmp_path, **changes))
    assert not list(tmp_path.iterdir())


def test_the_command_prints_the_restart_that_only_asks_for(command, tmp_path):
    words = ("run", "experiment=real_programs", "programs=0", "include=[add]", "length=9", "lines=13", "memory=7",
             "network.hidden=32", "network.intermediate=48", "network.layers=1", "training.updates=2",
             "training.batch=4", "restarts=1", "save_weights=false", "threads=1")  # fmt: skip
    answer = command(*words, "only=1", "--json")
    assert answer.code == 0, answer.err
    row = json.loads(answer.out)
    assert (row["restart"], row["included"], row["updates"], row["batch_size"]) == (1, "add", 2, 4)
    assert not list(tmp_path.rglob("*.csv"))
    broken = command(*words, "device=cuda" if not torch.cuda.is_available() else "device=tpu")
    assert broken.code == 2 and "not available here" in broken.err and broken.err.count("\n") == 1

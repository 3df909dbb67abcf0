"""A training is gone on with if the file is what this restart left: anything else is one line that names the file."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest
import torch

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.memorizer import checkpoint
from neurocomp.memorizer.config import TrainingConfig
from neurocomp.memorizer.plan import make_plan
from neurocomp.memorizer.saving import Saving, checkpoint_path
from neurocomp.memorizer.soft import are_notes
from tests.jobs import cell_path
from tests.test_memorizer import run, short


class Stopped(KeyboardInterrupt):
    """An interrupt that this file caused."""


def stopped(config, after: int = 4):
    """The path of a training's checkpoint after so many of its 7 updates, its tensors and its facts."""
    saved = Saving.after_update

    def stop(saving):
        saved(saving)
        if saving.training.updates == after:
            raise Stopped

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Saving, "after_update", stop)
        run(config)
    path = checkpoint_path(make_plan(config), 0)
    tensors, facts = checkpoint.load(path, LimitsConfig())
    del facts["format"]
    return path, tensors, facts


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    config = short(tmp_path_factory.mktemp("interrupted"))
    return config, *stopped(config)


def refused(config, path, tensors, facts) -> str:
    """The one line at such a file, which is left as it is; nothing is written."""
    checkpoint.save(path, tensors, facts)
    before = path.read_bytes()
    with pytest.raises(UserError) as error:
        run(config)
    assert path.read_bytes() == before and not cell_path(config).exists()
    message = str(error.value)
    assert message.startswith(f"{path}: ") and message.endswith("; move it away to begin anew") and "\n" not in message
    return message.removeprefix(f"{path}: ").removesuffix("; move it away to begin anew")


FACTS = {
    "updates is -5, expected a whole number from 1 to 7": {"updates": "-5"},
    "updates is 0, expected a whole number from 1 to 7": {"updates": "0"},
    "updates is 8, expected a whole number from 1 to 7": {"updates": "8"},
    "updates is 4.5, expected a whole number from 1 to 7": {"updates": "4.5"},
    "updates is ４, expected a whole number from 1 to 7": {"updates": "４"},
    "optimizer.0.step is 4, expected 7, as many as its updates": {"updates": "7"},
    "seconds is nan, expected a number >= 0": {"seconds": "nan"},
    "seconds is inf, expected a number >= 0": {"seconds": "inf"},
    "seconds is -1, expected a number >= 0": {"seconds": "-1"},
    "seconds is soon, expected a number >= 0": {"seconds": "soon"},
    "notes is {, expected an object in JSON": {"notes": "{"},
    "notes is [], expected an object in JSON": {"notes": "[]"},
    'notes is {"best": 3}, which is not what is known after 4 updates': {"notes": '{"best": 3}'},
    'scaler is {"scale": 2.0}, expected one such as {}': {"scaler": '{"scale": 2.0}'},
    "scaler is null, expected an object in JSON": {"scaler": "null"},
    "of restart 1, expected 0": {"restart": "1"},
    "not a training to go on with": {"notes": None},
}


@pytest.mark.parametrize("message", FACTS)
def test_a_fact_that_cannot_be_is_refused(interrupted, message):
    config, path, tensors, facts = interrupted
    changed = {key: value for key, value in (facts | FACTS[message]).items() if value is not None}
    assert refused(config, path, tensors, changed) == message


def test_a_training_of_another_configuration_or_of_none_is_refused(interrupted, tmp_path):
    config, path, tensors, facts = interrupted
    other = make_plan(replace(config, seed=9))
    said = f"of config_hash {other.config_hash}, expected {make_plan(config).config_hash}"
    assert refused(config, path, tensors, facts | {"config_hash": other.config_hash}) == said
    older = {key: value for key, value in facts.items() if key != "config_hash"}
    assert refused(config, path, tensors, older).startswith("of config_hash unknown, expected ")


def moment(name):
    return f"optimizer.1.{name}"


TENSORS = {
    r"optimizer.0.exp_avg has shape no such tensor, but here the training's has \(14, 32\)": {
        f"optimizer.{index}.{name}": None for index in range(25) for name in ("exp_avg", "exp_avg_sq", "step")
    },
    r"optimizer.1.step has shape no such tensor, but here the training's has \(\)": {moment("step"): None},
    r"optimizer.1.step is 3, expected 4, as many as its updates": {moment("step"): torch.tensor(3.0)},
    r"optimizer.1.exp_avg has shape \(2, 16\), but .*": {moment("exp_avg"): torch.zeros(2, 16)},
    r"optimizer.1.exp_avg is float64, but here the training's has float32": {
        moment("exp_avg"): torch.zeros(2, 32, dtype=torch.float64)
    },
    r"optimizer.1.exp_avg_sq\[0, 0\] is inf, expected a finite number; .*": {
        moment("exp_avg_sq"): torch.full((2, 32), math.inf)
    },
    r"optimizer.1.exp_avg_sq has a number below 0, expected a mean of squares": {
        moment("exp_avg_sq"): torch.full((2, 32), -1.0)
    },
    r"network.head.bias\[0\] is nan, expected a finite number; .*": {"network.head.bias": torch.full((27,), math.nan)},
    r"generator has shape no such tensor, but .*": {"generator": None},
    r"generator is no state of PyTorch's generator .*": {"generator": torch.full_like(torch.get_rng_state(), 255)},
    r"more has shape \(1,\), but here the training's has no such tensor": {"more": torch.zeros(1)},
}


@pytest.mark.parametrize("message", TENSORS)
def test_tensors_that_cannot_be_are_refused(interrupted, message):
    config, path, tensors, facts = interrupted
    changed = {key: value for key, value in (tensors | TENSORS[message]).items() if value is not None}
    found = refused(config, path, changed, facts)
    assert re.fullmatch(message, found), found


def test_a_file_cut_short_and_a_folder_are_refused(interrupted):
    config, path, tensors, facts = interrupted
    checkpoint.save(path, tensors, facts)
    whole = path.read_bytes()
    for size in (0, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match="cannot be read as safetensors .*; move it away to begin anew$"):
            run(config)
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match="is a folder, expected a file; move it away to begin anew$"):
        run(config)
    path.rmdir()


def test_a_training_whose_weights_are_lost_leaves_its_last_good_checkpoint(tmp_path, monkeypatch):
    config = short(tmp_path)
    after = Saving.after_update

    def lost(saving):
        if saving.training.updates == 3:
            with torch.no_grad():
                saving.training.network.head.bias[0] = math.nan
        after(saving)
        if saving.training.updates == 3:
            raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Saving, "after_update", lost)
        run(config)
    assert checkpoint.load(checkpoint_path(make_plan(config), 0), LimitsConfig())[1]["updates"] == "2"
    assert run(config) == run(short(tmp_path / "whole"))


def test_float16_goes_on_with_its_scaler(tmp_path):
    """Updates whose gradients overflow are skipped: so many steps the optimizer made less."""
    config = short(tmp_path, precision="float16")
    path, tensors, facts = stopped(config)
    assert json.loads(facts["scaler"])["scale"] > 0
    bad = json.dumps(json.loads(facts["scaler"]) | {"scale": -1})
    assert refused(config, path, tensors, facts | {"scaler": bad}).startswith(f"scaler is {bad}, expected one such as")
    checkpoint.save(path, tensors, facts)
    assert run(config) == run(short(tmp_path / "whole", precision="float16"))


def test_notes_of_a_soft_task_are_those_of_its_last_look():
    """The first look is after 5 updates: before it there are no notes, after it there are."""
    best = {"updates": 5, "loss": 0.4, "accuracy": 0.7, "accuracy_a": None}
    notes = {"best": best, "judged_s": 0.1}
    assert are_notes(5, {}, 4) and are_notes(5, notes, 5) and are_notes(5, notes, 9)
    wrong = [{}, {"best": best}, {"judged_s": 0.1}, notes | {"more": 1}, notes | {"judged_s": math.nan}, {"best": 3}]
    changes = ({"updates": 10}, {"loss": "low"}, {"accuracy": 1.5}, {"accuracy": math.nan}, {"status": "x"})
    wrong += [notes | {"best": best | change} for change in changes]
    assert not any(are_notes(5, one, 9) for one in wrong)
    assert not are_notes(5, notes, 4)


def test_a_limit_reached_is_gone_on_with_from_its_end(tmp_path):
    """The kill came between the last update and the row."""
    config = short(tmp_path)
    stopped(config, after=7)
    assert run(config) == run(short(tmp_path / "whole"))


def test_updates_beyond_what_the_configuration_allows_are_another_training(tmp_path):
    longer = replace(short(tmp_path), training=TrainingConfig(batch=2, updates=9, save_every=0.0))
    config = short(tmp_path)
    _, tensors, facts = stopped(longer, after=8)
    assert refused(config, checkpoint_path(make_plan(config), 0), tensors, facts).startswith("of config_hash ")

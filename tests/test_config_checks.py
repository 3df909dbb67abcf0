"""Configurations in Python: what is refused however it got there, and what may be there."""

from __future__ import annotations

import numpy as np
import pytest

from neurocomp.cli.compose import configure
from neurocomp.config import OptimizerConfig, RunConfig
from neurocomp.errors import UserError, checked
from neurocomp.memorizer.plan import make_plan as make_memorizer_plan
from neurocomp.pipeline import run_cell
from neurocomp.plan import make_plan
from neurocomp.results.identity import cell_name, file_stem
from tests.jobs import complete


@pytest.fixture
def config(tmp_path) -> RunConfig:
    return configure(["task=inc", f"results={tmp_path}", "restarts=1"])


BELOW = "expected the name of one folder below results, such as mine"


@pytest.mark.parametrize(
    "name, shown",
    [("../../x", "../../x"), ("/abs", "/abs"), ("a/b", "a/b"), ("a\\b", "a\\b"), ("", ""), (" ", " "), (".", "."),
     ("..", ".."), (".hydra", ".hydra"), ("~", "~"), ("a\x00b", "a\\x00b"), ("a\x1b[2J", "a\\x1b[2J"),
     ("a\nb", "a\\nb"),
     ("x" * 201, "x" * 201)],
)  # fmt: skip
def test_a_name_is_one_folder_below_results(config, tmp_path, name, shown):
    config.name = name
    with pytest.raises(UserError) as refusal:
        run_cell(config, progress=False)
    assert str(refusal.value) == f"name={shown}: {BELOW}"
    assert list(tmp_path.iterdir()) == []
    memorizer = configure(["experiment=real_programs"])
    memorizer.name = name
    with pytest.raises(UserError) as refusal:
        complete(memorizer, progress=False)
    assert str(refusal.value) == f"name={shown}: {BELOW}"


@pytest.mark.parametrize(
    "key, value, told",
    [
        ("optimizer.learning_rate", -1, "optimizer.learning_rate=-1.0: expected a number > 0"),
        ("optimizer.learning_rate", "fast", "optimizer.learning_rate=fast: expected a number"),
        ("optimizer.updates", 1.5, "optimizer.updates=1.5: expected a whole number"),
        ("optimizer.updates", True, "optimizer.updates=True: expected a whole number"),
        ("restarts", "3", "restarts=3: expected a whole number"),
        ("restarts", None, "restarts=None: expected a whole number"),
        ("restarts", 0, "restarts=0: expected a number >= 1"),
        ("gamma", float("nan"), "gamma=nan: expected a number >= 0"),
        ("gamma", True, "gamma=True: expected a number"),
        ("save_weights", 2, "save_weights=2: expected true or false"),
        ("name", 5, "name=5: expected text"),
        ("results", "", "results=: expected text on one line"),
        ("measure", "sof", 'measure=sof: expected one of soft, hard, fit, general; did you mean "soft"?'),
        ("machine", None, "machine=None: expected a MachineConfig"),
        ("restart", 5, 'restart: there is no such key; did you mean "restarts"?'),
        ("optimizer.update", 5, 'optimizer.update: there is no such key; did you mean "updates"?'),
    ],
)
def test_what_was_set_afterwards_is_checked_again(config, tmp_path, key, value, told):
    *group, last = key.split(".")
    setattr(getattr(config, group[0]) if group else config, last, value)
    for entry in (make_plan, run_cell):
        with pytest.raises(UserError) as refusal:
            entry(config)
        assert str(refusal.value) == told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "key, value, told",
    [
        ("training.learning_rate", -1, "training.learning_rate=-1.0: expected a number > 0"),
        ("training.learning_rate", float("inf"), "training.learning_rate=inf: expected a number > 0"),
        ("training.clip", float("inf"), "training.clip=inf: expected a number > 0, or null"),
        ("restarts", "5", "restarts=5: expected a whole number"),
        ("include", [5], "include=[5]: expected names of programs, or files, such as [add]"),
        ("include", 5, "include=5: expected names of programs, or files, such as [add]"),
    ],
)
def test_the_memorizers_settings_are_checked_again(key, value, told):
    config = configure(["experiment=real_programs"])
    *group, last = key.split(".")
    setattr(getattr(config, group[0]) if group else config, last, value)
    with pytest.raises(UserError) as refusal:
        make_memorizer_plan(config)
    assert str(refusal.value) == told


def test_numbers_of_numpy_give_the_same_cell(config):
    before = make_plan(config).path
    config.gamma, config.seed, config.optimizer.learning_rate = np.float64(0.3), np.int64(0), np.float32(0.5)
    config.optimizer.learning_rate = np.float64(0.1)
    assert make_plan(config).path == before
    assert type(make_plan(config).config.seed) is int


def test_a_sum_of_steps_gives_the_cell_of_its_decimal(config):
    config.init = "inc"
    before = make_plan(config).path
    config.gamma = float(np.linspace(0.1, 0.9, 9)[2])  # 0.30000000000000004
    assert config.gamma != 0.3 and make_plan(config).path == before


def test_a_configuration_that_is_right_is_the_same_after_the_check():
    assert checked(OptimizerConfig(learning_rate=1 / 3, clip=2.5)) == OptimizerConfig(learning_rate=1 / 3, clip=2.5)


def test_names_of_files_that_fit_stay_and_longer_ones_keep_their_end():
    name = cell_name("map_inc", "map_dec", 0.3, 7, "0123456789abcdef")
    assert name == "map_inc-map_dec-g0.3-s7-0123456789"
    assert file_stem("x" * 230) == "x" * 230
    for letter in "x\u00e9":
        long = file_stem(cell_name(letter * 400, "map_dec", 0.3, 7, "0123456789abcdef"))
        assert len(long.encode()) <= 230 and long.endswith("-map_dec-g0.3-s7-0123456789")

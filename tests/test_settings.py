"""Values that are set in the dataclasses are those that Hydra would compose, and what Hydra refuses is refused."""

from __future__ import annotations

import argparse

import pytest
from hydra.types import RunMode

from neurocomp.cli import compose, settings
from neurocomp.cli.errors import translated
from neurocomp.cli.grids import plain_number
from neurocomp.cli.machines import DIFFERENTIABLE, MEMORIZER
from neurocomp.errors import UserError


def composed(tree, *overrides):
    with translated(), compose._loader(None, tree) as loader:
        whole = compose._compose(loader, tree, list(overrides), RunMode.RUN)
        compose._without_hydra(whole, tree, None)
        return settings.Settings(whole)


def outcome(make, words):
    try:
        with translated():
            return make(words)
    except UserError as error:
        return str(error)


MACHINE_WORDS = [
    ["seed=0"], ["seed=17", "gamma=0.25"], ["seed=-1"], ["seed=1.0"], ["seed=1e3"], ["seed=01"], ["seed=null"],
    ["gamma=1"],
    ["gamma=0.30000000000000004"], ["gamma=-0.5"], ["gamma=.5"], ["gamma=inf"], ["gamma='0.5'"], ["init=map_dec"],
    ["init=5"], ["init='a b'"], ["optimizer.updates=3", "optimizer.learning_rate=0.2"], ["optimizer.clip=null"],
    ["optimizer.clip=1"], ["optimizer.clip=0.5"], ["optimizer.updates=2.5"], ["optimizer.nothing=1"], ["nothing=1"],
    ["optimizer=3"], ["task.base=8"], ["task.steps=30"], ["task.steps='3*length'"], ["task.registers=4"],
    ["task.length=2"],
    ["task.general={base: 9}"], ["task.general.base=9"], ["task.memory=[0,1,2,3,4,5]"], ["save_curves=true"],
    ["save_curves=1"], ["save_curves=2"], ["machine.halting=printed"], ["machine.halting=3"], ["threads=2"],
    ["threads=null"], ["synthesis.constructs=[map,inc]"], ["limits.memory_gb=2"], ["limits.work=1e12"],
    ["gpus=0.5", "workers=2"], ["gpus=0.5"], ["workers=ray"], ["+new=1"], ["restarts=99999999999999999999"],
    ["epsilon=0.1"], ["epsilon=1"], ["name=7"], ["name=x/y"],
]  # fmt: skip


@pytest.mark.parametrize("words", MACHINE_WORDS, ids=" ".join)
def test_a_cell_of_the_machine_is_the_one_that_hydra_composes(words):
    of_task = composed(DIFFERENTIABLE.tree, "task=map_inc")
    assert of_task._base is not None  # else both ways are one
    assert outcome(of_task.config, words) == outcome(of_task._as_hydra_does, words)
    if words[0].startswith("seed="):  # the second time from what was kept of the first
        assert outcome(of_task.config, words) == outcome(of_task._as_hydra_does, words)


@pytest.mark.parametrize("words", [
    ["seed=3", "programs=4"], ["length=300"], ["length=300", "lines=300"], ["programs=0"],
    ["include=[add]", "programs=0"],
    ["training.batch=16"], ["training.batch=null"], ["network.hidden=30"], ["device=cuda"], ["soft.tokens=64"],
], ids=" ".join)  # fmt: skip
def test_a_cell_of_the_memorizer_is_the_one_that_hydra_composes(words):
    of_experiment = composed(MEMORIZER.tree, "experiment=memorization")
    assert of_experiment._base is not None
    assert outcome(of_experiment.config, words) == outcome(of_experiment._as_hydra_does, words)


def test_values_that_refer_to_others_are_left_to_hydra():
    cell = composed(DIFFERENTIABLE.tree, "task=map_inc", "task.length=${task.base}", "task.base=4")
    assert cell._base is None and cell.config(["task.base=5"]).task.length == 5  # type: ignore[union-attr]


@pytest.mark.parametrize("word, found", [
    ("seed=17", ("seed", 17)), ("a.b=-3", ("a.b", -3)), ("gamma=0.3", ("gamma", 0.3)), ("gamma=-1.50", ("gamma", -1.5)),
    ("seed=0", ("seed", 0)), ("seed=017", None), ("seed=-0", None), ("seed=1e3", None), ("seed=1_000", None),
    ("seed=' 1'", None), ("seed=1 ", None), ("seed=1,2", None), ("+seed=1", None), ("seed=99999999999999999999", None),
    ("seed=\u0661", None), ("seed=.5", None), ("seed=1.", None), ("seed=", None),
])  # fmt: skip
def test_plain_numbers_are_those_that_can_be_read_in_one_way(word, found):
    assert plain_number(word) == found


def test_a_grid_over_seeds_is_composed_once(monkeypatch):
    calls = []
    as_hydra_does = settings.Settings._as_hydra_does
    monkeypatch.setattr(settings.Settings, "_as_hydra_does", lambda *given: calls.append(1) or as_hydra_does(*given))
    arguments = argparse.Namespace(overrides=["task=inc", "seed=range(0,500)"], config_dir=None, multirun=True)
    cells = compose.compose_cells(arguments)
    assert [cell.config.seed for cell in cells] == list(range(500)) and not calls

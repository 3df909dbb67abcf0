"""What makes a cell the same cell, and that what runs is what the cell says: seed, precision, engine, starts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from neurocomp import pipeline
from neurocomp.cli.compose import configure
from neurocomp.compilation.compiler import compile_program
from neurocomp.config import (
    AnnealingConfig,
    ObjectiveConfig,
    OptimizerConfig,
    RunConfig,
    SearchConfig,
    SynthesisConfig,
)  # fmt: skip
from neurocomp.errors import UserError
from neurocomp.language.assembly import fit, load_program
from neurocomp.machine_config import MachineConfig
from neurocomp.pipeline import run_cell
from neurocomp.plan import Start, make_plan, programs_a_restart, start
from neurocomp.results.made import Made
from neurocomp.results.writer import read_rows
from neurocomp.tasks.examples import held_out, training_examples
from tests.conftest import ROOT
from tests.jobs import cell_path, record_failure, replay
from tests.test_tasks import plain, shipped

MAP_INC = shipped("map_inc", length=2)


def config(**changes) -> RunConfig:
    return RunConfig(**{"task": MAP_INC, "init": "map_inc", "restarts": 3, "examples": 4} | changes)


# What tuning's rows depend on: each of these is another cell.
OTHERS = [
    {"seed": 1}, {"gamma": 0.2}, {"epsilon": 1e-5}, {"examples": 5}, {"precision": "float64"}, {"engine": "eager"},
    {"init": "map_dec"}, {"init": "random"}, {"method": "local_search"}, {"limit": 2.0},
    *({"objective": ObjectiveConfig(**one)} for one in ({"registers": True}, {"efficiency": 0.1}, {"loss": "softmax"})),
    *({"optimizer": OptimizerConfig(**one)} for one in (
        {"learning_rate": 0.2}, {"updates": 999}, {"beta1": 0.8}, {"beta2": 0.9}, {"epsilon": 1e-7}, {"clip": 1.0},
        {"hold": 9}, {"stop": "fit"},
    )),
    *({"machine": MachineConfig(**one)} for one in (
        {"writeback": "printed"}, {"memory_law": "printed"}, {"jump_law": "printed"}, {"halting": "printed"},
        {"controller": "mix_of_softmax"}, {"mod_by_zero": "dividend"},
    )),
]  # fmt: skip


def test_whatever_tuning_depends_on_makes_another_cell():
    paths = [cell_path(config(**other)) for other in [{}, *OTHERS]]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("method", ["random_search", "enumerate", "local_search", "annealing"])
def test_whatever_a_search_depends_on_makes_another_cell(method):
    others = [
        {}, {"seed": 1}, {"examples": 5}, {"search": SearchConfig(2.0)}, {"optimizer": OptimizerConfig(updates=999)},
        {"optimizer": OptimizerConfig(stop="fit")}, {"machine": MachineConfig(halting="printed")},
        {"machine": MachineConfig(mod_by_zero="dividend")},
        {"machine": MachineConfig(jump_target="operand"), "task": replace(MAP_INC, lines=5, registers=5)},
        {"limit": 2.0},
    ]  # fmt: skip
    if method == "annealing":  # as many programs as the others; what is its own comes on top
        others = [{"annealing": AnnealingConfig(programs=None)} | other for other in others]
        own = [{"programs": 7}, {"temperature": 0.1}, {"fresh": 7}]
        others += [{}, *({"annealing": AnnealingConfig(**one)} for one in own)]
    paths = [cell_path(config(method=method, **other)) for other in others]
    assert len(set(paths)) == len(paths)


def test_whatever_synthesis_depends_on_makes_another_cell():
    others = [{}, {"candidates": 9}, {"seconds": 9.0}, {"padding": "start"}, {"noops": 1}, {"constructs": ["map"]}]
    for method in ("synthesize", "tune"):
        paths = {cell_path(config(method=method, init="synth", synthesis=SynthesisConfig(**one))) for one in others}
        assert len(paths) == len(others)


def test_another_program_under_the_same_name_is_another_cell(tmp_path):
    paths = set()
    for text in ("noop", "halt", "inc 0 1"):
        (tmp_path / "mine.asm").write_text(text)
        paths.add(cell_path(config(init=str(tmp_path / "mine.asm"))))
    assert len(paths) == 3


@pytest.mark.parametrize("task", ["fib", "map_inc", "parity"])
@pytest.mark.parametrize("init", ["random", "map_inc", "map_dec", "loop_noop"])
def test_the_default_cells_are_those_whose_rows_are_committed(task, init):
    """No default that rows depend on has changed, and no new key changes a hash."""
    path = cell_path(configure([f"task={task}", f"init={init}", "name=table1", f"results={ROOT / 'results'}"]))
    assert path.is_file(), path
    assert set(read_rows(path)["config_hash"]) == {make_plan(configure([f"task={task}", f"init={init}"])).config_hash}


# --- what runs


def test_weights_and_examples_are_those_of_seed_and_restart():
    """Restarts 4, 2 and 7 of seed 3, from two programs in turn: each as it would be by itself."""
    plan = make_plan(config(seed=3))
    programs = [fit(load_program(name), plan.task.sizes) for name in ("map_inc", "map_dec")]
    plan, unseen = replace(plan, starts=tuple(map(Start, programs))), held_out(plan.task, 3)
    logits, batch = start(plan, unseen, [4, 2, 7])
    for lane, restart in enumerate([4, 2, 7]):
        assert plan.start_of(restart).program is programs[restart % 2]
        (own,) = compile_program(programs[restart % 2], plan.task.sizes, plan.task.machine, gamma=0.3, epsilon=1e-6,
                                 seed=3, restarts=[restart])  # fmt: skip
        assert torch.equal(logits[lane], own)
        examples = training_examples(plan.task, unseen, 3, restart, 4)
        assert torch.equal(batch.start.memory[lane].argmax(-1), torch.from_numpy(examples.memory))
        assert torch.equal(batch.targets.memory[lane], torch.from_numpy(examples.final_memory)[:, :2])


@pytest.mark.parametrize("precision, dtype", [("float32", torch.float32), ("float64", torch.float64)])
def test_precision_is_that_of_weights_and_states(precision, dtype):
    plan = make_plan(config(precision=precision))
    logits, batch = start(plan, held_out(plan.task, 0), [0])
    assert logits.dtype == batch.start.memory.dtype == batch.start.halted.dtype == dtype


def test_engines_are_chosen_by_device():
    assert make_plan(config()).engine == "fused" and make_plan(config(engine="eager")).engine == "eager"
    assert make_plan(config(method="enumerate")).engine == "executor"


@pytest.mark.parametrize("only", [None, 2])
def test_restarts_are_judged_on_the_held_out_examples_of_their_seed(monkeypatch, tmp_path, only):
    judged = []

    def produce(plan, unseen, batches, bar):
        judged.append(unseen)
        for restarts in batches:
            same = {"seed": plan.config.seed, "task": "t", "init": "i", "method": "m", "gamma": 1, "config_hash": "h"}
            yield Made([same | {"restart": restart, "status": "exhausted"} for restart in restarts])

    monkeypatch.setitem(pipeline.METHODS, "tune", produce)
    for seed in (0, 5):
        given = config(seed=seed, only=only, results=str(tmp_path))
        run = run_cell if only is None else replay
        run(given, progress=False)
        for part in ("test", "validation"):
            own = getattr(held_out(make_plan(given).task, seed), part)
            assert all((one == other).all() for one, other in zip(getattr(judged[-1], part), own, strict=True))


def test_a_search_may_run_the_programs_that_updates_and_budget_come_to():
    for budget, updates, programs in ((0.29, 100, 29), (1.0, 7, 7), (2.5, 3, 7), (0.07, 100, 7)):
        given = config(search=SearchConfig(budget), optimizer=OptimizerConfig(updates=updates))
        assert programs_a_restart(given) == programs


def test_a_failed_row_says_why(tmp_path):
    given = config(results=str(tmp_path), seed=2)
    record_failure(given, RuntimeError("it\nbroke"))
    (row,) = read_rows(cell_path(given)).to_dict("records")
    assert (row["status"], row["program"], row["seed"]) == ("failed", "RuntimeError: it broke", 2)


# --- values

OPERAND = MachineConfig(jump_target="operand")


@pytest.mark.parametrize("changes", [
    lambda: config(gamma=float("nan")), lambda: config(gamma=float("inf")), lambda: config(restarts=0),
    lambda: OptimizerConfig(beta1=1.0), lambda: OptimizerConfig(beta2=1.0), lambda: OptimizerConfig(updates=-1),
    lambda: OptimizerConfig(learning_rate=float("nan")), lambda: config(epsilon=1.0),
    lambda: make_plan(config(machine=OPERAND, task=replace(MAP_INC, registers=6))),
    lambda: make_plan(config(machine=OPERAND, task=replace(MAP_INC, registers=4, lines=5))),
])  # fmt: skip
def test_values_that_are_none_are_refused(changes):
    with pytest.raises(UserError):
        changes()


def test_the_least_values_are_accepted():
    given = config(gamma=0, restarts=1, seed=0, examples=1, chunk=1, optimizer=OptimizerConfig(updates=0, hold=1))
    assert cell_path(given).name.startswith("map_inc-map_inc-g0-s0-")


def test_a_task_by_another_path_is_the_same_cell(tmp_path):
    paths = set()
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.asm").write_text("inc 0 0\nwrite 1 0")
        task = plain(program=str(tmp_path / folder / "p.asm"))
        paths.add(cell_path(config(task=task, init="reference")).name)
    assert len(paths) == 1

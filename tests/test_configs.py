"""Every file under configs/ composes, and every task does what its first comment line says."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import pytest

from neurocomp.cli.compose import Cell, compose_cells
from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.language import interpreter
from neurocomp.language.assembly import fit, format_program, load_program
from neurocomp.limits.estimates import ENUMERABLE
from neurocomp.machine_config import MachineConfig
from neurocomp.plan import make_plan, programs_a_restart
from neurocomp.tasks.examples import held_out
from neurocomp.tasks.task import Task, load_task
from neurocomp.tasks.verification import hard
from tests.jobs import cell_path
from tests.test_tasks import after_swap, value_in_list

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


# Those of readings close to the paper (paper_*, short_*) are variants of these.
REFERENCES = [name for name in options("task") if not name.startswith(("paper_", "short_"))]


@functools.cache
def compose(*overrides: str) -> list[Cell]:
    return compose_cells(argparse.Namespace(overrides=list(overrides), multirun=False, config_dir=None))


@functools.cache
def task(name: str) -> Task:
    config = compose(f"task={name}")[0].config
    return load_task(config.task, config.machine)


@pytest.mark.parametrize("group", ["machine", "optimizer", "objective"])
def test_every_option_of_a_group_composes(group: str):
    for option in options(group):
        assert compose("task=inc", f"{group}={option}")


TOGETHER = {
    "table1": {"synthesis", "both", "both_hard", "baselines"},
    "arena": {"arena_long", "arena_inits", "arena_learners", "arena_fresh"},
    "abstractions": {"abstractions_given"},
    "abstractions_near": {"abstractions_repair"},
}


@pytest.mark.parametrize("experiment", sorted(set(options("experiment")) - {"none"}))
def test_every_cell_of_an_experiment_composes_under_its_name(experiment: str):
    cells = compose(f"experiment={experiment}")
    assert len(cells) > 1
    name = next((name for name, others in TOGETHER.items() if experiment in others), experiment)
    assert {cell.config.name for cell in cells} == {name}


@pytest.mark.parametrize(
    "experiment, cells",
    [
        ("table1", 6 * 4),
        ("synthesis", 6),
        ("both", 6 * 2),
        ("baselines", 6 * (1 + 1 + 4)),  # random search and enumeration start from nothing: once a task
        ("transfer", 6 * 7),
        ("gamma", 6 * 9),
        ("arena", 12 * 6),
        ("arena_long", 12 * 6),
        ("arena_inits", 12 * 4 * 3),
        ("arena_learners", 12 * 2 * 2),
        ("both_hard", 6 * 2),
        ("abstractions", 48 * 2),
        ("abstractions_given", 3),
        ("abstractions_near", 6 * 2 * 2),
    ],
)
def test_an_experiment_has_as_many_different_cells(experiment: str, cells: int):
    assert len({cell_path(cell.config) for cell in compose(f"experiment={experiment}")}) == cells


def test_no_budget_of_the_arena_is_smaller_than_a_method_can_take():
    """enumerate keeps no more programs apart, and would be refused; the others need hours for these."""
    for experiment, limit, restarts in (("arena", 10, 10), ("arena_long", 60, 5), ("arena_inits", 1, 20)):
        for config in (cell.config for cell in compose(f"experiment={experiment}")):
            assert (config.limit, config.seed, config.restarts, config.threads) == (limit, 14, restarts, 1)
            assert programs_a_restart(config) == (10**9 if config.method == "annealing" else ENUMERABLE)
            assert config.optimizer.updates == 5 * 10**6 and config.synthesis.seconds > 10 * limit


def test_the_committed_rows_are_those_of_table1():
    """Nothing that was added since has changed what these cells are."""
    for cell in compose("experiment=table1"):
        assert (CONFIGS.parent / cell_path(cell.config)).is_file()


def test_the_gamma_experiment_starts_each_task_from_its_own_program():
    for cell in compose("experiment=gamma"):
        plan = make_plan(cell.config)
        assert plan.init == cell.config.task.name and plan.starts[0].program == plan.task.reference


def test_on_the_machine_of_transfer_every_task_is_solved_by_its_own_program():
    for cell in compose("experiment=transfer"):
        plan = make_plan(cell.config)
        assert plan.task.sizes[1:] == (7, 9)
        if plan.init == plan.task.name:
            text = format_program(plan.starts[0].program)
            assert hard([text], held_out(plan.task, seed=0).validation, plan.task)[0]


def test_table1_has_each_published_task():
    published = (CONFIGS.parent / "neurocomp/published/table1.csv").read_text().splitlines()[0].split(",")[1:]
    assert {cell.config.task.name for cell in compose("experiment=table1")} == set(published)


def test_a_default_is_the_dataclass_default():
    """The default options add nothing, so that a default has one place."""
    config = compose("task=inc")[0].config
    assert (config.machine, config.optimizer, config.objective) == (
        MachineConfig(),
        OptimizerConfig(),
        ObjectiveConfig(),
    )


@pytest.mark.parametrize("name", REFERENCES)
def test_a_task_file_is_named_after_its_task_and_fits_its_general_sizes(name: str):
    loaded = task(name)
    assert loaded.name == name
    assert loaded.general is not None
    assert loaded.general.sizes.base > loaded.sizes.base


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("init", ["map_inc", "map_dec", "loop_noop"])
def test_the_initializations_of_table1_fit_every_task(name: str, init: str):
    sizes = task(name).sizes
    assert len(fit(load_program(init), sizes, init)) == sizes.lines


# What the checked cells must hold, from the meaning of the task: memory, list length, base -> {cell: word}.
CLAIMS = {
    "inc": lambda m, n, b: {0: m[m[0] + 1]},
    "inc_value": lambda m, n, b: {0: (m[0] + 1) % b},
    "map_inc": lambda m, n, b: {i: (m[i] + 1) % b for i in range(n)},
    "map_dec": lambda m, n, b: {i: (m[i] - 1) % b for i in range(n)},
    "reduce": lambda m, n, b: {3: (m[0] + m[1] + m[2]) % b},
    "parity": lambda m, n, b: {i: m[i] % 2 for i in range(n)},
    "parity_bits": lambda m, n, b: {n: sum(m[:n]) % 2},
    "fib": lambda m, n, b: dict(enumerate([1 % b, 2 % b, 3 % b, 5 % b, 8 % b, 13 % b, 21 % b][:n])),
    "access": lambda m, n, b: {0: m[m[0]]},
    "swap": lambda m, n, b: dict(enumerate(after_swap(m), start=2)),
    "list_k": lambda m, n, b: {0: value_in_list(m, n)},
    "reverse": lambda m, n, b: {2 * n - 1 - i: m[i] for i in range(n)},
}
LENGTHS = {
    "map_inc": (3, 5), "map_dec": (3, 5), "parity": (3, 5), "parity_bits": (3, 5), "fib": (5, 7), "list_k": (3, 4),
    "reverse": (3, 5),
}  # fmt: skip


def memories(loaded: Task) -> list[list[int]]:
    """Start memories within the task's ranges: the lowest words, the highest, and mixtures."""
    ranges = loaded.ranges[: loaded.sizes.base]
    mixed = [[low + (7 * k + 3 * i * k) % (high - low + 1) for i, (low, high) in enumerate(ranges)] for k in range(25)]
    return [*mixed, [high for _, high in ranges]]


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_does_what_its_task_file_says(name: str, general: bool):
    training = task(name)
    loaded = training.general if general else training
    assert loaded is not None and loaded.reference is not None
    base = loaded.sizes.base
    length = LENGTHS.get(name, (0, 0))[general]
    registers = [low for low, _ in loaded.ranges[base:]]
    for memory in memories(loaded):
        expected = CLAIMS[name](memory, length, base)
        left = interpreter.run(loaded.reference, memory, registers, base=base, steps=loaded.steps)
        assert set(loaded.checked_memory) == set(expected)
        assert {cell: left.memory[cell] for cell in expected} == expected

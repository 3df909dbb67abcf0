"""Grids: the cells that run are those that were asked for, or one line says why none does."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from neurocomp.cli.compose import Request, compose_request, configure, to_config
from neurocomp.cli.grids import first_of, parse_overrides
from neurocomp.errors import UserError

QUICK = ("restarts=1", "optimizer.updates=1")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Hydra sets up logging for the whole process, and a command ends with its process; tests share one."""
    root, own = logging.getLogger(), logging.getLogger("hydra._internal.hydra")
    level, handlers = root.level, root.handlers[:]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    own.setLevel(logging.NOTSET)


def request(*overrides: str, config_dir: str | None = None, multirun: bool = True) -> Request:
    return compose_request(Namespace(overrides=list(overrides), config_dir=config_dir, multirun=multirun))


def values(key: str, *overrides: str) -> list:
    return [getattr(cell.config, key) for cell in request("task=inc", *overrides).cells]


@pytest.mark.parametrize(
    "given, expected",
    [
        ("gamma=range(0.1,0.4,0.1)", [0.1, 0.2, 0.3]),
        ("gamma=range(0.3,0,-0.1)", [0.3, 0.2, 0.1]),
        ("gamma=range(0,1,0.25)", [0, 0.25, 0.5, 0.75]),
        ("gamma=range(1e-3,5e-3,1e-3)", [0.001, 0.002, 0.003, 0.004]),
        ("gamma=range(start=0.7,stop=1.0,step=0.1)", [0.7, 0.8, 0.9]),
        ("gamma=sort(range(0.1,0.4,0.1),reverse=true)", [0.3, 0.2, 0.1]),
        ("gamma=0.1,0.1,0.10", [0.1]),
        ("gamma=tag(a,choice(0.1,0.2))", [0.1, 0.2]),
        ("seed=sort(range(7,0,-3))", [1, 4, 7]),
        ("seed=sort(range(7,0,-3),reverse=true)", [7, 4, 1]),
        ("seed=range(3)", [0, 1, 2]),
        ("seed=range(10,1,-4)", [10, 6, 2]),
        ("seed=sort(3,1,2)", [1, 2, 3]),
        ("seed=choice(5)", [5]),
        ("seed=5", [5]),
    ],
)
def test_a_sweep_is_the_values_that_it_says(given, expected):
    key = given.partition("=")[0]
    assert values(key, given) == expected


def test_a_shuffled_range_is_the_same_cells_in_any_order():
    assert sorted(values("seed", "seed=shuffle(range(0,5))")) == [0, 1, 2, 3, 4]


def test_a_range_of_a_learning_rate_has_decimals_too():
    cells = request("task=inc", "optimizer.learning_rate=range(0.1,0.4,0.1)").cells
    assert [cell.config.optimizer.learning_rate for cell in cells] == [0.1, 0.2, 0.3]


def test_hydra_is_given_the_cells_that_were_checked():
    asked = request("task=glob(map_*)", "gamma=range(0.1,0.4,0.1)", "hydra.job.name=x")
    assert asked.overrides == ["hydra.job.name=x", "task=map_dec,map_inc", "gamma=0.1,0.2,0.3"]
    first, second = asked.cells[:2]
    assert (first.overrides, second.overrides) == (["task=map_dec", "gamma=0.1"], ["task=map_dec", "gamma=0.2"])


def test_the_grid_of_an_experiment_is_worked_out_the_same_way(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"
        "      gamma: range(0.1,0.4,0.1)\n      seed: sort(range(7,0,-3))\n      task: glob(map_*)\n"
    )
    asked = request("experiment=mine", config_dir=str(tmp_path), multirun=False)
    assert asked.overrides == ["gamma=0.1,0.2,0.3", "seed=1,4,7", "task=map_dec,map_inc", "experiment=mine"]
    assert len(asked.cells) == 3 * 3 * 2


@pytest.mark.parametrize("given", [
    ["experiment=both"],
    ["task=map_inc,fib", "gamma=0,0.5", "task.length=2,3", "machine=printed,default", "optimizer={updates:7}",
     "optimizer.hold=2,5", "init='${task.name}'"],
])  # fmt: skip
def test_a_cell_of_a_grid_is_what_hydra_composes_for_its_job(given):
    cells = request(*given).cells
    with initialize_config_module("neurocomp.configs", version_base="1.3"):
        for cell in cells[:: len(cells) // 7]:
            assert cell.config == to_config(compose("run", cell.overrides))


def test_a_sum_of_steps_from_python_is_the_decimal_that_it_stands_for():
    assert configure(["task=inc", f"gamma={0.1 + 0.2}"]).gamma == 0.3
    assert configure(["task=inc", f"gamma={1 / 3}"]).gamma == 1 / 3


TASKS = (
    "access, fib, inc, inc_value, list_k, map_dec, map_inc, paper_fib, paper_inc, paper_map_dec, paper_map_inc, "
    "paper_parity, paper_reduce, parity, parity_bits, reduce, reverse, short_fib, short_map_dec, short_map_inc, "
    "short_parity, swap"
)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["-m", "task=[map_inc,map_dec]"],
         "task=[map_inc,map_dec]: a list is one value, expected a grid of several: -m task=map_inc,map_dec"),
        (["task=[map_inc,map_dec]"],
         "task=[map_inc,map_dec]: a list is one value, expected a grid of several: -m task=map_inc,map_dec"),
        (["-m", "task=inc", "machine=[printed,default]"],
         "machine=[printed,default]: a list is one value, expected a grid of several: -m machine=printed,default"),
        (["-m", "task=inc", "gamma=[0.1,0.2]"],
         "gamma=[0.1,0.2]: a list is one value, expected a grid of several: -m gamma=0.1,0.2"),
        (["-m", "task=glob(zzz*)"], f"task=glob(zzz*): an empty grid, choose from {TASKS}"),
        (["-m", "task=inc", "gamma=glob(*)"], "gamma=glob(*): an empty grid, gamma is no group of files"),
        (["-m", "task=inc", "seed=range(5,1)"], "seed=range(5,1): an empty grid, expected at least one value"),
        (["-m", "task=inc", "seed=choice()"], "seed=choice(): empty choice is not legal"),
        (["-m", "task=inc", "gamma=range(0.1,0.4,0)"],
         "gamma=range(0.1,0.4,0): expected finite numbers and a step other than 0"),
        (["-m", "task=inc", "seed=range(0,1000000000)"],
         "seed=range(0,1000000000): 1,000,000,000 values, expected at most 100,000"),
        (["-m", "task=inc", "seed=range(2000)", "gamma=range(0,1,0.01)"],
         "a grid of 200,000 cells: expected at most 100,000"),
        (["-m", "task=inc", "gamma=interval(0,1)"],
         "gamma=interval(0,1): a grid takes no interval, expected values, a range, or hydra/sweeper=optuna"),
        (["-m", "experiment=gamma,transfer"],
         "experiment=gamma,transfer: gamma has a grid of its own; run one after the other: "
         "neurocomp run experiment=gamma; neurocomp run experiment=transfer"),
        (["-m", "experiment=table1,table1_paper,transfer"],
         "experiment=table1,table1_paper,transfer: table1 has a grid of its own; run one after the other: neurocomp "
         "run experiment=table1; neurocomp run experiment=table1_paper; neurocomp run experiment=transfer"),
        (["-m", "task=inc", "hydra/sweeper=optuna"],
         "hydra/sweeper=optuna: is not installed; pip install hydra-optuna-sweeper, or choose one of basic"),
        (["task=inc", "gamma=${oc.env:HOME}"], "gamma=${oc.env:HOME}: expected a number"),
        (["task=inc", "init=${nope}"], "init: Interpolation key 'nope' not found"),
        (["task=inc", "=1"], '"=1": expected key=value, such as task=map_inc'),
        (["experiment=memorization", "programs=16", "include=5"],
         "include=5: expected names of programs, or files, such as [add]"),
        (["task=inc", "save_weights=2"], "save_weights=2: expected true or false"),
        (["task=inc", "name=true"], 'name=true: would be read as "True"; expected text in quotes'),
        (["task=inc", "task.check={}"], "task.check={}: changes nothing, expected keys with values"),
        (["task=inc", "init=~nobody-here/x.asm"],
         "init=~nobody-here: ~nobody-here is no folder that is known here, expected its path"),
        (["experiment=memorization", "programs=16", "soft.data=sst2"],
         "soft.data=sst2: task=memorize reads no texts; expected one of classify, soft_instruction, soft_imperative"),
    ],
)  # fmt: skip
def test_a_grid_or_value_that_means_something_else_is_one_line(command, tmp_path, monkeypatch, arguments, told):
    monkeypatch.setenv("HOME", str(tmp_path))
    answer = command("run", *arguments)
    assert answer.err.splitlines() == [f"neurocomp: {told}"]
    assert answer.code == 2 and answer.out == "" and list(tmp_path.iterdir()) == []


def test_constructs_are_checked_where_nothing_uses_them(command, tmp_path):
    answer = command("run", "task=inc", "synthesis.constructs=[foo]")
    assert answer.code == 2 and answer.err.count("\n") == 1
    assert answer.err.startswith('neurocomp: synthesis.constructs: unknown construct "foo", expected some of inc, dec,')


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["synth", "experiment=table1"],
         "experiment=table1: a grid of 24 cells, synth takes one, such as task=map_inc"),
        (["synth", "task=inc,fib"], "task=inc,fib: a grid of 2 cells, synth takes one, such as task=map_inc"),
        (["synth", "experiment=real_programs"],
         "experiment=real_programs: a cell of the memorizer, synth takes a task such as task=map_inc"),
        (["bench", "experiment=table1"],
         "experiment=table1: a grid of 24 cells, bench takes one, such as task=map_inc"),
        (["bench", "experiment=memorization"],
         "experiment=memorization: a grid of 4 cells, bench takes one, such as task=map_inc"),
    ],
)  # fmt: skip
def test_a_command_for_one_cell_refuses_a_grid(command, arguments, told):
    answer = command(*arguments)
    assert (answer.code, answer.err, answer.out) == (2, f"neurocomp: {told}\n", "")


def test_python_refuses_a_grid_where_one_cell_is_meant():
    with pytest.raises(UserError, match=r"experiment=gamma: a grid of 54 cells, configure\(\) takes one"):
        configure(["experiment=gamma"])


def test_a_home_folder_is_expanded_wherever_it_stands(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(
        "name: mine\nbase: 4\nregisters: 3\nlines: 4\nsteps: 9\nexamples: ~/x.csv\ncheck: {memory: [0]}\n"
    )
    config = configure(["task=mine", "results=~/r", "init=~/a.asm"], "~")
    found = (config.results, config.init, config.task.examples)
    assert found == (f"{tmp_path}/r", f"{tmp_path}/a.asm", f"{tmp_path}/x.csv")
    memorizer = configure(["experiment=real_programs", "include=[~/p.subleq]"])
    assert memorizer.include == [f"{tmp_path}/p.subleq"]


def test_a_sweeper_that_chooses_its_cells_is_checked_by_the_first(monkeypatch):
    words = [first_of(override) for override in parse_overrides(["gamma=interval(0.1,1)", "task=inc,fib", "seed=3"])]
    assert words == ["gamma=0.1", "task=inc", "seed=3"]


# --- what runs

GRID = ("run", "-m", "task=inc,map_inc", *QUICK)


def csvs(root: Path) -> list[Path]:
    return sorted(path.relative_to(root).parent for path in root.rglob("*.csv"))


@pytest.mark.parametrize("extra", [["hydra.verbose=true"], ["hydra.job.chdir=true"], ["hydra.verbose=[neurocomp]"]])
def test_settings_of_hydra_leave_the_rows_where_they_would_be(command, tmp_path, extra):
    answer = command(*GRID, *extra)
    assert answer.code == 0, answer.err
    assert csvs(tmp_path) == [Path("results/runs")] * 2


def test_a_single_run_elsewhere_leaves_the_rows_where_they_would_be(command, tmp_path):
    (tmp_path / "mine.asm").write_text("halt\n")
    answer = command("run", "task=inc", "init=mine.asm", *QUICK, "hydra.job.chdir=true", "hydra.run.dir=elsewhere")
    assert answer.code == 0, answer.err
    assert csvs(tmp_path) == [Path("results/runs")]


def test_a_range_and_its_value_alone_are_the_same_cell(command, tmp_path):
    command("run", "-m", "task=inc", "init=inc", "gamma=range(0.1,0.4,0.1)", *QUICK)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    assert command("run", "task=inc", "init=inc", "gamma=0.3", *QUICK).code == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.csv")} == before and len(before) == 3


def test_info_is_shown_as_hydra_shows_it(command):
    answer = command("run", "task=inc", "--info", "config")
    assert answer.code == 0, answer.err
    assert "name: inc" in answer.out


@pytest.mark.parametrize("measure, rate", [("soft", 0.25), ("hard", 0.75)])
def test_a_job_returns_the_rate_that_its_measure_names(tmp_path, monkeypatch, measure, rate):
    """What a sweeper such as Optuna's is told; Hydra passes on what the job returns."""
    from neurocomp import pipeline
    from neurocomp.cli import run
    from tests.cells import write_cell

    path = write_cell(tmp_path / "runs", "inc", "inc", 4, soft=1, hard=3)
    monkeypatch.setattr(pipeline.Job, "path", path)
    monkeypatch.setattr(run, "complete", lambda job: None)
    assert run.objective(configure(["task=inc", f"measure={measure}"]), None) == rate

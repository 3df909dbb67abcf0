"""`neurocomp run` and the dispatcher before it: what is refused before anything runs, and what a failure leaves."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

TASK = """
name: mine
base: 6
registers: 2
lines: 3
steps: 3
program: mine.asm
check: {memory: [0]}
"""
PROGRAM = "inc 0 0\nwrite 1 0\nhalt\n"


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def user_task(directory: Path, text: str = TASK) -> Path:
    """A configuration directory with task=mine and the program it names."""
    (directory / "confs" / "task").mkdir(parents=True)
    (directory / "confs" / "task" / "mine.yaml").write_text(text)
    (directory / "confs" / "mine.asm").write_text(PROGRAM)
    return directory / "confs"


# --- the dispatcher


def test_help_lists_every_command_with_an_example(command):
    from neurocomp.cli.main import COMMANDS

    answer = command("--help")
    assert answer.code == 0
    for name in COMMANDS:
        assert f"neurocomp {name} " in answer.out + " " or f"neurocomp {name}\n" in answer.out


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["rnu"], 'did you mean "run"?'),
        (["task=inc"], "did you mean: neurocomp run task=inc"),
    ],
)
def test_an_unknown_command_gets_a_suggestion(command, arguments, expected):
    answer = command(*arguments)
    assert answer.code == 2
    assert expected in answer.err


def test_the_version_is_the_packages(command):
    from neurocomp import __version__

    assert command("--version").out == f"neurocomp {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["run", "task=inc", "--cfg", "job"],
                                       ["-sc", "query=bash"], ["exec", "--help"], ["table", "--help"],
                                       ["plot", "--help"], ["compare", "--help"]])  # fmt: skip
def test_help_and_completion_do_not_import_torch(arguments, tmp_path):
    code = (
        "import sys; from neurocomp.cli.main import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    )
    environment = {"COMP_LINE": "neurocomp run task=", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


# --- what is refused, before anything runs


@pytest.mark.parametrize(
    "overrides, expected",
    [
        ([], "task: none was given; choose task=... from access, fib, inc,"),
        (["task=mapinc"], "task=mapinc: there is no such task; choose one of access, fib, inc,"),
        (["task=mapinc"], 'did you mean "map_inc"?'),
        (["task=inc", "restart=3"], 'restart=3: there is no key "restart"'),
        (["task=inc", "restart=3"], 'did you mean "restarts"?'),
        (["task=inc", "optimizer.updatez=3"], 'did you mean "updates"?'),
        (["task=inc", "+restart=3"], 'did you mean "restarts"?'),
        (["task=inc", "restarts=many"], "restarts=many: expected a whole number"),
        (["task=inc", "restarts=null"], "restarts=null: null is not allowed here"),
        (["task=inc", "restarts=0"], "restarts=0: expected a number >= 1"),
        (["task=inc", "gamma=-1"], "gamma=-1.0: expected a number >= 0"),
        (["task=inc", "seed=-1"], "seed=-1: expected"),
        (["task=inc", "machine.writeback=gted"], 'did you mean "gated"?'),
        (["task=inc", "machine=priented"], 'did you mean "printed"?'),
        (["task=inc", "gamma=0.1,0.2"], "gamma=0.1,0.2: several values are a grid of cells; add -m"),
        (["map_inc"], '"map_inc": expected key=value'),
        (["task=inc", "gamma=[1"], "gamma=[1: cannot be read"),
        (["experiment=table2"], 'did you mean "table1"?'),
        (["task=inc", "--config-dir", "nowhere"], "--config-dir nowhere: there is no such directory"),
        (["task=inc", "--config-name", "other"], "--config-name is not supported"),
        (["task=inc", "--restarts", "3"], "unrecognized arguments: --restarts"),
        (["task=inc", "init=map_incc"], 'did you mean "map_inc"?'),
        (["task=fib", "task.base=4"], "task.check.memory"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(command, tmp_path, overrides, expected):
    answer = command("run", *overrides)
    assert answer.code == 2
    assert expected in answer.err
    assert answer.err.count("\n") == 1 and answer.out == ""
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "overrides, expected",
    [
        (["task=inc", "gamma=0.1,x", "machine.writeback=gated,gted"], ["gamma=x: expected a number", "gted"]),
        (["task=inc,mapinc"], ["task=mapinc: there is no such task"]),
        (["task=inc", "init=inc,reduce,map_incc"], ["init=reduce", "init=map_incc"]),
        (["task=inc", "hydra/launcher=basic,other"], ["Sweeping over Hydra's configuration"]),
    ],
)
def test_every_cell_of_a_grid_is_checked_before_the_first_runs(command, tmp_path, overrides, expected):
    answer = command("run", "-m", *overrides)
    assert answer.code == 2
    for text in expected:
        assert text in answer.err
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "text, expected",
    [
        (TASK.replace("base: 6", "base: six"), 'task/mine.yaml: base: "six" is no number; expected a whole number'),
        (TASK + "stepz: 3\n", 'task/mine.yaml: task.stepz: there is no key "stepz"'),
        (TASK.replace("base: 6\n", ""), "task.base: has to be given"),
        (TASK + "memory: [1\n", "mine.yaml, line"),
        (TASK.replace("mine.asm", "other.asm"), "other.asm"),
    ],
)
def test_a_mistake_in_a_task_file_says_where(command, tmp_path, text, expected):
    directory = user_task(tmp_path, text)
    before = files(tmp_path)
    answer = command("run", "task=mine", "--config-dir", directory)
    assert answer.code == 2
    assert expected in answer.err and answer.err.count("\n") == 1
    assert files(tmp_path) == before


# --- what is composed


def test_the_configuration_is_shown_without_running(command, tmp_path):
    answer = command("run", "task=map_inc", "seed=3", "--cfg", "job")
    assert answer.code == 0
    assert "seed: 3" in answer.out and "name: map_inc" in answer.out
    assert files(tmp_path) == []


def test_of_a_grid_the_first_cell_is_shown(command):
    answer = command("run", "experiment=table1", "--cfg", "job")
    assert answer.code == 0
    assert answer.out.startswith("# the first of ") and "name: table1" in answer.out


def test_help_shows_groups_keys_and_the_users_own_tasks(command, tmp_path):
    answer = command("run", "--help", "--config-dir", user_task(tmp_path))
    assert answer.code == 0
    experiments = "experiment   abstractions, abstractions_given, abstractions_near, abstractions_repair, annealing, "
    methods = "method=tune    or synthesize, random_search, "
    for text in ("mine, ", experiments, "seed=0", "machine.writeback=gated", "neurocomp run -m", "init=synth", methods):
        assert text in answer.out


def test_flags_may_stand_between_overrides():
    from neurocomp.cli.run import hydra_flags, parse

    confs = str(Path(__file__).parent)
    arguments = parse(["task=inc", "-m", "gamma=0.1,0.2", "--config-dir", confs, "seed=0", "--json"])
    assert arguments.overrides == ["task=inc", "gamma=0.1,0.2", "seed=0"]
    assert hydra_flags(arguments) == ["--multirun", f"--config-dir={confs}"]


# --- what runs (from here on the machine itself is needed)

QUICK = ("restarts=2", "gamma=0.01", "optimizer.updates=3")


@pytest.fixture
def failing(monkeypatch):
    """Make every cell whose seed is 1 raise `error`."""
    from neurocomp.cli import run

    complete = run.complete

    def install(error: BaseException):
        def failing_complete(job):
            if "seed=1" in job.describe():
                raise error
            complete(job)

        monkeypatch.setattr(run, "complete", failing_complete)

    return install


def test_a_cell_runs_and_nothing_but_results_is_written(command, tmp_path):
    answer = command("run", "task=inc", "init=inc", *QUICK)
    assert answer.code == 0, answer.err
    assert "inc" in answer.out
    assert {Path(name).parts[:2] for name in files(tmp_path)} == {("results", "runs")}


def test_json_is_one_object_a_cell(command, tmp_path):
    answer = command("run", "-m", "task=inc", "init=inc", "seed=0,2", "--json", *QUICK)
    assert answer.code == 0, answer.err
    cells = [json.loads(line) for line in answer.out.splitlines()]
    assert [(cell["task"], cell["seed"], cell["n"]) for cell in cells] == [("inc", 0, 2), ("inc", 2, 2)]


@pytest.mark.parametrize("where", ["--config-dir", "hydra.searchpath"])
def test_a_users_own_task_runs(command, tmp_path, where):
    directory = user_task(tmp_path)
    found = ["--config-dir", "confs"] if where == "--config-dir" else [f"hydra.searchpath=[file://{directory}]"]
    answer = command("run", "task=mine", *QUICK, *found)
    assert answer.code == 0, answer.err
    assert any(name.startswith("results/runs/mine-") for name in files(tmp_path))


def test_a_failing_cell_does_not_stop_the_others(command, failing):
    failing(RuntimeError("it broke\nbadly"))
    grid = ("run", "-m", "task=inc", "init=inc", "seed=0,1,2", "--json", *QUICK)
    answer = command(*grid)
    assert answer.code == 1
    assert "seed=1: RuntimeError: it broke badly" in answer.err
    assert "Traceback" not in answer.err
    assert [json.loads(line)["n"] for line in answer.out.splitlines()] == [2, 0, 2]
    assert "Traceback" in command(*grid, "--verbose").err


def test_a_failed_cell_is_made_up_for_by_the_same_command(command, failing, monkeypatch):
    with monkeypatch.context() as context:
        from neurocomp.cli import run

        whole = run.complete
        failing(RuntimeError("it broke"))
        assert command("run", "task=inc", "init=inc", "seed=1", *QUICK).code == 1
        context.setattr(run, "complete", whole)
        assert command("run", "task=inc", "init=inc", "seed=1", *QUICK).code == 0


@pytest.mark.parametrize("overrides", [["seed=1"], ["-m", "seed=1,2"]])
@pytest.mark.parametrize(
    "error, code, expected",
    [
        (KeyboardInterrupt(), 130, "the same command again goes on"),
        (
            OSError(errno.ENOSPC, "No space left on device", "rows.csv"),
            1,
            "rows.csv: the disk is full; rows so far are safe, and the same command goes on from there",
        ),
    ],
)
def test_an_interrupt_and_a_full_disk_end_a_grid_at_once(command, failing, overrides, error, code, expected):
    failing(error)
    answer = command("run", "task=inc", "init=inc", *overrides, *QUICK)
    assert answer.code == code
    assert expected in answer.err and answer.err.count("\n") == 1
    assert answer.out == ""


def test_a_locked_cell_is_said_to_be_locked_and_left_alone(command, failing, tmp_path):
    from neurocomp.results.writer import CellLocked

    failing(CellLocked("inc-s1 is being written by another process"))
    answer = command("run", "task=inc", "init=inc", "seed=1", *QUICK)
    assert answer.code == 1
    assert "being written by another process" in answer.err
    assert not any(name.endswith(".csv") for name in files(tmp_path))


def test_only_prints_one_restart_and_leaves_the_rows_alone(command, tmp_path):
    cell = ("run", "task=inc", "init=inc", *QUICK)
    assert command(*cell).code == 0
    rows = {path: path.read_text() for path in tmp_path.rglob("*.csv")}
    answer = command(*cell, "only=1", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["restart"] == 1
    assert {path: path.read_text() for path in rows} == rows

"""method=solver as a method of a cell, and `neurocomp solve`: outcomes, limits, what ends a solver's process."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from neurocomp.config import RunConfig
from neurocomp.limits import estimates
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.pipeline import check, run_cell
from neurocomp.search.judge import Judge
from neurocomp.search.solver import process
from neurocomp.search.solver.clauses import Clauses
from neurocomp.search.solver.encoding import ExampleRun, ProgramVariables
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import load_task
from tests.test_pipeline import facts
from tests.test_tasks import shipped

needs_pysat = pytest.mark.skipif(not process.is_installed(), reason="python-sat is not installed (extra `solver`)")
GIGABYTE = 10**9


def config(folder: Path, **changes) -> RunConfig:
    fields = dict(task=shipped("map_dec"), method="solver", init="map_inc", restarts=3, threads=2, results=str(folder))
    return RunConfig(**(fields | changes))


def run(given: RunConfig):
    return run_cell(given, progress=False)


def judge(name: str) -> Judge:
    task = load_task(shipped(name), MachineConfig())
    unseen = held_out(task, 0)
    return Judge(task, training_examples(task, unseen, 0, 0, 16), unseen.validation)


@needs_pysat
def test_a_repair_says_in_how_many_fields_and_that_fewer_do_not_do(tmp_path):
    rows = run(config(tmp_path)).rows
    assert set(rows["status"]) == {"recovered"} and rows["recovered_general"].all()
    assert set(rows["proved"]) == {"least"} and set(rows["fields_changed"]) == {1} and set(rows["lines_changed"]) == {1}
    assert all("dec 2 2" in program for program in rows["program"])
    assert (rows["cpu_s"] > 0).all() and (rows["executions"] == 16).all()


@needs_pysat
def test_rows_depend_on_neither_threads_nor_batches(tmp_path):
    def by_restart(folder: str, **changes) -> dict:
        rows = facts(run(config(tmp_path / folder, **changes)).path)
        return {row["restart"]: row | {"batch": ""} for row in rows}

    assert by_restart("a") == by_restart("b", threads=1) == by_restart("c", chunk=2)


@needs_pysat
def test_random_weights_mean_from_nothing_and_absence_is_proved(tmp_path):
    cell = run(config(tmp_path, task=shipped("inc"), init="random", restarts=1))
    assert cell.facts["init"] == "none" and set(cell.rows["status"]) == {"recovered"}
    contradicting = tmp_path / "x.csv"
    contradicting.write_text(
        "m0,m1,m0_final\n" + "".join(f"{a},{b},{(a + b) % 3}\n" for a in range(3) for b in range(3))
    )
    task = shipped("inc", program=None, examples=str(contradicting), base=3, registers=1, lines=1, steps=1,
                   memory=None, check={"memory": [0]}, general=None)  # fmt: skip
    (row,) = run(config(tmp_path, task=task, init="random", restarts=1)).rows.to_dict("records")
    assert (row["status"], row["proved"], row["recovered_hard"]) == ("exhausted", "none", False)


@needs_pysat
def test_a_limit_has_a_status_of_its_own_and_the_next_restart_goes_on(tmp_path):
    cell = run(config(tmp_path, task=shipped("parity"), init="random", restarts=2, limit=0.3))
    assert set(cell.rows["status"]) == {"limit"} and cell.limited == 2 and not cell.rows["recovered_hard"].any()
    assert set(cell.rows["cpu_s"]) == {0.3} and cell.rows["fields_changed"].isna().all()


@needs_pysat
def test_a_process_that_dies_is_an_outcome_and_another_takes_its_place():
    one = judge("map_dec")
    with process.SolverProcess(4 * GIGABYTE) as solver:
        solver.ask(one, None, 0.2)

        def kill(answer) -> None:
            os.kill(solver._process.pid, signal.SIGKILL)

        ended = solver.ask(judge("parity"), None, None, kill)
        assert (ended.cut, ended.answer.found, ended.answer.code) == ("died", False, None)
        start = np.zeros((one.task.sizes.lines, 5), dtype=np.int64)
        assert solver.ask(one, start, 0.5).cut in ("", "limit")


@needs_pysat
def test_memory_that_is_used_up_is_an_outcome():
    with process.SolverProcess(GIGABYTE // 20) as solver:
        assert solver.ask(judge("map_dec"), None, None).cut == "died"


@needs_pysat
def test_an_interrupt_ends_the_process():
    with process.SolverProcess(4 * GIGABYTE) as solver:
        pid = []

        def interrupt(answer) -> None:
            pid.append(solver._process.pid)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            solver.ask(judge("parity"), None, None, interrupt)
        with pytest.raises(ProcessLookupError):
            os.kill(pid[0], 0)


@needs_pysat
def test_what_goes_wrong_in_the_process_is_said():
    one = judge("map_dec")
    wrong = np.zeros((2, 5), dtype=np.int64)  # of another length
    with process.SolverProcess(4 * GIGABYTE) as solver, pytest.raises(RuntimeError, match="in the solver's process"):
        solver.ask(one, wrong, None)


def test_without_a_solver_a_line_says_what_to_install(command, monkeypatch):
    monkeypatch.setattr(process, "is_installed", lambda: False)
    missing = "needs python-sat, which is not installed; pip install 'neurocomp[solver]'"
    assert command("run", "task=inc", "method=solver") == (2, "", f"neurocomp: method=solver: {missing}\n")
    assert command("solve", "task=inc") == (2, "", f"neurocomp: neurocomp solve: {missing}\n")


@needs_pysat
def test_sizes_that_a_solver_cannot_hold_are_refused(tmp_path):
    task = shipped("map_inc", base=300)
    with pytest.raises(Exception, match="task.base=300: would take about .* GB of memory"):
        check(config(tmp_path, task=task, init="random"))


@pytest.mark.parametrize(
    "sizes, steps", [(Sizes(6, 5, 5), 15), (Sizes(6, 7, 7), 21), (Sizes(2, 2, 2), 3), (Sizes(12, 8, 12), 4)]
)
def test_the_estimate_knows_how_many_clauses_a_step_has(sizes, steps):
    clauses = Clauses()
    program = ProgramVariables(clauses, sizes, MachineConfig())
    clauses.take()
    ExampleRun(program, [0] * sizes.base, [0] * sizes.registers, steps)
    number = len(clauses.take())
    start = (
        (sizes.base + sizes.registers) * (sizes.base * (sizes.base - 1) // 2 + 2)
        + sizes.lines * (sizes.lines - 1) // 2
        + 2
    )
    assert number - start <= steps * estimates.clauses(*sizes) <= 1.2 * number + 100


@needs_pysat
def test_solve_finds_the_shortest_program_or_proves_that_there_is_none(command):
    answer = command("solve", "task=inc", "--lines", "2..5", "--json")
    shorter, found = (json.loads(line) for line in answer.out.splitlines())
    assert answer.code == 0 and (shorter["lines"], shorter["outcome"]) == (2, "none")
    assert (found["lines"], found["outcome"], found["hard"], found["general"]) == (3, "found", True, True)
    answer = command("solve", "task=map_dec", "init=map_inc", "--lines", "5")
    assert answer.code == 0 and "1 field changed (proved to be the fewest); right on test examples: yes" in answer.out
    assert answer.out.splitlines()[-4].strip() == "dec 2 2"
    answer = command("solve", "task=parity", "limit=0.2", "--lines", "7")
    assert answer.code == 1 and answer.out.startswith("7 lines: undecided (limit, after 0.2 s of a core, 0 programs")


@needs_pysat
@pytest.mark.parametrize("words, message", [
    (["task=inc", "--lines", "5..3"], "--lines 5..3: expected a length such as 4, or a range such as 3..6"),
    (["task=inc", "--lines", "x"], "--lines x: expected a length such as 4, or a range such as 3..6"),
    (["task=inc", "--lines", "0"], "--lines 0: expected a length such as 4, or a range such as 3..6"),
    (["task=map_dec", "init=synth"],
     "init=synth: solve repairs one program, expected its name or a path, or init=random for none"),
    (["task=inc", "limit=0"], "limit=0: expected seconds > 0, or null for no limit"),
])  # fmt: skip
def test_what_solve_refuses(command, words, message):
    assert command("solve", *words) == (2, "", f"neurocomp: {message}\n")

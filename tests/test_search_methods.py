"""Searches as methods of a cell: their rows, their budget, and their refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from neurocomp.config import AnnealingConfig, OptimizerConfig, RunConfig, SearchConfig
from neurocomp.language import interpreter
from neurocomp.language.assembly import parse
from neurocomp.machine_config import MachineConfig
from neurocomp.pipeline import run_cell
from neurocomp.plan import make_plan
from neurocomp.tasks.examples import held_out
from tests.jobs import cell_path, replay
from tests.test_pipeline import facts
from tests.test_tasks import shipped

SEARCHES = ["random_search", "enumerate", "local_search", "annealing"]
FROM_A_PROGRAM = ["local_search", "annealing"]


def config(tmp_path: Path, **changes) -> RunConfig:
    fields = dict(
        task=shipped("map_inc", length=1), method="local_search", restarts=6, examples=4, chunk=3,
        optimizer=OptimizerConfig(updates=300), annealing=AnnealingConfig(programs=None), threads=2,
        results=str(tmp_path / "results"),
    )  # fmt: skip
    return RunConfig(**(fields | changes))


def run(given: RunConfig):
    return run_cell(given, progress=False)


@pytest.mark.parametrize("method", SEARCHES)
def test_a_row_of_a_search_says_what_its_program_does(tmp_path, method):
    given = config(tmp_path, method=method)
    cell, plan = run(given), make_plan(given)
    test = held_out(plan.task, 0).test
    for row in cell.rows.to_dict("records"):
        program = parse(row["program"])
        right = all(
            interpreter.run(program, memory, registers, base=6, steps=plan.task.steps).memory[0] == final[0]
            for memory, registers, final, _ in zip(*(words.tolist() for words in test), strict=True)
        )
        assert row["recovered_hard"] == row["recovered_soft"] == right == (row["status"] == "recovered")
        assert (row["gamma"], row["updates"], row["threads"], row["backward_executions"]) == (0, 0, 1, 0)
        assert row["init"] == ("random" if method in FROM_A_PROGRAM else "none") and row["method"] == method
        assert row["executions"] % 4 == 0 and 0 < row["executions"] <= 300 * 4 and row["wall_s"] > 0
        assert row["executions"] == 300 * 4 or row["recovered_fit"]


@pytest.mark.parametrize("method", SEARCHES)
def test_a_restart_alone_is_the_restart_among_the_others(tmp_path, method):
    given = config(tmp_path, method=method)
    cell = run(given)
    row = replay(replace(given, only=4), progress=False)
    recorded = cell.rows.to_dict("records")[4]
    for key in ("restart", "status", "program", "executions", "recovered_fit"):
        assert row[key] == recorded[key]


@pytest.mark.parametrize("method", FROM_A_PROGRAM)
def test_a_resumed_search_ends_with_the_rows_of_an_uninterrupted_one(tmp_path, method):
    whole = run(config(tmp_path / "whole", method=method))
    run(config(tmp_path / "resumed", method=method, restarts=4))
    rows = [facts(path) for path in (whole.path, run(config(tmp_path / "resumed", method=method)).path)]
    assert [row | {"batch": ""} for row in rows[0]] == [row | {"batch": ""} for row in rows[1]]
    assert [row["batch"] for row in rows[1]] == ["0-2"] * 3 + ["3-3"] + ["4-5"] * 2


def test_a_search_may_execute_what_tuning_may(tmp_path):
    """No restart of reduce is found, so that each spends its budget; tuning looks once more after its last update."""
    reduce = dict(task=shipped("reduce"), optimizer=OptimizerConfig(updates=20), restarts=2)
    tuned = run(config(tmp_path, method="tune", **reduce)).rows
    assert set(tuned["executions"]) == {21 * 4} and set(tuned["backward_executions"]) == {20 * 4}
    for budget, executions in ((1.0, 20 * 4), (2.5, 50 * 4), (0.29, 5 * 4)):
        searched = run(config(tmp_path, search=SearchConfig(budget), **reduce)).rows
        assert set(searched["executions"]) == {executions}
        annealed = run(config(tmp_path, method="annealing", search=SearchConfig(budget), **reduce)).rows
        assert set(annealed["executions"]) == {executions}


def test_what_tuning_executed_is_counted_where_it_ended_early(tmp_path):
    rows = run(config(tmp_path, method="tune", init="map_inc", optimizer=OptimizerConfig(updates=60))).rows
    assert (rows["updates"] < 60).any()
    assert (rows["executions"] == (rows["updates"] + 1) * 4).all()
    assert (rows["backward_executions"] == rows["updates"] * 4).all()


def test_lines_changed_are_counted_against_the_start(tmp_path):
    from_itself = run(config(tmp_path, init="map_inc")).rows
    assert set(from_itself["lines_changed"]) == {0} and set(from_itself["executions"]) == {4}
    assert run(config(tmp_path)).rows["lines_changed"].isna().all()


def test_a_cell_is_the_same_for_whatever_its_method_does_not_use(tmp_path):
    def paths(method: str, *changes: dict) -> int:
        return len({cell_path(config(tmp_path, method=method, **one)) for one in changes})

    unused = [{}, {"gamma": 0.1}, {"engine": "eager"}, {"precision": "float64"}, {"epsilon": 1e-3}]
    starts = [{"init": init} for init in ("random", "map_inc", "loop_noop")]
    for method in SEARCHES:
        assert paths(method, *unused) == 1
        assert paths(method, *starts) == (3 if method in FROM_A_PROGRAM else 1)
        assert paths(method, {}, {"seed": 1}, {"examples": 5}, {"search": SearchConfig(2.0)},
                     {"machine": MachineConfig(halting="printed")}) == 5  # fmt: skip
    assert len({cell_path(config(tmp_path, method=method)) for method in [*SEARCHES, "tune", "synthesize"]}) == 6
    twice = dict(optimizer=OptimizerConfig(updates=600), search=SearchConfig(0.5))
    assert paths("enumerate", {}, twice) == 1  # the same number of programs


def test_fit_as_the_stopping_rule_is_that_of_searches_too(tmp_path):
    """With one example many programs fit; on validation few of them hold."""
    given = config(tmp_path, method="random_search", examples=1, task=shipped("map_inc"))
    fit = replace(given, optimizer=OptimizerConfig(updates=300, stop="fit"))
    assert cell_path(given) != cell_path(fit)
    assert run(fit).rows["executions"].sum() <= run(given).rows["executions"].sum()


@pytest.mark.parametrize(
    "overrides, expected",
    [
        (["method=serch"], "method=serch: expected one of tune, synthesize, random_search, local_search, enum"),
        (["method=enumerate", "search.budget=0"], "search.budget=0.0: expected a number > 0"),
        (["method=enumerate", "search.budget=0.0001"], "0.0001: times optimizer.updates=1000 is less than one"),
        (["method=random_search", "optimizer.updates=0"], "times optimizer.updates=0 is less than one program"),
        (["method=local_search", "init=synth", "synthesis.allocation=best"], "with method=local_search expected even"),
        (["method=annealing", "init=synth", "synthesis.allocation=best"], "with method=annealing expected even"),
        (["method=annealing", "annealing.programs=0"], "annealing.programs=0: expected a number >= 1"),
        (["method=annealing", "annealing.fresh=0"], "annealing.fresh=0: expected a number >= 1"),
        (["method=annealing", "annealing.temperature=-1"], "annealing.temperature=-1.0: expected a number >= 0"),
        (["method=annealing", "annealing.temperature=nan"], "annealing.temperature=nan: expected a number >= 0"),
        (["method=annealing", "limit=0"], "limit=0: expected seconds > 0, or null for no limit"),
        (["method=annealing", "limit=-2"], "limit=-2: expected seconds > 0, or null for no limit"),
        (["method=annealing", "limit=nan"], "limit=nan: expected seconds > 0, or null for no limit"),
        (["method=annealing", "limit=inf"], "limit=inf: expected seconds > 0, or null for no limit"),
        (["limit=0"], "limit=0: expected seconds > 0, or null for no limit"),
        (["method=local_search", "limit=-1"], "limit=-1: expected seconds > 0, or null for no limit"),
        (["method=enumerate", "save_curves=true"], "save_curves=true: method=enumerate has no loss and no weights"),
        (["method=synthesize", "save_weights=true"], "save_weights=true: method=synthesize has no loss"),
        (["init=synth", "synthesis.allocation=all"], "synthesis.allocation=all: expected one of even, best"),
        (["init=synth", "synthesis.seconds=0"], "synthesis.seconds=0.0: expected a number > 0"),
        (["init=synth", "synthesis.candidates=0"], "synthesis.candidates=0: expected a number >= 1"),
        (["init=synth", "synthesis.constructs=[map,redcue]"], 'did you mean "reduce"?'),
        (["method=synthesize", "synthesis.constructs=[]"], "synthesis.constructs=[]: expected a list such as"),
        (["init=synth", "machine.jump_target=value", "task.lines=6"], "synthesized programs have labels"),
        (["task=parity_bits", "init=referenc"], 'no program "referenc"'),
        (["init=reference", "machine.jump_target=value", "task=map_inc", "task.lines=6"], "jump_target=value refuses"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(command, tmp_path, overrides, expected):
    answer = command("run", *([] if any(one.startswith("task=") for one in overrides) else ["task=inc"]), *overrides)
    assert answer.code == 2, answer.err
    assert expected in answer.err and answer.err.count("\n") == 1
    assert not list(tmp_path.rglob("*"))


def test_reference_is_recorded_by_the_name_of_the_program(tmp_path):
    """The same cell as with the program's name, wherever the name is known."""
    names = {"map_dec": "map_dec", "inc_value": "reference"}
    for task, name in names.items():
        plan = make_plan(config(tmp_path, task=shipped(task), init="reference", method="tune"))
        assert plan.init == name and plan.starts[0].program == plan.task.reference
    given = config(tmp_path, task=shipped("map_dec"), method="tune")
    assert cell_path(replace(given, init="reference")) == cell_path(replace(given, init="map_dec"))

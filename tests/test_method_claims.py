"""The rows of a method name the right template, seed, examples and program; curves are kept once."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from neurocomp.config import AnnealingConfig, OptimizerConfig, RunConfig, SynthesisConfig
from neurocomp.language.assembly import fit, load_program
from neurocomp.methods import near_misses as templates
from neurocomp.methods import synthesize as method_synthesize
from neurocomp.methods import tune
from neurocomp.methods.extras import write_curves
from neurocomp.methods.searches import local_search_rows
from neurocomp.methods.tune import judge, tune_restarts
from neurocomp.pipeline import METHODS, run_cell
from neurocomp.plan import CheckedCell, Plan, Start, check_config, make_plan
from neurocomp.results.made import together
from neurocomp.results.writer import read_rows
from neurocomp.synthesis.synthesizer import Found, Synthesis
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.verification import Verdict
from neurocomp.tuning.recovery import Measures
from tests.jobs import cell_path
from tests.test_tasks import shipped

MAP_INC = shipped("map_inc", length=1)


def config(**changes) -> RunConfig:
    fields = dict(task=MAP_INC, init="map_inc", restarts=4, examples=4, threads=1, engine="eager",
                  optimizer=OptimizerConfig(updates=0), annealing=AnnealingConfig(programs=None))  # fmt: skip
    return RunConfig(**(fields | changes))


def program(name: str, plan: CheckedCell):
    return fit(load_program(name), plan.task.sizes)


def rows_of(plan: Plan, restarts: Sequence[int]) -> list[dict]:
    produced = METHODS[plan.config.method](plan, held_out(plan.task, plan.config.seed), [restarts], None)
    return together(produced).rows


# --- whose template, whose lines


@pytest.mark.parametrize("method", ["tune", "local_search", "annealing"])
def test_a_row_names_the_template_of_its_restart(method):
    """Restarts 3, 4, 5, ... of three templates in turn; the second is right before anything changes it."""
    plan = make_plan(config(method=method, gamma=0.0, optimizer=OptimizerConfig(updates=int(method != "tune"))))
    names = ("map_dec", "map_inc", "loop_noop")
    plan = replace(plan, starts=tuple(Start(program(name, plan), name, name == "map_inc") for name in names))
    for row in rows_of(plan, range(4, 9)):
        name = names[row["restart"] % 3]
        assert (row["template"], row["synthesized"], row["lines_changed"]) == (name, name == "map_inc", 0)
        assert row["recovered_hard"] == row["recovered_fit"] == (name == "map_inc")


@pytest.mark.parametrize("measured", list(itertools.permutations([True, False, None])))
def test_soft_hard_and_general_stand_in_their_columns(monkeypatch, measured):
    monkeypatch.setattr(tune, "measure", lambda *_: [Measures(*measured)])
    plan = make_plan(config())
    (row,) = rows_of(plan, [0])
    assert (row["recovered_soft"], row["recovered_hard"], row["recovered_general"]) == measured


@pytest.mark.parametrize(
    "method, module", [("random_search", "searches"), ("local_search", "searches"), ("synthesize", "synthesize"),
                       ("annealing", "searches")]
)  # fmt: skip
@pytest.mark.parametrize("verdict", [(True, False), (False, True), (True, None)])
def test_verdicts_on_programs_stand_in_their_columns(monkeypatch, method, module, verdict):
    judging = lambda texts, *_: dict.fromkeys(texts, Verdict(*verdict))  # noqa: E731
    monkeypatch.setattr(f"neurocomp.methods.{module}.verdicts", judging)
    (row,) = rows_of(make_plan(config(method=method, optimizer=OptimizerConfig(updates=2))), [0])
    found = row["recovered_soft"], row["recovered_hard"], row["recovered_general"]
    assert found == (verdict[0], *verdict) and row["status"] == ("recovered" if verdict[0] else "exhausted")


def test_lines_changed_are_those_that_differ():
    plan = make_plan(config(gamma=0.0))
    unseen = held_out(plan.task, 0)
    for name, changed in (("map_inc", 0), ("map_dec", 1), ("loop_noop", 5)):
        (tuned,) = tune_restarts(replace(plan, starts=(Start(program(name, plan)),)), unseen, [0])
        assert judge(plan, unseen, [tuned])[0]["lines_changed"] == changed


# --- whose examples


@pytest.mark.parametrize(
    "module, method",
    [
        ("synthesize", "synthesize"),
        ("searches", "random_search"),
        ("searches", "local_search"),
        ("searches", "annealing"),
    ],
)
def test_a_method_looks_at_the_examples_of_its_seed_and_restart(monkeypatch, module, method):
    asked = []

    def drawn(task, unseen, *rest, **more):
        asked.append(rest[:3])
        return training_examples(task, unseen, *rest, **more)

    monkeypatch.setattr(f"neurocomp.methods.{module}.training_examples", drawn)
    rows_of(make_plan(config(method=method, seed=3, optimizer=OptimizerConfig(updates=2))), [5, 6])
    assert asked == [(3, 5, 4), (3, 6, 4)]


@pytest.mark.parametrize("stop", ["validated", "fit"])
def test_searches_are_stopped_by_validation_or_by_nothing(monkeypatch, stop):
    given = []

    def searching(starts, judges, *rest):
        given.extend(judges)
        raise InterruptedError

    monkeypatch.setattr("neurocomp.methods.searches.local_search", searching)
    plan = make_plan(config(method="local_search", optimizer=OptimizerConfig(updates=5, stop=stop)))
    unseen = held_out(plan.task, 0)
    with pytest.raises(InterruptedError):
        local_search_rows(plan, unseen, [0], None)
    assert given[0].validation is (unseen.validation if stop == "validated" else None)


# --- which of several programs


def found(name: str, exact: bool, plan: CheckedCell, score: float = 0.5) -> Found:
    return Found(f"like {name}", program(name, plan), exact, 1.0 if exact else score, 3, 17, 0.25)


def finding(monkeypatch, several: list[Found]) -> None:
    synthesis = Synthesis(several, 100, 50, 0.5, "exact" if any(one.exact for one in several) else "space", 1600)
    for module in (templates, method_synthesize):
        monkeypatch.setattr(module, "synthesize", lambda *_, **options: synthesis)


def test_restarts_start_from_the_first_exact_solution_alone(monkeypatch):
    cell = check_config(config(init="synth"))
    several = [found("map_dec", False, cell), found("map_inc", True, cell), found("inc", True, cell)]
    finding(monkeypatch, several)
    starts = templates.starts_of(cell, templates.search(cell, shown=False))
    assert [one.template for one in starts] == ["like map_inc"]


def test_synthesize_keeps_the_first_that_was_found(monkeypatch):
    plan = make_plan(config(method="synthesize", init="synth"))
    finding(monkeypatch, [found("map_inc", True, plan), found("map_dec", True, plan)])
    (row,) = rows_of(plan, [0])
    assert row["template"] == "like map_inc" and row["recovered_hard"] and row["recovered_general"] is True


@pytest.mark.parametrize("counts, best", [
    ([(1, 1), (2, 0), (1, 2)], 1), ([(2, 0), (2, 1), (2, 1)], 1), ([(0, 0), (0, 0)], 0), ([(1, 0), (0, 3)], 0),
])  # fmt: skip
def test_the_best_template_has_most_soft_recoveries_then_hard_ones_then_comes_first(monkeypatch, counts, best):
    synthesis = SynthesisConfig(allocation="best", selection=3)
    cell = check_config(config(init="synth", synthesis=synthesis, seed=4))
    finding(monkeypatch, [found(name, False, cell) for name in ("map_dec", "loop_noop", "inc")[: len(counts)]])
    tried, told = [], iter(counts)

    def trying(trial, unseen, batch, bar):
        tried.append((trial.config.seed, trial.starts[0].template, list(batch)))
        return list(batch)

    def counting(trial, unseen, tuned):
        soft, hard = next(told)
        return [{"recovered_soft": place < soft, "recovered_hard": place < hard} for place in tuned]

    monkeypatch.setattr(templates, "tune_restarts", trying)
    monkeypatch.setattr(templates, "judge", counting)
    starts = templates.starts_of(cell, templates.search(cell, shown=False))
    names = [f"like {name}" for name in ("map_dec", "loop_noop", "inc")[: len(counts)]]
    assert [one.template for one in starts] == [names[best]]
    assert tried == [(5, name, [0, 1, 2]) for name in names]


# --- curves


def test_curves_are_kept_beside_those_of_other_restarts_and_written_once(tmp_path):
    def points(path: Path) -> list[tuple]:
        with path.open(newline="") as file:
            return [(int(row["restart"]), int(row["update"]), float(row["loss"])) for row in csv.DictReader(file)]

    path = tmp_path / "cell.curves.csv"
    write_curves(path, {0: [3.0, 2.0], 1: [5.0]})
    write_curves(path, {2: [7.0]})
    assert points(path) == [(0, 0, 3.0), (0, 1, 2.0), (1, 0, 5.0), (2, 0, 7.0)]
    write_curves(path, {1: [4.0, 1.0]})
    assert sorted(points(path)) == [(0, 0, 3.0), (0, 1, 2.0), (1, 0, 4.0), (1, 1, 1.0), (2, 0, 7.0)]


def test_synthesis_writes_each_restart_down_when_it_is_done(monkeypatch, tmp_path):
    """Interrupted in the third of five restarts of one chunk: two rows are there."""
    given = config(method="synthesize", init="synth", restarts=5, chunk=5, results=str(tmp_path))
    calls, synthesis = itertools.count(), Synthesis([found("map_inc", True, make_plan(given))], 9, 9, 0.5, "exact", 9)

    def searching(*_, **options):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return synthesis

    monkeypatch.setattr(method_synthesize, "synthesize", searching)
    with pytest.raises(KeyboardInterrupt):
        run_cell(given, progress=False)
    assert read_rows(cell_path(given))["restart"].tolist() == [0, 1]
    assert run_cell(given, progress=False).n == 5 and next(calls) == 6

"""Which setting a search over readings measures next: it follows from the seed, the number and the rows so far."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neurocomp.plan import make_plan
from neurocomp.readings import proposals
from neurocomp.readings.cells import cell_config
from neurocomp.readings.config import ReadingsConfig
from neurocomp.readings.proposals import RANDOM, point_of, propose, runs, setting_of
from neurocomp.readings.scores import estimates
from neurocomp.readings.space import DEFAULTS, FIRST, ORDER, SPACE
from tests.test_reading_claims import rows

GIVEN = len(FIRST)


def drawn(count: int) -> list[dict]:
    """The settings that are given, and so many that are drawn at random."""
    given = [DEFAULTS | one for one in FIRST]
    return given + [propose(GIVEN, [], seed, at_work=given) for seed in range(count)]


def first_row(number: int, setting: dict) -> list[dict]:
    return [rows(number, 0, 0, cells=1)[0] | setting]


def measured(settings: list[dict], fit, soft, cells: int = 20) -> list[dict]:
    """Rows of these settings, which are off by `fit(setting)` and `soft(setting)` points in each cell."""
    return [row | one for number, one in enumerate(settings) for row in rows(number, fit(one), soft(one), cells)]


def test_the_given_settings_come_first_whatever_else_was_measured():
    found: list[dict] = []
    for number in range(GIVEN):
        found += first_row(number, propose(number, found, seed=0))
        assert found[-1] == found[-1] | DEFAULTS | FIRST[number]
    older = first_row(300, DEFAULTS) + first_row(301, DEFAULTS | FIRST[2])
    assert propose(302, older, seed=0) == DEFAULTS | FIRST[1]
    assert propose(302, older, seed=0, at_work=[DEFAULTS | FIRST[1]]) == DEFAULTS | FIRST[3]


def test_random_settings_are_cells_that_can_run():
    for setting in drawn(12)[GIVEN:]:
        assert runs(setting) and all(setting[key] in values for key, values in SPACE.items())
        for row, task in ORDER:
            make_plan(cell_config(setting, row, task, ReadingsConfig()))


@pytest.mark.parametrize("rate, budget, updates", [
    (0.01, 4, 400), (0.01, 1.5, 150), (0.03, 4, 133), (0.1, 30, 300), (0.01, 30, 600), (1.0, 4, 20), (0.3, 3, 20),
])  # fmt: skip
def test_updates_are_the_budget_divided_by_the_learning_rate_from_20_to_600(rate, budget, updates):
    point = point_of(DEFAULTS) | {
        "learning_rate": SPACE["learning_rate"].index(rate),
        "updates": proposals.BUDGETS.index(budget),
    }
    assert setting_of(point)["updates"] == updates


@pytest.mark.parametrize("rate, updates, budget", [
    (0.01, 400, 4), (0.01, 275, 3), (0.1, 300, 30), (1.0, 300, 30), (0.01, 100, 1.5), (1.0, 20, 16),
])  # fmt: skip
def test_a_measured_setting_has_the_nearest_budget(rate, updates, budget):
    point = point_of(DEFAULTS | {"learning_rate": rate, "updates": updates})
    assert proposals.BUDGETS[point["updates"]] == budget
    assert setting_of(point)["learning_rate"] == rate


def near(setting: dict, key: str, value: object) -> float:
    return 10.0 if setting[key] == value else 40.0


def test_even_numbers_follow_fit_and_odd_ones_soft():
    """By fit only inc=value is good, by soft only loop_noop=open: the model has seen nothing else."""
    settings = drawn(60)
    found = measured(settings, lambda one: near(one, "inc", "value"), lambda one: near(one, "loop_noop", "open"))
    numbers = range(len(settings), len(settings) + 30)
    proposed = {number: propose(number, found, seed=0) for number in numbers}
    even, odd = ([proposed[number] for number in numbers if number % 2 == rest] for rest in (0, 1))
    assert sum(one["inc"] == "value" for one in even) >= 11  # of 15; at random 5
    assert sum(one["loop_noop"] == "open" for one in odd) >= 11
    assert sum(one["inc"] == "value" for one in odd) <= 9 and sum(one["loop_noop"] == "open" for one in even) <= 9


def test_the_first_numbers_do_not_follow_the_model():
    settings = drawn(60)
    found = measured(settings, *[lambda one: near(one, "inc", "value")] * 2)
    proposed = [propose(number, found, seed=0) for number in range(RANDOM)]
    assert sum(one["inc"] == "value" for one in proposed) <= RANDOM / 2


def test_a_setting_that_was_given_up_counts_with_the_cells_that_it_has():
    """At least its error is 30 * 5 / 20: by that it would be better than one of 10 points in all cells."""
    assert estimates(rows(4, 10, 40) + rows(7, 30, 10, cells=5), "fit") == {4: pytest.approx(10), 7: pytest.approx(30)}
    settings = drawn(60)
    errors = [lambda one: near(one, "inc", "value")] * 2
    cut = [
        row for row in measured(settings, *errors) if row["inc"] == "value" or (row["row"], row["task"]) in ORDER[:4]
    ]
    proposed = [propose(number, cut, seed=0) for number in range(90, 105)]
    assert sum(one["inc"] == "value" for one in proposed) >= 11


def test_what_is_proposed_depends_on_seed_number_and_rows_and_on_no_order():
    settings = drawn(40)
    found = measured(settings, lambda one: near(one, "examples", 2), lambda one: 20.0)
    one = propose(100, found, seed=0)
    assert propose(100, found[::-1], seed=0) == one
    assert propose(102, found, seed=0) != one and propose(100, found, seed=1) != one
    other = measured(settings, lambda setting: near(setting, "examples", 16), lambda one: 20.0)
    assert propose(100, other, seed=0) != one
    assert propose(100, found, seed=0, at_work=[one]) != one


def test_the_model_says_nothing_on_stderr():
    script = """if True:
        from neurocomp.readings.proposals import propose
        from tests.test_reading_claims import rows
        propose(40, [row | {"hold": hold} for hold in (1, 10) for row in rows(hold, 5, 5)], 0, [{}])
        from neurocomp.readings import proposals
        next(proposals._modelled(rows(0, 5, 5), "fit", 0))
    """
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (answer.stdout, answer.stderr) == ("", "")


def test_without_optuna_it_says_what_to_install_and_writes_nothing(command, monkeypatch, tmp_path):
    monkeypatch.setattr(proposals.importlib.util, "find_spec", lambda name: None)
    line = "neurocomp: readings: needs optuna, which is not installed; pip install 'neurocomp[readings]'\n"
    assert command("readings", "settings=1") == (2, "", line)
    assert not (tmp_path / "results").exists()

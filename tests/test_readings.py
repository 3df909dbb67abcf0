"""The search over readings: settings become cells, the best are varied, a resumed search is the same search."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace

import pytest

from neurocomp.cli.compose import configure
from neurocomp.errors import UserError
from neurocomp.plan import make_plan
from neurocomp.readings import cells, measuring, proposals, scores, settings_file
from neurocomp.readings import screening as readings
from neurocomp.readings.config import ReadingsConfig
from neurocomp.readings.space import DEFAULTS, FIRST, ORDER, SPACE
from neurocomp.results.lock import CellLocked, Lock


def searching(tmp_path, **overrides):
    return ReadingsConfig(**({"settings": 16, "screen": 4, "confirm": 1, "results": str(tmp_path)} | overrides))


@pytest.fixture
def counted(monkeypatch):
    """Instead of tuning: counts that depend on the cell's configuration alone, and a list of what was asked."""
    asked = []

    def count(config, restarts, seed):
        asked.append((config.task.name, config.init, restarts, seed))
        digits = int(make_plan(config).config_hash, 16)
        return {"fit": digits % (restarts + 1), "soft": digits // 1000 % (restarts + 1)}

    monkeypatch.setattr(measuring, "count", count)
    return asked


def test_the_default_setting_is_the_shipped_configuration(tmp_path):
    shipped = configure(["task=map_inc", "init=map_dec"])
    ours = cells.cell_config(DEFAULTS, "init=map_dec", "map_inc", searching(tmp_path))
    assert (ours.machine, ours.objective, ours.gamma, ours.examples) == (
        shipped.machine,
        shipped.objective,
        shipped.gamma,
        shipped.examples,
    )
    assert (ours.task.base, ours.task.length, ours.task.registers, ours.task.lines) == (6, 3, 5, 5)
    assert ours.init == "map_dec"


def test_every_value_of_every_key_is_a_cell_that_can_run(tmp_path):
    config = searching(tmp_path)
    for key, values in SPACE.items():
        for value in (values[0], values[-1]) if isinstance(values, range) else values:
            setting = DEFAULTS | {key: value}
            if proposals.runs(setting):
                for row, task in ORDER:
                    make_plan(cells.cell_config(setting, row, task, config))


def test_a_key_of_a_setting_changes_what_it_names(tmp_path):
    config = searching(tmp_path)
    setting = DEFAULTS | {
        "writeback": "printed", "jump_target": "operand", "loss": "softmax", "learning_rate": 0.3, "base": 8,
        "length": 2, "fib_length": 3, "lines": 9, "inc": "value", "parity": "each_without_modulus",
    }  # fmt: skip
    made = {task: cells.cell_config(setting, "optimization", task, config) for _, task in ORDER}
    fib, inc, parity = (make_plan(made[task]).task for task in ("fib", "inc", "parity"))
    assert made["fib"].machine.writeback == "printed" and made["fib"].objective.loss == "softmax"
    assert made["fib"].optimizer.learning_rate == 0.3
    assert fib.sizes == (8, 9, 9) and fib.checked_memory == (0, 1, 2)
    assert inc.checked_memory == (0,) and inc.name == "inc"
    assert parity.ranges[8 + 6] == (0, 0)  # register 6, the modulus, starts at 0


def test_the_twenty_published_cells_are_screened():
    assert len(ORDER) == len(set(ORDER)) == 20


def test_the_error_is_the_mean_absolute_difference_in_points():
    # Published: map_inc 86, 100, 100, 45; everything measured as 0 of 4 gives the mean of the published rates.
    rows = [dict(setting=3, row=row, task=task, n=4, fit=0, soft=4) for row, task in ORDER]
    published = [19, 86, 56, 41, 95, 4, 100, 7, 7, 26, 45, 100, 6, 41, 100, 100, 100, 100, 49, 75]
    assert scores.errors(rows, "fit") == {3: pytest.approx(sum(published) / 20)}
    assert scores.errors(rows, "soft") == {3: pytest.approx(100 - sum(published) / 20)}
    assert scores.errors(rows[:-1], "fit") == {}


def test_an_interrupted_search_ends_as_an_uninterrupted_one(tmp_path, counted, monkeypatch):
    monkeypatch.setattr(proposals, "RANDOM", 13)
    readings.search(searching(tmp_path / "whole"))
    for settings in (3, 13, 14, 16):
        readings.search(searching(tmp_path / "parts", settings=settings, confirm=0))
    whole, parts = ((tmp_path / of / "readings" / "screen-s0.csv").read_text() for of in ("whole", "parts"))
    assert _without_seconds(whole) == _without_seconds(parts)


def test_the_best_by_each_measure_are_confirmed_with_another_seed(tmp_path, counted):
    readings.search(searching(tmp_path, restarts=40))
    rows = settings_file.read(tmp_path / "readings" / "screen-s0.csv")
    confirmed = settings_file.read(tmp_path / "readings" / "confirmed-s0.csv")
    assert {row["setting"] for row in confirmed} == {scores.best(rows, name)[0][1] for name in ("fit", "soft")}
    assert {(row["n"], row["seed"]) for row in confirmed} == {(40, 1), (40, 2)}
    asked = len(counted)
    readings.search(searching(tmp_path, restarts=40))
    assert len(counted) == asked


def test_a_setting_that_was_confirmed_with_one_seed_gets_the_others(tmp_path, counted):
    readings.search(searching(tmp_path, confirm=2, fresh_seeds=1))
    path = tmp_path / "readings" / "confirmed-s0.csv"
    before, asked = path.read_text(), len(counted)
    readings.search(searching(tmp_path, confirm=2, fresh_seeds=3))
    assert path.read_text().startswith(before) and {row[2:] for row in counted[asked:]} == {(100, 2), (100, 3)}
    cells = Counter((row["setting"], row["seed"]) for row in settings_file.read(path))
    assert set(cells.values()) == {20} and Counter(seed for _, seed in cells) == dict.fromkeys(
        (1, 2, 3), len(cells) / 3
    )


def test_a_setting_that_cannot_become_one_of_the_best_is_given_up(tmp_path, counted):
    hopeless = list(measuring.measure(DEFAULTS, 0, searching(tmp_path), 4, 0, {"fit": 0.0, "soft": 0.0}))
    assert len(hopeless) < 20
    assert len(list(measuring.measure(DEFAULTS, 0, searching(tmp_path), 4, 0, {}))) == 20


def test_counts_are_of_restarts_that_were_tuned(tmp_path):
    setting = DEFAULTS | {"length": 1, "base": 4, "updates": 100}
    config = cells.cell_config(setting, "init=map_inc", "map_inc", searching(tmp_path))
    assert measuring.count(config, 6, seed=0) == {"fit": 6, "soft": 6}


def test_rows_of_another_search_are_refused(tmp_path):
    path = tmp_path / "readings" / "screen-s0.csv"
    path.parent.mkdir()
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["setting", "row"], ["0", "optimization"]])
    with pytest.raises(UserError, match="not the rows of this search"):
        readings.search(searching(tmp_path))


def test_one_process_searches_at_a_time(tmp_path, counted):
    (tmp_path / "readings").mkdir()
    locked = pytest.raises(CellLocked, match="screen-s0 is being written by another process")
    with Lock(tmp_path / "readings" / "screen-s0.csv"), locked:
        readings.search(searching(tmp_path))
    assert not counted and not list(tmp_path.rglob("*.csv"))


def test_the_second_of_two_searches_is_told_what_it_is(command, tmp_path):
    (tmp_path / "results" / "readings").mkdir(parents=True)
    with Lock(tmp_path / "results" / "readings" / "screen-s3.csv"):
        answer = command("readings", "seed=3")
    owner = "screen-s3 is being written by another process (lock results/readings/screen-s3.lock)"
    assert answer == (1, "", f"neurocomp: {owner}\n")


def test_the_former_name_works_and_says_the_new_one(command, counted):
    answer = command("run", "experiment=readings", "readings.settings=1", "readings.confirm=0", "task=fib")
    renamed = "a command of its own now: neurocomp readings settings=1 confirm=0\n"
    assert answer.code == 0 and answer.err.startswith(f"neurocomp run experiment=readings is {renamed}")
    assert answer.out == "neurocomp table readings --results results/readings ranks what was measured\n"
    assert command("run", "experiment=readings", "--cfg", "job").out == command("readings", "--cfg", "job").out


@pytest.mark.parametrize(
    "given, line",
    [
        ("sttings=1", 'sttings=1: there is no key "sttings"; the keys here are settings, screen, '),
        ("settings=1,2", "settings=1,2: a grid of 2 cells, readings takes one, such as settings=40"),
        ("settings=-1", "settings=-1: expected a number >= 0"),
        (
            "seed=9223372036854775807",
            "seed=9223372036854775807: readings are confirmed with seeds up to seed + 2; expected a number <= 92",
        ),
        ("optimizer.beta1=0.5", 'optimizer.beta1=0.5: there is no key "optimizer"; the keys here are settings, '),
    ],
)
def test_what_the_search_does_not_know_is_refused(command, given, line):
    answer = command("readings", given)
    assert answer.code == 2 and answer.err.startswith(f"neurocomp: {line}") and answer.err.count("\n") == 1


def test_a_damaged_row_of_a_search_is_named_and_left_alone(tmp_path, counted):
    readings.search(searching(tmp_path, settings=1))
    path = tmp_path / "readings" / "screen-s0.csv"
    damaged = path.read_text().replace("log", "lag", 1)
    path.write_text(damaged)
    with pytest.raises(UserError, match='screen-s0.csv:2: loss is "lag", expected one of log, softmax'):
        readings.search(searching(tmp_path))
    assert path.read_text() == damaged


def _without_seconds(text: str) -> list[list[str]]:
    return [row[:6] + row[7:] for row in csv.reader(text.splitlines())]


@pytest.mark.parametrize("row, task", ORDER)
def test_the_shipped_best_reading_is_the_setting_that_was_confirmed(row, task, tmp_path):
    setting = DEFAULTS | FIRST[5]
    shipped = configure([
        "machine=paper_best", f"task=paper_{task}", f"init={'random' if row == 'optimization' else row[5:]}", "seed=1",
        "gamma=0.2", "examples=3", "objective.efficiency=0.01", "optimizer.updates=300", "optimizer.stop=fit",
    ])  # fmt: skip
    confirmed = replace(cells.cell_config(setting, row, task, searching(tmp_path)), seed=1)
    assert make_plan(shipped).config_hash == make_plan(confirmed).config_hash


def test_the_first_experiment_is_that_setting():
    of_file = configure(["experiment=table1_paper_first", "hydra.mode=RUN", "task=paper_fib", "init=map_dec"])
    setting = DEFAULTS | FIRST[5]
    confirmed = replace(cells.cell_config(setting, "init=map_dec", "fib", ReadingsConfig()), seed=1)
    assert make_plan(of_file).config_hash == make_plan(confirmed).config_hash

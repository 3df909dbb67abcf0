"""The search over readings: what it measures, with which seed, when it gives a setting up, what it spends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neurocomp.readings import cells, measuring, scores
from neurocomp.readings import screening as readings
from neurocomp.readings.measuring import ThisProcess
from neurocomp.readings.settings_file import append, read
from neurocomp.readings.space import DEFAULTS, ORDER
from neurocomp.report.published import tuned_rates
from tests.test_readings import searching


def rows(number: int, fit: float, soft: float, cells: int = 20, seconds: float = 1.0) -> list[dict]:
    """A setting that is off by `fit` and `soft` points in each cell."""
    found = []
    for row, task in ORDER[:cells]:
        rate = tuned_rates("table1")[row, task]
        sign = -1 if rate > 0.5 else 1
        counts = {name: 1000 * (rate + sign * points / 100) for name, points in (("fit", fit), ("soft", soft))}
        found.append(dict(setting=number, row=row, task=task, n=1000, **counts, seconds=seconds, seed=0) | DEFAULTS)
    return found


def test_errors_are_absolute_and_of_complete_settings():
    several = rows(0, 3, 7) + rows(1, 5, 2) + rows(2, 0, 0, cells=19)
    assert scores.errors(several, "fit") == {0: pytest.approx(3), 1: pytest.approx(5)}
    assert [number for _, number in scores.best(several, "fit")] == [0, 1]
    assert [number for _, number in scores.best(several, "soft")] == [1, 0]


def test_a_setting_must_be_able_to_beat_the_eighth_best():
    several = [row for number in range(12) for row in rows(number, number + 1, 20 - number)]
    assert scores.limits(several) == {"fit": pytest.approx(8), "soft": pytest.approx(16)}
    few = [row for number in range(7) for row in rows(number, number + 1, 20 - number)]
    assert scores.limits(few) == {} and scores.limits([]) == {}


def measured(monkeypatch, tmp_path, limit: dict[str, float], fit: int, soft: int) -> int:
    """How many cells are measured of a setting that recovers this many of 100 everywhere."""
    monkeypatch.setattr(measuring, "count", lambda *_: {"fit": fit, "soft": soft})
    return len(list(measuring.measure(DEFAULTS, 0, searching(tmp_path), 100, 0, limit)))


def test_a_setting_is_given_up_once_no_measure_can_be_among_the_best(monkeypatch, tmp_path):
    assert measured(monkeypatch, tmp_path, {}, 0, 0) == 20
    assert measured(monkeypatch, tmp_path, {"fit": 1.0, "soft": 1.0}, 0, 0) < 20
    assert measured(monkeypatch, tmp_path, {"fit": 1.0, "soft": 100.0}, 0, 0) == 20
    assert measured(monkeypatch, tmp_path, {"fit": 100.0, "soft": 1.0}, 0, 0) == 20


def test_the_best_are_confirmed_with_all_restarts_and_the_next_seeds(monkeypatch, tmp_path):
    screened, confirmed = tmp_path / "screen.csv", tmp_path / "confirmed.csv"
    append(screened, [{**row, "fit": int(row["fit"]), "soft": int(row["soft"])}
                               for number, fit, soft in ((0, 9, 3), (1, 2, 8), (2, 20, 20)) for row in
                               rows(number, fit, soft)])  # fmt: skip
    asked = []
    monkeypatch.setattr(
        measuring, "count", lambda config, restarts, seed: asked.append((restarts, seed)) or {"fit": 1, "soft": 1}
    )
    config = searching(tmp_path, restarts=7, seed=4)
    readings.confirm(config, screened, confirmed, ThisProcess())
    found = read(confirmed)
    assert [(row["setting"], row["seed"]) for row in found[::20]] == [(1, 5), (1, 6), (0, 5), (0, 6)]
    assert set(asked) == {(7, 5), (7, 6)} and {row["n"] for row in found} == {7}


def test_a_resumed_search_measures_what_is_missing_and_counts_the_seconds_that_were_spent(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(measuring, "count", lambda *_: asked.append(1) or {"fit": 0, "soft": 0})
    path = tmp_path / "screen.csv"
    several = [{**row, "fit": int(row["fit"]), "soft": int(row["soft"])} for row in rows(0, 3, 3) + rows(1, 4, 4)]
    append(path, several)
    config = searching(tmp_path, settings=3, seconds=100)
    readings.screen(config, path, ThisProcess())
    assert len(asked) == 20 and {row["setting"] for row in read(path)} == {0, 1, 2}
    path.unlink()
    append(path, several)
    readings.screen(replace(config, seconds=39.0), path, ThisProcess())
    assert len(asked) == 20 and {row["setting"] for row in read(path)} == {0, 1}


def test_cells_are_tuned_with_the_seed_that_is_asked_for_and_stop_by_fit(monkeypatch, tmp_path):
    planned = []

    def tuning(plan, unseen, restarts):
        planned.append(plan)
        raise InterruptedError

    monkeypatch.setattr(measuring, "tune_restarts", tuning)
    config = cells.cell_config(DEFAULTS, "init=map_inc", "map_inc", searching(tmp_path))
    assert config.optimizer.stop == "fit"
    with pytest.raises(InterruptedError):
        measuring.count(config, 3, seed=6)
    assert planned[0].config.seed == 6


def test_fit_and_soft_are_counted_apart(monkeypatch, tmp_path):
    """Of 4 restarts 3 fit; on test examples one is right."""
    import torch

    monkeypatch.setattr(measuring, "soft", lambda *_: torch.tensor([False, True, False, False]))
    tuned = measuring.tune_restarts
    monkeypatch.setattr(
        measuring,
        "tune_restarts",
        lambda *given: [one._replace(fit=place != 2) for place, one in enumerate(tuned(*given))],
    )
    setting = DEFAULTS | {"length": 1, "base": 4, "updates": 1}
    config = cells.cell_config(setting, "init=map_inc", "map_inc", searching(tmp_path))
    assert measuring.count(config, 4, seed=0) == {"fit": 3, "soft": 1}


@pytest.mark.parametrize("setting, task, sizes", [
    ({}, "fib", (5, 7, 5)), ({"registers": 9}, "fib", (9, 7, 5)), ({"lines": 12}, "fib", (5, 12, 5)),
    ({"registers": 7, "lines": 12}, "reduce", (7, 12, None)), ({"fib_length": 3}, "fib", (5, 7, 3)),
    ({"length": 2}, "fib", (5, 7, 5)), ({"length": 2}, "map_inc", (5, 5, 2)), ({"fib_length": 2}, "map_inc", (5, 5, 3)),
])  # fmt: skip
def test_sizes_are_the_tasks_own_or_larger(setting, task, sizes):
    config = cells.task_config(DEFAULTS | setting, task)
    assert (config.registers, config.lines, config.length) == sizes

"""What stands beside the distance from the published table: cells that nothing trained, and tables that say little."""

from __future__ import annotations

import pytest

from neurocomp.cli.main import dispatch
from neurocomp.errors import UserError
from neurocomp.report.cells import read_cells
from neurocomp.report.floors import interval_of_mean, one_constant, row_as_optimization, row_at
from neurocomp.report.published import tuned_rates
from neurocomp.report.table import long_table, measured_table
from tests.cells import write_cell

RATES = tuned_rates("table1")


def tuned(folder, task, init, soft, updates=400, **config):
    given = {"task": {"name": task, "program": task}, "optimizer": {"updates": updates}} | config
    write_cell(folder, task, init, 10, given | {"config_hash": f"{init}-{task}-{updates}-{len(config)}"}, soft=soft)


def notes(folder, **options):
    return measured_table("table1", read_cells(folder), "soft", **options).grids[0].notes


def test_floors_of_the_published_table_by_hand():
    """Median columns: inc 19 to 100; map_inc 86, 45, 100; map_dec 56, 7, 100; reduce 41 to 100; parity; fib."""
    columns = {
        "inc": 81,
        "map_inc": 55,
        "map_dec": 93,
        "reduce": 59,
        "parity": 95 - 6 + 49 - 7,
        "fib": 75 - 4 + 41 - 26,
    }
    assert 100 * one_constant(RATES) == pytest.approx(sum(columns.values()) / 20)
    assert 100 * row_at(RATES, 1.0) == pytest.approx((51 + 25) / 20)
    assert 100 * row_as_optimization(RATES) == pytest.approx((81 + 14 + 44 + 59 + 46 + 71) / 20)


def test_a_program_that_starts_as_its_own_task_stands_in_two_rows_if_it_is_asked_for(tmp_path):
    """init=reference of map_inc is recorded as map_inc; a text without a name stays reference."""
    tuned(tmp_path, "map_inc", "map_inc", soft=9)
    tuned(tmp_path, "map_inc", "map_dec", soft=3)
    tuned(tmp_path, "map_inc", "loop_noop", soft=1)
    tuned(tmp_path, "parity", "reference", soft=7)

    def rates(loop_noop):
        entries = long_table("table1", read_cells(tmp_path), "soft", loop_noop)
        return {(entry["row"], entry["task"]): entry["rate"] for entry in entries if entry["rate"] is not None}

    shared = {("init=map_inc", "map_inc"): 0.9, ("init=map_dec", "map_inc"): 0.3}
    assert rates("skeleton") == shared | {("init=loop_noop", "map_inc"): 0.1}
    assert rates("reference") == shared | {("init=loop_noop", "map_inc"): 0.9, ("init=loop_noop", "parity"): 0.7}


def test_nothing_trained_is_measured_under_the_same_settings_or_said_to_be_missing(tmp_path):
    """Published: 86 and 45. Trained 80 and 50: 5.5 points. Untrained 0 and 10: 60.5 points."""
    tuned(tmp_path, "map_inc", "random", soft=8)
    tuned(tmp_path, "map_inc", "map_dec", soft=5)
    tuned(tmp_path, "map_inc", "random", soft=0, updates=0)
    distance, floors = notes(tmp_path)[-2:]
    assert "over 2 published tuned cells" in distance and ": 5.5 points (" in distance
    assert floors.startswith("Floors of that difference: not measured with nothing trained")
    tuned(tmp_path, "map_inc", "map_dec", soft=1, updates=0, noop_lines="open")
    assert "not measured with nothing trained" in notes(tmp_path)[-1]
    tuned(tmp_path, "map_inc", "map_dec", soft=1, updates=0)
    assert notes(tmp_path)[-1].startswith("Floors of that difference: 60.5 with nothing trained")
    assert notes(tmp_path)[-2] == distance


def test_cells_without_updates_are_a_table_where_there_are_no_others(tmp_path):
    tuned(tmp_path, "map_inc", "random", soft=0, updates=0)
    assert ": 86.0 points (" in notes(tmp_path)[-2]


def test_the_interval_holds_the_mean_and_shrinks_with_restarts():
    few, many = ([{"n": n, "rate": 0.5, "published": 0.1}] * 20 for n in (20, 2000))
    (low, high), (lowest, highest) = interval_of_mean(few), interval_of_mean(many)
    assert low < lowest < 0.4 < highest < high
    # The standard error of a mean of 20 rates is sqrt(0.25 / 20 / n).
    assert highest - lowest == pytest.approx(2 * 1.96 * (0.25 / 20 / 2000) ** 0.5, rel=0.1)


@pytest.mark.parametrize("command, said", [
    (["table", "gamma", "--loop-noop", "reference"], "--loop-noop: gamma has no such row; expected one of table1"),
    (["plot", "recovery", "--loop-noop", "reference"], "--loop-noop: recovery has no such row; expected table1"),
], ids=str)  # fmt: skip
def test_what_the_loop_of_noops_starts_from_is_asked_of_table_1_alone(command, said):
    with pytest.raises(UserError) as error:
        dispatch(command)
    assert str(error.value) == said

"""Which cell stands in which place of a table, and what is said of it: by hand, on a few rows."""

from __future__ import annotations

import csv
import io
import json

import pytest

from neurocomp.errors import UserError
from neurocomp.report.cells import Cell, read_cells
from neurocomp.report.comparison import boschloo, compare, find_cell
from neurocomp.report.gamma import gamma_table
from neurocomp.report.means import Sample, compared
from neurocomp.report.places import choose, find, row_of
from neurocomp.report.table import compared as rate_compared
from neurocomp.report.table import long_table, mean_difference
from neurocomp.report.where import conditions, select
from tests.cells import write_cell


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "table1"


def rates(folder, metric: str = "soft") -> dict[tuple[str, str], float | None]:
    return {(entry["row"], entry["task"]): entry["rate"] for entry in long_table("table1", read_cells(folder), metric)}


def synthesis(folder, **recovered):
    write_cell(folder, "inc", "none", 5, {"method": "synthesize"}, **recovered)


def from_synth(folder, allocation, **values):
    config = {"synthesis": {"allocation": allocation}, "config_hash": allocation}
    write_cell(folder, "inc", "synth", 5, config, **values)


# --- both


@pytest.mark.parametrize("hard, both", [(5, 1.0), (4, 0.4), (3, 0.4), (0, 0.4)])
def test_both_is_synthesis_only_where_each_of_its_programs_is_hard(folder, hard, both):
    """All of them are soft. From templates, 2 of 5 recover."""
    synthesis(folder, soft=5, hard=hard, fit=5)
    from_synth(folder, "best", soft=2)
    assert rates(folder)["both", "inc"] == both and rates(folder)["synthesis", "inc"] == 1.0


def test_allocations_have_rows_of_their_own(folder):
    from_synth(folder, "even", soft=1, synthesized=2)
    from_synth(folder, "best", soft=4)
    found = rates(folder)
    assert [found[row, "inc"] for row in ("both", "both, equal budget", "both, after tuning")] == [0.8, 0.6, 0.2]


@pytest.mark.parametrize("metric, equal, after", [("soft", 0.8, 0.4), ("hard", 0.6, 0.2), ("general", 0.2, 0.2)])
def test_equal_budget_is_right_before_or_after_tuning(folder, metric, equal, after):
    """Restarts 3 and 4 were right before, 0 and 1 are soft, 0 is hard and general. Of before nothing is general."""
    from_synth(folder, "even", soft=2, hard=1, general=1, synthesized=2)
    found = rates(folder, metric)
    assert [found[row, "inc"] for row in ("both, equal budget", "both, after tuning")] == [equal, after]


# --- places


def test_searches_have_rows_of_their_own_whatever_they_start_from(folder):
    for method, init in (("local_search", "random"), ("local_search", "map_inc"), ("random_search", "none"),
                         ("enumerate", "none"), ("synthesize", "none")):  # fmt: skip
        write_cell(folder, "inc", init, 4, {"method": method, "config_hash": f"{method}{init}"}, soft=2)
    assert [row_of(cell) for cell in sorted(read_cells(folder), key=lambda cell: cell.facts["config_hash"])] == [
        "enumeration", "local search from map_inc", "local search from random", "random programs", "synthesis",
    ]  # fmt: skip
    found = rates(folder)
    assert found["optimization", "inc"] is None and found["init=map_inc", "inc"] is None


def test_two_configurations_of_one_place_are_refused_and_named(folder):
    for seed in (0, 1):
        write_cell(folder, "inc", "random", 4, {"seed": seed, "config_hash": str(seed)}, soft=seed)
    with pytest.raises(UserError, match="optimization, inc:\n.*seed=0.*\n.*seed=1"):
        long_table("table1", read_cells(folder), "soft")


def test_a_cell_without_rows_competes_with_none(folder):
    same = {"task": "inc", "init": "random", "method": "tune"}
    write_cell(folder, "inc", "random", 4, same | {"config_hash": "full"}, soft=3)
    write_cell(folder, "inc", "random", 4, same | {"config_hash": "empty"}, soft=3)
    path = next(folder.glob("*empty.csv"))
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert rates(folder)["optimization", "inc"] == 0.75


def test_of_two_copies_the_longer_one_counts(folder):
    for name, n, soft in (("a", 4, 4), ("b", 8, 2), ("c", 6, 6)):
        write_cell(folder / name, "inc", "random", n, {"config_hash": "same"}, soft=soft)
    cells = read_cells(folder)
    assert [cell.n for cell in choose((("place",), cell) for cell in cells).values()] == [8]
    assert [cell.n for cell in choose((("place",), cell) for cell in cells[::-1]).values()] == [8]
    assert find_cell("inc-random", folder).n == 8
    assert find("optimization", "inc", {("optimization", "inc"): cells[0]}, "soft").count == 4  # pyright: ignore


# --- against the paper


@pytest.mark.parametrize("count, excluded", [(19, False), (36, False), (37, True), (8, False), (4, True)])
def test_rates_are_excluded_where_intervals_have_nothing_in_common(count, excluded):
    """Published 19 of 100: 12.5 to 27.8 %. Measured 36: 27.3 to 45.8, 37: 28.2 on; 8: up to 15.0, 4: up to 9.8."""
    entry = rate_compared(("optimization", "inc"), count, 100, 0.19)
    assert entry["excluded"] is excluded and entry["difference"] == pytest.approx(count / 100 - 0.19)


def test_the_mean_difference_is_absolute_and_of_tuned_rows():
    entries = [rate_compared((row, "inc"), count, 10, published) for row, count, published in (
        ("optimization", 5, 0.2), ("init=map_inc", 1, 0.4), ("synthesis", 0, 1.0), ("both", 0, 1.0),
        ("init=map_dec", 3, None),
    )]  # fmt: skip
    assert mean_difference(entries) == (pytest.approx(0.3), 2)
    assert mean_difference(entries[2:]) is None


def test_differences_of_means_are_measured_minus_published():
    assert compared(Sample(900.0, 10.0, 3), Sample(1000.0, 10.0, 5))["difference"] == -100
    assert "difference" not in compared(None, Sample(1000.0, 10.0, 5))


# --- gamma


def test_gamma_is_of_tuned_programs_alone(folder):
    for init, method in (("fib", "tune"), ("random", "tune"), ("synth", "tune"), ("map_inc", "local_search")):
        write_cell(folder, "fib", init, 4, {"method": method, "config_hash": init + method}, soft=1)
    assert [(entry["init"], entry["rate"]) for entry in gamma_table(read_cells(folder), "soft").entries] == [
        ("fib", 0.25)
    ]


def test_fewer_restarts_than_elsewhere_are_said(folder, capsys):
    write_cell(folder, "fib", "fib", 4, soft=1)
    write_cell(folder, "inc", "inc", 8, soft=2)
    texts = gamma_table(read_cells(folder), "soft").grids[0].texts
    assert texts["fib", "0.3"].endswith(", n=4") and "n=" not in texts["inc", "0.3"]


# --- where


@pytest.mark.parametrize("where, found", [
    ({"dirty": ["false"]}, "ab"), ({"dirty": ["true"]}, "c"), ({"config_hash": ["aa"]}, "a"), ({"seed": ["1"]}, "b"),
    ({"seed": ["0"], "dirty": ["true"]}, "c"), ({"seed": ["0", "1"], "dirty": ["false"]}, "ab"),
    ({"gamma": ["0.30"]}, "abc"),
])  # fmt: skip
def test_where_takes_the_cells_all_of_whose_rows_have_the_values(folder, where, found):
    for name, seed, dirty in (("a", 0, False), ("b", 1, False), ("c", 0, True)):
        facts = {"seed": seed, "dirty": dirty, "config_hash": f"{name}aa0"}
        write_cell(folder / name, "inc", "random", 4, facts, soft=2)
    texts = [f"{key}={value}" for key, values in where.items() for value in values]
    cells = select(read_cells(folder), conditions(texts), Cell)
    assert "".join(cell.path.parent.name for cell in cells) == found


def test_where_wants_a_value_in_all_rows_and_a_hash_from_its_beginning(folder):
    write_cell(folder, "inc", "random", 4, {"config_hash": "0123456789abcdef"}, soft=2)
    cells = read_cells(folder)
    assert select(cells, conditions(["config_hash=0123"]), Cell) == cells
    for where in ("config_hash=4567", "recovered_soft=true", "status=recovered"):
        with pytest.raises(UserError, match="no cell has it"):
            select(cells, conditions([where]), Cell)


# --- compare


def test_a_comparison_is_first_minus_second_and_two_sided(folder):
    write_cell(folder, "inc", "map_inc", 4, {"config_hash": "one"}, soft=3, hard=0)
    write_cell(folder, "inc", "random", 4, {"config_hash": "two"}, soft=1, hard=2)
    cells = (find_cell("map_inc", folder), find_cell("random", folder))
    assert compare(cells, "soft")["difference"] == 0.5 and compare(cells, "hard")["difference"] == -0.5
    with pytest.raises(UserError, match="inc-: fits 2 cells"):
        find_cell("inc-", folder)
    # All of 3 against none of 3: twice the one-sided (1/2)^6, whichever comes first.
    assert boschloo((3, 3), (0, 3)) == pytest.approx(boschloo((0, 3), (3, 3))) == pytest.approx(2 / 64, rel=2e-3)


# --- figures


def test_curves_of_recovery_are_shares_of_all_restarts_at_each_update(folder):
    """Of 4 restarts two recover, at updates 0 and 10."""
    plots = pytest.importorskip("neurocomp.report.plots")
    write_cell(folder, "fib", "random", 4, soft=2)
    figure = plots.draw("recovery", read_cells(folder), "soft")
    (line,) = (line for line in figure.axes[0].get_lines() if line.get_label() == "optimization")
    points = dict(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True))
    assert points[0] == 25 and points[10] == 50 and max(points.values()) == 50


def test_show_says_rates_with_their_intervals(command, folder):
    """Wilson's interval of 3 in 4 is 30.1 to 95.4 %."""
    write_cell(folder, "inc", "random", 4, soft=3)
    (line,) = json.loads(command("show", "--results", folder, "--json").out)
    assert (round(line["ci_low"], 3), round(line["ci_high"], 3)) == (0.301, 0.954)
    text = command("table", "table1", "--results", folder, "--format", "csv").out
    entry = next(entry for entry in csv.DictReader(io.StringIO(text)) if entry["rate"])
    assert (entry["row"], entry["ci_low"][:5], entry["ci_high"][:5]) == ("optimization", "0.300", "0.954")

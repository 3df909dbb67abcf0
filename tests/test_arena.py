"""The arena's table against rates, medians and places worked by hand."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from cli.table import main
from neurocomp.errors import UserError
from neurocomp.report import arena_table
from neurocomp.report.cells import read_cells
from neurocomp.report.success import median_interval
from tests.cells import write_cell, write_race

# Wilson, z^2 = 3.8415: the center of c of n is (c + z^2/2) / (n + z^2), the half width z sqrt(c (n - c) / n + z^2/4) /
# (n + z^2). 2 of 4: .5 and .350; 3 of 4: .6275 and .327; 0 of 4 up to, and 4 of 4 from, z^2 / (4 + z^2) = .490.
TWO, THREE, NONE, ALL = "50 (15-85)", "75 (30.1-95.4)", "0 (0-49)", "100 (51-100)"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "arena"


def drawn(capsys, folder, *argv) -> str:
    assert main(["arena", "--results", str(folder), *argv]) == 0
    return capsys.readouterr().out


def grids(capsys, folder, *argv) -> dict[str, dict[str, dict[str, str]]]:
    """By the word that a grid's caption begins with: what stands in its rows, by method."""
    found, here = {}, {}
    for line in drawn(capsys, folder, *argv).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("arena, "):
            here = found.setdefault(line.removeprefix("arena, ").split(":")[0], {})
        elif line.startswith("| "):
            if not here:
                methods = cells[1:]
            here[cells[0]] = dict(zip(methods, cells[1:], strict=True))
    return {name: {row: texts for row, texts in rows.items() if row} for name, rows in found.items()}


def entries(capsys, folder, *argv) -> list[dict]:
    return list(csv.DictReader(io.StringIO(drawn(capsys, folder, "--format", "csv", *argv))))


def test_a_restart_is_solved_within_a_budget_if_it_took_no_longer(folder, capsys):
    write_race(folder, "annealing", [0.5, 1.0, 4.0, None])
    found = grids(capsys, folder)
    for measure in ("soft", "hard", "general"):
        assert found[measure] == {"inc, 1 s": {"annealing": TWO}, "inc, 10 s": {"annealing": THREE}}
    lines = {(line["metric"], line["budget"]): line for line in entries(capsys, folder)}
    assert len(lines) == 6 and lines["hard", "1.0"]["solved"] == "2" and lines["hard", "10.0"]["rate"] == "0.75"


def test_all_or_none_solved(folder, capsys):
    write_race(folder, "annealing", [0.1, 0.2, 0.3, 0.4])
    write_race(folder, "annealing", [None] * 4, task="fib")
    found = grids(capsys, folder)
    assert found["hard"]["inc, 1 s"] == {"annealing": ALL} and found["hard"]["fib, 10 s"] == {"annealing": NONE}
    assert found["time to success"] == {"inc": {"annealing": "0.25 / 250 + 16,000"}}
    assert "4 restarts ended at their limit and count as not solved." in drawn(capsys, folder)


def test_a_cell_says_nothing_of_a_budget_beyond_its_limit(folder, capsys):
    write_race(folder, "annealing", [0.5, 0.6, None, None], limit=1)
    assert grids(capsys, folder)["hard"] == {"inc, 1 s": {"annealing": TWO}}
    write_race(folder, "solver", [0.5, 2.0, 3.0, None], init="none")
    beside = grids(capsys, folder)["hard"]
    assert beside["inc, 10 s"] == {"annealing": "-", "solver": THREE}
    assert {line["budget"] for line in entries(capsys, folder) if line["method"] == "annealing"} == {"1.0"}


def test_cells_of_two_limits_are_told_apart(folder, capsys):
    write_race(folder, "annealing", [0.5, 0.6, None, None], limit=10)
    write_race(folder, "annealing", [0.5, 50.0], limit=60)
    rates = {row: texts["annealing"] for row, texts in grids(capsys, folder)["hard"].items()}
    assert rates == {"inc, 1 s": TWO, "inc, 10 s": TWO, "inc, 60 s": "100 (34.2-100), n=2"}
    lines = {(line["limit"], line["budget"]): line["solved"] for line in entries(capsys, folder, "--metric", "hard")}
    assert lines == {
        ("10", "1.0"): "2",
        ("10", "10.0"): "2",
        ("60", "1.0"): "1",
        ("60", "10.0"): "1",
        ("60", "60"): "2",
    }
    assert "differ in their limit" in drawn(capsys, folder)


def test_settings_are_told_apart_and_named(folder, capsys):
    write_race(folder, "tune", [None] * 4, limit=None, config={"optimizer": {"hold": 10, "learning_rate": 0.1}})
    write_race(folder, "tune", [0.5] * 4, limit=None, config={"optimizer": {"hold": 1, "learning_rate": 0.1}})
    write_race(folder, "annealing", [0.5] * 4, config={"optimizer": {"hold": 1}, "annealing": {"fresh": 7}})
    assert grids(capsys, folder)["hard"]["inc, 1 s"] == {"tune": NONE, "tune (2)": ALL, "annealing": ALL}
    notes = [line for line in drawn(capsys, folder).splitlines() if "set to" in line]
    assert notes == ["- tune (2): set to optimizer.hold=1.", "- annealing: set to annealing.fresh=7."]


def test_cells_of_two_seeds_are_left_to_the_reader(folder, capsys):
    write_race(folder, "annealing", [0.5] * 4)
    write_race(folder, "annealing", [None] * 4, config={"seed": 1})
    with pytest.raises(UserError, match=r"inc, nothing, annealing, limit=10:\n.*seed=0"):
        main(["arena", "--results", str(folder)])
    assert grids(capsys, folder, "--where", "seed=1")["hard"]["inc, 1 s"] == {"annealing": NONE}


def test_a_restart_that_gave_up_before_the_budget_is_marked(folder, capsys):
    """It ended after 5 s, out of programs: it might have been solved within 10."""
    write_race(folder, "local_search", [0.5, 0.6, 0.7, None], limit=None)
    found = grids(capsys, folder, "--metric", "hard")["hard"]
    assert {row: texts["local_search"] for row, texts in found.items()} == {
        "inc, 1 s": THREE,
        "inc, 10 s": f"{THREE} [e]",
    }
    assert [line["ended_early"] for line in entries(capsys, folder, "--metric", "hard")] == ["false", "true"]


def test_a_cell_without_a_limit_says_what_it_came_to_in_the_end(folder, capsys):
    write_race(folder, "tune", [0.5, 0.6, 70.0, None], limit=None)
    rates = {row: texts["tune"] for row, texts in grids(capsys, folder)["hard"].items()}
    assert rates == {"inc, 1 s": TWO, "inc, 10 s": f"{TWO} [e]", "inc, in the end": THREE}


@pytest.mark.parametrize("status", ["limit", "died", "diverged"])
def test_what_ended_otherwise_is_not_solved(folder, capsys, status):
    solved = {"recovered_soft": status == "limit", "recovered_hard": False, "recovered_general": None}
    write_race(folder, "solver", [0.5] * 4, status=status, **solved)
    found = grids(capsys, folder, "--metric", "soft")
    assert found == {"soft": {"inc, 1 s": {"solver": NONE}, "inc, 10 s": {"solver": NONE}}}


def test_a_measure_that_was_not_taken_has_no_rates(folder, capsys):
    write_race(folder, "annealing", [0.5] * 4, recovered_general=None)
    assert set(grids(capsys, folder)) == {"soft", "hard", "time to success"}
    assert drawn(capsys, folder, "--metric", "general") == "arena: no cells with general.\n"


def test_starts_stand_below_each_other_and_methods_side_by_side(folder, capsys):
    write_race(folder, "solver", [0.5] * 4, init="none")
    write_race(folder, "annealing", [None] * 4)
    write_race(folder, "annealing", [0.5] * 4, init="map_dec")
    write_race(folder, "annealing", [0.5] * 4, init="map_inc")
    rows = grids(capsys, folder)["hard"]
    assert [row for row in rows if "1 s" in row] == ["inc, 1 s", "inc from map_inc, 1 s", "inc from map_dec, 1 s"]
    assert rows["inc, 1 s"] == {"annealing": NONE, "solver": ALL}
    assert rows["inc from map_dec, 1 s"] == {"annealing": ALL, "solver": "-"}


# --- seconds


def test_seconds_of_a_core_go_before_those_of_the_wall(folder, capsys):
    write_race(folder, "annealing", [0.5] * 4, wall_s=5.0)
    write_race(folder, "tune", [0.5] * 4, limit=None, cpu_s=None, wall_s=5.0)
    assert grids(capsys, folder)["hard"]["inc, 1 s"] == {"tune": NONE, "annealing": ALL}
    assert "seconds are those of" not in drawn(capsys, folder)


def test_seconds_that_are_not_those_of_one_core_are_named(folder, capsys):
    write_race(folder, "tune", [0.5] * 4, limit=None, cpu_s=None, wall_s=0.5, threads=2)
    assert "- tune: seconds are those of 2 threads (cpu).\n" in drawn(capsys, folder)


def test_a_file_older_than_the_column_is_read(folder, capsys):
    path = write_race(folder, "tune", [0.5] * 4, limit=None, wall_s=0.5)
    lines = path.read_text().splitlines()
    path.write_text("".join(",".join(line.split(",")[:32]) + "\n" for line in lines))
    assert "cpu_s" not in path.read_text() and "backward_executions" in path.read_text()
    assert grids(capsys, folder)["hard"]["inc, 1 s"] == {"tune": ALL}


@pytest.mark.parametrize("found, limit", [(0.5, None), (None, 10)])
def test_a_find_or_a_limit_without_a_time_leaves_the_rate_unknown(folder, capsys, found, limit):
    write_race(folder, "tune", [found] * 4, limit=limit, cpu_s=None, wall_s=None).with_suffix(".yaml").unlink()
    assert drawn(capsys, folder, "--metric", "hard") == "arena: no cells with hard.\n"


def test_a_lost_configuration_does_not_lift_the_limit(folder, capsys):
    write_race(folder, "annealing", [0.5, 0.6, None, None], limit=2).with_suffix(".yaml").unlink()
    assert set(grids(capsys, folder)["hard"]) == {"inc, 1 s", "inc, 2 s"}


def test_a_limit_that_is_no_number_is_said(folder, capsys):
    write_race(folder, "annealing", [0.5] * 4).with_suffix(".yaml").write_text("limit: soon\n")
    assert main(["arena", "--results", str(folder)]) == 1
    assert 'limit is "soon", expected' in capsys.readouterr().err


def test_the_median_is_of_the_restarts_that_were_solved(folder, capsys):
    write_race(folder, "annealing", [1.0, 6.0, 2.0, 5.0, 3.0, 4.0, None, None, None], backward_executions=0)
    (line, *_) = entries(capsys, folder, "--metric", "hard")
    assert [line[name] for name in ("median_s", "median_low", "median_high")] == ["3.5", "1.0", "6.0"]
    assert line["executions"] == "350.0" and line["n"] == "9"
    assert grids(capsys, folder)["time to success"] == {"inc": {"annealing": "3.5 (1-6) / 350"}}


@pytest.mark.parametrize("n, low, high", [(6, 1, 6), (10, 2, 9), (20, 6, 15), (100, 40, 61)])
def test_intervals_of_medians_are_those_of_published_tables(n, low, high):
    """The ranks of a sign test's 95 % interval (Conover, Practical nonparametric statistics)."""
    assert median_interval(np.random.default_rng(0).permutation(n) + 1.0) == (low, high)


def test_five_values_are_too_few_for_an_interval():
    """All five lie above the median in one of 32 cases, more than 2.5 %."""
    assert median_interval(np.arange(5.0)) is None


# --- learners


def learner(folder, kind, seconds, fresh=False, **columns):
    shares = {"recovered_hard": None, "recovered_general": None, "program": "", "executions": None} | columns
    write_race(
        folder, "learner", seconds, init="none", limit=60, config={"learner": {"kind": kind, "fresh": fresh}}, **shares
    )


def test_learners_stand_apart_with_their_own_measures(folder, capsys):
    learner(folder, "lstm", [0.5, 20.0, 30.0, None], test_share=0.9, larger_share=0.25)
    learner(folder, "lstm", [None] * 4, fresh=True, test_share=0.5)
    write_race(folder, "annealing", [0.5] * 4, init="none")
    found = grids(capsys, folder)
    assert found["hard"]["inc, 1 s"] == found["soft"]["inc, 1 s"] == {"annealing": ALL}
    assert found["learners"] == {
        "inc, 1 s": {"learner lstm": "25 (4.6-69.9)", "learner lstm, fresh examples": NONE},
        "inc, 10 s": {"learner lstm": "25 (4.6-69.9)", "learner lstm, fresh examples": NONE},
        "inc, 60 s": {"learner lstm": THREE, "learner lstm, fresh examples": NONE},
        "inc, test %": {"learner lstm": "90 (90-90)", "learner lstm, fresh examples": "50 (50-50)"},
        "inc, larger %": {"learner lstm": "25 (25-25)", "learner lstm, fresh examples": "-"},
        "inc, s / executions": {"learner lstm": "20 / -", "learner lstm, fresh examples": "-"},
    }
    assert "arena, learners: they print no program" in drawn(capsys, folder)
    (line,) = [line for line in entries(capsys, folder) if line["method"] == "learner lstm" and line["budget"] == "60"]
    assert (line["metric"], line["test_share"], line["larger_share"]) == ("soft", "0.9", "0.25")


def test_the_interval_of_a_mean_share_ends_at_100_percent():
    """By hand: 0.9, 1, 1 have the mean 0.967 and the deviation 0.0577; t is 4.303: it goes from 0.823 to 1.11."""
    column = SimpleNamespace(known=lambda: [0.9, 1.0, 1.0])
    cell = SimpleNamespace(n=3, table={"test_share": column})
    assert arena_table._share_text("test_share", [SimpleNamespace(cell=cell)]) == "96.7 (82.3-100)"  # pyright: ignore


def test_a_learner_is_never_hard_or_general_whatever_its_rows_say(folder, capsys):
    learner(folder, "ntm", [0.5] * 4, recovered_hard=True, recovered_general=True)
    assert {line["metric"] for line in entries(capsys, folder)} == {"soft"}
    for metric in ("hard", "general", "fit"):
        assert drawn(capsys, folder, "--metric", metric) == f"arena: no cells with {metric}.\n"


def test_a_learner_has_no_place_in_table_1(folder, capsys):
    write_race(folder, "learner", [0.5] * 4, init="random", config={"learner": {"kind": "dnc"}})
    assert main(["table1", "--results", str(folder)]) == 0
    assert "dnc" not in (text := capsys.readouterr().out) and "100.0%" not in text


# --- the command


@pytest.mark.parametrize(
    "format, text", [("md", "arena: no cells with soft or hard or general.\n"), ("csv", "task,start,")]
)
def test_without_cells_it_says_so(tmp_path, capsys, format, text):
    assert main(["arena", "--results", str(tmp_path), "--format", format]) == 0
    answer = capsys.readouterr()
    assert answer.out.startswith(text) and answer.err == f"neurocomp: no results in {tmp_path}\n"


def test_latex_escapes_its_signs(folder, capsys):
    write_race(folder, "local_search", [0.5, None], limit=None)
    text = drawn(capsys, folder, "--format", "latex")
    assert r"local\_search" in text and r"\% of restarts" in text and r"\label{tab:arena-1}" in text


def test_a_table_among_the_cells_is_none_of_them(folder, capsys):
    write_race(folder, "annealing", [0.5] * 4)
    (folder / "arena.csv").write_text(drawn(capsys, folder, "--format", "csv"))
    assert len(read_cells(folder)) == 1


def test_restarts_that_are_missing_are_named(folder, capsys):
    write_race(folder, "annealing", [0.5] * 4, config={"restarts": 9})
    assert "- Not all restarts have been run: annealing of inc (4 of 9).\n" in drawn(capsys, folder)


def test_cells_of_other_experiments_can_be_raced_too(tmp_path, capsys):
    write_cell(tmp_path, "fib", "map_inc", 4, soft=3, hard=2)
    found = grids(capsys, tmp_path)
    assert found["soft"]["fib from map_inc, 10 s"] == {"tune": THREE}
    assert found["hard"]["fib from map_inc, 1 s"] == {"tune": "0 (0-49)"}


def test_help_does_not_wait_for_numpy():
    code = (
        "import sys; from neurocomp.cli.table import _parser; _parser().format_help(); sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

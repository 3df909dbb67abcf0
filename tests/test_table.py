"""The measured table against values worked by hand, and what happens where configurations compete."""

from __future__ import annotations

import csv
import io

import pytest
from scipy.stats import binomtest

from cli.table import main
from neurocomp.errors import UserError
from neurocomp.report.cells import read_cell
from neurocomp.report.published import published
from neurocomp.report.rates import wilson
from neurocomp.report.table import COLUMNS
from neurocomp.results.writer import CellWriter
from tests.cells import YAML, failed, row, write_cell
from tests.conftest import ROOT


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "table1"


def table(capsys, *argv) -> str:
    assert main(["table1", *map(str, argv)]) == 0
    return capsys.readouterr().out


def entries(capsys, directory, *argv) -> dict[tuple[str, str], dict]:
    text = table(capsys, "--results", directory, "--format", "csv", *argv)
    return {(line["row"], line["task"]): line for line in csv.DictReader(io.StringIO(text))}


# Wilson's interval as published for 100 runs. By hand for 3 of 4, with z = 1.96: the center (3 + z^2/2) / (4 + z^2)
# is .6275, the half width z sqrt(4 * .75 * .25 + z^2/4) / (4 + z^2) is .3269.
INTERVALS = [
    (19, 100, 0.125, 0.278),
    (75, 100, 0.657, 0.825),
    (100, 100, 0.963, 1.0),
    (0, 100, 0.0, 0.037),
    (3, 4, 0.3006, 0.9544),
]


@pytest.mark.parametrize("count, n, low, high", INTERVALS)
def test_intervals_are_wilsons(directory, count, n, low, high):
    cell = read_cell(write_cell(directory, "inc", "random", n, soft=count))
    assert cell.rate("soft") == count / n
    assert cell.interval("soft") == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20, 100, 101, 1000, 10**6, 10**12])
def test_intervals_are_those_of_scipy_to_the_last_bit(n):
    for count in {0, 1, n // 3, n // 2, n - 1, n, *range(0, n, max(n // 50, 1))}:
        assert tuple(wilson(count, n)) == tuple(binomtest(count, n).proportion_ci(0.95, "wilson"))


def test_the_published_table_has_36_places_in_its_order():
    rates = published("table1")
    assert len(rates) == 36
    assert list(rates)[:2] == [("optimization", "inc"), ("optimization", "map_inc")]
    assert list(rates)[-1] == ("init=loop_noop", "fib")
    assert rates["optimization", "parity"] == 0.95 and rates["init=map_inc", "map_dec"] == 0.07
    assert [place for place, rate in rates.items() if rate is None] == [
        ("init=map_inc", "inc"),
        ("init=map_inc", "reduce"),
        ("init=map_dec", "inc"),
        ("init=map_dec", "reduce"),
    ]


def test_each_cell_stands_in_its_place_with_its_difference(directory, capsys):
    write_cell(directory, "map_inc", "random", 50, soft=46)
    write_cell(directory, "map_dec", "map_inc", 100, soft=12)
    write_cell(directory, "reduce", "map_dec", 4, soft=3)
    lines = entries(capsys, directory)
    assert len(lines) == 36 and tuple(next(iter(lines.values()))) == COLUMNS
    numbers = [lines["optimization", "map_inc"][key] for key in ("n", "rate", "published", "difference")]
    assert numbers == ["50", "0.92", "0.86", "0.06"]
    assert lines["init=map_inc", "map_dec"]["difference"] == "0.05"
    assert float(lines["init=map_inc", "map_dec"]["ci_low"]) == pytest.approx(0.0700, abs=5e-4)
    assert lines["init=map_dec", "reduce"]["rate"] == "0.75"
    assert lines["init=map_dec", "reduce"]["published"] == lines["init=map_dec", "reduce"]["difference"] == ""
    measured = [place for place, line in lines.items() if line["rate"]]
    assert len(measured) == 3
    missing = lines["synthesis", "fib"]
    assert missing["published"] == "0.0" and not missing["n"] and not missing["difference"]


def test_the_metric_decides_and_a_measure_that_was_not_taken_is_missing(directory, capsys):
    write_cell(directory, "fib", "map_inc", 10, soft=5, hard=2, fit=9)
    rates = {metric: entries(capsys, directory, "--metric", metric) for metric in ("fit", "soft", "hard", "general")}
    found = {metric: lines["init=map_inc", "fib"]["rate"] for metric, lines in rates.items()}
    assert found == {"fit": "0.9", "soft": "0.5", "hard": "0.2", "general": ""}
    assert entries(capsys, directory)["init=map_inc", "fib"]["rate"] == "0.5"


def test_only_tuning_counts_in_the_rows_of_initializations(directory, capsys):
    write_cell(directory, "fib", "random", 10, {"method": "local_search"}, soft=5)
    assert not entries(capsys, directory)["optimization", "fib"]["rate"]


def test_diverged_restarts_are_not_recovered_and_failed_runs_are_no_restarts(directory):
    path = directory / "cell.csv"
    nothing = {f"recovered_{metric}": None for metric in ("fit", "soft", "hard", "general")}
    with CellWriter(path, YAML) as cell:
        cell.append([row(0, recovered_soft=True), row(1, recovered_soft=True), row(2, status="diverged", **nothing)])
        cell.append([failed()])
    cell = read_cell(path)
    assert (cell.n, cell.recovered("soft"), cell.rate("soft"), cell.recovered("general")) == (3, 2, 2 / 3, None)
    with CellWriter(directory / "diverged.csv", YAML) as cell:
        cell.append([row(restart, status="diverged", **nothing) for restart in range(3)])
    cell = read_cell(directory / "diverged.csv")
    assert (cell.recovered("soft"), cell.recovered("general")) == (0, None)


# Wilson's intervals as above: of 19 published runs in 100, 12.5-27.8; of 36 in 100, 27.3-45.8; of 37, 28.2-46.8.
@pytest.mark.parametrize("count, excluded", [(37, "true"), (36, "false"), (19, "false"), (5, "true")])
def test_intervals_that_exclude_each_other_are_marked(directory, capsys, count, excluded):
    write_cell(directory, "inc", "random", 100, soft=count)
    write_cell(directory, "inc", "map_inc", 100, soft=count)
    lines = entries(capsys, directory)
    assert lines["optimization", "inc"]["excluded"] == excluded
    assert lines["init=map_inc", "inc"]["excluded"] == lines["synthesis", "inc"]["excluded"] == ""
    text = table(capsys, "--results", directory)
    assert (f"/ 19 / {count - 19:+.1f} ! |" in text) == ("!: the measured" in text) == (excluded == "true")


def synthesis(directory, task, n, **recovered):
    return write_cell(directory, task, "none", n, {"method": "synthesize"}, **recovered)


def from_synth(directory, task, n, allocation, config=None, **values):
    config = {"synthesis": {"allocation": allocation}, "config_hash": f"{allocation}-{task}"} | (config or {})
    return write_cell(directory, task, "synth", n, config, **values)


def test_both_is_synthesis_where_its_programs_verify_and_else_the_best_template_tuned(directory, capsys):
    synthesis(directory, "inc", 5, fit=5, soft=5, hard=5, general=0)
    synthesis(directory, "fib", 5, fit=0, soft=4, hard=4)
    for task in ("inc", "fib"):
        from_synth(directory, task, 4, "best", soft=3, hard=1)
    lines = entries(capsys, directory)
    assert [lines["synthesis", task]["rate"] for task in ("inc", "fib")] == ["1.0", "0.8"]
    assert [lines["both", task]["rate"] for task in ("inc", "fib")] == ["1.0", "0.75"]
    assert [lines["both", task]["source"] for task in ("inc", "fib", "reduce")] == ["synthesis", "tuned", ""]
    assert entries(capsys, directory, "--metric", "general")["both", "inc"]["rate"] == "0.0"
    text = table(capsys, "--results", directory)
    assert "100.0% (56.6-100.0) [s] / 100 / +0.0" in text and "75.0% (30.1-95.4), n=4 / 75 / +0.0" in text
    assert "[s]: the synthesizer's own program" in text


def test_equal_budget_counts_what_was_right_before_or_after_tuning(directory, capsys):
    # Restarts 0-3 recover (soft; 0 and 1 hard), 6-9 were right before.
    from_synth(directory, "fib", 10, "even", synthesized=4, soft=4, hard=2, general=1)
    for metric, before_or_after, after in (("soft", "0.8", "0.4"), ("hard", "0.6", "0.2"), ("fit", "", "")):
        lines = entries(capsys, directory, "--metric", metric)
        assert lines["both, equal budget", "fib"]["rate"] == before_or_after
        assert lines["both, after tuning", "fib"]["rate"] == after
    assert lines["both", "fib"]["rate"] == ""
    text = table(capsys, "--results", directory)
    assert "counted if the program was right before tuning, or it recovered" in text


def test_a_program_that_was_right_before_tuning_is_not_taken_to_be_general(directory, capsys):
    from_synth(directory, "fib", 10, "even", synthesized=4, soft=4, general=1)
    assert entries(capsys, directory, "--metric", "general")["both, equal budget", "fib"]["rate"] == "0.1"


def test_allocations_are_different_places_but_two_of_one_kind_compete(directory, capsys):
    from_synth(directory, "fib", 4, "even", soft=1)
    from_synth(directory, "fib", 4, "best", soft=2)
    lines = entries(capsys, directory)
    rates = {row: lines[row, "fib"]["rate"] for row in ("both", "both, equal budget", "both, after tuning")}
    assert rates == {"both": "0.5", "both, equal budget": "0.25", "both, after tuning": "0.25"}
    from_synth(directory, "fib", 4, "best", {"config_hash": "other", "gamma": 0.1}, soft=3)
    with pytest.raises(UserError, match="both, fib:\n.*gamma=0.3"):
        main(["table1", "--results", str(directory)])
    where = ("gamma=0.3", "synthesis.allocation=best")
    assert entries(capsys, directory, "--where", *where)["both", "fib"]["rate"] == "0.5"


def test_baselines_are_rows_where_there_are_cells(directory, capsys):
    write_cell(directory, "fib", "random", 4, soft=1)
    assert len(entries(capsys, directory)) == 36
    methods = {"enumerate": ["none"], "random_search": ["none"], "local_search": ["mine.asm", "map_dec", "random"],
               "annealing": ["map_dec", "random"]}  # fmt: skip
    for method, inits in methods.items():
        for init in inits:
            write_cell(directory, "fib", init, 4, {"method": method, "config_hash": f"{method}-{init}"}, soft=1)
    lines = entries(capsys, directory)
    assert list(dict.fromkeys(row for row, _ in lines))[6:] == [
        "random programs",
        "local search from random",
        "local search from map_dec",
        "local search from mine.asm",
        "annealing from random",
        "annealing from map_dec",
        "enumeration",
    ]
    assert lines["enumeration", "fib"]["rate"] == "0.25" and lines["enumeration", "inc"]["rate"] == ""
    assert lines["enumeration", "fib"]["published"] == lines["enumeration", "fib"]["difference"] == ""


def test_what_a_cell_took_is_summed_and_shown_by_restart(directory, capsys):
    write_cell(directory, "fib", "random", 4, {"executions": 1200, "backward_executions": 1000}, soft=1)
    line = entries(capsys, directory)["optimization", "fib"]
    assert [line[key] for key in ("executions", "backward_executions", "wall_s")] == ["4800", "4000", "10.0"]
    assert "Costs" not in table(capsys, "--results", directory)
    costs = table(capsys, "--results", directory, "--costs").partition("Costs of a restart")[2]
    rows = [line.split("|")[1].strip() for line in costs.splitlines() if line.startswith("|")]
    assert "| 1,200 + 1,000 / 2.5 s |" in costs and rows[2:] == ["optimization"]
    latex = table(capsys, "--results", directory, "--costs", "--format", "latex")
    assert latex.count(r"\toprule") == 2 and "1,200 + 1,000 / 2.5 s" in latex


def test_rows_from_before_executions_were_counted_are_drawn(directory, capsys):
    path = write_cell(directory, "fib", "random", 4, soft=1)
    lines = list(csv.DictReader(io.StringIO(path.read_text())))
    older = [column for column in lines[0] if not column.endswith("executions")]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, older, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
    line = entries(capsys, directory)["optimization", "fib"]
    assert (line["rate"], line["executions"], line["wall_s"]) == ("0.25", "", "10.0")
    assert "| - / 2.5 s |" in table(capsys, "--results", directory, "--costs")


def test_the_mean_difference_is_over_published_tuned_cells(directory, capsys):
    write_cell(directory, "inc", "random", 100, soft=29)  # 10 points from the published 19
    write_cell(directory, "fib", "loop_noop", 100, soft=45)  # 30 points from 75
    write_cell(directory, "inc", "map_inc", 100, soft=45)  # nothing published
    synthesis(directory, "inc", 100, soft=0, hard=0)
    assert "over 2 published tuned cells (optimization, init): 20.0 points" in table(capsys, "--results", directory)


def test_the_committed_results_are_drawn(capsys):
    lines = entries(capsys, ROOT / "results" / "table1")
    tuned = [line for (row, _), line in lines.items() if row == "optimization" or row.startswith("init=")]
    assert len(tuned) == 24 and {line["n"] for line in tuned} == {"100"}

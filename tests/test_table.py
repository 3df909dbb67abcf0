"""The measured table against values worked by hand, and what happens where configurations compete."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.stats import binomtest

from cli.table import main
from neurocomp.config import UserError
from neurocomp.report.cells import read_cell, read_cells, wilson
from neurocomp.report.published import published
from neurocomp.report.table import COLUMNS
from neurocomp.results import CellWriter
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
        ("init=map_inc", "inc"), ("init=map_inc", "reduce"), ("init=map_dec", "inc"), ("init=map_dec", "reduce"),
    ]  # fmt: skip


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
    methods = {"enumerate": ["none"], "random_search": ["none"], "local_search": ["mine.asm", "map_dec", "random"]}
    for method, inits in methods.items():
        for init in inits:
            write_cell(directory, "fib", init, 4, {"method": method, "config_hash": f"{method}-{init}"}, soft=1)
    lines = entries(capsys, directory)
    assert list(dict.fromkeys(row for row, _ in lines))[6:] == [
        "random programs", "local search from random", "local search from map_dec", "local search from mine.asm",
        "enumeration",
    ]  # fmt: skip
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


SETTINGS = [
    {"config_hash": "aaaa1111", "machine": {"writeback": "gated"}, "optimizer": {"learning_rate": 0.1}},
    {"config_hash": "bbbb2222", "machine": {"writeback": "printed"}, "optimizer": {"learning_rate": 0.1}},
    {"config_hash": "cccc3333", "machine": {"writeback": "printed"}, "optimizer": {"learning_rate": 0.01}, "seed": 4},
]


@pytest.fixture
def competing(directory):
    """Three configurations for one place, of which 1, 2 and 3 of 4 restarts recover."""
    for count, setting in enumerate(SETTINGS, start=1):
        write_cell(directory, "fib", "random", 4, {"optimizer": {"clip": None}} | setting, soft=count)
    return directory


def test_competing_configurations_are_listed_with_what_differs(competing, capsys):
    write_cell(competing, "inc", "random", 4, soft=4)
    with pytest.raises(UserError) as error:
        main(["table1", "--results", str(competing)])
    first, place, *cells = str(error.value).splitlines()
    assert "--where" in first and place == "optimization, fib:" and len(cells) == 3
    assert "machine.writeback=gated" in cells[0] and "machine.writeback=printed" in cells[1]
    assert "optimizer.learning_rate=0.01" in cells[2] and "seed=4" in cells[2]
    assert all(f"config_hash={setting['config_hash']}" in line for setting, line in zip(SETTINGS, cells, strict=True))
    assert "gamma" not in str(error.value) and "inc" not in str(error.value).replace(str(competing), "")


@pytest.mark.parametrize("where, rate", [
    (["machine.writeback=gated"], "0.25"),
    (["machine.writeback=printed", "seed=0"], "0.5"),
    (["seed=4"], "0.75"),
    (["optimizer.learning_rate=1e-2"], "0.75"),
    (["config_hash=bbbb2222"], "0.5"),
    (["config_hash=bbbb"], "0.5"),
    (["init=random", "machine.writeback=gated", "gamma=0.30", "dirty=false", "threads=1"], "0.25"),
])  # fmt: skip
def test_where_picks_a_configuration(competing, capsys, where, rate):
    assert entries(capsys, competing, "--where", *where)["optimization", "fib"]["rate"] == rate
    repeated = [word for condition in where for word in ("--where", condition)]
    assert entries(capsys, competing, *repeated)["optimization", "fib"]["rate"] == rate
    for before in (["--where", *where], repeated):
        assert main([*before, "table1", "--results", str(competing), "--format", "csv"]) == 0
        assert capsys.readouterr().out == table(capsys, "--results", competing, "--format", "csv", *repeated)


def test_a_key_given_twice_may_have_either_value(competing, capsys):
    write_cell(competing, "inc", "random", 4, {"config_hash": "dddd4444"}, soft=4)
    lines = entries(capsys, competing, "--where", "config_hash=aaaa", "config_hash=dddd", "seed=0")
    assert [lines["optimization", task]["rate"] for task in ("fib", "inc")] == ["0.25", "1.0"]


def test_where_knows_null(directory, capsys):
    for clip in (None, 1.0):
        write_cell(
            directory, "fib", "random", 4, {"optimizer": {"clip": clip}, "config_hash": f"{clip}"}, soft=clip and 1
        )
    write_cell(directory, "fib", "random", 4, {"optimizer": {"clip": 2.0}, "config_hash": "2"}, soft=3)
    assert entries(capsys, directory, "--where", "optimizer.clip=1")["optimization", "fib"]["rate"] == "0.25"
    assert entries(capsys, directory, "--where", "optimizer.clip=null")["optimization", "fib"]["rate"] == ""


@pytest.mark.parametrize("where, message", [
    ("machine.writebak=gated", 'unknown key, expected .*; did you mean "machine.writeback"'),
    ("gama=0.3", 'did you mean "gamma"'),
    ("seed", "--where seed: expected KEY=VALUE"),
    ("seed=3", "--where seed=3: no cell has it; seed is 0, 4"),
    ("status=recovered", "no cell has it; status is exhausted, recovered"),  # some rows of each cell have it
    ("task.base=6", "--where task.base=6: no cell has it; task.base is nowhere recorded"),
])  # fmt: skip
def test_a_condition_that_cannot_hold_is_explained(competing, where, message):
    with pytest.raises(UserError, match=message):
        main(["table1", "--results", str(competing), "--where", where])


def test_two_files_of_one_configuration_are_one_cell(directory, capsys):
    write_cell(directory / "here", "fib", "random", 4, soft=4)
    write_cell(directory / "there", "fib", "random", 8, soft=4)
    line = entries(capsys, directory)["optimization", "fib"]
    assert (line["n"], line["rate"]) == ("8", "0.5")


def test_markdown_says_metric_and_k_and_every_cell_in_full(directory, capsys):
    write_cell(directory, "map_inc", "random", 100, hard=93)
    write_cell(directory, "inc", "map_inc", 50, hard=25)
    text = table(capsys, "--results", directory, "--metric", "hard")
    lines = text.splitlines()
    assert lines[0].startswith("table1, metric hard: the decompiled program") and "k = 50 to 100 restarts" in lines[0]
    assert [word.strip() for word in lines[2].split("|")[2:-1]] == [
        "inc",
        "map_inc",
        "map_dec",
        "reduce",
        "parity",
        "fib",
    ]
    rows = {line.split("|")[1].strip(): [word.strip() for word in line.split("|")[2:-1]] for line in lines[4:10]}
    assert rows["optimization"][:2] == ["missing / 19", "93.0% (86.3-96.6) / 86 / +7.0"]
    assert rows["init=map_inc"][0] == "50.0% (36.6-63.4), n=50 / - / -"
    assert rows["init=map_dec"][0] == "missing / -"
    assert len(rows) == 6


def test_long_lists_of_competitors_are_shortened(directory):
    for number in range(12):
        write_cell(directory, "fib", "random", 4, {"config_hash": f"{number:x}000", "seed": number}, soft=1)
    with pytest.raises(UserError) as error:
        main(["table1", "--results", str(directory)])
    assert len(str(error.value).splitlines()) == 13 and str(error.value).endswith("and 2 more")


def test_latex_is_booktabs_with_escapes(directory, capsys):
    write_cell(directory, "map_inc", "random", 100, soft=93)
    text = table(capsys, "--results", directory, "--format", "latex")
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    assert r"93.0\% (86.3-96.6) / 86 / +7.0" in text and r"init=map\_inc" in text and r" & map\_inc &" in text
    body = text.replace(r"\%", "").replace(r"\_", "")
    assert "%" not in body and "_" not in body


def test_out_writes_a_file_which_later_tables_pass_over(directory, capsys):
    write_cell(directory, "map_inc", "random", 4, soft=3)
    out = directory / "tables" / "table1.csv"
    assert main(["table1", "--results", str(directory), "--format", "csv", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == f"wrote {out}\n"
    assert out.read_text() == table(capsys, "--results", directory, "--format", "csv")
    with pytest.raises(UserError, match="--out"):
        main(["table1", "--results", str(directory), "--out", str(directory)])


def test_default_directories(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["table1"]) == 0
    captured = capsys.readouterr()
    assert "no results in results" in captured.err and "missing / 19" in captured.out and "no cells" in captured.out
    write_cell(tmp_path / "results" / "runs", "inc", "random", 4, soft=1)
    assert "25.0%" in table(capsys)
    write_cell(tmp_path / "results" / "table1", "inc", "random", 4, soft=3)
    assert "75.0%" in table(capsys)
    assert main(["table1"]) == 0
    assert capsys.readouterr().err == f"read {Path('results/table1')}\n"
    assert main(["table1", "--results", "results/table1"]) == 0
    assert capsys.readouterr().err == ""


def test_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UserError, match="there is no such directory"):
        main(["table1", "--results", str(tmp_path / "typo")])


def test_loss_curves_are_no_cells_and_foreign_files_are_refused_by_name(directory):
    path = write_cell(directory, "inc", "random", 4, soft=1)
    path.with_suffix(".curves.csv").write_text("restart,update,loss\n0,0,1.5\n")
    assert [cell.path for cell in read_cells(directory)] == [path]
    (directory / "updates.csv").write_text("date,engine\n2026-11-21,fused\n")
    assert [cell.path for cell in read_cells(directory)] == [path]
    (directory / "mine.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="mine.csv"):
        read_cells(directory)


HELP = """
import sys
from cli import compare, plot, show, table
for command in (show, compare, plot, table):
    try:
        command.main(["--help"])
    except SystemExit:
        pass
print(sorted({"pandas", "scipy", "torch", "matplotlib", "numpy", "yaml"} & set(sys.modules)))
"""


def test_help_starts_without_what_is_slow_to_import(request):
    command = [sys.executable, "-c", HELP]
    answer = subprocess.run(command, cwd=request.config.rootpath, capture_output=True, text=True, check=True)
    assert "neurocomp table table1 --metric hard" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "[]"

"""Which cells a table is drawn from, and how it is printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.table import main
from neurocomp.errors import UserError
from neurocomp.report.cells import read_cells
from tests import test_table
from tests.cells import write_cell
from tests.test_table import entries, table

directory = test_table.directory

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


@pytest.mark.parametrize(
    "where, rate",
    [
        (["machine.writeback=gated"], "0.25"),
        (["machine.writeback=printed", "seed=0"], "0.5"),
        (["seed=4"], "0.75"),
        (["optimizer.learning_rate=1e-2"], "0.75"),
        (["config_hash=bbbb2222"], "0.5"),
        (["config_hash=bbbb"], "0.5"),
        (["init=random", "machine.writeback=gated", "gamma=0.30", "dirty=false", "threads=1"], "0.25"),
    ],
)
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


@pytest.mark.parametrize(
    "where, message",
    [
        ("machine.writebak=gated", 'unknown key, expected .*; did you mean "machine.writeback"'),
        ("gama=0.3", 'did you mean "gamma"'),
        ("seed", "--where seed: expected KEY=VALUE"),
        ("seed=3", "--where seed=3: no cell has it; seed is 0, 4"),
        ("status=recovered", "no cell has it; status is exhausted, recovered"),  # some rows of each cell have it
        ("task.base=6", "--where task.base=6: no cell has it; task.base is nowhere recorded"),
    ],
)
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

"""`neurocomp show` lists what there is, for eyes and for programs."""

from __future__ import annotations

import json

from cli.show import main
from neurocomp.report.cells import format_summary, read_cell, summary_line
from neurocomp.results import CellWriter
from tests.cells import YAML, failed, row, write_cell


def show(capsys, *argv) -> str:
    assert main([str(word) for word in argv]) == 0
    return capsys.readouterr().out


def test_a_cell_is_one_line_with_its_rates(tmp_path, capsys):
    path = write_cell(tmp_path / "mine", "map_dec", "map_inc", 100, {"seed": 3}, soft=19, hard=17, fit=21)
    header, line = show(capsys, "--results", tmp_path).splitlines()
    columns = "experiment task init method gamma seed n state soft % hard % fit % general % updates file"
    assert header.split() == columns.split()
    assert line.split() == [
        "mine", "map_dec", "map_inc", "tune", "0.3", "3", "100/100", "complete", "19.0", "(12.5-27.8)", "17.0", "21.0",
        "-", "90", str(path),
    ]  # fmt: skip


def test_json_has_the_same_in_numbers(tmp_path, capsys):
    path = write_cell(tmp_path / "mine", "map_dec", "map_inc", 100, {"seed": 3}, soft=19, hard=17, fit=21)
    (cell,) = json.loads(show(capsys, "--results", tmp_path, "--json"))
    assert (cell["n"], cell["requested"], cell["complete"], cell["failed"]) == (100, 100, True, False)
    assert (cell["recovered_soft"], cell["rate_hard"], cell["recovered_general"]) == (19, 0.17, None)
    assert (round(cell["ci_low"], 3), round(cell["ci_high"], 3)) == (0.125, 0.278)
    assert (cell["updates"], cell["config_hash"], cell["path"]) == (90, "hash-of-map_dec-map_inc", str(path))


def test_how_far_a_cell_is(tmp_path):
    def state(*batches: list[dict]) -> tuple[str, bool]:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        with CellWriter(path, "restarts: 4\n") as cell:
            for batch in batches:
                cell.append(batch)
        line = summary_line(read_cell(path))
        return f"{line['n']}/{line['requested']} {line['complete']}", line["failed"]

    first, second = [row(0), row(1)], [row(2), row(3)]
    assert state(first) == ("2/4 False", False)
    assert state(first, second) == ("4/4 True", False)
    assert state(first, second, [row(4)]) == ("5/4 True", False)
    assert state(first, [row(4), row(5)]) == ("4/4 False", False)
    assert state([failed()]) == ("0/4 False", True)
    assert state(first, [failed()]) == ("2/4 False", True)
    assert state(first, [failed()], second) == ("4/4 True", False)


def test_a_cell_without_its_configuration_is_shown(tmp_path, capsys):
    path = write_cell(tmp_path / "lonely", "fib", "random", 4, soft=0)
    path.with_suffix(".yaml").unlink()
    line = show(capsys, "--results", tmp_path).splitlines()[1].split()
    assert line[0] == "lonely" and line[6:10] == ["4/-", "-", "0.0", "(0.0-49.0)"]
    assert line[-2] == "-"


def test_a_failed_and_an_interrupted_first_run_are_shown(tmp_path, capsys):
    with CellWriter(tmp_path / "a.csv", YAML) as cell:
        cell.append([failed()])
    write_cell(tmp_path, "fib", "random", 4, soft=0)
    path = next(tmp_path.glob("fib*.csv"))
    path.write_bytes(path.read_bytes()[:-1])
    lines = json.loads(show(capsys, "--results", tmp_path, "--json"))
    assert [(line["n"], line["failed"], line["rate_soft"]) for line in lines] == [(0, True, None), (0, False, None)]
    text = show(capsys, "--results", tmp_path)
    assert "failed" in text and "incomplete" in text and "nan" not in text.lower()


def test_where_there_is_nothing_it_says_so(tmp_path, capsys):
    assert show(capsys, "--results", tmp_path) == f"no results in {tmp_path}\n"
    assert "no such directory" in show(capsys, "--results", tmp_path / "typo")
    assert json.loads(show(capsys, "--results", tmp_path, "--json")) == []
    assert format_summary([]) == ""

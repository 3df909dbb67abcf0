"""`neurocomp show` lists what there is, for eyes and for programs."""

from __future__ import annotations

import json
import os

import pytest

from cli.show import main
from neurocomp.errors import UserError
from neurocomp.report.cells import aligned, read_cell
from neurocomp.results.writer import CellWriter
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
        line = read_cell(path).summary_line()
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
    assert [(line["n"], line["failed"], line["rate_soft"]) for line in lines] == [(0, True, None), (3, False, 0)]
    text = show(capsys, "--results", tmp_path)
    assert "failed" in text and "incomplete" in text and "nan" not in text.lower()


def test_where_there_is_nothing_it_says_so(tmp_path, capsys):
    assert show(capsys, "--results", tmp_path) == f"no results in {tmp_path}\n"
    with pytest.raises(UserError, match="--results .*typo: there is no such directory"):
        main(["--results", str(tmp_path / "typo")])
    assert json.loads(show(capsys, "--results", tmp_path, "--json")) == []
    assert aligned([]) == ""


def test_what_cannot_be_read_is_named_and_the_others_are_shown(command, tmp_path):
    good = write_cell(tmp_path / "a", "fib", "random", 4, soft=1)
    bad = write_cell(tmp_path / "b", "inc", "random", 4, soft=1)
    bad.write_bytes(bad.read_bytes().replace(b",0.3,2,", b",0.3,2.0,"))
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "foreign.csv").write_text("name,age\nAda,36\n")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "empty.yaml").mkdir()
    before = {path: path.read_bytes() for path in (good, bad)}
    lacks = "task, init, method, gamma, restart, seed, status, config_hash, schema"
    odd = [
        "folder.csv: is a folder, expected a file",
        f"foreign.csv:1: not a results file of neurocomp (its header lacks {lacks})",
        "loop.csv: cannot be read (Too many levels of symbolic links)",
        "pipe.csv: is not a regular file, expected a file",
    ]
    damaged = f'{bad}:4: restart is "2.0", expected a whole number'
    for words, said in ([("show",), [*odd, damaged]], [("show", "--json"), [*odd, damaged]],
                        [("table", "table1"), [*odd, damaged]], [("table", "memorization"), odd],
                        [("compare", "fib", "fib"), odd]):  # fmt: skip
        answer = command(*words, "--results", tmp_path)
        lines = [line for line in answer.err.splitlines() if " no results" not in line]
        assert (answer.code, sorted(lines)) == (1, sorted(f"neurocomp: {line}".replace(
            "neurocomp: f", f"neurocomp: {tmp_path}/f").replace("neurocomp: l", f"neurocomp: {tmp_path}/l").replace(
            "neurocomp: p", f"neurocomp: {tmp_path}/p") for line in said)), words  # fmt: skip
        assert ("25.0" in answer.out) == (words[1:] != ("memorization",)) or "--json" in words
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    "yaml, reason",
    [
        (b"restarts: many\n", 'restarts is "many", expected a whole number >= 0'),
        (b"restarts: -3\n", 'restarts is "-3", expected a whole number >= 0'),
        (b"restarts: true\n", 'restarts is "True", expected a whole number >= 0'),
        (b"restarts: 4\nname: [x]\n", "name is \"['x']\", expected text"),
        (b"restarts: 4 # \xff\n", "not UTF-8 text (byte 15)"),
        (b"- restarts\n", "not a configuration in YAML (expected keys and values)"),
        (b"a: &a [1]\nb: *a\n", "not a configuration in YAML (line 2 has an alias, expected none)"),
        (None, "is a folder, expected a file"),
    ],
)
def test_rows_count_beside_a_damaged_configuration(command, tmp_path, yaml, reason):
    path = write_cell(tmp_path / "a", "fib", "random", 4, soft=1)
    configuration = path.with_suffix(".yaml")
    configuration.unlink()
    configuration.mkdir() if yaml is None else configuration.write_bytes(yaml)
    answer = command("show", "--results", tmp_path)
    assert (answer.code, answer.out.splitlines()[1].split()[6:9]) == (1, ["4/-", "-", "25.0"])
    assert answer.err == f"neurocomp: {configuration}: {reason}; how many restarts were asked for is not known\n"
    with CellWriter(path, YAML) as cell:
        assert cell.finished == {0, 1, 2, 3}
    assert yaml is None or configuration.read_bytes() == yaml


def test_json_says_which_code_made_the_rows_and_null_where_none_says(tmp_path, capsys):
    path = write_cell(tmp_path, "fib", "random", 4, soft=0)
    (old,) = json.loads(show(capsys, "--results", tmp_path, "--json"))
    assert (old["version"], old["date"]) == (None, None)
    with CellWriter(path, YAML) as cell:
        shared = {"task": "fib", "init": "random", "config_hash": "hash-of-fib-random", "version": "0.1.0"}
        cell.append([row(4, date="2026-11-25T12:00:00Z", **shared)])
        cell.append([row(5, date="2026-11-26T12:00:00Z", **shared)])
    (new,) = json.loads(show(capsys, "--results", tmp_path, "--json"))
    assert (new["n"], new["version"], new["date"]) == (6, "0.1.0", "2026-11-26T12:00:00Z")

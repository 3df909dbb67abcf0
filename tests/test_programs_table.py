"""`neurocomp table programs` against means worked by hand."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import yaml

from cli.table import main
from neurocomp.errors import UserError
from neurocomp.results.columns import COMPLEXITY, PROGRAMS, WITH_COMPLEXITY
from neurocomp.results.writer import CellWriter
from tests.cells import row, write_cell

# Entropy, active lines, agreement, shortest, edits from start and from reference; whether it is hard; the program.
RESTARTS = [
    ((0.1, 1.0, 1.0, 4, 3, 1), True, "inc 1 1"),
    ((0.3, 1.5, 0.5, 3, 5, 2), True, "inc 1 2"),
    ((0.5, 3.5, 0.0, None, 4, 6), False, "inc 1 1"),
]


def write(directory: Path, task: str, init: str, restarts=RESTARTS, updates: int = 1000, **config) -> Path:
    config = {"name": "programs", "restarts": len(restarts), "optimizer": {"updates": updates}} | config
    shared = {"task": task, "init": init, "seed": 0, "config_hash": f"{task}-{init}-{updates}-{len(config)}"}
    path = directory / f"{shared['config_hash']}.csv"
    with CellWriter(path, yaml.safe_dump(config), WITH_COMPLEXITY) as cell:
        cell.append([
            row(number, **shared) | dict(zip(COMPLEXITY, values, strict=True))
            | {"recovered_hard": hard, "recovered_soft": True, "program": program}
            for number, (values, hard, program) in enumerate(restarts)
        ])  # fmt: skip
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "programs"


def drawn(capsys, folder, *argv) -> str:
    assert main(["programs", "--results", str(folder), *argv]) == 0
    return capsys.readouterr().out


def entries(capsys, folder, *argv) -> dict[tuple[str, str, str, str], dict]:
    lines = csv.DictReader(io.StringIO(drawn(capsys, folder, "--format", "csv", *argv)))
    return {(line["task"], line["start"], line["restarts"], line["tuned"]): line for line in lines}


def test_means_are_of_all_restarts_and_of_those_that_recovered(capsys, folder):
    write(folder, "map_inc", "map_dec")
    found = entries(capsys, folder)
    every, hard = (found["map_inc", "map_dec", which, "true"] for which in ("all", "hard"))
    assert tuple(every)[: len(PROGRAMS)] == PROGRAMS
    assert (every["n"], every["distinct"], hard["n"], hard["distinct"]) == ("3", "2", "2", "2")
    assert float(every["rate"]) == pytest.approx(2 / 3) and hard["rate"] == ""
    means = [[float(line[name]) for name in COMPLEXITY] for line in (every, hard)]
    assert means == [pytest.approx([0.3, 2, 0.5, 3.5, 4, 3]), pytest.approx([0.2, 1.25, 0.75, 3.5, 4, 1.5])]
    # Student's t for three numbers is 4.3027; their standard deviation is 0.2.
    half = 4.3027 * 0.2 / 3**0.5
    ends = [float(every[f"decision_entropy_{end}"]) for end in ("low", "high")]
    assert ends == pytest.approx([0.3 - half, 0.3 + half], abs=1e-4)


def test_another_measure_counts_others(capsys, folder):
    write(folder, "map_inc", "map_dec")
    found = entries(capsys, folder, "--metric", "soft")
    assert (
        found["map_inc", "map_dec", "soft", "true"]["n"] == "3" and ("map_inc", "map_dec", "hard", "true") not in found
    )


def test_it_is_shown_by_task_and_start_in_the_order_of_table_1(capsys, folder):
    for task, init in (("fib", "map_inc"), ("map_inc", "loop_noop"), ("map_inc", "random"), ("inc", "random")):
        write(folder, task, init)
    text = drawn(capsys, folder)
    first, second = text.split("the restarts that recovered (hard)")
    for grid in (first, second):
        rows = [line.split("|")[1].strip() for line in grid.splitlines() if " from " in line.split("|")[:2][-1]]
        assert rows == ["inc from random", "map_inc from random", "map_inc from loop_noop", "fib from map_inc"]
    assert "| 66.7% (20.8-93.9)" in first and "| 2.00 (0.00-5.29)" in first.replace("  ", " ")
    assert "shortest" not in first and "3.50 (0.00-9.85)" in second
    assert "agreement, %" in first and "75.0 (0.0-100.0)" in second  # a share, which t knows nothing of


def test_what_restarts_begin_with_is_apart(capsys, folder):
    write(folder, "map_inc", "map_dec")
    write(folder, "map_inc", "map_dec", RESTARTS[2:], updates=0)
    found = entries(capsys, folder)
    assert found["map_inc", "map_dec", "all", "false"]["active_lines"] == "3.5"
    before = drawn(capsys, folder).split("before their first update")[1]
    assert "0.500 " in before and "0.500 (" not in before  # one restart has no interval
    alone = drawn(capsys, folder, "--where", "optimizer.updates=0")
    assert alone.startswith("programs, all restarts before their first update")


def test_rows_without_these_columns_are_left_out(capsys, folder):
    write_cell(folder, "map_inc", "map_dec", 4, {"optimizer": {"updates": 10}}, hard=2)
    assert drawn(capsys, folder) == "programs: no cells with complexity=true.\n"
    write(folder, "map_inc", "map_dec")
    assert entries(capsys, folder)["map_inc", "map_dec", "all", "true"]["n"] == "3"


def test_competing_configurations_are_refused(folder):
    write(folder, "map_inc", "map_dec")
    write(folder, "map_inc", "map_dec", gamma=0.1)
    with pytest.raises(UserError) as error:
        main(["programs", "--results", str(folder)])
    assert "several configurations fit" in str(error.value) and "gamma=0.1" in str(error.value)


def test_a_restart_that_diverged_has_no_numbers_and_counts(capsys, folder):
    nothing = ((None,) * 6, None, "")
    write(folder, "map_inc", "map_dec", [*RESTARTS, nothing])
    every = entries(capsys, folder)["map_inc", "map_dec", "all", "true"]
    assert (every["n"], every["distinct"]) == ("4", "2") and float(every["active_lines"]) == pytest.approx(2)

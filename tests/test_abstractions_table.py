"""`neurocomp table abstractions` against numbers worked by hand, and what a search with validation counts."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import yaml

from cli.table import main
from neurocomp.errors import UserError
from neurocomp.results.columns import RESTARTS
from neurocomp.results.writer import CellWriter
from tests.cells import row


def write(directory: Path, task: str, library: str | None, *draws: tuple[int, float, bool, bool], **synthesis) -> None:
    """Draws of candidates, seconds, and whether the program is right on test examples and at other sizes."""
    settings = {"candidates": 500_000, "library": library} | synthesis
    config = {"name": "abstractions", "restarts": len(draws), "examples": 10, "synthesis": settings}
    digest = f"{task}-{library}-{len(synthesis)}"
    with CellWriter(directory / f"{digest}.csv", yaml.safe_dump(config), RESTARTS) as cell:
        cell.append([
            row(number, task=task, init="none", method="synthesize", seed=0, config_hash=digest)
            | {"executions": 10 * candidates, "cpu_s": seconds, "recovered_hard": hard, "recovered_general": general}
            for number, (candidates, seconds, hard, general) in enumerate(draws)
        ])  # fmt: skip


@pytest.fixture
def folder(tmp_path) -> Path:
    write(tmp_path, "inc_each", None, (100, 0.01, True, True), (400, 0.02, True, True))
    write(tmp_path, "inc_each", "mine", (200, 0.02, True, True), (100, 0.02, True, True))
    write(tmp_path, "diff", None, (90_000, 2.0, True, True), (500_000, 9.0, False, False))
    write(tmp_path, "diff", "mine", (9_000, 0.5, True, True), (8_000, 0.4, True, True))
    write(tmp_path, "prefix_sum", None, (40_000, 0.9, True, True), (40_000, 0.9, True, True))
    write(tmp_path, "prefix_sum", "mine", (20_000, 0.3, True, True), (20_000, 3.0, True, True))
    write(tmp_path, "sort_4", None, (7_000, 0.1, True, False), constructs=["loop", "exchange"])
    return tmp_path


def lines_of(folder: Path, capsys) -> dict[tuple[str, str], dict[str, str]]:
    assert main(["abstractions", "--results", str(folder), "--format", "csv"]) == 0
    return {(line["task"], line["language"]): line for line in csv.DictReader(io.StringIO(capsys.readouterr().out))}


def test_each_task_has_its_split_its_solved_draws_and_their_median(folder, capsys):
    lines = lines_of(folder, capsys)
    assert list(lines) == [
        ("inc_each", "plain"), ("inc_each", "library mine"), ("diff", "plain"), ("diff", "library mine"),
        ("prefix_sum", "plain"), ("prefix_sum", "library mine"), ("sort_4", "exchange"),
    ]  # fmt: skip
    diff, given = lines["diff", "plain"], lines["sort_4", "exchange"]
    assert (diff["family"], diff["split"], diff["n"], diff["solved"]) == ("neighbors", "training", "2", "1")
    assert (float(diff["candidates"]), float(diff["seconds"])) == (90_000, 2.0)
    assert (given["split"], given["solved"], given["hard"], given["candidates"]) == ("held-out", "0", "1", "")
    assert float(lines["inc_each", "plain"]["candidates"]) == 250


def test_the_splits_are_summed_over_draws_and_compared_on_what_both_solve(folder, capsys):
    """Training: the first draw has ratios 0.5 and 10, whose mean is the root of 5; the second 4 alone."""
    assert main(["abstractions", "--results", str(folder), "--format", "md"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| training", "| held-out"))]
    cells = {line.split("|")[1].strip(): [part.strip() for part in line.split("|")[2:-1]] for line in rows}
    plain, mine = cells["training, 2 tasks, plain"], cells["training, 2 tasks, library mine"]
    # within 10,000, 100,000 and 500,000 candidates, and within 0.1 and 1 s
    assert [text.split(" ")[0] for text in plain] == ["1.0", "1.5", "1.5", "1.0", "1.0", "-"]
    assert [text.split(" ")[0] for text in mine] == ["2.0", "2.0", "2.0", "1.0", "2.0", f"{(5**0.5 * 4) ** 0.5:.2f}"]
    assert cells["held-out, 1 tasks, library mine"][-2:] == ["0.5 (0.0-1.0)", "2.00"]


def test_another_measure_and_a_folder_of_other_rows_are_one_line(folder, tmp_path, capsys):
    with pytest.raises(UserError, match="--metric soft: abstractions are judged by general alone"):
        main(["abstractions", "--results", str(folder), "--metric", "soft"])

"""The memorizer's cells in the page of `neurocomp report`: their numbers, their trainings, their paper's tables."""

from __future__ import annotations

import csv
import json
import shutil
import statistics

import pytest

from neurocomp.memorizer.report import page
from tests.conftest import ROOT
from tests.pages import data_of

MEMORIZATION, SOFT = ROOT / "results" / "memorization", ROOT / "results" / "soft_programs"


def reported(command, *folders, code: int = 0) -> dict:
    """What the page has of the memorizer."""
    answer = command("report", *folders, "--restarts", "none", "--out", "page.html")
    assert answer.code == code, answer.err
    with open("page.html", encoding="utf-8") as file:
        data = data_of(file.read())
    return data["memorizer"] | {"all": data}


def rows_of(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["restart"]]


def test_each_cell_has_the_numbers_of_its_rows(command):
    cells = reported(command, MEMORIZATION, SOFT)["cells"]
    paths = sorted([*MEMORIZATION.glob("*.csv"), *SOFT.glob("*.csv")])
    assert [cell["path"] for cell in cells] == [str(path) for path in paths]
    assert [cell["id"] for cell in cells] == list(range(len(paths)))
    for cell, path in zip(cells, paths, strict=True):
        rows = rows_of(path)
        assert (cell["n"], cell["task"]) == (len(rows), rows[0]["task"])
        for measure in ("accuracy", "accuracy_a", "exact_rate"):
            known = [float(row[measure]) for row in rows if row[measure]]
            assert cell[measure] == (pytest.approx(statistics.mean(known)) if known else None)
        memorized = [int(row["updates"]) for row in rows if row["status"] == "memorized"]
        if rows[0]["task"] == "memorize":
            assert cell["memorized"] == len(memorized) and cell["updates_mean"] == statistics.mean(memorized)
        else:
            assert cell["memorized"] is None
        assert cell["commits"] == sorted({row["commit"] for row in rows}, key=cell["commits"].index)


@pytest.mark.parametrize("folder", [MEMORIZATION, SOFT])
def test_its_trainings_are_its_rows(command, folder):
    cells = reported(command, folder)["cells"]
    for cell, path in zip(cells, sorted(folder.glob("*.csv")), strict=True):
        rows = sorted(rows_of(path), key=lambda row: int(row["restart"]))
        shown = cell["trainings"]
        assert shown["restart"] == [int(row["restart"]) for row in rows]
        assert shown["status"] == [row["status"] for row in rows]
        assert shown["exact_rate"] == [float(row["exact_rate"]) if row["exact_rate"] else None for row in rows]
        assert shown["loss"] == pytest.approx([float(row["loss"]) for row in rows], rel=1e-3)


@pytest.mark.parametrize("folder, name, row, column, text", [
    (MEMORIZATION, "memorization", "programs=16", "published", "1030 +- 74"),
    (SOFT, "soft_programs", "classify on sst2", "published %", "81.9 +- 0.5"),
])  # fmt: skip
def test_the_tables_are_those_of_the_command_with_published_beside_measured(command, folder, name, row, column, text):
    (table,) = reported(command, folder)["tables"]
    assert (table["name"], table["folder"]) == (name, str(folder))
    (line,) = [one for one in table["rows"] if one["row"] == row]
    assert line["texts"][table["columns"].index(column)] == text
    markdown = command("table", name, "--results", folder).out
    lines = [[cell.strip() for cell in text.strip("|").split("|")] for text in markdown.splitlines() if "|" in text]
    assert lines[0][1:] == table["columns"]
    assert lines[2:] == [[one["row"], *one["texts"]] for one in table["rows"]]


def test_a_folder_without_a_papers_cells_has_no_table_of_it(command, tmp_path):
    shutil.copytree(SOFT, tmp_path / "soft")
    assert [table["name"] for table in reported(command, tmp_path / "soft")["tables"]] == ["soft_programs"]


def test_what_is_beyond_the_most_is_counted(command, monkeypatch, tmp_path):
    monkeypatch.setattr(page, "CELLS", 2)
    monkeypatch.setattr(page, "TRAININGS", 3)
    found = reported(command, MEMORIZATION)
    assert [len(cell["trainings"]["restart"]) for cell in found["cells"]] == [1, 3]
    assert found["all"]["left_out"] == [f"8 of 10 cells of the memorizer in {MEMORIZATION}",
                                        f"{found['cells'][1]['name']}: 2 of 5 trainings"]  # fmt: skip


def test_a_cell_of_two_folders_is_there_once_and_a_damaged_one_is_named_once(command, tmp_path):
    (path, *_) = sorted(MEMORIZATION.glob("*.csv"))
    folder = tmp_path / "mine" / "inner"
    folder.mkdir(parents=True)
    shutil.copy(path, folder / "a.csv")
    damaged = path.read_bytes().replace(b",memorized,", b",memorized,many", 1)
    (folder / "b.csv").write_bytes(damaged)
    found = reported(command, folder, folder.parent, code=1)
    assert [cell["name"] for cell in found["cells"]] == ["a"]
    (problem,) = found["all"]["problems"]
    assert problem.startswith(f"{folder}/b.csv")


def test_names_are_plain_text_in_json(command, tmp_path):
    (path, *_) = sorted(SOFT.glob("*.csv"))
    folder = tmp_path / "<b>"
    folder.mkdir()
    shutil.copy(path, folder / "<script>alert(1)<.csv")
    reported(command, folder)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text and json.dumps("<b>")[1:-1] not in text.split('id="data">')[1].split("<")[0]

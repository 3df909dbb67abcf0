"""The memorizer's part of the page in Chromium: it is sorted, searched and opened (see `tests/browsing.py`)."""

from __future__ import annotations

import csv
import shutil

import pytest

from tests.browsing import Site, made, texts
from tests.conftest import ROOT

MEMORIZER = ("memorization", "soft_programs")


@pytest.fixture(scope="module")
def memorized(chromium, tmp_path_factory) -> Site:
    """The page of the committed cells of the memorizer and of a folder of tuned cells."""
    folder = tmp_path_factory.mktemp("memorizer") / "all"
    for name in MEMORIZER:
        shutil.copytree(ROOT / "results" / name, folder / name)
    path = ROOT / "results" / "table1" / "fib-map_inc-g0.3-s0-5862796e8e.csv"
    for suffix in (".csv", ".yaml"):
        shutil.copy(path.with_suffix(suffix), folder)
    return made(folder, "--restarts", "none")


def cells_of(site: Site) -> list[dict]:
    """The cells on the page: as many as there are files of rows of the memorizer, however many are committed."""
    cells = site.data["memorizer"]["cells"]
    assert len(cells) == sum(len(list((site.folder / name).glob("*.csv"))) for name in MEMORIZER) > 1
    return cells


def memorizer_column(page, title: str) -> list[str]:
    place = texts(page, "#memorizer thead th").index(title) + 1
    return texts(page, f"#memorizer tbody tr > :nth-child({place})")


def test_the_memorizers_cells_are_listed_with_their_own_measures_and_sorted_by_them(browse, memorized):
    page, cells = browse(memorized.path), cells_of(memorized)
    assert len(memorizer_column(page, "task")) == len(cells)
    shown = ["–" if cell["accuracy"] is None else f"{100 * cell['accuracy']:.2f}" for cell in cells]
    assert memorizer_column(page, "accuracy %") == shown
    assert memorizer_column(page, "exact %").count("–") == sum(cell["exact_rate"] is None for cell in cells)
    page.locator("#memorizer").get_by_role("button", name="updates").click()
    updates = [float(text.split()[0]) for text in memorizer_column(page, "updates")]
    assert updates == sorted(updates, reverse=True) and len(updates) == len(cells)


def test_the_search_narrows_both_lists(browse, memorized):
    page, cells = browse(memorized.path), cells_of(memorized)
    status, every = page.get_by_role("status"), len(cells)
    assert status.inner_text() == f"1 of 1 cells, {every} of {every} cells of the memorizer"
    page.locator("#search").fill("soft_instruction generated")
    found = sum((cell["task"], cell["data"]) == ("soft_instruction", "generated") for cell in cells)
    assert status.inner_text() == f"0 of 1 cells, {found} of {every} cells of the memorizer"
    assert 0 < found < every and memorizer_column(page, "task") == ["soft_instruction"] * found


def test_a_cell_of_the_memorizer_opens_with_its_trainings_by_keys_and_by_its_address(browse, memorized):
    page = browse(memorized.path)
    cell = next(cell for cell in memorized.data["memorizer"]["cells"] if cell["programs"] == 128)
    page.locator("#search").fill(cell["name"])
    page.locator("#memorizer tbody button").focus()
    page.keyboard.press("Enter")
    assert page.locator("#memorizer-cell h2").inner_text() == f"Cell {cell['name']}"
    (path,) = memorized.folder.rglob(f"{cell['name']}.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["restart"]))
    lines = [line.locator("th, td").all_inner_texts() for line in page.locator("#memorizer-cell tbody tr").all()]
    assert [line[:3] for line in lines] == [[row["restart"], row["status"], row["updates"]] for row in rows]
    assert [line[5] for line in lines] == [f"{100 * float(row['exact_rate']):.2f}" for row in rows]
    again = browse(memorized.path)
    again.goto(page.url)
    assert again.locator("#memorizer-cell h2").inner_text() == f"Cell {cell['name']}"


def test_the_memorizers_tables_have_published_beside_measured(browse, memorized):
    page = browse(memorized.path)
    titles = [f"{name} in {memorized.folder}" for name in MEMORIZER]
    assert texts(page, ".memorizer h2") == titles
    table = page.locator(".memorizer").first
    heads = [text.strip() for text in table.locator("thead th").all_inner_texts()]
    first = [text.strip() for text in table.locator("tbody tr").first.locator("th, td").all_inner_texts()]
    line = dict(zip(heads, first, strict=True))
    assert line["cells"] == "programs=16" and line["published"] == "1030 +- 74"
    assert line["difference"] == f"{float(line['updates'].split()[0]) - 1030:+.0f}"

"""A cell in a notebook is its table: IPython asks an object for `_repr_html_`."""

from __future__ import annotations

import shutil

from neurocomp.memorizer.report.cells import read_cell as read_memorizer_cell
from neurocomp.report.cells import read_cell
from tests.conftest import ROOT

FIB = ROOT / "results" / "table1" / "fib-map_inc-g0.3-s0-5862796e8e.csv"


def test_a_cell_shows_its_rates_and_its_restarts():
    text = read_cell(FIB)._repr_html_()
    assert text.count("<table") == 2
    for shown in ("96.0 (90.2-98.4)", "100/100", "complete", "fib", "map_inc"):
        assert f"<td>{shown}</td>" in text
    assert "<td>inc 1 2; inc 1 2; write 1 2; inc 1 1; write 2 1; write 2 1; write 2 1</td>" in text
    assert "<th>loss</th>" in text and "<th>config_hash</th>" not in text
    assert "100 rows" in text and text.count("<tr") < 30


def test_text_with_markup_is_text(tmp_path):
    path = tmp_path / FIB.name
    shutil.copy(FIB.with_suffix(".yaml"), tmp_path)
    text = FIB.read_text(encoding="utf-8").replace("fib,map_inc", "<img src=x>\u202e,map_inc")
    path.write_text(text.replace("inc 1 2; inc 1 2", "<b>\u202einc"), encoding="utf-8")
    text = read_cell(path)._repr_html_()
    assert "<img" not in text and "<td>&lt;img src=x&gt;\\u202e</td>" in text
    assert "<b>" not in text and "&lt;b&gt;\\u202einc" in text


def test_a_cell_without_rows_shows_its_summary(tmp_path):
    (tmp_path / FIB.name).write_text(FIB.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    text = read_cell(tmp_path / FIB.name)._repr_html_()
    assert text.count("<table") == 1 and "<td>0/-</td>" in text


def test_a_cell_of_the_memorizer_shows_its_trainings():
    (path,) = sorted((ROOT / "results" / "memorization").rglob("*.csv"))[:1]
    text = read_memorizer_cell(path)._repr_html_()
    assert text.count("<table") == 2 and "<th>accuracy %</th>" in text and "<th>restart</th>" in text

"""The figure of scaling shows what the rows say, the latest of each point, and JAX where another file has it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from cli.plot import main
from neurocomp.errors import UserError
from neurocomp.report.scaling_figure import LETTERS, scaling_figure
from tests.conftest import ROOT

SHAPE = {"base": 6, "registers": 5, "lines": 7, "restarts": 100, "examples": 16, "steps": 15}
CODE = {"date": "2026-11-21", "machine": "2 cores", "commit": "1234567890", "dirty": "False"}


def write(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


def point(size: str, value: int, engine: str, ms: float, **changed) -> dict:
    return {"size": size, "value": value, "engine": engine, "ms_per_update": ms, "ms_low": ms / 2, "ms_high": 2 * ms,
            **SHAPE, size: value, **CODE, **changed}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    rows = [point("restarts", 1, "eager", 99)]  # is measured again below
    rows += [point("restarts", value, engine, value * (1 if engine == "eager" else 0.1))
             for value in (1, 100) for engine in ("eager", "fused")]  # fmt: skip
    rows += [point("base", value, "eager", value) for value in (6, 12)]
    rows += [point("base", 9, "eager", 1000, lines=3)]  # of another shape
    rows += [point("restarts", 100, "eager", 100), point("lines", 7, "eager", 90)]
    write(tmp_path / "scaling.csv", rows)
    return tmp_path


def lines(figure) -> dict[tuple[str, str], list[list[float]]]:
    """The points of each curve, by panel and engine."""
    found = {}
    for panel in figure.axes:
        for container in panel.containers:
            xy = container.lines[0].get_xydata().tolist()
            found[panel.get_title(), container.get_label()] = xy
    return found


def test_a_panel_a_size_and_a_curve_an_engine(folder):
    figure = scaling_figure(folder, "the command")
    assert [panel.get_title() for panel in figure.axes] == [f"{size} ({letter})" for size, letter in LETTERS.items()]
    drawn = lines(figure)
    assert drawn["restarts (K)", "eager"] == [[1, 1], [100, 100]]
    assert drawn["restarts (K)", "fused"] == [[1, 0.1], [100, 10]]
    assert drawn["base (b)", "eager"] == [[6, 6], [12, 12]]
    said = " ".join(figure.texts[-1].get_text().split())
    assert said == ("measure: ms per update, median and quartiles · k: K = 100, B = 16, T = 15, b = 6, R = 5, L = 7 · "
                    "2026-11-21 · commit 1234567 · 2 cores · the command")  # fmt: skip


def test_jax_has_the_points_that_its_own_rows_give_and_the_axis_says_so(folder):
    quartiles = {"ms_low": 40, "ms_high": 90, "ms_one_restart": 1}
    updates = [{"engine": engine, "ms_per_update": ms, **quartiles, **SHAPE, **CODE}
               for engine, ms in (("jax", 60), ("jax", 80), ("jax", 50), ("eager", 96), ("fused", 1))]  # fmt: skip
    updates += [updates[0] | {"ms_per_update": 5000, "base": 10}, updates[0] | {"commit": "older"}]
    write(folder / "updates.csv", [updates[-1], *updates[:-1]])
    figure = scaling_figure(folder, "")
    drawn = lines(figure)
    assert drawn["restarts (K)", "jax"] == [[1, 1], [100, 60]] and drawn["base (b)", "jax"] == [[6, 60]]
    assert drawn["restarts (K)", "eager"] == [[1, 1], [100, 100]]
    assert figure.get_supxlabel().endswith(
        "jax: this shape and K = 1 alone, from other runs (beside them eager took 96 ms)"
    )


def test_the_committed_rows_have_a_line_of_jax():
    drawn = lines(scaling_figure(ROOT / "results" / "benchmarks", ""))
    assert [x for x, _ in drawn["restarts (K)", "jax"]] == [1, 100]


def test_mistakes_are_explained(tmp_path):
    with pytest.raises(UserError, match="no rows of neurocomp bench --scaling; expected its scaling.csv"):
        main(["scaling", "--results", str(tmp_path), "--out", str(tmp_path / "a.png")])
    with pytest.raises(UserError, match="--metric soft: scaling shows milliseconds of an update, no cells"):
        main(["scaling", "--metric", "soft", "--out", str(tmp_path / "a.png")])
    assert not (tmp_path / "a.png").exists()

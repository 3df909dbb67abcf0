"""Two cells compared: p-values worked by hand, cells found by a part of their name, mistakes explained."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.compare import main
from neurocomp.errors import UserError
from neurocomp.report.comparison import boschloo
from tests.cells import write_cell

# Two-sided is twice the smaller one-sided value. One-sided, of all of k against none of k: no other table is as extreme
# by Fisher's measure, and its probability p^k (1 - p)^k is greatest at p = 1/2. Of 7 in 15 against 12 in 15 (the
# vaccine trial of Mehta and Senchaudhuri, 2003) it is .0341.
P_VALUES = [
    ((2, 2), (0, 2), 2 / 16),
    ((0, 3), (3, 3), 2 / 64),
    ((7, 15), (12, 15), 2 * 0.0341),
    ((0, 5), (0, 9), 1),
    ((5, 5), (9, 9), 1),
]


@pytest.mark.parametrize("first, second, p", P_VALUES)
def test_p_values_are_boschloos(first, second, p):
    assert boschloo(first, second) == pytest.approx(p, rel=2e-3)


@st.composite
def counts(draw):
    n = draw(st.integers(1, 12))
    return draw(st.integers(0, n)), n


@settings(max_examples=20)
@given(counts(), counts())
def test_neither_the_order_of_cells_nor_what_counts_as_success_matters(first, second):
    p = boschloo(first, second)
    assert 0 < p <= 1
    assert boschloo(second, first) == pytest.approx(p, rel=1e-3)
    failures = [(n - count, n) for count, n in (first, second)]
    assert boschloo(*failures) == pytest.approx(p, rel=1e-3)


@pytest.fixture
def results(tmp_path):
    write_cell(tmp_path / "table1", "fib", "map_inc", 3, {"config_hash": "0123456789abcdef"}, soft=3, hard=1)
    write_cell(tmp_path / "table1", "fib", "random", 3, {"config_hash": "89abcdef01234567"}, soft=0, hard=1)
    return tmp_path


def compare(capsys, results, *argv):
    assert main([*map(str, argv), "--results", str(results)]) == 0
    return capsys.readouterr().out


def test_people_see_rates_intervals_difference_and_p(results, capsys):
    # Wilson's interval of 3 in 3 begins at 3 / (3 + 1.95996^2) = .43850, that of 0 in 3 ends at .56150.
    text = compare(capsys, results, "map_inc", "random")
    first, second, third, last = text.splitlines()
    assert first == "metric soft, 95% Wilson intervals"
    assert second.startswith("100.0% (43.9-100.0), 3 of 3: ") and third.startswith("0.0% (0.0-56.1), 0 of 3: ")
    assert last == "difference +100.0 points, p = 0.031 (Boschloo's exact test, two-sided)"


def test_json_is_one_object(results, capsys):
    found = json.loads(compare(capsys, results, "map_inc", "random", "--metric", "hard", "--json"))
    assert (found["metric"], found["difference"]) == ("hard", 0) and found["p_value"] == pytest.approx(1)
    assert [(cell["init"], cell["recovered"], cell["n"], cell["rate"]) for cell in found["cells"]] == [
        ("map_inc", 1, 3, 1 / 3),
        ("random", 1, 3, 1 / 3),
    ]
    assert {"ci_low", "ci_high", "path", "config_hash", "task", "method", "gamma", "seed"} <= set(found["cells"][0])


def test_a_cell_is_its_file_or_a_part_of_its_name_or_its_hash(results, capsys):
    path = next((results / "table1").glob("*map_inc*.csv"))
    path = path.rename(path.with_name("fib-map_inc-g0.3-s0-0123456789.csv"))
    for name in (path, "fib-map_inc", "table1/fib-map", "0123456789", "0123456789abcdef"):
        assert "100.0%" in compare(capsys, results, name, "random")


def test_copies_of_a_cell_are_one(results, capsys):
    write_cell(results / "again", "fib", "map_inc", 4, {"config_hash": "0123456789abcdef"}, soft=2)
    assert "2 of 4: " in compare(capsys, results, "map_inc", "random")
    assert "3 of 3: " in compare(capsys, results, "table1/fib-map_inc", "random")


@pytest.mark.parametrize(
    "cells, message",
    [
        (["map_dec", "random"], "map_dec: no cell in .* has this in its name or hash; neurocomp show lists them"),
        (["fib", "random"], "fib: fits 2 cells in .*, expected one; they are table1/fib-map_inc.*, table1/fib-random"),
        (["map_inc", "random", "--metric", "general"], "general was not measured; choose another --metric"),
        (["map_inc", "random", "--results", "typo"], "--results typo: there is no such directory"),
    ],
)
def test_mistakes_are_explained(results, cells, message):
    with pytest.raises(UserError, match=message):
        main(["--results", str(results), *cells])


def test_a_cell_without_rows_has_no_rate(results):
    path = next((results / "table1").glob("*map_inc*.csv"))
    path.write_text(path.read_text().partition("\n")[0] + "\n")
    with pytest.raises(UserError, match="soft was not measured"):
        main(["map_inc", "random", "--results", str(results)])

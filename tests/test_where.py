"""`--where` and `--sort`: which cells, in which order, and what is said of a key or value that means nothing."""

from __future__ import annotations

import json

import pytest

from cli.show import COLUMNS
from neurocomp.report.cells import read_cells, shown
from tests.cells import write_cell


@pytest.fixture
def folder(tmp_path):
    """fib under two gammas, inc without a hard measure."""
    folder = tmp_path / "results" / "mine"
    write_cell(folder, "fib", "random", 10, {"gamma": 0.3, "config_hash": "a"}, soft=9, hard=2)
    write_cell(folder, "fib", "map_inc", 10, {"gamma": 1.0, "config_hash": "b", "seed": 4}, soft=9, hard=5)
    write_cell(folder, "inc", "random", 10, {"config_hash": "c", "optimizer": {"stop": "fit"}}, soft=0)
    return folder


@pytest.fixture
def chosen(folder, command):
    """The hashes of the cells that `neurocomp show --json` lists."""

    def show(*words: str) -> str:
        answer = command("show", "--results", str(folder), "--json", *words)
        assert answer.code == 0, answer.err
        return "".join(line["config_hash"] for line in json.loads(answer.out))

    return show


@pytest.mark.parametrize(
    "where, hashes",
    [
        (["task=fib and recovered_hard<0.5"], "a"),
        (["rate_hard<=0.5"], "ab"),
        (["rate_hard>0.2", "task=fib"], "b"),
        (["rate_hard<1"], "ab"),  # what was not measured is less than nothing
        (["rate_hard=0.2"], "a"),
        (["recovered_hard=none"], "c"),
        (["task!=fib"], "c"),
        (["gamma>=0.3 and gamma!=1"], "ac"),
        (["seed=0", "seed=4"], "abc"),
        (["optimizer.stop=fit"], "c"),
        (["complete=true and n>9"], "abc"),
        (["updates < 100"], "ab"),
        (["recovered_soft=false"], "c"),  # in each restart
    ],
)
def test_cells_are_chosen_by_columns_measures_and_keys(chosen, where, hashes):
    assert sorted(chosen("--where", *where)) == sorted(hashes)


@pytest.mark.parametrize(
    "sort, hashes",
    [
        (["--sort", "hard"], "abc"),
        (["--sort", "-hard"], "bac"),
        (["--sort=-rate_soft"], "bac"),
        (["--sort", "task"], "bac"),
        (["--sort", "-task"], "cba"),
        (["--sort", "seed"], "acb"),
    ],
)
def test_lines_are_sorted_by_a_column_and_unknown_values_come_last(chosen, sort, hashes):
    by_path = chosen()
    assert by_path == "bac"
    found = chosen(*sort)
    ties = {"-task": {"cba", "cab"}, "-rate_soft": {"bac", "abc"}}
    assert found in ties.get(sort[-1].removeprefix("--sort="), {hashes})


def test_a_table_compares_too(folder, command):
    out = command("table", "table1", "--results", str(folder), "--format", "csv", "--where", "gamma<0.5").out
    rates = {line.split(",")[0] + " " + line.split(",")[1]: line for line in out.splitlines()}
    assert ",0.9," in rates["optimization fib"] and ",0.9," not in rates["init=map_inc fib"]


@pytest.mark.parametrize(
    "words, said",
    [
        (["--where", "tsak=fib"], "--where tsak=fib: unknown key, expected a column of the rows, a measure such as "
         'rate_soft, or a key of the configuration such as machine.writeback or training.check; did you mean "task"?'),
        (["--where", "task=fob"], "--where task=fob: no cell has it; task is fib, inc"),
        (["--where", "task<3"], "--where task<3: no cell has it; task is no number, expected task=VALUE"),
        (["--where", "gamma>2"], "--where gamma>2: no cell has it; gamma is 0.3 to 1"),
        (["--where", "gamma<x"], "--where gamma<x: expected a number after <, such as 0.5"),
        (["--where", "recovered_hard>50"],
         "--where recovered_hard>50: recovered_hard is a share of the restarts, expected 0 to 1, such as 0.5"),
        (["--where", "seed"],
         "--where seed: expected KEY=VALUE, such as seed=0, or a comparison, such as rate_hard<0.5"),
        (["--where", "task=fib and task=inc"],
         "--where task=fib and task=inc: no cell has both; expected --where task=fib task=inc for either"),
        (["--sort", "hrd"], "--sort hrd: there is no such column, expected one of experiment, task, init, method, "
         "gamma, seed, n, state, soft, hard, fit, general, updates, file; did you mean \"hard\"?"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_what_would_be_accepted(folder, command, words, said):
    assert command("show", "--results", str(folder), *words) == (2, "", f"neurocomp: {said}\n")


def test_completion_knows_the_columns_of_both_tables(folder):
    from neurocomp.memorizer.report import cells as memorized

    columns = [*shown(read_cells(folder)[0].summary_line())]
    line = dict.fromkeys(
        (
            "experiment",
            *memorized.FACTS,
            "n",
            "requested",
            "complete",
            "memorized",
            "updates_mean",
            "updates_sd",
            "accuracy",
            "accuracy_a",
            "exact_rate",
            "path",
        )
    ) | {  # fmt: skip
        "failed": False,
        "limited": 0,
        "n": 1,
        "path": "",
    }
    known = {name.removesuffix(" %") for name in (*columns, *memorized.shown(line))}
    assert known - {"accuracy A"} == set(COLUMNS)

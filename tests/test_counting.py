"""Each restart counts once, where it was asked for, by the measure that was asked for."""

from __future__ import annotations

import csv
import io
import json

import pytest

from neurocomp import pipeline
from neurocomp.report.cells import read_cell
from neurocomp.report.grid import restarts_text
from neurocomp.results import provenance
from neurocomp.results.columns import RESTARTS
from neurocomp.results.identity import config_hash
from neurocomp.results.writer import CellWriter
from tests.cells import YAML, row, write_cell
from tests.jobs import cell_path
from tests.test_cli_run import QUICK
from tests.test_identity_of_cells import git


def entry(n: int | None) -> dict:
    return {"n": n}


@pytest.mark.parametrize("counts, text", [
    ([], "no cells"), ([None], "no cells"), ([50], "k = 50 restarts a cell"), ([50, 50], "k = 50 restarts a cell"),
    ([100, 50], "k = 50 to 100 restarts a cell"), ([100, 20, None, 50], "k = 20 to 100 restarts a cell"),
])  # fmt: skip
def test_the_caption_says_the_fewest_and_the_most_restarts(counts, text):
    assert restarts_text(map(entry, counts)) == text


def test_a_restart_that_is_in_the_file_twice_counts_once(tmp_path):
    path = tmp_path / "cell.csv"
    with CellWriter(path, YAML) as cell:
        cell.append([row(0, recovered_soft=True), row(1, recovered_soft=False)])
        cell.append([row(2, recovered_soft=False)])
    header, *lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, *lines, *lines[:2], *lines[:2]]))
    cell = read_cell(path)
    assert (cell.n, cell.recovered("soft"), list(cell.rows["restart"])) == (3, 1, [0, 1, 2])


def test_rows_are_in_the_order_of_restarts(tmp_path):
    path = tmp_path / "cell.csv"
    with CellWriter(path, YAML) as cell:
        for restart in (2, 0, 1):
            cell.append([row(restart, updates=10 * restart)])
    assert list(read_cell(path).rows["updates"]) == [0, 10, 20]


@pytest.mark.parametrize("table", ["gamma", "transfer", "table1"])
@pytest.mark.parametrize(
    "metric, rate", [(None, "0.5"), ("soft", "0.5"), ("hard", "0.25"), ("fit", "0.75"), ("general", "0.0")]
)
def test_a_table_counts_by_the_metric_that_was_asked_for(command, tmp_path, table, metric, rate):
    write_cell(tmp_path / "mine", "fib", "map_inc", 4, soft=2, hard=1, fit=3, general=0)
    given = [] if metric is None else ["--metric", metric]
    answer = command("table", table, "--results", "mine", "--format", "csv", *given)
    rates = [line["rate"] for line in csv.DictReader(io.StringIO(answer.out)) if line["rate"]]
    assert answer.code == 0 and rates == [rate]
    assert f"metric {metric or 'soft'}: " in command("table", table, "--results", "mine", *given).out


# --- batches


@pytest.mark.parametrize(
    "done, restarts, chunk, missing",
    [
        (range(4), 12, 5, [[4], [5, 6, 7, 8, 9], [10, 11]]),
        (range(6, 8), 10, 4, [[0, 1, 2, 3], [4, 5], [8, 9]]),
        (range(3), 3, 2, []),
        (range(2), 5, 100, [[2, 3, 4]]),
        (range(0), 3, 1, [[0], [1], [2]]),
    ],
)
def test_batches_end_at_the_limits_of_chunks(tmp_path, done, restarts, chunk, missing):
    with CellWriter(tmp_path / "cell.csv", YAML) as cell:
        if done:
            cell.append([row(restart) for restart in done])
        assert cell.missing_batches(restarts, chunk) == missing


# --- what the shell sees


def test_a_restart_that_fails_by_itself_is_exit_code_1(command, monkeypatch, tmp_path):
    def replay(job, *arguments, **options):
        raise RuntimeError("it broke")

    monkeypatch.setattr("neurocomp.cli.run.replay", replay)
    answer = command("run", "task=inc", "init=inc", "only=1", *QUICK)
    assert answer.code == 1 and "RuntimeError: it broke" in answer.err and answer.out == ""
    assert not list(tmp_path.rglob("*.csv"))


def test_restarts_beyond_those_asked_for_make_up_for_none(command, tmp_path, monkeypatch):
    """Restarts 5 to 9 are in the file; of restarts=5 there is none, as long as the cell does not run."""
    given = ("run", "task=inc", "init=inc", *QUICK, "restarts=5")
    with monkeypatch.context() as context:
        context.setattr("neurocomp.cli.run.complete", measured_nothing)
        assert command(*given).code == 1
        path = pipeline_path(given)
        with CellWriter(path, "restarts: 5\n") as cell:
            cell.append([row(restart) for restart in range(5, 10)])
        answer = command(*given)
        assert answer.code == 1 and "0 of 5 restarts are there" in answer.err
        with CellWriter(path, "restarts: 5\n") as cell:
            cell.append([row(restart) for restart in range(4)])
        answer = command(*given)
        assert answer.code == 1 and "incomplete, 4 of 5 restarts are there" in answer.err
        with CellWriter(path, "restarts: 5\n") as cell:
            cell.append([row(4)])
        assert command(*given).code == 0


def measured_nothing(job):
    """Stands for a run that wrote no row: the cell has a header alone, or what was there."""
    if not job.path.exists():
        job.path.parent.mkdir(parents=True, exist_ok=True)
        job.path.write_text(",".join(RESTARTS.columns) + "\n")


def pipeline_path(given):
    from neurocomp.cli.compose import configure

    return cell_path(configure(list(given[1:])))


def test_a_cell_that_is_done_is_not_run_again_and_says_what_it_holds(command, monkeypatch):
    given = ("run", "task=inc", "init=inc", "--json", *QUICK)
    first = command(*given)
    monkeypatch.setitem(pipeline.METHODS, "tune", None)  # which would be an error
    again = command(*given)
    assert first.code == again.code == 0 and json.loads(first.out) == json.loads(again.out)


# --- which code


@pytest.mark.parametrize("folder, dirty", [("neurocomp", True), ("cli", True), ("configs", True), ("experiments", True),
                                           ("results", False), ("tests", False)])  # fmt: skip
def test_rows_are_dirty_if_what_decides_them_has_changed(tmp_path, monkeypatch, folder, dirty):
    for name in ("neurocomp", "cli", "configs", "experiments", "results", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.py").write_text("one\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "neurocomp" / "results.py"))
    provenance.provenance.cache_clear()
    assert provenance.provenance().dirty is False
    (tmp_path / folder / "results.py").write_text("two\n")
    provenance.provenance.cache_clear()
    assert provenance.provenance().dirty is dirty
    provenance.provenance.cache_clear()


def test_hashes_of_thousands_of_cells_are_all_different():
    assert len({config_hash({"seed": seed}) for seed in range(5000)}) == 5000

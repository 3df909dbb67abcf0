"""Cells of the fused engine: rows are the same with any number of lanes and threads and after any interruption."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurocomp.config import ObjectiveConfig, OptimizerConfig, RunConfig
from neurocomp.methods import tune
from neurocomp.methods.progress import Progress
from neurocomp.pipeline import run_cell
from neurocomp.results.writer import read_rows
from neurocomp.tuning import update as updating
from tests.jobs import cell_path
from tests.test_tasks import shipped

RESTARTS = 12
OPTIMIZER = OptimizerConfig(updates=40, hold=3)  # some restarts recover, at different updates, and some do not


def config(folder: Path, **changes) -> RunConfig:
    fields = dict(
        task=shipped("map_inc", length=1), init="map_dec", restarts=RESTARTS, examples=4, chunk=5, optimizer=OPTIMIZER,
        results=str(folder), threads=1, engine="fused",
    )  # fmt: skip
    return RunConfig(**(fields | changes))


def run(given: RunConfig) -> Path:
    return run_cell(given, progress=False).path


def facts(path: Path) -> dict[int, dict]:
    """Rows by restart, without their seconds, threads and batches."""
    frame = read_rows(path).drop(columns=["wall_s", "threads", "batch", "date"])
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    assert len({row["restart"] for row in rows}) == len(rows)
    return {row["restart"]: row for row in rows}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[int, dict]:
    rows = facts(run(config(tmp_path_factory.mktemp("whole"), chunk=RESTARTS)))
    assert len(rows) == RESTARTS and len({row["updates"] for row in rows.values()}) > 2
    return rows


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, RESTARTS + 1), st.integers(1, 3), st.lists(st.integers(1, RESTARTS), max_size=2), st.booleans())
def test_rows_are_the_same_for_any_lanes_threads_and_resumes(
    tmp_path_factory, monkeypatch, whole, chunk, threads, stops, at_once
):
    folder = tmp_path_factory.mktemp("any")
    monkeypatch.setattr(tune, "SECONDS_UNSAVED", 0 if at_once else 5)
    for restarts in [*sorted(stops), RESTARTS]:
        path = run(config(folder, chunk=chunk, threads=threads, restarts=restarts))
        assert facts(path) == {restart: whole[restart] for restart in range(restarts)}
    for label, rows in read_rows(path).groupby("batch"):
        first, last = map(int, label.split("-"))
        assert list(rows["restart"]) == list(range(first, last + 1))


def test_what_is_done_together_is_in_batches_of_a_chunk(tmp_path):
    rows = read_rows(run(config(tmp_path, chunk=5)))
    assert list(rows["restart"]) == list(range(RESTARTS))
    assert list(rows["batch"]) == ["0-4"] * 5 + ["5-9"] * 5 + ["10-11"] * 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_is_done_is_kept_when_tuning_ends_early(tmp_path, monkeypatch, whole, error):
    given, left = config(tmp_path), [60]
    update = updating.Compiled.__call__

    def interrupted(*arguments):
        left[0] -= 1
        if left[0] == 0:
            raise error
        return update(*arguments)

    monkeypatch.setattr(updating.Compiled, "__call__", interrupted)
    with pytest.raises(error):
        run(given)
    kept = facts(cell_path(given))
    assert 0 < len(kept) < RESTARTS and kept == {restart: whole[restart] for restart in kept}
    assert facts(run(given)) == whole


SLOWLY = """
import sys, time
from neurocomp.results import writer as results
from neurocomp.cli.main import main
from neurocomp.methods import tune

tune.SECONDS_UNSAVED = 0
append = results.CellWriter.append

def append_and_wait(cell, rows):
    append(cell, rows)
    print("appended", file=sys.stderr, flush=True)
    time.sleep(600)  # until it is killed: other restarts are in their lanes now, or wait

if sys.argv[-1] == "slowly":
    sys.argv.pop()
    results.CellWriter.append = append_and_wait
sys.exit(main())
"""


def test_sigkill_loses_at_most_what_is_in_flight(tmp_path, whole):
    overrides = ["task=map_inc", "task.length=1", "init=map_dec", f"restarts={RESTARTS}", "chunk=2", "examples=4",
                 "threads=1", "optimizer.updates=40", "optimizer.hold=3", "engine=fused"]  # fmt: skip
    command = [sys.executable, "-c", SLOWLY, "run", *overrides, f"results={tmp_path}", "name=killed"]
    with subprocess.Popen([*command, "slowly"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("appended" in line for line in process.stderr), "the process ended before it had a row"
        process.send_signal(signal.SIGKILL)
    (path,) = tmp_path.rglob("*.csv")
    kept = facts(path)
    assert 0 < len(kept) < RESTARTS and kept == {restart: whole[restart] for restart in kept}
    again = subprocess.run(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert again.returncode == 0 and facts(path) == whole


def test_restarts_with_the_softmax_loss_do_not_depend_on_their_batch_either(tmp_path):
    rows = [
        facts(run(config(tmp_path, chunk=chunk, threads=chunk, objective=ObjectiveConfig(loss="softmax"))))
        for chunk in (1, 3)
    ]
    assert rows[0] == rows[1]


def test_an_eager_batch_is_told_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(tune, "SECONDS_UNSAVED", 0)
    given = config(tmp_path, engine="eager", optimizer=OptimizerConfig(updates=2))
    labels = list(read_rows(run(given))["batch"])
    assert labels == ["0-4"] * 5 + ["5-9"] * 5 + ["10-11"] * 2


@pytest.mark.parametrize("engine", ["eager", "fused"])
def test_the_bar_ends_with_nothing_left_to_do(tmp_path, monkeypatch, engine):
    made = []

    class Watched(Progress):
        def __exit__(self, *exception):
            made.append((self.remaining, self.finished, self.made))
            super().__exit__(*exception)

    monkeypatch.setattr("neurocomp.pipeline.Progress", Watched)
    rows = facts(run(config(tmp_path, engine=engine))).values()
    assert made == [(0, RESTARTS, sum(row["updates"] + 1 for row in rows))]

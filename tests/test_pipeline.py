"""A cell as a whole: what its rows say, chunks, resumes, a real SIGKILL, extras beside the rows."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from neurocomp.compilation.weights_file import load_weights
from neurocomp.config import OptimizerConfig, RunConfig
from neurocomp.language import interpreter
from neurocomp.language.assembly import parse
from neurocomp.machine_config import MachineConfig
from neurocomp.pipeline import run_cell
from neurocomp.results.writer import RESTARTS, read_rows
from neurocomp.tasks.examples import held_out
from neurocomp.tasks.task import load_task
from tests.jobs import cell_path, replay
from tests.test_tasks import shipped

TIMES = ["wall_s", "cpu_s", "date"]
OPTIMIZER = OptimizerConfig(updates=60)


def config(tmp_path: Path, **changes) -> RunConfig:
    fields = dict(
        task=shipped("map_inc", length=1), init="map_inc", restarts=6, examples=4, chunk=3, optimizer=OPTIMIZER,
        results=str(tmp_path / "results"), threads=1, engine="eager",
    )  # fmt: skip
    return RunConfig(**(fields | changes))


def run(given: RunConfig):
    return run_cell(given, progress=False)


def facts(path: Path) -> list[dict]:
    """The rows without what differs between two runs of the same thing."""
    frame = read_rows(path).drop(columns=TIMES)
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def test_a_row_says_what_its_restart_did(tmp_path):
    given = config(tmp_path)
    cell = run(given)
    with cell.path.open(newline="") as file:
        assert next(csv.reader(file)) == list(RESTARTS.columns)
    assert list(cell.rows["restart"]) == list(range(6))
    task = load_task(given.task, MachineConfig())
    test = held_out(task, seed=0).test
    assert cell.rows["recovered_hard"].any()
    for row in cell.rows.to_dict("records"):
        program = parse(row["program"])
        right = all(
            interpreter.run(program, memory, registers, base=6, steps=task.steps).memory[0] == final[0]
            for memory, registers, final, _ in zip(*(words.tolist() for words in test), strict=True)
        )
        assert row["recovered_hard"] == right
        assert (row["status"] == "recovered") == (row["recovered_at"] == row["recovered_at"])  # not NaN
        assert 0 < row["margin"] <= 1 and 0 <= row["lines_changed"] <= 5 and row["wall_s"] > 0
        assert (row["gamma"], row["engine"], row["device"], row["threads"]) == (0.3, "eager", "cpu", 1)
    resolved = yaml.safe_load(cell.path.with_suffix(".yaml").read_text())
    assert resolved["task"]["length"] == 1 and resolved["optimizer"]["updates"] == 60


def test_a_resumed_cell_ends_with_the_rows_of_an_uninterrupted_one(tmp_path):
    whole = run(config(tmp_path / "whole"))
    half = run(config(tmp_path / "resumed", restarts=3))
    assert half.n == 3
    text = half.path.read_text()
    resumed = run(config(tmp_path / "resumed"))
    assert resumed.path.read_text().startswith(text)  # rows are appended, never edited
    assert facts(resumed.path) == facts(whole.path)
    before = resumed.path.read_bytes()
    assert run(config(tmp_path / "resumed")).path.read_bytes() == before  # nothing was missing


def test_the_restart_of_a_torn_line_is_run_again(tmp_path):
    """By itself, in a batch of its own; the whole lines of its chunk count."""
    whole = run(config(tmp_path / "whole"))
    torn = run(config(tmp_path / "torn"))
    content = torn.path.read_bytes()
    torn.path.write_bytes(content[:-40])
    again = facts(run(config(tmp_path / "torn")).path)
    assert [row.pop("batch") for row in again][-1] == "5-5"
    assert again == [{key: value for key, value in row.items() if key != "batch"} for row in facts(whole.path)]


def test_the_cell_is_the_same_for_other_restarts_chunks_and_paths_and_another_for_anything_else(tmp_path):
    one = config(tmp_path)
    for same in ({"restarts": 7}, {"chunk": 2}, {"threads": 2}, {"save_curves": True}, {"only": 3}):
        assert cell_path(replace(one, **same)) == cell_path(one), same
    others = [
        {"seed": 1}, {"gamma": 0.2}, {"examples": 5}, {"init": "map_dec"}, {"precision": "float64"},
        {"machine": MachineConfig(halting="printed")}, {"optimizer": OptimizerConfig(updates=61)},
        {"task": shipped("map_inc", length=2)},
    ]  # fmt: skip
    names = {cell_path(replace(one, **other)).name for other in others}
    assert len(names | {cell_path(one).name}) == len(others) + 1


def test_random_initialization_records_gamma_1_whatever_is_given(tmp_path):
    random = [config(tmp_path, init="random", gamma=gamma, restarts=2) for gamma in (0.1, 0.3)]
    assert cell_path(random[0]) == cell_path(random[1])
    cell = run(random[0])
    assert set(cell.rows["gamma"]) == {1.0} and cell.rows["lines_changed"].isna().all()


def test_curves_and_weights_are_kept_when_asked_for(tmp_path):
    cell = run(config(tmp_path, save_curves=True, save_weights=True))
    with cell.path.with_name(f"{cell.path.stem}.curves.csv").open(newline="") as file:
        curve = list(csv.DictReader(file))
    for row in cell.rows.to_dict("records"):
        own = [point for point in curve if int(point["restart"]) == row["restart"]]
        assert [int(point["update"]) for point in own] == list(range(row["updates"] + 1))
        assert float(own[-1]["loss"]) == row["loss"]
        folder = cell.path.with_name(f"{cell.path.stem}.weights")
        logits, sizes, _ = load_weights(folder / f"{row['restart']}.safetensors")
        assert logits.shape[0] == sizes.lines == len(parse(row["program"]))


def test_only_replays_a_restart_without_touching_the_rows(tmp_path):
    given = config(tmp_path, precision="float64")
    cell = run(given)
    before = cell.path.read_bytes()
    row = replay(replace(given, only=4, save_weights=True), progress=False)
    assert (cell.path.with_name(f"{cell.path.stem}.weights") / "4.safetensors").is_file()
    recorded = cell.rows.to_dict("records")[4]
    assert cell.path.read_bytes() == before
    for key in ("restart", "status", "updates", "program"):
        assert row[key] == recorded[key]
    assert row["loss"] == pytest.approx(recorded["loss"], abs=1e-9)
    assert Path(row["curve"]).read_text().count("\n") == row["updates"] + 2


def test_sigkill_loses_at_most_the_chunk_in_flight(tmp_path):
    overrides = ["task=map_inc", "task.length=1", "init=map_inc", "restarts=8", "chunk=2", "examples=4", "threads=1",
                 "optimizer.updates=60", "engine=eager"]  # fmt: skip
    entry = "import sys; from neurocomp.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", entry, "run", *overrides]

    def rows(folder: Path) -> list[Path]:
        return sorted((folder / "results").rglob("*.csv"))

    def start(folder: Path) -> subprocess.Popen:
        folder.mkdir(exist_ok=True)
        return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = start(killed)
    deadline = time.time() + 120
    while not rows(killed) and time.time() < deadline and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (path,) = rows(killed)
    kept = facts(path)
    assert len(kept) % 2 == 0 and 2 <= len(kept) < 8
    assert start(killed).wait() == 0 and start(whole).wait() == 0
    assert facts(path)[: len(kept)] == kept
    assert facts(path) == facts(rows(whole)[0])

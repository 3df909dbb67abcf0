"""The driver of a sweep, against doubles of a pool: whatever a pool does, rows equal those of a run without one."""

from __future__ import annotations

import csv
import errno
import json
import pickle
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from neurocomp import job as jobs
from neurocomp.compilation.weights_file import load_weights
from neurocomp.config import OptimizerConfig, RunConfig, SynthesisConfig
from neurocomp.memorizer.config import TrainingConfig
from neurocomp.results import writer as results
from neurocomp.results.lock import Lock
from neurocomp.sweep import Sweep
from neurocomp.workers.pool import OtherCode, Outcome, Task, call, code_here
from neurocomp.workers.progress import SweepProgress
from tests import test_memorizer
from tests.jobs import job_of
from tests.test_tasks import shipped

ASIDE = ("wall_s", "cpu_s", "updates_per_s", "date", "batch", "host")  # times, and what was made together, and where

Fate = Callable[[Task, int], Outcome | None]  # what becomes of a task that is tried for this time; None: it runs


class Double:
    """A pool in this process. Tasks and outcomes are pickled, and come back in another order than they were sent in."""

    is_here = False

    def __init__(self, fate: Fate = lambda task, time: None, slots: int = 3):
        self.fate, self.tasks, self.tries, self.most = fate, list[Task](), Counter[bytes](), 0
        self.draw, self._slots = random.Random(1), slots

    def slots(self) -> int:
        return self._slots

    def without(self, folder: Path, token: str) -> list[str]:
        return []

    def submit(self, task: Task) -> None:
        self.tasks.append(pickle.loads(pickle.dumps(task)))
        self.most = max(self.most, len(self.tasks))

    def wait(self, seconds: float) -> list[Outcome]:
        self.draw.shuffle(self.tasks)
        ready, self.tasks = self.tasks[:2], self.tasks[2:]
        return [self.outcome(task) for task in ready]

    def outcome(self, task: Task) -> Outcome:
        self.tries[name(task)] += 1
        ended = self.fate(task, self.tries[name(task)])
        return pickle.loads(pickle.dumps(call(code_here(), task) if ended is None else ended))

    def close(self) -> None: ...


def name(task: Task) -> bytes:
    """What a task is, however often it is sent."""
    return pickle.dumps((task.arguments[0].path, task.arguments[1:]))


def restarts(task: Task) -> tuple[int, ...]:
    return task.arguments[1] if len(task.arguments) > 1 else ()


def config(folder: Path, **changes) -> RunConfig:
    fields = dict(
        task=shipped("map_inc", length=1), init="map_inc", restarts=4, chunk=2, examples=4, threads=1, engine="fused",
        optimizer=OptimizerConfig(updates=3), results=str(folder),
    )  # fmt: skip
    return RunConfig(**(fields | changes))


def grid(folder: Path) -> list:
    """Cells of several methods of both machines."""
    one, synthesis = config(folder), SynthesisConfig(candidates=300)
    cells = [one, replace(one, engine="eager"), replace(one, init="random", seed=1)]
    cells += [replace(one, method=method) for method in ("random_search", "local_search", "enumerate", "annealing")]
    cells += [replace(one, method="synthesize", restarts=2, synthesis=synthesis)]
    cells += [replace(one, init="synth", synthesis=synthesis)]
    return [*cells, test_memorizer.tiny(folder, restarts=2, training=TrainingConfig(batch=2, updates=3))]


def plain(configs: list) -> list[jobs.Job]:
    """The cells, run without a pool."""
    made = [job_of(one) for one in configs]
    for job in made:
        jobs.complete(job, progress=False)
    return made


def swept(configs: list, pool: Double | None = None) -> tuple[list[jobs.Job], list[tuple[Path, str]]]:
    """The cells, run in the pool, and what was reported of them."""
    made, said = [job_of(one) for one in configs], []
    bar = SweepProgress(len(made), sum(job.restarts for job in made), shown=False)
    Sweep(made, pool or Double(), lambda job, error: said.append((job.path, str(error))), bar).run()
    assert bar.cells_done == len(made)
    return made, said


def rows(job: jobs.Job) -> list[dict[str, str]]:
    """The rows by a reader that is not ours, in the order of restarts."""
    with job.path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len({line["restart"] for line in lines}) == len(lines)  # none twice, and one failed row at most
    kept = [{key: value for key, value in line.items() if key not in ASIDE} for line in lines]
    return sorted(kept, key=lambda row: int(row["restart"] or -1))


def failed(job: jobs.Job) -> list[str]:
    return [row.get("program") or row.get("outcomes", "") for row in rows(job) if row["status"] == "failed"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> list[list[dict[str, str]]]:
    """The rows of `grid` without a pool."""
    return [rows(job) for job in plain(grid(tmp_path_factory.mktemp("plain")))]


def node_lost_four_times(task: Task, time: int) -> Outcome | None:
    return Outcome(task.key, died="node") if time <= 4 else None


def process_lost_twice(task: Task, time: int) -> Outcome | None:
    return Outcome(task.key, died="process") if time <= 2 else None


@pytest.mark.parametrize("fate", [lambda task, time: None, node_lost_four_times, process_lost_twice])
def test_rows_of_every_method_are_those_of_a_run_without_a_pool(tmp_path, expected, fate):
    pool = Double(fate)
    made, said = swept(grid(tmp_path), pool)
    assert [rows(job) for job in made] == expected and not said
    assert pool.most <= 6  # twice the slots
    before = {job.path: job.path.read_bytes() for job in made}
    again = Double()
    swept(grid(tmp_path), again)
    assert not again.tries and before == {job.path: job.path.read_bytes() for job in made}


def test_an_outcome_that_comes_twice_counts_once(tmp_path):
    class Repeating(Double):
        before: list[Outcome] = []

        def wait(self, seconds):
            now = super().wait(seconds)
            self.before, twice = self.before + now, [*self.before, *now, *now]
            return twice

    configs = [config(tmp_path / "pool"), config(tmp_path / "pool", seed=1)]
    made, said = swept(configs, Repeating())
    assert not said
    assert [rows(job) for job in made] == [
        rows(job) for job in plain([replace(one, results=str(tmp_path / "plain")) for one in configs])
    ]


def test_an_exception_stops_its_cell_with_one_failed_row_and_no_other_cell(tmp_path):
    bad, good = config(tmp_path, restarts=8), config(tmp_path, seed=1)

    def fate(task: Task, time: int) -> Outcome | None:
        if task.arguments[0].path == job_of(bad).path and restarts(task)[:1] > (1,):
            return Outcome(task.key, error=ValueError(f"restart {restarts(task)[0]}\nis odd"))

    pool = Double(fate)
    (stopped, done), said = swept([bad, good], pool)
    assert [row["restart"] for row in rows(done)] == list("0123")
    assert len(said) == 1 and said[0][0] == stopped.path
    (reason,) = failed(stopped)
    assert reason == f"ValueError: {' '.join(said[0][1].split())}"
    assert [row["restart"] for row in rows(stopped)] == ["", "0", "1"]  # what was in flight is kept
    swept([bad])
    assert [row["restart"] for row in rows(stopped)] == ["", *"01234567"]  # the same command goes on


def test_a_batch_whose_process_dies_three_times_stops_its_cell_and_no_other(tmp_path):
    deadly = job_of(config(tmp_path)).path

    def fate(task: Task, time: int) -> Outcome | None:
        if task.arguments[0].path == deadly and 2 in restarts(task):
            return Outcome(task.key, died="process")

    pool = Double(fate)
    (stopped, done), said = swept([config(tmp_path), config(tmp_path, seed=1)], pool)
    assert said == [(deadly, "the worker's process died 3 times in restarts 2-3")]
    assert failed(stopped) == ["WorkerLost: the worker's process died 3 times in restarts 2-3"]
    assert [row["restart"] for row in rows(stopped)] == ["", "0", "1"] and len(rows(done)) == 4
    assert max(pool.tries.values()) == 3


def test_a_stopped_cell_gets_no_more_tasks_when_another_of_its_workers_dies(tmp_path):
    def fate(task: Task, time: int) -> Outcome | None:
        if restarts(task)[0] == 0:
            return Outcome(task.key, error=ValueError("bad"))
        return Outcome(task.key, died="node")

    class InOrder(Double):
        def wait(self, seconds):
            ready, self.tasks = self.tasks, []
            return [self.outcome(task) for task in ready]

    pool = InOrder(fate)
    (job,), said = swept([config(tmp_path)], pool)
    assert len(said) == 1 and set(pool.tries.values()) == {1} and len(rows(job)) == 1


def test_a_search_whose_process_dies_three_times_stops_its_cell(tmp_path):
    one = config(tmp_path, init="synth", synthesis=SynthesisConfig(candidates=300))
    (job,), said = swept([one], Double(lambda task, time: Outcome(task.key, died="process")))
    assert [text for _, text in said] == ["the worker's process died 3 times in its synthesis"]
    assert len(failed(job)) == 1


def test_other_code_ends_the_sweep_and_writes_no_row(tmp_path):
    other = Double(lambda task, time: Outcome(task.key, error=OtherCode("node7 has Python 3.9")))
    with pytest.raises(OtherCode, match="node7 has Python 3.9"):
        swept([config(tmp_path)], other)
    assert not job_of(config(tmp_path)).path.exists()
    assert unlocked(config(tmp_path))


def unlocked(given: RunConfig) -> bool:
    with Lock(job_of(given).path):
        return True


def test_a_worker_with_other_code_makes_nothing():
    made = []
    outcome = call(code_here() | {"torch": "0.1"}, Task(7, made.append, (1,)))
    assert isinstance(outcome.error, OtherCode) and not made
    assert "has torch " in str(outcome.error) and "the driver 0.1; expected the same there" in str(outcome.error)


def test_curves_and_weights_are_the_same_files(tmp_path):
    kept = dict(save_curves=True, save_weights=True)
    (one,) = plain([config(tmp_path / "plain", **kept)])
    (other,), _ = swept([config(tmp_path / "pool", **kept)])
    beside = [[job.path.with_name(job.path.stem + end) for job in (one, other)] for end in (".curves.csv", ".weights")]
    curves = [sorted(path.read_text().splitlines()) for path in beside[0]]  # in the order in which batches came back
    assert curves[0] == curves[1] and len(curves[0]) == 1 + 4 * 4
    for restart in range(4):
        logits, *facts = load_weights(beside[1][0] / f"{restart}.safetensors")
        others, *other_facts = load_weights(beside[1][1] / f"{restart}.safetensors")
        assert torch.equal(logits, others) and facts == other_facts


def test_a_search_runs_as_a_task_and_finds_the_same_templates(tmp_path):
    kept = []
    synthesis = SynthesisConfig(candidates=300)
    (one,) = plain([config(tmp_path / "plain", init="synth", synthesis=synthesis)])
    pool = Double(process_lost_twice)
    (other,), _ = swept([config(tmp_path / "pool", init="synth", synthesis=synthesis)], pool)
    assert len(pool.tries) > 2  # the search and batches
    for job in (one, other):
        record = json.loads(job.path.with_suffix(".templates.json").read_text())
        kept.append(without_seconds(record))
    assert kept[0] == kept[1] and kept[0]["found"]


def without_seconds(record):
    if isinstance(record, dict):
        return {key: without_seconds(value) for key, value in record.items() if key != "seconds"}
    return [without_seconds(one) for one in record] if isinstance(record, list) else record


def test_a_locked_cell_and_a_damaged_file_are_reported_and_left_as_they_are(tmp_path):
    locked, damaged, good = (config(tmp_path, seed=seed) for seed in range(3))
    path = job_of(damaged).path
    path.parent.mkdir(parents=True)
    path.write_text("not,rows\n1,2\n")
    with Lock(job_of(locked).path):
        (one, two, three), said = swept([locked, damaged, good])
    assert [of for of, _ in said] == [one.path, two.path]
    assert "is being written by another process" in said[0][1] and str(path) in said[1][1]
    assert not one.path.exists() and path.read_text() == "not,rows\n1,2\n" and len(rows(three)) == 4


def test_damaged_templates_stop_their_cell_alone(tmp_path):
    synth = config(tmp_path, init="synth", synthesis=SynthesisConfig(candidates=300))
    templates = job_of(synth).path.with_suffix(".templates.json")
    templates.parent.mkdir(parents=True)
    templates.write_text("{")
    (_, good), said = swept([synth, config(tmp_path)])
    assert [str(templates) in text for _, text in said] == [True]
    assert len(rows(good)) == 4 and unlocked(synth)


def test_what_cannot_be_kept_beside_rows_stops_its_cell_alone(tmp_path):
    bad, good = config(tmp_path, save_curves=True), config(tmp_path, seed=1)
    curves = job_of(bad).path.with_suffix(".curves.csv")
    curves.parent.mkdir(parents=True)
    curves.write_text("mine\n")
    (stopped, done), said = swept([bad, good])
    assert [text for _, text in said] == [f"{curves}:1: not a file of loss curves (expected restart,update,loss)"]
    assert len(rows(done)) == 4 and curves.read_text() == "mine\n" and len(failed(stopped)) == 1


def test_a_full_disk_ends_the_sweep_and_what_was_written_stays(tmp_path, monkeypatch):
    write, left = results._write_all, [2]

    def full(file, data):
        left[0] -= 1
        if left[0] < 0:
            file.write(data[:20])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    configs = [config(tmp_path / "pool", seed=seed) for seed in range(3)]
    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space left"):
        patched.setattr(results, "_write_all", full)
        swept(configs)
    there = [rows(job) for job in map(job_of, configs) if job.path.exists()]
    assert there and 0 < sum(map(len, there)) < 12
    made, said = swept(configs)
    whole = plain([replace(one, results=str(tmp_path / "plain")) for one in configs])
    assert [rows(job) for job in made] == [rows(job) for job in whole] and not said


def test_an_interrupt_unlocks_all_cells_and_the_next_sweep_finishes(tmp_path):
    class Interrupted(Double):
        def wait(self, seconds):
            if len(self.tries) >= 3:
                raise KeyboardInterrupt
            return super().wait(seconds)

    configs = [config(tmp_path, seed=seed) for seed in range(3)]
    with pytest.raises(KeyboardInterrupt):
        swept(configs, Interrupted())
    assert 0 < sum(len(rows(job)) for job in map(job_of, configs) if job.path.exists()) < 12
    made, said = swept(configs)
    assert [len(rows(job)) for job in made] == [4, 4, 4] and not said


def test_batches_are_small_enough_that_one_cell_keeps_all_workers_busy(tmp_path):
    pool = Double(slots=4)
    swept([config(tmp_path, restarts=16, chunk=100)], pool)
    assert len(pool.tries) == 8  # two for each

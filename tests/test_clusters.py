"""What differs where workers are on other machines: their disks and their GPUs, against doubles of a pool."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from neurocomp.cli.pools import sweep
from neurocomp.devices import checked_device
from neurocomp.errors import UserError
from neurocomp.memorizer.config import TrainingConfig
from neurocomp.memorizer.plan import make_plan
from neurocomp.memorizer.saving import checkpoint_path
from neurocomp.methods import progress
from neurocomp.tuning.lanes import UpdateReport
from neurocomp.workers.pool import Outcome, Task, writes_into
from neurocomp.workers.ray_pool import call_from
from tests.jobs import job_of
from tests.test_memorizer import tiny
from tests.test_sweep import Double, config, failed, plain, rows, swept, unlocked


def full_disk(task: Task, time: int) -> Outcome | None:
    if task.key == 2:
        return Outcome(task.key, error=OSError(errno.ENOSPC, "No space left on device", "a.checkpoint.safetensors"))


def test_a_full_disk_that_a_worker_of_this_machine_meets_ends_the_sweep_and_no_cell_has_failed(tmp_path):
    configs = [config(tmp_path / "pool", seed=seed) for seed in range(3)]
    here = Double(full_disk)
    here.is_here = True
    with pytest.raises(OSError, match="No space left on device: 'a.checkpoint.safetensors'"):
        swept(configs, here)
    there = [job for job in map(job_of, configs) if job.path.exists()]
    assert not any(map(failed, there)) and all(map(unlocked, configs))
    made, said = swept(configs)
    whole = plain([config(tmp_path / "plain", seed=seed) for seed in range(3)])
    assert [rows(job) for job in made] == [rows(job) for job in whole] and not said


def test_a_full_disk_of_another_machine_stops_its_cell_alone(tmp_path):
    made, said = swept([config(tmp_path, seed=seed) for seed in range(3)], Double(full_disk))
    stopped = [job for job in made if failed(job)]
    assert len(stopped) == 1 and [path for path, _ in said] == [stopped[0].path]
    assert [len(rows(job)) for job in made if job not in stopped] == [4, 4]


class Elsewhere(Double):
    """Workers on machines of which some do not have this machine's disk."""

    def __init__(self, lacking: list[str]):
        super().__init__()
        self.lacking, self.asked = lacking, list[Path]()

    def without(self, folder: Path, token: str) -> list[str]:
        assert writes_into(folder, token)
        self.asked.append(folder)
        return self.lacking


def training(folder: Path, **changes):
    return tiny(folder, training=TrainingConfig(batch=2, updates=3), **changes)


@pytest.mark.parametrize(
    "lacking, named",
    [(["node7"], "node7"), ([f"node{number}" for number in range(1, 6)], "node1, node2, node3 and 2 more")],
)
def test_where_a_lost_training_begins_anew_is_said_once_before_the_start(tmp_path, capsys, lacking, named):
    jobs = [job_of(training(tmp_path, seed=seed)) for seed in range(2)]
    pool = Elsewhere(lacking)
    sweep(jobs, pool, lambda job, error: pytest.fail(str(error)))
    first, *others = capsys.readouterr().err.splitlines()
    folder = jobs[0].path.parent
    assert first == (
        f"neurocomp: workers on {named} cannot write into {folder} of this machine: "
        "a training that is lost there begins anew"
    )
    assert pool.asked == [folder] and not any("begins anew" in line for line in others)
    assert [len(rows(job)) for job in jobs] == [1, 1]
    assert not [path for path in folder.iterdir() if path.name.startswith(".workers-")]


def test_machines_are_not_asked_where_there_are_no_checkpoints_and_say_nothing_where_all_can_write(tmp_path, capsys):
    pool, can = Elsewhere(["node7"]), Elsewhere([])
    sweep([job_of(config(tmp_path / "one"))], pool, pytest.fail)
    assert not pool.asked
    sweep([job_of(training(tmp_path / "two"))], can, pytest.fail)
    assert can.asked and "begins anew" not in capsys.readouterr().err


def test_a_folder_of_the_same_name_on_another_disk_is_not_the_driver_s(tmp_path):
    (tmp_path / "token").touch()
    assert writes_into(tmp_path, "token")
    assert not writes_into(tmp_path, "other") and not writes_into(tmp_path / "missing", "token")


def test_a_training_on_a_machine_without_the_folder_leaves_its_disk_alone_and_gives_the_same_row(tmp_path):
    changes = dict(training=TrainingConfig(batch=2, updates=7, save_every=0.0))
    job = job_of(tiny(tmp_path / "nowhere", **changes))
    (made,) = job.rows([[0]], progress=False)
    assert not (tmp_path / "nowhere").exists()
    there = tiny(tmp_path / "there", **changes)
    job_of(there).path.parent.mkdir(parents=True)
    (same,) = job_of(there).rows([[0]], progress=False)
    assert checkpoint_path(make_plan(there), 0).exists()
    assert [made.rows[0][key] for key in ("status", "loss", "updates")] == [
        same.rows[0][key] for key in ("status", "loss", "updates")
    ]


def test_relative_paths_of_a_task_are_those_of_the_driver_where_its_folder_is(tmp_path):
    task, here = Task(1, os.path.abspath, ("results",)), os.getcwd()
    from neurocomp.workers.pool import code_here

    assert call_from(str(tmp_path), code_here(), task).value == str(tmp_path / "results")
    assert call_from(str(tmp_path / "missing"), code_here(), task).value == os.path.abspath("results")
    assert os.getcwd() == here


def test_a_driver_without_gpus_leaves_them_to_the_cluster():
    assert checked_device("cuda", "ray") == checked_device("cuda", "ray:head:6379") == torch.device("cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("workers", [2, None])
def test_workers_of_a_machine_without_gpus_are_refused_them(workers):
    with pytest.raises(UserError, match="device=cuda: not available here; expected one of cpu"):
        checked_device("cuda", workers)


def test_where_there_is_no_terminal_progress_is_a_line_a_minute(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("neurocomp.progress_line.time.monotonic", lambda: now[0])
    with progress.Progress("cell", [[0, 1]], updates=1000, shown=True) as bar:
        for _ in range(300):
            now[0] += 0.5
            bar.after_update(UpdateReport(lanes=2, finished=[]))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("cell 0/2, ") for line in lines)  # after one minute and two

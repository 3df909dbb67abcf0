"""Launchers of Hydra's: a job that is killed leaves its cell incomplete, and the same command goes on."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurocomp.cli import launchers
from neurocomp.cli.errors import _unknown_option
from tests.conftest import ROOT
from tests.test_workers import PROC

MARK = "NEUROCOMP_TEST_LAUNCHER"  # in the environment of a command and of its jobs
SAFE = "rows so far are safe, and the same command goes on from there"
RESTARTS = 24  # so many that a cell takes seconds, in which it can be caught half done
GRID = ("run", "-m", "task=map_inc", "init=map_dec,map_inc", f"restarts={RESTARTS}", "chunk=1", "examples=4",
        "engine=fused", "task.length=1", "threads=1", "optimizer.updates=500", "optimizer.hold=500")  # fmt: skip


@pytest.mark.parametrize(
    "name, extra", [("joblib", "joblib"), ("submitit_local", "slurm"), ("submitit_slurm", "slurm")]
)
def test_a_launcher_that_is_missing_is_named_with_its_extra(name, extra):
    line = f"hydra/launcher={name}: is not installed; pip install 'neurocomp[{extra}]', or choose one of basic"
    assert _unknown_option(f"hydra/launcher/{name}", ["basic"], "") == line


def start(folder: Path, launcher: str) -> subprocess.Popen:
    entry = "import sys; from neurocomp.cli.main import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", entry, *GRID, f"hydra/launcher={launcher}", f"results={folder}"], cwd=ROOT,
        env=os.environ | {MARK: str(folder)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def jobs_of(folder: Path, words: str) -> list[int]:
    """The processes of this folder's command that have these words in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if words in (path / "cmdline").read_text() and f"{MARK}={folder}\0" in (path / "environ").read_text():
                found.append(int(path.name))
    return found


def job_amid_a_cell(folder: Path, words: str) -> int | None:
    """A job that holds a cell of which some of the restarts are there and many are not, or None."""
    amid = {name for name, found in rows(folder).items() if 1 <= len(found) <= RESTARTS // 2}
    for job in jobs_of(folder, words):
        with contextlib.suppress(OSError):
            held = {link.resolve().with_suffix(".csv").name for link in Path(f"/proc/{job}/fd").iterdir()}
            if held & amid:
                return job
    return None


def rows(folder: Path) -> dict[str, list[str]]:
    """The restarts in each cell's file, each once."""
    return {
        path.name: sorted({line.split(",")[5] for line in path.read_text().splitlines()[1:]})
        for path in folder.rglob("*.csv")
    }


@PROC
@pytest.mark.parametrize(
    "launcher, plugin, process, reason",
    [
        ("joblib", "hydra_joblib_launcher", "popen_loky",
         r"Hydra's launcher: TerminatedWorkerError: A worker process .*"),
        ("submitit_local", "hydra_submitit_launcher", "submitit.core._submit",
         r"a job was lost before its cell was done \(UncompletedJobError: Job \d+ .*\)"),
    ],
)  # fmt: skip
def test_a_killed_job_is_said_and_the_same_command_goes_on(tmp_path, launcher, plugin, process, reason):
    if importlib.util.find_spec("hydra_plugins") is None or importlib.util.find_spec(f"hydra_plugins.{plugin}") is None:
        pytest.skip(f"hydra-{plugin[6:].replace('_', '-')} is not installed")
    command = start(tmp_path, launcher)
    deadline, held = time.monotonic() + 100, None
    while held is None or len(rows(tmp_path)) < 2:  # the first job is held amid its cell until the other has begun
        assert time.monotonic() < deadline and command.poll() is None
        time.sleep(0.02)
        if held is None and (held := job_amid_a_cell(tmp_path, process)):
            os.kill(held, signal.SIGSTOP)
    os.kill(held, signal.SIGKILL)
    out, err = command.communicate(timeout=200)
    assert command.returncode == 1 and "Traceback" not in err
    assert re.search(rf"^neurocomp: {reason}; {SAFE}$", err, re.MULTILINE)
    incomplete = [name for name, found in rows(tmp_path).items() if len(found) < RESTARTS]
    assert len(incomplete) in ((1, 2) if launcher == "joblib" else (1,))  # submitit waits for the others
    said = rf"^neurocomp: task=map_inc .*: incomplete, \d+ of {RESTARTS} restarts are there$"
    assert len(re.findall(said, err, re.MULTILINE)) == len(incomplete)
    assert all(name in out for name in rows(tmp_path))
    again = start(tmp_path, launcher)
    out, err = again.communicate(timeout=200)
    assert again.returncode == 0 and out.count(f"{RESTARTS}/{RESTARTS}") == 2
    assert {name: len(found) for name, found in rows(tmp_path).items()} == dict.fromkeys(rows(tmp_path), RESTARTS)


class Job:
    """A job of submitit's that never has a result."""

    job_id, _cancel_command = "12_1", "scancel"

    def done(self) -> bool:
        return False


def test_a_job_that_has_left_the_queue_of_a_slurm_without_accounts_is_waited_for_no_more(monkeypatch):
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'neurocomp[slurm]'")
    from submitit.core import core

    asked = []

    def squeue(words, **options):
        asked.append(words)
        left = len(asked) == 3
        return subprocess.CompletedProcess(
            words, int(left), "" if left else "12_1 all job PD", "Invalid job id specified"
        )

    monkeypatch.setattr(launchers, "ASK_SLURM_EVERY", -1)
    monkeypatch.setattr(launchers.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(launchers.subprocess, "run", squeue)
    lost: list[str] = []
    with launchers._waiting_for_all(lost):
        (returned,) = core.Job.results(Job())
    assert asked == [["squeue", "--noheader", "--jobs=12_1"]] * 3
    assert lost == ["UncompletedJobError: Job 12_1 is not in Slurm's queue any more"]
    assert returned.return_value != returned.return_value  # not a number, as of a cell in which nothing was measured


def test_what_else_goes_wrong_in_a_launcher_is_one_line(capsys):
    def fail() -> None:
        raise RuntimeError('Could not detect "srun", are you indeed on a slurm cluster?\nmore')

    assert not launchers.launched(fail, debug=False)
    line = 'RuntimeError: Could not detect "srun", are you indeed on a slurm cluster? (--verbose shows the traceback)'
    assert capsys.readouterr().err.splitlines() == ["", f"neurocomp: Hydra's launcher: {line}; {SAFE}"]
    with pytest.raises(RuntimeError):
        launchers.launched(fail, debug=True)

"""The processes of `workers=N`: they die, their driver dies, Ctrl-C comes; and command lines that ask for them."""

from __future__ import annotations

import csv
import errno
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from neurocomp.errors import UserError
from neurocomp.workers import local
from neurocomp.workers.local import LocalPool, gpus_needed, gpus_of
from neurocomp.workers.pool import OtherCode, Outcome, Task, code_here
from tests import deadly
from tests.conftest import ROOT
from tests.jobs import job_of
from tests.test_sweep import Double, config, failed, plain, rows, swept

QUICK = ("task=map_inc", "init=map_inc", "restarts=4", "chunk=2", "examples=4", "engine=fused", "task.length=1",
         "optimizer.updates=3")  # fmt: skip
PROC = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")


@pytest.fixture
def pool():
    made = LocalPool(2)
    yield made
    made.close()


def outcomes(pool: LocalPool, tasks: list[Task], lost: int = 0) -> dict[int, Outcome]:
    """What came back, by key, of these tasks and so many that were lost. A pool that hangs fails the test."""
    for task in tasks:
        pool.submit(task)
    found, deadline = {}, time.monotonic() + 100
    while len(found) < len(tasks) + lost:
        assert time.monotonic() < deadline, "the pool hangs"
        found |= {outcome.key: outcome for outcome in pool.wait(1.0)}
    return found


def until(happens: Callable[[], object], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_gone(process: int) -> bool:
    """Whether there is no such process any more, or nobody has asked yet how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_worker_that_is_killed_is_replaced_and_its_task_can_be_done_again(tmp_path, pool):
    file, slow = tmp_path / "pid", Task(1, deadly.slow_once, (tmp_path / "pid",))
    pool.submit(slow)
    until(lambda: pool.wait(0.1) or file.exists())
    os.kill(int(file.read_text()), signal.SIGKILL)
    found = outcomes(pool, [Task(2, deadly.double, (2,)), Task(3, deadly.double, (3,))], lost=1)
    assert found == {1: Outcome(1, died="process"), 2: Outcome(2, 4), 3: Outcome(3, 6)}
    assert pool.slots() == 2 and outcomes(pool, [slow])[1].value == "again"


def test_how_a_task_ends_is_its_outcome_whatever_it_is(pool):
    functions = (deadly.unpicklable, deadly.unreadable, deadly.unwritable, deadly.kill_self, deadly.leave)
    tasks = [Task(key, function, ()) for key, function in enumerate(functions)]
    found = outcomes(pool, [*tasks, Task(9, deadly.double, (21,))])
    assert str(found[0].error) == "Unpicklable: holds a function"
    assert str(found[1].error) == "Unreadable: lacks its number"
    assert str(found[2].error) == "TypeError: a value of a kind that no pipe takes"
    assert found[3] == Outcome(3, died="process") and found[4] == Outcome(4, died="process")
    assert found[9] == Outcome(9, 42)


def test_what_is_larger_than_the_buffer_of_a_pipe_goes_both_ways(pool):
    large = [bytes([key]) * 1_000_000 for key in range(8)]
    found = outcomes(pool, [Task(key, deadly.same, (data,)) for key, data in enumerate(large)])
    assert [found[key].value for key in range(8)] == large


def test_a_task_that_a_worker_cannot_read_is_other_code():
    data = pickle.dumps(Task(1, deadly.double, (1,))).replace(b"deadly", b"gentle")
    error = pickle.loads(local.answer(code_here(), data)).error
    assert isinstance(error, OtherCode) and "No module named 'tests.gentle'" in str(error)


def test_a_program_that_kills_its_worker_stops_its_cell_and_no_other(tmp_path, pool):
    bad, good = config(tmp_path / "pool"), config(tmp_path / "pool", seed=1)
    from neurocomp.sweep import Sweep
    from neurocomp.workers.progress import SweepProgress

    made, said = [deadly.Deadly(job_of(bad).cell), job_of(good)], []
    Sweep(made, pool, lambda job, error: said.append((job.path, str(error))), SweepProgress(2, 8, shown=False)).run()
    (reason,) = failed(made[0])
    assert said[0][0] == made[0].path and reason == f"WorkerLost: {said[0][1]}"
    assert said[0][1].startswith("the worker's process died 3 times in restarts 2-")
    assert rows(made[1]) == rows(plain([config(tmp_path / "plain", seed=1)])[0])


@PROC
def test_rows_are_the_same_though_a_worker_is_killed(tmp_path, pool):
    configs = [config(tmp_path / "pool", seed=seed) for seed in range(3)]
    killed = []

    def kill(before=pool.wait):
        def wait(seconds: float) -> list[Outcome]:
            found = before(seconds)
            if not killed and found:
                killed.append(pool._workers[0].process.pid)
                os.kill(killed[-1], signal.SIGKILL)
            return found

        return wait

    pool.wait = kill()
    made, said = swept(configs, pool)
    assert killed and not said
    whole = plain([config(tmp_path / "plain", seed=seed) for seed in range(3)])
    assert [rows(job) for job in made] == [rows(job) for job in whole]


@PROC
def test_workers_end_with_their_driver_in_the_middle_of_a_task():
    script = """
import time
from neurocomp.workers.local import LocalPool
from neurocomp.workers.pool import Task
from tests import deadly
if __name__ == "__main__":
    pool = LocalPool(2)
    for key in range(4):
        pool.submit(Task(key, deadly.double, (1,)))
    while len(pool.wait(1)) == 0:
        pass
    for key in range(4):
        pool.submit(Task(key, deadly.sleep, (600,)))
    print(*(worker.process.pid for worker in pool._workers), flush=True)
    time.sleep(600)
"""
    driver = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    workers = [int(word) for word in driver.stdout.readline().split()]
    assert len(workers) == 2 and not any(map(is_gone, workers))
    driver.kill()
    driver.communicate()
    until(lambda: all(map(is_gone, workers)), seconds=20)


def members(group: int) -> list[int]:
    """The living processes of a group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(of) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


@PROC
@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("number, said", [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended by SIGTERM")])
def test_a_signal_to_all_processes_ends_the_command_at_once(tmp_path, number, said, early):
    entry = (  # a shell has what runs in its background ignore Ctrl-C
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from neurocomp.cli.main import main; sys.exit(main())"
    )
    words = [*QUICK[:-1], "optimizer.updates=100000", "optimizer.hold=100000", "restarts=40", "workers=2"]
    words += [f"results={tmp_path}"]
    command = subprocess.Popen(
        [sys.executable, "-c", entry, "run", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if early:  # workers that are still importing
        until(lambda: len(members(command.pid)) >= 3)
    else:
        until(lambda: list(tmp_path.rglob("*.lock")))
        time.sleep(3)
    os.killpg(command.pid, number)
    _, err = command.communicate(timeout=120)
    assert command.returncode == 128 + number
    again = "the same command again goes on from what was last saved"
    lines = [line for line in err.splitlines() if not line.startswith(("map_inc: 6", "cells "))]
    assert lines == [f"neurocomp: {said}; {again}"]
    until(lambda: not members(command.pid), seconds=20)


def test_rows_of_workers_are_made_with_one_thread_and_are_those_of_a_plain_run(command, tmp_path):
    answer = command("run", "-m", *QUICK, "init=map_inc,map_dec", "workers=2", "name=pool")
    assert answer.code == 0 and "cells 2/2, restarts 8/8" in answer.err
    assert command("run", "-m", *QUICK, "init=map_inc,map_dec", "threads=1", "name=plain").code == 0
    from tests.same_rows import differences
    from tests.same_rows import rows as by_restart

    for path in sorted((tmp_path / "results" / "pool").glob("*.csv")):
        made, whole = by_restart(path), by_restart(tmp_path / "results" / "plain" / path.name)
        assert made.keys() == whole.keys() and len(made) == 4
        assert not [found for restart in made if (found := differences(made[restart], whole[restart]))]
        with path.open(newline="") as file:
            assert {row["threads"] for row in csv.DictReader(file)} == {"1"}
    done = command("run", "-m", *QUICK, "init=map_inc,map_dec", "workers=2", "name=pool")
    assert done.code == 0 and "restarts/s" not in done.err


NUMBERS = "expected a number from 1 to 10000, ray, or ray:HOST:PORT"


@pytest.mark.parametrize(
    "words, line",
    [
        (["workers=0"], f"workers=0: {NUMBERS}"),
        (["workers=true"], f"workers=True: {NUMBERS}"),
        (["workers=nonsense"], f"workers=nonsense: {NUMBERS}"),
        (["workers=ray:host:99999"], f"workers=ray:host:99999: {NUMBERS}"),
        (["workers=ray:host:0"], f"workers=ray:host:0: {NUMBERS}"),
        (["gpus=0.5"], "gpus=0.5: the share of a task of workers, expected workers=N or workers=ray with it"),
        (["gpus=1.5", "workers=2"], "gpus=1.5: expected a share of a GPU in (0, 1], or a whole number of them"),
        (["device=cuda:1", "workers=2"],
         "device=cuda:1: with workers each gets a GPU of its own, expected device=cuda"),
        (["only=1", "workers=2"], "only=1: one restart needs no workers, expected workers=null"),
        (["workers=2", "hydra/launcher=basic"],
         "workers=2: with a launcher or sweeper of Hydra's, expected either"),
        (["-m", "workers=2", "threads=1,2"], "workers, gpus, threads: a grid has one pool, expected one value of each"),
        (["-m", "workers=1,2"], "workers, gpus, threads: a grid has one pool, expected one value of each"),
    ],
)  # fmt: skip
def test_a_command_line_that_asks_for_no_pool_there_can_be_is_refused(command, tmp_path, words, line):
    answer = command("run", *QUICK, *words)
    assert (answer.code, answer.err) == (2, f"neurocomp: {line}\n")
    assert not (tmp_path / "results").exists()


def test_a_missing_extra_is_named(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    answer = command("run", *QUICK, "workers=ray")
    assert answer.code == 2
    assert answer.err == "neurocomp: workers=ray: ray is not installed; pip install 'neurocomp[ray]'\n"


def test_each_worker_sees_its_share_of_the_gpus_that_the_driver_may_use(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    name = "CUDA_VISIBLE_DEVICES"
    assert gpus_of(3, None) == {}
    assert [gpus_of(number, 1)[name] for number in range(3)] == ["0", "1", "2"]
    assert [gpus_of(number, 0.25)[name] for number in range(6)] == ["0", "0", "0", "0", "1", "1"]
    assert [gpus_of(number, 0.4)[name] for number in range(4)] == ["0", "0", "1", "1"]  # none has parts of two
    assert [gpus_of(number, 2)[name] for number in range(2)] == ["0,1", "2,3"]
    assert [gpus_needed(*asked) for asked in ((4, 0.25), (5, 0.25), (3, 0.4), (2, 2), (3, 1))] == [1, 2, 2, 4, 3]
    monkeypatch.setenv(name, "4,GPU-7")
    assert [gpus_of(number, 1)[name] for number in range(2)] == ["4", "GPU-7"]


def test_more_workers_than_gpus_are_refused(monkeypatch):
    import torch

    from neurocomp.cli.pools import _check_gpus

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    _check_gpus(4, 0.25)
    with pytest.raises(UserError, match=r"workers=5, each with gpus=0.25: expected no more than the 1 GPUs here"):
        _check_gpus(5, 0.25)


class Refusing:
    """A pool that the machine takes away."""

    is_here = True

    def __init__(self, error: BaseException):
        self.error, self.closed = error, False

    def slots(self) -> int:
        return 1

    def without(self, folder: Path, token: str) -> list[str]:
        return []

    def submit(self, task: Task) -> None: ...

    def wait(self, seconds: float) -> list[Outcome]:
        raise self.error

    def close(self) -> None:
        self.closed = True


SAFE = "rows so far are safe, and the same command goes on from there"


@pytest.mark.parametrize(
    "error, code, line",
    [
        (OSError(errno.ENOSPC, "No space left on device", "rows.csv"), 1, f"rows.csv: the disk is full; {SAFE}"),
        (ConnectionAbortedError(errno.ECONNABORTED, "Ray's node on this machine has died", "workers"), 1,
         f"workers: Ray's node on this machine has died; {SAFE}"),
        (OtherCode("node7 has Python 3.9, the driver 3.11; expected the same there"), 2,
         "workers: node7 has Python 3.9, the driver 3.11; expected the same there"),
        (KeyboardInterrupt(), 130, "interrupted; the same command again goes on from what was last saved"),
    ],
)  # fmt: skip
def test_what_ends_a_sweep_is_one_line_and_closes_the_pool(command, monkeypatch, error, code, line):
    pool = Refusing(error)
    monkeypatch.setattr("neurocomp.cli.run.make_pool", lambda cell: pool)
    answer = command("run", *QUICK, "workers=1")
    assert (answer.code, answer.err.splitlines()[-1]) == (code, f"neurocomp: {line}")
    assert pool.closed


def test_a_cell_that_fails_in_a_worker_is_said_and_the_exit_code_is_1(command, monkeypatch):
    fails = Double(lambda task, time: Outcome(task.key, error=ValueError("odd")) if task.key == 1 else None)
    monkeypatch.setattr("neurocomp.cli.run.make_pool", lambda cell: fails)
    answer = command("run", "-m", *QUICK, "init=map_inc,map_dec", "workers=1")
    assert answer.code == 1
    cell = "neurocomp: task=map_inc init=map_inc gamma=0.3 seed=0"
    assert f"{cell}: ValueError: odd (--verbose shows the traceback)\n" in answer.err
    assert answer.err.splitlines()[-1] == f"{cell}: failed, 2 of 4 restarts are there"

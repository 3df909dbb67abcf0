"""Claims about `workers=ray`, with a Ray of this machine; more kills by `tests/test_kills.py --ray-kills 60`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurocomp.workers.pool import OtherCode, Outcome
from tests.conftest import ROOT
from tests.ray_nodes import Nodes, kill
from tests.same_rows import differences
from tests.same_rows import rows as by_restart

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'neurocomp[ray]'")
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")

GRID = ("run", "-m", "task=map_inc", "init=map_dec,map_inc", "restarts=16", "chunk=2", "examples=4", "engine=fused",
        "task.length=1", "threads=1", "optimizer.updates=300", "optimizer.hold=300")  # fmt: skip


def start(nodes: Nodes, *words: str) -> subprocess.Popen:
    entry = "import sys; from neurocomp.cli.main import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", entry, *GRID, *words], cwd=ROOT, env=nodes.environment, stderr=subprocess.PIPE, text=True
    )


def lines(folder: Path) -> int:
    return sum(path.read_text().count("\n") for path in folder.rglob("*.csv"))


def assert_same(one: Path, other: Path) -> None:
    paths = sorted(one.rglob("*.csv"))
    assert len(paths) == 2
    for path in paths:
        made, whole = by_restart(path), by_restart(next(other.rglob(path.name)))
        assert len(made) == 16 and made.keys() == whole.keys()
        assert path.read_text().count("\n") == 17  # none is there twice
        assert not [found for restart in made if (found := differences(made[restart], whole[restart]))]


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    with Nodes() as nodes:
        assert start(nodes, f"results={folder}").wait() == 0
    return folder


def test_without_a_cluster_ray_starts_on_this_machine_though_a_dead_one_left_its_address(tmp_path, plain):
    with Nodes() as nodes:
        left = Path(nodes.folder, "ray", "ray_current_cluster")
        left.parent.mkdir()
        left.write_text("127.0.0.1:1")
        command = start(nodes, "workers=ray", f"results={tmp_path}")
        _, err = command.communicate(timeout=200)
    assert command.returncode == 0, err
    assert_same(tmp_path, plain)


def test_rows_are_the_same_though_a_worker_and_a_node_are_killed(tmp_path, plain):
    with Nodes() as nodes:
        nodes.start_head()
        nodes.start_second()
        command = start(nodes, f"workers=ray:{nodes.address}", f"results={tmp_path}")
        until(lambda: lines(tmp_path) >= 6 and nodes.workers(), command)
        kill(nodes.workers()[0])
        more = lines(tmp_path) + 6
        until(lambda: lines(tmp_path) >= more and len(nodes.workers()) == 2, command)
        (raylet,) = nodes.second_raylet()
        kill(raylet)
        _, err = command.communicate(timeout=200)
    assert command.returncode == 0, err
    assert_same(tmp_path, plain)


SCRIPT = """
import os, sys
from pathlib import Path
from neurocomp.errors import UserError
from neurocomp.workers.pool import Task
from neurocomp.workers.ray_pool import RayPool
address, folder = sys.argv[1], Path(sys.argv[2])
try:
    RayPool(address, gpus=3.0)
except UserError as error:
    print(error)
os.chdir(folder)
pool = RayPool(address, gpus=1.0)
print(pool.slots())
for key in range(4):
    pool.submit(Task(key, os.getenv, ("CUDA_VISIBLE_DEVICES",)))
pool.submit(Task(4, os.path.abspath, ("results",)))
found = {}
while len(found) < 5:
    found |= {outcome.key: outcome.value for outcome in pool.wait(60)}
print(found.pop(4), set(found.values()) <= {"0", "1"})
Path("results").mkdir()
Path("results", "token").touch()
print(len(pool.without(Path("results"), "token")), len(pool.without(Path("results"), "other")))
pool.close()
"""


def test_a_driver_without_gpus_uses_those_of_the_cluster_and_asks_its_machines_for_a_folder(tmp_path):
    with Nodes() as nodes:
        nodes.start_head("--num-gpus=1", "--num-cpus=2")
        nodes.start_second("--num-gpus=2", "--num-cpus=2")
        words = [sys.executable, "-c", SCRIPT, nodes.address, str(tmp_path)]
        done = subprocess.run(
            words, cwd=ROOT, env=nodes.environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
    assert done.stdout.splitlines() == [
        "device=cuda, gpus=3: no machine of the cluster has more than 2 GPUs",
        "3",
        f"{tmp_path / 'results'} True",
        "0 2",
    ], done.stderr


def until(happens, command: subprocess.Popen) -> None:
    deadline = time.monotonic() + 150
    while not happens():
        assert time.monotonic() < deadline and command.poll() is None
        time.sleep(0.02)


@pytest.mark.parametrize("listens, reason", [(True, "timed out"), (False, "[Errno 111] Connection refused")])
def test_an_address_where_no_ray_answers_is_refused(command, monkeypatch, listens, reason):
    monkeypatch.setattr("neurocomp.workers.ray_pool.SECONDS", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if listens:
            taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = command("run", "task=inc", "init=inc", f"workers=ray:{address}")
    refused = f"neurocomp: workers=ray:{address}: no cluster can be used there ({reason}); "
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == (
        f"{refused}expected one that this machine has joined by ray start --address={address}"
    )


def outcome_of(error: Exception) -> Outcome:
    """What the pool makes of a task for which Ray raises this."""
    from neurocomp.workers.ray_pool import RayPool

    class Raising:
        def get(self, reference):
            raise error

    pool = RayPool.__new__(RayPool)
    pool._running, pool._ray = {"reference": 7}, Raising()
    return pool._outcome("reference")


def test_the_death_of_a_process_counts_and_that_of_a_node_does_not():
    from ray import exceptions

    assert outcome_of(exceptions.WorkerCrashedError()) == Outcome(7, died="process")
    assert outcome_of(exceptions.OutOfMemoryError("too much")) == Outcome(7, died="process")
    assert outcome_of(exceptions.NodeDiedError("it is dead")) == Outcome(7, died="node")
    assert outcome_of(exceptions.ObjectLostError("0" * 56, "", "")) == Outcome(7, died="node")
    with pytest.raises(OSError, match="Ray's node on this machine has died"):
        outcome_of(exceptions.LocalRayletDiedError())


def test_a_task_that_a_worker_cannot_read_is_other_code():
    from ray import exceptions

    raised = exceptions.RayTaskError("call", "Traceback\nModuleNotFoundError: No module named 'neurocomp'", None)
    error = outcome_of(raised).error
    assert isinstance(error, OtherCode)
    assert str(error).endswith("expected the same neurocomp: ModuleNotFoundError: No module named 'neurocomp'")

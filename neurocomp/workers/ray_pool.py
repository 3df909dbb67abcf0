"""`workers=ray`: the same tasks on a cluster, by Ray core. A machine may join or leave while they run."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
from pathlib import Path
from typing import Any

from neurocomp.errors import UserError
from neurocomp.workers.pool import OtherCode, Outcome, Task, call, code_here, writes_into

SECONDS = 15  # that an address is given to take a connection, and then to answer
MISSING = "ray is not installed; pip install 'neurocomp[ray]'"
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # as gRPC begins
QUIET = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}


class RayPool:
    """Tasks on all processors of a cluster: the one at `address`, else one that is there, else this machine alone.

    With `gpus`, each task asks for that share of a GPU. Raises UserError where nothing answers, or Ray is missing.
    """

    is_here = False

    def __init__(self, address: str | None = None, gpus: float | None = None, threads: int = 1):
        try:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            import ray  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise UserError(f"workers=ray: {MISSING}") from None
        self._ray, self._threads, self._gpus, self._code = ray, threads, gpus or 0, code_here()
        _connect(ray, address)
        most = max((node.get("GPU", 0) for node in self._nodes().values()), default=0)
        if self._gpus > most:
            self.close()
            raise UserError(f"device=cuda, gpus={self._gpus:g}: no machine of the cluster has more than {most:g} GPUs")
        # A task that dies is done again by the driver, which counts how often.
        self._remote = ray.remote(call_from).options(num_cpus=threads, num_gpus=self._gpus, max_retries=0)
        self._running: dict[Any, int] = {}

    def _nodes(self) -> dict[str, dict[str, float]]:
        """The machines that are there, each with its resources."""
        return {node["NodeID"]: node["Resources"] for node in self._ray.nodes() if node["Alive"]}

    def slots(self) -> int:
        resources = self._ray.cluster_resources()
        free = resources.get("CPU", 1) // self._threads
        if self._gpus:
            free = min(free, sum(node.get("GPU", 0) // self._gpus for node in self._nodes().values()))
        return max(1, int(free))

    def without(self, folder: Path, token: str) -> list[str]:
        """Those on which a task says so; a machine that answers something else is left to the sweep."""
        from ray.util.scheduling_strategies import (  # pyright: ignore[reportMissingImports]
            NodeAffinitySchedulingStrategy,
        )

        asked = {}
        for node in self._nodes():
            there = NodeAffinitySchedulingStrategy(node, soft=False)
            remote = self._ray.remote(writes_into).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
            asked[remote.remote(folder.absolute(), token)] = node
        answered, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=2 * SECONDS)
        found = []
        for reference in answered:
            with contextlib.suppress(Exception):
                found += [] if self._ray.get(reference) else [asked[reference]]
        return [node["NodeManagerHostname"] for node in self._ray.nodes() if node["NodeID"] in found]

    def submit(self, task: Task) -> None:
        self._running[self._remote.remote(os.getcwd(), self._code, task)] = task.key

    def wait(self, seconds: float) -> list[Outcome]:
        if not self._running:
            return []
        done, others = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        if done and others:
            done += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        return [self._outcome(reference) for reference in done]

    def _outcome(self, reference: Any) -> Outcome:
        """What a task came to. Raises OSError where this machine's own node is dead, with which Ray ends for us.

        `call_from` returns what is raised in a task, so that RayTaskError is raised by what is around it: a worker that
        has another neurocomp, or none.
        """
        from ray import exceptions  # pyright: ignore[reportMissingImports]

        key = self._running.pop(reference)
        try:
            return self._ray.get(reference)
        except exceptions.LocalRayletDiedError:
            raise ConnectionAbortedError(errno.ECONNABORTED, "Ray's node on this machine has died", "workers") from None
        except (exceptions.NodeDiedError, exceptions.ObjectLostError):
            return Outcome(key, died="node")
        except (exceptions.WorkerCrashedError, exceptions.OutOfMemoryError):
            return Outcome(key, died="process")
        except exceptions.RayTaskError as error:
            last = str(error).strip().splitlines()[-1]
            return Outcome(key, error=OtherCode(f"a task cannot be read there, expected the same neurocomp: {last}"))
        except exceptions.RayError as error:
            return Outcome(key, error=RuntimeError(" ".join(str(error).split())))

    def close(self) -> None:
        for reference in getattr(self, "_running", {}):
            with contextlib.suppress(Exception):
                self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def call_from(folder: str, code: dict[str, str], task: Task) -> Outcome:
    """`call`, where relative paths mean what they mean to the driver, as far as its folder is there."""
    with contextlib.chdir(folder) if os.path.isdir(folder) else contextlib.nullcontext():
        return call(code, task)


def _connect(ray: Any, address: str | None) -> None:
    """Join the cluster, quietly. Ray itself would try for minutes where nothing answers, so that is found out first."""
    given = address or os.environ.get("RAY_ADDRESS")  # as `ray symmetric-run` sets it
    known = given or _cluster_here()
    try:
        if known is None:
            raise ConnectionError("no cluster is here")
        if known not in ("auto", "local"):
            _check_answers(known.removeprefix("ray://"))
        ray.init(address=known, **QUIET)
    except (OSError, RuntimeError, ValueError, SystemExit) as error:
        if not given:  # there is none, or what was found was left by one that was killed
            ray.init(address="local", include_dashboard=False, **QUIET)
            return
        refused = f"workers=ray:{given}: no cluster can be used there ({' '.join(str(error).split())[:200]})"
        raise UserError(
            f"{refused}; expected one that this machine has joined by ray start --address={given}"
        ) from None


def _cluster_here() -> str | None:
    """The address of the cluster that `ray start` was called for on this machine, as it leaves it in a file."""
    file = Path(os.environ.get("RAY_TMPDIR") or "/tmp", "ray", "ray_current_cluster")
    with contextlib.suppress(OSError):
        return file.read_text(encoding="utf-8").strip() or None
    return None


def _check_answers(address: str) -> None:
    """Raise OSError unless something there speaks gRPC, as all parts of Ray do."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        connection.sendall(GREETING)
        if connection.recv(9)[3:4] != GREETING[-6:-5]:  # the kind of a frame: settings
            raise ConnectionError("what answers is not Ray")

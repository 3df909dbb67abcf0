"""`workers=ray`: the same tasks on a cluster, by Ray core. A machine may join or leave while they run."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections import deque
from typing import Any

from neurocomp.errors import UserError
from neurocomp.workers.pool import Outcome, Task, call, code_here

SECONDS = 30  # that an address is given to answer
MISSING = "ray is not installed; pip install 'neurocomp[ray]'"


class RayPool:
    """Tasks on all processors of a cluster: the one at `address`, else one that is there, else this machine alone.

    With `gpus`, each task asks for that share of a GPU. Raises UserError where nothing answers, or Ray is missing.
    """

    def __init__(self, address: str | None = None, gpus: float | None = None, threads: int = 1):
        try:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            import ray
        except ImportError:
            raise UserError(f"workers=ray: {MISSING}") from None
        self._ray, self._threads, self._gpus, self._code = ray, threads, gpus or 0, code_here()
        _connect(ray, address)
        there = ray.cluster_resources().get("GPU", 0)
        if self._gpus > there:
            self.close()
            raise UserError(f"gpus={self._gpus:g}: the cluster has {there:g}")
        # A task that dies is done again by the driver, which counts how often.
        self._remote = ray.remote(call).options(num_cpus=threads, num_gpus=self._gpus, max_retries=0)
        self._running: dict[Any, int] = {}
        self._waiting: deque[Task] = deque()

    def slots(self) -> int:
        resources = self._ray.cluster_resources()
        free = resources.get("CPU", 1) // self._threads
        return max(1, int(min(free, resources.get("GPU", 0) // self._gpus) if self._gpus else free))

    def submit(self, task: Task) -> None:
        self._running[self._remote.remote(self._code, task)] = task.key

    def wait(self, seconds: float) -> list[Outcome]:
        if not self._running:
            return []
        done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [self._outcome(reference) for reference in done]

    def _outcome(self, reference: Any) -> Outcome:
        from ray import exceptions

        key = self._running.pop(reference)
        try:
            return self._ray.get(reference)
        except (exceptions.NodeDiedError, exceptions.ObjectLostError, exceptions.LocalRayletDiedError):
            return Outcome(key, died="node")
        except (exceptions.WorkerCrashedError, exceptions.OutOfMemoryError):
            return Outcome(key, died="process")
        except exceptions.RayError as error:
            return Outcome(key, error=RuntimeError(" ".join(str(error).split())))

    def close(self) -> None:
        for reference in getattr(self, "_running", {}):
            with contextlib.suppress(Exception):
                self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    """Join the cluster, quietly."""
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address is None:
        try:
            ray.init(address="auto", **quiet)
        except ConnectionError:
            ray.init(include_dashboard=False, **quiet)
        return
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=SECONDS):
            pass
        ray.init(address=address, **quiet)
    except (OSError, RuntimeError, ConnectionError) as error:
        refused = f"workers=ray:{address}: no cluster can be used there ({' '.join(str(error).split())[:200]})"
        raise UserError(
            f"{refused}; expected one that this machine has joined by ray start --address={address}"
        ) from None

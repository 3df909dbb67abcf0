"""A Ray cluster of two nodes on loopback addresses of this machine, in a folder of its own, and its processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAD, SECOND = "127.0.0.3", "127.0.0.4"
QUIET = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}


class Nodes:
    """Processors of a machine that is not there: one at `HEAD`, one at `SECOND` from `start_second` on."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # short, because sockets are in it
        self.environment = os.environ | QUIET | {"RAY_TMPDIR": self.folder}
        self.environment.pop("RAY_ADDRESS", None)
        self.address = ""

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *exception: object) -> None:
        """Kill what runs with this folder; `ray stop` would stop the clusters of others too."""
        for _ in range(2):
            for process in self.processes(""):
                if process != os.getpid():
                    kill(process)
            time.sleep(0.2)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_head(self, *words: str) -> None:
        with socket.socket() as free:
            free.bind((HEAD, 0))
            port = free.getsockname()[1]
        self.address = f"{HEAD}:{port}"
        self._start("--head", f"--port={port}", "--include-dashboard=false", f"--node-ip-address={HEAD}", *words)

    def start_second(self, *words: str) -> None:
        self._start(f"--address={self.address}", f"--node-ip-address={SECOND}", *words)

    def _start(self, *words: str) -> None:
        command = [str(Path(sys.executable).with_name("ray")), "start", "--num-cpus=1", *words]
        if not Path(command[0]).exists():
            command[:1] = [sys.executable, "-m", "ray.scripts.scripts"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr

    def processes(self, words: str) -> list[int]:
        """The processes of this cluster that have these words in their command line."""
        found, own = [], f"RAY_TMPDIR={self.folder}\0".encode()
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (
                    words in (path / "cmdline").read_text().replace("\0", " ")
                    and own in (path / "environ").read_bytes()
                ):
                    found.append(int(path.name))
        return found

    def workers(self) -> list[int]:
        """Those that are at a task of ours."""
        return self.processes("ray::call")

    def second_raylet(self) -> list[int]:
        return self.processes(f"--node_ip_address={SECOND} ")


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)

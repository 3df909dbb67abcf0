"""The peak memory of an engine, from a process of its own: `python -m neurocomp.bench.memory < request`.

On the CPU: the most memory that the process ever held (resident set), with Python, PyTorch and compiled code; and the
most that it held before its first update. On CUDA: the most that PyTorch's tensors took on the device.
"""

from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import torch

from neurocomp.bench.one_update import plan_for, prepare
from neurocomp.config import RunConfig

UPDATES = 3


def peak_memory(config: RunConfig, engine: str, threads: int) -> tuple[float, float]:
    """The peak MB (10^6 bytes) of a process that makes a few updates, and its peak before the first of them."""
    command = [sys.executable, "-m", "neurocomp.bench.memory"]
    child = subprocess.run(command, input=pickle.dumps((config, engine, threads)), capture_output=True)
    if child.returncode:
        raise RuntimeError(f"measuring the memory of {engine} failed:\n{child.stderr.decode()}")
    peak, before = json.loads(child.stdout.splitlines()[-1])
    return peak, before


def main() -> None:
    config, engine, threads = pickle.load(sys.stdin.buffer)
    plan = plan_for(config, engine)
    update = prepare(plan, engine, threads, config.restarts)
    before = held_at_most(plan.device)
    for _ in range(UPDATES):
        update()
    print(json.dumps([held_at_most(plan.device), before]))


def held_at_most(device: torch.device) -> float:
    """MB (10^6 bytes) at this process's peak so far.

    On Linux ru_maxrss includes the peak of the parent that started this process; VmHWM is this process's alone.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()

"""The engines that run the machine: `eager` is the readable reference, `fused` the same function compiled for CPUs."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from neurocomp.errors import UserError
from neurocomp.machine.run import Run, run

Engine = Callable[..., Run]


def resolve(engine: str, device: torch.device) -> str:
    """The engine that runs on this device; `auto` is the fastest that can."""
    if engine == "auto":
        return "fused" if device.type == "cpu" else "eager"
    if engine == "fused" and device.type != "cpu":
        raise UserError(f"engine=fused runs on device=cpu only, not on {device.type}; use engine=eager or engine=auto")
    return engine


def load(engine: str, threads: int) -> Engine:
    """The engine's `run(logits, state, sizes, machine, steps)`; fused runs on this many threads, eager on PyTorch's.

    Numba is imported only here.
    """
    if engine == "eager":
        return run
    from neurocomp.engine import fused

    return functools.partial(fused.run, threads=threads)


def torch_threads_for(engine: str, threads: int) -> int:
    """How many threads PyTorch computes on, where an engine has so many.

    The fused kernels bring threads of their own. What PyTorch still does beside them is too small to share out: its
    threads would wait for each other longer than they work.
    """
    return threads if engine in ("eager", "torch") else 1

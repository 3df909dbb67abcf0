"""The device that tensors are on, if it is there, and how many threads compute. Nothing else sets PyTorch's threads."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Generator

import torch

from neurocomp.errors import UserError


@functools.cache
def checked_device(name: str, workers: int | str | None = None) -> torch.device:
    """The device, if it is there; raises UserError that says which are. A cluster knows itself whether it has GPUs."""
    if name == "cuda" and isinstance(workers, str):
        return torch.device(name)
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError):
        there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        raise UserError(f"device={name}: not available here; expected one of {', '.join(there)}") from None
    return device


def thread_count(given: int | None) -> int:
    """The threads that were asked for; without a number, as many as there are processors."""
    return given or os.cpu_count() or 1


@contextlib.contextmanager
def torch_threads(count: int) -> Generator[None]:
    """Inside, PyTorch computes on this many threads; afterwards on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

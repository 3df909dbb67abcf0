"""`machine.run` on the CPU, an order of magnitude faster: all restarts, examples and steps in one compiled call.

What the kernels do is in `forward.py` and `backward.py`; here they meet PyTorch: gradients, threads, memory.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch

from neurocomp.config import MachineConfig, Sizes, UserError
from neurocomp.engine import sweep
from neurocomp.engine.cache import compiled
from neurocomp.engine.lookup import Lookup, lookup
from neurocomp.engine.packs import lanes
from neurocomp.engine.plan import Plan, plan
from neurocomp.machine.run import Run
from neurocomp.machine.state import State
from neurocomp.shapes import Float, Tensor

# Beside the states of a run: the one after the last step, and the adjoints.
EXTRA_RECORDS = 2
# How many axes each array has that a kernel takes: work, the inputs, then what it reads or writes beside them.
INPUTS = (1, 3, 4, 4, 3, 2)
AXES = {sweep.forward: (*INPUTS, 4, 4, 3), sweep.backward: (*INPUTS, 4, 4, 3, 3)}


def run(
    logits: Float[Tensor, "K L W"],
    state: State,
    sizes: Sizes,
    machine: MachineConfig,
    steps: int,
    threads: int | None = None,
) -> Run:
    """The machine after `steps` steps, differentiable in `logits`. T may be 0.

    Uses `threads` threads, by default as many as PyTorch. A restart's result depends neither on their number nor
    on the other restarts, not even in its last bit.
    """
    obstacle = why_not(logits.device, logits.dtype)
    if obstacle:
        raise UserError(obstacle)
    return Run(*FusedRun.apply(logits, *state, sizes, machine, steps, threads or torch.get_num_threads()))


def why_not(device: torch.device, dtype: torch.dtype) -> str | None:
    """What keeps the fused engine from running there, and what to use instead; None if it runs."""
    if device.type != "cpu":
        return f"engine=fused runs on device=cpu only, not on {device.type}; use engine=eager"
    if dtype not in (torch.float32, torch.float64):
        return f"engine=fused computes in float32 or float64, not in {dtype}; use engine=eager"
    return None


class FusedRun(torch.autograd.Function):
    """The run as a function of the logits; nothing but the start is kept for the backward (see `sweep.backward`)."""

    @staticmethod
    def forward(ctx, logits, memory, registers, counter, halted, sizes, machine, steps, threads):
        inputs = [part.to(logits.dtype).contiguous() for part in (logits, memory, registers, counter, halted)]
        ctx.save_for_backward(*inputs)
        ctx.sizes, ctx.machine, ctx.threads = sizes, machine, threads
        outputs = torch.empty_like(inputs[1]), torch.empty_like(inputs[2]), logits.new_empty(*halted.shape, steps)
        sweep_restarts(sweep.forward, sizes, machine, 2, [*inputs, *outputs], threads)
        return outputs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *slopes):
        inputs, steps = ctx.saved_tensors, slopes[-1].shape[-1]
        logit_slopes = torch.empty_like(inputs[0])
        arrays = [*inputs, *(part.contiguous() for part in slopes), logit_slopes]
        sweep_restarts(sweep.backward, ctx.sizes, ctx.machine, steps + EXTRA_RECORDS, arrays, ctx.threads)
        return logit_slopes, *[None] * 8


def sweep_restarts(
    kernel, sizes: Sizes, machine: MachineConfig, records: int, tensors: list[Tensor], threads: int
) -> None:
    """Call `kernel` in each thread, until together they have done all restarts."""
    table, layout = tables(sizes, *vars(machine).items())
    arrays = [tensor.numpy() for tensor in tensors]
    # The kernels take what is next from this counter; it has a cache line to itself.
    queue = np.zeros(8, dtype=np.int64)
    threads = max(1, min(threads, len(arrays[0])))
    work = [np.empty(room(layout, records, arrays[0].dtype), arrays[0].dtype) for _ in range(threads)]
    call = ready(kernel, arrays[0].dtype)
    others = [pool(threads - 1).submit(call, queue, layout, table, part, *arrays) for part in work[1:]]
    call(queue, layout, table, work[0], *arrays)
    for other in others:  # On a busy machine one may not have begun, and nothing is left for it.
        if not other.cancel():
            other.result()


@functools.cache
def ready(kernel, dtype: np.dtype) -> Callable[..., None]:
    """The kernel, compiled once per float type: sizes and readings are arguments like any other."""
    table, layout = tables(Sizes(2, 1, 1), *vars(MachineConfig()).items())
    numbers = [np.empty((0,) * axes, dtype) for axes in AXES[kernel]]
    samples = (np.empty(0, np.int64), layout, table, *numbers)
    return compiled(kernel, tuple(numba.typeof(sample) for sample in samples))


def room(layout: Plan, records: int, dtype: np.dtype) -> int:
    """How many numbers a thread's work needs: weights, records, adjoints of the weights, and room to align."""
    width, weights = lanes(dtype), layout.lines * layout.padded
    return 64 + (weights + width) + (records * layout.size + weights) * width


@functools.lru_cache(maxsize=64)
def tables(sizes: Sizes, *readings: tuple[str, str]) -> tuple[Lookup, Plan]:
    """What the kernels need to know of a machine, made once."""
    machine = MachineConfig(**dict(readings))
    table = lookup(sizes.base, machine.mod_by_zero)
    return table, plan(sizes, machine, table)


@functools.lru_cache(maxsize=1)
def pool(threads: int) -> ThreadPoolExecutor:
    """The threads beside the calling one."""
    return ThreadPoolExecutor(threads, thread_name_prefix="neurocomp")


# A forked child has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)

"""`machine.run` on the CPU, an order of magnitude faster: all restarts, examples and steps in one compiled call.

The kernels are in `forward.py` and `backward.py`; this file connects them to PyTorch: autograd, threads, memory.
`descent.py` computes the default loss and its gradient without autograd.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from neurocomp.engine import queue, sweep
from neurocomp.engine.cache import compiled
from neurocomp.engine.layout import Plan, plan
from neurocomp.engine.lookup import Lookup, lookup
from neurocomp.errors import UserError
from neurocomp.limits.estimates import PACK_BYTES
from neurocomp.machine.run import Run
from neurocomp.machine.state import State
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Tensor

# A sweep with adjoints keeps a record for each step, and two more: the state after the last step, and the adjoints.
EXTRA_RECORDS = 2
caller = threading.local()  # `latest`: the sweep that this thread called last


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
    on the other restarts, not even in its last bit. Raises UserError on another device than the CPU or in another
    precision than float32 and float64.
    """
    obstacle = why_not(logits.device, logits.dtype)
    if obstacle:
        raise UserError(obstacle)
    return Run(*FusedRun.apply(logits, *state, sizes, machine, steps, threads or torch.get_num_threads()))


def why_not(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why the fused engine cannot run there, and what to use instead; None if it can."""
    if device.type != "cpu":
        return f"engine=fused runs on device=cpu only, not on {device.type}; use engine=eager"
    if dtype not in (torch.float32, torch.float64):
        return f"engine=fused computes in float32 or float64, not in {dtype}; use engine=eager"
    return None


class FusedRun(torch.autograd.Function):
    """The run as a function of the logits; only the inputs are kept for the backward (see `sweep.backward`)."""

    @staticmethod
    def forward(ctx, logits, memory, registers, counter, halted, sizes, machine, steps, threads):
        inputs = [part.to(logits.dtype).contiguous() for part in (logits, memory, registers, counter, halted)]
        ctx.save_for_backward(*inputs)
        ctx.sizes, ctx.machine, ctx.threads = sizes, machine, threads
        outputs = torch.empty_like(inputs[1]), torch.empty_like(inputs[2]), logits.new_empty(*halted.shape, steps)
        Sweep(sweep.forward, sizes, machine, 2, [*inputs, *outputs], threads)()
        return outputs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *slopes):
        inputs, steps = ctx.saved_tensors, slopes[-1].shape[-1]
        logit_slopes = torch.empty_like(inputs[0])
        tensors = [*inputs, *(part.contiguous() for part in slopes), logit_slopes]
        Sweep(sweep.backward, ctx.sizes, ctx.machine, steps + EXTRA_RECORDS, tensors, ctx.threads)()
        return logit_slopes, *[None] * 8


class Sweep:
    """A kernel bound to its tensors: each call runs it for all restarts, the first axis of the first tensor.

    It uses at most `threads` threads; each has room for `records` records. Helping threads stay ready for the next
    call for a while, unless this thread calls another sweep.
    """

    def __init__(
        self,
        kernel: Callable[..., None],
        sizes: Sizes,
        machine: MachineConfig,
        records: int,
        tensors: list[Tensor],
        threads: int,
    ):
        table, layout = tables(sizes, *vars(machine).items())
        self.queue, arrays, dtype = np.zeros(queue.SIZE, np.int64), [part.numpy() for part in tensors], tensors[0].dtype
        threads, numbers = max(1, min(threads, len(tensors[0]))), room(layout, records, dtype)
        work = [torch.empty(numbers, dtype=dtype).numpy() for _ in range(threads)]
        call = compiled(kernel, [work[0], *arrays], swept=True)
        self.lead, *self.help = (
            functools.partial(call, self.queue, thread > 0, layout, table, work[thread], *arrays)
            for thread in range(threads)
        )
        self.begin, self.ended = (compiled(function, [self.queue]) for function in (queue.begin, queue.ended))
        self.helping: list[Future | None] = [None] * len(self.help)

    def __call__(self) -> None:
        latest, caller.latest = getattr(caller, "latest", self), self
        if latest is not self:  # its helpers still hold the threads of the pool
            latest.queue[queue.NEXT] = queue.DISMISSED
        self.begin(self.queue)
        for index, (helping, help) in enumerate(zip(self.helping, self.help, strict=True)):
            if helping is None or helping.done():
                self.helping[index] = pool(len(self.help)).submit(help)
        self.lead()
        while not self.ended(self.queue):  # only on a busy machine, where a helper with a task got no core for long
            time.sleep(1e-5)


def room(layout: Plan, records: int, dtype: torch.dtype) -> int:
    """How many numbers a thread's work array needs: weights, records, adjoints of the weights, and room to align.

    A number of the weights is one number; one of the records and adjoints is a pack of `width` numbers.
    """
    width, weights = PACK_BYTES // dtype.itemsize, layout.lines * layout.padded
    return 64 + (weights + width) + (records * layout.size + weights) * width


@functools.lru_cache(maxsize=64)
def tables(sizes: Sizes, *readings: tuple[str, str]) -> tuple[Lookup, Plan]:
    """The lookup table and the plan of a machine, made once."""
    machine = MachineConfig(**dict(readings))
    table = lookup(sizes.base, machine.mod_by_zero)
    return table, plan(sizes, machine, table)


@functools.lru_cache(maxsize=1)
def pool(threads: int) -> ThreadPoolExecutor:
    """The threads beside the calling one."""
    return ThreadPoolExecutor(threads, thread_name_prefix="neurocomp")


# A forked child has none of its parent's threads, so it makes a pool of its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)

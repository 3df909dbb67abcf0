"""`machine.run` on the CPU, an order of magnitude faster: all restarts, examples and steps in one compiled call.

What the kernels do is in `forward.py` and `backward.py`; here they meet PyTorch: autograd, threads, memory.
`descent.py` has the whole update of restarts with the default loss.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from neurocomp.config import MachineConfig, Sizes, UserError
from neurocomp.engine import sweep
from neurocomp.engine.cache import compiled
from neurocomp.engine.lookup import Lookup, lookup
from neurocomp.engine.packs import PACK_BYTES
from neurocomp.engine.plan import Plan, plan
from neurocomp.machine.run import Run
from neurocomp.machine.state import State
from neurocomp.shapes import Float, Tensor

# Beside the states of a run: the one after the last step, and the adjoints.
EXTRA_RECORDS = 2


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
        Sweep(sweep.forward, sizes, machine, 2, logits.dtype, threads)(*inputs, *outputs)
        return outputs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *slopes):
        inputs, steps = ctx.saved_tensors, slopes[-1].shape[-1]
        logit_slopes = torch.empty_like(inputs[0])
        swept = Sweep(sweep.backward, ctx.sizes, ctx.machine, steps + EXTRA_RECORDS, logit_slopes.dtype, ctx.threads)
        swept(*inputs, *(part.contiguous() for part in slopes), logit_slopes)
        return logit_slopes, *[None] * 8


class Sweep:
    """A kernel that does restarts until none is left, in some threads; what their calls have in common is made once.

    `records` is how many records the kernel keeps of its work.
    """

    def __init__(
        self, kernel: Callable[..., None], sizes: Sizes, machine: MachineConfig, records: int, dtype: torch.dtype,
        threads: int,
    ):  # fmt: skip
        self.kernel, self.threads = kernel, threads
        self.lookup, self.plan = tables(sizes, *vars(machine).items())
        numbers = room(self.plan, records, dtype)
        self.work = [torch.empty(numbers, dtype=dtype).numpy() for _ in range(threads)]

    def __call__(self, *tensors: Tensor) -> None:
        """Call the kernel on these, of which the first is one of restarts."""
        # The kernels take what is next from this counter; it has a cache line to itself.
        queue, arrays = np.zeros(8, dtype=np.int64), [tensor.numpy() for tensor in tensors]
        call = compiled(self.kernel, [self.work[0], *arrays], swept=True)
        mine, *others = self.work[: max(1, len(arrays[0]))]
        helpers = [
            pool(self.threads - 1).submit(call, queue, self.plan, self.lookup, work, *arrays) for work in others
        ]
        call(queue, self.plan, self.lookup, mine, *arrays)
        for helper in helpers:  # On a busy machine one may not have begun, and nothing is left for it.
            if not helper.cancel():
                helper.result()


def room(layout: Plan, records: int, dtype: torch.dtype) -> int:
    """How many numbers a thread's work needs: weights, records, adjoints of the weights, and room to align."""
    width, weights = PACK_BYTES // dtype.itemsize, layout.lines * layout.padded
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

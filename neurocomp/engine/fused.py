"""`machine.run` on the CPU, an order of magnitude faster: all restarts, examples and steps in one compiled call.

With the default loss, so is its gradient. What the kernels do is in `forward.py`, `backward.py` and `gradient.py`;
here they meet PyTorch: autograd, threads, memory.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numba
import numpy as np
import torch

from neurocomp.config import MachineConfig, Sizes, UserError
from neurocomp.engine import sweep
from neurocomp.engine.cache import compiled
from neurocomp.engine.gradient import gradient as gradient_kernel
from neurocomp.engine.lookup import Lookup, lookup
from neurocomp.engine.packs import lanes
from neurocomp.engine.plan import Plan, plan
from neurocomp.machine.run import Run
from neurocomp.machine.state import State
from neurocomp.shapes import Float, Int, Tensor

# Beside the states of a run: the one after the last step, and the adjoints.
EXTRA_RECORDS = 2
# How many axes each array has that a kernel takes: those of ints, then work, the inputs, what it reads or writes.
INPUTS = (1, 3, 4, 4, 3, 2)
INT_AXES = {sweep.forward: (), sweep.backward: (), gradient_kernel: (2, 3)}
AXES = {
    sweep.forward: (*INPUTS, 4, 4, 3),
    sweep.backward: (*INPUTS, 4, 4, 3, 3),
    gradient_kernel: (*INPUTS, 1, 1, 3, 3, 3, 3, 1),
}


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


class Wanted(NamedTuple):
    """What a loss asks for: the final words of cells and registers, and the weight that each of these rows has.

    `counted` says which rows (cells first) have to be right for a restart to fit. `tiny` keeps logarithms finite;
    `efficiency` is the weight of the mass that has not halted, as a sum over steps and a mean over examples.
    """

    cells: tuple[int, ...]
    registers: tuple[int, ...]
    shares: tuple[float, ...]
    counted: tuple[bool, ...]
    tiny: float
    efficiency: float


class Gradient(NamedTuple):
    """The gradient; the mass of each row and of its right word, and the trace, of which the loss is made; who fits."""

    slopes: Float[Tensor, "K L W"]
    mass: Float[Tensor, "K B rows"]
    right: Float[Tensor, "K B rows"]
    halted: Float[Tensor, "K B T"]
    fits: Float[Tensor, "K"]


def gradient(
    logits: Float[Tensor, "K L W"],
    state: State,
    words: Int[Tensor, "K B rows"],
    wanted: Wanted,
    sizes: Sizes,
    machine: MachineConfig,
    steps: int,
    threads: int,
) -> Gradient:
    """The gradient of each restart's log loss, where `words` are the right ones; in all else as `run`."""
    rows, shares, settings = aim(wanted, state.halted.shape[1], logits.dtype, sizes, *vars(machine).items())
    inputs = [part.to(logits.dtype).contiguous() for part in (logits, *state)]
    made = Gradient(
        torch.empty_like(inputs[0]), *(logits.new_empty(words.shape) for _ in range(2)),
        logits.new_empty(*state.halted.shape, steps), logits.new_empty(len(logits)),
    )  # fmt: skip
    numbers = [*inputs, shares, settings, *made]
    sweep_restarts(gradient_kernel, sizes, machine, steps + EXTRA_RECORDS, numbers, threads, [rows, words])
    return made


@functools.lru_cache(maxsize=64)
def aim(
    wanted: Wanted, examples: int, dtype: torch.dtype, sizes: Sizes, *readings: tuple[str, str]
) -> tuple[Tensor, Tensor, Tensor]:
    """What `gradient.gradient` takes as rows, shares and settings, made once."""
    _, layout = tables(sizes, *readings)
    places = [layout.memory_at + cell * layout.base for cell in wanted.cells]
    places += [layout.registers_at + register * layout.base for register in wanted.registers]
    rows = [[place, int(counts)] for place, counts in zip(places, wanted.counted, strict=True)]
    late = -torch.tensor(wanted.efficiency, dtype=dtype) / examples
    return torch.tensor(rows), torch.tensor(wanted.shares, dtype=dtype), torch.tensor([wanted.tiny, late], dtype=dtype)


def sweep_restarts(
    kernel, sizes: Sizes, machine: MachineConfig, records: int, tensors: list[Tensor], threads: int,
    ints: Sequence[Tensor] = (),
) -> None:  # fmt: skip
    """Call `kernel` in each thread, until together they have done all restarts."""
    table, layout = tables(sizes, *vars(machine).items())
    arrays, indices = ([tensor.numpy() for tensor in part] for part in (tensors, ints))
    # The kernels take what is next from this counter; it has a cache line to itself.
    queue = np.zeros(8, dtype=np.int64)
    threads = max(1, min(threads, len(arrays[0])))
    work = [np.empty(room(layout, records, arrays[0].dtype), arrays[0].dtype) for _ in range(threads)]
    call = ready(kernel, arrays[0].dtype)
    others = [pool(threads - 1).submit(call, queue, layout, table, *indices, part, *arrays) for part in work[1:]]
    call(queue, layout, table, *indices, work[0], *arrays)
    for other in others:  # On a busy machine one may not have begun, and nothing is left for it.
        if not other.cancel():
            other.result()


@functools.cache
def ready(kernel, dtype: np.dtype) -> Callable[..., None]:
    """The kernel, compiled once per float type: sizes and readings are arguments like any other."""
    table, layout = tables(Sizes(2, 1, 1), *vars(MachineConfig()).items())
    ints = [np.empty((0,) * axes, np.int64) for axes in INT_AXES[kernel]]
    numbers = [np.empty((0,) * axes, dtype) for axes in AXES[kernel]]
    samples = (np.empty(0, np.int64), layout, table, *ints, *numbers)
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

"""One update of all restarts as a call, for the benchmark to time.

It is the update that `tuning.lanes.tune` makes: forward, loss, backward and Adam. No restart is judged, none finishes.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from neurocomp.cell_limits import check_cell
from neurocomp.config import RunConfig
from neurocomp.devices import torch_threads
from neurocomp.engine import resolve, torch_threads_for
from neurocomp.errors import UserError, check_choice
from neurocomp.plan import Plan, make_plan, start
from neurocomp.shapes import Float, Tensor
from neurocomp.tasks.examples import held_out
from neurocomp.tuning import optimizer
from neurocomp.tuning.recovery import Batch
from neurocomp.tuning.update import Update as Made
from neurocomp.tuning.update import choose

ENGINES = ("eager", "fused", "jax")
Update = Callable[[], None]


def plan_for(config: RunConfig, engine: str) -> Plan:
    """The plan of this engine's updates. Raises UserError, which says why, if the engine cannot run them."""
    check_choice("--engines", engine, ENGINES)
    plan = make_plan(replace(config, engine="auto", task=replace(config.task, general=None)))
    together = replace(config, chunk=max(config.chunk, config.restarts))  # all chunks are in memory at once
    check_cell(together, plan.task, "fused" if engine == "fused" else "eager", plan.device.type)
    if engine == "jax":
        _check_jax(plan)
    else:
        resolve(engine, plan.device)
    return plan


def runnable(config: RunConfig) -> list[str]:
    """The engines of this project that can run on the configured device."""
    return ["eager", "fused"] if make_plan(config).device.type == "cpu" else ["eager"]


def thread_settings(plan: Plan, engine: str, asked: Sequence[int] = ()) -> list[int]:
    """The numbers of threads asked for, or those worth a try; JAX takes all cores, whatever is asked."""
    everything = os.cpu_count() or 1
    if engine == "jax":
        return [everything]
    if asked:
        return list(dict.fromkeys(asked))
    return [plan.config.threads] if plan.config.threads else sorted({1, everything})


def prepare(plan: Plan, engine: str, threads: int, restarts: int) -> Update:
    """The update of restarts 0..K-1, chunk by chunk as `neurocomp run` takes them; all are begun and in memory."""
    unseen, chunk = held_out(plan.task, plan.config.seed), plan.config.chunk
    parts = [range(first, min(first + chunk, restarts)) for first in range(0, restarts, chunk)]
    begun = (start(plan, unseen, part) for part in parts)
    if engine == "jax":
        chunks = [_jax_chunk(plan, logits, batch) for logits, batch in begun]
    else:
        make = functools.partial(choose, engine, threads, plan.task, plan.config.objective, plan.config.optimizer)
        # Each chunk has an update of its own, because its buffers hold its examples. On CUDA they share one: the graph
        # takes the examples with each call, and needs as much memory as it computes with.
        shared = make() if plan.device.type == "cuda" else None
        chunks = [_chunk(shared or make(), logits, batch) for logits, batch in begun]

    def update() -> None:
        # Each time: engines take turns, and PyTorch's number of threads is the process's.
        with torch_threads(torch_threads_for(engine, threads)):
            for chunk in chunks:
                chunk()
            if plan.device.type == "cuda":
                torch.cuda.synchronize(plan.device)

    return update


def _chunk(made: Made, logits: Float[Tensor, "K L W"], batch: Batch) -> Update:
    state = optimizer.init(logits)

    def update() -> None:
        nonlocal state
        state = made(state, batch).state

    return update


def _jax_chunk(plan: Plan, logits: Float[Tensor, "K L W"], batch: Batch) -> Update:
    from neurocomp.bench.jax_peer import JaxPeer

    return JaxPeer(logits, batch, plan.task, plan.config.objective, plan.config.optimizer).update


def _check_jax(plan: Plan) -> None:
    if importlib.util.find_spec("jax") is None:
        raise UserError("engine jax: JAX is not installed; pip install 'neurocomp[jax]', or leave jax out of --engines")
    other = [f"machine.{key}" for key, value in vars(plan.task.machine).items() if value != JAX_READINGS[key]]
    others = {
        **dict.fromkeys(other, "only the default reading is written in JAX"),
        **({"precision": "it computes in float32"} if plan.dtype != torch.float32 else {}),
        **({"device": "it is compared on device=cpu"} if plan.device.type != "cpu" else {}),
        **({"threads": "XLA takes all cores"} if plan.config.threads not in (None, os.cpu_count()) else {}),
    }
    if others:
        reasons = "; ".join(f"{key}: {reason}" for key, reason in others.items())
        raise UserError(f"engine jax: {reasons}; leave that out, or jax out of --engines")


JAX_READINGS = {
    "writeback": "gated",
    "memory_law": "normalized",
    "jump_law": "normalized",
    "jump_target": "line",
    "controller": "softmax_of_mix",
    "halting": "freeze",
    "mod_by_zero": "zero",
}

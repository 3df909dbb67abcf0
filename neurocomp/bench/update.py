"""One update of all restarts as a call: what the benchmark times, and nothing that it does not.

What `tuning.tune` calls for an update: forward, loss, backward and Adam. But nobody is judged and nobody leaves.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from neurocomp import optimizer
from neurocomp.config import RunConfig, UserError, check_choice
from neurocomp.engine import resolve
from neurocomp.plan import Plan, make_plan, start
from neurocomp.tasks import HeldOut, held_out
from neurocomp.updating import choose

ENGINES = ("eager", "fused", "jax")
Update = Callable[[], None]


def plan_for(config: RunConfig, engine: str) -> Plan:
    """The plan of this engine's updates; raises UserError if it cannot run them, and says what is in the way."""
    check_choice("--engines", engine, ENGINES)
    plan = make_plan(replace(config, engine="auto", task=replace(config.task, general=None)))
    if engine == "jax":
        _check_jax(plan)
    else:
        resolve(engine, plan.device)
    return plan


def runnable(config: RunConfig) -> list[str]:
    """The engines of this project that can run there."""
    return ["eager", "fused"] if make_plan(config).device.type == "cpu" else ["eager"]


def thread_settings(plan: Plan, engine: str) -> list[int]:
    """The numbers of threads that are worth a try; XLA takes all cores, whatever it is asked."""
    everything = os.cpu_count() or 1
    if engine == "jax":
        return [everything]
    return [plan.config.threads] if plan.config.threads else sorted({1, everything})


def prepare(plan: Plan, engine: str, threads: int, restarts: int) -> Update:
    """The update of restarts 0..K-1, chunk by chunk as `neurocomp run` takes them; all are ready and in memory."""
    unseen = held_out(plan.task, plan.config.seed)
    make = _jax_chunk if engine == "jax" else _chunk
    chunks = [
        make(plan, unseen, range(first, min(first + plan.config.chunk, restarts)), engine, threads)
        for first in range(0, restarts, plan.config.chunk)
    ]

    def update() -> None:
        for chunk in chunks:
            chunk()
        if plan.device.type == "cuda":
            torch.cuda.synchronize(plan.device)

    return update


def _chunk(plan: Plan, unseen: HeldOut, restarts: Sequence[int], engine: str, threads: int) -> Update:
    logits, batch = start(plan, unseen, restarts)
    state, task, config = optimizer.init(logits), plan.task, plan.config

    def update() -> None:
        nonlocal state
        # Chosen each time: engines alternate, and the number of PyTorch's threads is the process's.
        state = choose(engine, threads, task, config.objective, config.optimizer)(state, batch).state

    return update


def _jax_chunk(plan: Plan, unseen: HeldOut, restarts: Sequence[int], engine: str, threads: int) -> Update:
    from neurocomp.bench.jax_peer import JaxPeer

    logits, batch = start(plan, unseen, restarts)
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
    "writeback": "gated", "memory_law": "normalized", "jump_law": "normalized", "jump_target": "line",
    "controller": "softmax_of_mix", "halting": "freeze", "mod_by_zero": "zero",
}  # fmt: skip

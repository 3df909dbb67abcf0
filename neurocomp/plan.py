"""A configuration, checked and resolved before anything runs: its task, its initial program, its identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from neurocomp.compiler import compile_program
from neurocomp.config import RunConfig, UserError
from neurocomp.engine import resolve
from neurocomp.language.assembly import Instruction, Program, fit, load_program
from neurocomp.recovery import Batch, to_batch
from neurocomp.results import cell_name, config_hash
from neurocomp.shapes import Float, Tensor
from neurocomp.tasks import HeldOut, Task, load_task, training_examples


@dataclass(frozen=True)
class Plan:
    """One cell, ready to run. `program` is None for the random initialization, whose gamma is 1."""

    config: RunConfig
    task: Task
    program: Program | None
    init: str
    gamma: float
    engine: str
    device: torch.device
    dtype: torch.dtype
    config_hash: str
    path: Path


def make_plan(config: RunConfig, directory: Path | None = None) -> Plan:
    """Everything of a cell that can be wrong before it runs; files are looked up here, then in `directory`.

    Raises UserError. Writes nothing.
    """
    task = load_task(config.task, config.machine, directory)
    program = initial_program(config.init, task, directory)
    init = Path(config.init).name  # a path keeps its .asm: it is no shipped program, whatever its name
    gamma = 1.0 if program is None else float(config.gamma)
    device = checked_device(config.device)
    engine = resolve(config.engine, device)
    identity = {
        "task": task.identity(),
        "init": [init, program.instructions if program else None],
        "method": config.method,
        "machine": asdict(config.machine),
        "optimizer": _unless(asdict(config.optimizer), stop="validated"),
        "objective": asdict(config.objective),
        "gamma": gamma,
        "epsilon": config.epsilon,
        "seed": config.seed,
        "examples": config.examples,
        "engine": engine,
        "device": device.type,
        "precision": config.precision,
    }
    if config.objective.registers and task.reference is None:
        raise UserError(f"objective.registers=true: task {task.name} has examples; only a program leaves registers")
    digest = config_hash(identity)
    path = Path(config.results) / config.name / f"{cell_name(task.name, init, gamma, config.seed, digest)}.csv"
    dtype = {"float32": torch.float32, "float64": torch.float64}[config.precision]
    return Plan(config, task, program, init, gamma, engine, device, dtype, digest, path)


def _unless(settings: dict, **defaults: object) -> dict:
    """The settings without keys that came later, where they have these values: older cells keep their hashes."""
    return {key: value for key, value in settings.items() if key not in defaults or value != defaults[key]}


def start(plan: Plan, unseen: HeldOut, restarts: Sequence[int]) -> tuple[Float[Tensor, "K L W"], Batch]:
    """What these restarts start from: weights with noise of their own, and their own training examples."""
    config, task = plan.config, plan.task
    logits = compile_program(
        plan.program, task.sizes, task.machine, gamma=plan.gamma, epsilon=config.epsilon,
        seed=config.seed, restarts=restarts, dtype=plan.dtype,
    ).to(plan.device)  # fmt: skip
    examples = [training_examples(task, unseen, config.seed, restart, config.examples) for restart in restarts]
    return logits, to_batch(examples, task, plan.dtype, plan.device, config.objective.registers)


def initial_program(init: str, task: Task, directory: Path | None) -> Program | None:
    """The program that the weights start from, padded to the task's lines; None for `random`."""
    jump_target = task.machine.jump_target
    if init == "random":
        return None
    if init == "loop_noop" and jump_target != "value":  # there a program with a label is refused, as any other
        return fit(loop_noop(task.sizes.lines), task.sizes, "init=loop_noop")
    here = directory / init if directory and not Path(init).is_file() and (directory / init).is_file() else init
    return fit(load_program(here, jump_target, task.sizes), task.sizes, f"init={init}")


def loop_noop(lines: int) -> Program:
    """A loop over nothing, as long as the machine: `loop:`, L-2 noops, `inc 3 3`, `jump 4 loop` (the appendix)."""
    noop = Instruction("noop", None, None, None, None)
    ending = (Instruction("inc", 3, None, 3, None), Instruction("jump", 4, None, None, 0))
    return Program((noop,) * (lines - 2) + ending, {0: "loop"})


def checked_device(name: str) -> torch.device:
    """The device, if it is there; raises UserError that says which are."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError):
        there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        raise UserError(f"device={name}: not available here; expected one of {', '.join(there)}") from None
    return device

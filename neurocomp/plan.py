"""A configuration, checked and resolved before anything runs (CheckedCell), and then with its starts (Plan)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import torch

from neurocomp.cell_limits import check_cell, programs_a_restart
from neurocomp.compilation.compiler import compile_program
from neurocomp.config import SEARCHES, RunConfig
from neurocomp.devices import checked_device, thread_count
from neurocomp.engine import resolve
from neurocomp.errors import UserError, checked
from neurocomp.language.assembly import NOOP, Program
from neurocomp.machine.weights import packed_width
from neurocomp.results.identity import cell_name, config_hash, hashed
from neurocomp.results.rows_file import has_lines
from neurocomp.shapes import Float, Tensor
from neurocomp.synthesis.language import Language
from neurocomp.synthesis.library import language_of
from neurocomp.tasks.examples import FRESH_BLOCK, HeldOut, fresh_examples, training_examples
from neurocomp.tasks.initialization import init_name, initial_program
from neurocomp.tasks.task import Examples, Task, load_task
from neurocomp.tuning.recovery import Batch, to_batch

WITHOUT_INIT = ("synthesize", "random_search", "enumerate", "learner")  # the methods that start from nothing
FROM_A_PROGRAM = ("local_search", "annealing", "solver")  # the searches that start where tuning does
INTERPRETED = ("halting", "mod_by_zero", "jump_target")  # the readings that the exact interpreter takes
TUNED = ("allocation", "selection", "templates")  # keys of synthesis that say what tuning does with what it finds


class Start(NamedTuple):
    """What a restart starts from: a program, or None for random weights.

    Of init=synth also the template as high-level text, whether its program was right on test examples, and how many
    restarts of the next seed it was chosen by.
    """

    program: Program | None
    template: str | None = None
    synthesized: bool | None = None
    trials: int = 0


@dataclass(frozen=True)
class CheckedCell:
    """One cell: what it computes, its identity, and where its rows are.

    `program` is what its restarts start from: None for random weights, and for init=synth, which has to be run first.
    gamma is 1 for random weights, and 0 where nothing is compiled to weights. `language` is that of synthesis.
    """

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
    language: Language

    @property
    def threads(self) -> int:
        """How many threads compute."""
        return thread_count(self.config.threads)


@dataclass(frozen=True)
class Plan(CheckedCell):
    """A cell with what its restarts start from: they take the `starts` in turn."""

    starts: tuple[Start, ...]

    def start_of(self, restart: int) -> Start:
        return self.starts[restart % len(self.starts)]


def plan_from(cell: CheckedCell, starts: Sequence[Start]) -> Plan:
    """The cell with these starts."""
    return Plan(**{each.name: getattr(cell, each.name) for each in fields(CheckedCell)}, starts=tuple(starts))


def make_plan(config: RunConfig) -> Plan:
    """The plan of a cell whose start is known before it runs: of any but init=synth, which has to be run for it."""
    cell = check_config(config)
    if cell.init == "synth":
        raise ValueError("init=synth: what it starts from is not known before synthesis has run")
    return plan_from(cell, [Start(cell.program)])


def check_config(config: RunConfig, directory: Path | None = None) -> CheckedCell:
    """Everything of a cell that can be wrong before it runs; files are looked up here, then in `directory`.

    The configuration is checked again: values may have been set since it was made. Raises UserError. Writes nothing.
    """
    config = checked(config)
    task = load_task(config.task, config.machine, directory, config.limits)
    language = language_of(config.synthesis.library, directory)
    check_settings(config, task, language)
    tuned = config.method == "tune"
    init = "none" if starts_from_nothing(config) else init_name(config)
    program = None if init in ("none", "synth") else initial_program(config.init, task, directory)
    gamma = 0.0 if not tuned else 1.0 if init == "random" else float(config.gamma)
    device = checked_device(config.device, config.workers)
    trained = config.method == "learner"
    engine = resolve(config.engine, device) if tuned else "torch" if trained else "executor"
    begins = [init, program.instructions if program else None]
    resolved = {"gamma": gamma, "engine": engine, "device": device.type} if tuned else {}
    resolved |= {"device": device.type} if trained else {}
    digest = config_hash(
        settings(config, init, program, language) | resolved | {"task": task.identity(), "init": begins}
    )
    begun = init if tuned else config.method if init == "none" else f"{config.method}-{init}"
    path = Path(config.results) / config.name / f"{cell_name(task.name, begun, gamma, config.seed, digest)}.csv"
    _check_limits(config, task, engine, device.type, path)
    dtype = {"float32": torch.float32, "float64": torch.float64}[config.precision]
    return CheckedCell(config, task, program, init, gamma, engine, device, dtype, digest, path, language)


def _check_limits(config: RunConfig, task: Task, engine: str, device: str, path: Path) -> None:
    """Raise UserError where the cell would take more than its limits, unless its file has a row for each restart."""
    try:
        check_cell(config, task, engine, device)
    except UserError:
        if config.only is not None or not has_lines(path, config.restarts + 1):
            raise


def starts_from_nothing(config: RunConfig) -> bool:
    """Whether a method has no use for a start. The solver does without random programs: it proposes any."""
    return config.method in WITHOUT_INIT or (config.method == "solver" and config.init == "random")


def check_settings(config: RunConfig, task: Task, language: Language) -> None:
    """Raise UserError where settings that are right by themselves do not go together."""
    if config.objective.registers and task.reference is None:
        raise UserError(f"objective.registers=true: task {task.name} has examples; only a program leaves registers")
    if config.method != "tune" and (config.save_curves or config.save_weights):
        extra = "save_curves" if config.save_curves else "save_weights"
        raise UserError(f"{extra}=true: method={config.method} has no loss and no weights; only method=tune has")
    if config.method != "tune" and config.complexity:
        raise UserError(f"complexity=true: method={config.method} has no weights to judge; only method=tune has")
    if config.method in SEARCHES and programs_a_restart(config) < 1:
        given = f"search.budget={config.search.budget:g}: times optimizer.updates={config.optimizer.updates}"
        raise UserError(f"{given} is less than one program a restart; expected at least one")
    if config.method in FROM_A_PROGRAM and config.init == "synth" and config.synthesis.allocation == "best":
        chosen = "the best template is chosen by tuning it"
        raise UserError(f"synthesis.allocation=best: {chosen}; with method={config.method} expected even")
    for method, key, fresh in (("learner", "learner.fresh", config.learner.fresh), ("tune", "fresh", config.fresh)):
        if config.method == method and fresh and task.table:
            raise UserError(f"{key}=true: task {task.name} is a file of examples; there are no others to draw")
    if config.fresh and config.method == "tune" and config.init == "synth" and config.synthesis.allocation == "best":
        chosen = "the best template is chosen on examples that restarts keep"
        raise UserError(f"synthesis.allocation=best: {chosen}; with fresh=true expected even")
    language.chosen(config.synthesis.constructs)
    if config.method == "synthesize" or (config.init == "synth" and config.method not in WITHOUT_INIT):
        if config.machine.jump_target == "value":
            raise UserError("machine.jump_target=value: synthesized programs have labels; expected line or operand")


def settings(config: RunConfig, init: str, program: Program | None, language: Language) -> dict:
    """The settings that the method's results depend on; the searches and synthesis look at a few of them alone.

    The library of synthesis counts by what it says, not by its name.
    """
    given = hashed(config)
    if content := language.content():
        given["synthesis"] = given["synthesis"] | {"library": content}
    if config.method == "tune":
        unused = {"search", "annealing", "learner"} | (set() if init == "synth" else {"synthesis"})
        if init != "synth" and not (program and NOOP in program.instructions):
            unused.add("noop_lines")
        return {key: value for key, value in given.items() if key not in unused}
    used = {key: given[key] for key in ("method", "seed", "examples", "limit") if key in given}
    used["machine"] = {key: given["machine"][key] for key in INTERPRETED}
    if config.method == "synthesize":
        return used | {"synthesis": {key: given["synthesis"][key] for key in given["synthesis"] if key not in TUNED}}
    if config.method == "learner":
        return used | {"learner": given["learner"]}
    begun = {"synthesis": given["synthesis"]} if init == "synth" else {}
    used |= begun | {"stop": config.optimizer.stop}
    if config.method != "solver":
        used["programs"] = programs_a_restart(config)
    if config.method == "annealing":
        used["annealing"] = {key: given["annealing"][key] for key in ("temperature", "fresh")}
    return used


def start(plan: Plan, unseen: HeldOut, restarts: Sequence[int]) -> tuple[Float[Tensor, "K L W"], Batch]:
    """What these restarts start from: weights with noise of their own, and their own training examples."""
    config, task = plan.config, plan.task
    logits = torch.empty(len(restarts), task.sizes.lines, packed_width(task.sizes, task.machine), dtype=plan.dtype)
    for turn, origin in enumerate(plan.starts):
        lanes = [lane for lane, restart in enumerate(restarts) if restart % len(plan.starts) == turn]
        if lanes:
            logits[lanes] = compile_program(
                origin.program,
                task.sizes,
                task.machine,
                gamma=plan.gamma,
                epsilon=config.epsilon,
                seed=config.seed,
                restarts=[restarts[lane] for lane in lanes],
                dtype=plan.dtype,
                open_noops=config.noop_lines == "open",
            )
    examples = [training_examples(task, unseen, config.seed, restart, config.examples) for restart in restarts]
    return logits.to(plan.device), batch_of(plan, examples)


def batch_of(plan: Plan, examples: list[Examples]) -> Batch:
    """The examples of these restarts as tensors."""
    return to_batch(examples, plan.task, plan.dtype, plan.device, plan.config.objective.registers)


class FreshExamples:
    """The examples that each restart draws for each of its updates."""

    def __init__(self, plan: Plan, unseen: HeldOut):
        self.plan, self.unseen = plan, unseen
        self.drawn: dict[int, tuple[int, Examples]] = {}  # of each restart, the last block and its number

    def __call__(self, updates: Sequence[tuple[int, int]]) -> Batch:
        """The batch in which these restarts, each with the number of its update, come in this order."""
        return batch_of(self.plan, [self.of(*one) for one in updates])

    def of(self, restart: int, update: int) -> Examples:
        """N examples; they depend on (seed, restart, update) alone."""
        config, (block, place) = self.plan.config, divmod(update, FRESH_BLOCK)
        if self.drawn.get(restart, (-1,))[0] != block:
            drawn = fresh_examples(self.plan.task, self.unseen, config.seed, restart, config.examples, "fresh", block)
            self.drawn[restart] = block, drawn
        return Examples(*(part[place * config.examples :][: config.examples] for part in self.drawn[restart][1]))

"""What a run is made of, as plain dataclasses: Hydra's schemas and the arguments of everything below.

A default that belongs to the tool lives here, a default that belongs to a task in its YAML file. Ranges are
checked in `__post_init__`; Hydra checks types. (Frozen dataclasses would reject every Hydra override.)
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Optional

from neurocomp import moved
from neurocomp.errors import UserError, check_at_least, check_choice, check_folder, check_text, with_home
from neurocomp.machine_config import MachineConfig
from neurocomp.search_config import AnnealingConfig, LearnerConfig, SearchConfig, SynthesisConfig
from neurocomp.text import visible

# Metadata of fields that say nothing of what a cell is: `results.identity.hashed` leaves them out.
UNHASHED = {"hashed": False}


def unhashed_while(value: object) -> dict[str, object]:
    """Metadata of a field that came later: while it has this value, older cells keep the hash that they had."""
    return {"hashed_unless": value}


@dataclass
class ObjectiveConfig:
    """Eq. 12: the weight of the efficiency loss, and whether the reference's final registers are supervised too.

    Eq. 10 says cross-entropy "between a predicted tensor P and labels". `loss` says of what: log takes the rows of P
    as the probabilities that they are, softmax as logits (what a library's softmax cross-entropy does with P).
    """

    registers: bool = False
    """Whether the loss also asks for the reference's final registers (Eq. 12)."""
    efficiency: float = 0.0
    """The weight of the efficiency loss, which asks a program to halt early (Eq. 11, 12), from 0 on."""
    loss: str = field(default="log", metadata=unhashed_while("log"))
    """Eq. 10: `log` takes the rows of the final state as probabilities, `softmax` as logits (as a library's softmax
    cross-entropy does)."""

    def __post_init__(self):
        check_at_least("objective.efficiency", self.efficiency, 0)
        check_choice("objective.loss", self.loss, ("log", "softmax"))


@dataclass
class OptimizerConfig:
    """Adam over the batch of restarts; `clip` bounds each restart's gradient norm (null: no clipping).

    A restart is done when what `stop` asks for holds after `hold` updates in a row: soft and hard recovery on
    validation (validated), or fit, the soft machine's words on its own training examples.
    """

    learning_rate: float = 0.1
    """Adam's step size, above 0."""
    updates: int = 1000
    """The most updates (steps of Adam) that a restart may take."""
    beta1: float = 0.9
    """Adam's decay of the mean gradient, in [0, 1)."""
    beta2: float = 0.999
    """Adam's decay of the mean squared gradient, in [0, 1)."""
    epsilon: float = 1e-8
    """Adam's addition to the divisor, above 0; `epsilon` alone is another key, that of compilation."""
    clip: Optional[float] = None
    """The largest gradient norm of a restart; longer gradients are scaled down to it. null: no clipping."""
    hold: int = 10
    """For how many updates in a row a restart must be right (see `optimizer.stop`) before it ends as recovered."""
    stop: str = field(default="validated", metadata=unhashed_while("validated"))
    """When a restart is right: `validated` if soft and hard hold on validation examples, `fit` if the soft machine
    is right on the restart's own training examples."""

    def __post_init__(self):
        check_choice("optimizer.stop", self.stop, ("validated", "fit"))
        check_at_least("optimizer.updates", self.updates, 0)
        check_at_least("optimizer.hold", self.hold, 1)
        for name in ("learning_rate", "epsilon") + (("clip",) if self.clip is not None else ()):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise UserError(f"optimizer.{name}={value}: expected a number > 0")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"optimizer.{name}={getattr(self, name)}: expected a number in [0, 1)")


SEARCHES = ("random_search", "local_search", "enumerate", "annealing")
METHODS = ("tune", "synthesize", *SEARCHES, "solver", "learner")
MEASURES = ("soft", "hard", "fit", "general")
ENGINES = ("auto", "eager", "fused")


@dataclass
class LimitsConfig:
    """What a request may take at most, as `limits/` estimates it before anything is allocated or begun.

    `memory_gb` are 10^9 bytes; `work` are elementary operations, about a nanosecond of one core each: 10^14 are 28
    hours. They are no part of what a cell is, and are set on the command line or from Python alone: never by a file.
    """

    memory_gb: float = 8.0
    """The most memory, in 10^9 bytes."""
    work: float = 1e14
    """The most elementary operations, about a nanosecond of one core each: 1e14 are 28 hours."""

    def __post_init__(self):
        for name in ("memory_gb", "work"):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise UserError(f"limits.{name}={value}: expected a number > 0")

    @property
    def memory_bytes(self) -> int:
        """`memory_gb` in bytes."""
        return int(self.memory_gb * 1e9)


# A task's name stands in rows, which spreadsheets open, and in tables and figures.
TASK_NAME = re.compile(r"(\w[\w.+ -]{0,99})?")


@dataclass
class TaskConfig:
    """A task file as written: expressions in `length` and `base` are still text (`tasks/task.py` evaluates them)."""

    name: str
    """The task's name, in file names and rows."""
    base: int
    """b: words are 0..b-1, arithmetic is mod b, and memory has b cells."""
    registers: Any
    """R: how many registers the machine has."""
    lines: Any
    """L: how many lines the program has. After the last line the program counter wraps to line 0."""
    steps: Any
    """T: how many steps a run lasts, if it does not halt before."""
    length: Optional[int] = None
    """The length of the list, which expressions of the task file may use. null: the task has none."""
    program: Optional[str] = None
    """The reference: a shipped program's name, a path that ends in .asm, or the text itself."""
    examples: Optional[str] = None
    """Instead of a reference: a CSV file of start words (m0, r0, ...) and final words (m0_final, ...)."""
    memory: Any = "random"
    """The start words of memory: `random`, a list, or a mapping from cells to words or ranges. Cells that are not
    listed are random."""
    start_registers: Any = field(default_factory=dict)
    """The start words of registers, given like `memory`. Registers that are not listed are 0."""
    check: Any = field(default_factory=dict)
    """The words that a right program leaves: `memory` cells and `registers`."""
    general: Any = None
    """The `length` and `base` at which a program must still be right to count as general. null: general is not
    measured."""

    def __post_init__(self):
        if not TASK_NAME.fullmatch(str(self.name)):
            given = f'task.name="{visible(str(self.name))}"'
            raise UserError(f"{given}: expected letters, digits, spaces and _ . + -, a letter, digit or _ first")
        for key in ("program", "examples"):
            if isinstance(path := getattr(self, key), str):
                setattr(self, key, with_home(f"task.{key}", path))
        check_at_least("task.base", self.base, 2)
        if self.length is not None:
            check_at_least("task.length", self.length, 1)


CIRCUMSTANCES = ("limits", "workers", "gpus")
"""The keys of a configuration that say what a cell may take and who produces it: no part of what it is."""

ADDRESS = re.compile(r"[\w.-]+:([0-9]{1,5})")


def check_workers(workers: Any, gpus: float | None, device: str) -> None:
    """Raise UserError unless this names workers, and a share of a GPU for each of their tasks."""
    number = type(workers) is int and 1 <= workers <= 10_000
    found = ADDRESS.fullmatch(workers[4:]) if isinstance(workers, str) and workers.startswith("ray:") else None
    address = found and 1 <= int(found[1]) <= 65_535
    if not (workers is None or workers == "ray" or number or address):
        raise UserError(f"workers={visible(str(workers))}: expected a number from 1 to 10000, ray, or ray:HOST:PORT")
    if workers is not None and device.startswith("cuda:"):
        raise UserError(f"device={device}: with workers each gets a GPU of its own, expected device=cuda")
    if gpus is not None:
        if not (math.isfinite(gpus) and (0 < gpus <= 1 or gpus == int(gpus) and gpus > 0)):
            raise UserError(f"gpus={gpus}: expected a share of a GPU in (0, 1], or a whole number of them")
        if workers is None:
            raise UserError(f"gpus={gpus}: the share of a task of workers, expected workers=N or workers=ray with it")


@dataclass
class RunConfig:
    """One cell of a table: k restarts of one task from one initialization by one method.

    `init` means nothing to the methods that start from no program (synthesize, random_search, enumerate, learner), and
    gamma nothing to any but tune: whatever is given, it is the same cell. `measure` is the rate that is reported to a
    sweeper which looks for the best cell.
    """

    task: TaskConfig
    """The task: what is to be computed, on which machine."""
    machine: MachineConfig = field(default_factory=MachineConfig)
    """How the paper's equations are read."""
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    """The loss that tuning lowers (Eq. 10, 12)."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """Adam, and when a restart ends."""
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)
    """The search over the high-level language."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """The searches over raw programs."""
    annealing: AnnealingConfig = field(default_factory=AnnealingConfig)
    """The search that also takes worse programs."""
    learner: LearnerConfig = field(default_factory=LearnerConfig)
    """A network that is trained end to end, with method=learner."""
    limits: LimitsConfig = field(default_factory=LimitsConfig, metadata=UNHASHED)
    """What the cell may take; no part of what it is."""
    init: str = "random"
    """What restarts start from: random (weights), synth (what synthesis finds), reference (the task's own program),
    loop_noop, a shipped program, or a path to an .asm file."""
    method: str = "tune"
    """How programs are found: by tuning (tune), by synthesis alone, by a search over raw programs, by a solver; a
    learner finds none, and is a network in a program's place."""
    gamma: float = 0.3
    """The noise of the compiled program (Eq. 3), from 0 on: 0 is the program itself, and below 1 it stays the
    likeliest."""
    epsilon: float = 1e-6
    """What keeps the logarithms of compilation finite (Eq. 3), in (0, 1): the odds of choices that the program does
    not make."""
    restarts: int = field(default=100, metadata=UNHASHED)
    """k: how many restarts the cell has."""
    seed: int = 0
    """Which random numbers are drawn. What restart 17 draws depends on (seed, 17) alone."""
    noop_lines: str = field(default="compiled", metadata=unhashed_while("compiled"))
    """How the noop lines of an initial program are compiled, those that pad it included: `compiled` like others, or
    left `open`: noise alone, as in random weights."""
    examples: int = 16
    """How many training examples each restart has of its own, or with `fresh` at each update."""
    fresh: bool = field(default=False, metadata=unhashed_while(False))
    """Whether tuning draws a restart's training examples anew at every update. false: it has its own."""
    limit: Optional[float] = field(default=None, metadata=unhashed_while(None))
    """After how many seconds of one core a restart ends that has found nothing: its status is `limit`, and it counts
    as not recovered. A restart that advances beside others (tune, local_search) has its share of the seconds. null: it
    goes on to its last update or program, or to the proof that there is none."""
    chunk: int = field(default=100, metadata=UNHASHED)
    """How many restarts are tuned side by side; memory grows with it, and results do not depend on it (engine=eager:
    but for last bits)."""
    engine: str = "auto"
    """What runs the machine: `fused` (compiled, CPU only), `eager` (PyTorch), or `auto`, the faster one that can."""
    device: str = "cpu"
    """Where tensors are: cpu, cuda, or cuda:N."""
    precision: str = "float32"
    """The floating-point numbers of weights and states."""
    threads: Optional[int] = field(default=None, metadata=UNHASHED)
    """How many threads compute. null: as many as there are processors."""
    workers: Any = field(default=None, metadata=UNHASHED)
    """Which processes produce restarts: a number (of processes of this machine), `ray` (a cluster if one is there, else
    this machine), or ray:HOST:PORT. null: this process alone. No part of what the cell is."""
    gpus: Optional[float] = field(default=None, metadata=UNHASHED)
    """With workers and device=cuda, how much of a GPU each task takes: 0.25 lets four share one. null: a whole one."""
    only: Optional[int] = field(default=None, metadata=UNHASHED)
    """Run this one restart again and print its row; the cell's file stays as it is."""
    save_curves: bool = field(default=False, metadata=UNHASHED)
    """Whether the loss after each update is kept, in CELL.curves.csv."""
    save_weights: bool = field(default=False, metadata=UNHASHED)
    """Whether final weights are kept, in CELL.weights/RESTART.safetensors."""
    complexity: bool = field(default=False, metadata=unhashed_while(False))
    """Whether the row of a tuned restart also says how distributed and how simple it is. Part of what the cell is,
    because its rows have more columns."""
    measure: str = field(default="soft", metadata=UNHASHED)
    """By which measure a cell reports its rate to a sweeper that looks for the best; no part of what it is."""
    name: str = field(default="runs", metadata=UNHASHED)
    """The folder below `results` that rows go to."""
    results: str = field(default="results", metadata=UNHASHED)
    """The folder that all results go to."""

    def __post_init__(self):
        check_choice("measure", self.measure, MEASURES)
        check_folder("name", self.name)
        check_text("results", self.results)
        check_text("init", self.init)
        self.init, self.results = with_home("init", self.init), with_home("results", self.results)
        check_choice("method", self.method, METHODS)
        check_choice("engine", self.engine, ENGINES)
        check_choice("precision", self.precision, ("float32", "float64"))
        check_choice("noop_lines", self.noop_lines, ("compiled", "open"))
        check_at_least("gamma", self.gamma, 0)
        if not 0 < self.epsilon < 1:
            raise UserError(f"epsilon={self.epsilon}: expected a number in (0, 1)")
        for key in ("restarts", "examples", "chunk"):
            check_at_least(key, getattr(self, key), 1)
        check_at_least("seed", self.seed, 0)
        if self.threads is not None:
            check_at_least("threads", self.threads, 1)
        if self.limit is not None and (not math.isfinite(self.limit) or self.limit <= 0):
            raise UserError(f"limit={self.limit:g}: expected seconds > 0, or null for no limit")
        if self.only is not None:
            check_at_least("only", self.only, 0)
        check_workers(self.workers, self.gpus, self.device)


if not TYPE_CHECKING:
    __getattr__ = moved.names_of(__name__, "neurocomp.errors", "neurocomp.machine_config", "neurocomp.readings.config")

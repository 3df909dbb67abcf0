"""What a memorization is made of, as plain dataclasses: the schemas of `configs/memorizer/`.

Sizes are the paper's: n instruction numbers (`lines`), k data addresses (`memory`), N programs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Optional

from neurocomp.config import LimitsConfig, UserError, check_at_least, check_choice, check_folder, check_text, with_home
from neurocomp.text import is_formula, visible

TASKS = ("memorize", "classify", "soft_instruction", "soft_imperative")
SOFT_TASKS = TASKS[1:]


@dataclass
class NetworkConfig:
    """The network inside: bert (an encoder of these sizes), or theorem1, whose sizes follow from the programs."""

    name: str = "bert"
    hidden: int = 256
    intermediate: int = 1024
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1

    def __post_init__(self):
        check_choice("network.name", self.name, ("bert", "theorem1"))
        for key in ("hidden", "intermediate", "layers", "heads"):
            check_at_least(f"network.{key}", getattr(self, key), 1)
        if self.hidden % self.heads:
            raise UserError(f"network.hidden={self.hidden}: expected a multiple of network.heads={self.heads}")
        if not 0 <= self.dropout < 1:
            raise UserError(f"network.dropout={self.dropout}: expected a number in [0, 1)")


@dataclass
class TrainingConfig:
    """AdamW on the sum of an instruction's cross-entropies.

    The learning rate rises to its value over the first `warmup` updates; the norm of a gradient is at most `clip`
    (null: whatever it is). Without warmup some trainings never leave the loss of a guess.

    `batch` null is the paper's floor(length x programs / 20). Accuracy is looked at once an epoch (`check` null) or
    after every `check` updates. What memorizes ends at 100 %, or after `updates`; soft tasks end after `epochs`.
    Every `save_every` seconds a checkpoint is written, from which an interrupted training goes on.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 50
    clip: Optional[float] = None
    label_smoothing: float = 0.0
    batch: Optional[int] = None
    check: Optional[int] = None
    updates: int = 20_000
    epochs: int = 2
    save_every: float = 30.0

    def __post_init__(self):
        if not 0 < self.learning_rate < math.inf:
            raise UserError(f"training.learning_rate={self.learning_rate}: expected a number > 0")
        check_at_least("training.weight_decay", self.weight_decay, 0)
        check_at_least("training.warmup", self.warmup, 0)
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise UserError(f"training.clip={self.clip}: expected a number > 0, or null")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(f"training.label_smoothing={self.label_smoothing}: expected a number in [0, 1)")
        for key in ("batch", "check"):
            if getattr(self, key) is not None:
                check_at_least(f"training.{key}", getattr(self, key), 1)
        check_at_least("training.updates", self.updates, 0)
        check_at_least("training.epochs", self.epochs, 1)
        check_at_least("training.save_every", self.save_every, 0)


@dataclass
class ExecutionConfig:
    """How what was memorized is run: `runs` start memories a program, for at most `steps` steps."""

    runs: int = 8
    steps: int = 256

    def __post_init__(self):
        check_at_least("execution.runs", self.runs, 0)
        check_at_least("execution.steps", self.steps, 1)


@dataclass
class SoftConfig:
    """The texts of the soft tasks: `data` generated, or sst2 (from `folder`, else through the datasets library).

    `sizes` says how many rows the splits of sst2 must have: those that were published, or any.
    """

    data: str = "generated"
    folder: Optional[str] = None
    sizes: str = "published"
    vocabulary: int = 30_522
    tokens: int = 128

    def __post_init__(self):
        check_choice("soft.data", self.data, ("generated", "sst2"))
        if self.folder is not None:
            self.folder = with_home("soft.folder", self.folder)
        check_choice("soft.sizes", self.sizes, ("published", "any"))
        check_at_least("soft.vocabulary", self.vocabulary, 100)
        check_at_least("soft.tokens", self.tokens, 16)


@dataclass
class MemorizerConfig:
    """One cell: `restarts` trainings that differ in their programs and first weights.

    `programs` are drawn at random, `length` instructions each; `include` names programs that are memorized beside
    them (shipped ones, or files). Of assembly, `registers` and the number of `memory` cells (its base) are sizes too.
    """

    task: str = "memorize"
    language: str = "subleq"
    programs: int = 16
    length: int = 256
    include: Any = field(default_factory=list)
    lines: int = 256
    memory: int = 256
    registers: int = 6
    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    soft: SoftConfig = field(default_factory=SoftConfig)
    limits: LimitsConfig = field(default_factory=lambda: LimitsConfig(work=1e15))  # trainings take days
    restarts: int = 5
    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"
    threads: Optional[int] = None
    only: Optional[int] = None
    save_weights: bool = False
    name: str = "runs"
    results: str = "results"

    def __post_init__(self):
        check_folder("name", self.name)
        check_text("results", self.results)
        self.results = with_home("results", self.results)
        check_choice("task", self.task, TASKS)
        check_choice("language", self.language, ("subleq", "assembly"))
        check_choice("precision", self.precision, ("float32", "bfloat16", "float16"))
        for key in ("length", "registers", "restarts"):
            check_at_least(key, getattr(self, key), 1)
        for key in ("lines", "memory"):
            check_at_least(key, getattr(self, key), 2)
        check_at_least("programs", self.programs, 0)
        check_at_least("seed", self.seed, 0)
        for key in ("threads", "only"):
            if getattr(self, key) is not None:
                check_at_least(key, getattr(self, key), 1 if key == "threads" else 0)
        names = [self.include] if isinstance(self.include, str) else [] if self.include is None else self.include
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise UserError(f"include={self.include}: expected names of programs, or files, such as [add]")
        self.include = [with_home("include", name) for name in names]
        for name in self.include:
            if is_formula(name) or visible(name) != name:
                raise UserError(f"include=[{name}]: rows name it, so expected a name that does not begin with = + - @")
        if self.programs + len(self.include) == 0:
            raise UserError("programs=0: nothing to memorize; expected at least 1, or include=[add]")
        if self.length > self.lines:
            raise UserError(f"length={self.length}: expected at most lines={self.lines}, the instruction numbers")
        if self.task not in SOFT_TASKS:
            unused = [each.name for each in fields(SoftConfig) if getattr(self.soft, each.name) != each.default]
            if unused:
                given = f"soft.{unused[0]}={getattr(self.soft, unused[0])}"
                raise UserError(f"{given}: task={self.task} reads no texts; expected one of {', '.join(SOFT_TASKS)}")
        if self.task in SOFT_TASKS and (self.language != "subleq" or self.network.name != "bert"):
            raise UserError(f"task={self.task}: expected language=subleq and network.name=bert, as texts are read")

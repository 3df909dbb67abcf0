"""The settings of a memorization as plain dataclasses: the schemas of `configs/memorizer/`.

Sizes are the paper's: n instruction numbers (`lines`), k data addresses (`memory`), N programs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Optional

from neurocomp.config import UNHASHED, LimitsConfig, check_workers, unhashed_while
from neurocomp.errors import UserError, check_at_least, check_choice, check_folder, check_text, with_home
from neurocomp.text import is_formula, visible

TASKS = ("memorize", "classify", "soft_instruction", "soft_imperative")
SOFT_TASKS = TASKS[1:]


@dataclass
class NetworkConfig:
    """The network inside: bert (an encoder of these sizes), or theorem1, whose sizes follow from the programs."""

    name: str = "bert"
    """The network: `bert` is an encoder of the sizes below, `theorem1` has constructed weights whose sizes follow
    from the programs (Theorem 1)."""
    hidden: int = 256
    """The width of a layer, a multiple of `heads`."""
    intermediate: int = 1024
    """The width of the feed-forward part of a layer."""
    layers: int = 4
    """How many layers the encoder has."""
    heads: int = 4
    """How many attention heads a layer has."""
    dropout: float = 0.1
    """The share of activations that training sets to 0, in [0, 1)."""

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
    (null: whatever it is). Without warmup some trainings never leave the loss of a guess. `schedule` says whether it
    then stays, or falls linearly to 0, where a training ends.

    `batch` null is the paper's floor(length x programs / 20). Accuracy is looked at once an epoch (`check` null) or
    after every `check` updates. What memorizes ends at 100 %, or after `updates`; soft tasks end after `epochs`.
    Every `save_every` seconds a checkpoint is written, from which an interrupted training goes on.
    """

    learning_rate: float = 1e-3
    """AdamW's step size after the warm-up, above 0."""
    weight_decay: float = 0.01
    """AdamW's weight decay, from 0 on."""
    warmup: int = 50
    """Over how many updates the learning rate rises to its value. With 0 some trainings never leave the loss of a
    guess."""
    schedule: str = field(default="constant", metadata=unhashed_while("constant"))
    """What the learning rate does after the warm-up: it stays (`constant`), or falls to 0 by the same amount at each
    update (`linear`), where the training ends."""
    schedule_epochs: Optional[int] = field(default=None, metadata=unhashed_while(None))
    """With `training.schedule=linear`, after how many epochs the learning rate is 0. null: after the epochs of a soft
    task."""
    clip: Optional[float] = None
    """The largest gradient norm. null: no clipping."""
    label_smoothing: float = 0.0
    """How much probability the labels give to all classes alike, in [0, 1)."""
    batch: Optional[int] = None
    """Examples an update. null: the paper's floor(length x programs / 20)."""
    parts: int = field(default=1, metadata=unhashed_while(1))
    """In how many parts the texts of a batch go through the network, the shortest first: more parts pad less, which is
    quicker on a CPU. Only rounding and dropout's draws depend on it."""
    check: Optional[int] = None
    """After how many updates the accuracy is looked at. null: once an epoch."""
    updates: int = 20_000
    """The most updates of a training that memorizes; it ends sooner at 100 %."""
    epochs: int = 2
    """How many epochs a training of a soft task lasts."""
    save_every: float = field(default=30.0, metadata=UNHASHED)
    """Every so many seconds a checkpoint is written, from which an interrupted training goes on."""

    def __post_init__(self):
        if not 0 < self.learning_rate < math.inf:
            raise UserError(f"training.learning_rate={self.learning_rate}: expected a number > 0")
        check_at_least("training.weight_decay", self.weight_decay, 0)
        check_at_least("training.warmup", self.warmup, 0)
        check_choice("training.schedule", self.schedule, ("constant", "linear"))
        if self.schedule_epochs is not None:
            check_at_least("training.schedule_epochs", self.schedule_epochs, 1)
            if self.schedule == "constant":
                given = f"training.schedule_epochs={self.schedule_epochs}"
                raise UserError(f"{given}: a constant learning rate never ends; expected training.schedule=linear")
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise UserError(f"training.clip={self.clip}: expected a number > 0, or null")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(f"training.label_smoothing={self.label_smoothing}: expected a number in [0, 1)")
        for key in ("batch", "check"):
            if getattr(self, key) is not None:
                check_at_least(f"training.{key}", getattr(self, key), 1)
        check_at_least("training.parts", self.parts, 1)
        check_at_least("training.updates", self.updates, 0)
        check_at_least("training.epochs", self.epochs, 1)
        check_at_least("training.save_every", self.save_every, 0)


@dataclass
class ExecutionConfig:
    """How what was memorized is run: `runs` start memories a program, for at most `steps` steps."""

    runs: int = 8
    """From how many random start memories each program is run when a training is done. 0: none."""
    steps: int = 256
    """The most steps that such a run lasts."""

    def __post_init__(self):
        check_at_least("execution.runs", self.runs, 0)
        check_at_least("execution.steps", self.steps, 1)


@dataclass
class SoftConfig:
    """The texts of the soft tasks: `data` generated, or sst2 (from `folder`, else through the datasets library).

    `sizes` says how many rows the splits of sst2 must have: those that were published, or any. Word pieces come from
    `vocabulary_file`, else they are learned from the training split. A cell is what its files say, not where they are.
    """

    data: str = "generated"
    """The texts of soft tasks: `generated` from a small grammar, or `sst2`."""
    folder: Optional[str] = None
    """The folder with SST-2's files. null: through the datasets library."""
    sizes: str = "published"
    """How many rows the splits of SST-2 must have: those that were `published`, or `any`."""
    vocabulary: int = 30_522
    """How many word pieces the vocabulary has at most."""
    vocabulary_file: Optional[str] = field(default=None, metadata=unhashed_while(None))
    """The file with the vocabulary's word pieces, one a line. null: they are learned from the training split."""
    examples: str = field(default="own", metadata=unhashed_while("own"))
    """How texts become inputs and instructions: in a way of our `own`, or as the paper's public code does
    (`published`)."""
    tokens: int = 128
    """The longest input in tokens; the end of a longer text is cut off."""

    def __post_init__(self):
        check_choice("soft.data", self.data, ("generated", "sst2"))
        if self.folder is not None:
            self.folder = with_home("soft.folder", self.folder)
        check_choice("soft.sizes", self.sizes, ("published", "any"))
        check_at_least("soft.vocabulary", self.vocabulary, 100)
        if self.vocabulary_file is not None:
            self.vocabulary_file = with_home("soft.vocabulary_file", self.vocabulary_file)
        check_choice("soft.examples", self.examples, ("own", "published"))
        check_at_least("soft.tokens", self.tokens, 16)


@dataclass
class MemorizerConfig:
    """One cell: `restarts` trainings that differ in their programs and first weights.

    `programs` are drawn at random, `length` instructions each; `include` names programs that are memorized beside
    them (shipped ones, or files). Of assembly, `registers` and the number of `memory` cells (its base) are sizes too.
    """

    task: str = "memorize"
    """What is learnt: `memorize` programs, `classify` texts, a `soft_instruction` or a `soft_imperative`."""
    language: str = "subleq"
    """The language of the programs: `subleq`, or the first machine's `assembly`."""
    programs: int = 16
    """N: how many random programs are memorized, beside those of `include`."""
    length: int = 256
    """How many instructions a random program has, at most `lines`."""
    include: Any = field(default_factory=list)
    """Programs that are memorized too: names of shipped ones, or files."""
    lines: int = 256
    """n: how many instruction numbers there are."""
    memory: int = 256
    """k: how many data addresses there are. In assembly this is the base."""
    registers: int = 6
    """In assembly, how many registers there are."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    """The network that memorizes."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """AdamW, and when a training ends."""
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    """How what was memorized is run."""
    soft: SoftConfig = field(default_factory=SoftConfig)
    """The texts of the soft tasks."""
    # Trainings take days.
    limits: LimitsConfig = field(default_factory=lambda: LimitsConfig(work=1e15), metadata=UNHASHED)
    """What the cell may take; no part of what it is."""
    restarts: int = field(default=5, metadata=UNHASHED)
    """How many trainings the cell has. They differ in their programs and first weights."""
    seed: int = 0
    """Which random numbers are drawn. What training 3 draws depends on (seed, 3) alone."""
    device: str = "cpu"
    """Where tensors are: cpu, cuda, or cuda:N."""
    precision: str = "float32"
    """The floating-point numbers of the forward pass; below float32 by automatic mixed precision."""
    threads: Optional[int] = field(default=None, metadata=UNHASHED)
    """How many threads compute. null: as many as there are processors."""
    workers: Any = field(default=None, metadata=UNHASHED)
    """Which processes produce restarts: a number (of processes of this machine), `ray` (a cluster if one is there, else
    this machine), or ray:HOST:PORT. null: this process alone. No part of what the cell is."""
    gpus: Optional[float] = field(default=None, metadata=UNHASHED)
    """With workers and device=cuda, how much of a GPU each task takes: 0.25 lets four share one. null: a whole one."""
    only: Optional[int] = field(default=None, metadata=UNHASHED)
    """Train this one restart again and print its row; the cell's file stays as it is."""
    save_weights: bool = field(default=False, metadata=UNHASHED)
    """Whether finished networks are kept, in CELL.weights/RESTART.safetensors."""
    name: str = field(default="runs", metadata=UNHASHED)
    """The folder below `results` that rows go to."""
    results: str = field(default="results", metadata=UNHASHED)
    """The folder that all results go to."""

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
        check_workers(self.workers, self.gpus, self.device)
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
            if self.training.schedule == "linear" and self.training.schedule_epochs is None:
                missing = f"training.schedule=linear: task={self.task} has no number of epochs"
                raise UserError(f"{missing}; expected training.schedule_epochs, such as 250")
            if self.training.parts != 1:
                given = f"training.parts={self.training.parts}: inputs of task={self.task} have one length"
                raise UserError(f"{given}; expected 1, or one of {', '.join(SOFT_TASKS)}")
            unused = [each.name for each in fields(SoftConfig) if getattr(self.soft, each.name) != each.default]
            if unused:
                given = f"soft.{unused[0]}={getattr(self.soft, unused[0])}"
                raise UserError(f"{given}: task={self.task} reads no texts; expected one of {', '.join(SOFT_TASKS)}")
        if self.task in SOFT_TASKS and (self.language != "subleq" or self.network.name != "bert"):
            raise UserError(f"task={self.task}: expected language=subleq and network.name=bert, because texts are read")

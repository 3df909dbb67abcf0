"""How else than by tuning: synthesis, the searches over raw programs, annealing, and learners that find no program."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Optional

from neurocomp.errors import UserError, check_at_least, check_choice, check_text, with_home


@dataclass
class SynthesisConfig:
    """The search over algorithm templates: what may be built, how long to look, which near misses to keep.

    `constructs` names those to use (null: all but put, exchange and noop). The search ends at `candidates` programs or
    after `seconds`, whichever comes first. `templates` are kept when nothing is exact; `padding` says where no-ops go,
    `noops` how many (null: as many as the lines leave). `allocation` spends restarts on templates: in turn (even), or
    all on the one that did best in `selection` restarts of another seed (best).
    """

    constructs: Any = None
    """The constructs of the high-level language that programs are built from, such as [map,reduce,inc]. null: all
    but put, exchange and noop."""
    library: Optional[str] = field(default=None, metadata={"hashed_unless": None})
    """A file of abstractions (`neurocomp learn` writes one), which programs are built from like constructs; or corpus,
    those that were learned from the shipped corpus. What they say is a part of what a cell is, whatever the file's
    name. null: none."""
    candidates: int = 200_000
    """The search ends after this many programs."""
    seconds: float = 60.0
    """The search ends after this many seconds, if that is sooner."""
    templates: int = 4
    """How many near misses are kept when no program is exact."""
    validation: bool = field(default=False, metadata={"hashed_unless": False})
    """Whether a program that is right on the training examples has to be right on validation examples too, as in other
    searches. If it is not, the search goes on."""
    padding: str = "end"
    """Where the no-ops go that fill the machine's lines: at the end, at the start, spread evenly, or (loop) before the
    jump back of each loop in turn."""
    noops: Optional[int] = None
    """How many no-ops fill the machine's lines. null: as many as the lines leave."""
    allocation: str = "even"
    """How restarts are spent on templates: `even` takes them in turn, `best` takes the one that recovered most in
    `selection` restarts of the next seed."""
    selection: int = 20
    """With `allocation=best`, how many restarts of the next seed each template is tried in."""

    def __post_init__(self):
        for name in ("candidates", "templates", "selection"):
            check_at_least(f"synthesis.{name}", getattr(self, name), 1)
        if self.library is not None:
            check_text("synthesis.library", self.library)
            self.library = with_home("synthesis.library", self.library)
        if not math.isfinite(self.seconds) or self.seconds <= 0:
            raise UserError(f"synthesis.seconds={self.seconds}: expected a number > 0")
        if self.noops is not None:
            check_at_least("synthesis.noops", self.noops, 0)
        check_choice("synthesis.padding", self.padding, ("end", "start", "spread", "loop"))
        check_choice("synthesis.allocation", self.allocation, ("even", "best"))


@dataclass
class SearchConfig:
    """The budget of a search baseline's restart: `budget` times what the updates of one tuned restart may execute.

    That is `budget` x `optimizer.updates` programs on `examples` examples each. What tuning runs backward comes on
    top and is recorded apart; what either of them runs on validation examples is not counted.
    """

    budget: float = 1.0
    """A search may execute this many times what one tuned restart may: `budget` x `optimizer.updates` programs on
    `examples` examples each."""

    def __post_init__(self):
        if not math.isfinite(self.budget) or self.budget <= 0:
            raise UserError(f"search.budget={self.budget}: expected a number > 0")


@dataclass
class AnnealingConfig:
    """How a restart of method=annealing looks for a program: how many it may try, how often it takes a worse one.

    A candidate that leaves n words fewer right than the current program is taken with probability exp(-n / degrees).
    """

    programs: Optional[int] = 2_000_000
    """The most programs that a restart executes: about 2 s of one core at map_inc's size. null: as many as the other
    searches may (`search.budget`)."""
    temperature: float = 0.02
    """How many degrees there are, as a share of the words that are checked on all training examples, from 0 on: a
    candidate that leaves so many fewer right is taken in 37 of 100 cases. 0: none that is worse is taken."""
    fresh: int = 50_000
    """After so many programs a restart begins anew: at a random program, or with an `init` near that."""

    def __post_init__(self):
        if self.programs is not None:
            check_at_least("annealing.programs", self.programs, 1)
        if not math.isfinite(self.temperature) or self.temperature < 0:
            raise UserError(f"annealing.temperature={self.temperature}: expected a number >= 0")
        check_at_least("annealing.fresh", self.fresh, 1)


LEARNERS = ("lstm", "transformer", "ntm", "dnc")


@dataclass
class LearnerConfig:
    """A network that maps start words to checked words, end to end. It prints no program.

    It is trained with AdamW on a restart's own examples, or on fresh ones at every update. Its weights are those that
    had most validation examples right; a restart ends early where that is all of them.
    """

    kind: str = "lstm"
    """Which network: lstm, transformer, ntm (a neural Turing machine) or dnc (a differentiable neural computer)."""
    hidden: int = 64
    """The width of a layer, and of the controller of ntm and dnc."""
    layers: int = 1
    """How many layers an lstm or a transformer has."""
    heads: int = 4
    """How many heads the attention of a transformer has; `learner.hidden` is a multiple of it."""
    slots: int = 16
    """How many words the memory of an ntm or a dnc has."""
    width: int = 16
    """How many numbers such a word has."""
    learning_rate: float = 3e-3
    """AdamW's step size, above 0."""
    weight_decay: float = 0.01
    """AdamW's weight decay, from 0 on."""
    clip: float = 1.0
    """The largest gradient norm of a restart."""
    updates: int = 1000
    """The most updates of a restart."""
    check: int = 25
    """After how many updates validation examples are looked at."""
    fresh: bool = False
    """Whether each update has examples of its own, as many as `examples`, instead of the same ones again."""

    def __post_init__(self):
        check_choice("learner.kind", self.kind, LEARNERS)
        for name in ("hidden", "layers", "heads", "slots", "width", "updates", "check"):
            check_at_least(f"learner.{name}", getattr(self, name), 1)
        if self.hidden % self.heads:
            raise UserError(f"learner.hidden={self.hidden}: expected a multiple of learner.heads={self.heads}")
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"learner.{name}={getattr(self, name)}: expected a number > 0")
        check_at_least("learner.weight_decay", self.weight_decay, 0)

"""The keys of `neurocomp readings`, the search over what the paper leaves open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from neurocomp.config import ENGINES, LimitsConfig, check_workers
from neurocomp.errors import LARGEST, UserError, check_at_least, check_choice, check_folder, check_text, with_home


@dataclass
class ReadingsConfig:
    """Every setting is screened with `screen` restarts in each of the 20 tuned cells of Table 1, until `settings` of
    them or `seconds` are spent. Then the `confirm` best by each measure are measured with `restarts` restarts of each
    of the next `fresh_seeds` seeds.
    """

    settings: int = 400
    """How many settings are screened."""
    screen: int = 16
    """How many restarts a setting is screened with, in each of the 20 tuned cells."""
    confirm: int = 3
    """How many of the best settings, by each measure, are measured again with other seeds."""
    fresh_seeds: int = 2
    """With how many seeds, those after `seed`, the best settings are measured again."""
    seconds: float = 7200.0
    """Screening ends after this many seconds, counted over all runs of the search; those of workers are added up."""
    restarts: int = 100
    """How many restarts of each seed a setting is confirmed with, in each of the 20 tuned cells."""
    seed: int = 0
    """Which random numbers are drawn. What is tried next depends on it and on the rows so far."""
    engine: str = "auto"
    """What runs the machine: `fused` (compiled, CPU only), `eager` (PyTorch), or `auto`, the faster one that can."""
    device: str = "cpu"
    """Where tensors are: cpu, cuda, or cuda:N."""
    threads: Optional[int] = 1
    """How many threads compute, in each worker. null: as many as there are processors, with workers one."""
    workers: Any = None
    """Which processes measure, a setting each: a number (of processes of this machine), `ray` (a cluster if one is
    there, else this machine), or ray:HOST:PORT. What is tried next then also depends on which settings end first. null:
    this process alone."""
    gpus: Optional[float] = None
    """With workers and device=cuda, how much of a GPU each takes: 0.25 lets four share one. null: a whole one."""
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    """What a cell may take."""
    name: str = "readings"
    """The folder below `results` that rows go to."""
    results: str = "results"
    """The folder that all results go to."""

    def __post_init__(self):
        check_at_least("settings", self.settings, 0)
        check_at_least("screen", self.screen, 1)
        check_at_least("confirm", self.confirm, 0)
        check_at_least("fresh_seeds", self.fresh_seeds, 1)
        check_at_least("seconds", self.seconds, 0)
        check_at_least("restarts", self.restarts, 1)
        check_at_least("seed", self.seed, 0)
        if self.seed > (most := LARGEST - self.fresh_seeds):
            last = f"readings are confirmed with seeds up to seed + {self.fresh_seeds}"
            raise UserError(f"seed={self.seed}: {last}; expected a number <= {most}")
        check_choice("engine", self.engine, ENGINES)
        if self.threads is not None:
            check_at_least("threads", self.threads, 1)
        check_workers(self.workers, self.gpus, self.device)
        check_folder("name", self.name)
        check_text("results", self.results)
        self.results = with_home("results", self.results)

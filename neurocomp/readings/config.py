"""The keys of `neurocomp readings`, the search over what the paper leaves open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from neurocomp.config import ENGINES, LimitsConfig
from neurocomp.errors import LARGEST, UserError, check_at_least, check_choice, check_folder, check_text, with_home


@dataclass
class ReadingsConfig:
    """Every setting is screened with `screen` restarts in each of the 20 tuned cells of Table 1, until `settings` of
    them or `seconds` are spent. Then the `confirm` best by each measure are measured with `restarts` of the next seed.
    """

    settings: int = 400
    """How many settings are screened."""
    screen: int = 16
    """How many restarts a setting is screened with, in each of the 20 tuned cells."""
    confirm: int = 3
    """How many of the best settings, by each measure, are measured again with `restarts` restarts of the next seed."""
    seconds: float = 7200.0
    """Screening ends after this many seconds, counted over all runs of the search."""
    restarts: int = 100
    """How many restarts a setting is confirmed with, in each of the 20 tuned cells."""
    seed: int = 0
    """Which random numbers are drawn. The settings that are tried depend on it alone."""
    engine: str = "auto"
    """What runs the machine: `fused` (compiled, CPU only), `eager` (PyTorch), or `auto`, the faster one that can."""
    device: str = "cpu"
    """Where tensors are: cpu, cuda, or cuda:N."""
    threads: Optional[int] = 1
    """How many threads compute. null: as many as there are processors."""
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
        check_at_least("seconds", self.seconds, 0)
        check_at_least("restarts", self.restarts, 1)
        check_at_least("seed", self.seed, 0)
        if self.seed == LARGEST:
            raise UserError(f"seed={self.seed}: readings are confirmed with seed + 1; expected a number < {LARGEST}")
        check_choice("engine", self.engine, ENGINES)
        if self.threads is not None:
            check_at_least("threads", self.threads, 1)
        check_folder("name", self.name)
        check_text("results", self.results)
        self.results = with_home("results", self.results)

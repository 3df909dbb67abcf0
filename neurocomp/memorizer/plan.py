"""A configuration of the memorizer, checked before anything runs: its language, device, identity and file."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from neurocomp.devices import checked_device
from neurocomp.errors import UserError, checked
from neurocomp.limits import estimates, network_estimates
from neurocomp.limits.checking import check
from neurocomp.memorizer.config import SOFT_TASKS, MemorizerConfig
from neurocomp.memorizer.languages import Assembly, Subleq, language
from neurocomp.results.identity import config_hash, file_stem, hashed


@dataclass(frozen=True)
class Plan:
    """One cell, ready to run."""

    config: MemorizerConfig
    language: Subleq | Assembly
    device: torch.device
    config_hash: str
    path: Path
    contents: dict[str, Any] = field(default_factory=dict)
    """What the files of a soft task say, wherever they lie."""

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration with what is in its files in place of where they lie."""
        settings = vars(self.config) | {"config_hash": self.config_hash}
        if self.contents:
            contents = dict(self.contents)
            soft = asdict(self.config.soft) | {"folder": None, "vocabulary_file": contents.pop("vocabulary_file", None)}
            settings |= {"soft": soft, "contents": contents}
        return settings

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many classes each field of an instruction has."""
        return tuple(field.size for field in self.language.fields)


def make_plan(config: MemorizerConfig) -> Plan:
    """Everything of a cell that can be wrong before it runs. Raises UserError. Writes nothing."""
    config = checked(config)  # values may have been set since it was made
    needed = ("transformers", "tokenizers") if config.task in SOFT_TASKS else ("transformers",)
    for library in needed if config.network.name == "bert" else ():
        if not importlib.util.find_spec(library):
            missing = f"network.name=bert: {library} is not installed"
            raise UserError(f"{missing}; expected it from pip install 'neurocomp[memorizer]'")
    if config.network.name == "theorem1" and config.save_weights:
        raise UserError("save_weights=true: the weights of theorem1 follow from the programs; only bert's are kept")
    device = checked_device(config.device, config.workers)
    check_limits(config, device.type)
    spoken = language(config)
    included, contents = [spoken.load(name).tolist() for name in config.include], {}
    identity = hashed(config) | {"include": included, "device": device.type}
    if config.task in SOFT_TASKS:
        from neurocomp.memorizer import soft_dataset  # needs tokenizers, which memorizing programs does without

        contents = soft_dataset.check(config)
        identity["texts"] = contents["texts"]  # what is in the folder, wherever it lies
        identity["soft"].pop("folder")
        if config.soft.vocabulary_file is not None:
            identity["soft"]["vocabulary_file"] = contents["vocabulary_file"]
    else:
        identity.pop("soft")
    digest = config_hash(identity)
    what = config.task if config.task in SOFT_TASKS else f"memorize-{config.language}"
    name = f"{what}-{config.network.name}-N{config.programs + len(included)}-s{config.seed}-{digest[:10]}"
    path = Path(config.results) / config.name / f"{file_stem(name)}.csv"
    return Plan(config, spoken, device, digest, path, contents)


def check_limits(config: MemorizerConfig, device: str) -> None:
    """Raise UserError where the cell would take more memory or work than `config.limits`."""
    soft, network, training = config.task in SOFT_TASKS, config.network, config.training
    cell = partial(
        network_estimates.memorization,
        assembly=config.language == "assembly",
        by_theorem1=network.name == "theorem1",
        on_gpu=device == "cuda",
    )
    asked = {
        "restarts": 1 if config.only is not None else config.restarts,
        "programs": config.programs + len(config.include),
        "length": max(config.length, config.lines if config.include else 0),
        **{key: getattr(config, key) for key in ("lines", "memory", "registers")},
        **asdict(config.execution),
        **{key: getattr(network, key) for key in ("hidden", "intermediate", "layers", "heads")},
        "vocabulary": config.soft.vocabulary if soft else 0,
        "tokens": config.soft.tokens if soft else 2,
        "batch": training.batch or 0,
        "updates": training.epochs * estimates.TEXTS // (training.batch or 1) if soft else training.updates,
    }
    check(config.limits, cell, KEYS | ({"updates": f"training.epochs={training.epochs}"} if soft else {}), **asked)


# The keys of a cell's sizes; `updates` of memorizing.
KEYS = {
    **{key: key for key in ("programs", "length", "lines", "memory", "registers", "restarts")},
    **{key: f"execution.{key}" for key in ("runs", "steps")},
    **{key: f"network.{key}" for key in ("hidden", "intermediate", "layers", "heads")},
    **{key: f"soft.{key}" for key in ("vocabulary", "tokens")},
    **{key: f"training.{key}" for key in ("batch", "updates")},
}


def batch_size(config: MemorizerConfig, instructions: int) -> int:
    """The paper's floor(length x programs / 20) for all instructions together, unless another is given."""
    return config.training.batch or max(1, instructions // 20)

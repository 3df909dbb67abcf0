"""A configuration of the memorizer, checked before anything runs: its language, device, identity and file."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from neurocomp.config import UserError, checked
from neurocomp.devices import checked_device
from neurocomp.memorizer.config import SOFT_TASKS, MemorizerConfig
from neurocomp.memorizer.languages import Assembly, Subleq, language
from neurocomp.results import config_hash, file_stem


@dataclass(frozen=True)
class Plan:
    """One cell, ready to run."""

    config: MemorizerConfig
    language: Subleq | Assembly
    device: torch.device
    config_hash: str
    path: Path

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
    device, spoken = checked_device(config.device), language(config)
    included = [spoken.load(name).tolist() for name in config.include]
    identity = {key: value for key, value in asdict(config).items() if key not in WITHOUT_EFFECT}
    identity["training"].pop("save_every")
    if config.task in SOFT_TASKS:
        from neurocomp.memorizer import soft

        identity["texts"] = soft.check(config)  # what is in the folder, wherever it lies
        identity["soft"].pop("folder")
    else:
        identity.pop("soft")
    digest = config_hash(identity | {"include": included, "device": device.type})
    what = config.task if config.task in SOFT_TASKS else f"memorize-{config.language}"
    name = f"{what}-{config.network.name}-N{config.programs + len(included)}-s{config.seed}-{digest[:10]}"
    path = Path(config.results) / config.name / f"{file_stem(name)}.csv"
    return Plan(config, spoken, device, digest, path)


WITHOUT_EFFECT = ("restarts", "threads", "only", "save_weights", "name", "results", "include", "device")


def batch_size(config: MemorizerConfig, instructions: int) -> int:
    """The paper's floor(length x programs / 20) for all instructions together, unless another is given."""
    return config.training.batch or max(1, instructions // 20)

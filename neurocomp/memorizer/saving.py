"""The files of a training: a checkpoint while it lasts, and its network afterwards if asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from neurocomp import tensor_file
from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.files import can_write
from neurocomp.limits import network_estimates
from neurocomp.limits.checking import OPTIONS, check
from neurocomp.memorizer import checkpoint
from neurocomp.memorizer.config import NetworkConfig
from neurocomp.memorizer.dataset import Named, labels_of
from neurocomp.memorizer.languages import UNUSED, Table
from neurocomp.memorizer.network import Bert
from neurocomp.memorizer.plan import Plan
from neurocomp.memorizer.resuming import AreNotes, load_training
from neurocomp.memorizer.training import Training, weights_of
from neurocomp.shapes import Tensor


def checkpoint_path(plan: Plan, restart: int) -> Path:
    """Where an interrupted training goes on from."""
    return plan.path.with_name(f"{plan.path.stem}.{restart}.checkpoint.safetensors")


class Saving:
    """Writes a training down every so many seconds, and begins by taking up what was written. Counts its seconds.

    It writes where the cell's folder is. A worker on another machine, without that folder, leaves its disk alone.

    Raises UserError at a checkpoint that is not of this restart, whole and sound (`resuming.load_training`).
    """

    def __init__(
        self,
        plan: Plan,
        restart: int,
        training: Training,
        limit: int,
        are_notes: AreNotes = lambda notes, updates: not notes,
    ):
        self.path, self.training = checkpoint_path(plan, restart), training
        self.every, self.notes = plan.config.training.save_every, {}
        self.identity = {"config_hash": plan.config_hash, "restart": str(restart)}
        # A restart that is run again by itself leaves the cell's files alone.
        self.kept = plan.config.only is None and can_write(self.path.parent)
        self._before, self._began = 0.0, time.perf_counter()
        if self.kept and self.path.exists():
            tensors, facts = load_training(self.path, training, self.identity, limit, are_notes, plan.config.limits)
            training.restore(tensors, facts)
            self._before, self.notes = float(facts["seconds"]), json.loads(facts["notes"])
        self._saved = time.perf_counter()

    def seconds(self) -> float:
        """How long the training took so far, without the time between an interruption and going on."""
        return self._before + time.perf_counter() - self._began

    def after_update(self) -> None:
        """Write the training down if it is time. One with numbers that are not finite leaves the file before it."""
        if self.kept and time.perf_counter() - self._saved >= self.every:
            tensors, facts = self.training.state()
            if all(value.isfinite().all() for value in tensors.values()):
                more = {"seconds": str(self.seconds()), "notes": json.dumps(self.notes)}
                checkpoint.save(self.path, tensors, facts | more | self.identity)
            self._saved = time.perf_counter()


SLOTS = "ABC"  # of an instruction of subleq
INSTRUCTIONS = "instructions"  # the tensor with those of all programs, one after the other


def network_bytes(plan: Plan, network: nn.Module, memorized: Sequence[Named]) -> bytes:
    """The file of a training that is done: its network, and the whole programs, for `subleq exec --checkpoint`."""
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tables, labels = [one.table for one in memorized], labels_of(list(memorized))
    tensors[INSTRUCTIONS] = torch.from_numpy(np.concatenate(tables).astype(np.int64))
    facts = {
        "network": json.dumps(asdict(plan.config.network)),
        "sizes": json.dumps(plan.sizes),
        "numbers": str(plan.config.lines),
        "language": plan.config.language,
        "programs": json.dumps(dict(zip(labels, map(len, tables), strict=True))),
        "data": json.dumps({label: dict(one.data) for label, one in zip(labels, memorized, strict=True)}),
    }
    return checkpoint.to_bytes(tensors, facts)


class Whole(NamedTuple):
    """A memorized program: its instructions, and its own words by address."""

    table: Table
    data: dict[int, int]


class Kept(NamedTuple):
    """The contents of a file of `network_bytes`; `programs` are lengths by name, in the order of their numbers.

    `whole` are the programs themselves; None in a file of an older version, which kept their lengths alone.
    """

    network: Bert
    language: str
    sizes: tuple[int, ...]
    numbers: int
    programs: dict[str, int]
    whole: dict[str, Whole] | None


def load_network(path: Path, limits: LimitsConfig) -> Kept:
    """A network and what it memorized. UserError at a file that is not such a network, not whole, or over `limits`."""
    tensors, facts = checkpoint.load(path, limits, OPTIONS[0])
    if "updates" in facts:
        raise UserError(f"{path}: a training that is not done, expected the weights of one that is (save_weights=true)")
    with tensor_file.reading_facts(path):
        config = NetworkConfig(**json.loads(facts["network"]))
        sizes, programs = tuple(map(_count, json.loads(facts["sizes"]))), dict(json.loads(facts["programs"]))
        numbers, language = _count(json.loads(facts["numbers"])), facts["language"]
        total = sum(map(_count, programs.values()))
        if language == "subleq" and len(sizes) != len(SLOTS):
            raise ValueError(f"sizes={facts['sizes']}, expected one for each of {SLOTS}")
        whole = None if INSTRUCTIONS not in tensors else _whole(tensors[INSTRUCTIONS], facts, sizes, programs)
    network = _new_network(path, config, numbers + len(programs), sum(sizes), limits)
    kinds = {f"network.{key}": (value.dtype, tuple(value.shape)) for key, value in network.state_dict().items()}
    if whole is not None:
        kinds[INSTRUCTIONS] = torch.int64, (total, len(sizes))
    tensor_file.check_kinds(path, tensors, kinds, "by its metadata it has")
    tensor_file.check_finite(path, tensors, "such a network knows nothing")
    network.load_state_dict(weights_of(tensors))
    return Kept(network, language, sizes, numbers, programs, whole)


def _new_network(path: Path, config: NetworkConfig, vocabulary: int, outputs: int, limits: LimitsConfig) -> Bert:
    """A network of these sizes, with random weights. UserError where it would take more than `limits`."""
    shape = {"hidden": config.hidden, "intermediate": config.intermediate, "layers": config.layers}
    shape |= {"vocabulary": vocabulary, "outputs": outputs}
    check(limits, network_estimates.network, {key: key for key in shape}, f"{path}: ", OPTIONS, **shape)
    return Bert(config, vocabulary, length=2, outputs=outputs)


def _whole(
    instructions: Tensor, facts: dict[str, str], sizes: Sequence[int], lengths: dict[str, int]
) -> dict[str, Whole]:
    """The programs by name. Raises KeyError, TypeError and ValueError where they are none."""
    data = json.loads(facts["data"])
    if not isinstance(data, dict) or data.keys() != lengths.keys():
        raise ValueError("data has other programs than programs")
    rows = instructions.numpy()
    if rows.shape != (sum(lengths.values()), len(sizes)) or rows.dtype != np.int64:
        raise ValueError(f"{INSTRUCTIONS} has shape {rows.shape}, expected {(sum(lengths.values()), len(sizes))}")
    least = UNUSED if facts["language"] == "assembly" else 0
    if ((rows < least) | (rows >= np.array(sizes))).any():
        raise ValueError(f"{INSTRUCTIONS} has a number that is none of its field")
    tables = np.split(rows, np.cumsum(list(lengths.values()))[:-1])
    words = {name: {int(address): _word(word) for address, word in of.items()} for name, of in data.items()}
    if any(not 0 <= address < sizes[0] for of in words.values() for address in of):
        raise ValueError(f"data has an address that is none of 0 to {sizes[0] - 1}")
    return {name: Whole(table, words[name]) for name, table in zip(lengths, tables, strict=True)}


def _count(number: Any) -> int:
    if type(number) is not int or number < 1:
        raise ValueError(f"{number!r}, expected a whole number >= 1")
    return number


def _word(number: Any) -> int:
    if type(number) is not int:
        raise ValueError(f"{number!r}, expected a whole number")
    return number

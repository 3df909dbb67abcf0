"""What is kept on the disk of a training: a checkpoint while it lasts, and its network afterwards if asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from torch import nn

from neurocomp import estimates
from neurocomp.config import LimitsConfig, UserError
from neurocomp.limits import OPTIONS, check
from neurocomp.memorizer import checkpoint
from neurocomp.memorizer.config import NetworkConfig
from neurocomp.memorizer.dataset import Named, labels_of
from neurocomp.memorizer.network import Bert
from neurocomp.memorizer.plan import Plan
from neurocomp.memorizer.training import Training, weights_of
from neurocomp.shapes import Tensor


def checkpoint_path(plan: Plan, restart: int) -> Path:
    """Where an interrupted training goes on from."""
    return plan.path.with_name(f"{plan.path.stem}.{restart}.checkpoint.safetensors")


class Saving:
    """Writes a training down every so many seconds, and begins by taking up what was written. Counts its seconds.

    Raises UserError at a checkpoint of another network, and at what is none.
    """

    def __init__(self, plan: Plan, restart: int, training: Training):
        self.path, self.training = checkpoint_path(plan, restart), training
        self.every, self.notes = plan.config.training.save_every, {}
        self.kept = plan.config.only is None  # a restart that is run again by itself leaves the cell's files alone
        self._before, self._began = 0.0, time.perf_counter()
        if self.kept and self.path.exists():
            tensors, facts = checkpoint.load(self.path)
            if not {"updates", "seconds", "notes"} <= facts.keys():
                raise UserError(f"{self.path}: not a training to go on with; move it away to begin anew")
            check_shapes(self.path, weights_of(tensors), training.network, "here the network's has")
            training.restore(tensors, facts)
            self._before, self.notes = float(facts["seconds"]), json.loads(facts["notes"])
        self._saved = time.perf_counter()

    def seconds(self) -> float:
        """How long the training took so far, without the time between an interruption and going on."""
        return self._before + time.perf_counter() - self._began

    def after_update(self) -> None:
        if self.kept and time.perf_counter() - self._saved >= self.every:
            tensors, facts = self.training.state()
            more = {"seconds": str(self.seconds()), "notes": json.dumps(self.notes)}
            checkpoint.save(self.path, tensors, facts | more)
            self._saved = time.perf_counter()


def save_network(plan: Plan, restart: int, network: nn.Module, memorized: Sequence[Named]) -> None:
    """The network of a training that is done, for `neurocomp subleq exec --checkpoint`."""
    if not isinstance(network, Bert):
        return
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    lengths = [len(one.table) for one in memorized]
    facts = {
        "network": json.dumps(asdict(plan.config.network)),
        "sizes": json.dumps(plan.sizes),
        "numbers": str(plan.config.lines),
        "language": plan.config.language,
        "programs": json.dumps(dict(zip(labels_of(list(memorized)), lengths, strict=True))),
    }
    folder = plan.path.with_name(f"{plan.path.stem}.weights")
    checkpoint.save(folder / f"{restart}.safetensors", tensors, facts)


class Kept(NamedTuple):
    """What `save_network` wrote; `programs` are lengths by name, in the order of their numbers."""

    network: Bert
    language: str
    sizes: tuple[int, ...]
    numbers: int
    programs: dict[str, int]


def load_network(path: Path, limits: LimitsConfig) -> Kept:
    """A network and what it memorized. UserError at a file that is not such a network, not whole, or over `limits`."""
    tensors, facts = checkpoint.load(path)
    if "updates" in facts:
        raise UserError(f"{path}: a training that is not done, expected the weights of one that is (save_weights=true)")
    try:
        config = NetworkConfig(**json.loads(facts["network"]))
        sizes, programs = tuple(map(int, json.loads(facts["sizes"]))), dict(json.loads(facts["programs"]))
        numbers, language = int(facts["numbers"]), facts["language"]
    except KeyError as error:
        raise UserError(f"{path}: the metadata has no {error.args[0]}") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: the metadata cannot be read ({error})") from None
    shape = {"hidden": config.hidden, "intermediate": config.intermediate, "layers": config.layers}
    shape |= {"vocabulary": numbers + len(programs), "outputs": sum(sizes)}
    check(limits, estimates.network, {key: key for key in shape}, f"{path}: ", OPTIONS, **shape)
    network = Bert(config, numbers + len(programs), length=2, outputs=sum(sizes))
    weights = weights_of(tensors)
    check_shapes(path, weights, network, "by its metadata it has")
    network.load_state_dict(weights)
    return Kept(network, language, sizes, numbers, programs)


def check_shapes(path: Path, weights: Mapping[str, Tensor], network: nn.Module, reason: str) -> None:
    """Raise UserError unless these are weights of that network; it names the first that differs and both shapes."""
    given = {key: tuple(value.shape) for key, value in weights.items()}
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    for key in [*expected, *given]:
        if given.get(key) != expected.get(key):
            shapes = [there.get(key) or "no such tensor" for there in (given, expected)]
            raise UserError(f"{path}: {key} has shape {shapes[0]}, but {reason} {shapes[1]}")

"""Training: one network, AdamW over batches of examples, and all that has to be kept to go on exactly from here."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from neurocomp import tensor_file
from neurocomp.memorizer.config import TrainingConfig
from neurocomp.memorizer.dataset import Examples
from neurocomp.memorizer.network import classify, cross_entropy, right
from neurocomp.seeding import generator
from neurocomp.shapes import Int, Tensor

JUDGED_AT_ONCE = 128  # examples in a forward that only judges: few, because judging ends at the first mistake


class UpdateReport(NamedTuple):
    """One update: its loss, and the share of its batch that was right (with dropout, before the update)."""

    loss: float
    accuracy: float


class Training:
    """A network with its optimizer after `updates` updates. Batches depend on (seed, restart, epoch) alone.

    Dropout takes PyTorch's own generator, which `state` keeps too: a training that goes on from a state does what
    it would have done uninterrupted (with as many threads, on the same kind of device).
    """

    def __init__(
        self,
        network: nn.Module,
        examples: Examples,
        sizes: tuple[int, ...],
        config: TrainingConfig,
        batch: int,
        precision: str,
        seed: int,
        restart: int,
    ):
        self.network, self.examples, self.sizes = network, examples, sizes
        self.config, self.batch, self.precision = config, batch, precision
        self.seed, self.restart, self.updates = seed, restart, 0
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.device = examples.labels.device
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "float16")
        self._order: tuple[int, Tensor] | None = None
        self._share = self._linear() if config.schedule == "linear" else self._warmth

    def _linear(self) -> Callable[[int], float]:
        """The share of the learning rate after so many updates, which a checkpoint need not keep."""
        from transformers import get_linear_schedule_with_warmup

        last = (self.config.schedule_epochs or self.config.epochs) * self.updates_an_epoch
        return get_linear_schedule_with_warmup(self.optimizer, self.config.warmup, last).lr_lambdas[0]

    @property
    def limit(self) -> int:
        """The most updates of what memorizes: at a learning rate of 0 nothing is learnt any more."""
        epochs = self.config.schedule_epochs
        return min(self.config.updates, epochs * self.updates_an_epoch) if epochs else self.config.updates

    @property
    def updates_an_epoch(self) -> int:
        """The last batch of an epoch may be smaller."""
        return -(-len(self.examples.labels) // self.batch)

    @property
    def epoch_ended(self) -> bool:
        return self.updates % self.updates_an_epoch == 0

    def advance(self) -> UpdateReport:
        """One update."""
        self.network.train()
        tokens, mask, labels = taken(self.examples, self._batch())
        with autocast(self.device, self.precision):
            logits = self.network(tokens, mask)
            loss = cross_entropy(logits.float(), labels, self.sizes, self.config.label_smoothing)
        self.optimizer.param_groups[0]["lr"] = self.config.learning_rate * self._share(self.updates)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if self.config.clip is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.updates += 1
        return UpdateReport(loss.item(), right(logits.detach(), labels, self.sizes).float().mean().item())

    def _warmth(self, updates: int) -> float:
        """The share of a constant learning rate after so many updates."""
        return min(1.0, (updates + 1) / max(1, self.config.warmup))

    def _batch(self) -> Int[Tensor, "n"]:
        """The examples of the next update."""
        epoch, place = divmod(self.updates, self.updates_an_epoch)
        if self._order is None or self._order[0] != epoch:
            order = generator(self.seed, self.restart, f"epoch {epoch}").permutation(len(self.examples.labels))
            self._order = epoch, torch.from_numpy(order).to(self.device)
        return self._order[1][place * self.batch : (place + 1) * self.batch]

    def state(self) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Tensors and facts; `restore` takes them back."""
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in moments.items()}
        tensors["generator"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["generator.cuda"] = torch.cuda.get_rng_state(self.device)
        return tensors, {"updates": str(self.updates), "scaler": json.dumps(self.scaler.state_dict())}

    def kinds(self) -> dict[str, tensor_file.Kind]:
        """The tensors that `state` has after an update, by name: their types and shapes."""
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        for index, weights in enumerate(self.network.parameters()):
            moments = dict.fromkeys(("exp_avg", "exp_avg_sq"), weights) | {"step": torch.zeros(())}
            tensors |= {f"optimizer.{index}.{key}": value for key, value in moments.items()}
        tensors["generator"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["generator.cuda"] = torch.cuda.get_rng_state(self.device)
        return {key: (value.dtype, tuple(value.shape)) for key, value in tensors.items()}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
        """Be what a training with the same arguments was when it gave this state."""
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            kind, _, rest = key.partition(".")
            if kind == "optimizer":
                index, _, name = rest.partition(".")
                moments.setdefault(int(index), {})[name] = value
        self.network.load_state_dict(weights_of(tensors))
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        torch.set_rng_state(tensors["generator"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["generator.cuda"], self.device)
        scaler: dict[str, Any] = json.loads(facts["scaler"])
        if scaler:
            self.scaler.load_state_dict(scaler)
        self.updates = int(facts["updates"])


def weights_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The network's tensors in a training's state, as the network calls them."""
    return {key.removeprefix("network."): value for key, value in tensors.items() if key.startswith("network.")}


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """Mixed precision, if it was asked for."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def taken(examples: Examples, rows: Int[Tensor, "n"]) -> Examples:
    """Some of the examples, without columns in which none of them has a token."""
    tokens, mask, labels = examples.tokens[rows], examples.mask, examples.labels[rows]
    if mask is None:
        return Examples(tokens, None, labels)
    mask = mask[rows]
    longest = int(mask.sum(-1).max())
    return Examples(tokens[:, :longest], mask[:, :longest], labels)


class Judge:
    """Whether a network is right on all examples; begins where it was wrong the last time, and ends at a mistake."""

    def __init__(self, examples: Examples, sizes: tuple[int, ...], precision: str):
        self.sizes, self.precision, self.device = sizes, precision, examples.labels.device
        rows = torch.arange(len(examples.labels), device=self.device)
        self.parts = [taken(examples, part) for part in rows.split(JUDGED_AT_ONCE)]

    def logits(self, network: nn.Module, part: Examples) -> Tensor:
        network.eval()
        with torch.inference_mode(), autocast(self.device, self.precision):
            return network(part.tokens, part.mask)

    def all_right(self, network: nn.Module) -> bool:
        for place, part in enumerate(self.parts):
            if not right(self.logits(network, part), part.labels, self.sizes).all():
                self.parts.insert(0, self.parts.pop(place))
                return False
        return True

    def measure(self, network: nn.Module) -> tuple[float, float]:
        """The mean loss (no smoothing), and the share of examples whose fields are all right."""
        return self.measure_fields(network)[:2]

    def measure_fields(self, network: nn.Module) -> tuple[float, float, list[float]]:
        """The same, and for each field the share of examples in which it is right."""
        loss = correct = total = 0.0
        rights = []
        for part in self.parts:
            logits, n = self.logits(network, part), len(part.labels)
            loss += cross_entropy(logits.float(), part.labels, self.sizes).item() * n
            correct += right(logits, part.labels, self.sizes).sum().item()
            rights.append(classify(logits, self.sizes) == part.labels)
            total += n
        return loss / total, correct / total, torch.cat(rights).double().mean(0).tolist()

"""Learners of several restarts trained side by side: AdamW over stacked weights, one network a lane.

Weights are stacked as [K, 1, P], a network's parameters one after the other, so that the optimizer of the
differentiable machine takes them as they are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from neurocomp.config import OptimizerConfig
from neurocomp.learners.words import Questions
from neurocomp.search_config import LearnerConfig
from neurocomp.shapes import Float, Tensor
from neurocomp.tuning import optimizer
from neurocomp.tuning.optimizer import Adam


class Stack:
    """Networks of one kind as rows of numbers [K, 1, P]."""

    def __init__(self, make: Callable[[], nn.Module]):
        with torch.random.fork_rng(devices=[]):
            self.network = make().to("meta")
        self.make = make
        self.shapes = {name: part.shape for name, part in self.network.named_parameters()}

    def first(self, seeds: Sequence[int]) -> Float[Tensor, "K 1 P"]:
        """The first weights that each seed draws."""
        drawn = []
        with torch.random.fork_rng(devices=[]):
            for seed in seeds:
                torch.manual_seed(seed)
                drawn.append(torch.cat([part.detach().flatten() for part in self.make().parameters()]))
        return torch.stack(drawn)[:, None]

    def logits(self, weights: Float[Tensor, "K 1 P"], tokens: Float[Tensor, "K N S F"], asked: int) -> Tensor:
        """What each network says of its own examples [K, N, C, word]."""

        def of_one(row: Tensor, own: Tensor) -> Tensor:
            parts = row.split([math.prod(shape) for shape in self.shapes.values()])
            named = {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}
            return functional_call(self.network, named, (own, asked))

        with sdpa_kernel(SDPBackend.MATH):  # no other attention runs for many networks side by side
            return vmap(of_one)(weights[:, 0], tokens)


def together(questions: Sequence[Questions], device: torch.device) -> Questions:
    """The questions of several restarts, stacked."""
    return Questions(*(torch.stack(parts).to(device) for parts in zip(*questions, strict=True)))


def losses(logits: Float[Tensor, "K N C word"], asked: Questions) -> Float[Tensor, "K"]:
    """The mean cross-entropy of the bits of the words that each network is asked for."""
    each = nn.functional.binary_cross_entropy_with_logits(logits, asked.bits, reduction="none").mean(-1)
    return (each * asked.asked).sum((1, 2)) / asked.asked.sum((1, 2)).clamp_min(1)


def all_right(logits: Float[Tensor, "K N C word"], asked: Questions) -> Tensor:
    """Whether each network says all words of each example right [K, N]."""
    right = ((logits > 0) == (asked.bits > 0.5)).all(-1)
    return (right | ~asked.asked).all(-1)


def advance(stack: Stack, state: Adam, asked: Questions, config: LearnerConfig) -> tuple[Adam, Float[Tensor, "K"]]:
    """One update of every lane, and the loss before it: AdamW (Loshchilov and Hutter 2019), clipped a lane."""
    weights = state.logits.detach().requires_grad_()
    loss = losses(stack.logits(weights, asked.tokens, asked.bits.shape[-2]), asked)
    (gradient,) = torch.autograd.grad(loss.sum(), weights)
    decayed = state._replace(logits=state.logits * (1 - config.learning_rate * config.weight_decay))
    return optimizer.update(decayed, gradient, adam(config)), loss.detach()


def adam(config: LearnerConfig) -> OptimizerConfig:
    """Adam as the learners take it; what else it has are its defaults."""
    return OptimizerConfig(learning_rate=config.learning_rate, clip=config.clip)


@dataclass
class Learned:
    """A restart's network at its best on validation examples, so far or in the end."""

    restart: int
    best: Float[Tensor, "1 P"]
    share: float = -1.0  # of validation examples that it had all right
    loss: float = math.nan
    updates: int = 0
    last: Float[Tensor, "1 P"] | None = None  # its weights after its last update
    validated: int | None = None  # after how many updates it had all of them right, if it had
    seconds: float = 0.0
    core_seconds: float = 0.0
    status: str = ""


class Report(NamedTuple):
    """One update: how many restarts it updated, and those that ended with it."""

    lanes: int
    finished: list[Learned]


class Supply(Protocol):
    """Where a restart's training examples come from."""

    def __call__(self, restart: int, update: int) -> Questions:
        """The examples of the update after so many."""
        ...


def train(
    stack: Stack,
    restarts: Sequence[int],
    seeds: Sequence[int],
    supply: Supply,
    validation: Questions,
    config: LearnerConfig,
    limit: float | None,
) -> Iterator[Report]:
    """Train these restarts side by side; a report after each update.

    A restart ends when it is right on all validation examples, after `config.updates`, or when it has had `limit`
    seconds of a core; each has its share of an update's time. What was best on validation examples is kept.
    """
    device = validation.tokens.device
    state = optimizer.init(stack.first(seeds).to(device))
    live = [Learned(restart, weights) for restart, weights in zip(restarts, state.logits, strict=True)]
    for update in range(config.updates):
        began, core_began = time.perf_counter(), time.process_time()
        asked = together([supply(one.restart, update) for one in live], device)
        state, loss = advance(stack, state, asked, config)
        last = update + 1 == config.updates
        if (update + 1) % config.check == 0 or last:
            _look(stack, live, state, validation)
        lost = loss.tolist()
        spent = (time.perf_counter() - began) / len(live)
        computed = (time.process_time() - core_began) / len(live)
        for lane, (one, value) in enumerate(zip(live, lost, strict=True)):
            one.loss, one.updates, one.seconds = value, update + 1, one.seconds + spent
            one.core_seconds += computed
            one.status = _status(one, last, limit)
            if one.status:
                one.last = state.logits[lane].clone()
        yield Report(len(live), [one for one in live if one.status])
        staying = [lane for lane, one in enumerate(live) if not one.status]
        if not staying:
            return
        if len(staying) < len(live):
            live = [live[lane] for lane in staying]
            state = optimizer.keep(state, torch.tensor(staying, device=device))


def _look(stack: Stack, live: Sequence[Learned], state: Adam, validation: Questions) -> None:
    """Note the networks that have more validation examples right than they ever had."""
    for lane, share in enumerate(shares(stack, state.logits, validation).tolist()):
        one = live[lane]
        if share > one.share:
            one.best, one.share = state.logits[lane].clone(), share
        if share == 1 and one.validated is None:
            one.validated = state.updates[lane]


def _status(one: Learned, last: bool, limit: float | None) -> str:
    """How the restart ended with this update; "" if it goes on."""
    if one.validated is not None:
        return "recovered"
    if not math.isfinite(one.loss):
        return "diverged"
    if limit is not None and one.core_seconds >= limit:
        return "limit"
    return "exhausted" if last else ""


def shares(stack: Stack, weights: Float[Tensor, "K 1 P"], asked: Questions) -> Float[Tensor, "K"]:
    """Of the same examples for all networks, the share that each has all right."""
    with torch.no_grad():
        tokens = asked.tokens.expand(len(weights), *asked.tokens.shape)
        return examples_right(stack, weights, asked._replace(tokens=tokens)).double().mean(1)


def examples_right(stack: Stack, weights: Float[Tensor, "K 1 P"], asked: Questions) -> Tensor:
    """Which of its examples each network has all right [K, N]."""
    return all_right(stack.logits(weights, asked.tokens, asked.bits.shape[-2]), asked)

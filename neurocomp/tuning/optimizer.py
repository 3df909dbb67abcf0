"""Adam on all restarts at once.

The batch is K lanes; every lane is a restart with weights, moments, a count of updates and examples of its own.
Losses are summed over lanes, so no lane's gradient depends on another lane, and gradients are clipped lane by lane.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from neurocomp.config import OptimizerConfig
from neurocomp.shapes import Float, Tensor


class Adam(NamedTuple):
    """The state of Adam: the logits, their two moments, and how many updates each lane has made."""

    logits: Float[Tensor, "K L W"]
    first_moment: Float[Tensor, "K L W"]
    second_moment: Float[Tensor, "K L W"]
    updates: list[int]


def init(logits: Float[Tensor, "K L W"]) -> Adam:
    return Adam(logits, torch.zeros_like(logits), torch.zeros_like(logits), [0] * len(logits))


def update(state: Adam, gradient: Float[Tensor, "K L W"], config: OptimizerConfig) -> Adam:
    """One update of every lane (Kingma and Ba 2015, Algorithm 1); same arithmetic as torch.optim.Adam."""
    gradient = clipped(gradient, config)
    rate, divisor = (part.to(gradient)[:, None, None] for part in corrections(state.updates, config))
    first = torch.lerp(gradient, state.first_moment, config.beta1)
    second = torch.lerp(gradient.square(), state.second_moment, config.beta2)
    scale = (second / divisor).sqrt() + config.epsilon
    return Adam(state.logits - rate * first / scale, first, second, [count + 1 for count in state.updates])


def compiled_update(state: Adam, gradient: Float[Tensor, "K L W"], config: OptimizerConfig) -> Adam:
    """`update` on the CPU in compiled passes, with the same bits: PyTorch takes many operations on few numbers."""
    from neurocomp.engine import adam

    rates, divisors = (part.to(gradient) for part in corrections(state.updates, config))
    settings = torch.tensor([config.beta1, config.beta2, config.epsilon], dtype=gradient.dtype)
    parts = adam.update(*state[:3], clipped(gradient, config), rates, divisors, settings)
    return Adam(*parts, [count + 1 for count in state.updates])


def clipped(gradient: Float[Tensor, "K L W"], config: OptimizerConfig) -> Float[Tensor, "K L W"]:
    """The gradient, scaled down in each lane whose norm is above `config.clip`, if there is a limit."""
    if config.clip is None:
        return gradient
    norm = gradient.flatten(1).norm(dim=1)[:, None, None]
    return gradient * (config.clip / norm.clamp_min(config.clip))


def keep(state: Adam, lanes: Tensor) -> Adam:
    """The same state with only these lanes."""
    logits, first, second = (part[lanes] for part in state[:3])
    return Adam(logits, first, second, [state.updates[lane] for lane in lanes.tolist()])


def join(state: Adam, other: Adam) -> Adam:
    """The lanes of both, those of `other` last."""
    logits, first, second = (torch.cat(parts) for parts in zip(state[:3], other[:3], strict=True))
    return Adam(logits, first, second, state.updates + other.updates)


def corrections(updates: list[int], config: OptimizerConfig) -> tuple[Float[Tensor, "K"], Float[Tensor, "K"]]:
    """The learning rate of each lane's next update, and the divisor of its second moment (Adam's bias corrections).

    In double precision, whatever the precision of the weights.
    """
    rates = {count: config.learning_rate / (1 - config.beta1 ** (count + 1)) for count in set(updates)}
    divisors = {count: 1 - config.beta2 ** (count + 1) for count in rates}
    rate, divisor = ([by[count] for count in updates] for by in (rates, divisors))
    return torch.tensor(rate, dtype=torch.float64), torch.tensor(divisor, dtype=torch.float64)

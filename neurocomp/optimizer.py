"""Adam on all restarts at once.

The batch is K lanes; every lane is a restart with weights, moments, a count of updates and examples of its own.
Losses are summed over lanes, so that no lane's gradient depends on another lane, and clipping is per lane.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from neurocomp.config import OptimizerConfig
from neurocomp.shapes import Float, Tensor


class Adam(NamedTuple):
    """The state of Adam: what is tuned, its two moments, and how many updates each lane has made."""

    logits: Float[Tensor, "K L W"]
    first_moment: Float[Tensor, "K L W"]
    second_moment: Float[Tensor, "K L W"]
    updates: list[int]


def init(logits: Float[Tensor, "K L W"]) -> Adam:
    return Adam(logits, torch.zeros_like(logits), torch.zeros_like(logits), [0] * len(logits))


def update(state: Adam, gradient: Float[Tensor, "K L W"], config: OptimizerConfig) -> Adam:
    """One update of every lane (Kingma and Ba 2015, Algorithm 1); same arithmetic as torch.optim.Adam."""
    if config.clip is not None:
        norm = gradient.flatten(1).norm(dim=1)[:, None, None]
        gradient = gradient * (config.clip / norm.clamp_min(config.clip))
    rate, divisor = (torch.from_numpy(part).to(gradient)[:, None, None] for part in corrections(state.updates, config))
    first = torch.lerp(gradient, state.first_moment, config.beta1)
    second = torch.lerp(gradient.square(), state.second_moment, config.beta2)
    scale = (second / divisor).sqrt() + config.epsilon
    return Adam(state.logits - rate * first / scale, first, second, [count + 1 for count in state.updates])


def keep(state: Adam, lanes: Tensor) -> Adam:
    """The same state with only these lanes."""
    logits, first, second = (part[lanes] for part in state[:3])
    return Adam(logits, first, second, [state.updates[lane] for lane in lanes.tolist()])


def join(state: Adam, other: Adam) -> Adam:
    """The lanes of both."""
    logits, first, second = (torch.cat(parts) for parts in zip(state[:3], other[:3], strict=True))
    return Adam(logits, first, second, state.updates + other.updates)


def corrections(updates: list[int], config: OptimizerConfig) -> tuple[np.ndarray, np.ndarray]:
    """What the next update of each lane makes of its moments: the learning rate, and the divisor of the second one.

    In double precision, whatever that of the weights is.
    """
    rates = {count: config.learning_rate / (1 - config.beta1 ** (count + 1)) for count in set(updates)}
    divisors = {count: 1 - config.beta2 ** (count + 1) for count in rates}
    return np.array([rates[count] for count in updates]), np.array([divisors[count] for count in updates])

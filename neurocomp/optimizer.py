"""Adam on all restarts at once.

The batch is K lanes; every lane is a restart with weights, moments and examples of its own. Losses are summed
over lanes, so that no lane's gradient depends on another lane, and clipping is per lane.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from neurocomp.config import OptimizerConfig
from neurocomp.shapes import Float, Tensor


class Adam(NamedTuple):
    """The state of Adam: what is tuned, its two moments, and how many updates were made."""

    logits: Float[Tensor, "K L W"]
    first_moment: Float[Tensor, "K L W"]
    second_moment: Float[Tensor, "K L W"]
    updates: int


def init(logits: Float[Tensor, "K L W"]) -> Adam:
    return Adam(logits, torch.zeros_like(logits), torch.zeros_like(logits), 0)


def update(state: Adam, gradient: Float[Tensor, "K L W"], config: OptimizerConfig) -> Adam:
    """One update of every lane (Kingma and Ba 2015, Algorithm 1); same arithmetic as torch.optim.Adam."""
    if config.clip is not None:
        norm = gradient.flatten(1).norm(dim=1)[:, None, None]
        gradient = gradient * (config.clip / norm.clamp_min(config.clip))
    updates = state.updates + 1
    first = torch.lerp(gradient, state.first_moment, config.beta1)
    second = torch.lerp(gradient.square(), state.second_moment, config.beta2)
    scale = (second / (1 - config.beta2**updates)).sqrt() + config.epsilon
    step = config.learning_rate / (1 - config.beta1**updates) * first / scale
    return Adam(state.logits - step, first, second, updates)


def keep(state: Adam, lanes: Tensor) -> Adam:
    """The same state with only these lanes."""
    return Adam(state.logits[lanes], state.first_moment[lanes], state.second_moment[lanes], state.updates)

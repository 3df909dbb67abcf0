"""Adam in two compiled passes, with the same bits as `optimizer.update`. PyTorch takes the square roots in between.

A kernel cannot take them: a processor's root is the nearest float, and PyTorch's is not everywhere (MKL's is not).
"""

from __future__ import annotations

import torch

from neurocomp.engine.cache import call
from neurocomp.engine.packs import at, fma, numbers
from neurocomp.jit import kernel
from neurocomp.shapes import Float, Tensor


def update(
    logits: Float[Tensor, "K L W"],
    first: Float[Tensor, "K L W"],
    second: Float[Tensor, "K L W"],
    gradient: Float[Tensor, "K L W"],
    rates: Float[Tensor, "K"],
    divisors: Float[Tensor, "K"],
    settings: Float[Tensor, "3"],
) -> tuple[Float[Tensor, "K L W"], Float[Tensor, "K L W"], Float[Tensor, "K L W"]]:
    """The logits and both moments after an update, with each lane's rate and divisor (`optimizer.corrections`).

    `settings` are beta1, beta2 and epsilon.
    """
    to_logits, to_first, to_second, scale = (torch.empty_like(logits) for _ in range(4))
    call(moments, gradient, first, second, divisors, settings, to_first, to_second, scale)
    call(step, logits, to_first, scale.sqrt_(), rates, settings, to_logits)
    return to_logits, to_first, to_second


def moments(gradient, first, second, divisors, settings, to_first, to_second, to_squared_scale):
    """Write the next moments of each lane, and the second one divided by the lane's divisor."""
    restarts, lines, width = gradient.shape
    size, beta1, beta2 = lines * width, settings[0], settings[1]
    for restart in range(restarts):
        slope = at(numbers(gradient), restart * size)
        m, v = at(numbers(first), restart * size), at(numbers(second), restart * size)
        to_m, to_v = at(numbers(to_first), restart * size), at(numbers(to_second), restart * size)
        to_scale, divisor = at(numbers(to_squared_scale), restart * size), divisors[restart]
        for i in range(size):
            to_m[i] = between(slope[i], m[i], beta1)
            to_v[i] = between(slope[i] * slope[i], v[i], beta2)
            to_scale[i] = to_v[i] / divisor


def step(logits, first, scale, rates, settings, to_logits):
    """Write the logits after the update; `scale` is the root of what `moments` left."""
    restarts, lines, width = logits.shape
    size, epsilon = lines * width, settings[2]
    for restart in range(restarts):
        before, m = at(numbers(logits), restart * size), at(numbers(first), restart * size)
        divisor, after = at(numbers(scale), restart * size), at(numbers(to_logits), restart * size)
        rate = rates[restart]
        for i in range(size):
            after[i] = before[i] - rate * m[i] / (divisor[i] + epsilon)


@kernel
def between(start, end, weight):
    """start + weight (end - start) as torch.lerp computes it: from the nearer end, with one rounding at the end."""
    if 2 * weight < 1:
        return fma(weight, end - start, start)
    return fma(weight - type(weight)(1), end - start, end)

"""Randomness by name: every draw depends on (seed, restart, stream) alone, never on order, batch or cell."""

from __future__ import annotations

import zlib

import numpy as np

SHARED = -1  # the "restart" of what all restarts of a seed share: validation and test examples


def generator(seed: int, restart: int, stream: str) -> np.random.Generator:
    """A generator of its own for one stream (weights, train, ...) of one restart."""
    return np.random.default_rng([seed, restart + 1, zlib.crc32(stream.encode())])

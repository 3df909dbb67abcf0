"""The conversions between ints and distributions: ints to one-hot, and distributions to their most likely int."""

from __future__ import annotations

import torch

from neurocomp.shapes import Float, Int, Tensor


def one_hot(words: Int[Tensor, "*batch"], size: int, dtype: torch.dtype) -> Float[Tensor, "*batch V"]:
    """The distribution over `size` words that is certain of each given word."""
    return torch.nn.functional.one_hot(words, size).to(dtype)


def most_likely(distribution: Float[Tensor, "*batch V"]) -> Int[Tensor, "*batch"]:
    """The word (or register, line, opcode) with the largest probability; of equals the first."""
    return distribution.argmax(dim=-1)

"""Between ints and distributions: ints to one-hot, and distributions to their most likely int and their entropy."""

from __future__ import annotations

import math

import torch

from neurocomp.shapes import Float, Int, Tensor


def one_hot(words: Int[Tensor, "*batch"], size: int, dtype: torch.dtype) -> Float[Tensor, "*batch V"]:
    """The distribution over `size` words that is certain of each given word."""
    return torch.nn.functional.one_hot(words, size).to(dtype)


def most_likely(distribution: Float[Tensor, "*batch V"]) -> Int[Tensor, "*batch"]:
    """The word (or register, line, opcode) with the largest probability; of equals the first."""
    return distribution.argmax(dim=-1)


def entropy(distribution: Float[Tensor, "*batch V"]) -> Float[Tensor, "*batch"]:
    """The entropy in bits, as if each distribution had mass 1."""
    share = distribution / distribution.sum(dim=-1, keepdim=True)
    return (0 - torch.xlogy(share, share).sum(dim=-1)) / math.log(2)

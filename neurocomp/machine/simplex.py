"""Between ints and distributions: the only door. One-hot goes in, argmax comes out."""

from __future__ import annotations

import torch

from neurocomp.shapes import Float, Int, Tensor


def one_hot(words: Int[Tensor, "*batch"], size: int, dtype: torch.dtype) -> Float[Tensor, "*batch V"]:
    """The distribution that is certain of each word."""
    return torch.nn.functional.one_hot(words, size).to(dtype)


def most_likely(distribution: Float[Tensor, "*batch V"]) -> Int[Tensor, "*batch"]:
    """The word (or register, line, opcode) of the largest probability; the first of equals."""
    return distribution.argmax(dim=-1)

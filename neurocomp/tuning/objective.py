"""The loss of each restart (Eq. 10-12): cross-entropy of the checked words, and the penalty for late halting."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch

from neurocomp.config import ObjectiveConfig
from neurocomp.machine.run import Run
from neurocomp.shapes import Float, Int, Tensor

TINY = 1e-12  # keeps the logarithm of a word without any mass finite


class Targets(NamedTuple):
    """The words that a run must leave (K, B, cells in the order of the index), and where."""

    memory: Int[Tensor, "K B checked"]
    registers: Int[Tensor, "K B checked"]
    cells: list[int]
    register_indices: list[int]


def losses(run: Run, targets: Targets, objective: ObjectiveConfig) -> Float[Tensor, "K"]:
    """The composite loss of each restart, a mean over its examples (Eq. 12); lambda of correctness is 1."""
    of_words = cross_entropy if objective.loss == "log" else softmax_cross_entropy
    terms = []
    if targets.cells:
        terms.append(of_words(run.memory[:, :, targets.cells], targets.memory))
    if targets.register_indices:
        terms.append(of_words(run.registers[:, :, targets.register_indices], targets.registers))
    return composite(terms, run.halted, objective)


def composite(
    terms: Sequence[Float[Tensor, "K"]], halted: Float[Tensor, "K B T"], objective: ObjectiveConfig
) -> Float[Tensor, "K"]:
    """The sum of the terms about words, and of the one that asks for halting early if it has a weight."""
    if objective.efficiency:
        terms = [*terms, objective.efficiency * (1 - halted).sum(dim=-1).mean(dim=-1)]
    return functools.reduce(torch.add, terms)


def cross_entropy(predicted: Float[Tensor, "K B checked V"], words: Int[Tensor, "K B checked"]) -> Float[Tensor, "K"]:
    """-log of the mass on the right word, as a mean over checked rows and examples (Eq. 10, mask included).

    A row is divided by its mass, which is 1 under the default laws: the printed ones grow it, and a loss that
    rewards sheer mass would have no lower bound.
    """
    return surprise(predicted.sum(dim=-1), predicted.gather(-1, words.unsqueeze(-1)).squeeze(-1))


def surprise(mass: Float[Tensor, "K B checked"], right: Float[Tensor, "K B checked"]) -> Float[Tensor, "K"]:
    """The cross-entropy of rows, by the mass of each and that of its right word."""
    return ((mass + TINY).log() - (right + TINY).log()).mean(dim=(1, 2))


def softmax_cross_entropy(
    predicted: Float[Tensor, "K B checked V"], words: Int[Tensor, "K B checked"]
) -> Float[Tensor, "K"]:
    """Eq. 10 with P read as logits: bounded, so a word without mass costs at most 1 more than the right one.

    That a row is a distribution already does not matter here, so it is not divided by its mass.
    """
    right = predicted.gather(-1, words.unsqueeze(-1)).squeeze(-1)
    return (predicted.logsumexp(dim=-1) - right).mean(dim=(1, 2))

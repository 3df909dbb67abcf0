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
    """The words that a run must leave, in the order of the cells and register indices where it must leave them."""

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
    """The sum of these terms, and of the penalty for late halting (Eq. 11) if `efficiency` gives it a weight."""
    if objective.efficiency:
        terms = [*terms, objective.efficiency * (1 - halted).sum(dim=-1).mean(dim=-1)]
    return functools.reduce(torch.add, terms)


def cross_entropy(predicted: Float[Tensor, "K B checked V"], words: Int[Tensor, "K B checked"]) -> Float[Tensor, "K"]:
    """-log of the mass on the right word, as a mean over checked rows and examples (Eq. 10, mask included).

    A row is divided by its mass. That is 1 under the default laws, but the printed laws let it grow, and a loss that
    rewards mass alone would have no lower bound.
    """
    return surprise(predicted.sum(dim=-1), predicted.gather(-1, words.unsqueeze(-1)).squeeze(-1))


def surprise(mass: Float[Tensor, "K B checked"], right: Float[Tensor, "K B checked"]) -> Float[Tensor, "K"]:
    """The cross-entropy of rows, given the mass of each row and the mass of its right word."""
    return ((mass + TINY).log() - (right + TINY).log()).mean(dim=(1, 2))


def softmax_cross_entropy(
    predicted: Float[Tensor, "K B checked V"], words: Int[Tensor, "K B checked"]
) -> Float[Tensor, "K"]:
    """Eq. 10 with P read as logits. It is bounded: a word without mass costs at most 1 more than one with all of it.

    Logits need not sum to 1, so a row is not divided by its mass.
    """
    right = predicted.gather(-1, words.unsqueeze(-1)).squeeze(-1)
    return (predicted.logsumexp(dim=-1) - right).mean(dim=(1, 2))

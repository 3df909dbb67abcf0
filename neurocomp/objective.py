"""The loss of each restart (Eq. 10-12): cross-entropy of the checked words, and the penalty for late halting."""

from __future__ import annotations

from typing import NamedTuple

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
    loss, of_words = 0.0, cross_entropy if objective.loss == "log" else softmax_cross_entropy
    if targets.cells:
        loss = loss + of_words(run.memory[:, :, targets.cells], targets.memory)
    if targets.register_indices:
        loss = loss + of_words(run.registers[:, :, targets.register_indices], targets.registers)
    if objective.efficiency:
        loss = loss + objective.efficiency * (1 - run.halted).sum(dim=-1).mean(dim=-1)
    return loss  # type: ignore[return-value]  # a task checks something, so a term is there


def cross_entropy(
    predicted: Float[Tensor, "K B checked V"], words: Int[Tensor, "K B checked"]
) -> Float[Tensor, "K"]:
    """-log of the mass on the right word, as a mean over checked rows and examples (Eq. 10, mask included).

    A row is divided by its mass, which is 1 under the default laws: the printed ones grow it, and a loss that
    rewards sheer mass would have no lower bound.
    """
    right = predicted.gather(-1, words.unsqueeze(-1)).squeeze(-1)
    return ((predicted.sum(dim=-1) + TINY).log() - (right + TINY).log()).mean(dim=(1, 2))


def softmax_cross_entropy(
    predicted: Float[Tensor, "K B checked V"], words: Int[Tensor, "K B checked"]
) -> Float[Tensor, "K"]:
    """Eq. 10 with P read as logits: bounded, so a word without mass costs at most 1 more than the right one.

    That a row is a distribution already does not matter here, so it is not divided by its mass.
    """
    right = predicted.gather(-1, words.unsqueeze(-1)).squeeze(-1)
    return (predicted.logsumexp(dim=-1) - right).mean(dim=(1, 2))

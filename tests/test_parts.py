"""A batch of texts in parts of about the same length: the same answers and gradients, with less padding."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from neurocomp.errors import UserError
from neurocomp.memorizer.config import MemorizerConfig, NetworkConfig, TrainingConfig
from neurocomp.memorizer.network import Bert
from neurocomp.results.identity import hashed

LENGTHS = torch.tensor([3, 9, 2, 7, 9, 4, 1])


def answers(parts: int) -> tuple[torch.Tensor, dict[str, torch.Tensor], list[tuple[int, ...]]]:
    """Outputs and gradients of one network on texts of these lengths, and the shapes that its encoder saw."""
    torch.manual_seed(0)
    config = NetworkConfig(hidden=8, intermediate=12, layers=2, heads=2, dropout=0.0)
    network = Bert(config, vocabulary=20, length=9, outputs=5, parts=parts)
    torch.manual_seed(1)
    tokens, mask = torch.randint(20, (7, 9)), torch.arange(9) < LENGTHS[:, None]
    shapes = []
    network.encoder.encoder.register_forward_pre_hook(lambda module, given: shapes.append(tuple(given[0].shape[:2])))
    outputs = network(tokens, mask)
    (outputs * torch.randn(7, 5)).sum().backward()
    return outputs.detach(), {name: weight.grad for name, weight in network.named_parameters()}, shapes


@pytest.mark.parametrize("parts, shapes", [
    (2, [(4, 4), (3, 9)]), (3, [(3, 3), (2, 7), (2, 9)]), (99, [(1, length) for length in (1, 2, 3, 4, 7, 9, 9)]),
])  # fmt: skip
def test_parts_give_the_same_outputs_and_gradients_with_less_padding(parts: int, shapes: list[tuple[int, int]]):
    whole, gradients, seen = answers(1)
    assert seen == [(7, 9)]
    found, same, seen = answers(parts)
    assert seen == shapes
    torch.testing.assert_close(found, whole, atol=1e-5, rtol=1e-4)
    assert (whole[0] - whole[1]).abs().max() > 1e-3
    for name, gradient in gradients.items():
        torch.testing.assert_close(same[name], gradient, atol=1e-5, rtol=1e-3)


def test_one_part_is_no_part_of_a_hash_and_more_are():
    assert "parts" not in hashed(TrainingConfig()) and hashed(TrainingConfig(parts=4))["parts"] == 4


def test_parts_are_for_texts():
    with pytest.raises(UserError, match=r"^training.parts=4: inputs of task=memorize have one length; expected 1, or"):
        replace(MemorizerConfig(), training=TrainingConfig(parts=4))
    with pytest.raises(UserError, match=r"^training.parts=0: expected a number >= 1$"):
        TrainingConfig(parts=0)

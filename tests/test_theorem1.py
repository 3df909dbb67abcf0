"""Theorem 1: the computed network knows every instruction exactly, and is as large as the theorem says."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from neurocomp.errors import UserError
from neurocomp.memorizer.config import MemorizerConfig, NetworkConfig
from neurocomp.memorizer.theorem1 import construct, four_layers, parameter_count, parameters_bound
from tests.jobs import cell_path, complete


def logits(network: nn.Module, line: int, program: int, numbers: int) -> list[float]:
    """What the network says about one instruction."""
    with torch.inference_mode():
        return network(torch.tensor([[line, numbers + program]]), None)[0].tolist()


def one_hot(row: list[int], sizes: tuple[int, ...]) -> list[float]:
    """The logits of an instruction by the theorem's proof: 1 at each label, else 0; nothing used is label 0."""
    return [float(value == max(label, 0)) for label, size in zip(row, sizes, strict=True) for value in range(size)]


def everything(tables: list[np.ndarray], numbers: int) -> torch.Tensor:
    """The tokens of all lines of all programs."""
    return torch.tensor([[line, numbers + i] for i, table in enumerate(tables) for line in range(len(table))])


def drawn(programs: int, numbers: int, sizes: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, sizes, (programs, numbers, len(sizes))))


def check(tables: list[list[list[int]]], sizes: tuple[int, ...], numbers: int) -> None:
    network = construct([np.array(table) for table in tables], sizes, numbers)
    for program, table in enumerate(tables):
        for line, row in enumerate(table):
            assert logits(network, line, program, numbers) == one_hot(row, sizes)


@st.composite
def memorizable(draw) -> tuple[list[list[list[int]]], tuple[int, ...], int]:
    """Programs of different lengths, some fields not used; the sizes of the fields; how many instruction numbers."""
    sizes = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=5)))
    numbers = draw(st.integers(1, 7))
    row = st.tuples(*(st.integers(-1, size - 1) for size in sizes)).map(list)
    tables = draw(st.lists(st.lists(row, min_size=1, max_size=numbers), min_size=1, max_size=5))
    return tables, sizes, numbers


@given(memorizable())
def test_logits_are_exactly_the_one_hot_vectors_of_the_labels(memorized):
    check(*memorized)


@pytest.mark.parametrize("tables, numbers", [
    pytest.param([[[3, 0, 1], [0, 4, 0], [2, 2, 5]]], 6, id="a single program"),
    pytest.param([[[3, 0, 1]], [[0, 4, 5]], [[2, 1, 0]]], 1, id="a single line"),
    pytest.param([[[3, 4, 5]]], 1, id="a single instruction"),
    pytest.param([[[3, 4, 5]] * 6] * 4, 6, id="all labels equal"),
    pytest.param([[[0, 0, 0]] * 2] * 3, 6, id="all labels 0"),
    pytest.param([[[3, 4, 5], [0, 0, 0]] * 3, [[0, 0, 0], [3, 4, 5]] * 3] * 2, 6, id="from end to end at each line"),
])  # fmt: skip
def test_corners(tables, numbers):
    check(tables, (4, 5, 6), numbers)


def test_lines_that_a_program_does_not_have_are_zeros():
    network = construct([np.array([[2, 1]]), np.array([[1, 2], [2, 2], [1, 1]])], (3, 4), 3)
    assert logits(network, 2, 0, 3) == [1, 0, 0, 1, 0, 0, 0]


def test_no_rounding_at_the_largest_size_of_the_paper():
    """N = 128, n = k = 256: 98,304 labels (A random, B and C from end to end at each line), no deviation at all."""
    sizes = (256, 256, 256)
    tables = drawn(128, 256, sizes)
    for program, table in enumerate(tables):
        table[:, 1:] = 255 * ((np.indices((256, 2)).sum(0) + program) % 2)
    network, deviation = construct(tables, sizes, 256), 0.0
    inputs, rows = everything(tables, 256), torch.from_numpy(np.concatenate(tables))
    with torch.inference_mode():
        for tokens, labels in zip(inputs.split(4096), rows.split(4096), strict=True):
            hot = nn.functional.one_hot(labels, 256).flatten(1)
            deviation = max(deviation, (network(tokens, None) - hot).abs().max().item())
    assert deviation == 0


def test_numbers_that_float64_would_round_are_refused():
    far = 2**51
    tables = [np.array([[0], [far], [0]]), np.array([[far], [0], [far]])]
    with pytest.raises(UserError, match=rf"network.name=theorem1: .* 3 x 2 labels up to {far} .* beyond 2\^52"):
        construct(tables, (far + 1,), 3)


def test_the_network_is_four_linear_layers_with_relus_of_the_papers_sizes():
    n, N, k = 7, 3, 5
    network = construct(drawn(N, n, (k, k, n)), (k, k, n), n)
    shapes = [
        [layer.out_features if isinstance(layer, nn.Linear) else type(layer) for layer in field.children()]
        for field in network.fields
    ]
    data = [2 * N, nn.ReLU, 2 * n, nn.ReLU, k, nn.ReLU, k]
    assert shapes == [data, data, [2 * n, nn.ReLU, 2 * N, nn.ReLU, n, nn.ReLU, n]]
    assert not list(network.buffers())
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float64}
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert len(list(network.parameters())) == sum(len(list(layer.parameters())) for layer in linear)


def counted(network: nn.Module) -> tuple[int, int]:
    """All parameters, and those that are not 0."""
    parameters = list(network.parameters())
    return sum(p.numel() for p in parameters), sum(int(torch.count_nonzero(p)) for p in parameters)


def test_the_count_at_a_size_worked_by_hand():
    """n = 7, N = 3, k = 5. A: 2 -> 6 -> 14 -> 5 -> 5 is 18 + 98 + 75 + 25, and so is B. C: 2 -> 14 -> 6 -> 7 -> 7."""
    assert parameter_count((5, 5, 7), 7, 3) == 2 * (18 + 98 + 75 + 25) + (42 + 90 + 49 + 49)


@pytest.mark.parametrize("n, N, k", [*itertools.product((1, 2, 13, 40), (1, 2, 11, 35), (1, 2, 17, 60))])
def test_parameters_obey_the_bound_as_sizes_grow(n, N, k):
    sizes = (k, k, n)
    total, nonzero = counted(construct(drawn(N, n, sizes), sizes, n))
    theorem = k * n + n * N
    bound = parameters_bound(sizes, n, N)
    assert total == parameter_count(sizes, n, N)
    assert total <= bound.all <= 35 * theorem + 2 * k**2 + n**2
    assert nonzero <= bound.nonzero <= 38 * theorem


def test_the_squares_of_the_last_layers_are_more_than_the_theorem_says():
    """With n and N kept, all parameters outgrow k n + n N; those that are not 0 do not."""
    n, N = 2, 3
    ratios = [parameter_count((k, k, n), n, N) / (k * n + n * N) for k in (10, 100, 1000)]
    assert ratios[2] > 9 * ratios[1] > 40 * ratios[0]
    assert parameters_bound((1000, 1000, n), n, N).nonzero <= 38 * (1000 * n + n * N)


@pytest.mark.parametrize("n, N, k", [(40, 2, 60), (13, 1, 17), (2, 35, 9)])
def test_a_data_field_with_lines_as_groups_has_the_theorems_other_bound(n, N, k):
    labels = np.random.default_rng(0).integers(0, k, (N, n)).astype(float)
    network = four_layers(labels.T, k, (N, 1), n)
    lines, programs = np.tile(np.arange(n), N), np.repeat(np.arange(N), n)
    tokens = torch.from_numpy(np.stack([lines, n + programs], axis=-1)).double()
    assert network(tokens).argmax(-1).tolist() == labels.ravel().tolist()
    assert counted(network)[1] <= 10 * n * N + 8 * k * N


@pytest.mark.parametrize("changes", [
    pytest.param({"language": "subleq", "memory": 9, "include": ["add"]}, id="subleq"),
    pytest.param({"language": "assembly", "memory": 9, "registers": 4}, id="assembly"),
    pytest.param({"language": "subleq", "memory": 9, "precision": "bfloat16"}, id="bfloat16 is for what is trained"),
])  # fmt: skip
def test_a_cell_is_memorized_without_an_update_and_runs_exactly(tmp_path: Path, changes: dict):
    config = MemorizerConfig(
        programs=3, length=11, lines=12, network=NetworkConfig(name="theorem1"), restarts=2, threads=1,
        results=str(tmp_path), **changes,
    )  # fmt: skip
    complete(config, progress=False)
    with cell_path(config).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["restart"] for row in rows] == ["0", "1"]
    for row in rows:
        assert row["status"] == "memorized"
        assert int(row["updates"]) == 0
        assert float(row["accuracy"]) == float(row["exact_rate"]) == 1
    sizes = {"subleq": (9, 9, 12), "assembly": (13, 4, 4, 4, 12)}[config.language]
    programs = 3 + len(config.include)
    assert {int(row["parameters"]) for row in rows} == {parameter_count(sizes, 12, programs)}

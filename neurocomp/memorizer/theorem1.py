"""Theorem 1: programs -> a 4-layer ReLU network that knows all their instructions; weights are computed, not trained.

One network a field, each of labels y[g, p]: group g, position p (the paper's proof cites a construction; this is ours).

    s = P g + p                            a number of its own for each input; P positions a group
    layer 1   relu(s - the first s of g), relu(s - the last s of g)         2G units
    layer 2   relu(c[g, m] (p - m + 1)), relu(-c[g, m] (p - m + 1))         2P units, m = 0 .. P - 1
    layer 3   relu(y - u + 1)                                               z units, u = 0 .. z - 1
    layer 4   logit[u] = unit[u] - 2 unit[u + 1] + unit[u + 2]              z classes: exactly one-hot

Sums of layer 1 bend at both ends of each group and nowhere else. So they are any function that is affine in p within
each group: the step from one group's last s to the next one's first has room for a jump. That is what layer 2 is
before its relu: slope and offset depend on g. With c the second differences of y[g, 0], y[g, 1], ... (zeros go
before), the first units minus the second ones add up to y = sum over m <= p of c[g, m] (p - m + 1).

Data fields (A, B) have programs as groups: hidden sizes 2N, 2n, k. The last field (C) has instruction numbers as
groups: 2n, 2N, n. These are the sizes of the paper. All numbers on the way are integers, and small enough that
float64 never rounds: the logits are exactly 0 and 1, in whatever order a device adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from neurocomp.errors import UserError
from neurocomp.memorizer.languages import Table
from neurocomp.shapes import Bool, Float, Int, Tensor

EXACT = 2.0**52  # float64 has all integers up to twice this; half is left for the rounding of the check itself


class Theorem1(nn.Module):
    """The networks of all fields, side by side; their parameters are those of `nn.Linear` layers in float64."""

    def __init__(self, fields: Sequence[nn.Sequential]):
        super().__init__()
        self.fields = nn.ModuleList(fields)

    def forward(self, tokens: Int[Tensor, "N 2"], mask: Bool[Tensor, "N 2"] | None = None) -> Float[Tensor, "N O"]:
        return torch.cat([field(tokens.double()) for field in self.fields], dim=-1)


def construct(tables: Sequence[Table], sizes: tuple[int, ...], numbers: int) -> Theorem1:
    """The network that answers [j, numbers + i] with one-hot logits of the instruction j of program i, field by field.

    The paper's n is `numbers`, whatever the programs' lengths: lines that a program does not have, and fields that
    an instruction does not use (-1), are memorized as 0. Raises UserError where float64 would have to round.
    """
    programs = len(tables)
    labels = np.zeros((len(sizes), programs, numbers))
    for program, table in enumerate(tables):
        labels[:, program, : len(table)] = np.maximum(table, 0).T
    *data, last = zip(labels, sizes, strict=True)
    return Theorem1(
        [
            *(four_layers(field, size, (1, numbers), numbers) for field, size in data),
            four_layers(last[0].T, last[1], (programs, 1), numbers),
        ]
    )


def four_layers(
    labels: Float[np.ndarray, "G P"], classes: int, strides: tuple[int, int], numbers: int
) -> nn.Sequential:
    """The network of one field; s = strides[0] j + strides[1] i, of tokens [j, numbers + i]."""
    groups, positions = labels.shape
    bends = (positions * np.arange(groups)[:, None] + [0.0, positions - 1.0]).ravel()  # values of s
    second, start = affine_by_group(labels, bends)
    signs = np.repeat([1.0, -1.0], positions)
    thresholds = np.arange(classes) - 1.0
    differences = np.eye(classes) - 2 * np.eye(classes, k=1) + np.eye(classes, k=2)  # y < z: what is cut off is 0
    return nn.Sequential(
        linear(np.tile(np.array(strides, dtype=float), (len(bends), 1)), -strides[1] * numbers - bends),
        nn.ReLU(),
        linear(second, start),
        nn.ReLU(),
        linear(np.tile(signs, (classes, 1)), -thresholds),
        nn.ReLU(),
        linear(differences),
    )


def affine_by_group(
    labels: Float[np.ndarray, "G P"], bends: Float[np.ndarray, "2*G"]
) -> tuple[Float[np.ndarray, "2*P 2*G"], Float[np.ndarray, "2*P"]]:
    """Weights and biases of layer 2: before their relu, its units are affine in the position within each group."""
    groups, positions = labels.shape
    change = np.diff(labels, n=2, axis=1, prepend=np.zeros((groups, 2)))
    slope = np.concatenate([change, -change], axis=1).clip(min=0)  # [G, 2P]
    place = np.tile(np.arange(positions), 2)
    first, last = slope * (1 - place), slope * (positions - place)
    jump = np.concatenate([first[1:] - last[:-1], slope[-1:]])  # after the last group nothing has to bend
    weight = np.diff(np.stack([slope, jump], axis=1).reshape(2 * groups, -1), axis=0, prepend=0)
    # No sum of any of a unit's terms, in whatever order, is larger than all of them together at the last s.
    second = np.abs(first[0]) + (bends[-1] - bends) @ np.abs(weight)
    third = np.abs(change) @ (positions - np.arange(positions)) + labels.max()
    if max(second.max(), third.max()) > EXACT:
        raise UserError(
            f"network.name=theorem1: weights for {groups} x {positions} labels up to {labels.max():.0f} need numbers "
            "beyond 2^52, where float64 rounds; expected fewer programs, lines or addresses"
        )
    return weight.T, first[0]


def linear(weight: Float[np.ndarray, "o i"], bias: Float[np.ndarray, "o"] | None = None) -> nn.Linear:
    """A layer with these weights, in float64."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    layer.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))
    if bias is not None:
        layer.bias = nn.Parameter(torch.tensor(bias, dtype=torch.float64))
    return layer


def field_parameters(groups: int, positions: int, classes: int) -> int:
    """How many parameters `four_layers` has: three layers with biases and the last without."""
    return (2 + 1) * 2 * groups + (2 * groups + 1) * 2 * positions + (2 * positions + 1) * classes + classes**2


def parameter_count(sizes: Sequence[int], numbers: int, programs: int) -> int:
    """How many parameters the network of `construct` has."""
    data = sum(field_parameters(programs, numbers, size) for size in sizes[:-1])
    return data + field_parameters(numbers, programs, sizes[-1])


class Bound(NamedTuple):
    """At most so many parameters in all, and at most so many that are not 0."""

    all: int
    nonzero: int


def parameters_bound(sizes: Sequence[int], numbers: int, programs: int) -> Bound:
    """Theorem 1 with its constants, for F fields, N programs, n instruction numbers, and k data addresses.

        not 0:  (F - 1) (10 n N + 8 k n) + 18 n N                  the theorem's O(k n + n N), for all k
        all:    (F - 1) (10 n N + 5 k n + k^2) + 15 n N + n^2      which is more than the theorem says

    The squares are the last layers, dense from h3 = k units to k logits (n to n for the last field). The paper does not
    count them: of all parameters its claim holds only while k = O(n + sqrt(n N)), n = O(k + N). The constants follow
    from `field_parameters`, because n, N, k are at least 1:

        data fields, all:   6 N + 4 n N + 2 n + 2 n k + k + k^2   <=  10 n N + 5 k n + k^2
                     not 0: 6 N + 4 n N + 2 n + 2 n k + k + 3 k   <=  10 n N + 8 k n
        last field, all:    6 n + 4 n N + 2 N + 2 N n + n + n^2   <=  15 n N + n^2
                     not 0: 6 n + 4 n N + 2 N + 2 N n + n + 3 n   <=  18 n N

    The theorem's other bound, O(k N + n N), is that of data fields with instruction numbers as groups: n and N change
    places in their lines.
    """
    k, n, N = max(sizes[:-1], default=0), max(numbers, sizes[-1]), programs
    data, last = 10 * n * N, n * N
    return Bound(
        all=(len(sizes) - 1) * (data + 5 * k * n + k**2) + 15 * last + n**2,
        nonzero=(len(sizes) - 1) * (data + 8 * k * n) + 18 * last,
    )

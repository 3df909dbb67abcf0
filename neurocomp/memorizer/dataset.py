"""Programs as tensors: programs -> tokens [line, program] and the fields of the instruction there.

Tokens are numbered: the n instruction numbers, then the N programs, then (soft tasks) the words of a vocabulary.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch

from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.memorizer.languages import Language, Table
from neurocomp.memorizer.subleq import program_label
from neurocomp.seeding import generator
from neurocomp.shapes import Bool, Int, Tensor


class Examples(NamedTuple):
    """N inputs, the first token of each its instruction number, and F labels each; `mask` is where tokens are."""

    tokens: Int[Tensor, "N S"]
    mask: Bool[Tensor, "N S"] | None
    labels: Int[Tensor, "N F"]

    def to(self, device: torch.device) -> Examples:
        mask = None if self.mask is None else self.mask.to(device)
        return Examples(self.tokens.to(device), mask, self.labels.to(device))


class Named(NamedTuple):
    """A program to memorize; None for a name if it was drawn. `data` are its own words at the start, by address."""

    name: str | None
    table: Table
    data: Mapping[int, int] = MappingProxyType({})


def programs(config: MemorizerConfig, language: Language, restart: int) -> list[Named]:
    """The included programs, then `config.programs` that are drawn for this restart alone."""
    included = [Named(name, language.load(name), language.data(name)) for name in config.include]
    streams = [generator(config.seed, restart, f"program {number}") for number in range(config.programs)]
    return included + [Named(None, language.draw(stream, config.length)) for stream in streams]


def labels_of(memorized: list[Named]) -> list[str]:
    """A different label for each program: its name, or random-0, random-1, ..."""
    drawn = iter(range(len(memorized)))
    labels: list[str] = []
    for one in memorized:
        label = program_label(one.name) if one.name else f"random-{next(drawn)}"
        turns = (f"{label}~{turn}" if turn > 1 else label for turn in itertools.count(1))
        labels.append(next(name for name in turns if name not in labels))  # files of one name, in different folders
    return labels


def line_tokens(lines: np.ndarray, programs: np.ndarray, numbers: int) -> Int[Tensor, "N 2"]:
    """concat([C_t], d): the token of the instruction number, and that of the program, which is its description."""
    return torch.from_numpy(np.stack([lines, numbers + programs], axis=-1))


def examples(memorized: list[Named], numbers: int) -> Examples:
    """Every instruction of every program; there are `numbers` instruction numbers."""
    lines = np.concatenate([np.arange(len(one.table)) for one in memorized])
    owners = np.repeat(np.arange(len(memorized)), [len(one.table) for one in memorized])
    labels = torch.from_numpy(np.concatenate([one.table for one in memorized]))
    return Examples(line_tokens(lines, owners, numbers), None, labels)

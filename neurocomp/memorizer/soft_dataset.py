"""The texts of soft tasks as a network reads them: each with an instruction number, a prompt and maybe a program."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer

from neurocomp.errors import UserError, check_at_least
from neurocomp.memorizer import texts, wordpiece
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.memorizer.dataset import Examples
from neurocomp.memorizer.languages import Table
from neurocomp.memorizer.subleq import HALT
from neurocomp.memorizer.texts import Split, Texts
from neurocomp.seeding import generator
from neurocomp.shapes import Bool, Int, Tensor

PROMPTS = {
    "classify": "",
    "soft_instruction": "Classify this input:",
    "soft_imperative": "As long as the input text is positive run",
}

FIRST = 1
"""Instruction numbers of programs begin here; 0 is HALT."""

NEGATED = np.array([1, 2])
"""Where a data memory holds the negated number of each class: -0 and -1."""

OUTPUT = 3
"""Where the class number goes: subleq(&(-class), &output, 0) subtracts it from a 0."""

POSITIVE = 1


class Combined(NamedTuple):
    """The partners of each text: an instruction number, and (soft_imperative) a program."""

    lines: Int[np.ndarray, "N"]
    programs: Int[np.ndarray, "N"]


class Reader(NamedTuple):
    """The sizes and the vocabulary from which a task's inputs are made."""

    config: MemorizerConfig
    pieces: Tokenizer

    @property
    def vocabulary(self) -> int:
        """How many tokens there are: instruction numbers, then programs, then pieces of words."""
        return self.config.lines + self.config.programs + self.pieces.get_vocab_size()


def check(config: MemorizerConfig) -> str:
    """Raise UserError for whatever is wrong with a soft task before it runs; return the digest of its texts."""
    if config.include:
        raise UserError(f"include={config.include}: is for task=memorize; the programs of {config.task} are drawn")
    if config.save_weights:
        raise UserError(f"save_weights=true: is for task=memorize; networks of {config.task} are not kept")
    if config.training.batch is None:
        raise UserError(f"training.batch=null: expected a number with task={config.task} (the paper's is 32)")
    if config.task == "soft_instruction":
        check_at_least(f"task={config.task} memory", config.memory, OUTPUT + 1)
    if config.task == "soft_imperative" and config.length >= config.lines:
        most = f"{config.lines - 1} (lines - 1, because number 0 is HALT)"
        raise UserError(f"length={config.length}: expected at most {most}")
    return texts.load(config.soft).digest


@functools.lru_cache(maxsize=2)
def tokenizer(found: Texts, vocabulary: int) -> Tokenizer:
    """The same for all tasks and restarts on the same texts."""
    return wordpiece.train(found.train.sentences, list(PROMPTS.values()), vocabulary)


def draw_programs(config: MemorizerConfig, restart: int) -> list[Table]:
    """Random programs of `length` instructions after HALT; none of these refers to address 0 or instruction 0.

    Otherwise an instruction could look like that which stops the run of a negative text.
    """
    high = [config.memory, config.memory, config.length + 1]
    streams = [generator(config.seed, restart, f"program {number}") for number in range(config.programs)]
    return [np.concatenate([[HALT], stream.integers(1, high, size=(config.length, 3))]) for stream in streams]


def combine(config: MemorizerConfig, restart: int, split: str, n: int) -> Combined:
    """A random program and a random one of its instructions for each text; in the other tasks instruction 1 of one."""
    if config.task != "soft_imperative":
        return Combined(np.full(n, FIRST), np.zeros(n, int))
    draw = generator(config.seed, restart, f"{split} instructions")
    return Combined(draw.integers(FIRST, config.length + 1, n), draw.integers(0, config.programs, n))


def examples(reader: Reader, split: Split, combined: Combined, tables: Sequence[Table]) -> Examples:
    """The texts of a split as inputs and labels of the task."""
    classes = np.array(split.labels)
    if reader.config.task == "classify":
        labels = classes[:, None]
    elif reader.config.task == "soft_instruction":
        labels = soft_instruction(classes)
    else:
        labels = soft_imperative(classes, np.stack(list(tables))[combined.programs, combined.lines])
    return Examples(*inputs(reader, split.sentences, combined), torch.from_numpy(labels))


def soft_instruction(classes: Int[np.ndarray, "N"]) -> Int[np.ndarray, "N 3"]:
    """The instruction that writes the number of the class to the output and halts."""
    return np.stack([NEGATED[classes], np.full_like(classes, OUTPUT), np.zeros_like(classes)], axis=-1)


def soft_imperative(classes: Int[np.ndarray, "N"], there: Int[np.ndarray, "N 3"]) -> Int[np.ndarray, "N 3"]:
    """The instructions of the programs, as long as the text is positive."""
    return np.where(classes[:, None] == POSITIVE, there, HALT)


def inputs(
    reader: Reader, sentences: Sequence[str], combined: Combined
) -> tuple[Int[Tensor, "N S"], Bool[Tensor, "N S"]]:
    """C_t, prompt and text as tokens, and where there are any; the end of a text that is too long is cut off."""
    numbers, programs = reader.config.lines, reader.config.programs
    first = numbers + programs
    (prompt,) = wordpiece.encode(reader.pieces, [PROMPTS[reader.config.task]])
    separator = reader.pieces.get_vocab()[wordpiece.SEPARATOR]
    rows = []
    for place, text in enumerate(wordpiece.encode(reader.pieces, sentences)):
        row = [int(combined.lines[place]), *(first + piece for piece in prompt)]
        if reader.config.task == "soft_imperative":
            row += [numbers + int(combined.programs[place]), first + separator]
        rows.append([*row, *(first + piece for piece in text)][: reader.config.soft.tokens])
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for line, row in zip(tokens, rows, strict=True):
        line[: len(row)] = torch.tensor(row)
    lengths = torch.tensor([len(row) for row in rows])
    return tokens, torch.arange(tokens.shape[1]) < lengths[:, None]

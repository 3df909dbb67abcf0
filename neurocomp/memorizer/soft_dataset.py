"""The texts of soft tasks as a network reads them: each with an instruction number, a prompt and maybe a program."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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

POSITIVE = 1


class Form(NamedTuple):
    """How texts become inputs and instructions.

    An input begins with `begin` and ends with `end`. `numbered` are the tasks whose inputs have an instruction number:
    it is a token of its own, or (`written`) the piece that is written so, and stands at `place`. The instruction
    subleq(&(-class), &output, 0) subtracts the negated number of a class from a 0.
    """

    prompts: Mapping[str, str]
    begin: tuple[str, ...]
    end: tuple[str, ...]
    numbered: tuple[str, ...]
    written: bool
    negated: tuple[int, int]  # where a data memory holds -0 and -1
    output: int

    @property
    def place(self) -> int:
        return len(self.begin)


OWN = Form(PROMPTS, begin=(), end=(), numbered=tuple(PROMPTS), written=False, negated=(1, 2), output=3)

PUBLISHED = Form(
    {
        "classify": "",
        "soft_instruction": "Classify this input",
        "soft_imperative": "As long as the input text is postive, run",  # spelled so there
    },
    begin=(wordpiece.CLASS,),
    end=(wordpiece.SEPARATOR,),
    numbered=("soft_instruction", "soft_imperative"),
    written=True,
    negated=(1, 0),
    output=2,
)

FORMS = {"own": OWN, "published": PUBLISHED}


class Combined(NamedTuple):
    """The partners of each text: an instruction number, and (soft_imperative) a program."""

    lines: Int[np.ndarray, "N"]
    programs: Int[np.ndarray, "N"]


class Reader(NamedTuple):
    """The sizes and the vocabulary from which a task's inputs are made.

    Tokens are numbered: instruction numbers (unless they are pieces), pieces, and programs, which come before the
    pieces where instruction numbers do.
    """

    config: MemorizerConfig
    pieces: Tokenizer

    @property
    def form(self) -> Form:
        return FORMS[self.config.soft.examples]

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        own = 0 if self.form.written else self.config.lines
        return own + self.config.programs + self.pieces.get_vocab_size()

    @property
    def first_piece(self) -> int:
        return 0 if self.form.written else self.config.lines + self.config.programs

    @property
    def first_program(self) -> int:
        return self.pieces.get_vocab_size() if self.form.written else self.config.lines

    def numbers(self) -> Int[np.ndarray, "L"]:
        """The token of each instruction number."""
        if not self.form.written:
            return np.arange(self.config.lines)
        vocabulary = self.pieces.get_vocab()
        return np.array([vocabulary[str(number)] for number in range(self.config.lines)])

    def token(self, piece: str) -> int:
        """The token of a piece that the vocabulary has."""
        return self.first_piece + self.pieces.get_vocab()[piece]


def check(config: MemorizerConfig) -> dict[str, Any]:
    """What the cell's files say, wherever they lie: how many texts and pieces, and hashes of both.

    Raises UserError for whatever is wrong with a soft task before it runs.
    """
    if config.include:
        raise UserError(f"include={config.include}: is for task=memorize; the programs of {config.task} are drawn")
    if config.save_weights:
        raise UserError(f"save_weights=true: is for task=memorize; networks of {config.task} are not kept")
    if config.training.batch is None:
        raise UserError(f"training.batch=null: expected a number with task={config.task} (the paper's is 32)")
    form = FORMS[config.soft.examples]
    if config.task == "soft_instruction":
        check_at_least(f"task={config.task} memory", config.memory, form.output + 1)
    if config.task == "soft_imperative" and config.length >= config.lines:
        most = f"{config.lines - 1} (lines - 1, because number 0 is HALT)"
        raise UserError(f"length={config.length}: expected at most {most}")
    pieces = _check_vocabulary(config, form)
    found = texts.load(config.soft)
    counts = {"train": len(found.train), "validation": len(found.validation)}
    return counts | {"texts": found.digest} | pieces


def _check_vocabulary(config: MemorizerConfig, form: Form) -> dict[str, Any]:
    """How many pieces a file has, and their hash; nothing if they are learned."""
    soft = config.soft
    if soft.vocabulary_file is None:
        if form.written:  # the instruction numbers are pieces, and letters need room beside them
            check_at_least("soft.examples=published soft.vocabulary", soft.vocabulary, config.lines + 100)
        return {}
    found = wordpiece.read(Path(soft.vocabulary_file), soft.vocabulary)
    there = set(found.pieces)
    missing = [number for number in range(config.lines) if str(number) not in there] if form.written else []
    if missing:
        given = f"soft.vocabulary_file={soft.vocabulary_file}: no {missing[0]}"
        raise UserError(f"{given}, expected each instruction number below lines={config.lines} as one piece")
    return {"pieces": len(found.pieces), "vocabulary_file": f"sha256:{found.sha256}"}


def tokenizer(found: Texts, config: MemorizerConfig) -> Tokenizer:
    """That of the vocabulary's file, or one that is trained on these texts."""
    soft = config.soft
    if soft.vocabulary_file is not None:
        return wordpiece.of(wordpiece.read(Path(soft.vocabulary_file), soft.vocabulary))
    return _trained(found, soft.vocabulary, soft.examples, config.lines)


@functools.lru_cache(maxsize=2)
def _trained(found: Texts, vocabulary: int, examples: str, lines: int) -> Tokenizer:
    """The same for all tasks and restarts on the same texts."""
    form = FORMS[examples]
    if not form.written:
        return wordpiece.train(found.train.sentences, list(form.prompts.values()), vocabulary)
    words = [*form.prompts.values(), *map(str, range(lines))]
    return wordpiece.train(found.train.sentences, words, vocabulary, wordpiece.MARKS)


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
        labels = soft_instruction(classes, reader.form)
    else:
        labels = soft_imperative(classes, np.stack(list(tables))[combined.programs, combined.lines])
    return Examples(*inputs(reader, split.sentences, combined), torch.from_numpy(labels))


def soft_instruction(classes: Int[np.ndarray, "N"], form: Form = OWN) -> Int[np.ndarray, "N 3"]:
    """The instruction that writes the number of the class to the output and halts."""
    negated = np.array(form.negated)[classes]
    return np.stack([negated, np.full_like(classes, form.output), np.zeros_like(classes)], axis=-1)


def soft_imperative(classes: Int[np.ndarray, "N"], there: Int[np.ndarray, "N 3"]) -> Int[np.ndarray, "N 3"]:
    """The instructions of the programs, as long as the text is positive."""
    return np.where(classes[:, None] == POSITIVE, there, HALT)


def inputs(
    reader: Reader, sentences: Sequence[str], combined: Combined
) -> tuple[Int[Tensor, "N S"], Bool[Tensor, "N S"]]:
    """Inputs as tokens, and where there are any; the end of a text that is too long is cut off."""
    task, form, most = reader.config.task, reader.form, reader.config.soft.tokens
    begin, end = ([reader.token(piece) for piece in pieces] for pieces in (form.begin, form.end))
    prompt, separator = pieces_of(reader, [form.prompts[task]])[0], reader.token(wordpiece.SEPARATOR)
    numbers, programs = reader.numbers()[combined.lines], reader.first_program + combined.programs
    rows: list[list[int]] = []
    for number, program, text in zip(numbers.tolist(), programs.tolist(), pieces_of(reader, sentences), strict=True):
        row = [*begin, *([number] if task in form.numbered else []), *prompt]
        if task == "soft_imperative":
            row += [program, separator]
        rows.append([*row, *text][: most - len(end)] + end)
    padding = reader.token(wordpiece.PADDING) if form.written else 0
    tokens = torch.full((len(rows), max(map(len, rows))), padding)
    for line, row in zip(tokens, rows, strict=True):
        line[: len(row)] = torch.tensor(row)
    lengths = torch.tensor([len(row) for row in rows])
    return tokens, torch.arange(tokens.shape[1]) < lengths[:, None]


def pieces_of(reader: Reader, sentences: Sequence[str]) -> list[list[int]]:
    """The tokens of each text's pieces."""
    first = reader.first_piece
    return [[first + piece for piece in text] for text in wordpiece.encode(reader.pieces, sentences)]

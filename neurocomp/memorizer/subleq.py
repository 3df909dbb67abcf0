"""Subleq: its one instruction, programs as text, and back (formatting a program and parsing it gives the same one).

    [4] = -1           # the data word at address 4 before the run; what is not named is for the input, and else 0
    loop:              # a name for the instruction that follows
      4 1 next         # A B C: subtract word A from word B; unless it is > 0 go to C. `next` is the next instruction
      2 2 halt         # `halt` is 0: an instruction with C = 0 is the last one, whether it branches or not

Instructions are numbered from 1; number 0 is reserved (HALT), and C = 0 ends a run (Algorithm 1).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from neurocomp import foreign
from neurocomp.errors import UserError, did_you_mean
from neurocomp.files import read_text
from neurocomp.language.assembly import is_assembly
from neurocomp.text import SHOWN, elided, lines

DATA = re.compile(r"\[\s*(\d{1,4000})\s*\]\s*=\s*(-?\d{1,4000})", re.ASCII)  # int() takes up to 4300 digits
LABEL = re.compile(r"([A-Za-z_]\w*)\s*:(.*)", re.ASCII)
NUMBER = re.compile(r"\d{1,4000}", re.ASCII)
RESERVED = ("next", "halt")


class Instruction(NamedTuple):
    """Two data addresses and an instruction number."""

    a: int
    b: int
    c: int


HALT = Instruction(0, 0, 0)


@dataclass(frozen=True)
class Program:
    """Instructions by number, the first of them HALT, and the data words that are the program's own at the start."""

    instructions: tuple[Instruction, ...]
    data: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.instructions)


def parse(text: str, source: str = "<program>", memory: int | None = None) -> Program:
    """The program that `text` says.

    Raises UserError with its mistakes, each as `source:line: mistake`. With `memory`, an address that such a data
    memory does not have is a mistake.
    """
    statements, labels, data, mistakes = _scan(text, memory)
    instructions = [HALT]
    for number, (line, words) in enumerate(statements, start=1):
        known = [*labels, *RESERVED] if len(mistakes) < SHOWN else []  # comparing names takes long
        instruction, wrong = _instruction(number, words, labels, len(statements), memory, known)
        instructions.append(instruction)
        mistakes += [(line, mistake) for mistake in wrong]
    if not statements and not mistakes:
        mistakes = [(1, 'no instructions here, expected at least one, such as "1 2 next"')]
    if mistakes:
        raise UserError(*(f"{source}:{line}: {mistake}" for line, mistake in sorted(mistakes)))
    return Program(tuple(instructions), dict(sorted(data.items())))


class _Scanned(NamedTuple):
    """The words of each instruction, the instruction number of each label, the data words by address, and mistakes.

    Instructions and mistakes come with their line in the text.
    """

    statements: list[tuple[int, list[str]]]
    labels: dict[str, int]
    data: dict[int, int]
    mistakes: list[tuple[int, str]]


def _scan(text: str, memory: int | None) -> _Scanned:
    """The lines of a text, taken apart."""
    scanned = _Scanned([], {}, {}, [])
    statements, labels, data, mistakes = scanned
    for line, row in enumerate(lines(text), start=1):
        statement = row.split("#")[0].strip()
        if match := DATA.fullmatch(statement):
            mistakes += [(line, mistake) for mistake in _data_mistakes(int(match[1]), data, memory)]
            data[int(match[1])] = int(match[2])
            continue
        if statement.startswith("["):
            mistakes.append((line, f'"{statement}" is not a data word, expected [address] = word, such as [4] = -1'))
            continue
        while match := LABEL.fullmatch(statement):
            name, statement = match[1], match[2].strip()
            if name in labels or name in RESERVED:
                mistakes.append((line, f'label "{name}:" is taken, expected a new name'))
            labels[name] = len(statements) + 1
        if statement:
            statements.append((line, statement.split()))
    return scanned


def _data_mistakes(address: int, data: Mapping[int, int], memory: int | None) -> list[str]:
    taken = [f"address {address} has a word already, {data[address]}; expected one for each"] if address in data else []
    return _address_mistakes(address, memory) + taken


def _instruction(
    number: int, words: list[str], labels: Mapping[str, int], last: int, memory: int | None, known: list[str]
) -> tuple[Instruction, list[str]]:
    """The instruction that `words` say, and what they get wrong; one of the `known` names may have been meant."""
    text = elided(" ".join(words), 80)
    if len(words) != 3:
        return HALT, [f'an instruction is A B C, three operands; got {len(words)} in "{text}"']
    mistakes, addresses = [], []
    for word in words[:2]:
        if NUMBER.fullmatch(word):
            addresses.append(int(word))
            mistakes += _address_mistakes(addresses[-1], memory)
        else:
            addresses.append(0)
            mistakes.append(f'"{word}" is not an address, expected a number such as 3, in "{text}"')
    target, wrong = _target(words[2], number, labels, last, known)
    return Instruction(addresses[0], addresses[1], target), mistakes + wrong


def _target(word: str, number: int, labels: Mapping[str, int], last: int, known: list[str]) -> tuple[int, list[str]]:
    """The instruction number that operand C names, or what is wrong with it."""
    if word == "halt":
        return 0, []
    if word in labels:
        target = labels[word]
    elif word == "next":
        target = number + 1
    elif NUMBER.fullmatch(word):
        target = int(word)
    else:
        return 0, [
            f'"{word}" is not an instruction, expected a number, a label, next or halt' + did_you_mean(word, known)
        ]
    if target > last:
        return 0, [f"instruction {target} is not there (operand C), expected one of 0 to {last}"]
    return target, []


def _address_mistakes(address: int, memory: int | None) -> list[str]:
    if memory is None or address < memory:
        return []
    return [f"address {address} is out of range, expected one of 0 to {memory - 1}"]


def format_program(program: Program) -> str:
    """The text of a program, a line an instruction; `parse` gives the same program again."""
    data = [f"[{address}] = {word}" for address, word in sorted(program.data.items())]
    return "\n".join([*data, *(f"{a} {b} {c}" for a, b, c in program.instructions[1:])]) + "\n"


FOLDER = resources.files("neurocomp.memorizer") / "programs"


def shipped() -> list[str]:
    """The names of the programs that come with the package."""
    return sorted(file.name.removesuffix(".subleq") for file in FOLDER.iterdir() if file.name.endswith(".subleq"))


def program_label(name: str) -> str:
    """The label of a shipped program, or of one from a file (of assembly too)."""
    return Path(name).name.removesuffix(".subleq").removesuffix(".asm")


def load_program(name: str, memory: int | None = None) -> Program:
    """A shipped program by its name, or one from a file. Raises UserError."""
    if name in shipped():
        return parse((FOLDER / f"{name}.subleq").read_text(encoding="utf-8"), f"{name}.subleq", memory)
    try:
        text = read_text(Path(name))
    except UserError as error:
        known = f"; expected a file or one of {', '.join(shipped())}{did_you_mean(name, shipped())}"
        raise UserError(f"{error}{'' if os.path.exists(name) else known}") from None
    try:
        return parse(text, name, memory)
    except UserError as error:
        rows = foreign.numbers(text)
        if rows and all(len(row) == 3 for row in rows) and any(row[2] > len(rows) for row in rows):
            raise UserError(*error.messages, f"{name}: if this is {IMAGE}") from None
        if what := _seems(text):
            raise UserError(f'{name}: not subleq (an instruction a line, such as "1 2 next"); {what}') from None
        raise


IMAGE = (
    "a memory image, as other subleq machines take: here instructions and data are apart, C is the number of an "
    "instruction (from 1), and [address] = word gives data"
)


def _seems(text: str) -> str | None:
    """A guess at the kind of a text with mistakes; None if it is subleq, or nothing known."""
    rows = foreign.numbers(text)
    if rows and any(len(row) != 3 or row[2] < 0 for row in rows):
        return f"it seems to be {IMAGE}"
    if foreign.is_subleq(text):
        return None
    if is_assembly(text):
        return "it seems to be assembly: neurocomp exec runs it"
    what = foreign.other_text(text)
    return what and f"it seems to be {what}"

"""Assembly: text in, `Program` out, and back; formatting a program and parsing it again gives the same program.

loop:              # a name for the line of the instruction that follows
  inc 1 1          # registers are plain numbers, r1 also reads
  jump 4 loop      # `;` separates instructions, as a new line does
"""

from __future__ import annotations

import functools
import operator
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from neurocomp import foreign
from neurocomp.errors import UserError, did_you_mean
from neurocomp.files import read_text
from neurocomp.language.isa import BY_NAME, Opcode
from neurocomp.machine_config import Sizes
from neurocomp.text import SHOWN, elided, lines, named

LONGEST = 80  # characters of a line that a message repeats
AS_VALUE = "; where a jump goes to the line in a register: --jump-target value, machine.jump_target=value"
LABEL = re.compile(r"([^\s:]*)\s*:(.*)")
LABEL_NAME = re.compile(r"[a-z_]\w*", re.ASCII | re.IGNORECASE)
REGISTER = re.compile(r"r?(\d{1,4})", re.ASCII)


class AssemblyError(UserError):
    """The mistakes in a program's text, one a line."""


class Instruction(NamedTuple):
    """An opcode and its operand slots; a slot that the opcode does not use is None."""

    opcode: str
    first: int | None = None
    second: int | None = None
    third: int | None = None
    target: int | None = None

    @property
    def registers(self) -> tuple[int, ...]:
        """The registers that it names, in the order of its slots."""
        return tuple(register for register in (self.first, self.second, self.third) if register is not None)


class Operand(NamedTuple):
    """An operand as `Opcode.operands` names it, and the slot of `Instruction` that it fills."""

    name: str
    slot: str


class Mistake(NamedTuple):
    """What is wrong, and the line of the file where it stands."""

    line: int
    text: str


NOOP = Instruction("noop")


@dataclass(frozen=True)
class Program:
    """Instructions, line by line. Two programs with the same instructions are equal: the rest is for messages.

    `labels` names program lines. `lines` gives the line of each instruction in the file that it came from, if any.
    """

    instructions: tuple[Instruction, ...]
    labels: dict[int, str] = field(default_factory=dict, compare=False)
    lines: tuple[int, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.instructions)

    @property
    def registers(self) -> int:
        """How many registers the program needs: the highest it uses + 1, at least 1."""
        return max((register + 1 for i in self.instructions for register in i.registers), default=1)


def slots(opcode: Opcode, jump_target: str) -> tuple[Operand, ...]:
    """The operands of an opcode as they stand in the text, each with the slot that it fills."""
    names = ("test", "register") if opcode.name == "jump" and jump_target == "value" else opcode.operands
    sources = iter(("first", "second"))
    fixed = {"dst": "third", "label": "target"}
    return tuple(Operand(name, fixed.get(name) or next(sources)) for name in names)


def parse(text: str, source: str = "<program>", jump_target: str = "line", sizes: Sizes | None = None) -> Program:
    """The program that `text` says. Raises AssemblyError, which lists mistakes as `source:line: mistake`.

    It lists the first 20 and says how many more there are. With `sizes`, what does not fit a machine of these sizes
    is a mistake too; the program is not padded (see `fit`).
    """
    statements, labels, mistakes = _scan(text, jump_target)
    instructions = []
    for number, words in statements:
        hint = did_you_mean if len(mistakes) < SHOWN else _no_hint  # comparing names takes long
        instruction, wrong = _instruction(words, labels, jump_target, hint)
        instructions.append(instruction)
        mistakes += [Mistake(number, mistake) for mistake in wrong]
    at = tuple(number for number, _ in statements)
    if sizes is not None:
        texts = [" ".join(words) for _, words in statements]
        mistakes += [Mistake(at[line], misfit) for line, misfit in _misfits(instructions, texts, sizes)]
    if not instructions and not mistakes:
        mistakes = [Mistake(1, 'no instructions here, expected at least one, such as "noop"')]
    if mistakes:
        mistakes.sort(key=operator.attrgetter("line"))
        raise AssemblyError(*(f"{source}:{line}: {mistake}" for line, mistake in mistakes))
    return Program(tuple(instructions), {line: name for name, line in reversed(labels.items())}, at)


def _no_hint(given: str, known: Collection[str]) -> str:
    return ""


def _scan(text: str, jump_target: str) -> tuple[list[tuple[int, list[str]]], dict[str, int], list[Mistake]]:
    """The words of each instruction with their line in the file, the program line of each label, and mistakes."""
    statements: list[tuple[int, list[str]]] = []
    labels: dict[str, int] = {}
    mistakes: list[Mistake] = []
    for number, row in enumerate(lines(text), start=1):
        for statement in row.split("#")[0].split(";"):
            statement = statement.strip()
            while match := LABEL.fullmatch(statement):
                name, statement = match[1], match[2].strip()
                if mistake := _label_mistake(name, labels, jump_target):
                    mistakes.append(Mistake(number, mistake))
                else:
                    labels[name] = len(statements)
            if statement:
                statements.append((number, statement.split()))
    return statements, labels, mistakes


def _label_mistake(name: str, labels: Mapping[str, int], jump_target: str) -> str | None:
    """The mistake in a label's definition; None if there is none."""
    if jump_target == "value":
        accepted = "a jump goes to the line in its second register (jump test register)"
        return f'label "{name}:" is refused with jump_target=value, {accepted}'
    if not LABEL_NAME.fullmatch(name):
        return f'"{name}:" is not a label, expected a letter or _, then letters, digits or _'
    return f'label "{name}:" is defined twice, expected a new name' if name in labels else None


def _instruction(
    words: list[str], labels: Mapping[str, int], jump_target: str, hint: Callable[[str, Collection[str]], str]
) -> tuple[Instruction, list[str]]:
    """The instruction that `words` say, and their mistakes; `hint` guesses which name was meant."""
    opcode, text = BY_NAME.get(words[0]), elided(" ".join(words), LONGEST)
    if opcode is None:
        accepted = f"expected one of {', '.join(BY_NAME)}{hint(words[0].lower(), BY_NAME)}"
        return NOOP, [f'unknown opcode "{elided(words[0], LONGEST)}" in "{text}", {accepted}']
    operands = slots(opcode, jump_target)
    if len(words) - 1 != len(operands):
        return NOOP, [f'{opcode.name} takes {_signature(operands)}, got {len(words) - 1} in "{text}"']
    filled: dict[str, int] = {}
    mistakes = []
    for word, operand in zip(words[1:], operands, strict=True):
        if operand.slot == "target" and word in labels:
            filled[operand.slot] = labels[word]
        elif operand.slot != "target" and (match := REGISTER.fullmatch(word)):
            filled[operand.slot] = int(match[1])
        else:
            mistakes.append(_operand_mistake(word, operand, text, labels, hint))
    return Instruction(opcode.name, **filled), mistakes


def _operand_mistake(
    word: str, operand: Operand, text: str, labels: Mapping[str, int], hint: Callable[[str, Collection[str]], str]
) -> str:
    """Why `word` cannot be this operand of the instruction `text`."""
    if operand.slot == "target":
        accepted = f"expected one of {named(labels)}" if labels else "this program has no labels"
        guess = AS_VALUE if REGISTER.fullmatch(word) else hint(word, labels)
        return f'no label "{word}:" for "{text}", {accepted}{guess}'
    given = f'label "{word}"' if word in labels else f'"{word}"'
    return f'{given} as {operand.name} in "{text}", expected a register from 0 to 9999, such as 3 or r3'


def _signature(operands: tuple[Operand, ...]) -> str:
    """The operands that an opcode takes, in words: `3 registers (x y dst)`."""
    if not operands:
        return "no registers"
    names = " ".join(operand.name for operand in operands)
    if operands[-1].slot == "target":
        return f"a register and a label ({names})"
    return f"{len(operands)} register{'s' if len(operands) > 1 else ''} ({names})"


def format_instruction(instruction: Instruction, labels: Mapping[int, str]) -> str:
    """The text of one instruction; `labels` names the line that a jump goes to."""
    target = [] if instruction.target is None else [labels.get(instruction.target, f"line_{instruction.target}")]
    return " ".join([instruction.opcode, *map(str, instruction.registers), *target])


def format_program(program: Program, one_line: bool = False, jump_target: str = "line") -> str:
    """The text of a program, without a newline at its end. A jump to a line without a label gives it `line_<n>`."""
    labels = {} if jump_target == "value" else _all_labels(program)
    statements = []
    for line in range(len(program) + 1):
        label = f"{labels[line]}:" if line in labels else ""
        text = format_instruction(program.instructions[line], labels) if line < len(program) else ""
        if one_line:
            statements.append(f"{label} {text}".strip())
        else:
            statements += [label, f"  {text}" if labels and text else text]
    return ("; " if one_line else "\n").join(statement for statement in statements if statement)


def _all_labels(program: Program) -> dict[int, str]:
    """A name for every line that has a label or that a jump goes to; no two lines share one."""
    names: dict[str, int] = {}
    for line, name in program.labels.items():
        names.setdefault(name, line)
    labeled = set(names.values())
    for line in sorted({i.target for i in program.instructions if i.target is not None} - labeled):
        name = f"line_{line}"
        while name in names:
            name += "_"
        names[name] = line
    return {line: name for name, line in names.items()}


def fit(program: Program, sizes: Sizes, source: str = "<program>") -> Program:
    """The program for a machine of these sizes: padded with noops at its end, so that it has `sizes.lines` lines.

    A label after the last instruction names the first noop. Without a noop it names line 0, where the counter wraps
    to. Raises UserError where the program needs more lines or registers.
    """
    labels = _all_labels(program)
    texts = [format_instruction(instruction, labels) for instruction in program.instructions]
    if misfits := list(_misfits(program.instructions, texts, sizes)):
        numbers = dict(enumerate(program.lines))
        places = [f":{numbers[line]}:" if line in numbers else f": program line {line}" for line, _ in misfits]
        raise UserError(*(f"{source}{at} {misfit}" for at, (_, misfit) in zip(places, misfits, strict=True)))
    instructions = tuple(
        i if i.target is None else i._replace(target=i.target % sizes.lines) for i in program.instructions
    )
    wrapped: dict[int, str] = {}
    for line, name in sorted(program.labels.items()):
        wrapped.setdefault(line % sizes.lines, name)
    return Program(instructions + (NOOP,) * (sizes.lines - len(program)), wrapped, program.lines)


def _misfits(instructions: Sequence[Instruction], texts: Sequence[str], sizes: Sizes) -> Iterator[tuple[int, str]]:
    """The program line and the mistake of each instruction that a machine of these sizes cannot run."""
    for line, (instruction, text) in enumerate(zip(instructions, texts, strict=True)):
        if line == sizes.lines:
            accepted = f"the program has {len(instructions)} lines, expected at most {sizes.lines}"
            yield line, f'"{text}" is one too many, {accepted}'
        for register in sorted({r for r in instruction.registers if r >= sizes.registers}):
            yield line, f'"{text}" uses register {register}, expected 0 to {sizes.registers - 1}'


@functools.cache
def shipped_programs() -> list[str]:
    """The names of the programs that come with neurocomp."""
    files = (resources.files("neurocomp") / "programs").iterdir()
    return sorted(file.name.removesuffix(".asm") for file in files if file.name.endswith(".asm"))


def load_program(name_or_path: str | Path, jump_target: str = "line", sizes: Sizes | None = None) -> Program:
    """The shipped program of that name, or the one in the file at that path; `sizes` as for `parse`.

    Raises UserError where there is no such program or file, or the file's text is no program.
    """
    given, shipped = str(name_or_path), shipped_programs()
    if given not in shipped and not given.endswith(".asm") and not os.path.exists(given):
        accepted = f"expected one of {', '.join(shipped)} or a path that ends in .asm"
        raise UserError(f'no program "{given}", {accepted}{did_you_mean(given, shipped)}')
    if given in shipped:
        return _shipped_program(given, jump_target, sizes)
    try:
        text = read_text(Path(given))
    except UserError as error:
        raise UserError(f"{error}{did_you_mean(Path(given).stem, shipped)}") from error
    try:
        return parse(text, given, jump_target, sizes)
    except AssemblyError:
        if what := _seems(text):
            raise UserError(f'{given}: not assembly (an instruction a line, such as "inc 1 1"); {what}') from None
        raise


@functools.lru_cache(maxsize=256)
def _shipped_program(name: str, jump_target: str, sizes: Sizes | None) -> Program:
    file = resources.files("neurocomp") / "programs" / f"{name}.asm"
    return parse(file.read_text(encoding="utf-8"), file.name, jump_target, sizes)


def _seems(text: str) -> str | None:
    """A guess at what a text with mistakes is instead of assembly; None if it is assembly or nothing known."""
    if is_assembly(text):
        return None
    numbers = foreign.numbers(text)
    if numbers and (len(numbers) == 1 or any(len(row) != 3 for row in numbers)):
        return "it seems to be a list of numbers; --memory=3,5,2 gives a memory"
    if foreign.is_subleq(text):
        return "it seems to be a subleq program: neurocomp subleq exec runs it"
    what = foreign.other_text(text)
    return what and f"it seems to be {what}"


def is_assembly(text: str) -> bool:
    """Whether more than half of a text's instructions, right or wrong, begin with an opcode."""
    words = [row.partition("#")[0].rpartition(":")[2].split() for row in lines(text)]
    first = [row[0] for row in words if row]
    return bool(first) and 2 * sum(word in BY_NAME for word in first) > len(first)


def unreached(program: Program, jump_target: str = "line") -> int | None:
    """The first line after a `halt` that no run can reach, or None.

    It is None too for a program with jumps under jump_target=value, which can go to any line.
    """
    if jump_target == "value" and any(i.opcode == "jump" for i in program.instructions):
        return None
    reached: set[int] = set()
    waiting = [0]
    while waiting:
        line = waiting.pop() % len(program)
        if line not in reached:
            reached.add(line)
            instruction = program.instructions[line]
            waiting += [] if instruction.opcode == "halt" else [line + 1]
            waiting += [] if instruction.target is None else [instruction.target]
    after = (line + 1 for line, i in enumerate(program.instructions[:-1]) if i.opcode == "halt" and line in reached)
    return next((line for line in after if line not in reached), None)


def unreached_remark(program: Program, source: str, jump_target: str = "line") -> str | None:
    """A sentence about the line that `unreached` finds; None if it finds none."""
    line = unreached(program, jump_target)
    if line is None:
        return None
    place = f":{program.lines[line]}:" if line < len(program.lines) else f": program line {line}:"
    text = format_instruction(program.instructions[line], _all_labels(program))
    return f'{source}{place} "{text}" is never reached: it follows a halt, and no jump goes there'

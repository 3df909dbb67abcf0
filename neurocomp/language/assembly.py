"""Assembly: text in, `Program` out, and back; formatting a program and parsing it again gives the same program.

    loop:              # a name for the line of the instruction that follows
      inc 1 1          # registers are plain numbers, r1 also reads
      jump 4 loop      # `; ` separates instructions as a new line does
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from neurocomp.config import Sizes, UserError, did_you_mean
from neurocomp.language.isa import BY_NAME, Opcode

LABEL = re.compile(r"([^\s:]*)\s*:(.*)")
LABEL_NAME = re.compile(r"[a-z_]\w*", re.ASCII | re.IGNORECASE)
REGISTER = re.compile(r"r?(\d{1,4})", re.ASCII)


class AssemblyError(UserError):
    """Everything that is wrong with a program's text, one mistake a line."""


class Instruction(NamedTuple):
    """An opcode and its operand slots; a slot that the opcode does not use is None."""

    opcode: str
    first: int | None = None
    second: int | None = None
    third: int | None = None
    target: int | None = None


NOOP = Instruction("noop")


@dataclass(frozen=True)
class Program:
    """Instructions, line by line. Programs that differ in the rest, which is for messages and the reader, are equal.

    `labels` names lines; `lines` says where instructions stand in their file, as far as they came from one.
    """

    instructions: tuple[Instruction, ...]
    labels: dict[int, str] = field(default_factory=dict, compare=False)
    lines: tuple[int, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.instructions)

    @property
    def registers(self) -> int:
        """How many registers the program needs: the highest it uses + 1, at least 1."""
        return max((register + 1 for i in self.instructions for register in i[1:4] if register is not None), default=1)


def slots(opcode: Opcode, jump_target: str) -> tuple[tuple[str, str], ...]:
    """The operands of an opcode as they stand in the text, each with the slot of `Instruction` that it fills."""
    operands = ("test", "register") if opcode.name == "jump" and jump_target == "value" else opcode.operands
    sources = iter(("first", "second"))
    named = {"dst": "third", "label": "target"}
    return tuple((operand, named.get(operand) or next(sources)) for operand in operands)


def parse(text: str, source: str = "<program>", jump_target: str = "line", sizes: Sizes | None = None) -> Program:
    """The program that `text` says, or an AssemblyError that lists all its mistakes as `source:line: mistake`.

    With `sizes`, what does not fit on such a machine is a mistake too; `fit` pads the program.
    """
    statements, labels, mistakes = _scan(text, jump_target)
    instructions = []
    for number, words in statements:
        instruction, wrong = _instruction(words, labels, jump_target)
        instructions.append(instruction)
        mistakes += [(number, mistake) for mistake in wrong]
    lines = tuple(number for number, _ in statements)
    if sizes is not None:
        texts = [" ".join(words) for _, words in statements]
        mistakes += [(lines[line], mistake) for line, mistake in _misfits(instructions, texts, sizes)]
    if not instructions and not mistakes:
        mistakes = [(1, 'no instructions here, expected at least one, such as "noop"')]
    if mistakes:
        mistakes.sort(key=lambda mistake: mistake[0])
        raise AssemblyError("\n".join(f"{source}:{number}: {mistake}" for number, mistake in mistakes))
    return Program(tuple(instructions), {line: name for name, line in reversed(labels.items())}, lines)


def _scan(text: str, jump_target: str) -> tuple[list[tuple[int, list[str]]], dict[str, int], list[tuple[int, str]]]:
    """The words of each instruction with their line in the file, the program line of each label, and mistakes."""
    statements: list[tuple[int, list[str]]] = []
    labels: dict[str, int] = {}
    mistakes: list[tuple[int, str]] = []
    for number, row in enumerate(text.splitlines(), start=1):
        for statement in row.split("#")[0].split(";"):
            statement = statement.strip()
            while match := LABEL.fullmatch(statement):
                name, statement = match[1], match[2].strip()
                if mistake := _label_mistake(name, labels, jump_target):
                    mistakes.append((number, mistake))
                else:
                    labels[name] = len(statements)
            if statement:
                statements.append((number, statement.split()))
    return statements, labels, mistakes


def _label_mistake(name: str, labels: Mapping[str, int], jump_target: str) -> str | None:
    """What is wrong with a label where it is defined."""
    if jump_target == "value":
        accepted = "a jump goes to the line in its second register (jump test register)"
        return f'label "{name}:" is refused with jump_target=value, {accepted}'
    if not LABEL_NAME.fullmatch(name):
        return f'"{name}:" is not a label, expected a letter or _, then letters, digits or _'
    return f'label "{name}:" is defined twice, expected a new name' if name in labels else None


def _instruction(words: list[str], labels: Mapping[str, int], jump_target: str) -> tuple[Instruction, list[str]]:
    """The instruction that `words` say, and what they get wrong."""
    opcode, text = BY_NAME.get(words[0]), " ".join(words)
    if opcode is None:
        accepted = f"expected one of {', '.join(BY_NAME)}{did_you_mean(words[0].lower(), list(BY_NAME))}"
        return NOOP, [f'unknown opcode "{words[0]}" in "{text}", {accepted}']
    operands = slots(opcode, jump_target)
    if len(words) - 1 != len(operands):
        return NOOP, [f'{opcode.name} takes {_signature(operands)}, got {len(words) - 1} in "{text}"']
    filled: dict[str, int] = {}
    mistakes = []
    for word, (operand, slot) in zip(words[1:], operands, strict=True):
        if slot == "target" and word in labels:
            filled[slot] = labels[word]
        elif slot == "target":
            accepted = f"expected one of {', '.join(labels)}" if labels else "this program has no labels"
            mistakes.append(f'no label "{word}:" for "{text}", {accepted}{did_you_mean(word, list(labels))}')
        elif match := REGISTER.fullmatch(word):
            filled[slot] = int(match[1])
        else:
            given = f'label "{word}"' if word in labels else f'"{word}"'
            accepted = "expected a register from 0 to 9999, such as 3 or r3"
            mistakes.append(f'{given} as {operand} in "{text}", {accepted}')
    return Instruction(opcode.name, **filled), mistakes


def _signature(operands: tuple[tuple[str, str], ...]) -> str:
    """What an opcode takes, in words: `3 registers (x y dst)`."""
    if not operands:
        return "no registers"
    names = " ".join(operand for operand, _ in operands)
    if operands[-1][1] == "target":
        return f"a register and a label ({names})"
    return f"{len(operands)} register{'s' if len(operands) > 1 else ''} ({names})"


def format_instruction(instruction: Instruction, labels: Mapping[int, str]) -> str:
    """The text of one instruction; `labels` names the line that a jump goes to."""
    registers = [str(register) for register in instruction[1:4] if register is not None]
    target = [] if instruction.target is None else [labels.get(instruction.target, f"line_{instruction.target}")]
    return " ".join([instruction.opcode, *registers, *target])


def format_program(program: Program, one_line: bool = False, jump_target: str = "line") -> str:
    """The text of a program (no newline at its end); a line that a jump goes to, but nobody named, is `line_<n>`."""
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
    """A name of its own for every line that is named or jumped to."""
    names: dict[str, int] = {}
    for line, name in program.labels.items():
        names.setdefault(name, line)
    named = set(names.values())
    for line in sorted({i.target for i in program.instructions if i.target is not None} - named):
        name = f"line_{line}"
        while name in names:
            name += "_"
        names[name] = line
    return {line: name for name, line in names.items()}


def fit(program: Program, sizes: Sizes, source: str = "<program>") -> Program:
    """The program for a machine of these sizes: padded with noops at its end, so that it has `sizes.lines` lines.

    A label after the last instruction names the first noop, or line 0 where there is none: the counter wraps.
    """
    labels = _all_labels(program)
    texts = [format_instruction(instruction, labels) for instruction in program.instructions]
    if misfits := list(_misfits(program.instructions, texts, sizes)):
        numbers = dict(enumerate(program.lines))
        places = [f":{numbers[line]}:" if line in numbers else f": program line {line}" for line, _ in misfits]
        raise UserError("\n".join(f"{source}{at} {misfit}" for at, (_, misfit) in zip(places, misfits, strict=True)))
    instructions = tuple(
        i if i.target is None else i._replace(target=i.target % sizes.lines) for i in program.instructions
    )
    wrapped: dict[int, str] = {}
    for line, name in sorted(program.labels.items()):
        wrapped.setdefault(line % sizes.lines, name)
    return Program(instructions + (NOOP,) * (sizes.lines - len(program)), wrapped, program.lines)


def _misfits(instructions: Sequence[Instruction], texts: Sequence[str], sizes: Sizes) -> Iterator[tuple[int, str]]:
    """What keeps instructions from running on a machine of these sizes, each with its program line."""
    for line, (instruction, text) in enumerate(zip(instructions, texts, strict=True)):
        if line == sizes.lines:
            accepted = f"the program has {len(instructions)} lines, expected at most {sizes.lines}"
            yield line, f'"{text}" is one too many, {accepted}'
        for register in sorted({r for r in instruction[1:4] if r is not None and r >= sizes.registers}):
            yield line, f'"{text}" uses register {register}, expected 0 to {sizes.registers - 1}'


def _shipped() -> dict[str, Traversable]:
    folder = resources.files("neurocomp") / "programs"
    return {file.name.removesuffix(".asm"): file for file in folder.iterdir() if file.name.endswith(".asm")}


def shipped_programs() -> list[str]:
    """The names of the programs that come with neurocomp."""
    return sorted(_shipped())


def load_program(name_or_path: str | Path, jump_target: str = "line", sizes: Sizes | None = None) -> Program:
    """The shipped program of that name, or the one in the file at that path; `sizes` as for `parse`."""
    given, shipped = str(name_or_path), _shipped()
    file = shipped.get(given) or Path(given)
    if given not in shipped and not given.endswith(".asm") and not file.is_file():
        accepted = f"expected one of {', '.join(sorted(shipped))} or a path that ends in .asm"
        raise UserError(f'no program "{given}", {accepted}{did_you_mean(given, sorted(shipped))}')
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        hint = did_you_mean(Path(given).stem, sorted(shipped))
        raise UserError(f"cannot read the program {given}: {reason}{hint}") from error
    return parse(text.removeprefix("\ufeff"), given if given not in shipped else f"{given}.asm", jump_target, sizes)

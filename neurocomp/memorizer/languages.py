"""The languages that are memorized: instructions as labels, one for each field; random programs; exact runs.

A `Table` holds a program as ints: a row for each instruction number, a column for each field, -1 where an
instruction does not use a field (there is nothing to memorize there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from neurocomp.errors import UserError
from neurocomp.language import assembly, interpreter, isa
from neurocomp.machine_config import Sizes
from neurocomp.memorizer import interpreter as exact
from neurocomp.memorizer import subleq
from neurocomp.memorizer.config import MemorizerConfig

Table = np.ndarray  # [L, F] ints
UNUSED = -1


class Field(NamedTuple):
    """A part of an instruction, and how many values it may have: its classes 0 .. size - 1."""

    name: str
    size: int


class Run(NamedTuple):
    """A run, whoever provided the instructions: equal runs went the same way, step for step, to the same end."""

    steps: tuple
    final: tuple
    outcome: str


@runtime_checkable
class Language(Protocol):
    """A machine whose programs can be memorized."""

    fields: tuple[Field, ...]

    def draw(self, generator: np.random.Generator, length: int) -> Table:
        """A random program."""
        ...

    def load(self, name: str) -> Table:
        """A shipped program, or one from a file. Raises UserError."""
        ...

    def data(self, name: str) -> Mapping[int, int]:
        """The words that such a program brings with it, by address."""
        ...

    def start(self, generator: np.random.Generator, name: str | None) -> list[int]:
        """The words that a run starts from; of a program with a name, its own data among them."""
        ...

    def run(self, table: Table, start: Sequence[int], steps: int) -> Run:
        """The exact interpreter's run."""
        ...


class Subleq:
    """A, B: data addresses; C: an instruction number."""

    def __init__(self, memory: int, lines: int):
        self.memory, self.lines = memory, lines
        self.fields = (Field("A", memory), Field("B", memory), Field("C", lines))

    def draw(self, generator: np.random.Generator, length: int) -> Table:
        """All operands uniform, C among the instructions of the program."""
        sizes = [self.memory, self.memory, length]
        return generator.integers(0, sizes, size=(length, 3))

    def load(self, name: str) -> Table:
        program = subleq.load_program(name, self.memory)
        if len(program) > self.lines:
            raise UserError(f"{name}: {len(program) - 1} instructions, expected at most {self.lines - 1} (lines - 1)")
        return np.array(program.instructions)

    def data(self, name: str) -> Mapping[int, int]:
        return subleq.load_program(name, self.memory).data

    def start(self, generator: np.random.Generator, name: str | None) -> list[int]:
        """Random words from -9 to 9; in a named program 0 to 9 where it has no word of its own."""
        if name is None:
            return generator.integers(-9, 10, self.memory).tolist()
        data = subleq.load_program(name, self.memory).data
        words = generator.integers(0, 10, self.memory).tolist()
        return [data.get(address, word) for address, word in enumerate(words)]

    def run(self, table: Table, start: Sequence[int], steps: int) -> Run:
        program = subleq.Program(tuple(subleq.Instruction(*row) for row in table.tolist()))
        done = exact.run(program, start, steps)
        return Run(
            tuple((step.line, *step.instruction, step.written) for step in done.steps), done.memory, done.outcome
        )


class Assembly:
    """The first machine's instructions: an opcode, three operand slots, and the line that a jump goes to."""

    SLOTS = ("first", "second", "third", "target")

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        opcodes = Field("opcode", len(isa.OPCODES))
        self.fields = (
            opcodes,
            *(Field(slot, sizes.registers) for slot in self.SLOTS[:3]),
            Field("target", sizes.lines),
        )
        used = [{slot for _, slot in assembly.slots(opcode, "line")} for opcode in isa.OPCODES]
        self.used = np.array([[True, *(slot in names for slot in self.SLOTS)] for names in used])

    def draw(self, generator: np.random.Generator, length: int) -> Table:
        """All opcodes and operands uniform, jumps to lines of the program."""
        sizes = [field.size for field in self.fields[:-1]] + [length]
        table = generator.integers(0, sizes, size=(length, len(self.fields)))
        return np.where(self.used[table[:, 0]], table, UNUSED)

    def load(self, name: str) -> Table:
        program = assembly.load_program(name, "line", self.sizes)
        # A label after the last instruction is line 0, because the counter wraps; as a number it may be no class.
        return self.table(assembly.fit(program, self.sizes._replace(lines=len(program)), name))

    def data(self, name: str) -> Mapping[int, int]:
        """None: a program of assembly has no words of its own."""
        return {}

    def table(self, program: assembly.Program) -> Table:
        """A program's instructions as labels."""
        rows = [[isa.INDEX[i.opcode], *(getattr(i, slot) for slot in self.SLOTS)] for i in program.instructions]
        return np.array([[UNUSED if value is None else value for value in row] for row in rows])

    def program(self, table: Table) -> assembly.Program:
        """And back: what stands in a field that an opcode does not use is left out."""
        return assembly.Program(
            tuple(
                assembly.Instruction(
                    isa.OPCODES[row[0]].name,
                    *(value if used else None for value, used in zip(row[1:], self.used[row[0], 1:], strict=True)),
                )
                for row in table.tolist()
            )
        )

    def start(self, generator: np.random.Generator, name: str | None) -> list[int]:
        """Random words in memory and registers."""
        return generator.integers(0, self.sizes.base, self.sizes.base + self.sizes.registers).tolist()

    def run(self, table: Table, start: Sequence[int], steps: int) -> Run:
        """As the project's exact interpreter runs it."""
        done: list[tuple] = []
        base = self.sizes.base

        def trace(step: int, *what: object) -> None:
            done.append(what)

        end = interpreter.run(self.program(table), start[:base], start[base:], base=base, steps=steps, trace=trace)
        return Run(tuple(done), end.memory + end.registers, "halted" if end.halted else "limit")


def language(config: MemorizerConfig) -> Subleq | Assembly:
    """The language of a configuration, with its sizes."""
    if config.language == "assembly":
        return Assembly(Sizes(config.memory, config.registers, config.lines))
    return Subleq(config.memory, config.lines)

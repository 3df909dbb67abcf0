"""The instruction set: one row per opcode, from which everything else is derived.

Lookup table, assembler, interpreter, engine and synthesizer read `OPCODES`; their order is the opcode axis `O`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Opcode(NamedTuple):
    """An opcode: its operands as written, and what it computes from the words of its sources.

    `operands` names what stands in the text, in order: sources (addr, src, test, x, y) fill the slots `first` and
    `second`, `dst` fills the slot `third`, and `label` the slot `target`.
    `result` maps the source words to the word for `dst`, before the reduction mod b. It is None for `read`, whose
    word comes from memory, and for opcodes that write no register.
    """

    name: str
    operands: tuple[str, ...]
    result: Callable[[int, int], int] | None = None

    @property
    def writes_register(self) -> bool:
        return "dst" in self.operands

    @property
    def sources(self) -> int:
        """How many words it takes from registers."""
        return sum(operand not in ("dst", "label") for operand in self.operands)


OPCODES = (
    Opcode("halt", ()),
    Opcode("zero", ("dst",), lambda x, y: 0),
    Opcode("inc", ("src", "dst"), lambda x, y: x + 1),
    Opcode("dec", ("src", "dst"), lambda x, y: x - 1),
    Opcode("add", ("x", "y", "dst"), lambda x, y: x + y),
    Opcode("sub", ("x", "y", "dst"), lambda x, y: x - y),
    Opcode("min", ("x", "y", "dst"), lambda x, y: min(x, y)),
    Opcode("max", ("x", "y", "dst"), lambda x, y: max(x, y)),
    Opcode("mod", ("x", "y", "dst"), lambda x, y: x % y),
    Opcode("read", ("addr", "dst")),
    Opcode("write", ("addr", "src")),
    Opcode("jump", ("test", "label")),
    Opcode("noop", ()),
)

INDEX = {opcode.name: index for index, opcode in enumerate(OPCODES)}
BY_NAME = {opcode.name: opcode for opcode in OPCODES}


class CodeRow(NamedTuple):
    """An instruction as ints: the index of its opcode in `OPCODES`, and its slots; an unused slot may hold any int."""

    opcode: int
    first: int = 0
    second: int = 0
    third: int = 0
    target: int = 0


# An array of code [..., 5] holds a CodeRow along its last axis: `code[..., COLUMN.target]` are the targets.
COLUMN = CodeRow(*range(len(CodeRow._fields)))


def compute(opcode: Opcode, x: int, y: int, base: int, mod_by_zero: str) -> int:
    """The word that `opcode` computes from the words x and y; x mod 0 is 0 or, with mod_by_zero=dividend, x."""
    assert opcode.result is not None
    try:
        return opcode.result(x, y) % base
    except ZeroDivisionError:
        return x if mod_by_zero == "dividend" else 0


_computing = [index for index, opcode in enumerate(OPCODES) if opcode.result]
COMPUTING = slice(_computing[0], _computing[-1] + 1)
assert len(_computing) == COMPUTING.stop - COMPUTING.start, "opcodes with a result stand together in OPCODES"

_writing = [index for index, opcode in enumerate(OPCODES) if opcode.writes_register]
WRITING = slice(_writing[0], _writing[-1] + 1)
assert len(_writing) == WRITING.stop - WRITING.start, "opcodes that write a register stand together in OPCODES"

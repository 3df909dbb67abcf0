"""The space of raw programs of a machine: random programs, and random changes of a program.

A program is code [L, 5] (`isa.CodeRow`). A slot that its opcode does not use has no effect until the opcode changes.
"""

from __future__ import annotations

import functools

import numpy as np

from neurocomp.language.assembly import slots
from neurocomp.language.isa import COLUMN, OPCODES, CodeRow
from neurocomp.machine_config import Sizes

FIELDS = CodeRow._fields


def bounds(sizes: Sizes) -> np.ndarray:
    """How many values each of the five fields can have."""
    registers = sizes.registers
    return np.array(CodeRow(len(OPCODES), first=registers, second=registers, third=registers, target=sizes.lines))


@functools.cache
def used_fields(jump_target: str) -> np.ndarray:
    """Which fields an instruction with each opcode uses [O, 5]; the field `opcode` is always used."""
    used = [{"opcode"} | {operand.slot for operand in slots(opcode, jump_target)} for opcode in OPCODES]
    return np.array([[field in fields for field in FIELDS] for fields in used])


@functools.cache
def fields_in_order(jump_target: str) -> np.ndarray:
    """For each opcode the indices of the fields that it uses, then those of the others [O, 5]."""
    return np.argsort(~used_fields(jump_target), axis=1, kind="stable")


def random_code(count: int, sizes: Sizes, rng: np.random.Generator) -> np.ndarray:
    """Programs [P, L, 5] with every opcode, register and line drawn uniformly; unused slots are drawn too."""
    return rng.integers(0, bounds(sizes), size=(count, sizes.lines, len(FIELDS)))


def changed(code: np.ndarray, where: np.ndarray, sizes: Sizes, jump_target: str) -> np.ndarray:
    """The programs [P, L, 5], each with another value in one field that its opcode uses.

    `where` [P, 3] are uniform in [0, 1): they choose the line, the field of its instruction, and the new value.
    """
    used, high, programs = used_fields(jump_target), bounds(sizes), np.arange(len(code))
    line = (where[:, 0] * sizes.lines).astype(int)
    opcode = code[programs, line, COLUMN.opcode]
    field = fields_in_order(jump_target)[opcode, (where[:, 1] * used.sum(1)[opcode]).astype(int)]
    # value + 1 + d mod n, with d in 0..n-2, takes each of the other n - 1 values equally often and never its own
    # again. A field with one value (n = 1) has no other: there d = 0, and the value stays.
    others = np.maximum(high[field] - 1, 1)
    new = code.copy()
    new[programs, line, field] = (code[programs, line, field] + 1 + (where[:, 2] * others).astype(int)) % high[field]
    return new

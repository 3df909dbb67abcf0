"""Many programs on many examples in one compiled call: what `interpreter.run` does, for searches.

A program is a row of ints for each line: opcode, the slots first, second, third, target. What the opcodes compute
comes from `isa` as a table [O, b, b]; the kernel knows by name only those that the interpreter knows by name.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from neurocomp.jit import compiled
from neurocomp.language.assembly import NOOP, Instruction, Program, slots
from neurocomp.language.isa import INDEX, OPCODES, compute

SLOTS = ("first", "second", "third", "target")
COMPUTE, READ, WRITE, JUMP, HALT, NOTHING = range(6)
KINDS = {"read": READ, "write": WRITE, "jump": JUMP, "halt": HALT, "noop": NOTHING}


class Final(NamedTuple):
    """The words that P programs leave on N examples, and whether they halted."""

    memory: np.ndarray  # [P, N, A]
    registers: np.ndarray  # [P, N, R]
    halted: np.ndarray  # [P, N] of bool


def encode(programs: Sequence[Program], lines: int) -> np.ndarray:
    """Programs of at most `lines` lines as ints [P, L, 5]: opcode, first, second, third, target.

    They are padded with noops; slots that an opcode does not use are 0. ValueError where a program is too long.
    """
    code = np.zeros((len(programs), lines, 5), dtype=np.int64)
    code[:, :, 0] = INDEX[NOOP.opcode]
    for rows, program in zip(code, programs, strict=True):
        rows[: len(program)] = [(INDEX[i.opcode], *(slot or 0 for slot in i[1:])) for i in program.instructions]
    return code


def decode(code: np.ndarray, jump_target: str = "line") -> Program:
    """The program whose rows [L, 5] these are; what stands in slots that an opcode does not use is left out."""
    used = _used_slots(jump_target)
    instructions = []
    for index, *words in code.tolist():
        kept = (word if slot in used[index] else None for slot, word in zip(SLOTS, words, strict=True))
        instructions.append(Instruction(OPCODES[index].name, *kept))
    return Program(tuple(instructions))


def execute(
    code: np.ndarray,
    memory: np.ndarray,
    registers: np.ndarray,
    *,
    base: int,
    steps: int,
    halting: str = "freeze",
    mod_by_zero: str = "zero",
    jump_target: str = "line",
) -> Final:
    """Run every program of `code` [P, L, 5] from every start, memory [N, A] and registers [N, R].

    With memory [P, N, A] and registers [P, N, R] each program has starts of its own.
    Exactly what `interpreter.run` leaves. ValueError where a register, an opcode or a word does not exist: the
    kernel does not look. A jump past the last line wraps, as the counter does.
    """
    code, memory, registers = (np.ascontiguousarray(array, dtype=np.int64) for array in (code, memory, registers))
    if memory.ndim == 2:
        memory, registers = memory[None], registers[None]
    _check(code, memory, registers, base)
    programs, examples = len(code), memory.shape[1]
    final = Final(
        np.empty((programs, examples, base), dtype=np.int64),
        np.empty((programs, examples, registers.shape[2]), dtype=np.int64),
        np.empty((programs, examples), dtype=np.bool_),
    )
    kinds, table = _meaning(base, mod_by_zero)
    _kernel()(code, kinds, table, memory, registers, steps, halting == "freeze", jump_target == "value", *final)
    return final


@functools.cache
def _used_slots(jump_target: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(slot for _, slot in slots(opcode, jump_target)) for opcode in OPCODES)


def _check(code: np.ndarray, memory: np.ndarray, registers: np.ndarray, base: int) -> None:
    if memory.shape[2] != base or memory.shape[:2] != registers.shape[:2] or len(memory) not in (1, len(code)):
        raise ValueError(f"memory {memory.shape} and registers {registers.shape} are not examples in base {base}")
    bounds = (
        ("word in memory", memory, base),
        ("word in a register", registers, base),
        ("opcode", code[..., 0], len(OPCODES)),
        ("register", code[..., 1:4], registers.shape[2]),
        ("line", code[..., 4], np.inf),
    )
    for what, numbers, bound in bounds:
        if numbers.size and (numbers.min() < 0 or numbers.max() >= bound):
            raise ValueError(f"there is no {what} {numbers.min()} or {numbers.max()}, expected 0 <= it < {bound}")


@functools.lru_cache(maxsize=32)
def _meaning(base: int, mod_by_zero: str) -> tuple[np.ndarray, np.ndarray]:
    """What kind each opcode is [O], and what those that compute give for each two words [O, b, b]."""
    kinds = np.array([COMPUTE if opcode.result else KINDS[opcode.name] for opcode in OPCODES])
    table = np.zeros((len(OPCODES), base, base), dtype=np.int64)
    for opcode in OPCODES:
        if opcode.result:
            words = [[compute(opcode, x, y, base, mod_by_zero) for y in range(base)] for x in range(base)]
            table[INDEX[opcode.name]] = words
    return kinds, table


@functools.cache
def _kernel():
    words = numba.int64[:, :, ::1]
    types = (words, numba.int64[::1], words, words, words, numba.int64, numba.boolean, numba.boolean,
             words, words, numba.boolean[:, ::1])  # fmt: skip
    return compiled(_execute, types, (Path(__file__),))


def _execute(code, kinds, table, memory, registers, steps, freeze, by_value, to_memory, to_registers, to_halted):
    """The kernel: the final state is made in place, in the `to_` arrays."""
    lines = code.shape[1]
    for p in range(code.shape[0]):
        own = p % memory.shape[0]  # of one set of starts for all programs, that one
        for n in range(memory.shape[1]):
            m, r = to_memory[p, n], to_registers[p, n]
            for i in range(len(m)):  # these loops compile in a fraction of the time that slices take
                m[i] = memory[own, n, i]
            for i in range(len(r)):
                r[i] = registers[own, n, i]
            counter, halted = 0, False
            for _ in range(steps):
                line = code[p, counter]
                opcode, first, second, third, target = line[0], line[1], line[2], line[3], line[4]
                counter += 1
                kind = kinds[opcode]
                if kind == COMPUTE:
                    r[third] = table[opcode, r[first], r[second]]
                elif kind == READ:
                    r[third] = m[r[first]]
                elif kind == WRITE:
                    m[r[first]] = r[second]
                elif kind == JUMP:
                    if r[first] == 0:
                        counter = r[second] if by_value else target
                elif kind == HALT:
                    halted = True
                    if freeze:
                        break
                if counter >= lines:
                    counter %= lines
            to_halted[p, n] = halted

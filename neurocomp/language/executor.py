"""Many programs on many examples in one compiled call, with the results of `interpreter.run`; searches need it.

A program is code [L, 5], an `isa.CodeRow` for each line. What opcodes compute comes from `isa` as a table [O, b, b];
the kernel knows by name only those opcodes that the interpreter knows by name.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from neurocomp.jit import compiled
from neurocomp.language.assembly import NOOP, Instruction, Program, slots
from neurocomp.language.isa import COLUMN, INDEX, OPCODES, CodeRow, compute

SLOTS = CodeRow._fields[1:]
COMPUTE, READ, WRITE, JUMP, HALT, NOTHING = range(6)
KINDS = {"read": READ, "write": WRITE, "jump": JUMP, "halt": HALT, "noop": NOTHING}


class Final(NamedTuple):
    """The words that P programs leave on N examples, and whether they halted."""

    memory: np.ndarray  # [P, N, A]
    registers: np.ndarray  # [P, N, R]
    halted: np.ndarray  # [P, N] of bool


def encode(programs: Sequence[Program], lines: int) -> np.ndarray:
    """Programs of at most `lines` lines as code [P, L, 5].

    They are padded with noops; slots that an opcode does not use are 0. ValueError where a program is too long.
    """
    code = np.zeros((len(programs), lines, len(COLUMN)), dtype=np.int64)
    code[..., COLUMN.opcode] = INDEX[NOOP.opcode]
    for rows, program in zip(code, programs, strict=True):
        rows[: len(program)] = [
            CodeRow(INDEX[i.opcode], *(getattr(i, slot) or 0 for slot in SLOTS)) for i in program.instructions
        ]
    return code


def decode(code: np.ndarray, jump_target: str = "line") -> Program:
    """The program with this code [L, 5]; slots that an opcode does not use are left out."""
    used = _used_slots(jump_target)
    instructions = []
    for row in map(CodeRow._make, code.tolist()):
        filled = {slot: getattr(row, slot) for slot in used[row.opcode]}
        instructions.append(Instruction(OPCODES[row.opcode].name, **filled))
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

    With memory [P, N, A] and registers [P, N, R] each program has starts of its own. The final words are exactly
    those of `interpreter.run`. Raises ValueError where a register, an opcode or a word does not exist, because the
    kernel does not check. A jump past the last line wraps, as the counter does.
    """
    code, memory, registers = _checked(code, memory, registers, base)
    final, counter = _room(code, memory, registers)
    readings = halting == "freeze", jump_target == "value"
    _kernel()(code, *meaning(base, mod_by_zero), memory, registers, steps, *readings, *final, counter)
    return final


def each_step(
    code: np.ndarray,
    memory: np.ndarray,
    registers: np.ndarray,
    *,
    base: int,
    steps: int,
    halting: str = "freeze",
    mod_by_zero: str = "zero",
    jump_target: str = "line",
) -> Iterator[tuple[np.ndarray, Final]]:
    """`execute` step by step: the line that each run executes [P, N], -1 where it has halted, and what the step leaves.

    The words are in the same arrays at every step: copy those that are to be kept.
    """
    code, memory, registers = _checked(code, memory, registers, base)
    final, counter = _room(code, memory, registers)
    freeze, by_value = halting == "freeze", jump_target == "value"
    for _ in range(steps):
        line = np.where(final.halted & freeze, -1, counter)
        _kernel()(code, *meaning(base, mod_by_zero), memory, registers, 1, freeze, by_value, *final, counter)
        memory, registers = final.memory, final.registers  # where the next step goes on
        yield line, final


def _checked(
    code: np.ndarray, memory: np.ndarray, registers: np.ndarray, base: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Code, memory [1 or P, N, A] and registers [1 or P, N, R] as the kernel takes them. Raises ValueError."""
    code, memory, registers = (np.ascontiguousarray(array, dtype=np.int64) for array in (code, memory, registers))
    if memory.ndim == 2:
        memory, registers = memory[None], registers[None]
    _check(code, memory, registers, base)
    return code, memory, registers


def _room(code: np.ndarray, memory: np.ndarray, registers: np.ndarray) -> tuple[Final, np.ndarray]:
    """Room for final states, none of which has halted, and counters [P, N] at line 0."""
    runs = len(code), memory.shape[1]
    to_memory, to_registers = (np.empty((*runs, start.shape[2]), dtype=np.int64) for start in (memory, registers))
    return Final(to_memory, to_registers, np.zeros(runs, dtype=np.bool_)), np.zeros(runs, dtype=np.int64)


@functools.cache
def _used_slots(jump_target: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(slot for _, slot in slots(opcode, jump_target)) for opcode in OPCODES)


def _check(code: np.ndarray, memory: np.ndarray, registers: np.ndarray, base: int) -> None:
    if memory.shape[2] != base or memory.shape[:2] != registers.shape[:2] or len(memory) not in (1, len(code)):
        raise ValueError(f"memory {memory.shape} and registers {registers.shape} are not examples in base {base}")
    bounds = (
        ("word in memory", memory, base),
        ("word in a register", registers, base),
        ("opcode", code[..., COLUMN.opcode], len(OPCODES)),
        ("register", code[..., COLUMN.first : COLUMN.third + 1], registers.shape[2]),
        ("line", code[..., COLUMN.target], np.inf),
    )
    for what, numbers, bound in bounds:
        if numbers.size and (numbers.min() < 0 or numbers.max() >= bound):
            raise ValueError(f"there is no {what} {numbers.min()} or {numbers.max()}, expected 0 <= it < {bound}")


@functools.lru_cache(maxsize=32)
def meaning(base: int, mod_by_zero: str) -> tuple[np.ndarray, np.ndarray]:
    """The kind of each opcode [O], and the results of those that compute, for each two words [O, b, b]."""
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
             words, words, numba.boolean[:, ::1], numba.int64[:, ::1])  # fmt: skip
    return compiled(_execute, types, (Path(__file__),))


def _execute(code, kinds, table, memory, registers, steps, freeze, by_value, to_memory, to_registers, halts, counters):
    """The kernel: from counters and halts, which it moves on, and words to the words in the `to_` arrays."""
    lines = code.shape[1]
    for p in range(code.shape[0]):
        own = p % memory.shape[0]  # 0 if all programs share one set of starts, p if each has its own
        for n in range(memory.shape[1]):
            m, r = to_memory[p, n], to_registers[p, n]
            for i in range(len(m)):  # these loops compile in a fraction of the time that slices take
                m[i] = memory[own, n, i]
            for i in range(len(r)):
                r[i] = registers[own, n, i]
            counter, halted = counters[p, n], halts[p, n]
            for _ in range(0 if halted and freeze else steps):
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
            counters[p, n], halts[p, n] = counter, halted

"""Run programs on examples, count what is right, and know behaviors again, in one compiled call.

`executor.py` runs programs one example after the other; tests compare the two. Here all examples of a program go one
step together, so that an instruction is looked at once, as long as they are at the same line. Where they part, each
goes on alone.
"""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurocomp.jit import kernel
from neurocomp.language.executor import COMPUTE, HALT, JUMP, READ, WRITE
from neurocomp.synthesis.compiled.functions_kernel import PRIME, SEED, _mixed
from neurocomp.synthesis.compiled.lowering_kernel import AN_OPERATION, JUMP_OP

NONE = -1


class Machine(NamedTuple):
    """The machine that runs programs, and the examples that they run on."""

    kinds: np.ndarray  # [O] of int64: what each opcode does
    table: np.ndarray  # [O * b * b] of uint8: the words that opcodes compute
    memory: np.ndarray  # [b, N] of uint8: start words
    registers: np.ndarray  # [R, N] of uint8
    places: np.ndarray  # [C] of int64: the checked cells, and b + the checked registers
    wanted: np.ndarray  # [C, N] of uint8: the words that a right program leaves there
    due: np.ndarray  # [C] of bool: whether the word has to change in some example
    steps: int
    freeze: bool


class Trials(NamedTuple):
    """What K programs did."""

    right: np.ndarray  # [K] of int64: how many checked words are right, over all examples
    whole: np.ndarray  # [K]: how many examples are wholly right
    changed: np.ndarray  # [K]: in how many of the places that have to change some word changed
    loops: np.ndarray  # [K] of bool: whether it jumps back
    behavior: np.ndarray  # [K] of uint64: a hash of the words in the checked places


@kernel
def _alone(machine, code, words, n, counter, steps):
    """The rest of one example's run: its memory and registers are column n of `words` [b + R, N]."""
    base, lines = len(machine.memory), len(code)
    for _ in range(steps):
        line = code[counter]
        opcode, first = line[0], base + line[1]
        counter += 1
        kind = machine.kinds[opcode]
        if kind == COMPUTE:
            place = (opcode * base + words[first, n]) * base + words[base + line[2], n]
            words[base + line[3], n] = machine.table[place]
        elif kind == READ:
            words[base + line[3], n] = words[words[first, n], n]
        elif kind == WRITE:
            words[words[first, n], n] = words[base + line[2], n]
        elif kind == JUMP:
            if words[first, n] == 0:
                counter = line[4]
        elif kind == HALT and machine.freeze:
            return
        if counter >= lines:
            counter %= lines


@kernel
def _together(machine, code, words, scratch):
    """Run a program on all examples."""
    base, lines, count = len(machine.memory), len(code), words.shape[1]
    counter = 0
    for step in range(machine.steps):
        line = code[counter]
        opcode = line[0]
        first, second, third = words[base + line[1]], words[base + line[2]], words[base + line[3]]
        counter += 1
        kind = machine.kinds[opcode]
        if kind == COMPUTE:
            table = machine.table[opcode * base * base : (opcode + 1) * base * base]
            for n in range(count):
                scratch[n] = table[first[n] * base + second[n]]
            for n in range(count):
                third[n] = scratch[n]
        elif kind == READ:
            for n in range(count):
                third[n] = words[first[n], n]
        elif kind == WRITE:
            for n in range(count):
                words[first[n], n] = second[n]
        elif kind == JUMP:
            zeros = 0
            for n in range(count):
                zeros += first[n] == 0
            if zeros == count:
                counter = line[4]
            elif zeros:
                for n in range(count):
                    goes_to = line[4] if first[n] == 0 else counter
                    _alone(machine, code, words, n, goes_to % lines, machine.steps - step - 1)
                return
        elif kind == HALT and machine.freeze:
            return
        if counter >= lines:
            counter %= lines


@kernel
def _judge(machine, words, trials, k):
    """Compare the words in the checked places with those that a right program leaves there."""
    base, count = len(machine.memory), words.shape[1]
    hashed, all_right, changed = SEED, 0, 0
    for c in range(len(machine.places)):
        place = machine.places[c]
        own, wanted = words[place], machine.wanted[c]
        start = machine.memory[place] if place < base else machine.registers[place - base]
        right, moved = 0, False
        for n in range(count):
            right += own[n] == wanted[n]
            moved |= own[n] != start[n]
        packed = np.uint64(0)
        for n in range(count):
            packed = packed << np.uint64(8) | np.uint64(own[n])
            if n % 8 == 7:
                hashed = _mixed(hashed, packed)
        hashed = _mixed(hashed, packed)
        all_right += right
        changed += moved and machine.due[c]
    trials.right[k], trials.changed[k] = all_right, changed
    trials.behavior[k] = _mixed(hashed, np.uint64(len(machine.places)) * PRIME)
    whole = 0
    if all_right == len(machine.places) * count:
        whole = count
    elif all_right >= len(machine.places):
        for n in range(count):
            right = True
            for c in range(len(machine.places)):
                right &= words[machine.places[c], n] == machine.wanted[c, n]
            whole += right
    trials.whole[k] = whole


@kernel
def _fill(shape, heads, first, counts, children, kind_of, opcode_of, program, code, stack, opcodes):
    """The code [L, 5] of a program from that of its shape [L, 6]: operations in the order of its text."""
    depth, found = 1, 0
    stack[0] = program
    while depth:
        depth -= 1
        term = stack[depth]
        head = heads[term]
        if kind_of[head] == AN_OPERATION:
            opcodes[found] = opcode_of[head]
            found += 1
        begin, count = first[term], counts[term]
        for place in range(count - 1, -1, -1):
            stack[depth] = children[begin + place]
            depth += 1
    back = False
    for line in range(len(code)):
        row, own = code[line], shape[line]
        for column in range(5):
            row[column] = own[column]
        if own[5] != NONE:
            row[0] = opcodes[own[5]]
        back |= row[0] == JUMP_OP and row[4] < line
    return back


def code_of(programs, heads, first, counts, children, kind_of, opcode_of, shapes, lowered, code, stack, opcodes):
    """Fill `code` [K, L, 5] with that of programs [K], whose shapes' code is `lowered`[`shapes`]."""
    for k in range(len(programs)):
        _fill(
            lowered[shapes[k]], heads, first, counts, children, kind_of, opcode_of, programs[k], code[k], stack, opcodes
        )


def try_programs(
    programs, heads, first, counts, children, kind_of, opcode_of, shapes, lowered, machine, code, stack, opcodes,
    words, scratch, trials,
):  # fmt: skip
    """Run programs [K] on all examples and judge them. `code` [L, 5], `words` [b + R, N] and others are scratch."""
    base = len(machine.memory)
    for k in range(len(programs)):
        trials.loops[k] = _fill(
            lowered[shapes[k]], heads, first, counts, children, kind_of, opcode_of, programs[k], code, stack, opcodes
        )
        words[:base] = machine.memory
        words[base:] = machine.registers
        _together(machine, code, words, scratch)
        _judge(machine, words, trials, k)


def put(seen, hashes, new):
    """Put hashes [K] into the set `seen` [H], where 0 is an empty place; which are `new` [K]. Returns how many are."""
    mask, found = np.uint64(len(seen) - 1), 0
    for k in range(len(hashes)):
        hashed = hashes[k] | np.uint64(1)
        slot = (hashed >> np.uint64(1)) & mask
        while seen[slot] != 0 and seen[slot] != hashed:
            slot = (slot + np.uint64(1)) & mask
        new[k] = seen[slot] == 0
        seen[slot] = hashed
        found += new[k]
    return found

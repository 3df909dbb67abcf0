"""Run programs on examples, count what is right, and know behaviors again, in one compiled call.

`executor.py` runs programs one example after the other; tests compare the two. Here the examples of a program go
through it together, eight words in a 64-bit integer, a byte each. Where a branch parts them each has a line of its own,
and those at the earliest line go on, so that they come together again behind the branch.
"""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurocomp.jit import bare_kernel as kernel
from neurocomp.jit import inline_kernel as inline
from neurocomp.synthesis.compiled.code_kernel import _fill
from neurocomp.synthesis.compiled.eights_kernel import (
    BYTE,
    EIGHT,
    HIGH,
    LOW,
    ONE,
    ONES,
    SEVEN,
    TOP,
    ZERO,
    _below,
    _bytes_of,
    _mod,
    _not_less,
    _some,
)
from neurocomp.synthesis.compiled.variables_kernel import SEED, _mixed

# What an opcode does. The first seven compute: the sum, difference, minimum or maximum of two words, a word plus a
# constant, the remainder of two words, or (TABLE) anything else, one by one.
ADD, SUB, MIN, MAX, PLUS, MOD, TABLE, READ, WRITE, JUMP, HALT, NOTHING = range(12)
LARGEST = 128  # base
LARGEST_MOD = 16  # base, for MOD
MOST_LINES, MOST_STEPS = 127, 127  # a line, one that is none, and a number of steps must be below 128
OUT = LOW  # in each byte the line of an example that has halted


class Machine(NamedTuple):
    """The machine that runs programs, and the examples that they run on.

    Words at one place (cells, then registers) of all N examples stand together, in W integers of eight; what is left
    of the last is filled with the first example's words.
    """

    actions: np.ndarray  # [O] of int64: what each opcode does
    # [O] of uint64: what PLUS adds; for MOD all bits if x mod 0 is x, none if it is 0; where in `table` TABLE begins.
    constants: np.ndarray
    table: np.ndarray  # [O * b * b] of uint8: the words that opcodes compute
    start: np.ndarray  # [b + R, W] of uint64: start words
    places: np.ndarray  # [C] of int64: the checked cells, and b + the checked registers
    wanted: np.ndarray  # [C, W] of uint64: the words that a right program leaves there
    real: np.ndarray  # [W] of uint64: 1 in the byte of each example, 0 in what is filled
    due: np.ndarray  # [C] of bool: whether the word has to change in some example
    base: int
    steps: int
    freeze: bool


class Apart(NamedTuple):
    """Examples that are not all at one line, eight in an integer."""

    lines: np.ndarray  # [W] of uint64: where they are
    steps: np.ndarray  # [W] of uint64: how many they may still make
    masks: np.ndarray  # [W] of uint64: 0xFF for each one that makes the next step


class Trials(NamedTuple):
    """What K programs did."""

    right: np.ndarray  # [K] of int64: how many checked words are right, over all examples
    whole: np.ndarray  # [K] of int64: how many examples are wholly right
    changed: np.ndarray  # [K] of int64: in how many of the places that have to change some word changed
    loops: np.ndarray  # [K] of bool: whether it jumps back
    behavior: np.ndarray  # [K] of uint64: a hash of the words in the checked places


# `eights` and `words` are the same memory, as integers of eight words and as bytes. The words at place p begin at p * W
# and at p * 8 W; `first`, `second` and `third` are such p * W. Only the examples in `masks` change; where all do, it
# is None, and Numba compiles the function for it. Indices are unsigned: of others it asks whether they count backwards.


@inline
def _put(eights, place, new, masks, w):
    """Write eight words."""
    if masks is None:
        eights[place] = new
    else:
        old = eights[place]
        eights[place] = old ^ ((old ^ new) & masks[w])


@inline
def _among(masks, n):
    """Whether example n is in the masks."""
    return True if masks is None else (masks[n >> np.uint64(3)] >> (EIGHT * (n & SEVEN))) & BYTE != ZERO


@inline
def _compute(action, constant, base, table, eights, words, first, second, third, masks, width):
    if action == PLUS:
        for w in range(width):
            _put(eights, third + w, _below(eights[first + w] + ONES * constant, base), masks, w)
    elif action == ADD:
        for w in range(width):
            _put(eights, third + w, _below(eights[first + w] + eights[second + w], base), masks, w)
    elif action == SUB:
        for w in range(width):
            _put(eights, third + w, _below(eights[first + w] + ONES * base - eights[second + w], base), masks, w)
    elif action == MOD:
        for w in range(width):
            _put(eights, third + w, _mod(eights[first + w], eights[second + w], constant), masks, w)
    elif action == TABLE:
        for n in range(EIGHT * width):
            if _among(masks, n):
                place = np.uint64(words[EIGHT * first + n]) * base + np.uint64(words[EIGHT * second + n])
                words[EIGHT * third + n] = table[constant + place]
    else:
        for w in range(width):
            x, y = eights[first + w], eights[second + w]
            differ = (x ^ y) & _not_less(x, y)
            _put(eights, third + w, y ^ differ if action == MAX else x ^ differ, masks, w)


@inline
def _address(eights, words, first, masks, width):
    """The cell to which the first example points, and whether all examples do."""
    n = ZERO
    if masks is not None:
        while not masks[n >> np.uint64(3)]:
            n += EIGHT
        while not _among(masks, n):
            n += ONE
    cell, differ = np.uint64(words[EIGHT * first + n]), ZERO
    for w in range(width):
        other = eights[first + w] ^ cell * ONES
        differ |= other if masks is None else other & masks[w]
    return cell, differ == ZERO


@inline
def _step(action, constant, base, table, eights, words, first, second, third, masks, width):
    """Carry out an instruction that neither jumps nor halts."""
    if action <= TABLE:
        _compute(action, constant, base, table, eights, words, first, second, third, masks, width)
    elif action == READ:
        cell, same = _address(eights, words, first, masks, width)
        if same:
            for w in range(width):
                _put(eights, third + w, eights[cell * width + w], masks, w)
        else:
            for n in range(EIGHT * width):
                if _among(masks, n):
                    cell = np.uint64(words[EIGHT * first + n])
                    words[EIGHT * third + n] = words[cell * EIGHT * width + n]
    elif action == WRITE:
        cell, same = _address(eights, words, first, masks, width)
        if same:
            for w in range(width):
                _put(eights, cell * width + w, eights[second + w], masks, w)
        else:
            for n in range(EIGHT * width):
                if _among(masks, n):
                    cell = np.uint64(words[EIGHT * first + n])
                    words[cell * EIGHT * width + n] = words[EIGHT * second + n]


@inline
def _parts(code, line):
    """The parts of an instruction: action, constant, first, second, third."""
    return (
        code[0, line, 0], np.uint64(code[0, line, 5]), np.uint64(code[0, line, 1]), np.uint64(code[0, line, 2]),
        np.uint64(code[0, line, 3]),
    )  # fmt: skip


@kernel
def _together(machine, code, eights, words, width):
    """Run a program on all examples, as long as they are at one line.

    Returns that line and how many steps they have left where they part; 0 steps where they do not.
    """
    lines, base, table, freeze = code.shape[1], np.uint64(machine.base), machine.table, machine.freeze
    line, left = 0, machine.steps
    while left > 0:
        at = line
        action, constant, first, second, third = _parts(code, line)
        line += 1
        if action <= WRITE:
            _step(action, constant, base, table, eights, words, first, second, third, None, width)
        elif action == JUMP:
            zero, other = ZERO, ZERO
            for w in range(width):
                some = _some(eights[first + w])
                other |= some
                zero |= some ^ HIGH
            if zero:
                if other:
                    return at, left
                line = code[0, at, 4]
        elif action == HALT and freeze:
            return at, 0
        left -= 1
        if line >= lines:
            line %= lines
    return line, 0


@inline
def _chosen(apart, line, width):
    """Put the examples that are at a line and may go on into the masks. Returns whether there are any."""
    some, here = ZERO, ONES * np.uint64(line)
    for w in range(width):
        there = _some(apart.steps[w]) & ~_some(apart.lines[w] ^ here)
        apart.masks[w] = _bytes_of(there)
        some |= there
    return some != ZERO


@kernel
def _apart(machine, code, eights, words, apart, line, left, width):
    """Run a program from a line on, with so many steps left, on examples that go ways of their own."""
    lines, base, table, freeze = code.shape[1], np.uint64(machine.base), machine.table, machine.freeze
    masks = apart.masks
    for w in range(width):
        apart.lines[w] = ONES * np.uint64(line)
    while left > 0:
        most = min(left, MOST_STEPS)  # what a byte can count
        left -= most
        for w in range(width):
            apart.steps[w] = ONES * np.uint64(most)
        line = 0
        while line < lines:  # no example that may go on is at an earlier one
            if not _chosen(apart, line, width):
                line += 1
                continue
            at, after = line, line + 1 if line + 1 < lines else 0
            action, constant, first, second, third = _parts(code, line)
            to = ONES * np.uint64(after)
            if action <= WRITE:
                _step(action, constant, base, table, eights, words, first, second, third, masks, width)
            elif action == HALT and freeze:
                to = OUT
            for w in range(width):
                apart.steps[w] -= masks[w] & ONES
                apart.lines[w] ^= (apart.lines[w] ^ to) & masks[w]
            line = after
            if action == JUMP:
                target, jumped = code[0, at, 4] % lines, ZERO
                to = ONES * np.uint64(target)
                for w in range(width):
                    jump = masks[w] & ~_bytes_of(_some(eights[first + w]))
                    apart.lines[w] ^= (apart.lines[w] ^ to) & jump
                    jumped |= jump
                if jumped and target < after:
                    line = target


@kernel
def _judge(machine, eights, trials, k, width):
    """Compare the words in the checked places with those that a right program leaves there."""
    hashed, right, changed, whole = SEED, np.uint64(0), 0, np.uint64(0)
    for w in range(width):
        wrong = np.uint64(0)
        for c in range(len(machine.places)):
            word = eights[machine.places[c] * width + w]
            differ = (_some(word ^ machine.wanted[c, w]) >> SEVEN) & machine.real[w]
            wrong |= differ
            right += ((machine.real[w] ^ differ) * ONES) >> TOP
            hashed = _mixed(hashed, word & machine.real[w] * BYTE)
        whole += ((machine.real[w] ^ wrong) * ONES) >> TOP
    for c in range(len(machine.places)):
        moved = np.uint64(0)
        for w in range(width):
            place = machine.places[c]
            moved |= eights[place * width + w] ^ machine.start[place, w]
        changed += moved != 0 and machine.due[c]
    trials.right[k], trials.whole[k], trials.changed[k] = right, whole, changed
    trials.behavior[k] = hashed


@kernel
def _execute(machine, code, eights, words, apart):
    """Run code [1, L, 6], whose first five columns are an executor's, on all examples from their start words."""
    width = np.uint64(machine.start.shape[1])
    for line in range(code.shape[1]):
        opcode = code[0, line, 0]
        code[0, line, 0], code[0, line, 5] = machine.actions[opcode], machine.constants[opcode]
        for column in range(1, 4):
            code[0, line, column] = (machine.base + code[0, line, column]) * machine.start.shape[1]
    for place in range(len(machine.start)):
        for w in range(width):
            eights[np.uint64(place) * width + w] = machine.start[place, w]
    line, left = _together(machine, code, eights, words, width)
    if left:
        _apart(machine, code, eights, words, apart, line, left, width)


def try_programs(
    programs, heads, first, children, kind_of, opcode_of, shapes, lowered, machine, code, stack, opcodes,
    eights, words, apart, trials,
):  # fmt: skip
    """Run programs [K] on all examples and judge them.

    `code` [1, L, 6], `eights` [(b + R) W], `words` (its bytes) and `apart` are scratch.
    """
    for k in range(len(programs)):
        trials.loops[k] = _fill(
            lowered, shapes[k], heads, first, children, kind_of, opcode_of, programs[k], code, 0, stack, opcodes
        )
        _execute(machine, code, eights, words, apart)
        _judge(machine, eights, trials, k, machine.start.shape[1])

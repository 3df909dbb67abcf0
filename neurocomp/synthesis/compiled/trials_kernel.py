"""Run programs on examples, count what is right, and know behaviors again, in one compiled call.

`executor.py` runs programs one example after the other; tests compare the two. Here the examples of a program go
through it together, eight words in a 64-bit integer, a byte each. Examples that are at different lines are different
groups; the group at the earliest line goes on, so that groups come together again behind a branch.
"""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurocomp.jit import bare_kernel as kernel
from neurocomp.synthesis.compiled.code_kernel import _fill
from neurocomp.synthesis.compiled.variables_kernel import SEED, _mixed

NONE = -1
# What an opcode does. The first six compute: the sum, difference, minimum or maximum of two words, a word plus a
# constant, or (TABLE) anything else, one by one.
ADD, SUB, MIN, MAX, PLUS, TABLE, READ, WRITE, JUMP, HALT, NOTHING = range(11)
LARGEST = 128  # base: the sum of two words must fit a byte
ONES, HIGH, LOW = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(0x7F7F7F7F7F7F7F7F)
BYTE, SEVEN, TOP = np.uint64(0xFF), np.uint64(7), np.uint64(56)


class Machine(NamedTuple):
    """The machine that runs programs, and the examples that they run on.

    Words at one place (cells, then registers) of all N examples stand together, in W integers of eight; what is left
    of the last is filled with the first example's words.
    """

    actions: np.ndarray  # [O] of int64: what each opcode does
    constants: np.ndarray  # [O] of int64: what PLUS adds; where in `table` the words of TABLE begin
    table: np.ndarray  # [O * b * b] of uint8: the words that opcodes compute
    start: np.ndarray  # [b + R, W] of uint64: start words
    places: np.ndarray  # [C] of int64: the checked cells, and b + the checked registers
    wanted: np.ndarray  # [C, W] of uint64: the words that a right program leaves there
    real: np.ndarray  # [W] of uint64: 1 in the byte of each example, 0 in what is filled
    due: np.ndarray  # [C] of bool: whether the word has to change in some example
    base: int
    steps: int
    freeze: bool


class Groups(NamedTuple):
    """Examples that are at one line together."""

    masks: np.ndarray  # [G, W] of uint64: 0xFF for each example of a group
    lines: np.ndarray  # [G] of int64
    steps: np.ndarray  # [G] of int64: how many it may go until one of its examples has made all its steps
    left: np.ndarray  # [N] of int64: the steps that each example has left, when its group last changed


class Trials(NamedTuple):
    """What K programs did."""

    right: np.ndarray  # [K] of int64: how many checked words are right, over all examples
    whole: np.ndarray  # [K] of int64: how many examples are wholly right
    changed: np.ndarray  # [K] of int64: in how many of the places that have to change some word changed
    loops: np.ndarray  # [K] of bool: whether it jumps back
    behavior: np.ndarray  # [K] of uint64: a hash of the words in the checked places


@kernel
def _below(x, base):
    """Eight words below 2 b, each less b where it is not below b."""
    return x - (((x + ONES * (np.uint64(128) - base)) & HIGH) >> SEVEN) * base


@kernel
def _not_less(x, y):
    """0xFF in each of eight bytes where x >= y."""
    return ((((x | HIGH) - y) & HIGH) >> SEVEN) * BYTE


@kernel
def _some(x):
    """1 in each of eight bytes where the word is not 0."""
    return ((x + LOW) & HIGH) >> SEVEN


# `eights` and `words` are the same memory, as integers of eight words and as bytes. The words at place p begin at p * W
# and at p * 8 W; `first`, `second` and `third` are such p * W. Only the examples in a group's masks change.
@kernel
def _compute(action, constant, base, table, eights, words, first, second, third, masks, group, width):
    b = np.uint64(base)
    if action == TABLE:
        for w in range(width):
            for n in range(8):
                if masks[group, w] >> np.uint64(8 * n) & BYTE:
                    own = 8 * w + n
                    word = table[constant + words[8 * first + own] * base + words[8 * second + own]]
                    words[8 * third + own] = word
    elif action == ADD:
        for w in range(width):
            old, result = eights[third + w], _below(eights[first + w] + eights[second + w], b)
            eights[third + w] = old ^ ((old ^ result) & masks[group, w])
    elif action == SUB:
        for w in range(width):
            old, result = eights[third + w], _below(eights[first + w] + ONES * b - eights[second + w], b)
            eights[third + w] = old ^ ((old ^ result) & masks[group, w])
    elif action == PLUS:
        more = ONES * np.uint64(constant)
        for w in range(width):
            old, result = eights[third + w], _below(eights[first + w] + more, b)
            eights[third + w] = old ^ ((old ^ result) & masks[group, w])
    else:
        for w in range(width):
            old, x, y = eights[third + w], eights[first + w], eights[second + w]
            first_is = _not_less(x, y)
            result = y ^ ((x ^ y) & first_is) if action == MAX else x ^ ((x ^ y) & first_is)
            eights[third + w] = old ^ ((old ^ result) & masks[group, w])


@kernel
def _address(eights, first, masks, group, width):
    """The cell to which all examples of the group point, or NONE."""
    w, shift = 0, np.uint64(0)
    while not masks[group, w]:
        w += 1
    while not (masks[group, w] >> shift) & BYTE:
        shift += np.uint64(8)
    address = (eights[first + w] >> shift) & BYTE
    differ = np.uint64(0)
    for w in range(width):
        differ |= (eights[first + w] ^ address * ONES) & masks[group, w]
    return NONE if differ else np.int64(address)


@kernel
def _read(eights, words, address, third, masks, group, width):
    cell = _address(eights, address, masks, group, width)
    if cell != NONE:
        for w in range(width):
            old, word = eights[third + w], eights[cell * width + w]
            eights[third + w] = old ^ ((old ^ word) & masks[group, w])
        return
    for w in range(width):
        for n in range(8):
            if masks[group, w] >> np.uint64(8 * n) & BYTE:
                own = 8 * w + n
                words[8 * third + own] = words[words[8 * address + own] * 8 * width + own]


@kernel
def _write(eights, words, address, second, masks, group, width):
    cell = _address(eights, address, masks, group, width)
    if cell != NONE:
        for w in range(width):
            old, word = eights[cell * width + w], eights[second + w]
            eights[cell * width + w] = old ^ ((old ^ word) & masks[group, w])
        return
    for w in range(width):
        for n in range(8):
            if masks[group, w] >> np.uint64(8 * n) & BYTE:
                own = 8 * w + n
                words[words[8 * address + own] * 8 * width + own] = words[8 * second + own]


@kernel
def _settle(groups, group, gone, count, width):
    """The group has gone so many steps: take them from its examples, drop those that have none left.

    Sets how many steps it may go on; 0 if no example is left.
    """
    least = np.int64(1) << 60
    for n in range(count):
        w, shift = n >> 3, np.uint64(8 * (n & 7))
        if groups.masks[group, w] >> shift & BYTE:
            groups.left[n] -= gone
            if groups.left[n] <= 0:
                groups.masks[group, w] &= ~(BYTE << shift)
            else:
                least = min(least, groups.left[n])
    groups.steps[group] = least if least < np.int64(1) << 60 else 0


@kernel
def _remove(groups, group, last, width):
    """The last group takes its place."""
    groups.lines[group], groups.steps[group] = groups.lines[last], groups.steps[last]
    for w in range(width):
        groups.masks[group, w] = groups.masks[last, w]


@kernel
def _together(machine, code, eights, words, groups, width):
    """Run a program on all examples."""
    lines, live, base, table, freeze = code.shape[1], 1, machine.base, machine.table, machine.freeze
    masks, parted = groups.masks, False
    groups.lines[0], groups.steps[0] = 0, machine.steps
    for w in range(width):
        masks[0, w] = ~np.uint64(0)
    for n in range(8 * width):
        groups.left[n] = machine.steps
    while live:
        # The group at the earliest line, and the earliest line of the others.
        group, others = 0, lines
        for g in range(1, live):
            if groups.lines[g] < groups.lines[group]:
                others, group = groups.lines[group], g
            else:
                others = min(others, groups.lines[g])
        counter, steps, gone, over, split, target = groups.lines[group], groups.steps[group], 0, False, False, 0
        while gone < steps and counter < others:
            action, target = code[0, counter, 0], code[0, counter, 4]
            first, second, third = code[0, counter, 1], code[0, counter, 2], code[0, counter, 3]
            constant = code[0, counter, 5]
            gone += 1
            counter += 1
            if action <= TABLE:
                _compute(action, constant, base, table, eights, words, first, second, third, masks, group, width)
            elif action == READ:
                _read(eights, words, first, third, masks, group, width)
            elif action == WRITE:
                _write(eights, words, first, second, masks, group, width)
            elif action == JUMP:
                zero, other = np.uint64(0), np.uint64(0)
                for w in range(width):
                    some = _some(eights[first + w])
                    other |= some & masks[group, w]
                    zero |= (some ^ ONES) & masks[group, w]
                if zero and other:
                    split = True
                    break
                if zero:
                    counter = target
            elif action == HALT and freeze:
                over = True
                break
            if counter >= lines:
                counter %= lines
        if over:
            live -= 1
            _remove(groups, group, live, width)
            continue
        if not parted and not split:
            return  # all examples have gone as far as the steps go
        parted = True
        _settle(groups, group, gone, 8 * width, width)
        if groups.steps[group] == 0:
            live -= 1
            _remove(groups, group, live, width)
            continue
        groups.lines[group] = counter % lines
        if split:
            # Those that have made all their steps are in neither mask, so that one of the two may be empty.
            groups.lines[live], groups.steps[live] = target % lines, groups.steps[group]
            going, staying = np.uint64(0), np.uint64(0)
            for w in range(width):
                stays = _some(eights[first + w]) * BYTE
                masks[live, w] = masks[group, w] & ~stays
                masks[group, w] &= stays
                going |= masks[live, w]
                staying |= masks[group, w]
            if not staying:
                _remove(groups, group, live, width)
            elif going:
                live += 1
            continue
        for g in range(live):
            if g != group and groups.lines[g] == groups.lines[group]:
                for w in range(width):
                    masks[g, w] |= masks[group, w]
                groups.steps[g] = min(groups.steps[g], groups.steps[group])
                live -= 1
                _remove(groups, group, live, width)
                break


@kernel
def _judge(machine, eights, trials, k, width):
    """Compare the words in the checked places with those that a right program leaves there."""
    hashed, right, changed, whole = SEED, np.uint64(0), 0, np.uint64(0)
    for w in range(width):
        wrong = np.uint64(0)
        for c in range(len(machine.places)):
            word = eights[machine.places[c] * width + w]
            differ = _some(word ^ machine.wanted[c, w]) & machine.real[w]
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


def try_programs(
    programs, heads, first, children, kind_of, opcode_of, shapes, lowered, machine, code, stack, opcodes,
    eights, words, groups, trials,
):  # fmt: skip
    """Run programs [K] on all examples and judge them.

    `code` [1, L, 6], `eights` [(b + R) W], `words` (its bytes) and others are scratch.
    """
    width = machine.start.shape[1]
    for k in range(len(programs)):
        trials.loops[k] = _fill(
            lowered, shapes[k], heads, first, children, kind_of, opcode_of, programs[k], code, 0, stack, opcodes
        )
        for line in range(code.shape[1]):
            opcode = code[0, line, 0]
            code[0, line, 0], code[0, line, 5] = machine.actions[opcode], machine.constants[opcode]
            for column in range(1, 4):
                code[0, line, column] = (machine.base + code[0, line, column]) * width
        for place in range(len(machine.start)):
            for w in range(width):
                eights[place * width + w] = machine.start[place, w]
        _together(machine, code, eights, words, groups, width)
        _judge(machine, eights, trials, k, width)

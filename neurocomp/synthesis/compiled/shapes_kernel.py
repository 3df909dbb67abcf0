"""Shapes of programs as compiled code: their numbers, and the code of those that are new."""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

import numpy as np

from neurocomp.jit import bare_kernel as kernel
from neurocomp.synthesis.compiled.lowering_kernel import _lower
from neurocomp.synthesis.compiled.registers_kernel import (
    A_STATEMENT,
    AN_ELEM,
    AN_OPERATION,
    ANOTHER_WORD,
    COUNT,
    ELEMS,
    FIRST,
    KIND,
    NONE,
    OPERATIONS,
    PLACE,
    SIZE,
    VALUE,
)


@kernel
def _flat(
    program, heads, first, children, facts, kind_of, value_of, nodes, rows
):  # fmt: skip
    """Lay a program out as nodes; `rows` says which term each is. How many they are, or NONE if it must be lowered
    by the readable assembler."""
    rows[0] = program
    count, at = 1, 0
    while at < count:
        term, node = rows[at], nodes[at]
        head = heads[term]
        node[KIND], node[VALUE] = kind_of[head], value_of[head]
        if node[KIND] == ANOTHER_WORD:
            return NONE
        if node[KIND] == A_STATEMENT:
            node[VALUE] = facts[term]
            if node[VALUE] == NONE:
                return NONE
        begin, end = np.int64(first[term]), np.int64(first[term + 1])
        node[FIRST], node[COUNT] = count, end - begin
        if count + end - begin > len(nodes):
            return len(nodes) + 1
        for place in range(begin, end):
            rows[count] = children[place]
            count += 1
        at += 1
    _count(nodes, count)
    return count


@kernel
def _count(nodes, count):
    """How many terms, elements and operations are in each node, and the place of each among the operations."""
    for at in range(count - 1, -1, -1):
        node = nodes[at]
        node[SIZE], node[ELEMS], node[OPERATIONS] = 0, node[KIND] == AN_ELEM, node[KIND] == AN_OPERATION
        for inner in range(node[FIRST], node[FIRST] + node[COUNT]):
            node[SIZE] += nodes[inner, SIZE] + 1
            node[ELEMS] += nodes[inner, ELEMS]
            node[OPERATIONS] += nodes[inner, OPERATIONS]
    nodes[0, PLACE] = 0
    for at in range(count):
        # Operations are counted in the order of the text: a term before its arguments.
        place = nodes[at, PLACE] + (nodes[at, KIND] == AN_OPERATION)
        for inner in range(nodes[at, FIRST], nodes[at, FIRST] + nodes[at, COUNT]):
            nodes[inner, PLACE] = place
            place += nodes[inner, OPERATIONS]


def lower_all(
    programs, heads, first, children, facts, kind_of, value_of, steps, starts, zeros, freeze, s, nodes, rows, code, fits
):  # fmt: skip
    """The code [K, L, 6] of programs [K], and whether each fits: 0 or 1, or NONE where this cannot say."""
    whole = np.zeros((code.shape[1], 6), np.int64)
    for k in range(len(programs)):
        count = _flat(programs[k], heads, first, children, facts, kind_of, value_of, nodes, rows)
        if count == NONE:
            fits[k] = NONE
        elif count > len(nodes):
            fits[k] = 0  # every operation and every statement takes a line
        else:
            fits[k] = _lower(s, nodes[:count], steps, starts, zeros, freeze, whole)
            for line in range(len(whole)):
                for column in range(6):
                    code[k, line, column] = whole[line, column]


def number_pairs(left, right, keys, numbers, counts, found):
    """The number of each pair [K], known ones from the hash table `keys` and `numbers`, new ones from `counts`[0] on.

    Ends early where the table is half full; returns how many were done. `counts`[1] is how many the table holds.
    """
    mask = np.uint64(len(keys) - 1)
    for k in range(len(left)):
        if 2 * counts[1] >= len(keys):
            return k
        key = np.int64(left[k]) << 32 | np.int64(right[k])
        hashed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
        slot = (hashed ^ (hashed >> np.uint64(31))) & mask
        while keys[slot] != NONE and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == NONE:
            keys[slot], numbers[slot] = key, counts[0]
            counts[0] += 1
            counts[1] += 1
        found[k] = numbers[slot]
    return len(left)

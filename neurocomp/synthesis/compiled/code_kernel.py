"""Code of programs from their shapes, and sets of hashes, as compiled code."""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

import numpy as np

from neurocomp.jit import bare_kernel as kernel
from neurocomp.synthesis.compiled.registers_kernel import AN_OPERATION, JUMP_OP, NONE


@kernel
def _fill(lowered, shape, heads, first, children, kind_of, opcode_of, program, code, k, stack, opcodes):
    """The code [k] of [K, L, 5] of a program from that of its shape [S, L, 6]: operations in the order of its text.

    Returns whether it jumps back.
    """
    depth, found = 1, 0
    stack[0] = program
    while depth:
        depth -= 1
        term = stack[depth]
        head = heads[term]
        if kind_of[head] == AN_OPERATION:
            opcodes[found] = opcode_of[head]
            found += 1
        for place in range(np.int64(first[term + 1]) - 1, np.int64(first[term]) - 1, -1):
            stack[depth] = children[place]
            depth += 1
    back = False
    for line in range(code.shape[1]):
        for column in range(5):
            code[k, line, column] = lowered[shape, line, column]
        if lowered[shape, line, 5] != NONE:
            code[k, line, 0] = opcodes[lowered[shape, line, 5]]
        back |= code[k, line, 0] == JUMP_OP and code[k, line, 4] < line
    return back


def code_of(programs, heads, first, children, kind_of, opcode_of, shapes, lowered, code, stack, opcodes):
    """Fill `code` [K, L, 5] with that of programs [K], whose shapes' code is `lowered`[`shapes`]."""
    for k in range(len(programs)):
        _fill(lowered, shapes[k], heads, first, children, kind_of, opcode_of, programs[k], code, k, stack, opcodes)


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

"""Which words are the same function, as compiled code: what `equivalence.py` decides, from tables in place of samples.

Functions of which the sample proves nothing (their variables have more combinations of values than it holds) are
never merged, so nothing is known of them: they are `unproved`. Of the others, the table is kept over the variables
on which it depends. Two are equal on the sample, and proved to be, exactly if these tables are the same and the sample
holds all combinations of the variables of both.
"""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurocomp.jit import bare_kernel as kernel
from neurocomp.synthesis.compiled.variables_kernel import (
    ENTRIES,
    FUNCTIONS,
    NONE,
    SEED,
    SETS,
    TABLES,
    VARIABLES,
    _complete,
    _mixed,
    _union,
)

A_HOLE, A_LEAF, A_READ, AN_APPLICATION = range(4)  # the nodes of a body


class Scratch(NamedTuple):
    """What one function is computed in."""

    table: np.ndarray  # [b^W] words
    seen: np.ndarray  # [b^W] of int8
    variables: np.ndarray  # [W] of int32, as are the next two
    matter: np.ndarray
    union: np.ndarray
    left: np.ndarray  # [W] of int64, as are the next two
    right: np.ndarray
    digits: np.ndarray


def scratch(base: int, width: int, words: type) -> Scratch:
    size = base**width
    lists, ints = [np.zeros(width, np.int32) for _ in range(3)], [np.zeros(width, np.int64) for _ in range(3)]
    return Scratch(np.zeros(size, words), np.zeros(size, np.int8), *lists, *ints)


@kernel
def _strides(lists, table, all_of, count, base, to):
    """How far a step of each of `count` variables goes in a table over some of them: 0 for others."""
    size = 0
    while size < len(all_of) and lists[table, size] != NONE:
        size += 1
    for v in range(count):
        to[v] = 0
        stride = 1
        for place in range(size - 1, -1, -1):
            if lists[table, place] == all_of[v]:
                to[v] = stride
            stride *= base


@kernel
def _reduced(table, variables, count, base):
    """Leave out the variables on which the table does not depend; how many are left."""
    v = 0
    while v < count:
        inner = base ** (count - 1 - v)
        outer = base**v
        depends = False
        for o in range(outer):
            for value in range(1, base):
                for i in range(inner):
                    if table[(o * base + value) * inner + i] != table[o * base * inner + i]:
                        depends = True
                        break
                if depends:
                    break
            if depends:
                break
        if depends:
            v += 1
            continue
        for o in range(outer):
            for i in range(inner):
                table[o * inner + i] = table[o * base * inner + i]
        for place in range(v, count - 1):
            variables[place] = variables[place + 1]
        variables[count - 1] = NONE
        count -= 1
    return count


@kernel
def _unproved(known):
    function = known.counts[FUNCTIONS]
    known.table_of[function] = NONE
    known.counts[FUNCTIONS] += 1
    return function


@kernel
def _hash_of(matter, table, start, size):
    hashed, packed = SEED, np.uint64(0)
    for v in range(len(matter)):
        hashed = _mixed(hashed, matter[v])
    for entry in range(size):
        packed = packed << np.uint64(8) ^ np.uint64(table[start + entry])
        if entry % 8 == 7:
            hashed = _mixed(hashed, packed)
    return _mixed(hashed, packed)


@kernel
def _met(known, size, base, s):
    """The function with the table in `s` over `s.matter`: a known one if that is proved, else a new one.

    `s.variables` are those of its text.
    """
    new = known.counts[TABLES]
    for v in range(len(s.matter)):
        known.variables[new, v] = s.variables[v]
    slot = _hash_of(s.matter, s.table, 0, size) & np.uint64(len(known.heads) - 1)
    last = NONE
    while known.heads[slot] != NONE:
        other = known.heads[slot]
        same = True
        for v in range(len(s.matter)):
            same &= known.matter[other, v] == s.matter[v]
        if same:
            start = np.int64(known.start[other])
            for entry in range(size):
                if known.entries[start + entry] != s.table[entry]:
                    same = False
                    break
        if same:
            while other != NONE:
                both = _union(known.variables, new, other, s.union)
                if _complete(known, s.union, both, base, s.seen):
                    return known.function_of[other]
                last, other = other, known.follower[other]
            break
        slot = (slot + np.uint64(1)) & np.uint64(len(known.heads) - 1)
    if last == NONE:
        known.heads[slot] = new
    else:
        known.follower[last] = new
    start, function = known.counts[ENTRIES], known.counts[FUNCTIONS]
    known.start[new], known.follower[new] = start, NONE
    known.function_of[new], known.table_of[function] = function, new
    for v in range(len(s.matter)):
        known.matter[new, v] = s.matter[v]
    for entry in range(size):
        known.entries[start + entry] = s.table[entry]
    known.counts[ENTRIES] += size
    known.counts[TABLES] += 1
    known.counts[FUNCTIONS] += 1
    return function


@kernel
def _tabled(known, results, arity, one, other, count, base, s):
    """Write the table of an operation's results over `count` variables, the last of which changes fastest."""
    _strides(known.matter, one, s.matter, count, base, s.left)
    _strides(known.matter, other, s.matter, count, base, s.right)
    entries, table, digits = known.entries, s.table, s.digits
    at, beside, entry = np.int64(known.start[one]), np.int64(known.start[other]), 0
    if count == 0:
        table[0] = results[entries[at] * base + entries[beside]] if arity == 2 else results[entries[at]]
        return
    step, other_step = s.left[count - 1], s.right[count - 1]
    digits[:] = 0
    for _ in range(base ** (count - 1)):
        if arity == 2:
            for value in range(base):
                place = entries[at + value * step] * base + entries[beside + value * other_step]
                table[entry + value] = results[place]
        else:
            for value in range(base):
                table[entry + value] = results[entries[at + value * step]]
        entry += base
        for v in range(count - 2, -1, -1):
            digits[v] += 1
            at += s.left[v]
            beside += s.right[v]
            if digits[v] < base:
                break
            at -= s.left[v] * base
            beside -= s.right[v] * base
            digits[v] = 0


@kernel
def _applied(known, results, arity, one, other, base, s):
    """The function of an operation (`results` [base^arity]) applied to one function, or to two."""
    one, other = known.table_of[one], known.table_of[other]
    if one == NONE or other == NONE:
        return _unproved(known)
    count = _union(known.variables, one, other, s.variables)
    if not _complete(known, s.variables, count, base, s.seen):
        return _unproved(known)
    matters = _union(known.matter, one, other, s.matter)
    _tabled(known, results, arity, one, other, matters, base, s)
    matters = _reduced(s.table, s.matter, matters, base)
    return _met(known, base**matters, base, s)


@kernel
def _full(known, size, more):
    """Whether an array might be too short for so many more functions with tables of this size."""
    tables = known.counts[TABLES] + more
    return (
        known.counts[FUNCTIONS] + more > len(known.table_of)
        or tables > len(known.start)
        or known.counts[ENTRIES] + more * size > len(known.entries)
        or 2 * tables > len(known.heads)
        or 2 * known.counts[SETS] >= len(known.sets)
        or known.counts[VARIABLES] + more > len(known.column_of)
    )


@kernel
def _leaf(known, variable, base, s):
    count, size = 0, 1
    s.matter[:] = NONE
    if variable >= 0:
        s.matter[0], count, size = variable, 1, base
        for word in range(base):
            s.table[word] = word
    else:
        s.table[0] = NONE - 1 - variable
    for v in range(len(s.matter)):
        s.variables[v] = s.matter[v]
    if not _complete(known, s.variables, count, base, s.seen):
        return _unproved(known)
    return _met(known, size, base, s)


def leaves(known, variables, base, s, numbers):
    """The functions `numbers` [K] of `variables` [K], NONE - 1 - n for a number n. Ends early, as `applied` does."""
    for k in range(len(variables)):
        if _full(known, len(s.table), 1):
            return k
        numbers[k] = _leaf(known, variables[k], base, s)
    return len(variables)


def place_tables(known, base):
    """Put all tables into their hash table, which is empty."""
    behind = np.zeros(known.counts[TABLES], np.bool_)
    for table in range(known.counts[TABLES]):
        if known.follower[table] != NONE:
            behind[known.follower[table]] = True
    for table in range(known.counts[TABLES]):
        start = np.int64(known.start[table])
        if not behind[table]:
            matter, size = known.matter[table], 1
            for v in range(len(matter)):
                size *= base if matter[v] != NONE else 1
            slot = _hash_of(matter, known.entries, start, size) & np.uint64(len(known.heads) - 1)
            while known.heads[slot] != NONE:
                slot = (slot + np.uint64(1)) & np.uint64(len(known.heads) - 1)
            known.heads[slot] = table


def applied(known, results, arity, left, right, ordered, met, base, s, numbers, new):
    """Apply an operation to functions [K] and [K]: the `numbers` [K] of the results, and which are `new` [K].

    With `ordered`, pairs whose first number is the larger are left out: they are not new. `met` [F] marks functions
    that have a word already. Ends early where an array of `known` might be too short; returns how many were done.
    """
    for k in range(len(left)):
        if _full(known, len(s.table), 1):
            return k
        new[k] = False
        if ordered and left[k] > right[k]:
            continue
        numbers[k] = _applied(known, results, arity, left[k], right[k], base, s)
        new[k] = not met[numbers[k]]
        met[numbers[k]] = True
    return len(left)


def written(known, nodes, operations, tables, arities, words, fits, met, base, s, work, numbers, new):
    """The functions `numbers` [K] of a body, given those of its holes `words` [K, n], and which are `new` [K].

    Each of its `nodes` [N, 3] comes after its arguments: a kind and two numbers. `operations` [K, N] says which of the
    `tables` [O, b^2] a node applies. Only those that `fit` [K] are words from now on. Ends early, as `applied` does.
    """
    for k in range(len(words)):
        if _full(known, len(s.table), len(nodes)):
            return k
        for n in range(len(nodes)):
            kind, one, other = nodes[n]
            if kind == A_HOLE:
                work[n] = words[k, one]
            elif kind == A_LEAF:
                work[n] = _leaf(known, one, base, s)
            elif kind == A_READ:
                if known.reads[other, work[one]] == 0:
                    known.counts[VARIABLES] += 1
                    known.reads[other, work[one]] = known.counts[VARIABLES]
                work[n] = _leaf(known, known.reads[other, work[one]] - 1, base, s)
            else:
                operation = operations[k, n]
                work[n] = _applied(known, tables[operation], arities[operation], work[one], work[other], base, s)
        numbers[k] = work[len(nodes) - 1]
        new[k] = fits[k] and not met[numbers[k]]
        met[numbers[k]] |= fits[k]
    return len(words)

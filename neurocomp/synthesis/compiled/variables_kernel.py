"""Sets of variables, and whether the sample holds all combinations of their values, as compiled code."""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurocomp.jit import bare_kernel as kernel

NONE = -1
# Places in the counts.
FUNCTIONS, TABLES, ENTRIES, SETS, VARIABLES, UNDRAWN = range(6)
PRIME, SEED = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x243F6A8885A308D3)


class Known(NamedTuple):
    """All functions met so far. A list of variables ascends; it has a width of W, what is missing is NONE."""

    counts: np.ndarray  # [6] of int64: how many there are of each of the above; whether a variable was not drawn
    table_of: np.ndarray  # [F] of int32: the table of a function, NONE if it is unproved
    function_of: np.ndarray  # [T] of int32: the function of a table
    variables: np.ndarray  # [T, W] of int32: those of the function's text
    matter: np.ndarray  # [T, W] of int32: those that the table is over
    start: np.ndarray  # [T] of uint32: where the table begins
    follower: np.ndarray  # [T] of int32: the next one with the same entries
    entries: np.ndarray  # of uint8: the tables one after the other
    heads: np.ndarray  # [H] of int32, a hash table: the first table with some entries
    sets: np.ndarray  # [S, W] of int32: sets of variables
    complete: np.ndarray  # [S] of int8: whether the sample holds all their combinations
    places: np.ndarray  # [H] of int32, a hash table: the place of a set
    columns: np.ndarray  # [C, sample] of uint8: the sampled values of the variables that have met another
    column_of: np.ndarray  # [V] of int32: where those of a variable are, NONE if they are not drawn
    reads: np.ndarray  # [R, F] of int32: 1 + the variable of a read from an address that is the function, or 0


@kernel
def _mixed(hashed, word):
    hashed = (hashed ^ np.uint64(word)) * PRIME
    return hashed ^ (hashed >> np.uint64(29))


@kernel
def _union(lists, one, other, to):
    """The variables of either list, ascending; how many, or W + 1 if they are more than W."""
    i, j, count, width = 0, 0, 0, len(to)
    while True:
        left = lists[one, i] if i < width else NONE
        right = lists[other, j] if j < width else NONE
        if left == NONE and right == NONE:
            break
        if count == width:
            return width + 1
        if right == NONE or (left != NONE and left <= right):
            i += 1
            j += left == right
            to[count] = left
        else:
            j += 1
            to[count] = right
        count += 1
    for place in range(count, width):
        to[place] = NONE
    return count


@kernel
def _seen_all(known, variables, count, base, seen):
    """Whether the sample holds all combinations of values of these variables."""
    columns, column_of = known.columns, known.column_of
    for v in range(count):
        if column_of[variables[v]] == NONE:
            known.counts[UNDRAWN] = 1
            return False
    missing = base**count
    seen[:missing] = 0
    for n in range(columns.shape[1]):
        place = 0
        for v in range(count):
            place = place * base + columns[column_of[variables[v]], n]
        if not seen[place]:
            seen[place] = 1
            missing -= 1
            if missing == 0:
                return True
    return False


@kernel
def _complete(known, variables, count, base, seen):
    """`_seen_all`, remembered."""
    # The sample has at least 10 b^2 words of a variable: one is missing with a probability of b e^(-10 b) at most.
    if count <= 1:
        return True
    if count > len(variables) or base**count > known.columns.shape[1]:
        return False
    hashed = SEED
    for v in range(count):
        hashed = _mixed(hashed, variables[v])
    mask = np.uint64(len(known.places) - 1)
    slot = hashed & mask
    while known.places[slot] != NONE:
        place = known.places[slot]
        same = True
        for v in range(len(variables)):
            same &= known.sets[place, v] == variables[v]
        if same:
            return known.complete[place] == 1
        slot = (slot + np.uint64(1)) & mask
    full = _seen_all(known, variables, count, base, seen)
    place = known.counts[SETS]
    if place < len(known.sets):
        known.counts[SETS] += 1
        known.places[slot] = place
        for v in range(len(variables)):
            known.sets[place, v] = variables[v]
        known.complete[place] = full
    return full


def meeting(known, left, right, union, needed):
    """Mark the variables `needed` [V] of which a sample is looked at where functions [K] and [K] meet."""
    for k in range(len(left)):
        one, other = known.table_of[left[k]], known.table_of[right[k]]
        if one != NONE and other != NONE:
            count = _union(known.variables, one, other, union)
            if 2 <= count <= len(union):
                for v in range(count):
                    needed[union[v]] = True


def place_sets(known):
    """Put all sets of variables into their hash table, which is empty."""
    mask = np.uint64(len(known.places) - 1)
    for place in range(known.counts[SETS]):
        variables, hashed = known.sets[place], SEED
        for v in range(len(variables)):
            if variables[v] != NONE:
                hashed = _mixed(hashed, variables[v])
        slot = hashed & mask
        while known.places[slot] != NONE:
            slot = (slot + np.uint64(1)) & mask
        known.places[slot] = place

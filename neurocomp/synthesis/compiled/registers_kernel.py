"""The assembler's account of registers, and the words that it computes, as compiled code: see `lowering_kernel.py`.

The account is `a`, at the places named below.
"""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurocomp.jit import bare_kernel as kernel
from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.synthesis.assembler import ZERO
from neurocomp.synthesis.compiled.recording import AT_ELEM, AT_INDEX, MOST, NUMBER

# The kinds of nodes.
A_NUMBER, A_REGISTER, AN_INDEX, AN_ELEM, A_NAME, AN_OPERATION, A_STATEMENT, ANOTHER_WORD = range(8)
# The columns of a flat program's nodes. VALUE is the number, the register or the opcode; of a statement, its recording.
KIND, VALUE, FIRST, COUNT, SIZE, ELEMS, PLACE, OPERATIONS = range(8)
# Places in the account.
FRESH, FRESH_END, USED, MISSING, ROWS, LOOPS, ELEMENT, LEFT, FRUGAL, LINES, REGISTERS = range(11)
NONE = -1
# The columns of rows: those of code, and the place of the operation whose opcode it is, or NONE.
WHICH = 5
ZERO_OP, INC_OP, MAX_OP, SUB_OP, READ_OP, JUMP_OP, HALT_OP, NOOP_OP = (
    OPCODE[name] for name in ("zero", "inc", "max", "sub", "read", "jump", "halt", "noop")
)
FITS, TOO_LONG, TOO_FEW = range(3)


class Scratch(NamedTuple):
    """The account of one lowering, allocated once."""

    a: np.ndarray  # the places above
    fresh: np.ndarray
    used: np.ndarray
    temporary: np.ndarray  # [registers] of 0 and 1
    constants: np.ndarray  # [base] registers, or NONE
    rows: np.ndarray  # [lines and more, 6]
    loops: np.ndarray  # [depth, 3]: the register of its index, its first line, whether it has been stepped
    results: np.ndarray  # [depth, results]
    jumps: np.ndarray  # [depth, jumps]
    begun: np.ndarray  # [depth, loops]: places in `loops`
    frames: np.ndarray  # [6, depth]: the statements that are being written; where each is; its results, loops, jumps
    words: np.ndarray  # [depth, 4]: the operations that are being written; how many arguments each has; their registers


def scratch(lines: int, registers: int, base: int, zeros: int) -> Scratch:
    more, depth = lines + base + 16, 2 * lines + 4  # registers that are made up: at most one an instruction
    shapes = {
        "a": 12, "fresh": zeros + 1, "used": 4 * more, "temporary": registers + 4 * more, "constants": base,
        "rows": (2 * more + base, 6), "loops": (depth, 3), "results": (depth, MOST), "jumps": (depth, MOST),
        "begun": (depth, MOST), "frames": (5, depth), "words": (depth, 4),
    }  # fmt: skip
    made = Scratch(**{name: np.zeros(shape, np.int64) for name, shape in shapes.items()})
    made.a[LINES], made.a[REGISTERS] = lines, registers
    return made


@kernel
def _take_fresh(s):
    a = s.a
    if a[FRESH] == a[FRESH_END]:
        a[MISSING] += 1
        return a[REGISTERS] + a[MISSING] - 1
    a[FRESH] += 1
    return s.fresh[a[FRESH] - 1]


@kernel
def _take(s):
    """A temporary register."""
    a = s.a
    if a[USED] > 0:
        a[USED] -= 1
        taken = s.used[a[USED]]
    else:
        taken = _take_fresh(s)
    s.temporary[taken] = 1
    return taken


@kernel
def _release(s, register):
    if register >= 0 and s.temporary[register]:
        s.temporary[register] = 0
        s.used[s.a[USED]] = register
        s.a[USED] += 1


@kernel
def _emit(s, opcode, first, second, to):
    """Write a row. Rows that are too many are counted, and written over the last."""
    line = min(s.a[ROWS], len(s.rows) - 1)
    row = s.rows[line]
    row[0], row[1], row[2], row[3], row[4], row[WHICH] = opcode, first, second, to, 0, NONE
    s.a[ROWS] += 1


@kernel
def _zeroed(s):
    a = s.a
    if a[FRESH] < a[FRESH_END] and a[LOOPS] == 0 and not (a[FRUGAL] and a[USED] > 0):
        taken = s.fresh[a[FRESH]]
        a[FRESH] += 1
        s.temporary[taken] = 1
        return taken
    taken = _take(s)
    _emit(s, ZERO_OP, 0, 0, taken)
    return taken


@kernel
def _constant(s, value):
    if value == 0:
        return ZERO
    if s.constants[value] == NONE:
        s.constants[value] = _take_fresh(s)
    return s.constants[value]


@kernel
def _element(s):
    a = s.a
    if a[ELEMENT] == NONE:
        a[ELEMENT] = _take(s)
        s.temporary[a[ELEMENT]] = 0
        _emit(s, READ_OP, s.loops[a[LOOPS] - 1, 0], 0, a[ELEMENT])
    a[LEFT] -= 1
    if a[LEFT] == 0:
        s.temporary[a[ELEMENT]] = 1
    return a[ELEMENT]


@kernel
def _leaf(s, kind, value):
    if kind == A_NUMBER:
        return _constant(s, value)
    if kind == AN_INDEX:
        return s.loops[s.a[LOOPS] - 1, 0]
    if kind == AN_ELEM:
        return _element(s)
    return value


@kernel
def _argument(nodes, at, done):
    """The argument that is computed after `done` others: the larger first, of equals the first."""
    first = nodes[at, FIRST]
    swapped = nodes[at, COUNT] == 2 and nodes[first + 1, SIZE] > nodes[first, SIZE]
    return 1 - done if swapped else done


@kernel
def _computed(s, nodes, root, to):
    """The register of an operation, whose instructions are written; `to` is that register, or NONE for any."""
    # Without recursion: a frame is a node, how many of its arguments have been computed, and their registers.
    frames, depth = s.words, 0
    frames[0, 0], frames[0, 1] = root, 0
    while True:
        frame = frames[depth]
        at = frame[0]
        count = nodes[at, COUNT]
        if frame[1] < count:
            place = _argument(nodes, at, frame[1])
            child = nodes[at, FIRST] + place
            if nodes[child, KIND] == AN_OPERATION:
                depth += 1
                frames[depth, 0], frames[depth, 1] = child, 0
            else:
                frame[2 + place] = _leaf(s, nodes[child, KIND], nodes[child, VALUE])
                frame[1] += 1
            continue
        for place in range(count):
            _release(s, frame[2 + place])
        result = to if depth == 0 and to != NONE else _take(s)
        _emit(s, nodes[at, VALUE], frame[2] if count > 0 else 0, frame[3] if count > 1 else 0, result)
        s.rows[min(s.a[ROWS], len(s.rows)) - 1, WHICH] = nodes[at, PLACE]
        if depth == 0:
            return result
        depth -= 1
        frame = frames[depth]
        frame[2 + _argument(nodes, frame[0], frame[1])] = result
        frame[1] += 1


@kernel
def _word(s, nodes, parent, ref):
    """The register of the word that a ref of a recording means."""
    if ref == AT_INDEX:
        return s.loops[s.a[LOOPS] - 1, 0]
    if ref == AT_ELEM:
        return _element(s)
    if ref <= NUMBER:
        return _constant(s, NUMBER - ref)
    at = nodes[parent, FIRST] + ref
    if nodes[at, KIND] == AN_OPERATION:
        return _computed(s, nodes, at, NONE)
    return _leaf(s, nodes[at, KIND], nodes[at, VALUE])


@kernel
def _size(nodes, parent, ref):
    return nodes[nodes[parent, FIRST] + ref, SIZE] if ref >= 0 else 0


@kernel
def _elems(nodes, parent, ref):
    if ref >= 0:
        return nodes[nodes[parent, FIRST] + ref, ELEMS]
    return 1 if ref == AT_ELEM else 0


@kernel
def _copy(s, nodes, parent, ref, to):
    """`copy` of the assembler; `to` is a register, or NONE for a temporary one."""
    kind, value, at = A_NAME, 0, 0
    if ref <= NUMBER:
        kind, value = A_NUMBER, NUMBER - ref
    elif ref >= 0:
        at = nodes[parent, FIRST] + ref
        kind, value = nodes[at, KIND], nodes[at, VALUE]
    if kind == A_NUMBER and to == NONE:
        to = _zeroed(s)
        for _ in range(value):
            _emit(s, INC_OP, to, 0, to)
        return to
    if kind == AN_OPERATION:
        return _computed(s, nodes, at, to)
    source = _word(s, nodes, parent, ref)
    _release(s, source)
    if to == NONE:
        to = _take(s)
    _emit(s, MAX_OP, source, source, to)
    return to


@kernel
def _register(s, depth, given):
    """A register of a recording: 0 none, -1 the one that stays 0, else a result."""
    return s.results[depth, given - 1] if given > 0 else (ZERO if given == -1 else 0)

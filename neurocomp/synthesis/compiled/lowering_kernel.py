"""The assembler again, as compiled code on rows of integers: what `assembler.py` does, instruction for instruction.

`assembler.py` is the readable one, and tests compare the two. A program is flat here: node 0 is the program, and the
arguments of a node stand together. The account of registers is `a`, at the places named below.
"""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurocomp.jit import kernel
from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.synthesis.assembler import ZERO
from neurocomp.synthesis.compiled.recording import (
    AT_ELEM,
    AT_INDEX,
    BEGIN,
    COMPUTE,
    COPY,
    ELEMENTS,
    EMIT,
    END,
    INNER,
    JUMP,
    LAND,
    MOST,
    NAMED,
    NO_WORD,
    NUMBER,
    RELEASE,
    STEP,
    TEMPORARY,
    ZEROED,
)

# The kinds of nodes.
A_NUMBER, A_REGISTER, AN_INDEX, AN_ELEM, A_NAME, AN_OPERATION, A_STATEMENT = range(7)
# The columns of a flat program's nodes. VALUE is the number, the register or the opcode; of a statement, its recording.
KIND, VALUE, FIRST, COUNT, SIZE, ELEMS, PLACE = range(7)
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


@kernel
def _begin_loop(s):
    index = _zeroed(s)
    s.temporary[index] = 0
    loop = s.loops[s.a[LOOPS]]
    loop[0], loop[1], loop[2] = index, s.a[ROWS], 0
    s.a[LOOPS] += 1
    return index


@kernel
def _end_loop(s, nodes, parent, ref):
    loop = s.loops[s.a[LOOPS] - 1]
    if not loop[2]:
        _emit(s, INC_OP, loop[0], 0, loop[0])
    test = ZERO
    if ref != NO_WORD:
        bound = _word(s, nodes, parent, ref)
        test = _take(s)
        _emit(s, MAX_OP, loop[0], bound, test)
        _emit(s, SUB_OP, bound, test, test)
        _release(s, test)
    _emit(s, JUMP_OP, test, 0, 0)
    s.rows[min(s.a[ROWS], len(s.rows)) - 1, 4] = loop[1]
    s.a[LOOPS] -= 1
    s.used[s.a[USED]] = loop[0]
    s.a[USED] += 1


@kernel
def _words(s, nodes, parent, refs, depth, result):
    """The registers of some words, the larger first, as the results from `result` on."""
    taken = 0  # a bit for each word that has been computed
    for _ in range(len(refs)):
        best = -1
        for place in range(len(refs)):
            if taken >> place & 1 == 0 and (
                best < 0 or _size(nodes, parent, refs[place]) > _size(nodes, parent, refs[best])
            ):
                best = place
        taken |= 1 << best
        s.results[depth, result + best] = _word(s, nodes, parent, refs[best])


@kernel
def _statements(s, nodes, steps, starts):
    """Write the instructions of a program, following the recordings; `starts` says where each begins in `steps`."""
    parent, at, results, loops, jumps = s.frames[0], s.frames[1], s.frames[2], s.frames[3], s.frames[4]
    depth, parent[0], at[0] = 0, 0, starts[nodes[0, VALUE]]
    results[0], loops[0], jumps[0] = 0, 0, 0
    while depth >= 0:
        node, p = parent[depth], at[depth]
        if p == starts[nodes[node, VALUE] + 1]:
            depth -= 1
            continue
        step, after = steps[p], p + 1
        if step == COMPUTE:
            count = steps[p + 1]
            _words(s, nodes, node, steps[p + 2 : p + 2 + count], depth, results[depth])
            results[depth] += count
            after = p + 2 + count
        elif step == EMIT:
            first, second = _register(s, depth, steps[p + 2]), _register(s, depth, steps[p + 3])
            _emit(s, steps[p + 1], first, second, _register(s, depth, steps[p + 4]))
            after = p + 5
        elif step == RELEASE:
            _release(s, _register(s, depth, steps[p + 1]))
            after = p + 2
        elif step == COPY:
            to = NONE if steps[p + 2] == 0 else _register(s, depth, steps[p + 2])
            s.results[depth, results[depth]] = _copy(s, nodes, node, steps[p + 1], to)
            results[depth] += 1
            after = p + 3
        elif step == NAMED:
            s.results[depth, results[depth]] = nodes[nodes[node, FIRST] + steps[p + 1], VALUE]
            results[depth] += 1
            after = p + 2
        elif step == TEMPORARY or step == ZEROED:
            s.results[depth, results[depth]] = _take(s) if step == TEMPORARY else _zeroed(s)
            results[depth] += 1
        elif step == BEGIN:
            s.begun[depth, loops[depth]] = s.a[LOOPS]
            loops[depth] += 1
            s.results[depth, results[depth]] = _begin_loop(s)
            results[depth] += 1
        elif step == STEP:
            loop = s.loops[s.begun[depth, steps[p + 1]]]
            _emit(s, INC_OP, loop[0], 0, loop[0])
            loop[2] = 1
            after = p + 2
        elif step == END:
            _end_loop(s, nodes, node, steps[p + 2])
            after = p + 3
        elif step == ELEMENTS:
            count = steps[p + 2]
            if steps[p + 1] == 0 or s.a[LOOPS] > 0:
                s.a[LEFT], s.a[ELEMENT] = 0, NONE
                for ref in steps[p + 3 : p + 3 + count]:
                    s.a[LEFT] += _elems(nodes, node, ref)
            after = p + 3 + count
        elif step == JUMP:
            _emit(s, JUMP_OP, _register(s, depth, steps[p + 1]), 0, 0)
            s.jumps[depth, jumps[depth]] = min(s.a[ROWS], len(s.rows)) - 1
            jumps[depth] += 1
            after = p + 2
        elif step == LAND:
            s.rows[s.jumps[depth, steps[p + 1]], 4] = s.a[ROWS]
            after = p + 2
        elif step == INNER:
            at[depth] = p + 2
            depth += 1
            parent[depth] = nodes[node, FIRST] + steps[p + 1]
            at[depth] = starts[nodes[parent[depth], VALUE]]
            results[depth], loops[depth], jumps[depth] = 0, 0, 0
            continue
        at[depth] = after


@kernel
def _begin(s, nodes, zeros, frugal):
    """A new account: no register is taken, the first free one is taken last."""
    a = s.a
    a[FRESH], a[USED], a[MISSING], a[ROWS], a[LOOPS], a[LEFT] = 0, 0, 0, 0, 0, 0
    a[ELEMENT], a[FRUGAL] = NONE, frugal
    s.temporary[:] = 0
    s.constants[:] = NONE
    free = 0
    for zero in zeros:
        named = False
        for node in range(len(nodes)):
            named |= nodes[node, KIND] == A_REGISTER and nodes[node, VALUE] == zero
        if not named:
            s.fresh[free] = zero
            free += 1
    a[FRESH_END] = free
    if free > 0:
        first = s.fresh[0]
        for place in range(free - 1):
            s.fresh[place] = s.fresh[place + 1]
        s.fresh[free - 1] = first


@kernel
def _finish(s, freeze, code):
    """Put constants, program and end together in `code` [L, 6]; says whether it fits."""
    a, rows = s.a, s.rows
    zero = s.fresh[a[FRESH_END] - 1] if a[FRESH] < a[FRESH_END] else NONE
    count = min(a[ROWS], len(rows))
    if zero == NONE:
        for line in range(count):
            if rows[line, 1] == ZERO or rows[line, 2] == ZERO:
                zero = _take_fresh(s)
                break
    shift = 0
    for value in range(len(s.constants)):
        if s.constants[value] != NONE:
            shift = value
    lines = a[ROWS] + shift
    if lines > a[LINES]:
        return TOO_LONG
    if a[MISSING] > 0:
        return TOO_FEW
    code[:] = 0
    code[:, 0] = NOOP_OP
    code[:, WHICH] = NONE
    line, source = 0, zero
    for value in range(len(s.constants)):
        to = s.constants[value]
        if to != NONE:
            while line < value:
                row = code[line]
                row[0], row[1], row[3] = INC_OP, to if source == NONE else source, to
                source = to
                line += 1
    last = 0
    for own in range(count):
        row = code[shift + own]
        for column in range(6):
            row[column] = rows[own, column]
        for column in range(1, 3):
            if row[column] == ZERO:
                row[column] = zero
        if row[0] == JUMP_OP:
            row[4] += shift
        last = max(last, row[4])
    end = code[lines - 1]
    endless = end[0] == JUMP_OP and end[1] == zero and last < lines
    used = lines
    if not endless and lines < a[LINES]:
        if freeze:
            code[lines, 0] = HALT_OP
            used += 1
        elif zero != NONE:
            code[lines, 0], code[lines, 1], code[lines, 4] = JUMP_OP, zero, lines
            used += 1
    for own in range(used):
        # A jump behind the last instruction goes on to the noops after it, which end where the counter wraps.
        if code[own, 0] == JUMP_OP and code[own, 4] >= used:
            code[own, 4] = 0
    return FITS


@kernel
def _lower(s, nodes, steps, starts, zeros, freeze, code):
    """The code of a program, with few registers if it must be; says whether it fits."""
    outcome = TOO_FEW
    for frugal in range(2):
        if outcome == TOO_FEW:
            _begin(s, nodes, zeros, frugal)
            _statements(s, nodes, steps, starts)
            outcome = _finish(s, freeze, code)
    return outcome == FITS


@kernel
def _flat(program, heads, first, counts, children, operations, inner, elements, recordings, kind_of, value_of, nodes, rows):
    """Lay a program out as nodes; `rows` says which term each is. How many they are, or NONE if it must be lowered
    by the readable assembler."""
    rows[0], nodes[0, PLACE] = program, 0
    count, at = 1, 0
    while at < count:
        term, node = rows[at], nodes[at]
        head = heads[term]
        node[KIND], node[VALUE] = kind_of[head], value_of[head]
        if node[KIND] == A_STATEMENT:
            node[VALUE] = recordings[term]
            if node[VALUE] == NONE:
                return NONE
        node[FIRST], node[COUNT], node[SIZE], node[ELEMS] = count, counts[term], inner[term], elements[term]
        # Operations are counted in the order of the text: a term before its arguments.
        place = node[PLACE] + (node[KIND] == AN_OPERATION)
        if count + counts[term] > len(nodes):
            return len(nodes) + 1
        for child in children[first[term] : first[term] + counts[term]]:
            rows[count], nodes[count, PLACE] = child, place
            place += operations[child]
            count += 1
        at += 1
    return count


def lower_all(
    programs, heads, first, counts, children, operations, inner, elements, recordings, kind_of, value_of, steps, starts, zeros,
    freeze, s, nodes, rows, code, fits,
):  # fmt: skip
    """The code [K, L, 6] of programs [K], and whether each fits: 0 or 1, or NONE where this cannot say."""
    whole = np.zeros((code.shape[1], 6), np.int64)
    for k in range(len(programs)):
        count = _flat(
            programs[k], heads, first, counts, children, operations, inner, elements, recordings, kind_of, value_of, nodes, rows
        )
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

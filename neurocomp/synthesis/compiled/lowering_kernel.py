"""The assembler again, as compiled code on rows of integers: what `assembler.py` does, instruction for instruction.

`assembler.py` is the readable one, and tests compare the two. A program is flat here: node 0 is the program, and the
arguments of a node stand together.
"""

# Numba compiles this file: a name in capitals is a constant, and all else is arrays of ints.

from __future__ import annotations

from neurocomp.jit import bare_kernel as kernel
from neurocomp.synthesis.assembler import ZERO
from neurocomp.synthesis.compiled.recording import (
    BEGIN,
    COMPUTE,
    COPY,
    ELEMENTS,
    EMIT,
    END,
    INNER,
    JUMP,
    LAND,
    NAMED,
    NO_WORD,
    RELEASE,
    STEP,
    TEMPORARY,
    ZEROED,
)
from neurocomp.synthesis.compiled.registers_kernel import (
    A_REGISTER,
    ELEMENT,
    FIRST,
    FITS,
    FRESH,
    FRESH_END,
    FRUGAL,
    HALT_OP,
    INC_OP,
    JUMP_OP,
    KIND,
    LEFT,
    LINES,
    LOOPS,
    MAX_OP,
    MISSING,
    NONE,
    NOOP_OP,
    ROWS,
    SUB_OP,
    TOO_FEW,
    TOO_LONG,
    USED,
    VALUE,
    WHICH,
    _copy,
    _elems,
    _emit,
    _register,
    _release,
    _size,
    _take,
    _take_fresh,
    _word,
    _zeroed,
)


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

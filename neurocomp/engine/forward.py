"""One step of the machine on packs of examples: `machine/step.py`, written out for the compiler.

Every function reads and writes records through pointers to packs; `layout.Plan` says where everything stands.
"""

from __future__ import annotations

from neurocomp.engine.layout import BLOCK
from neurocomp.engine.packs import above, at, equal, exp2, exp2_or_zero, filled, maximum, total
from neurocomp.jit import kernel
from neurocomp.language.isa import INDEX, OPCODES, WRITING

OPCODE_COUNT = len(OPCODES)
HALT, READ, WRITE, JUMP = (INDEX[name] for name in ("halt", "read", "write", "jump"))
WRITING_START, WRITING_STOP = WRITING.start, WRITING.stop
LOG2_E = 1.4426950408889634
# The softmax of logits up to this size scales them before it subtracts the largest, which saves an operation each.
# A scaled logit is wrong by half a unit in its last place: in single precision by 6e-5 at this size, by 500 at 1e10.
FAR = 1024.0


@kernel
def step(plan, lookup, weights, far, now, after):
    """From the state in the record `now` to the state in the record `after`; everything computed stays in `now`.

    `far`: some weight is beyond FAR. A mix of lines is an average while the counter has mass 1, so it is beyond FAR
    only if a weight is; with a printed law the mass can grow, and each mix has to be looked at.
    """
    memory, registers, counter = at(now, plan.memory_at), at(now, plan.registers_at), at(now, plan.counter_at)
    opcode = at(now, plan.instruction_at)
    slots = at(opcode, OPCODE_COUNT)
    x, y, output = at(now, plan.x_at), at(now, plan.y_at), at(now, plan.output_at)
    fetch(weights, counter, opcode, plan.lines, plan.padded)
    if plan.softmax:
        softmax_sections(plan, opcode, far or (not plan.conserves and reaches_far(opcode, plan.width)))
    resolve(registers, slots, x, y, plan.registers, plan.base)
    if plan.conserves:
        now[plan.scales_at] = normalize(x, plan.base)
        now[plan.scales_at + 1] = normalize(y, plan.base)
    interpret(plan, lookup, now)
    halted, one = now[plan.halted_at], filled(now[0], 1)
    moving = one - halted if plan.freeze else one
    write = opcode[WRITE]
    gain = write if plan.exact_write else one
    exchange(memory, at(after, plan.memory_at), x, moving, write, gain, y, plan.base, plan.base)
    writing = register_writers(opcode) if plan.gated else one
    third = at(slots, 2 * plan.registers)
    after_registers = at(after, plan.registers_at)
    exchange(registers, after_registers, third, moving, writing, one, output, plan.registers, plan.base)
    advance(plan, now, at(after, plan.counter_at))
    halting = opcode[HALT]
    after[plan.halted_at] = halted + moving * halting if plan.freeze else maximum(halted, halting)


@kernel
def fetch(weights, counter, mixed, lines, padded):
    """The lines mixed by the counter (Eq. 2), BLOCK = 4 decisions at a time, whose sums stay in SIMD registers."""
    for c in range(0, padded, BLOCK):
        mass = counter[0]
        m0, m1, m2, m3 = mass * weights[c], mass * weights[c + 1], mass * weights[c + 2], mass * weights[c + 3]
        for line in range(1, lines):
            mass, w = counter[line], at(weights, line * padded + c)
            m0, m1, m2, m3 = m0 + mass * w[0], m1 + mass * w[1], m2 + mass * w[2], m3 + mass * w[3]
        mixed[c], mixed[c + 1], mixed[c + 2], mixed[c + 3] = m0, m1, m2, m3


@kernel
def reaches_far(logits, count):
    """Whether any of `count` packs of logits has a number beyond FAR in one of its lanes."""
    bound, beyond = filled(logits[0], FAR), filled(logits[0], 0)
    for i in range(count):
        beyond = beyond + above(maximum(logits[i], 0 - logits[i]), bound)
    return total(beyond) > 0


@kernel
def softmax_sections(plan, instruction, far):
    """The softmax of each section in place (Eq. 2)."""
    softmax(instruction, OPCODE_COUNT, far)
    for slot in range(3):
        softmax(at(instruction, OPCODE_COUNT + slot * plan.registers), plan.registers, far)
    if plan.own_target:
        softmax(at(instruction, OPCODE_COUNT + 3 * plan.registers), plan.lines, far)


@kernel
def softmax(section, count, far):
    """The softmax of `count` logits in place.

    With `far` the largest logit is subtracted before anything is scaled, which is accurate at any size. A share too
    small for a normal number is then zero, because it may be multiplied by a weight of 1e38 when lines are mixed.
    """
    top = section[0]
    for i in range(1, count):
        top = maximum(top, section[i])
    if far:
        for i in range(count):
            section[i] = exp2_or_zero((section[i] - top) * LOG2_E)
    else:
        top = top * LOG2_E
        for i in range(count):
            section[i] = exp2(section[i] * LOG2_E - top)
    mass = section[0]
    for i in range(1, count):
        mass = mass + section[i]
    scale = 1 / mass
    for i in range(count):
        section[i] = section[i] * scale


@kernel
def resolve(registers, slots, x, y, count, base):
    """The words in the registers of the first two slots (Eq. 5)."""
    for v in range(base):
        word = registers[v]
        first, second = slots[0] * word, slots[count] * word
        for r in range(1, count):
            word = registers[r * base + v]
            first, second = first + slots[r] * word, second + slots[count + r] * word
        x[v], y[v] = first, second


@kernel
def normalize(word, base):
    """Divide a word by its mass (see `step.resolve`) and return the factor; lanes without an example stay zero."""
    mass = word[0]
    for v in range(1, base):
        mass = mass + word[v]
    # A lane without an example has mass 0. It is divided by 1: 0 / 0 is NaN, and one NaN in a lane makes the sum over
    # lanes, the restart's gradient, NaN too.
    scale = 1 / (mass + equal(mass, filled(mass, 0)))
    for v in range(base):
        word[v] = word[v] * scale
    return scale


@kernel
def interpret(plan, lookup, now):
    """The word that the opcode computes (Eq. 6), with T in the form of `lookup`.

    output_v = sum_x x (shifts_(v - x) + read |y| M[x, v]) + the rectangles of the other opcodes, where |y| is the mass
    of y (1 unless a law is printed). shifts_s is the mass of all opcodes and words y that move x by s.
    """
    base, opcode = plan.base, at(now, plan.instruction_at)
    memory, shifts, output = at(now, plan.memory_at), at(now, plan.shifts_at), at(now, plan.output_at)
    x, y = at(now, plan.x_at), at(now, plan.y_at)
    add_up(x, lookup.x_sums, base)
    add_up(y, lookup.y_sums, base)
    zero = filled(now[0], 0)
    for v in range(base):
        shifts[v] = zero
    for i in range(len(lookup.shifts)):
        index, shift, word = lookup.shifts[i, 0], lookup.shifts[i, 1], lookup.shifts[i, 2]
        shifts[shift] = shifts[shift] + opcode[index] * y[word]
    for v in range(base):
        shifts[base + v] = shifts[v]  # so that the index `base + v - word` below stands for v - word mod b
    read = opcode[READ] * y[lookup.y_all]
    for v in range(base):
        moved, cell = zero, zero
        for word in range(base):
            moved = moved + x[word] * shifts[base + v - word]
            cell = cell + x[word] * memory[word * base + v]
        output[v] = moved + read * cell
    for i in range(len(lookup.rectangles)):
        index, v = lookup.rectangles[i, 0], lookup.rectangles[i, 1]
        a, c = lookup.rectangles[i, 2], lookup.rectangles[i, 3]
        mass = x[a] * y[c]
        output[v] = output[v] + opcode[index] * mass


@kernel
def add_up(words, sums, base):
    """Write the sums over sets of words behind the words themselves; each sum is made of earlier ones."""
    for i in range(len(sums)):
        words[base + i] = words[sums[i, 0]] + words[sums[i, 1]]


@kernel
def register_writers(opcode):
    """rho: the mass of the opcodes that write a register."""
    mass = opcode[WRITING_START]
    for i in range(WRITING_START + 1, WRITING_STOP):
        mass = mass + opcode[i]
    return mass


@kernel
def exchange(before, after, select, moving, drain, gain, word, rows, base):
    """The law of Eq. 7 and Eq. 8: each selected row loses `drain` of itself and gains `gain` of the word.

    row' = row + moving select (gain word - drain row). With freeze, moving = 1 - h: then this is (1 - h) times the row
    after the step plus h times the row before it (Eq. 11), because the row after it is `row + select (...)`.
    """
    for row in range(rows):
        share = moving * select[row]
        keep, give = 1 - share * drain, share * gain
        for v in range(base):
            after[row * base + v] = before[row * base + v] * keep + give * word[v]


@kernel
def advance(plan, now, after):
    """The counter one line on, or at the goal (Eq. 9): l' = l_n + z (gain goal - j l_n); then the halted share stays.

    normalized: gain = j. As printed: gain = 1, because l_n (1 - j) + goal z + j l_n (1 - z) = l_n + z (goal - j l_n).
    """
    counter, goal, halted = at(now, plan.counter_at), at(now, plan.goal_at), now[plan.halted_at]
    jump, test = now[plan.instruction_at + JUMP], now[plan.x_at]
    keep, give = 1 - test * jump, test * jump if plan.exact_jump else test
    following = counter[plan.lines - 1]
    for line in range(plan.lines):
        old = counter[line]
        new = following * keep + give * goal[line]
        after[line] = new + halted * (old - new) if plan.freeze else new
        following = old

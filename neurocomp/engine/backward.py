"""The backward of one step, by hand: from the adjoints of the state after it to those of the state before it.

The adjoint of a number is the derivative of the loss with respect to it. `slope` is a record of adjoints. Its state
sections hold the adjoints of the state after the step when `step_backward` begins, and those of the state before the
step when it ends; its other sections are scratch. Each function reverses the function of `forward.py` that it is
named after.
"""

from __future__ import annotations

from neurocomp.engine.forward import (
    HALT,
    JUMP,
    OPCODE_COUNT,
    READ,
    WRITE,
    WRITING_START,
    WRITING_STOP,
    register_writers,
)
from neurocomp.engine.layout import BLOCK
from neurocomp.engine.packs import above, at, equal, filled
from neurocomp.jit import kernel


@kernel
def step_backward(plan, lookup, weights, now, slope, weight_slopes):
    """Replace the adjoints in `slope` by those before the step in `now`; add to those of the weights.

    The adjoint of a number must be whole before it is passed on to the numbers that it was made from. So the order is:
    - Both exchanges first. They multiply the adjoints of registers and memory by what is kept, in place. `interpret`
      and `resolve` add to the same places, and what they add must not be multiplied. The exchange of registers also
      makes the adjoint of the output, which `interpret` passes on.
    - `normalize` and `resolve` after `interpret`, the exchange of memory and `advance`, which all use x or y (the goal
      is y with jump_target=value).
    - The softmax of the instruction after everything else but `fetch`: opcodes and slots are used everywhere.
    """
    one, zero = filled(now[0], 1), filled(now[0], 0)
    # An adjoint is a sum over all uses of its number, so those behind the state begin at 0. Where one is assigned below
    # instead of added to, it is the first term of its sum.
    for i in range(plan.instruction_at, plan.size):
        slope[i] = zero
    opcode, opcode_slopes = at(now, plan.instruction_at), at(slope, plan.instruction_at)
    slots, slot_slopes = at(opcode, OPCODE_COUNT), at(opcode_slopes, OPCODE_COUNT)
    registers, register_slopes = at(now, plan.registers_at), at(slope, plan.registers_at)
    x, x_slopes = at(now, plan.x_at), at(slope, plan.x_at)
    y, y_slopes = at(now, plan.y_at), at(slope, plan.y_at)
    halted = now[plan.halted_at]
    moving = one - halted if plan.freeze else one
    moving_slope = zero

    third = 2 * plan.registers
    drain_slope, gain_slope, more = exchange_backward(
        registers, register_slopes, at(slots, third), at(slot_slopes, third), moving,
        register_writers(opcode) if plan.gated else one, one,
        at(now, plan.output_at), at(slope, plan.output_at), plan.registers, plan.base,
    )  # fmt: skip
    moving_slope = moving_slope + more
    if plan.gated:
        for i in range(WRITING_START, WRITING_STOP):
            opcode_slopes[i] = drain_slope
    drain_slope, gain_slope, more = exchange_backward(
        at(now, plan.memory_at), at(slope, plan.memory_at), x, x_slopes, moving,
        opcode[WRITE], opcode[WRITE] if plan.exact_write else one,
        y, y_slopes, plan.base, plan.base,
    )  # fmt: skip
    moving_slope = moving_slope + more
    opcode_slopes[WRITE] = drain_slope + gain_slope if plan.exact_write else drain_slope
    interpret_backward(plan, lookup, now, slope)
    stayed_slope = advance_backward(plan, now, slope)
    if plan.conserves:
        normalize_backward(x, x_slopes, now[plan.scales_at], plan.base)
        normalize_backward(y, y_slopes, now[plan.scales_at + 1], plan.base)
    resolve_backward(registers, register_slopes, slots, slot_slopes, x_slopes, y_slopes, plan.registers, plan.base)

    # h' = h + (1 - h) halt. Besides, h decides how much of the state moves. Registers and memory use moving = 1 - h,
    # whose adjoint has the opposite sign; `advance_backward` returns the adjoint of h itself.
    halted_slope, halting = slope[plan.halted_at], opcode[HALT]
    if plan.freeze:
        opcode_slopes[HALT] = halted_slope * moving
        slope[plan.halted_at] = halted_slope * (1 - halting) - moving_slope + stayed_slope
    else:  # h' = max(h, halt): where both are equal each gets half, as in torch.maximum
        to_halting = above(halting, halted) + 0.5 * equal(halting, halted)
        opcode_slopes[HALT] = halted_slope * to_halting
        slope[plan.halted_at] = halted_slope * (1 - to_halting)
    if plan.softmax:
        softmax_sections_backward(plan, opcode, opcode_slopes)
    fetch_backward(
        weights,
        weight_slopes,
        at(now, plan.counter_at),
        at(slope, plan.counter_at),
        opcode_slopes,
        plan.lines,
        plan.padded,
    )


@kernel
def exchange_backward(before, slopes, select, select_slopes, moving, drain, gain, word, word_slopes, rows, base):
    """The backward of row' = row (1 - s drain) + s gain word, with s = moving select.

    Returns the adjoints of drain, gain and moving, and adds to those of select and word. The adjoints of the rows
    change from after to before in place. With g the adjoint of row', a sum over v each:
    s: g (gain word - drain row);  drain: -s g row;  gain: s g word;  select: moving ds;  moving: select ds.
    """
    zero = filled(moving, 0)
    drain_slope, gain_slope, moving_slope = zero, zero, zero
    for row in range(rows):
        share = moving * select[row]
        keep, give = 1 - share * drain, share * gain
        to_word, to_row = zero, zero
        for v in range(base):
            slope = slopes[row * base + v]
            to_word = to_word + slope * word[v]
            to_row = to_row + slope * before[row * base + v]
            word_slopes[v] = word_slopes[v] + slope * give
            slopes[row * base + v] = slope * keep
        share_slope = gain * to_word - drain * to_row
        drain_slope = drain_slope - share * to_row
        gain_slope = gain_slope + share * to_word
        moving_slope = moving_slope + share_slope * select[row]
        select_slopes[row] = select_slopes[row] + share_slope * moving
    return drain_slope, gain_slope, moving_slope


@kernel
def interpret_backward(plan, lookup, now, slope):
    """The backward of `interpret`: from the adjoint of the output to those of opcodes, operands and memory."""
    base, zero = plan.base, filled(now[0], 0)
    opcode, opcode_slopes = at(now, plan.instruction_at), at(slope, plan.instruction_at)
    memory, memory_slopes = at(now, plan.memory_at), at(slope, plan.memory_at)
    shifts, shift_slopes = at(now, plan.shifts_at), at(slope, plan.shifts_at)
    x, x_slopes = at(now, plan.x_at), at(slope, plan.x_at)
    y, y_slopes = at(now, plan.y_at), at(slope, plan.y_at)
    slopes = at(slope, plan.output_at)

    for i in range(len(lookup.rectangles)):
        index, v = lookup.rectangles[i, 0], lookup.rectangles[i, 1]
        a, c = lookup.rectangles[i, 2], lookup.rectangles[i, 3]
        output_slope = slopes[v]
        mass_slope = output_slope * opcode[index]
        opcode_slopes[index] = opcode_slopes[index] + output_slope * (x[a] * y[c])
        x_slopes[a] = x_slopes[a] + mass_slope * y[c]
        y_slopes[c] = y_slopes[c] + mass_slope * x[a]

    read, mass = opcode[READ], y[lookup.y_all]
    reading, reading_slope = read * mass, zero
    for word in range(base):
        moved_slope, cell_slope = zero, zero
        here, there = x[word], x[word] * reading
        for v in range(base):
            shift, cell, output_slope = base + v - word, word * base + v, slopes[v]
            moved_slope = moved_slope + output_slope * shifts[shift]
            cell_slope = cell_slope + output_slope * memory[cell]
            shift_slopes[shift] = shift_slopes[shift] + output_slope * here
            memory_slopes[cell] = memory_slopes[cell] + output_slope * there
        x_slopes[word] = x_slopes[word] + moved_slope + reading * cell_slope
        reading_slope = reading_slope + here * cell_slope
    opcode_slopes[READ] = opcode_slopes[READ] + reading_slope * mass
    y_slopes[lookup.y_all] = y_slopes[lookup.y_all] + reading_slope * read

    # The forward wrote each shift twice, at `shift` and at `base + shift`: its adjoint is the sum of both places.
    for i in range(len(lookup.shifts)):
        index, shift, c = lookup.shifts[i, 0], lookup.shifts[i, 1], lookup.shifts[i, 2]
        shift_slope = shift_slopes[shift] + shift_slopes[base + shift]
        opcode_slopes[index] = opcode_slopes[index] + shift_slope * y[c]
        y_slopes[c] = y_slopes[c] + shift_slope * opcode[index]
    add_up_backward(x_slopes, lookup.x_sums, base)
    add_up_backward(y_slopes, lookup.y_sums, base)


@kernel
def add_up_backward(slopes, sums, base):
    """Each sum's adjoint goes to both its parts.

    The last sum comes first: a sum is made of earlier ones, whose adjoints must be whole before they are passed on.
    """
    for i in range(len(sums) - 1, -1, -1):
        first, second, slope = sums[i, 0], sums[i, 1], slopes[base + i]
        slopes[first] = slopes[first] + slope
        slopes[second] = slopes[second] + slope


@kernel
def advance_backward(plan, now, slope):
    """The backward of `advance`; the adjoints of the counter change in place. Returns the adjoint of halted.

    With freeze, l' = (1 - h) new + h l and new = keep l_n + give goal, l_n the line before each (lines wrap). So h gets
    the sum of g (l - new), which without freeze is not used.
    """
    lines, halted, zero = plan.lines, now[plan.halted_at], filled(now[0], 0)
    counter, slopes = at(now, plan.counter_at), at(slope, plan.counter_at)
    goal, goal_slopes = at(now, plan.goal_at), at(slope, plan.goal_at)
    jump, test = now[plan.instruction_at + JUMP], now[plan.x_at]
    moving = 1 - halted if plan.freeze else zero + 1
    gain = jump if plan.exact_jump else zero + 1
    keep, give = 1 - test * jump, test * gain
    to_goal, to_following, to_old = zero, zero, zero
    first = slopes[0]
    for line in range(lines):
        output_slope = slopes[line]
        to_old = to_old + output_slope * counter[line]
        to_goal = to_goal + output_slope * goal[line]
        to_following = to_following + output_slope * counter[line - 1 if line else lines - 1]
        goal_slopes[line] = goal_slopes[line] + output_slope * (moving * give)
        # This line's mass stays here as far as it has halted, and goes on to the next line. The next line's adjoint is
        # still that of l', because lines come in order; only that of line 0 was overwritten by then: it is in `first`.
        onward = slopes[line + 1] if line < lines - 1 else first
        stayed = output_slope * (1 - moving)
        slopes[line] = stayed + onward * (moving * keep)
    new_goal, new_following = moving * to_goal, moving * to_following
    jump_slope = test * (new_goal - new_following) if plan.exact_jump else zero - test * new_following
    slope[plan.instruction_at + JUMP] = slope[plan.instruction_at + JUMP] + jump_slope
    slope[plan.x_at] = slope[plan.x_at] + gain * new_goal - jump * new_following
    return to_old - keep * to_following - give * to_goal


@kernel
def normalize_backward(word, slopes, scale, base):
    """The backward of word / mass, in place: (slope - mean slope) / mass, the mean being over the normalized word.

    In a lane without an example the word is 0 and `scale` is 1, so its slopes stay finite.
    """
    mean = slopes[0] * word[0]
    for v in range(1, base):
        mean = mean + slopes[v] * word[v]
    for v in range(base):
        slopes[v] = (slopes[v] - mean) * scale


@kernel
def resolve_backward(registers, slopes, slots, slot_slopes, x_slopes, y_slopes, count, base):
    """The backward of `resolve`: from the operand words to registers and to the first two slots."""
    zero = filled(slots[0], 0)
    for r in range(count):
        first, second = slots[r], slots[count + r]
        first_slope, second_slope = zero, zero
        for v in range(base):
            word, place = registers[r * base + v], r * base + v
            first_slope = first_slope + x_slopes[v] * word
            second_slope = second_slope + y_slopes[v] * word
            slopes[place] = slopes[place] + first * x_slopes[v] + second * y_slopes[v]
        slot_slopes[r] = slot_slopes[r] + first_slope
        slot_slopes[count + r] = slot_slopes[count + r] + second_slope


@kernel
def softmax_sections_backward(plan, instruction, slopes):
    """From the adjoints of probabilities to those of logits, section by section, in place."""
    softmax_backward(instruction, slopes, OPCODE_COUNT)
    for slot in range(3):
        start = OPCODE_COUNT + slot * plan.registers
        softmax_backward(at(instruction, start), at(slopes, start), plan.registers)
    if plan.own_target:
        start = OPCODE_COUNT + 3 * plan.registers
        softmax_backward(at(instruction, start), at(slopes, start), plan.lines)


@kernel
def softmax_backward(section, slopes, count):
    """The backward of a softmax p, in place: p (slope - mean slope), the mean being over p."""
    mean = section[0] * slopes[0]
    for i in range(1, count):
        mean = mean + section[i] * slopes[i]
    for i in range(count):
        slopes[i] = section[i] * (slopes[i] - mean)


@kernel
def fetch_backward(weights, weight_slopes, counter, counter_slopes, slopes, lines, padded):
    """The backward of `fetch`: from the mixed line to the counter, and to the weights.

    The weights' adjoints stay apart by lane; `store_weight_slopes` adds lanes up, once a restart. Where a line is
    padded its weights and slopes are 0, and add nothing to the counter.
    """
    zero = filled(counter[0], 0)
    for line in range(lines):
        mass = counter[line]
        w, to_weights = at(weights, line * padded), at(weight_slopes, line * padded)
        s0, s1, s2, s3 = zero, zero, zero, zero
        for c in range(0, padded, BLOCK):
            a, b, d, e = slopes[c], slopes[c + 1], slopes[c + 2], slopes[c + 3]
            s0, s1, s2, s3 = s0 + a * w[c], s1 + b * w[c + 1], s2 + d * w[c + 2], s3 + e * w[c + 3]
            to_weights[c] = to_weights[c] + mass * a
            to_weights[c + 1] = to_weights[c + 1] + mass * b
            to_weights[c + 2] = to_weights[c + 2] + mass * d
            to_weights[c + 3] = to_weights[c + 3] + mass * e
        counter_slopes[line] = counter_slopes[line] + ((s0 + s1) + (s2 + s3))

"""Whole runs of many restarts: the work of one thread until no task is left.

Threads share nothing but the `queue` of tasks. A restart's arithmetic reads its own weights and examples only, in an
order that depends only on its number of examples; so its result has the same bits whichever thread takes it.
The entry points, which `cache.compiled` compiles, are `forward` and `backward` here and `gradient` in `gradient.py`.
"""

from __future__ import annotations

from neurocomp.engine.backward import softmax_sections_backward, step_backward
from neurocomp.engine.forward import FAR, softmax_sections, step
from neurocomp.engine.packs import at, filled, lane_count, lanes_of, numbers, packs, total
from neurocomp.engine.queue import DONE, advance, next_task
from neurocomp.jit import kernel


def forward(
    queue, helping, plan, lookup, work, logits, memory, registers, counter, halted, to_memory, to_registers, to_halted,
):  # fmt: skip
    """Run packs of examples to the end and write the results to the `to_` arrays.

    `work` has room for the weights of a restart and two records, which take turns. A task is one pack of one restart.
    """
    restarts, examples, steps = to_halted.shape
    weights, records = numbers_of(work, plan)
    width = lane_count(records)
    per_restart = (examples + width - 1) // width
    while True:
        task = next_task(queue, restarts * per_restart, helping)
        if task < 0:
            break
        restart, first = task // per_restart, task % per_restart * width
        far = load_weights(plan, weights, records, at(numbers(logits), restart * size_of(plan)))
        load_state(plan, records, memory, registers, counter, halted, restart, first, examples)
        for t in range(steps):
            after = at(records, (t + 1) % 2 * plan.size)
            step(plan, lookup, weights, far, at(records, t % 2 * plan.size), after)
            trace = at(numbers(to_halted), restart * examples * steps + t)
            store(at(after, plan.halted_at), trace, first, examples, 1, steps)
        last = at(records, steps % 2 * plan.size)
        size = plan.base * plan.base
        store(at(last, plan.memory_at), at(numbers(to_memory), restart * examples * size), first, examples, size, size)
        size = plan.registers * plan.base
        target = at(numbers(to_registers), restart * examples * size)
        store(at(last, plan.registers_at), target, first, examples, size, size)
        advance(queue, DONE)


def backward(
    queue, helping, plan, lookup, work, logits, memory, registers, counter, halted,
    memory_slopes, registers_slopes, halted_slopes, logit_slopes,
):  # fmt: skip
    """The adjoints of the logits, from those of the results of `forward`. A task is one restart.

    The forward is run again, and the records of all its steps are kept in `work`. They stay in this core's cache: that
    is faster than fetching them from memory, where `forward` would have to store them, and needs room for one pack.
    """
    restarts, examples, steps = halted_slopes.shape
    weights, records = numbers_of(work, plan)
    width = lane_count(records)
    slope = at(records, (steps + 1) * plan.size)
    weight_slopes = at(slope, plan.size)
    while True:
        restart = next_task(queue, restarts, helping)
        if restart < 0:
            break
        far = load_weights(plan, weights, records, at(numbers(logits), restart * size_of(plan)))
        zero = filled(slope[0], 0)
        # The adjoints of the weights are sums over this restart's packs: they begin at 0 here, not with each pack.
        for i in range(plan.lines * plan.padded):
            weight_slopes[i] = zero
        for first in range(0, examples, width):
            load_state(plan, records, memory, registers, counter, halted, restart, first, examples)
            for t in range(steps):
                step(plan, lookup, weights, far, at(records, t * plan.size), at(records, (t + 1) * plan.size))
            size = plan.base * plan.base
            source = at(numbers(memory_slopes), restart * examples * size)
            load(at(slope, plan.memory_at), source, first, examples, size, size)
            size = plan.registers * plan.base
            source = at(numbers(registers_slopes), restart * examples * size)
            load(at(slope, plan.registers_at), source, first, examples, size, size)
            # The last counter and halted mass are no results: all that the loss sees of them is the trace.
            for i in range(plan.counter_at, plan.halted_at + 1):
                slope[i] = zero
            for t in range(steps - 1, -1, -1):
                # The trace's adjoint enters where the halted mass after step t is made. It is loaded to the last place
                # of the record, which is free here, because `step_backward` begins by clearing it.
                traced = at(slope, plan.size - 1)
                load(traced, at(numbers(halted_slopes), restart * examples * steps + t), first, examples, 1, steps)
                slope[plan.halted_at] = slope[plan.halted_at] + traced[0]
                step_backward(plan, lookup, weights, at(records, t * plan.size), slope, weight_slopes)
        target = at(numbers(logit_slopes), restart * size_of(plan))
        store_weight_slopes(plan, weights, records, slope, weight_slopes, target)
        advance(queue, DONE)


@kernel
def numbers_of(work, plan):
    """Pointers into `work`: to the weights of a restart, and behind them to the records."""
    start = packs(work)
    width = lane_count(start)
    return lanes_of(start), at(start, (plan.lines * plan.padded + width - 1) // width)


@kernel
def size_of(plan):
    """How many logits a restart has."""
    return plan.lines * plan.width


@kernel
def load_weights(plan, weights, record, logits):
    """Load what `fetch` mixes (`controller.prepare`), each line padded with zeros to whole blocks.

    With mix_of_softmax that is the softmax of each line: here the lanes of a pack are lines, not examples. `record` is
    scratch. Returns whether one of the logits is beyond FAR.
    """
    far = False
    for i in range(size_of(plan)):
        far |= abs(logits[i]) > FAR
    instruction = at(record, plan.instruction_at)
    for i in range(plan.padded):
        instruction[i] = filled(instruction[i], 0)
    for first in range(0, plan.lines, lane_count(record)):
        load(instruction, logits, first, plan.lines, plan.width, plan.width)
        if not plan.softmax:
            softmax_sections(plan, instruction, far)
        store(instruction, weights, first, plan.lines, plan.padded, plan.padded)
    return far


@kernel
def store_weight_slopes(plan, weights, record, slope, weight_slopes, logit_slopes):
    """Store the adjoints of a restart's logits: the sums over examples, then the backward of `load_weights`."""
    instruction, slopes = at(record, plan.instruction_at), at(slope, plan.instruction_at)
    for line in range(plan.lines):
        for c in range(plan.width):
            logit_slopes[line * plan.width + c] = total(weight_slopes[line * plan.padded + c])
    if not plan.softmax:
        for first in range(0, plan.lines, lane_count(record)):
            load(instruction, weights, first, plan.lines, plan.padded, plan.padded)
            load(slopes, logit_slopes, first, plan.lines, plan.width, plan.width)
            softmax_sections_backward(plan, instruction, slopes)
            store(slopes, logit_slopes, first, plan.lines, plan.width, plan.width)


@kernel
def load_state(plan, record, memory, registers, counter, halted, restart, first, examples):
    """Load the start state of a pack of examples into `record`."""
    size = plan.base * plan.base
    load(at(record, plan.memory_at), at(numbers(memory), restart * examples * size), first, examples, size, size)
    size = plan.registers * plan.base
    load(at(record, plan.registers_at), at(numbers(registers), restart * examples * size), first, examples, size, size)
    size = plan.lines
    load(at(record, plan.counter_at), at(numbers(counter), restart * examples * size), first, examples, size, size)
    load(at(record, plan.halted_at), at(numbers(halted), restart * examples), first, examples, 1, 1)


@kernel
def load(target, source, first, examples, size, stride):
    """Load `size` numbers of each example into lanes; lanes without an example get zeros.

    From a state of zeros such a lane adds nothing to a sum over lanes: its counter has no mass, so no weight gets a
    slope from it.
    """
    lanes, width = lanes_of(target), lane_count(target)
    for lane in range(width):
        if first + lane < examples:
            example = at(source, (first + lane) * stride)
            for i in range(size):
                lanes[i * width + lane] = example[i]
        else:
            for i in range(size):
                lanes[i * width + lane] = 0.0


@kernel
def store(source, target, first, examples, size, stride):
    """The inverse of `load`."""
    lanes, width = lanes_of(source), lane_count(source)
    for lane in range(min(width, examples - first)):
        example = at(target, (first + lane) * stride)
        for i in range(size):
            example[i] = lanes[i * width + lane]

"""The gradient of a loss in one compiled call: the run, the loss, and the backward.

`sweep.backward` runs the forward again because PyTorch computes the loss in between. Here the loss is part of the
kernel (`objective.losses`), so examples run once, and the backward finds their records in the core's cache. Sums are
taken in PyTorch's order on processors with vectors of 32 bytes: there the gradient of loss=log has the same bits as
with autograd, and so has the loss, because PyTorch takes its logarithms (`descent.py`). With loss=softmax the last bits
differ, because the kernel's exponential is not PyTorch's.
"""

from __future__ import annotations

import math

from neurocomp.engine.backward import step_backward
from neurocomp.engine.forward import step
from neurocomp.engine.packs import at, filled, lane_count, lanes_of, numbers, packs
from neurocomp.engine.queue import DONE, advance, next_task
from neurocomp.engine.sweep import load_state, load_weights, numbers_of, size_of, store, store_weight_slopes
from neurocomp.jit import kernel


def gradient(
    queue, helping, plan, lookup, work, logits, memory, registers, counter, halted, words, rows, shares, settings,
    to_slopes, to_mass, to_right, to_halted, to_fits,
):  # fmt: skip
    """The adjoints of the logits for a loss of rows: of distributions over words after the last step.

    `rows` says where each row stands in a record, and whether it counts for `to_fits`. `words` (K, B, rows) are the
    right words, `shares` the weights of the rows in the loss, `settings` those of `judge`. The kernel writes the
    adjoints to `to_slopes`, whether each restart fits to `to_fits`, and the inputs of `losses` to `to_mass`,
    `to_right` and `to_halted`. A task is one restart.
    """
    restarts, examples, steps = to_halted.shape
    weights, records = numbers_of(work, plan)
    width = lane_count(records)
    last = at(records, steps * plan.size)
    slope = at(last, plan.size)
    weight_slopes = at(slope, plan.size)
    # The loss has efficiency (1 - h_t), a sum over steps and a mean over examples: its derivative by each h_t.
    late_slope = -settings[1] / settings.dtype.type(examples)
    while True:
        restart = next_task(queue, restarts, helping)
        if restart < 0:
            break
        far = load_weights(plan, weights, records, at(numbers(logits), restart * size_of(plan)))
        zero, fits = filled(slope[0], 0), True
        for i in range(plan.lines * plan.padded):
            weight_slopes[i] = zero
        for first in range(0, examples, width):
            load_state(plan, records, memory, registers, counter, halted, restart, first, examples)
            for t in range(steps):
                after = at(records, (t + 1) * plan.size)
                step(plan, lookup, weights, far, at(records, t * plan.size), after)
                trace = at(numbers(to_halted), restart * examples * steps + t)
                store(at(after, plan.halted_at), trace, first, examples, 1, steps)
            for i in range(plan.halted_at + 1):
                slope[i] = zero
            # `judge` writes the adjoints of its rows; those of the rest of the last state stay 0. The last place of
            # the record is free until `step_backward`, which begins by clearing it. Here it takes the late slope in
            # each lane with an example and 0 in the others, which have no share in the loss.
            traced = at(slope, plan.size - 1)
            traced[0] = zero
            for lane in range(min(width, examples - first)):
                lanes_of(traced)[lane] = late_slope
                fits &= judge(
                    plan, rows, shares, settings, words[restart, first + lane], at(lanes_of(last), lane),
                    at(lanes_of(slope), lane), width, to_mass[restart, first + lane], to_right[restart, first + lane],
                )  # fmt: skip
            late = traced[0]
            # h after step t enters the loss itself and the next step. Its second part is in `slope` already.
            for t in range(steps - 1, -1, -1):
                slope[plan.halted_at] = slope[plan.halted_at] + late
                step_backward(plan, lookup, weights, at(records, t * plan.size), slope, weight_slopes)
        to_fits[restart] = fits
        target = at(numbers(to_slopes), restart * size_of(plan))
        store_weight_slopes(plan, weights, records, slope, weight_slopes, target)
        advance(queue, DONE)


@kernel
def judge(plan, rows, shares, settings, words, last, slope, width, to_mass, to_right):
    """Whether the most likely words of one example are right; the adjoints of its rows go to `slope`.

    A row fits if it need not be right, or if its most likely word is. A row with a number that is not finite has no
    most likely word (`recovery.says`). A row with loss share (log(mass + tiny) - log(right + tiny)) has the adjoints
    share / (mass + tiny) at every word, less share / (right + tiny) at the right one.

    With loss=softmax it has loss share (logsumexp - right), and adjoints share softmax, less share at the right one.

    `last` and `slope` point to the example's lane, where one number is `width` from the next. The first setting is
    tiny (`objective.TINY`), which keeps logarithms finite: `to_mass` and `to_right` hold the sums with it, or what
    they are of softmax. The second is the weight of the mass that has not halted (`efficiency`). The third is 1 with
    loss=softmax, else 0.
    """
    fits = True
    for i in range(len(rows)):
        row, slopes, word = at(last, rows[i, 0] * width), at(slope, rows[i, 0] * width), words[i]
        likeliest, largest, known = 0, row[0], True
        for v in range(plan.base):
            value = row[v * width]
            known &= value - value == 0  # neither NaN nor infinite
            if value > largest:
                likeliest, largest = v, value
        fits &= (known and likeliest == word) or rows[i, 1] == 0
        # Below, adjoints are assigned, not added: rows are different places, as a task checks no word twice.
        if settings[2]:
            to_right[i] = row[word * width]
            to_mass[i] = softmax_row(row, slopes, plan.base, width, largest, shares[i])
            slopes[word * width] = slopes[word * width] - shares[i]
            continue
        to_mass[i] = total_mass(row, plan.base, width, width) + settings[0]
        to_right[i] = row[word * width] + settings[0]
        every = shares[i] / to_mass[i]
        for v in range(plan.base):
            slopes[v * width] = every
        slopes[word * width] = every - shares[i] / to_right[i]
    return fits


@kernel
def softmax_row(row, slopes, base, width, largest, share):
    """The log of the sum of the exponentials of a row; `share` times its softmax goes to `slopes`."""
    total = row[0] - row[0]
    for v in range(base):
        part = math.exp(row[v * width] - largest)
        slopes[v * width] = part
        total += part
    for v in range(base):
        slopes[v * width] = share * (slopes[v * width] / total)
    return largest + math.log(total)


def losses(counts, settings, logs_of_mass, logs_of_right, halted, work, to_losses):
    """The loss of each restart: `objective.composite` of one cross-entropy for each of `counts`, in rows.

    `logs_of_mass` and `logs_of_right` (K, B, rows) are what `judge` gave, with loss=log their logarithms. `work` has
    room for all rows of a restart's examples, and for a number for each example and each step.
    """
    restarts, examples, _ = logs_of_mass.shape
    steps, width = halted.shape[2], lane_count(packs(work))
    row, efficiency = numbers(work), settings[1]
    for restart in range(restarts):
        loss, first = to_losses.dtype.type(0), 0
        for count in counts:
            if count:
                for b in range(examples):
                    for i in range(count):
                        mass, right = logs_of_mass[restart, b, first + i], logs_of_right[restart, b, first + i]
                        row[b * count + i] = mass - right
                loss += total_mass(row, examples * count, 1, width) / to_losses.dtype.type(examples * count)
            first += count
        if efficiency:
            late = at(row, steps)
            for b in range(examples):
                for t in range(steps):
                    row[t] = 1 - halted[restart, b, t]
                late[b] = total_mass(row, steps, 1, width)
            loss += efficiency * (total_mass(late, examples, 1, width) / to_losses.dtype.type(examples))
        to_losses[restart] = loss


@kernel
def total_mass(row, count, stride, width):
    """The sum of `count` numbers in PyTorch's order: the rest beyond whole vectors of `width`, then lane by lane.

    This is PyTorch's order for fewer than 16 times 4 vectors; for more, PyTorch makes sums of sums.
    """
    vectors = count // width
    if not vectors:
        return sum_in_turns(row, count, stride)
    rest = vectors * width
    if rest == count:
        mass, following = sum_in_turns(row, vectors, width * stride), 1
    else:
        mass, following = row[rest * stride], 0
    for v in range(rest + 1, count):
        mass = mass + row[v * stride]
    for lane in range(following, width):
        mass = mass + sum_in_turns(at(row, lane * stride), vectors, width * stride)
    return mass


@kernel
def sum_in_turns(numbers, count, stride):
    """The sum of `count` numbers by four sums that take them in turn; the first sum also takes the last 1 to 3."""
    turns = 4 if count >= 4 else 1
    whole = count // turns * turns
    mass = numbers[0]
    for v in range(turns, whole, turns):
        mass = mass + numbers[v * stride]
    for v in range(whole, count):
        mass = mass + numbers[v * stride]
    for turn in range(1, turns):
        part = numbers[turn * stride]
        for v in range(turn + turns, whole, turns):
            part = part + numbers[v * stride]
        mass = mass + part
    return mass

"""How threads share the work of a kernel: they take numbered tasks from a queue, round after round.

A round begins when the next number is 0 again. Between rounds helping threads keep looking, as long as their patience
lasts: a thread that has to be woken comes too late for a good part of a round. The numbers are read and written with
sequential consistency: all threads see them change in one order, and a thread that reads a number also sees everything
that its writer wrote before. So a thread that takes a task sees the round's data, which was written before `begin`.
"""

from __future__ import annotations

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurocomp.jit import kernel

# The places of the queue, each in a cache line of its own: the next task, how many are done, of how many.
NEXT, DONE, TASKS, SIZE = 0, 8, 16, 24
DISMISSED = 1 << 62  # as the next task: no round comes soon
PATIENCE = 50_000  # looks at the queue, of about 25 ns each


def begin(queue):
    """Begin a round; the last one must have ended, else its late tasks would count in this one."""
    # DONE first: NEXT = 0 opens the round, and a helper may finish a task before this thread goes on. If DONE were
    # cleared after that, the task would not count and the round would never end.
    put(queue, DONE, 0)
    put(queue, NEXT, 0)


def ended(queue):
    """Whether all tasks of the round are done. TASKS is right once `next_task` was -1 to the thread that leads."""
    return look(queue, DONE) == look(queue, TASKS)


@kernel
def next_task(queue, tasks, helping):
    """The next task of this round; for a helping thread that still looks, of the following round; else -1.

    The thread that leads (not `helping`) waits here until all tasks are done, but no longer than helpers would.
    """
    # Each number below `tasks` is returned to one thread, because `advance` is atomic; larger ones mean nothing.
    task = advance(queue, NEXT)
    if task >= tasks and not helping:
        put(queue, TASKS, tasks)
    looks = 0
    while task >= tasks:
        if looks == PATIENCE or (look(queue, NEXT) >= DISMISSED if helping else look(queue, DONE) == tasks):
            return -1
        looks += 1
        relax()
        # Look before taking: cores share a cache line that is only read, but taking a number claims it. Where several
        # helpers look at once, some may still get numbers from `tasks` on; they go on looking.
        if helping and look(queue, NEXT) < tasks:
            task = advance(queue, NEXT)
    return task


@intrinsic
def advance(typingctx, queue, place):
    """Add 1 to the number in that place and return what it was; no two calls return the same."""

    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("add", _pointer(context, builder, signature, arguments), ir.IntType(64)(1), "seq_cst")

    return queue.dtype(queue, place), generate


@intrinsic
def look(typingctx, queue, place):
    """The number in that place now."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(_pointer(context, builder, signature, arguments), "seq_cst", 8)

    return queue.dtype(queue, place), generate


@intrinsic
def put(typingctx, queue, place, value):
    """Write `value` to that place."""

    def generate(context, builder, signature, arguments):
        number = context.cast(builder, arguments[2], signature.args[2], types.int64)
        builder.store_atomic(number, _pointer(context, builder, signature, arguments), "seq_cst", 8)
        return context.get_dummy_value()

    return types.none(queue, place, value), generate


@intrinsic
def relax(typingctx):
    """Leave the other thread of the same core a moment: the processor's pause instruction, where there is one."""

    def generate(context, builder, signature, arguments):
        if binding.get_default_triple().startswith("x86_64"):
            pause = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, pause, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.none(), generate


def _pointer(context, builder, signature, arguments):
    array, index = signature.args[:2]
    data = context.make_array(array)(context, builder, value=arguments[0]).data
    return builder.gep(data, [context.cast(builder, arguments[1], index, types.int64)])

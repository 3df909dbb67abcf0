"""How threads share what a kernel has to do: they take numbered tasks from a queue, round after round.

A round begins when the next number is 0 again. Until then those who help keep looking, as long as their patience
lasts: a thread that has to be woken comes too late for a good part of a round. All numbers are read and written in
one order for all threads, and what a thread has written before them is seen by who reads them.
"""

from __future__ import annotations

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurocomp.engine.kernels import kernel

# What stands where, each in a cache line of its own: the next task, how many are done, of how many.
NEXT, DONE, TASKS, SIZE = 0, 8, 16, 24
DISMISSED = 1 << 62  # as the next task: no round comes soon
PATIENCE = 50_000  # looks at the queue, of some 25 ns each


def begin(queue):
    """A round begins; the last one must have ended."""
    put(queue, DONE, 0)
    put(queue, NEXT, 0)


def ended(queue):
    """Whether all tasks of the round are done, once `next_task` has been -1 to who does not help."""
    return look(queue, DONE) == look(queue, TASKS)


@kernel
def next_task(queue, tasks, helping):
    """The next of this round's tasks, or of another round's if it comes while one that helps is looking; else -1.

    The caller who does not help waits here until all tasks are done, but for no longer than the others would.
    """
    task = advance(queue, NEXT)
    if task >= tasks and not helping:
        put(queue, TASKS, tasks)
    looks = 0
    while task >= tasks:
        if looks == PATIENCE or (look(queue, NEXT) >= DISMISSED if helping else look(queue, DONE) == tasks):
            return -1
        looks += 1
        relax()
        if helping and look(queue, NEXT) < tasks:
            task = advance(queue, NEXT)
    return task


@intrinsic
def advance(typingctx, queue, place):
    """What stood in that place, where now stands one more; nobody else gets the same."""

    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("add", _pointer(context, builder, signature, arguments), ir.IntType(64)(1), "seq_cst")

    return queue.dtype(queue, place), generate


@intrinsic
def look(typingctx, queue, place):
    """What stands in that place now."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(_pointer(context, builder, signature, arguments), "seq_cst", 8)

    return queue.dtype(queue, place), generate


@intrinsic
def put(typingctx, queue, place, value):
    """Let `value` stand in that place."""

    def generate(context, builder, signature, arguments):
        number = context.cast(builder, arguments[2], signature.args[2], types.int64)
        builder.store_atomic(number, _pointer(context, builder, signature, arguments), "seq_cst", 8)
        return context.get_dummy_value()

    return types.none(queue, place, value), generate


@intrinsic
def relax(typingctx):
    """A moment for the other thread of the same core."""

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

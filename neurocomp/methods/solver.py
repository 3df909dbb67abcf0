"""method=solver: a SAT solver for each restart's own examples; one row a restart."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from neurocomp.language.assembly import NOOP, Program
from neurocomp.language.executor import decode, encode
from neurocomp.methods.progress import Progress
from neurocomp.methods.searches import judge_of
from neurocomp.methods.side_by_side import Heard, searched_rows
from neurocomp.plan import Plan
from neurocomp.results.made import Made
from neurocomp.search.judge import Judge, Searched
from neurocomp.search.solver.process import Ended, SolverProcess
from neurocomp.tasks.examples import HeldOut


def solved_rows(plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None) -> Iterator[Made]:
    """The rows of these restarts; each thread has a solver's process of its own, which answers one after the other."""
    idle: queue.SimpleQueue[SolverProcess] = queue.SimpleQueue()
    with ExitStack() as processes:
        for _ in range(plan.threads):
            idle.put(processes.enter_context(SolverProcess(plan.config.limits.memory_bytes)))

        def solved(restart: int, heard: Heard) -> Searched:
            process = idle.get()
            try:
                return _solved(plan, judge_of(plan, unseen, restart), restart, process, heard)
            finally:
                idle.put(process)

        yield from searched_rows(solved, plan, unseen, batches, bar)


def _solved(plan: Plan, judge: Judge, restart: int, process: SolverProcess, heard: Heard) -> Searched:
    began, origin = time.perf_counter(), plan.start_of(restart).program
    start = None if origin is None else encode([origin], plan.task.sizes.lines)[0]
    ended = process.ask(judge, start, plan.config.limit, lambda answer: heard())
    answer = ended.answer
    return Searched(
        _last_program(ended, origin, plan),
        fit=answer.right == judge.words,
        found=answer.found,
        programs=answer.tried,
        seconds=time.perf_counter() - began,
        core_seconds=ended.core_seconds,
        cut=ended.cut,
        proved=answer.proved,
        fields_changed=answer.away if answer.found else None,
    )


def _last_program(ended: Ended, origin: Program | None, plan: Plan) -> Program:
    """What was found, or the best of what was tried; if nothing was, the start, or nothing but noops."""
    if ended.answer.code is not None:
        return decode(ended.answer.code, plan.task.machine.jump_target)
    return origin or Program((NOOP,) * plan.task.sizes.lines)

"""method=random_search, local_search, enumerate: plain search at tuning's budget; one row a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from neurocomp.language.assembly import format_program
from neurocomp.methods.progress import Progress
from neurocomp.methods.rows import common_columns, discrete_columns, lines_changed, trained_tests
from neurocomp.plan import Plan, programs_a_restart
from neurocomp.search.by_length import enumerate_programs
from neurocomp.search.judge import Judge, Searched
from neurocomp.search.local_search import local_search
from neurocomp.search.random_search import random_search
from neurocomp.seeding import generator
from neurocomp.tasks.examples import HeldOut, training_examples
from neurocomp.tasks.verification import run, verdicts

Search = Callable[..., Searched]


def random_search_rows(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None) -> list[dict]:
    """The rows of restarts that search among programs drawn at random."""
    return _one_by_one(random_search, plan, unseen, restarts, bar)


def enumerated_rows(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None) -> list[dict]:
    """The rows of restarts that search programs by length."""
    return _one_by_one(enumerate_programs, plan, unseen, restarts, bar)


def local_search_rows(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None) -> list[dict]:
    """The rows of restarts that change the program that tuning starts from.

    All restarts advance together; the time of a step is divided among those that are left.
    """
    judges = [judge_of(plan, unseen, restart) for restart in restarts]
    starts = [plan.start_of(restart).program for restart in restarts]
    streams = [generator(plan.config.seed, restart, "local_search") for restart in restarts]
    searched = local_search(starts, judges, programs_a_restart(plan.config), streams, plan.config.limit)
    if bar:
        for one in searched:
            bar.after_restart(one.found)
    return rows_of(plan, unseen, restarts, searched)


def _one_by_one(
    search: Search, plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None
) -> list[dict]:
    searched = []
    for restart in restarts:
        began = time.perf_counter()
        stream = generator(plan.config.seed, restart, plan.config.method)
        one = search(judge_of(plan, unseen, restart), programs_a_restart(plan.config), stream, plan.config.limit)
        searched.append(one._replace(seconds=time.perf_counter() - began))
        if bar:
            bar.after_restart(one.found)
    return rows_of(plan, unseen, restarts, searched)


def judge_of(plan: Plan, unseen: HeldOut, restart: int) -> Judge:
    """The judge of this restart's programs: its own training examples, and validation if tuning asks for it."""
    training = training_examples(plan.task, unseen, plan.config.seed, restart, plan.config.examples)
    run(np.zeros((0, plan.task.sizes.lines, 5)), training, plan.task)  # compiles the executor before any time is taken
    return Judge(plan.task, training, unseen.validation if plan.config.optimizer.stop == "validated" else None)


def rows_of(plan: Plan, unseen: HeldOut, restarts: Sequence[int], searched: Sequence[Searched]) -> list[dict]:
    """The rows of these restarts from the programs that their searches ended with."""
    jump_target = plan.task.machine.jump_target
    texts = [format_program(one.program, one_line=True, jump_target=jump_target) for one in searched]
    judged = verdicts(texts, plan.task, unseen)
    trained = trained_tests(plan, unseen, restarts)
    rows = []
    for restart, one, text, seen in zip(restarts, searched, texts, trained, strict=True):
        origin = plan.start_of(restart)
        rows.append(
            common_columns(plan)
            | discrete_columns(one.fit, judged[text], unseen, one.seconds, one.cut)
            | {
                "restart": restart,
                "template": origin.template,
                "synthesized": origin.synthesized,
                "lines_changed": lines_changed(origin.program, text, jump_target),
                "program": text,
                "executions": one.programs * plan.config.examples,
                "backward_executions": 0,
                "cpu_s": None if one.core_seconds is None else round(one.core_seconds, 4),
                "tests_trained": seen,
                "proved": one.proved or None,
                "fields_changed": one.fields_changed,
            }
        )
    return rows

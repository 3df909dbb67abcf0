"""Columns that methods share: those of all rows of a cell, and the verdicts on a program that was never weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from neurocomp.language.assembly import Program, parse
from neurocomp.plan import CheckedCell, FreshExamples, Plan
from neurocomp.results.provenance import made_by
from neurocomp.results.writer import SCHEMA
from neurocomp.seeding import SHARED
from neurocomp.tasks.examples import HeldOut, count_trained_tests, held_out, training_examples
from neurocomp.tasks.task import Examples
from neurocomp.tasks.verification import Verdict


def common_columns(plan: CheckedCell) -> dict:
    """The columns with one value for all rows of a cell. Only tune and learner use tensors and several cores."""
    tuned = plan.config.method in ("tune", "learner")
    return {
        "task": plan.task.name,
        "init": plan.init,
        "method": plan.config.method,
        "gamma": plan.gamma,
        "seed": plan.config.seed,
        "engine": plan.engine,
        "device": plan.device.type if tuned else "cpu",
        "threads": plan.threads if tuned else 1,
        "config_hash": plan.config_hash,
        **made_by(),
        "torch": torch.__version__ if tuned else None,
        "schema": SCHEMA,
    }


def discrete_columns(fit: bool, verdict: Verdict, unseen: HeldOut, seconds: float, cut: str = "") -> dict:
    """The outcome of a restart that is a program from the start. Its exact weights do what it does, so soft is hard.

    `fit` is whether the program is right on the restart's own training examples. A restart that something ended
    before its time (`cut`) has recovered nothing, whatever its last program does: how far it came is the machine's
    speed.
    """
    if cut:
        verdict = Verdict(False, None if verdict.general is None else False)
    return {
        "status": cut or ("recovered" if verdict.hard else "exhausted"),
        "recovered_fit": fit,
        "recovered_soft": verdict.hard,
        "recovered_hard": verdict.hard,
        "recovered_general": verdict.general,
        "coverage": unseen.coverage,
        "updates": 0,
        "wall_s": round(seconds, 4),
    }


def rounded(number: float) -> float:
    """A measured number with 6 significant digits, because the seventh may differ between processors."""
    return float(f"{number:.6g}")


def trained_tests(
    plan: Plan, unseen: HeldOut, restarts: Sequence[int], updates: Sequence[int] | None = None
) -> list[int]:
    """How many test inputs each restart also trained on, where it draws examples anew in so many `updates`.

    These are its own examples, those that its template was found with, and those of the restarts of the next seed that
    chose the template.
    """
    task, seed, count = plan.task, plan.config.seed, plan.config.examples
    shared = []
    if plan.init == "synth":
        shared = [training_examples(task, unseen, seed, SHARED, count, stream="synthesis")]
        trials = range(plan.start_of(0).trials)
        others = held_out(task, seed + 1) if trials else unseen
        shared += [training_examples(task, others, seed + 1, trial, count) for trial in trials]
    if plan.config.fresh and updates is not None:
        own = (_drawn_in(plan, unseen, *one) for one in zip(restarts, updates, strict=True))
    else:
        own = ([training_examples(task, unseen, seed, restart, count)] for restart in restarts)
    return [count_trained_tests(unseen, [*examples, *shared]) for examples in own]


def _drawn_in(plan: Plan, unseen: HeldOut, restart: int, updates: int) -> Iterator[Examples]:
    """The fresh examples of a restart, up to those that judged it after its last update."""
    supply = FreshExamples(plan, unseen)
    return (supply.of(restart, update) for update in range(updates + 1))


def lines_changed(before: Program | None, text: str, jump_target: str) -> int | None:
    """How many lines of the initial program hold another instruction now; None where the restart started from none."""
    if before is None:
        return None
    now = parse(text, jump_target=jump_target).instructions
    return sum(one != other for one, other in zip(before.instructions, now, strict=True))

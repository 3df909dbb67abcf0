"""method=tune: compile, tune, decompile and judge; one row a restart."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from neurocomp.engine import load
from neurocomp.methods.extras import keep_extras
from neurocomp.methods.rows import common_columns, lines_changed, threads
from neurocomp.plan import Plan, start
from neurocomp.progress import Progress
from neurocomp.recovery import Validation, measure, program_text
from neurocomp.tasks import HeldOut
from neurocomp.tuning import Tuned, tune


def tuned_rows(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None) -> list[dict]:
    """The rows of these restarts, and beside them the extras that were asked for."""
    tuned = tune_restarts(plan, unseen, restarts, bar)
    extras = keep_extras(plan, restarts, tuned)
    return [row | extras for row in judge(plan, unseen, restarts, tuned)]


def tune_restarts(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None = None) -> list[Tuned]:
    """Compile what these restarts start from and tune them on their own examples, as one batch."""
    config, task, engine = plan.config, plan.task, load(plan.engine, threads(plan.config))
    logits, batch = start(plan, unseen, restarts)
    validation = Validation(task, unseen.validation, engine)
    tuned = []
    for left in tune(logits, batch, task, validation, engine, config.objective, config.optimizer):
        tuned += left
        if bar:
            bar.after_update(left)
    return sorted(tuned, key=lambda restart: restart.lane)


def judge(plan: Plan, unseen: HeldOut, restarts: Sequence[int], tuned: list[Tuned]) -> list[dict]:
    """Decompile the tuned restarts and measure them on test examples: one row each (see `results.COLUMNS`).

    Executions are counted as for searches: one program on one example for at most T steps is one. An update runs
    the restart's examples forward and backward, the last look at it only forward. Validation is not counted.
    """
    printed = [program_text(restart.logits, plan.task) for restart in tuned]
    final = torch.stack([restart.logits for restart in tuned])
    measures = measure(final, [text for text, _ in printed], plan.task, unseen, load(plan.engine, threads(plan.config)))
    rows = []
    for number, restart, judged, (text, margin) in zip(restarts, tuned, measures, printed, strict=True):
        origin = plan.start_of(number)
        rows.append(common_columns(plan) | {
            "restart": number,
            "template": origin.template,
            "synthesized": origin.synthesized,
            "status": restart.status,
            "recovered_fit": restart.fit,
            "recovered_soft": judged.soft,
            "recovered_hard": judged.hard,
            "recovered_general": judged.general,
            "coverage": unseen.coverage,
            "loss": restart.loss,
            "updates": restart.updates,
            "recovered_at": restart.recovered_at,
            "lines_changed": lines_changed(origin.program, text, plan.config.machine.jump_target),
            "margin": margin,
            "program": text,
            "wall_s": round(restart.seconds, 4),
            "executions": (restart.updates + 1) * plan.config.examples,
            "backward_executions": restart.updates * plan.config.examples,
        })  # fmt: skip
    return rows

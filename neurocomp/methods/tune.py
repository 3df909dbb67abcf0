"""method=tune: compile, tune, decompile and judge; one row a restart."""

from __future__ import annotations

import functools
import operator
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby

import torch

from neurocomp.engine import load
from neurocomp.methods.extras import keep_extras
from neurocomp.methods.progress import Progress
from neurocomp.methods.rows import common_columns, lines_changed, rounded, trained_tests
from neurocomp.plan import CheckedCell, Plan, Start, plan_from, start
from neurocomp.tasks.examples import HeldOut
from neurocomp.tuning import optimizer
from neurocomp.tuning.lanes import Tuned, tune
from neurocomp.tuning.recovery import Validation, measure, program_text, soft
from neurocomp.tuning.update import Update, choose

SECONDS_UNSAVED = 5.0  # for so long at most, what is done is not on the disk while others are tuned


def tuned_rows(
    plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None
) -> Iterator[list[dict]]:
    """The rows of all these restarts as they are done, and beside them the extras that were asked for.

    What becomes of a restart with engine=fused depends on no other: so lanes that are free go to the next restarts,
    whatever their batch, and rows come every few seconds, those of consecutive restarts together. With engine=eager
    PyTorch's last bits may depend on a restart's batch, which is tuned as a whole.
    """
    alone, update = plan.engine == "fused", _update(plan)
    for restarts in [list(chain(*batches))] if alone else batches:
        for tuned in _done(_left(plan, unseen, restarts, bar, update), SECONDS_UNSAVED if alone else None):
            extras = keep_extras(plan, [one.restart for one in tuned], tuned)
            rows = [row | extras for row in judge(plan, unseen, tuned)]
            for batch in _batches([one.restart for one in tuned], plan.config.chunk):
                yield [rows[place] for place in batch]


def _batches(restarts: list[int], chunk: int) -> list[list[int]]:
    """The places of those that are consecutive and of one chunk."""
    alike = groupby(enumerate(restarts), key=lambda pair: (pair[1] - pair[0], pair[1] // chunk))
    return [[place for place, _ in batch] for _, batch in alike]


def tune_restarts(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None = None) -> list[Tuned]:
    """Tune all these restarts; they come in order."""
    return sorted(chain(*_left(plan, unseen, restarts, bar, _update(plan))), key=NUMBER)


def make_ready(cell: CheckedCell, unseen: HeldOut) -> None:
    """Let the fused engine compile what updates and judgments need, by one update that is thrown away.

    In the first run of an installation that takes about 20 s, which no estimate of what updates take may contain.
    """
    if cell.config.method != "tune" or cell.engine != "fused":
        return
    plan = plan_from(cell, [Start(None)])
    logits, batch = start(plan, unseen, [0])
    _update(plan)(optimizer.init(logits), batch)
    soft(logits, unseen.validation, plan.task, load(plan.engine, plan.threads))


NUMBER = operator.attrgetter("restart")


def _done(left: Iterable[list[Tuned]], seconds: float | None) -> Iterator[list[Tuned]]:
    """All who left, told when so many seconds are over, in order; None: at the end.

    An error or Ctrl-C comes after those who left before it.
    """
    done, told = [], time.monotonic()
    try:
        for some in left:
            done += some
            if done and seconds is not None and time.monotonic() - told >= seconds:
                yield sorted(done, key=NUMBER)
                done, told = [], time.monotonic()
    except (Exception, KeyboardInterrupt):
        if done and seconds is not None:
            yield sorted(done, key=NUMBER)
        raise
    if done:
        yield sorted(done, key=NUMBER)


def _update(plan: Plan) -> Update:
    """How restarts of this cell are updated; made once, as on CUDA it keeps what it captured."""
    config = plan.config
    return choose(plan.engine, plan.threads, plan.task, config.objective, config.optimizer)


def _left(
    plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None, update: Update
) -> Iterator[list[Tuned]]:
    """Compile what these restarts start from and tune them on their own examples; who leaves after each update."""
    config, task = plan.config, plan.task
    validation = Validation(task, unseen.validation, load(plan.engine, plan.threads))
    begin = functools.partial(start, plan, unseen)
    for told in tune(restarts, config.chunk, begin, update, validation, config.optimizer):
        if bar:
            bar.after_update(told)
        yield told.left


def judge(plan: Plan, unseen: HeldOut, tuned: list[Tuned]) -> list[dict]:
    """Decompile the tuned restarts and measure them on test examples: one row each (see `results.RESTARTS`).

    Executions are counted as for searches: one program on one example for at most T steps is one. An update runs
    the restart's examples forward and backward, the last look at it only forward. Validation is not counted.
    """
    found = programs_found(plan, unseen, [restart for restart in tuned if restart.logits.isfinite().all()])
    trained = trained_tests(plan, unseen, [restart.restart for restart in tuned])
    rows = []
    for restart, seen in zip(tuned, trained, strict=True):
        origin = plan.start_of(restart.restart)
        rows.append(
            common_columns(plan)
            | {
                "restart": restart.restart,
                "template": origin.template,
                "synthesized": origin.synthesized,
                "status": restart.status,
                "recovered_fit": restart.fit,
                "recovered_soft": None,
                "recovered_hard": None,
                "recovered_general": None,
                "coverage": unseen.coverage,
                "loss": restart.loss,
                "updates": restart.updates,
                "recovered_at": restart.recovered_at,
                "lines_changed": None,
                "margin": None,
                "program": "",
                "wall_s": round(restart.seconds, 4),
                "executions": (restart.updates + 1) * plan.config.examples,
                "backward_executions": restart.updates * plan.config.examples,
                "tests_trained": seen,
            }
            | found.get(restart.restart, NOTHING_FOUND)
        )
    return rows


# Weights that are not finite are no program: nothing is said of it, and the restart counts as not recovered.
NOTHING_FOUND = {"status": "diverged", "recovered_fit": None, "recovered_at": None}


def programs_found(plan: Plan, unseen: HeldOut, tuned: list[Tuned]) -> dict[int, dict]:
    """By restart, the columns about the program that its weights are: the text, and what it and the weights do."""
    if not tuned:
        return {}
    printed = [program_text(restart.logits, plan.task) for restart in tuned]
    final = torch.stack([restart.logits for restart in tuned])
    run = load(plan.engine, plan.threads)
    measures = measure(final, [text for text, _ in printed], plan.task, unseen, run)
    return {
        restart.restart: {
            "recovered_soft": judged.soft,
            "recovered_hard": judged.hard,
            "recovered_general": judged.general,
            "lines_changed": lines_changed(
                plan.start_of(restart.restart).program, text, plan.config.machine.jump_target
            ),
            "margin": rounded(margin),
            "program": text,
        }
        for restart, judged, (text, margin) in zip(tuned, measures, printed, strict=True)
    }

"""method=tune: compile, tune, decompile and judge; one row a restart."""

from __future__ import annotations

import functools
import operator
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Protocol, TypeVar

import torch

from neurocomp.engine import load
from neurocomp.methods.complexity import complexity_columns
from neurocomp.methods.extras import curves_file, extras
from neurocomp.methods.progress import Progress
from neurocomp.methods.rows import common_columns, lines_changed, rounded, trained_tests
from neurocomp.plan import FreshExamples, Plan, start
from neurocomp.results.made import Made
from neurocomp.tasks.examples import HeldOut
from neurocomp.tuning import optimizer
from neurocomp.tuning.lanes import Tuned, tune
from neurocomp.tuning.recovery import Measures, Validation, measure, program_text, soft
from neurocomp.tuning.update import Update, choose

SECONDS_UNSAVED = 5.0  # how long finished restarts wait at most, while others are tuned, to be written to the disk


def tuned_rows(plan: Plan, unseen: HeldOut, batches: Sequence[Sequence[int]], bar: Progress | None) -> Iterator[Made]:
    """The rows of all these restarts as they finish, with the extras that were asked for.

    With engine=fused a restart's result depends on no other restart. So free lanes go to the next restarts, whatever
    their batch, and rows come every few seconds, those of consecutive restarts together. With engine=eager PyTorch's
    last bits may depend on a restart's batch, so each batch is tuned as a whole.
    """
    alone, update = plan.engine == "fused", _update(plan)
    for restarts in [list(chain(*batches))] if alone else batches:
        finished = finished_restarts(plan, unseen, restarts, bar, update)
        for tuned in every_few_seconds(finished, SECONDS_UNSAVED if alone else None):
            rows = judge(plan, unseen, tuned)
            if plan.config.only is not None:
                rows = [row | {"curve": str(curves_file(plan))} for row in rows]
            for batch in batches_of([one.restart for one in tuned], plan.config.chunk):
                yield Made([rows[place] for place in batch], *extras(plan, [tuned[place] for place in batch]))


def batches_of(restarts: list[int], chunk: int) -> list[list[int]]:
    """The places in `restarts` of those that are consecutive and of one chunk, batch by batch."""
    # Consecutive numbers have the same difference to their places.
    alike = groupby(enumerate(restarts), key=lambda pair: (pair[1] - pair[0], pair[1] // chunk))
    return [[place for place, _ in batch] for _, batch in alike]


def tune_restarts(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None = None) -> list[Tuned]:
    """Tune all these restarts; the result is in order of their numbers."""
    return sorted(chain(*finished_restarts(plan, unseen, restarts, bar, _update(plan))), key=NUMBER)


READY: set[str] = set()  # what this process has compiled updates and judgments for


def make_ready(plan: Plan, unseen: HeldOut) -> None:
    """Let the fused engine compile all that updates and judgments need, by one update that is thrown away.

    In the first run of an installation that takes about 20 s, which must not count as the time of updates.
    """
    if plan.config.method != "tune" or plan.engine != "fused":
        return
    config, task = plan.config, plan.task
    kind = repr((task.sizes, task.steps, config.machine, config.objective, config.optimizer, config.examples,
                 plan.dtype, plan.device, plan.threads))  # fmt: skip
    if kind in READY:
        return
    READY.add(kind)
    logits, batch = start(plan, unseen, [0])
    _update(plan)(optimizer.init(logits), batch)
    soft(logits, unseen.validation, plan.task, load(plan.engine, plan.threads))


NUMBER = operator.attrgetter("restart")


class Numbered(Protocol):
    """Whatever a restart came to."""

    @property
    def restart(self) -> int: ...


Finished = TypeVar("Finished", bound=Numbered)


def every_few_seconds(finished: Iterable[list[Finished]], seconds: float | None) -> Iterator[list[Finished]]:
    """The finished restarts of the last `seconds` together, in order of their numbers; None: all at the end.

    Before an error or Ctrl-C is raised, the restarts that finished before it come, unless `seconds` is None.
    """
    waiting: list[Finished] = []
    last = time.monotonic()
    try:
        for some in finished:
            waiting += some
            if waiting and seconds is not None and time.monotonic() - last >= seconds:
                yield sorted(waiting, key=NUMBER)
                waiting, last = [], time.monotonic()
    except (Exception, KeyboardInterrupt):
        if waiting and seconds is not None:
            yield sorted(waiting, key=NUMBER)
        raise
    if waiting:
        yield sorted(waiting, key=NUMBER)


def _update(plan: Plan) -> Update:
    """The update of this cell's restarts; made once, because on CUDA it keeps the graph that it captured."""
    config = plan.config
    return choose(plan.engine, plan.threads, plan.task, config.objective, config.optimizer)


def finished_restarts(
    plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None, update: Update
) -> Iterator[list[Tuned]]:
    """The restarts that finish with each update, tuned from their compiled starts on their own examples."""
    config, task = plan.config, plan.task
    validation = Validation(task, unseen.validation, load(plan.engine, plan.threads))
    begin = functools.partial(start, plan, unseen)
    draw = FreshExamples(plan, unseen) if config.fresh else None
    for report in tune(restarts, config.chunk, begin, update, validation, config.optimizer, config.limit, draw):
        if bar:
            bar.after_update(report)
        yield report.finished


def judge(plan: Plan, unseen: HeldOut, tuned: list[Tuned]) -> list[dict]:
    """Decompile the tuned restarts and measure them on test examples: one row each (see `results.columns.RESTARTS`).

    Executions are counted as for searches: one program on one example for at most T steps is one execution. An update
    runs the restart's examples forward and backward, the last judgment runs them only forward. Validation is not
    counted.
    """
    found = programs_found(plan, unseen, [restart for restart in tuned if restart.logits.isfinite().all()])
    restarts, updates = [one.restart for one in tuned], [one.updates for one in tuned]
    trained = trained_tests(plan, unseen, restarts, updates)
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
                "cpu_s": None if restart.core_seconds is None else round(restart.core_seconds, 4),
                "tests_trained": seen,
            }
            | found.get(restart.restart, NOTHING_FOUND)
        )
    return rows


# Weights that are not finite are no program: its columns stay empty, and the restart counts as not recovered.
NOTHING_FOUND = {"status": "diverged", "recovered_fit": None, "recovered_at": None}


def programs_found(plan: Plan, unseen: HeldOut, tuned: list[Tuned]) -> dict[int, dict]:
    """For each restart the columns about its decompiled program: its text, and the measures of text and weights."""
    if not tuned:
        return {}
    printed = [program_text(restart.logits, plan.task) for restart in tuned]
    final = torch.stack([restart.logits for restart in tuned])
    run = load(plan.engine, plan.threads)
    texts = [text for text, _ in printed]
    measures = [*map(within_limit, tuned, measure(final, texts, plan.task, unseen, run))]
    more: list[dict] = [{}] * len(tuned)
    if plan.config.complexity:
        more = complexity_columns(plan, unseen, tuned, texts, [judged.hard for judged in measures])
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
            **columns,
        }
        for restart, judged, (text, margin), columns in zip(tuned, measures, printed, more, strict=True)
    }


def within_limit(restart: Tuned, judged: Measures) -> Measures:
    """The measures of a restart. One that its limit ended has recovered nothing, whatever its last weights do."""
    if restart.status != "limit":
        return judged
    return Measures(False, False, None if judged.general is None else False)

"""Tuning: the updates of many restarts, side by side; each finishes when it is recovered, diverged or out of updates.

Restarts occupy *lanes*. A lane that becomes free goes to a restart that waits, so that the last restarts of a batch
do not run alone at the full cost of an update.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from neurocomp.config import OptimizerConfig
from neurocomp.machine.state import State
from neurocomp.shapes import Float, Tensor
from neurocomp.tuning import optimizer
from neurocomp.tuning.objective import Targets
from neurocomp.tuning.optimizer import Adam
from neurocomp.tuning.recovery import Batch, Validation
from neurocomp.tuning.update import Update

# Lanes are filled when at least one in so many is free: beginning a few restarts costs nearly as much as many.
FREE_BEFORE_FILLED = 4

# The start weights and examples of the restarts with these numbers, in that order.
Begin = Callable[[Sequence[int]], tuple[Float[Tensor, "K L W"], Batch]]
# The examples of these restarts, each for the update of this number, in that order.
Draw = Callable[[Sequence[tuple[int, int]]], Batch]


class Tuned(NamedTuple):
    """A finished restart: its number, its weights, and the result of tuning.

    `status` is recovered, exhausted, diverged or limit. `fit` and `loss` are those of `logits`. `curve` has the loss
    before the first update and after each of `updates`. `recovered_at` is the update with which the final row of
    successes began, None unless recovered. `seconds` sums, over the restart's updates, the time of the update divided
    by the number of restarts that shared it; `core_seconds` does so with the time that cores computed for the update,
    None without a limit.
    """

    restart: int
    logits: Float[Tensor, "L W"]
    status: str
    fit: bool
    loss: float
    updates: int
    recovered_at: int | None
    seconds: float
    curve: list[float]
    core_seconds: float | None = None


class UpdateReport(NamedTuple):
    """One update: how many restarts it updated, and those that finished with it."""

    lanes: int
    finished: list[Tuned]


@dataclass
class Course:
    """The course of a restart: its loss before the first update and after each, and how many in a row were right."""

    restart: int
    curve: list[float] = field(default_factory=list)
    held: int = 0
    seconds: float = 0.0
    core_seconds: float | None = None

    @property
    def updates(self) -> int:
        return len(self.curve) - 1

    def ending(self, config: OptimizerConfig, limit: float | None) -> str | None:
        """The status with which it finishes now, or None if it goes on."""
        last = self.updates == config.updates
        if not math.isfinite(self.curve[-1]):
            return "diverged"
        if self.held >= (1 if last else config.hold):
            return "recovered"
        if last:
            return "exhausted"
        return "limit" if limit is not None and (self.core_seconds or 0.0) >= limit else None


class Lanes(NamedTuple):
    """The restarts that are updated together, their weights and moments, and their examples."""

    courses: list[Course]
    state: Adam
    batch: Batch


def tune(
    restarts: Iterable[int],
    lanes_at_most: int,
    begin: Begin,
    update: Update,
    validation: Validation,
    config: OptimizerConfig,
    limit: float | None = None,
    draw: Draw | None = None,
) -> Iterator[UpdateReport]:
    """Tune all these restarts, at most `lanes_at_most` at a time; one report after each update.

    A restart finishes
    - recovered, when soft and hard have held on validation after `config.hold` updates in a row (the first success
      alone is often a near tie of two words, which other inputs tip over), or after the last update;
    - diverged, when its loss is not finite;
    - exhausted, after `config.updates` updates otherwise;
    - limit, if its share of what this process has computed comes to `limit` seconds of a core before that.
    With stop=fit it is the fit on its training examples that has to hold; with `draw` these are others at each update.
    """
    waiting, lanes = iter(restarts), None
    while lanes := _filled(lanes, waiting, lanes_at_most, begin):
        began, core_began = time.perf_counter(), 0.0 if limit is None else time.process_time()
        courses, before, batch = lanes
        if draw:
            batch = draw([(course.restart, len(course.curve)) for course in courses])
        # Loss and fits are those of the weights *before* this update. So validation looks at these weights, and a
        # finished restart keeps them: `_tuned` is given the old `lanes`. Nothing has judged the weights after the
        # update. If those were kept, a restart would recover with one set of weights and be stored with another.
        state, loss, fits = update(before, batch)
        asked = config.stop == "validated" and bool(fits.any())
        holds = validation.holds(before.logits, fits) if asked else fits
        for course, value, right in zip(courses, loss.tolist(), holds.tolist(), strict=True):
            course.curve.append(value)
            course.held = course.held + 1 if right else 0
        share = (time.perf_counter() - began) / len(courses)
        for course in courses:
            course.seconds += share
        if limit is not None:  # the time of all threads, and not that of other processes on the same cores
            core_share = (time.process_time() - core_began) / len(courses)
            for course in courses:
                course.core_seconds = (course.core_seconds or 0.0) + core_share
        endings = [course.ending(config, limit) for course in courses]
        yield UpdateReport(
            len(courses),
            [_tuned(lanes, lane, ending, bool(fits[lane])) for lane, ending in enumerate(endings) if ending],
        )
        lanes = Lanes(courses, state, batch)
        if any(endings):
            lanes = _kept(lanes, [lane for lane, ending in enumerate(endings) if not ending])


def _tuned(lanes: Lanes, lane: int, ending: str, fit: bool) -> Tuned:
    """The result of the restart in a lane; `lanes` are those before the update that judged it."""
    course, logits = lanes.courses[lane], lanes.state.logits[lane].clone()  # a view would keep those of all lanes
    recovered_at = course.updates - course.held + 1 if ending == "recovered" else None
    fit = fit and ending != "diverged"
    return Tuned(
        course.restart,
        logits,
        ending,
        fit,
        course.curve[-1],
        course.updates,
        recovered_at,
        course.seconds,
        course.curve,
        course.core_seconds,
    )


def _filled(lanes: Lanes | None, waiting: Iterator[int], lanes_at_most: int, begin: Begin) -> Lanes | None:
    """These lanes, joined by waiting restarts if enough lanes are free; None if no restart is left.

    A restart's course, moments and count of updates begin at 0 when it joins: for its result, joining late is the same
    as starting first.
    """
    free = lanes_at_most - (len(lanes.courses) if lanes else 0)
    enough = FREE_BEFORE_FILLED * free >= lanes_at_most
    if enough and (restarts := list(itertools.islice(waiting, free))):
        logits, batch = begin(restarts)
        new = Lanes([Course(restart) for restart in restarts], optimizer.init(logits), batch)
        lanes = _joined(lanes, new) if lanes else new
    return lanes if lanes and lanes.courses else None


def _joined(lanes: Lanes, new: Lanes) -> Lanes:
    """The lanes of both, the new ones last.

    Here and in `_kept`, lane i is the same restart in courses, logits, moments, counts of updates and every tensor of
    the batch. A part in another order would tune a restart on another's examples, or give its losses to another.
    """
    batch = _of_each(lambda *parts: torch.cat(parts), lanes.batch, new.batch)
    return Lanes(lanes.courses + new.courses, optimizer.join(lanes.state, new.state), batch)


def _kept(lanes: Lanes, staying: list[int]) -> Lanes:
    """Only these lanes, in this order."""
    # Indexing copies, so the batch is a new object: `update.Compiled` knows by that to make its buffers anew.
    indices = torch.tensor(staying, dtype=torch.long, device=lanes.state.logits.device)
    batch = _of_each(lambda part: part[indices], lanes.batch)
    return Lanes([lanes.courses[lane] for lane in staying], optimizer.keep(lanes.state, indices), batch)


def _of_each(function: Callable[..., Tensor], *batches: Batch) -> Batch:
    """The batch of `function` applied to each tensor of these batches."""

    def state(*of: State) -> State:
        return State(*(function(*parts) for parts in zip(*of, strict=True)))

    def targets(*of: Targets) -> Targets:
        memory, registers = (function(*(getattr(one, words) for one in of)) for words in ("memory", "registers"))
        return Targets(memory, registers, of[0].cells, of[0].register_indices)

    start, checked, supervised = zip(*batches, strict=True)
    return Batch(state(*start), targets(*checked), targets(*supervised))

"""Tuning: the updates of many restarts, side by side; each leaves when it is recovered, lost or out of updates.

Restarts stand in *lanes*. A lane that becomes free goes to a restart that waits, so that the last of a batch do not
run alone at the full cost of an update.
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

# Lanes are filled when at least one in so many is free: to begin a few restarts costs nearly as much as many.
FREE_BEFORE_FILLED = 4

# What restarts start from: the weights and examples of those whose numbers are given, in that order.
Begin = Callable[[Sequence[int]], tuple[Float[Tensor, "K L W"], Batch]]


class Tuned(NamedTuple):
    """A restart as it left: its number, its weights, and how it went."""

    restart: int
    logits: Float[Tensor, "L W"]
    status: str
    fit: bool
    loss: float
    updates: int
    recovered_at: int | None
    seconds: float
    curve: list[float]


class Told(NamedTuple):
    """What one update did: how many restarts it updated, and which of them left."""

    lanes: int
    left: list[Tuned]


@dataclass
class Course:
    """How it goes with a restart: its loss after each update, and for how many in a row it has been right."""

    restart: int
    curve: list[float] = field(default_factory=list)
    held: int = 0
    seconds: float = 0.0

    @property
    def updates(self) -> int:
        return len(self.curve) - 1

    def ending(self, config: OptimizerConfig) -> str | None:
        """How it leaves now, or None if it goes on."""
        last = self.updates == config.updates
        if not math.isfinite(self.curve[-1]):
            return "diverged"
        if self.held >= (1 if last else config.hold):
            return "recovered"
        return "exhausted" if last else None


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
) -> Iterator[Told]:
    """Tune all these restarts, so many at a time, and tell after each update what it did.

    A restart leaves when soft and hard have held on validation after `config.hold` updates in a row (recovered: the
    first success alone is often a near tie of two words, which other inputs tip over), when its loss is not finite
    (diverged), or after `config.updates` updates (recovered if both hold then, else exhausted). With stop=fit it is
    the fit that has to hold. Its seconds are 1/K of each update that it took part in as one of K.
    """
    waiting, lanes = iter(restarts), None
    while lanes := _filled(lanes, waiting, lanes_at_most, begin):
        began = time.perf_counter()
        courses, before, batch = lanes
        state, loss, fits = update(before, batch)
        asked = config.stop == "validated" and bool(fits.any())
        holds = validation.holds(before.logits, fits) if asked else fits
        for course, value, right in zip(courses, loss.tolist(), holds.tolist(), strict=True):
            course.curve.append(value)
            course.held = course.held + 1 if right else 0
        share = (time.perf_counter() - began) / len(courses)
        for course in courses:
            course.seconds += share
        endings = [course.ending(config) for course in courses]
        yield Told(
            len(courses),
            [_tuned(lanes, lane, ending, bool(fits[lane])) for lane, ending in enumerate(endings) if ending],
        )
        lanes = Lanes(courses, state, batch)
        if any(endings):
            lanes = _kept(lanes, [lane for lane, ending in enumerate(endings) if not ending])


def _tuned(lanes: Lanes, lane: int, ending: str, fit: bool) -> Tuned:
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
    )


def _filled(lanes: Lanes | None, waiting: Iterator[int], lanes_at_most: int, begin: Begin) -> Lanes | None:
    """These lanes, and restarts that waited where enough lanes are free; None if nobody is left."""
    free = lanes_at_most - (len(lanes.courses) if lanes else 0)
    enough = FREE_BEFORE_FILLED * free >= lanes_at_most
    if enough and (restarts := list(itertools.islice(waiting, free))):
        logits, batch = begin(restarts)
        new = Lanes([Course(restart) for restart in restarts], optimizer.init(logits), batch)
        lanes = _joined(lanes, new) if lanes else new
    return lanes if lanes and lanes.courses else None


def _joined(lanes: Lanes, new: Lanes) -> Lanes:
    batch = _of_each(lambda *parts: torch.cat(parts), lanes.batch, new.batch)
    return Lanes(lanes.courses + new.courses, optimizer.join(lanes.state, new.state), batch)


def _kept(lanes: Lanes, staying: list[int]) -> Lanes:
    indices = torch.tensor(staying, dtype=torch.long, device=lanes.state.logits.device)
    batch = _of_each(lambda part: part[indices], lanes.batch)
    return Lanes([lanes.courses[lane] for lane in staying], optimizer.keep(lanes.state, indices), batch)


def _of_each(function: Callable[..., Tensor], *batches: Batch) -> Batch:
    """A batch of what `function` makes of each tensor of these batches."""

    def state(*of: State) -> State:
        return State(*(function(*parts) for parts in zip(*of, strict=True)))

    def targets(*of: Targets) -> Targets:
        memory, registers = (function(*(getattr(one, words) for one in of)) for words in ("memory", "registers"))
        return Targets(memory, registers, of[0].cells, of[0].register_indices)

    start, checked, supervised = zip(*batches, strict=True)
    return Batch(state(*start), targets(*checked), targets(*supervised))

"""How the cost of an update grows with each size while the other sizes stay as configured."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from neurocomp.bench.measure import alternate, entrants
from neurocomp.bench.one_update import plan_for
from neurocomp.config import RunConfig
from neurocomp.progress_line import ProgressLine


class Axis(NamedTuple):
    """A size that grows: its letter, a function that sets it, and the factors of the configured value."""

    letter: str
    grown: Callable[[RunConfig, int], RunConfig]
    factors: tuple[float, ...] = (1, 1.5, 2, 3)


def _task(key: str) -> Callable[[RunConfig, int], RunConfig]:
    return lambda config, value: replace(config, task=replace(config.task, **{key: value}))


AXES = {
    "restarts": Axis("K", lambda config, value: replace(config, restarts=value), (0.01, 0.1, 1, 10)),
    "examples": Axis("B", lambda config, value: replace(config, examples=value), (0.25, 0.5, 1, 2, 4)),
    "steps": Axis("T", _task("steps"), (0.5, 1, 2, 4)),
    "base": Axis("b", _task("base")),
    "registers": Axis("R", _task("registers")),
    "lines": Axis("L", _task("lines")),
}


def scaling(config: RunConfig, engines: Sequence[str], rounds: int) -> Iterator[dict]:
    """A row for each size, value and engine, as soon as it is measured."""
    task = plan_for(config, engines[0]).task
    sizes = {**task.sizes._asdict(), "restarts": config.restarts, "examples": config.examples, "steps": task.steps}
    points = [
        (size, axis, value)
        for size, axis in AXES.items()
        for value in dict.fromkeys(max(1, round(sizes[size] * factor)) for factor in axis.factors)
    ]
    with ProgressLine("scaling", len(points), "sizes", stays=False) as line:
        for size, axis, value in points:
            grown = axis.grown(config, value)
            entered = entrants(grown, engines)
            times = alternate({entrant.engine: entrant.update for entrant in entered}, rounds, shown=False)
            for entrant in entered:
                median, low, high = (round(1e3 * seconds, 3) for seconds in times[entrant.engine])
                yield {
                    "size": size,
                    "value": value,
                    "engine": entrant.engine,
                    "ms_per_update": median,
                    "ms_low": low,
                    "ms_high": high,
                    "threads": entrant.threads,
                    **(sizes | {size: value}),
                }
            line.advance()


def can_plot() -> bool:
    return importlib.util.find_spec("matplotlib") is not None

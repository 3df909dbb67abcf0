"""The arena: methods on the same tasks. Cells go in; out come their places, and names that tell methods apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from neurocomp.report.cells import Cell
from neurocomp.report.places import Place, choose
from neurocomp.report.published import axes, task_order
from neurocomp.report.success import LEARNER, limit_of
from neurocomp.report.where import flat, known_keys

METHODS = ("tune", "local_search", "annealing", "random_search", "enumerate", "synthesize", "solver")  # as shown
NOTHING = "nothing"  # the start of random weights, of random programs, and of methods without a start

TOLD = ("init", "method", "seed", "limit", "engine", "device", "config_hash", "learner.kind", "learner.fresh")
"""Keys of a configuration that say where its cell stands, or what computed it: they are no settings of its method."""

USERS = {
    "objective": ("tune",),
    "optimizer": ("tune", "local_search", "random_search", "enumerate"),
    "gamma": ("tune",),
    "noop_lines": ("tune",),
    "fresh": ("tune",),
    "epsilon": ("tune",),
    "precision": ("tune",),
    "search": ("local_search", "random_search", "enumerate"),
    "annealing": ("annealing",),
    "synthesis": ("synthesize",),  # and what begins with init=synth
    "learner": (LEARNER,),
}
"""The methods that look at a key or a group of keys; each method looks at the others."""


class Contestant(NamedTuple):
    """A cell where it stands: its task, what it starts from, the name of its method, the limit of a restart in s."""

    task: str
    start: str
    label: str
    limit: float | None
    cell: Cell

    @property
    def place(self) -> str:
        """`inc`, or `inc from map_dec`."""
        return self.task if self.start == NOTHING else f"{self.task} from {self.start}"

    @property
    def is_learner(self) -> bool:
        return self.cell.facts["method"] == LEARNER

    @property
    def rank(self) -> tuple:
        """Where the method stands among methods."""
        method = self.cell.facts["method"]
        return self.is_learner, METHODS.index(method) if method in METHODS else len(METHODS), self.label


def contestants(cells: Iterable[Cell]) -> list[Contestant]:
    """Every cell with rows in its place, by start, task and method.

    Cells of other limits or settings have places of their own. Raises UserError where cells compete all the same, such
    as those of two seeds.
    """
    there = [cell for cell in cells if cell.n]
    labels = _labels(there)
    places = [(_place(cell, labels[cell.path]), cell) for cell in there]
    chosen = choose(places)
    found = [Contestant(task, start, label, limit_of(cell), cell) for (task, start, label, _), cell in chosen.items()]
    return sorted(found, key=_order)


def _place(cell: Cell, label: str) -> Place:
    init, limit = cell.facts["init"], limit_of(cell)
    start = NOTHING if init in ("random", "none") else init
    return cell.facts["task"], start, label, "no limit" if limit is None else f"limit={limit:g}"


def _order(one: Contestant) -> tuple:
    starts = [NOTHING, *axes("table1")[1], "loop_noop"]
    start = starts.index(one.start) if one.start in starts else len(starts)
    limit = math.inf if one.limit is None else one.limit
    return start, one.start, task_order(one.task), one.rank, limit


def _labels(cells: Sequence[Cell]) -> dict[Path, str]:
    """The name of the method for each file; where one place has cells of several settings, they are numbered."""
    settings: dict[str, set[str]] = {}
    places: dict[Place, set[str]] = {}
    for cell in cells:
        settings.setdefault(_name(cell), set()).add(settings_text(cell))
        places.setdefault(_place(cell, _name(cell)), set()).add(settings_text(cell))
    numbered = {place[2] for place, texts in places.items() if len(texts) > 1}
    labels = {}
    for cell in cells:
        name, fewest = _name(cell), lambda text: (text.count("="), text)
        number = sorted(settings[name], key=fewest).index(settings_text(cell))
        labels[cell.path] = f"{name} ({number + 1})" if number and name in numbered else name
    return labels


def _name(cell: Cell) -> str:
    """`annealing`, `learner lstm`, or `learner lstm, fresh examples`."""
    method = cell.facts["method"]
    if method != LEARNER:
        return method
    learner = cell.config.get("learner") or {}
    fresh = ", fresh examples" if learner.get("fresh") else ""
    return f"{method} {learner.get('kind', 'of unknown kind')}{fresh}"


def settings_text(cell: Cell) -> str:
    """What the cell's method was set to other than by default: `optimizer.hold=1, optimizer.updates=300`."""
    defaults, _ = known_keys()
    given = {key: value for key, value in flat(cell.config).items() if _is_setting(key, cell)}
    other = {key: value for key, value in given.items() if value != defaults.get(key)}
    return ", ".join(f"{key}={'null' if value is None else value}" for key, value in sorted(other.items()))


def _is_setting(key: str, cell: Cell) -> bool:
    """Whether the cell's method looks at this key, and its place does not say it. Nothing is known of other keys."""
    group, (defaults, no_part) = key.partition(".")[0], known_keys()
    method, init = cell.facts["method"], cell.facts["init"]
    if key in TOLD or group == "task" or key in no_part or not (key in defaults or group in USERS):
        return False
    if group == "synthesis" and init == "synth":
        return True
    if key == "gamma" and init == "random":  # random weights have gamma 1
        return False
    return method in USERS.get(group, (method,))

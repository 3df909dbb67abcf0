"""The tables of the paper as data: its rates by row and task, and the order in which tasks are shown."""

from __future__ import annotations

import csv
import functools
import importlib.resources
import io

RESTARTS = 100  # runs behind each published rate
OPTIMIZATION = "optimization"  # the row of what is tuned from random weights

FOLDER = importlib.resources.files("neurocomp") / "published"
MEMORIZER_FOLDER = importlib.resources.files("neurocomp") / "memorizer" / "published"


def tables() -> list[str]:
    return sorted(file.name.removesuffix(".csv") for file in FOLDER.iterdir() if file.name.endswith(".csv"))


@functools.cache
def published(name: str) -> dict[tuple[str, str], float | None]:
    """The published rates by row and task, in published order, as fractions; None where the paper has no number."""
    text = (FOLDER / f"{name}.csv").read_text(encoding="utf-8")
    (_, *tasks), *lines = csv.reader(io.StringIO(text))
    places = {(row, task): rate for row, *rates in lines for task, rate in zip(tasks, rates, strict=True)}
    return {place: float(rate) / 100 if rate else None for place, rate in places.items()}


@functools.cache
def memorizer_lines(name: str) -> tuple[dict[str, str], ...]:
    """What was published of the memorizer, `memorization` or `soft_programs`, line by line under its header."""
    text = (MEMORIZER_FOLDER / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(io.StringIO(text)))


def axes(name: str) -> tuple[list[str], list[str]]:
    """The rows and the tasks of a table."""
    rows, tasks = (list(dict.fromkeys(place[axis] for place in published(name))) for axis in (0, 1))
    return rows, tasks


def is_tuned(row: str) -> bool:
    """Whether a published row is of programs that were tuned from one initialization."""
    return row == OPTIMIZATION or row.startswith("init=")


def row_of_init(init: str) -> str:
    """The row of what is tuned from this initialization."""
    return OPTIMIZATION if init == "random" else f"init={init}"


LOOP_NOOP = row_of_init("loop_noop")


def tuned_rates(name: str) -> dict[tuple[str, str], float]:
    """The published rates of the rows that were tuned; there are 20 in Table 1."""
    rates = published(name).items()
    return {place: rate for place, rate in rates if rate is not None and is_tuned(place[0])}


def task_order(task: str) -> tuple[int, str]:
    """For sorting: the tasks of Table 1 as the paper has them, then others by name."""
    _, tasks = axes("table1")
    return (tasks.index(task) if task in tasks else len(tasks)), task

"""Searches that are made once: each is kept in a file, so that the same command goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from pathlib import Path
from typing import Any, get_type_hints

from neurocomp.errors import UserError, accepted_instead
from neurocomp.files import atomic_write, read_text
from neurocomp.learning.solving import Asked, Problem, Searched, solve_all
from neurocomp.progress_line import ProgressLine
from neurocomp.readings.measuring import finished
from neurocomp.synthesis.language import Language
from neurocomp.text import json_text
from neurocomp.workers.pool import Pool, Task

TOGETHER = 4  # problems of one shape that a worker is given at a time: it enumerates their programs once


class Searches:
    """The searches of one folder, and the pool that makes those that are missing."""

    def __init__(self, folder: Path, pool: Pool):
        self.folder, self._pool = folder, pool
        self._known: dict[str, Searched] = {}

    def __call__(
        self, problems: Sequence[Problem], language: Language, title: str, budgets: Mapping[str, int] | None = None
    ) -> dict[str, Searched]:
        """The search of each problem by its name, with its own budget or with that of `budgets`."""
        budget_of: Callable[[Problem], int] = lambda one: (budgets or {}).get(one.name, one.budget)  # noqa: E731
        missing = [one for one in problems if not self._says(one.key(language), budget_of(one))]
        keys = {one.name: one.key(language) for one in problems}
        there = len(problems) - len(missing)
        with ProgressLine(title, len(problems), "searches", there=there, stays=False) as bar:
            asked = [Asked(one, language.abstractions, budget_of(one)) for one in missing]
            for rows in finished(self._pool, _tasks(asked, self._pool), "task"):
                for problem, searched in rows:
                    self._keep(keys[problem], searched)
                    bar.advance()
        return {name: self._known[key] for name, key in keys.items()}

    def _says(self, key: str, budget: int) -> bool:
        if key not in self._known and (kept := self._read(key)):
            self._known[key] = kept
        return key in self._known and self._known[key].says(budget)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _keep(self, key: str, searched: Searched) -> None:
        atomic_write(self._path(key), json_text(asdict(searched)) + "\n")
        self._known[key] = searched

    def _read(self, key: str) -> Searched | None:
        path = self._path(key)
        if not os.path.lexists(path):
            return None
        text = read_text(path)
        try:
            return _searched(json.loads(text))
        except (ValueError, RecursionError):
            hint = "without the file it searches again"
            raise UserError(f"{path}: not what neurocomp learn writes, expected a search; {hint}") from None


def _searched(given: Any) -> Searched:
    """The object of a file. Raises ValueError where it is another."""
    hints = get_type_hints(Searched)
    if not isinstance(given, dict) or given.keys() != hints.keys():
        raise ValueError("other keys")
    if any(accepted_instead(given[each.name], hints[each.name]) for each in fields(Searched)):
        raise ValueError("other types")
    return Searched(**given)


def _tasks(asked: Sequence[Asked], pool: Pool) -> Iterator[Task]:
    """Tasks for a pool; without workers each search is one, so that it is kept as soon as it is done."""
    together = TOGETHER if pool.slots() > 1 else 1
    in_order = sorted(asked, key=lambda one: repr(one.problem.shape()))
    number = 0
    for _, alike in groupby(in_order, key=lambda one: repr(one.problem.shape())):
        group = list(alike)
        for first in range(0, len(group), together):
            some = group[first : first + together]
            yield Task(number, solve_all, (some, some[0].problem.name))
            number += 1

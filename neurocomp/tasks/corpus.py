"""The corpus: which of its tasks are training and which are held-out, by family: `corpus.yaml` beside it says so.

The tasks themselves are files in `configs/task/corpus`, which compose as `task=corpus/NAME`.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any, NamedTuple, cast

import yaml

FOLDER = "corpus"  # in the folder of tasks


class Family(NamedTuple):
    """The names of a family's tasks, without the folder. Nothing is learned from those that are held-out."""

    training: tuple[str, ...]
    held_out: tuple[str, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        return self.training + self.held_out


@functools.cache
def _file() -> dict[str, Any]:
    text = (resources.files("neurocomp.tasks") / "corpus.yaml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


def families() -> dict[str, Family]:
    """Every family by its name."""
    return {name: Family(*(tuple(split[key]) for key in Family._fields)) for name, split in _file()["families"].items()}


def tasks() -> list[str]:
    """Every task of the corpus."""
    return [name for family in families().values() for name in family.tasks]


def training() -> list[str]:
    """The tasks that may be learned from."""
    return [name for family in families().values() for name in family.training]


def held_out() -> list[str]:
    """The tasks that nothing is learned from."""
    return [name for family in families().values() for name in family.held_out]


def given() -> dict[str, tuple[str, ...]]:
    """A task whose program is given as a construct -> the tasks that are measured with it too."""
    return {name: tuple(others) for name, others in _file()["given"].items()}

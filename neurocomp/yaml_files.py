"""The one door for YAML files: some are refused before anything in them is expanded or made into an object.

A few hundred bytes of nested aliases can stand for more values than a memory holds, and a tag can name a Python object.
So a file is first read as the events that its parser sees: no alias is followed and no value is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import yaml

from neurocomp.errors import UserError
from neurocomp.files import read_text
from neurocomp.limits.checking import Most

BYTES = 262_144  # the longest shipped file has 1,000
VALUES = 100_000  # with every alias written out
DEPTH = 50  # lists and mappings inside each other
PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}


def read_yaml_text(path: Path) -> str:
    """The text of a YAML file that is safe to load. Raises UserError that names the file, and the line if there is one.

    Refused are files of more than `BYTES` bytes, of more than `VALUES` values (aliases written out) or `DEPTH` levels,
    tags other than those of plain data, and what is not YAML.
    """
    text = read_text(path, Most(BYTES))
    check_yaml(text, str(path))
    return text


def check_yaml(text: str, where: str) -> None:
    """Raise UserError that begins with `where` if the text is one that `read_yaml_text` refuses."""
    nodes = _Nodes(where)
    try:
        for event in cast("Iterable[yaml.Event]", yaml.parse(text, yaml.SafeLoader)):  # type: ignore[reportUnknownMemberType]
            nodes.count(event)
    except yaml.YAMLError as error:
        raise UserError(yaml_problem(error, where)) from None


class _Nodes:
    """Counts the values that a text stands for, event by event."""

    def __init__(self, where: str):
        self._where = where
        self._values = self._documents = 0
        self._anchors: dict[str, int] = {}  # anchor -> the values of its finished node
        self._open: list[tuple[str | None, int]] = []  # of lists and mappings: anchor, values before it

    def count(self, event: yaml.Event) -> None:
        """Count an event. UserError at one too many, at a tag, or at an alias of a value that is not finished."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(event, "a second document begins, expected one")
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            anchor, before = self._open.pop()
            self._finish(anchor, self._values - before)
        elif isinstance(event, yaml.NodeEvent):
            self._begin(event)
            if self._values > VALUES:
                self._refuse(event, f"more than {VALUES:,} values with its aliases written out, expected fewer")
            if len(self._open) > DEPTH:
                self._refuse(event, f"more than {DEPTH} levels of lists and mappings, expected fewer")

    def _begin(self, event: yaml.NodeEvent) -> None:
        before = self._values
        self._values += 1
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                self._refuse(event, f"*{event.anchor}: nothing before it is called &{event.anchor}")
            self._values = before + self._anchors[event.anchor]
        elif (tag := getattr(event, "tag", None)) is not None and tag not in PLAIN:
            self._refuse(event, f"tag {tag}, expected plain data without tags")
        elif isinstance(event, yaml.ScalarEvent):
            self._finish(event.anchor, 1)
        else:
            self._open.append((event.anchor, before))

    def _finish(self, anchor: str | None, values: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = values

    def _refuse(self, event: yaml.Event, problem: str) -> None:
        raise UserError(f"{self._where}, line {event.start_mark.line + 1}: {problem}")


def yaml_problem(error: yaml.YAMLError, where: str) -> str:
    """YAML's own error on one line: the file, the line, the problem."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{where}, line {error.problem_mark.line + 1}: {error.problem}"
    return f"{where}: {' '.join(str(error).split())}"

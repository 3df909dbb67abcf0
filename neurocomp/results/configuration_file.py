"""Reading the configuration beside a cell's rows: <cell>.yaml."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from neurocomp.caching import by_text
from neurocomp.errors import UserError, accepted_instead
from neurocomp.files import read_text
from neurocomp.limits.checking import Most

LONGEST = Most(1_048_576)  # four times the longest file of a user, whose values may stand in it

KINDS = {
    "name": str, "restarts": int, "programs": int, "limit": float, "synthesis": dict, "learner": dict, "network": dict,
}  # fmt: skip
"""The keys that tables rely on. Each of them may be left out, or be null."""

SECTION = re.compile(r"[A-Za-z_]\w*:[^\n]*\n(?:(?: |- )[^\n]*\n)*")
"""A key at the left margin, and the lines that belong to it."""

UNLIKE_OURS = re.compile(r"""(?<![^\s\[\]{},:?"'-])[&*!]|^ {100}|- - """, re.MULTILINE)
"""What may begin an alias, an anchor or a tag; deep nesting."""


class Loader(yaml.SafeLoader):
    """Without aliases: we write none, and a few of them can stand for more than fits into memory."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"line {self.peek_event().start_mark.line + 1} has an alias, expected none")
        return super().compose_node(parent, index)


def read_configuration(path: Path) -> dict[str, Any]:
    """The keys and values of a cell's YAML file; none if there is no file. Raises UserError that names the file.

    Lists and dicts in it are shared with those of other files that say the same: they are not to be changed.
    """
    if not os.path.lexists(path):
        return {}
    text = read_text(path, LONGEST)
    try:
        config: Any = _loaded(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a configuration in YAML ({' '.join(str(error).split())})") from None
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise UserError(f"{path}: not a configuration in YAML (expected keys and values)")
    for key, kind in KINDS.items():
        if config.get(key) is not None and (instead := accepted_instead(config[key], kind)):
            raise UserError(f'{path}: {key} is "{config[key]}", expected {instead}')
    return config


def configuration_text(settings: dict[str, Any]) -> str:
    """A configuration as it stands in such a file: plain values, and dataclasses of them.

    Many of its sections are those of other cells too.
    """
    return "".join(_section_text(key, value) for key, value in settings.items())


@by_text
def _section_text(key: str, value: Any) -> str:
    value = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return yaml.dump({key: value}, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False)


def _loaded(text: str) -> Any:
    """The value of a YAML text. Most of its sections stand in the files of other cells too: each is parsed once."""
    sections = SECTION.findall(text)
    if "".join(sections) == text:
        with contextlib.suppress(yaml.YAMLError, ValueError, RecursionError):
            return {key: value for section in sections for key, value in _section(section).items()}
    return _parsed(text)  # which names what is wrong, and where


@functools.lru_cache(maxsize=1 << 10)
def _section(text: str) -> dict[str, Any]:
    return _parsed(text)


def _parsed(text: str) -> Any:
    """What we write has no aliases and few levels: such a text is safe in libyaml's hands."""
    if not UNLIKE_OURS.search(text) and text.count("[") + text.count("{") < 100:
        with contextlib.suppress(yaml.YAMLError, ValueError, RecursionError, AttributeError):
            return yaml.load(text, yaml.CSafeLoader)
    return yaml.load(text, Loader)


def requested_restarts(path: Path) -> int:
    """How many restarts it asks for; 0 if it does not say. Raises UserError."""
    return read_configuration(path).get("restarts") or 0

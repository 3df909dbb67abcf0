"""Overrides as they were typed, before Hydra converts them: what would come out as something else is refused here.

`name=true` would become "True", `save_weights=2` true, and `task=[inc,fib]` one task made of two files.
"""

from __future__ import annotations

import functools
import re
import types
from dataclasses import is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra._internal.grammar.utils import escape_special_characters
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override

from neurocomp.errors import UserError, with_home

HOME = re.compile(r"(?<=[=,\[(])~[\w.-]*(?=/)")


def typed_home(word: str) -> str:
    """An override with `~/` as the home folder, which the shell leaves as it is inside a word."""
    key = word.partition("=")[0]
    return HOME.sub(lambda match: escape_special_characters(with_home(key, match[0])), word)


@functools.cache
def typed_places(config_class: type, prefix: str = "") -> dict[str, type]:
    """The keys that hold one value, with dots, and what each is: `{"seed": int, "optimizer.updates": int, ...}`."""
    found: dict[str, type] = {}
    for name, hint in get_type_hints(config_class).items():
        if get_origin(hint) in (Union, types.UnionType):
            hint = next(kind for kind in get_args(hint) if kind is not type(None))
        if is_dataclass(hint):
            found |= typed_places(hint, f"{prefix}{name}.")  # type: ignore[arg-type]
        elif hint in (int, float, bool, str):
            found[prefix + name] = hint
    return found


def misread(kind: type | None, value: Any, text: str | None) -> str | None:
    """What is wrong with a value that would be converted to something else than its `text`; None if nothing is."""
    if kind is str and isinstance(value, (bool, float)) or kind is str and isinstance(value, int) and text is not None:
        if str(value) != text:
            return f'would be read as "{value}"; expected text in quotes'
    if kind is bool and type(value) in (int, float) and value not in (0, 1):
        return "expected true or false"
    return None


def check_overrides(overrides: list[Override], config_class: type, loader: ConfigLoader) -> None:
    """Raise UserError, a line for each override that would be taken for something else."""
    problems = [problem for override in overrides if (problem := _problem(override, config_class, loader))]
    if problems:
        raise UserError(*problems)


def _problem(override: Override, config_class: type, loader: ConfigLoader) -> str | None:
    """What is wrong with an override, None if nothing is."""
    key, word, value = override.key_or_group, str(override.input_line), override.value()
    if not key:
        return f'"{word}": expected key=value, such as task=map_inc'
    kind = typed_places(config_class).get(key)
    if isinstance(value, (list, tuple)) and (
        kind is not None or (not override.is_hydra_override() and loader.get_group_options(key))
    ):
        listed = ",".join(Override._get_value_element_as_str(item) for item in value) or "VALUE,VALUE"
        return f"{word}: a list is one value, expected a grid of several: -m {key}={listed}"
    if value == {}:
        return f"{word}: changes nothing, expected keys with values"
    sweep = override.is_sweep_override()
    values = getattr(override._value, "list", []) if sweep else [value]
    text = None if sweep else override.get_value_string().strip() if "=" in word else None
    reasons = [reason for one in values if (reason := misread(kind, one, text))]
    return f"{word}: {reasons[0]}" if reasons else None

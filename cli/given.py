"""Overrides as they were typed, before Hydra converts them: what would come out as something else is refused here.

`name=true` would become "True", `save_weights=2` true, and `task=[inc,fib]` one task made of two files.
"""

from __future__ import annotations

import re

from hydra._internal.grammar.utils import escape_special_characters
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override

from neurocomp.cli.as_written import misread, typed_places
from neurocomp.errors import UserError, with_home

HOME = re.compile(r"(?<=[=,\[(])~[\w.-]*(?=/)")


def typed_home(word: str) -> str:
    """An override with `~/` as the home folder, which the shell leaves as it is inside a word."""
    key = word.partition("=")[0]
    return HOME.sub(lambda match: escape_special_characters(with_home(key, match[0])), word)


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

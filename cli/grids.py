"""What was typed -> the values of each key, one by one: ranges, sorts and globs are worked out here, exactly, once.

Hydra adds the steps of a range in binary (0.1, 0.2, 0.30000000000000004, 0.4), sorts a falling range wrongly, and runs
an empty grid without a word. So Hydra is given what comes out of here: plain lists.
"""

from __future__ import annotations

import random
import re
from decimal import Decimal
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import ChoiceSweep, Override, ValueType

from neurocomp.errors import UserError, short_decimal

CELLS = 100_000
"""The most values of a key, and the most cells of a grid."""


def spread(start: float, stop: float | None = None, step: float = 1) -> ChoiceSweep:
    """`range(start, stop, step)` as a list. Numbers are the decimals that were typed; `stop` itself is left out."""
    first, last = (0, start) if stop is None else (start, stop)
    low, high, by = (Decimal(str(number)) for number in (first, last, step))
    if by == 0 or not all(number.is_finite() for number in (low, high, by)):
        raise ValueError("expected finite numbers and a step other than 0")
    count = max(0, int(((high - low) / by).to_integral_value("ROUND_CEILING")))
    if count > CELLS:
        raise ValueError(f"{count:,} values, expected at most {CELLS:,}")
    whole = all(isinstance(number, int) for number in (first, last, step))
    values = [low + by * index for index in range(count)]
    return ChoiceSweep(list=[int(value) if whole else float(value) for value in values])


def parse_overrides(words: list[str]) -> list[Override]:
    """Hydra's grammar, with our ranges. Raises Hydra's OverrideParseException."""
    functions = create_functions()
    functions.functions["range"] = spread
    return OverridesParser(functions=functions).parse_overrides(words)


PLAIN = re.compile(r"([\w.]+)=(?:(0|-?[1-9][0-9]{0,17})|(-?[0-9]{1,17}\.[0-9]{1,17}))")


def plain_number(word: str) -> tuple[str, int | float] | None:
    """The key and the value of an override such as seed=17 or gamma=0.3; None of any other, which Hydra has to read."""
    if match := PLAIN.fullmatch(word):
        return match[1], int(match[2]) if match[2] else short_decimal(float(match[3]))
    return None


def values_of(override: Override, loader: ConfigLoader, hydra_words: list[str]) -> list[str]:
    """The different values of a key, each as an override has it. Raises UserError if there are none."""
    given = override.input_line
    if not override.is_sweep_override():
        return [override.get_value_element_as_str()]
    if override.value_type == ValueType.INTERVAL_SWEEP:
        raise UserError(f"{given}: a grid takes no interval, expected values, a range, or hydra/sweeper=optuna")
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
        options = loader.get_group_options(override.key_or_group, ObjectType.CONFIG, overrides=hydra_words)
        glob: Any = override._value
        inner = _in_folders(override.key_or_group, glob.include, loader, hydra_words)
        chosen: list[Any] = glob.filter(options + inner)
        known = ", ".join(inner or options)
        expected = f"choose from {known}" if known else f"{override.key_or_group} is no group of files"
    else:
        sweep: Any = override._value
        chosen = list(sweep.list)
        if sweep.shuffle:
            random.shuffle(chosen)
        expected = "expected at least one value"
    if not chosen:
        raise UserError(f"{given}: an empty grid, {expected}")
    return list(dict.fromkeys(Override._get_value_element_as_str(value) for value in chosen))


def _in_folders(group: str, patterns: list[str], loader: ConfigLoader, hydra_words: list[str]) -> list[str]:
    """The options in the folders of a group that the patterns of a glob name, such as corpus/*; no others."""
    folders = dict.fromkeys(folder for folder, slash, _ in (pattern.rpartition("/") for pattern in patterns) if slash)
    return [
        f"{folder}/{option}"
        for folder in folders
        for option in loader.get_group_options(f"{group}/{folder}", ObjectType.CONFIG, overrides=hydra_words)
    ]


def first_of(override: Override) -> str:
    """The override with the first of its values: for a sweeper that chooses them itself, one cell to look at."""
    sweep: Any = override._value
    if override.value_type == ValueType.INTERVAL_SWEEP:
        return f"{override.get_key_element()}={sweep.start}"
    if getattr(sweep, "list", None) and override.is_sweep_override():
        return f"{override.get_key_element()}={Override._get_value_element_as_str(sweep.list[0])}"
    return str(override.input_line)

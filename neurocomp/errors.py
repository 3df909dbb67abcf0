"""UserError, and the checks that raise it."""

from __future__ import annotations

import difflib
import functools
import math
import numbers
import os
import types
from collections.abc import Collection
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from neurocomp.caching import by_text
from neurocomp.text import elided, first_lines, visible

LARGEST = 2**63 - 1  # of the integers in a results file


class UserError(ValueError):
    """Mistakes in what the user gave: each message is printed on a line, without a traceback, exit code 2.

    `more` counts mistakes whose messages were not kept.
    """

    def __init__(self, *messages: str, more: int = 0):
        super().__init__(*messages)
        self.messages, self.more = messages, more

    def __str__(self) -> str:
        return "\n".join(first_lines(self.messages, self.more))


def did_you_mean(given: str, known: Collection[str]) -> str:
    """`; did you mean "x"?` or nothing, to be appended to a message about an unknown name."""
    if not known or len(known) > 1000 or len(str(given)) > 100:  # comparing them all would take seconds
        return ""
    close = difflib.get_close_matches(str(given), known, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def check_choice(name: str, given: str, choices: tuple[str, ...]) -> None:
    """Raise UserError unless `given` is one of `choices`."""
    if given not in choices:
        accepted = ", ".join(choices)
        raise UserError(f"{name}={given}: expected one of {accepted}{did_you_mean(given, list(choices))}")


def check_at_least(name: str, given: float, least: float) -> None:
    """Raise UserError unless `given` is a finite number not below `least`, and as an integer fits into 64 bits."""
    if isinstance(given, int) and given > LARGEST:
        raise UserError(f"{name}={elided(str(given), 40)}: expected a number <= {LARGEST}")
    if given < least or isinstance(given, float) and not math.isfinite(given):  # a long int is no float
        raise UserError(f"{name}={given}: expected a number >= {least}")


def check_folder(name: str, given: str) -> None:
    """Raise UserError unless `given` can only be one folder below `results`: no path, nothing hidden or invisible."""
    unsafe = "/" in given or "\\" in given or given[:1] in (".", "~") or visible(given) != given or not given.strip()
    if unsafe or len(given.encode()) > 200:
        raise UserError(f"{name}={visible(given)}: expected the name of one folder below results, such as mine")


def check_text(name: str, given: str) -> None:
    """Raise UserError unless `given` is text on one line that is not blank."""
    if not given.strip() or visible(given) != given:
        raise UserError(f"{name}={visible(given)}: expected text on one line")


def with_home(name: str, path: str) -> str:
    """A path with `~` as the folder that it stands for. Raises UserError if it stands for none."""
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise UserError(f"{name}={path}: {path.partition('/')[0]} is no folder that is known here, expected its path")
    return found


Config = TypeVar("Config")

IN_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", list: "a list",
            dict: "keys and values"}  # fmt: skip


def is_of(value: Any, hint: Any) -> bool:
    """Whether a value is of a type such as int or list[int], whatever the list holds; a whole number is a number."""
    kind: Any = {int: numbers.Integral, float: numbers.Real}.get(hint) or get_origin(hint) or hint
    return isinstance(value, kind) and (hint is bool or not isinstance(value, bool))


def accepted_instead(value: Any, hint: Any) -> str | None:
    """A description of the values that a file may say instead of this one; None if this one is of the type.

    A whole number is from 0 to 2^63 - 1, any other number is finite, text is on one line and all of it can be seen.
    """
    if isinstance(hint, types.UnionType):
        instead = None if value is None else accepted_instead(value, get_args(hint)[0])
        return instead and f"{instead} or null"
    if is_of(value, hint) and _is_sound(value, hint):
        return None
    return IN_WORDS[get_origin(hint) or hint] + (" >= 0" if hint is int else "")


def _is_sound(value: Any, hint: Any) -> bool:
    if hint is str:
        return visible(value) == value
    return hint not in (int, float) or (0 if hint is int else -LARGEST) <= value <= LARGEST


def checked(config: Config, prefix: str = "") -> Config:
    """The configuration as it would be had it been made of these values just now, each of its declared type.

    Values may have been set since it was made. Numbers of NumPy become Python's. A number that only lacks the last
    bits of a short decimal, like a sum of steps, becomes that decimal. Raises UserError. What is as it should be is
    returned itself, so that the cells of a grid share it.
    """
    hints = _hints(type(config))
    for key in vars(config):
        if key not in hints:
            raise UserError(f"{prefix}{key}: there is no such key{did_you_mean(key, list(hints))}")
    values = {key: _checked_value(prefix + key, getattr(config, key), hint) for key, hint in hints.items()}
    made, given = type(config)(**values), vars(config)
    return config if all(_is_same(value, given[key]) for key, value in vars(made).items()) else made


@by_text
def _is_unchanged(config_class: Any, values: dict[str, Any]) -> bool:
    """Whether values are as they should be: most cells of a grid say the same in most parts of their configuration."""
    config: Any = object.__new__(config_class)
    config.__dict__ = dict(values)
    try:
        return checked(config) is config
    except UserError:
        return False


def _is_same(value: Any, given: Any) -> bool:
    return value is given or (type(value) is type(given) and value == given and not is_dataclass(value))


@functools.cache
def _hints(config_class: type) -> dict[str, Any]:
    hints = get_type_hints(config_class)
    return {each.name: hints[each.name] for each in fields(config_class)}  # type: ignore[arg-type]


def _checked_value(key: str, value: Any, hint: Any) -> Any:
    """The value as its type has it; UserError if it is of another one."""
    if get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if is_dataclass(hint):
        if type(value) is not hint:
            raise UserError(f"{key}={value}: expected a {getattr(hint, '__name__', hint)}")
        given: Any = value
        return given if _is_unchanged(hint, given.__dict__) else checked(given, f"{key}.")
    if hint not in (int, float, bool, str):
        return value
    value = value.item() if hasattr(value, "item") else value  # NumPy's
    if not is_of(value, hint):
        raise UserError(f"{key}={value}: expected {IN_WORDS[hint]}")
    return short_decimal(float(value)) if hint is float else value


def short_decimal(value: float) -> float:
    """0.3 for 0.30000000000000004, which 0.1 + 0.2 gives; numbers that are near no short decimal stay as they are."""
    rounded = float(f"{value:.12g}")
    return rounded if abs(rounded - value) <= 4 * math.ulp(value) else value

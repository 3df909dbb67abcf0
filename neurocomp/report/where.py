"""`--where CONDITION`: the cells whose rows, measures or configuration fulfil it, and in what cells differ.

A condition is a key, one of = != < <= > >=, and a value: `seed=0`, `rate_hard<0.5`. Several are joined by `and`.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from neurocomp.errors import UserError, did_you_mean
from neurocomp.report.cells import Cell, OneOf, Rows
from neurocomp.results.identity import unhashed
from neurocomp.text import real_number

FORM = re.compile(r"\s*([^\s=<>!]+)\s*(<=|>=|!=|=|<|>)(.*)", re.DOTALL)
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
SHARES = ("recovered_", "rate_")  # keys that begin so are shares of the restarts: 0 to 1
OF_ALL = ("n", "requested", "complete", "failed", "limited")  # what a summary of any cell says besides its measures


class Condition(NamedTuple):
    """One comparison, such as `rate_hard<0.5`."""

    key: str
    sign: str
    text: str

    def __str__(self) -> str:
        return f"--where {self.key}{self.sign}{self.text}"


def conditions(texts: Sequence[str]) -> list[Condition]:
    """The conditions of each `--where`. Raises UserError where one is none, or where two exclude each other."""
    found: list[Condition] = []
    for text in texts:
        parts = [_condition(part) for part in re.split(r"\s+and\s+", text)]
        equal = [part.key for part in parts if part.sign == "="]
        if twice := next((key for key in equal if equal.count(key) > 1), None):
            values = " ".join(f"{part.key}={part.text}" for part in parts if part.key == twice and part.sign == "=")
            raise UserError(f"--where {text}: no cell has both; expected --where {values} for either")
        found += parts
    return found


def _condition(text: str) -> Condition:
    form = FORM.fullmatch(text)
    if form is None:
        raise UserError(f"--where {text}: expected KEY=VALUE, such as seed=0, or a comparison, such as rate_hard<0.5")
    key, sign, value = form.groups()
    if sign in ORDERS:
        number = real_number(value)
        if number is None:
            raise UserError(f"--where {text.strip()}: expected a number after {sign}, such as 0.5")
        if key.startswith(SHARES) and not 0 <= number <= 1:
            raise UserError(f"--where {text.strip()}: {key} is a share of the restarts, expected 0 to 1, such as 0.5")
    return Condition(key, sign, value.strip() if value.strip() else value)


def select(cells: list[OneOf], where: Sequence[Condition], *kinds: type[Rows]) -> list[OneOf]:
    """The cells of these kinds that fulfil all conditions; where a key is given twice with =, either value is enough.

    A cell has what all its rows have, what was measured in it, and its configuration.
    """
    known = sorted({*known_names(*kinds), *(key for cell in cells for key in flat(cell.config))})
    alternatives = {one: [one] for one in where if one.sign != "="}
    alternatives |= {each[0]: each for each in _by_key([one for one in where if one.sign == "="])}
    for asked, either in alternatives.items():
        if asked.key not in known:
            such_as = " or ".join(kind.SUCH_AS for kind in kinds)
            accepted = (
                f"a column of the rows, a measure such as {kinds[0].MEASURES[0]}, "
                f"or a key of the configuration such as {such_as}"
            )
            raise UserError(f"{asked}: unknown key, expected {accepted}{did_you_mean(asked.key, known)}")
        found = [cell for cell in cells if any(_fulfils(cell, one) for one in either)]
        if cells and not found:
            raise UserError(f"{asked}: no cell has it; {_said(cells, asked)}")
        cells = found
    return cells


def known_names(*kinds: type[Rows]) -> list[str]:
    """The keys that cells of these kinds can have."""
    columns = {one for kind in kinds for one in kind.FORMAT.columns if one not in kind.FORMAT.details}
    of_all = {key for kind in kinds for key in (*kind.MEASURES, *flat(asdict(kind.settings())))}
    return sorted({*OF_ALL, *columns, *of_all})


def _by_key(where: Sequence[Condition]) -> list[list[Condition]]:
    keys = dict.fromkeys(one.key for one in where)
    return [[one for one in where if one.key == key] for key in keys]


def _said(cells: Sequence[Rows], asked: Condition) -> str:
    """What the cells have instead."""
    there = {value for cell in cells for value in _values(cell, asked.key)}
    numbers = [value for value in there if _is_number(value)]
    if asked.sign in ORDERS:
        if numbers:
            return f"{asked.key} is {min(numbers):g} to {max(numbers):g}"
        if there:
            return f"{asked.key} is no number, expected {asked.key}=VALUE"
    values = sorted(map(str, there))
    return f"{asked.key} is {', '.join(values[:10] + ['...'] * (len(values) > 10)) or 'nowhere recorded'}"


def differences(cells: list[Cell]) -> list[str]:
    """A line for each cell: the settings in which not all of them agree, its size, its file."""
    settings = {cell.path: {**cell.facts, **flat(cell.config)} for cell in cells}
    keys = dict.fromkeys(key for one in settings.values() for key in one)
    differing = [key for key in keys if len({str(one.get(key)) for one in settings.values()}) > 1]
    lines = []
    for cell in sorted(cells, key=lambda cell: str(cell.path)):
        values = [f"{key}={settings[cell.path].get(key)}" for key in differing]
        lines.append("  ".join([*values, f"(n={cell.n}, {cell.path})"]))
    return lines


def flat(config: dict, prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots."""
    joined = {}
    for key, value in config.items():
        joined |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return joined


@functools.cache
def known_keys() -> tuple[dict[str, Any], tuple[str, ...]]:
    """The default of each key of a differentiable machine's cell, and the keys that are no part of what it is.

    `limits.` is a group of these.
    """
    settings = Cell.settings()
    return flat(asdict(settings)), tuple(unhashed(settings))


def _values(cell: Rows, key: str) -> list:
    """What the cell has there; a measure goes before the column of the same name."""
    if key in cell.MEASURES:
        shares = key.replace("recovered_", "rate_")  # a number of restarts; a condition is about their share
        return [cell.measures()[shares]]
    if key in OF_ALL:
        return [getattr(cell, key)]
    if key in cell.table:
        return cell.table[key].distinct()
    settings = flat(cell.config)
    return [settings[key]] if key in settings else []


def _fulfils(cell: Rows, asked: Condition) -> bool:
    if asked.sign == "=":
        return _has(cell, asked.key, asked.text)
    values = _values(cell, asked.key)
    if asked.sign == "!=":
        return bool(values) and not any(_reads_as(value, asked.text) for value in values)
    limit, holds = real_number(asked.text), ORDERS[asked.sign]
    assert limit is not None
    return bool(values) and all(_is_number(value) and holds(value, limit) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _has(cell: Rows, key: str, text: str) -> bool:
    is_verdict = text.lower() in ("true", "false") and key in cell.table  # of each restart, and no share of them
    values = cell.table[key].distinct() if is_verdict else _values(cell, key)
    if key in ("config_hash", "commit") and text:  # file names show the first digits of a hash
        return bool(values) and all(value.startswith(text) for value in values)
    return bool(values) and all(_reads_as(value, text) for value in values)


def _reads_as(value: Any, text: str) -> bool:
    if value is None:
        return text.lower() in ("", "none", "null")
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, (int, float)):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text == str(value)

"""`--where KEY=VALUE`: the cells whose rows or configuration have these values, and in what cells differ."""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import Any

from neurocomp.errors import UserError, did_you_mean
from neurocomp.report.cells import Cell, OneOf, Rows
from neurocomp.results.identity import unhashed


def select(cells: list[OneOf], where: dict[str, list[str]], kind: type[OneOf]) -> list[OneOf]:
    """The cells of a kind that have, for each key, one of these values: a column's in all rows, or their
    configuration's.
    """
    columns = {column for column in kind.FORMAT.columns if column not in kind.FORMAT.details}
    known = sorted({*columns, *flat(asdict(kind.settings())), *(key for cell in cells for key in flat(cell.config))})
    for key, texts in where.items():
        asked = f"--where {key}={texts[0]}"
        if key not in known:
            accepted = f"a column of the rows, or a key of the configuration such as {kind.SUCH_AS}"
            raise UserError(f"{asked}: unknown key, expected {accepted}{did_you_mean(key, known)}")
        found = [cell for cell in cells if any(_has(cell, key, text) for text in texts)]
        if cells and not found:
            values = sorted({str(value) for cell in cells for value in _values(cell, key)})
            shown = ", ".join(values[:10] + ["..."] * (len(values) > 10))
            raise UserError(f"{asked}: no cell has it; {key} is {shown or 'nowhere recorded'}")
        cells = found
    return cells


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
    if key in cell.table:
        return cell.table[key].distinct()
    settings = flat(cell.config)
    return [settings[key]] if key in settings else []


def _has(cell: Rows, key: str, text: str) -> bool:
    values = _values(cell, key)
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

"""The files of a search over readings: a row for each cell of each setting that was measured.

A file of an older search lacks the keys that came later. Its settings had their defaults, and are read so.
"""

from __future__ import annotations

import csv
import functools
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurocomp.errors import UserError
from neurocomp.files import atomic_write, read_bytes
from neurocomp.readings.space import COLUMNS, DEFAULTS, LATER, SPACE, Setting
from neurocomp.results.row_lines import Damaged, split_line, value
from neurocomp.results.writer import put_aside
from neurocomp.text import say


def settings_of(rows: list[dict]) -> dict[int, Setting]:
    """The setting of each number."""
    return {row["setting"]: {key: row[key] for key in SPACE} for row in rows}


def read(path: Path) -> list[dict]:
    """The rows of such a file with their types; none where there is no file. Raises UserError that names the line."""
    if not os.path.lexists(path):
        return []
    whole, torn = _whole_lines(read_bytes(path))
    if torn:
        say([f"{path}: the last line has no end ({len(torn)} bytes); it is not counted"])
    header, *lines = whole.split(b"\n")[:-1] or [b""]
    columns = _columns(path, header)
    rows = [_row(path, number, line, columns) for number, line in enumerate(lines, start=2)]
    twice = len(rows) - len({(row["setting"], row["row"], row["task"], row["seed"]) for row in rows})
    if twice:
        raise UserError(f"{path}: {twice} cells of a setting stand in it twice, expected each once")
    return rows


def _columns(path: Path, header: bytes) -> list[str]:
    """The columns of a file. Raises UserError unless they are those of this search, or of an older one."""
    columns = header.removesuffix(b"\r").decode(errors="replace").removeprefix("\ufeff").split(",")
    expected = sorted([*COLUMNS, *(key for key in SPACE if key not in LATER or key in columns)])
    if sorted(columns) != expected:
        raise UserError(f"{path}: not the rows of this search (its columns differ); move it or take another name=")
    return columns


def _whole_lines(data: bytes) -> tuple[bytes, bytes]:
    """Whole lines, and what follows the last of them."""
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]


def _row(path: Path, number: int, line: bytes, columns: list[str]) -> dict:
    try:
        fields = split_line(line)
        if len(fields) != len(columns):
            raise Damaged(f"has {len(fields)} fields, its header {len(columns)}")
        row = {key: _value(key, text) for key, text in zip(columns, fields, strict=True)}
        return {key: DEFAULTS[key] for key in LATER} | row
    except Damaged as damage:
        raise UserError(f"{path}:{number}: {damage}") from None


def _value(key: str, text: str) -> Any:
    if key in ("row", "task"):
        return text
    if key in SPACE:
        known = _known(key)
        if text not in known:
            raise Damaged(f'{key} is "{text}", expected {_expected(SPACE[key])}')
        return known[text]
    found = value("float" if key == "seconds" else "integer", text, key)
    if found is None:
        raise Damaged(f'{key} is "", expected a number')
    return found


@functools.cache
def _known(key: str) -> dict[str, Any]:
    """The values of a key by the texts that stand for them."""
    return {str(value): value for value in SPACE[key]}


def _expected(values: Sequence[Any]) -> str:
    if isinstance(values, range):
        return f"a whole number from {values[0]} to {values[-1]}"
    return f"one of {', '.join(map(str, values))}"


def append(path: Path, rows: list[dict]) -> None:
    """Add the rows of a setting, all of them or none: the whole file is replaced, and what it held stays as it was.

    A file of an older search gets the columns that it lacks, filled with what its settings had.
    """
    there, torn = _whole_lines(read_bytes(path) if path.exists() else b"")
    columns = _columns(path, there.partition(b"\n")[0]) if there else [*COLUMNS, *SPACE]
    if lacking := [key for key in LATER if key not in columns]:
        what = f"begun without {', '.join(lacking)}: these columns are added, the file as it was is kept"
        put_aside(path, ".before", there + torn, what)
        there = _with_columns(there, lacking)
    if torn:
        put_aside(path, ".torn", torn, f"the end of a row, {len(torn)} bytes, is put aside")
    text = io.StringIO()
    writer = csv.DictWriter(text, [*columns, *lacking], lineterminator="\n")
    if not there:
        writer.writeheader()
    writer.writerows(rows)
    atomic_write(path, there + text.getvalue().encode())


def _with_columns(there: bytes, lacking: list[str]) -> bytes:
    """The whole lines with these columns at the end, each with its default."""
    header, *lines = (line.removesuffix(b"\r") for line in there.split(b"\n")[:-1])
    values = ",".join(str(DEFAULTS[key]) for key in lacking)
    named, filled = f",{','.join(lacking)}\n".encode(), f",{values}\n".encode()
    return header + named + b"".join(line + filled for line in lines)

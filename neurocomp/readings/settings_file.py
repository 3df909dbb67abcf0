"""The files of a search over readings: a row for each setting that was measured."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

from neurocomp.errors import UserError
from neurocomp.files import atomic_write, read_bytes
from neurocomp.readings.space import COLUMNS, SPACE, Setting
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
    if header.removesuffix(b"\r").decode(errors="replace").removeprefix("\ufeff").split(",") != [*COLUMNS, *SPACE]:
        raise UserError(f"{path}: not the rows of this search (its columns differ); move it or take another name=")
    rows = [_row(path, number, line) for number, line in enumerate(lines, start=2)]
    twice = len(rows) - len({(row["setting"], row["row"], row["task"]) for row in rows})
    if twice:
        raise UserError(f"{path}: {twice} cells of a setting stand in it twice, expected each once")
    return rows


def _whole_lines(data: bytes) -> tuple[bytes, bytes]:
    """Whole lines, and what follows the last of them."""
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]


def _row(path: Path, number: int, line: bytes) -> dict:
    keys = [*COLUMNS, *SPACE]
    try:
        fields = split_line(line)
        if len(fields) != len(keys):
            raise Damaged(f"has {len(fields)} fields, its header {len(keys)}")
        return {key: _value(key, text) for key, text in zip(keys, fields, strict=True)}
    except Damaged as damage:
        raise UserError(f"{path}:{number}: {damage}") from None


def _value(key: str, text: str) -> Any:
    if key in ("row", "task"):
        return text
    if key in SPACE:
        known = {str(value): value for value in SPACE[key]}
        if text not in known:
            raise Damaged(f'{key} is "{text}", expected one of {", ".join(known)}')
        return known[text]
    found = value("float" if key == "seconds" else "integer", text, key)
    if found is None:
        raise Damaged(f'{key} is "", expected a number')
    return found


def append(path: Path, rows: list[dict]) -> None:
    """Add the rows of a setting, all of them or none: the whole file is replaced, and what it held stays as it was."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *SPACE], lineterminator="\n")
    there, torn = _whole_lines(read_bytes(path) if path.exists() else b"")
    if torn:
        put_aside(path, ".torn", torn, f"the end of a row, {len(torn)} bytes, is put aside")
    if not there:
        writer.writeheader()
    writer.writerows(rows)
    atomic_write(path, there + text.getvalue().encode())

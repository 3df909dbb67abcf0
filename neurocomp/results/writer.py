"""Results: the identity of a cell, and the one writer of its rows.

In come dictionaries with the columns of a `RowFormat`, out comes results/<name>/<cell>.csv with its configuration
beside it (<cell>.yaml) and a lock (<cell>.lock). Rows are appended a batch at a time and never edited: a row that was
written is a fact. Only the end of a row that did not get into the file whole (a kill, a full disk) is no row; the next
writer puts it aside before it appends.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from pathlib import Path
from typing import Any

from neurocomp.errors import UserError
from neurocomp.files import atomic_write, remove_leftovers
from neurocomp.results import rows_file
from neurocomp.results.columns import RESTARTS, SCHEMA, RowFormat
from neurocomp.results.configuration_file import requested_restarts
from neurocomp.results.lock import CellLocked as CellLocked  # what opening a CellWriter may raise
from neurocomp.results.lock import Lock, check_lockable
from neurocomp.results.rows_file import RowsFile, read_file
from neurocomp.text import say


def batch_label(restarts: list[int]) -> str:
    """`0-99` for the restarts 0 to 99. They are consecutive, so that the label alone says when all are there."""
    if restarts != list(range(restarts[0], restarts[0] + len(restarts))):
        raise ValueError(f"the restarts of a batch must be consecutive, got {restarts}")
    return f"{restarts[0]}-{restarts[-1]}"


class CellWriter:
    """The one writer of a cell's CSV, from `with CellWriter(path, yaml) as cell` to the end of the block.

    Opening takes the lock (CellLocked if another process has it), removes the temporary files of killed writers, says
    what is odd about the rows that are there, and writes the configuration beside the CSV unless one that asks for as
    many restarts is there. The CSV itself changes with the first append only.
    """

    def __init__(self, path: Path, config_yaml: str, format: RowFormat = RESTARTS):
        self.path, self.format = Path(path), format
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = Lock(self.path)
        try:
            self._open(config_yaml)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, config_yaml: str) -> None:
        for suffix in (".csv", ".yaml", ".templates.json", ".curves.csv"):
            remove_leftovers(self.path.with_suffix(suffix))
        self._found = read_file(self.path, self.format, details=False) if self.path.exists() else None
        self._torn_from: int | None = None
        self._header = list(self._found.header if self._found else self.format.columns)
        self.finished = set(self._found.table["restart"].known()) if self._found else set()
        say([*self._found.notes, *self._found.problems] if self._found else [])
        self._keep_configuration(config_yaml)

    def _keep_configuration(self, config_yaml: str) -> None:
        """Write it, unless the file asks for as many restarts, or is damaged: that is said, and nothing is lost."""
        path = self.path.with_suffix(".yaml")
        with contextlib.suppress(OSError):
            same = config_yaml.encode()
            if path.stat().st_size == len(same) and path.read_bytes() == same:
                return None
        try:
            asked = requested_restarts(path) if os.path.lexists(path) else -1
        except UserError as error:
            return say([f"{error}; it is left as it is"])
        if asked < _requested(config_yaml):
            atomic_write(path, config_yaml)

    def __enter__(self) -> CellWriter:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write the cell."""
        self._lock.release()

    def missing_batches(self, restarts: int, chunk: int) -> list[list[int]]:
        """The restarts below `restarts` that are not in the file, in batches: consecutive, within one chunk."""
        batches: list[list[int]] = []
        for restart in range(restarts):
            if restart in self.finished:
                continue
            if batches and batches[-1][-1] == restart - 1 and restart % chunk:
                batches[-1].append(restart)
            else:
                batches.append([restart])
        return batches

    def append(self, rows: list[dict]) -> None:
        """Put one whole batch, or one failed row (its restart is None), on the disk.

        The columns `schema` and `batch` are set here. If this raises OSError, the file reads as before the call.
        """
        restarts = [int(row["restart"]) for row in rows if row.get("restart") is not None]
        own = {"schema": str(SCHEMA), "batch": batch_label(restarts) if restarts else ""}
        texts = [{key: _to_text(value) for key, value in row.items()} | own for row in rows]
        if self._found:
            self._prepare(self._found)
        if self.path.exists():
            self._append_bytes(_to_csv(self._header, texts, with_header=False).encode())
        else:
            atomic_write(self.path, _to_csv(self._header, texts))
            self._torn_from = None
        self.finished.update(restarts)

    def _prepare(self, found: RowsFile) -> None:
        """Before the first append to a file that was there: put a torn end aside, and add the columns it lacks."""
        lacking = [column for column in self.format.columns if column not in found.header]
        torn = self.path.stat().st_size - found.end
        if torn or lacking or not found.end:
            data = self.path.read_bytes()
            if torn:
                put_aside(self.path, ".torn", data[found.end :], f"the end of a row, {torn} bytes, is put aside")
            if lacking:
                what = f"begun without {', '.join(lacking)}: these columns are added, the file as it was is kept"
                put_aside(self.path, ".before", data, what)
            columns = [*found.header, *lacking]
            atomic_write(self.path, _with_columns(data[: found.end], len(lacking), columns))
            self._header = columns
        self._found = None

    def _append_bytes(self, data: bytes) -> None:
        with self.path.open("ab", buffering=0) as file:
            if self._torn_from is not None:  # a row glued to a torn end would make the whole file unreadable
                file.truncate(self._torn_from)
            self._torn_from = file.seek(0, os.SEEK_END)
            try:
                _write_all(file, data)
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(self._torn_from)  # should this raise too, the next append begins with it
                raise
            self._torn_from = None


def put_aside(path: Path, suffix: str, data: bytes, what: str) -> None:
    """Keep these bytes in a file of their own beside the CSV, and say so."""
    numbers = (path.with_name(f"{path.name}{suffix}{number or ''}") for number in range(10_000))
    kept = next(one for one in numbers if not os.path.lexists(one) or (one.is_file() and one.read_bytes() == data))
    if not kept.exists():
        atomic_write(kept, data)
    say([f"{path}: {what} in {kept.name}"])


def _with_columns(data: bytes, more: int, columns: list[str]) -> bytes:
    """Whole lines of a file with so many empty fields more at the end of each; the header names them, once."""
    if not data:
        return _to_csv(columns, []).encode()
    if not more:
        return data
    header, *lines = data.split(b"\n")[:-1]
    names = "".join(f",{column}" for column in columns[-more:]).encode()
    again = header.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\r")
    kept = (line.removesuffix(b"\r") for line in lines)
    rows = (line + b"," * more for line in kept if line.removeprefix(b"\xef\xbb\xbf") != again)
    return b"\n".join([header.removesuffix(b"\r") + names, *rows, b""])


def _requested(config_yaml: str) -> int:
    """How many restarts a configuration of ours asks for; 0 if it does not say."""
    found = re.search(r"^restarts: (\d+)$", config_yaml, re.MULTILINE)
    return int(found[1]) if found else 0


def _write_all(file: io.FileIO, data: bytes) -> None:
    """An unbuffered write may take only a part of what it is given."""
    while data:
        data = data[file.write(data) :]


def _to_csv(header: list[str], rows: list[dict[str, str]], with_header: bool = True) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    if with_header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _to_text(value: Any) -> str:
    """How a value stands in the file: empty for None, true or false, numbers so that they read back the same."""
    value = value.item() if hasattr(value, "item") else value  # numpy's and torch's scalars
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and any(character in value for character in "\n\r\0"):
        raise ValueError(f"a row is one line of text, got {value!r}")  # csv would not even quote "\r"
    return "" if value is None else str(value)


def check_appendable(path: Path, results: str, format: RowFormat = RESTARTS) -> None:
    """Raise UserError unless rows can go to this file: its folder, or what is there of it, and rows of ours in it."""
    try:
        folder = next(parent for parent in path.absolute().parents if parent.exists())
    except OSError as error:  # a folder on the way may not be looked into
        raise UserError(f"results={results}: {error.filename} cannot be reached ({error.strerror})") from None
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(f"results={results}: {folder} is not a directory that can be written to")
    check_lockable(path)
    if os.path.lexists(path):
        read_file(path, format, details=False)
        if not os.access(path, os.W_OK):
            raise UserError(f"{path}: cannot be written to (Permission denied)")


def read_rows(path: Path, format: RowFormat = RESTARTS):
    """All rows of a cell's file; see `rows_file.read_rows`."""
    return rows_file.read_rows(path, format)

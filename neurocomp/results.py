"""Results: the identity of a cell, and the one writer of its rows.

In come dictionaries with the columns of a `RowFormat`, out comes results/<name>/<cell>.csv with its configuration
beside it (<cell>.yaml) and a lock (<cell>.lock). Rows are appended a batch at a time and never edited: a row that was
written is a fact. Only the end of a row that did not get into the file whole (a kill, a full disk) is no row; the next
writer puts it aside before it appends.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from neurocomp import __version__, rows_file
from neurocomp.columns import RESTARTS, SCHEMA, RowFormat
from neurocomp.config import UserError
from neurocomp.configuration_file import requested_restarts
from neurocomp.files import atomic_write, remove_leftovers
from neurocomp.lock import CellLocked as CellLocked  # what opening a CellWriter may raise
from neurocomp.lock import Lock, check_lockable
from neurocomp.rows_file import RowsFile, read_file
from neurocomp.text import say

# The version of what the code computes. Part of every configuration hash: raise it whenever the same configuration
# would give other rows than before (a default that is not written out, an equation, how a seed becomes numbers),
# so that old rows are not mistaken for finished work of the new code. Speed, messages and new options leave it.
SEMANTICS = 1

def config_hash(identity: dict) -> str:
    """What a cell is, in 16 hexadecimal digits: equal identities give equal hashes, in any key order."""
    text = json.dumps([SEMANTICS, _canonical(identity)], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(value: Any) -> Any:
    """The value with keys as text (json sorts before it converts), tuples as lists, and 1.0 as 1."""
    if isinstance(value, dict):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def cell_name(task: str, init: str, gamma: float, seed: int, hash: str) -> str:
    """The stem of a cell's files; an initialization given as a path counts by its file name."""
    name = f"{task}-{Path(init).name.removesuffix('.asm')}-g{gamma:g}-s{seed}-{hash[:10]}"
    return file_stem(name)


def file_stem(name: str) -> str:
    """A name as files can have it. Of one with more than `LONGEST` bytes, the middle is left out, the end stays."""
    stem = re.sub(r"[^\w.+-]", "_", name)
    if len(stem.encode()) <= LONGEST:
        return stem
    end = stem[-ENDING:]
    return stem.encode()[: LONGEST - len(end.encode())].decode(errors="ignore") + end


LONGEST = 230  # a file's name has at most 255 bytes, with what is put around it while it is written
ENDING = 40  # the last characters say seed and hash


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
        self._header = self._found.header if self._found else list(self.format.columns)
        self.finished = set(self._found.rows["restart"].dropna().tolist()) if self._found else set()
        say([*self._found.notes, *self._found.problems] if self._found else [])
        self._keep_configuration(config_yaml)

    def _keep_configuration(self, config_yaml: str) -> None:
        """Write it, unless the file asks for as many restarts, or is damaged: that is said, and nothing is lost."""
        path = self.path.with_suffix(".yaml")
        try:
            asked = requested_restarts(path) if os.path.lexists(path) else -1
        except UserError as error:
            return say([f"{error}; it is left as it is"])
        if asked < _requested(config_yaml):
            atomic_write(path, config_yaml)

    def __enter__(self) -> CellWriter:
        return self

    def __exit__(self, *exception) -> None:
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
    folder = next(parent for parent in path.absolute().parents if parent.exists())
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


def made_by() -> dict[str, Any]:
    """Columns of a row that is made now: by which code, and when (UTC)."""
    code = provenance()
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"commit": code.commit, "dirty": code.dirty, "version": __version__, "date": date}


class Provenance(NamedTuple):
    """The commit of the checkout that the code runs from, and whether the code differs from it."""

    commit: str
    dirty: bool | None


@functools.cache
def provenance() -> Provenance:
    """Asked of git once; empty where this package is not in a checkout of its own (an installed wheel)."""
    here = Path(__file__)
    # A virtual environment may lie inside someone else's repository, which does not track this file.
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return Provenance("", None)
    commit, root = (_git(here.parent, "rev-parse", what) for what in ("HEAD", "--show-toplevel"))
    if not commit or not root:
        return Provenance("", None)
    # Only what decides the rows: results appear in the same checkout while they are measured.
    status = _git(Path(root), "status", "--porcelain", "--", "neurocomp", "cli", "configs", "experiments")
    return Provenance(commit, None if status is None else bool(status))


def _git(directory: Path, *arguments: str) -> str | None:
    # GIT_* of a surrounding hook would point at another repository; the lock is for many runs at a time.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", str(directory), *arguments]
    try:
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None

"""Rows: what one restart left behind, appended to the CSV of its cell, and read again by tables, plots and resumes.

In come dictionaries with the columns of a `RowFormat`, out comes results/<name>/<cell>.csv with its configuration
beside it (<cell>.yaml) and a lock (<cell>.lock). Rows are appended a batch at a time and never edited. A batch that
did not get into the file whole (a kill, a full disk) does not count: readers leave it out, the next writer removes it.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neurocomp.config import UserError
from neurocomp.files import atomic_write

if TYPE_CHECKING:
    from pandas import DataFrame

# The version of the row format: a reader refuses rows with a higher one, and gets columns it misses as empty.
SCHEMA = 1

# The version of what the code computes. Part of every configuration hash: raise it whenever the same configuration
# would give other rows than before (a default that is not written out, an equation, how a seed becomes numbers),
# so that old rows are not mistaken for finished work of the new code. Speed, messages and new options leave it.
SEMANTICS = 1

class RowFormat(NamedTuple):
    """The columns of a file, those it cannot be without, and those that are not text."""

    columns: tuple[str, ...]
    required: tuple[str, ...]
    integers: tuple[str, ...]
    floats: tuple[str, ...]
    booleans: tuple[str, ...]


RESTARTS = RowFormat(
    columns=(
        "task", "init", "method", "template", "gamma", "restart", "seed", "status", "synthesized",
        "recovered_fit", "recovered_soft", "recovered_hard", "recovered_general", "coverage", "loss", "updates",
        "recovered_at", "lines_changed", "margin", "program", "wall_s", "engine", "device", "threads",
        "config_hash", "commit", "dirty", "torch", "schema", "batch", "executions", "backward_executions",
    ),
    required=("task", "init", "method", "gamma", "restart", "seed", "status", "config_hash", "schema"),
    integers=("restart", "seed", "updates", "recovered_at", "lines_changed", "threads", "schema", "executions",
              "backward_executions"),
    floats=("gamma", "coverage", "loss", "margin", "wall_s"),
    booleans=("synthesized", "recovered_fit", "recovered_soft", "recovered_hard", "recovered_general", "dirty"),
)  # fmt: skip
"""One row is one restart of a program that is tuned, synthesized or searched for."""


class CellLocked(RuntimeError):
    """Another process writes this cell."""


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

    Opening takes the lock (CellLocked if another process has it), writes the configuration beside the CSV unless
    one that asks for as many restarts is there, and removes what an interrupted writer left of its last batch.
    """

    def __init__(self, path: Path, config_yaml: str, format: RowFormat = RESTARTS):
        from filelock import FileLock, Timeout

        self.path, self.format = Path(path), format
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path.with_suffix(".lock"), timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            owner = f"{self.path.stem} is being written by another process (lock {self._lock.lock_file})"
            raise CellLocked(owner) from None
        try:
            self._open(config_yaml)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, config_yaml: str) -> None:
        self._header, rows = list(self.format.columns), []
        self._torn_from: int | None = None
        if self.path.exists():
            header, rows = read_text_rows(self.path, self.format)
            self._header += [column for column in header if column not in self.format.columns]
            text = _to_csv(self._header, rows)
            if self.path.read_bytes() != text.encode():
                atomic_write(self.path, text)
        configuration = self.path.with_suffix(".yaml")
        if not configuration.exists() or _requested(configuration.read_text()) < _requested(config_yaml):
            atomic_write(configuration, config_yaml)
        restarts = (_parse(int, row["restart"], f"{self.path}: restart") for row in rows)
        self.finished = {restart for restart in restarts if restart is not None}

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
        if self.path.exists():
            self._append_bytes(_to_csv(self._header, texts, with_header=False).encode())
        else:
            atomic_write(self.path, _to_csv(self._header, texts))
            self._torn_from = None
        self.finished.update(restarts)

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


def _requested(config_yaml: str) -> int:
    """How many restarts a configuration asks for; 0 if it does not say."""
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
    if isinstance(value, str) and ("\n" in value or "\r" in value):
        raise ValueError(f"a row is one line of a file, got {value!r}")  # csv would not even quote "\r"
    return "" if value is None else str(value)


def check_appendable(path: Path, results: str, format: RowFormat = RESTARTS) -> None:
    """Raise UserError unless rows can go to this file: its folder, or what is there of it, and rows of ours in it."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(f"results={results}: {folder} is not a directory that can be written to")
    if path.exists():
        read_text_rows(path, format)


def read_text_rows(path: Path, format: RowFormat = RESTARTS) -> tuple[list[str], list[dict[str, str]]]:
    """The header and the rows of a cell's file as text, without a torn last line and incomplete batches."""
    data = path.read_bytes()
    if not data:
        return list(format.columns), []
    try:
        text = data[: data.rfind(b"\n") + 1].decode("utf-8-sig")
        records = list(csv.reader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a results file of neurocomp ({error})") from None
    header = records[0] if records else []
    missing = [column for column in format.required if column not in header]
    if missing:
        raise UserError(f"{path}: not a results file of neurocomp (its header lacks {', '.join(missing)})")
    if len(records[-1]) != len(header):
        records.pop()
    for line, record in enumerate(records, start=1):
        if len(record) != len(header):
            raise UserError(f"{path}: line {line} has {len(record)} fields, its header {len(header)}")
    rows = [dict(zip(header, record, strict=True)) for record in records[1:]]
    for row in rows:
        schema = _parse(int, row["schema"], f"{path}: schema")
        if schema is not None and schema > SCHEMA:
            raise UserError(f"{path}: written by a newer neurocomp (schema {schema}, this one reads up to {SCHEMA})")
    return header, _complete(rows, path)


def _complete(rows: list[dict[str, str]], path: Path) -> list[dict[str, str]]:
    """The rows whose batch is there with all its restarts; a row without a label (failed, older) stays."""
    present = {(row.get("batch", ""), row["restart"]) for row in rows}
    whole = {"": True}
    for label in {row.get("batch", "") for row in rows} - {""}:
        match = re.fullmatch(r"(\d+)-(\d+)", label)
        if not match:
            raise UserError(f'{path}: batch "{label}", expected two numbers such as 0-99')
        first, last = map(int, match.groups())
        whole[label] = all((label, str(restart)) in present for restart in range(first, last + 1))
    return [row for row in rows if whole[row.get("batch", "")]]


def read_rows(path: Path, format: RowFormat = RESTARTS) -> DataFrame:
    """All rows of a cell's file, failed ones included, with types: what is empty is NA, or "" in a column of text."""
    import pandas as pd

    header, rows = read_text_rows(Path(path), format)
    frame = {}
    for column in [*format.columns, *(column for column in header if column not in format.columns)]:
        texts = [row.get(column, "") for row in rows]
        if column in format.integers:
            frame[column] = pd.array(_parse_all(int, texts, path, column), dtype="Int64")
        elif column in format.floats:
            frame[column] = pd.Series(_parse_all(float, texts, path, column), dtype="float64")
        elif column in format.booleans:
            frame[column] = pd.array(_parse_all(_boolean, texts, path, column), dtype="boolean")
        else:
            frame[column] = pd.Series(texts, dtype="str")
    return pd.DataFrame(frame)


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _parse_all(kind, texts: list[str], path: Path, column: str) -> list:
    return [_parse(kind, text, f"{path}: {column}") for text in texts]


def _parse(kind, text: str, place: str) -> Any:
    try:
        return kind(text) if text else None
    except (ValueError, KeyError):
        expected = {int: "a whole number", float: "a number"}.get(kind, "true or false")
        raise UserError(f'{place} is "{text}", expected {expected}') from None


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

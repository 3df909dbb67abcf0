"""The one door for files: only regular ones are read, none that is too large, and one is written whole or not at all.

A file that is read whole may have so many bytes: the default, or as many as a limit allows (`limits.checking.most`). A
larger file is refused before any of it is read.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import stat
from collections.abc import Generator
from pathlib import Path

from neurocomp import foreign
from neurocomp.errors import UserError
from neurocomp.limits.checking import Most

WHOLE = Most(50_000_000)  # of programs, texts and notes: a line of eight bytes becomes objects of some 400


def read_bytes(path: Path, most: Most | None = WHOLE) -> bytes:
    """The bytes of a regular file. Raises UserError that names the file: missing, a folder, a pipe, too large.

    A named pipe or a device is refused before it is opened: reading one may wait for ever.
    """
    if most is not None:
        check_size(path, most)
    with readable(path):
        return path.read_bytes()


def check_size(path: Path, most: Most) -> None:
    """Raise UserError for a file that cannot be read, or is larger than that; nothing of it is read."""
    with readable(path):
        refusal = most.refusal(path.stat().st_size)
    if refusal:
        raise UserError(f"{path}: {refusal}")


@contextlib.contextmanager
def readable(path: Path) -> Generator[None]:
    """Inside, a regular file may be opened and read; what goes wrong is a UserError that names the file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise UserError(f"{path}: is {kind}, expected a file")
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def read_text(path: Path, most: Most | None = WHOLE) -> str:
    """The same as UTF-8 text, without a byte-order mark. Raises UserError."""
    data = read_bytes(path, most)
    if what := foreign.binary(data):
        raise UserError(f"{path}: not text; it seems to be {what}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start + 1})") from None


def check_writable(path: Path) -> None:
    """Raise UserError that says why no file can be written there; folders that are missing will be made."""
    try:
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
        if there == path and path.is_dir():
            raise UserError(f"{path}: is a folder, expected a file")
        if there != path and not there.is_dir():
            raise UserError(f"{path}: cannot be written ({there} is not a folder)")
        if not os.access(there, os.W_OK | (0 if there == path else os.X_OK)):
            raise UserError(
                f"{path}: cannot be written (no permission to write in {there})"
                if there != path
                else f"{path}: cannot be written (no permission)"
            )
        _temporary(path).exists()  # whether names may be so long
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from None


def can_write(folder: Path) -> bool:
    """Whether this process may make files in a folder that is there."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def atomic_write(path: Path, content: str | bytes) -> None:
    """Write a whole file, or leave what was there: never half of it, even on a full disk.

    May raise OSError, which names the file.
    """
    data = content.encode() if isinstance(content, str) else content
    with naming(path):
        if path.exists() and not path.is_file():  # /dev/stdout and pipes: there is nothing to replace
            path.write_bytes(data)
            return
        _replace(path.resolve(), data)  # a link stays a link


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


@contextlib.contextmanager
def naming(path: Path) -> Generator[None]:
    """Inside, an OSError that does not name a file (those of writing do not) names this one."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of killed writers of this file. The caller holds the lock that they held."""
    for temporary in leftovers_in(path.parent).get(path.name, []):
        path.with_name(temporary).unlink(missing_ok=True)


TEMPORARY = re.compile(r"\.(.+)\.\d+\.tmp")


@functools.cache
def leftovers_in(folder: Path) -> dict[str, list[str]]:
    """The temporary files in a folder by the file that they are of, as they were when this process first asked.

    A sweep opens 10^5 cells in one folder, and this process leaves none itself.
    """
    found: dict[str, list[str]] = {}
    for name in os.listdir(folder):
        if match := TEMPORARY.fullmatch(name):
            found.setdefault(match[1], []).append(name)
    return found

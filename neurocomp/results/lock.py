"""A lock beside each file of results: one process at a time writes it."""

from __future__ import annotations

import errno
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from neurocomp.errors import UserError
from neurocomp.text import say

if TYPE_CHECKING:
    from filelock import BaseFileLock

# What a file system without flock answers: some network disks, and some containers.
UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)


class CellLocked(RuntimeError):
    """Another process writes this cell."""


class Lock:
    """The lock of `path`, held from the call to `release`, by any thread, or to the end of the block.

    Raises CellLocked if another process has it, UserError if there can be none. Where the file system has no locks,
    a file that exists while it is held stands for one; it says so on stderr.
    """

    def __init__(self, path: Path):
        from filelock import FileLock, SoftFileLock

        check_lockable(path)
        file = path.with_suffix(".lock")
        try:
            self._lock = _acquired(path, FileLock(file, timeout=0, thread_local=False))
        except PermissionError:
            raise UserError(_denied(file)) from None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            instead = path.with_suffix(".soft.lock")
            reason = f"{file}: this file system has no locks ({error.strerror})"
            say([f"{reason}; {instead.name} stands for one. If a run is killed, remove it"])
            self._lock = _acquired(path, SoftFileLock(instead, timeout=0, thread_local=False))

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def release(self) -> None:
        self._lock.release()


def _acquired(path: Path, lock: BaseFileLock) -> BaseFileLock:
    from filelock import Timeout

    try:
        with warnings.catch_warnings(record=True) as caught:  # newer versions fall back by themselves, with a warning
            warnings.simplefilter("always")
            lock.acquire()
    except Timeout:
        owner = f"{path.stem} is being written by another process (lock {lock.lock_file})"
        raise CellLocked(owner) from None
    say([f"{lock.lock_file}: {warning.message}" for warning in caught])
    return lock


def check_lockable(path: Path) -> None:
    """Raise UserError if the lock of `path` is there and cannot be taken by us, ever."""
    file = path.with_suffix(".lock")
    if os.path.lexists(file):
        if not file.is_file():
            kind = "a folder" if file.is_dir() else "not a regular file"
            raise UserError(f"{file}: is {kind}, expected a file that can be locked")
        if not os.access(file, os.R_OK | os.W_OK):
            raise UserError(_denied(file))


def _denied(file: Path) -> str:
    return f"{file}: cannot be opened (Permission denied): it is another user's; if they run nothing, remove it"

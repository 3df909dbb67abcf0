"""A pool as the driver sees it: tasks go in, outcomes come out in any order; workers, and whole machines, may die."""

from __future__ import annotations

import functools
import hashlib
import pickle
import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import neurocomp
from neurocomp.files import can_write


class Task(NamedTuple):
    """A call that a worker makes; the function and its arguments are pickled. `key` names it in its outcome."""

    key: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Outcome(NamedTuple):
    """The end of a task: the value that it returned, the exception that it raised, or the death of its worker.

    `died` is "process" where the worker's process ended, "node" where its machine was lost.
    """

    key: int
    value: Any = None
    error: Exception | None = None
    died: str | None = None


class Pool(Protocol):
    """Workers that take tasks. A task whose worker dies comes back as `died`; nobody else is hurt.

    `is_here` says whether all workers are processes of this machine, with its disk.
    """

    is_here: bool

    def slots(self) -> int:
        """How many tasks run at a time; it may change while machines join and leave."""
        ...

    def without(self, folder: Path, token: str) -> list[str]:
        """The machines on which workers cannot write into this folder, in which there is a file `token`."""
        ...

    def submit(self, task: Task) -> None:
        """Take a task, to be run when a worker is free."""
        ...

    def wait(self, seconds: float) -> list[Outcome]:
        """Some outcomes, as soon as there are any; none after so many seconds."""
        ...

    def close(self) -> None:
        """End all workers at once, whatever they do."""
        ...


class OtherCode(Exception):
    """A worker would run other code than the driver: its rows could not be told from the driver's."""


def call(code: dict[str, str], task: Task) -> Outcome:
    """What a worker does with a task that was sent by a driver with this code."""
    try:
        own = code_here()
        if own != code:
            other = next(key for key in code if own.get(key) != code[key])
            raise OtherCode(
                f"{platform.node()} has {other} {own.get(other)}, the driver {code[other]}; expected the same there"
            )
        return Outcome(task.key, task.function(*task.arguments))
    except Exception as error:
        return Outcome(task.key, error=portable(error))


def portable(error: Exception) -> Exception:
    """The error, or what it says as a RuntimeError where it would not survive the way to the driver."""
    try:
        pickle.loads(pickle.dumps(error))  # many can be pickled, but not read again
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def writes_into(folder: Path, token: str) -> bool:
    """Whether this process may make files in a folder that has such a file: the driver's own, not one of its name."""
    return (folder / token).is_file() and can_write(folder)


LIBRARIES = ("torch", "numpy", "numba")


@functools.cache
def code_here() -> dict[str, str]:
    """What decides rows in this process: versions, and a digest of this package's files, edited or not."""
    root, digest = Path(neurocomp.__file__).parent, hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in (".py", ".asm", ".csv", ".yaml", ".subleq") and file.is_file():
            digest.update(f"{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes())
    found = {"Python": ".".join(map(str, sys.version_info[:3])), "neurocomp": neurocomp.__version__}
    found |= {f"code of neurocomp {neurocomp.__version__} with digest": digest.hexdigest()[:12]}
    return found | {library: _version(library) for library in LIBRARIES}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"

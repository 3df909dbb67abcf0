"""Tasks that end badly, for tests of workers: in a module of their own, which a worker imports quickly."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurocomp import pipeline
from neurocomp.results.made import Made


def double(number: int) -> int:
    return 2 * number


def same(data: bytes) -> bytes:
    return data


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    raise SystemExit(3)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def slow_once(file: Path) -> str:
    """Say which process this is, and sleep; the next time, return at once."""
    if file.exists():
        return "again"
    other = file.with_suffix(".new")
    other.write_text(str(os.getpid()))
    other.rename(file)
    time.sleep(600)
    return "never"


class Unpicklable(Exception):
    def __init__(self, message: str):
        super().__init__(message)
        self.call = lambda: None


class Unreadable(Exception):
    """It can be pickled, but not read again: `args` lacks the number."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.number = number


class Unwritable:
    """A value that cannot be pickled."""

    def __reduce__(self):
        raise TypeError("a value of a kind that no pipe takes")


def unpicklable() -> None:
    raise Unpicklable("holds a function")


def unreadable() -> None:
    raise Unreadable("lacks its number", 3)


def unwritable() -> Unwritable:
    return Unwritable()


@dataclass(frozen=True)
class Deadly(pipeline.Job):
    """A cell whose restart 2 ends the process that computes it."""

    def rows(self, batches: Sequence[Sequence[int]], progress: bool) -> Iterator[Made]:
        if any(2 in batch for batch in batches):
            kill_self()
        yield from super().rows(batches, progress)

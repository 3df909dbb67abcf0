"""What the machine may refuse or demand: a full disk, closed streams, no memory, a signal. Each becomes one line."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

SIGNALS = ("SIGTERM", "SIGHUP")  # how a cluster, or a terminal that is closed, ends a process

REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than is allowed here",
    errno.EIO: "the disk reports an error",
    errno.ESTALE: "the network disk has lost the file",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EBADF: "it is closed",
}
OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
SHORTAGES = ("allocate memory", "out of memory", "can't start new thread")  # as PyTorch and Python say it


class Stop(BaseException):
    """An error that no other cell would escape, such as a full disk; it passes through Hydra's handlers.

    It is raised from that error, with the file that was being written if the error does not name one.
    """


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end: what Ctrl-C does, with an exit code of its own."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


def is_refusal(error: BaseException) -> bool:
    """Whether the operating system refused something, as it would refuse it to the next cell."""
    return isinstance(error, OSError) and error.errno is not None


def is_shortage(error: BaseException) -> bool:
    """Whether memory, or threads, did not suffice."""
    said = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(shortage in said for shortage in SHORTAGES)
    )


def refusal(error: OSError, file: str = "") -> str:
    """What was refused, in one line: the file, if one is known, and the reason.

    Whoever writes a file gives its name to the error (`files.naming`), so that only standard output has none.
    """
    of = error.filename or file or ("standard output" if error.errno in OF_WRITING else "")
    where = f"{os.fsdecode(of)}: " if isinstance(of, (str, bytes, os.PathLike)) and of else ""
    return where + reason(error)


def reason(error: OSError) -> str:
    """Why, in our words where the case is common."""
    return REASONS.get(error.errno or 0, error.strerror or str(error))


def shortage(error: BaseException) -> str:
    """The same of memory."""
    detail = " ".join(str(error).split())
    return "not enough memory" + (f" ({detail})" if detail else "")


def open_streams() -> None:
    """Give a process that was started without standard streams ones that lead nowhere.

    Otherwise the next file that is opened would take a stream's place, and what is printed would go into it. Standard
    output refuses what is written to it, so that a lost answer is noticed.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free: this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)


def flushed() -> OSError | None:
    """Print what is left to print. If that fails, the error, and nothing that was printed is tried again at exit."""
    try:
        sys.stdout.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return error
    return None


@contextlib.contextmanager
def ending_on_signals() -> Iterator[None]:
    """Inside, a signal that asks the process to end raises Terminated; one that is ignored (nohup) stays ignored."""
    before = {}
    with contextlib.suppress(ValueError):  # not in the main thread
        for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _terminated)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminated(number: int, frame: object) -> NoReturn:
    raise Terminated(number)

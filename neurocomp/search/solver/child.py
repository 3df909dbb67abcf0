"""The process that a SAT solver runs in. Nothing can interrupt the solver from within, so a limit ends the process.

It takes questions from a pipe and answers them, one after the other; after each program that it tries it says how far
it is. Its limits are the system's: of memory for the process, of processor time for each question (SIGPROF ends it).
"""

from __future__ import annotations

import contextlib
import functools
import signal
import sys
import time
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np

from neurocomp.search.judge import Judge
from neurocomp.search.solver.cegis import Answer, search
from neurocomp.tasks.verification import run


class Asked(NamedTuple):
    """A question: whose programs, from which start [L, 5] (None: from nothing), within how many seconds of a core."""

    judge: Judge
    start: np.ndarray | None
    limit: float | None


class Told(NamedTuple):
    """How far the search is, after how many seconds of a core, and whether this is its end."""

    answer: Answer
    core_seconds: float
    ended: bool


def main() -> None:
    """Answer questions until the pipe is closed; the arguments are its descriptor and the most bytes of memory."""
    descriptor, memory = map(int, sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks ends this one
    _end_with_parent()
    with Connection(descriptor) as pipe:
        try:
            _limit_memory(memory)
            while True:
                _answer(pipe.recv(), pipe)
        except EOFError:
            return
        except MemoryError:
            sys.exit(1)  # as a process ends that the system takes memory from
        except Exception as error:
            pipe.send(error)


def _answer(asked: Asked, pipe: Connection) -> None:
    from pysat.solvers import Cadical195  # pyright: ignore[reportMissingImports]

    nothing = np.zeros((0, asked.judge.task.sizes.lines, 5))
    run(nothing, asked.judge.training, asked.judge.task)  # loads the executor: half a second that is not the search's
    tell = functools.partial(_tell, pipe, time.process_time())
    _limit_time(asked.limit or 0.0)
    with Cadical195() as oracle:
        answer = search(asked.judge, oracle, asked.start, tell)
    _limit_time(0.0)
    tell(answer, ended=True)


def _tell(pipe: Connection, began: float, answer: Answer, ended: bool = False) -> None:
    pipe.send(Told(answer, time.process_time() - began, ended))


def _limit_time(seconds: float) -> None:
    """After so many more seconds of a core the system ends this process; 0 takes the limit away."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory(most: int) -> None:
    import resource

    with contextlib.suppress(ValueError, OSError):  # more than is allowed here is no limit of ours
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _end_with_parent() -> None:
    """Where the system can do it (Linux): no solver goes on when the process that asked has been killed."""
    if sys.platform != "linux":
        return
    import ctypes

    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()

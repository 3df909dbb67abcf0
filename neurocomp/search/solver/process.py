"""Asking a SAT solver in a process of its own, which a limit of time or memory may end without ending the run."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np

from neurocomp.errors import UserError
from neurocomp.search.judge import Judge
from neurocomp.search.solver.cegis import Answer
from neurocomp.search.solver.child import Asked, Told

HEARS_EVERY = 0.2  # seconds after which a waiting process looks whether it is to stop


class Ended(NamedTuple):
    """What a search came to, after how many seconds of a core. `cut` is what ended its process, "limit" or "died"."""

    answer: Answer
    core_seconds: float
    cut: str = ""


def is_installed() -> bool:
    """Whether there is a SAT solver."""
    return importlib.util.find_spec("pysat") is not None


def check_installed(what: str) -> None:
    """Raise UserError, which says what to install, unless there is a SAT solver for what asks for it."""
    if not is_installed():
        raise UserError(f"{what}: needs python-sat, which is not installed; pip install 'neurocomp[solver]'")


class SolverProcess:
    """A process that answers one question at a time; a new one takes its place after it was ended."""

    def __init__(self, memory: int):
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> SolverProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def ask(
        self,
        judge: Judge,
        start: np.ndarray | None,
        limit: float | None,
        heard: Callable[[Answer | None], None] = lambda answer: None,
    ) -> Ended:
        """What the search comes to (`cegis.search`), within so many seconds of a core.

        `heard` is called several times a second with how far it is, None before the first program; what it raises ends
        the process. Raises RuntimeError for what the search raises.
        """
        process, pipe = self._started()
        told: Told | None = None
        try:
            pipe.send(Asked(judge, start, limit))
            while told is None or not told.ended:
                if pipe.poll(HEARS_EVERY):
                    told = _received(pipe)
                heard(told.answer if told else None)
        except (EOFError, OSError):
            code = process.wait()
            self.close()
            cut = "limit" if hasattr(signal, "SIGPROF") and code == -signal.SIGPROF else "died"
            seconds = limit if cut == "limit" and limit else told.core_seconds if told else 0.0
            return Ended(told.answer if told else Answer(), seconds, cut)
        except BaseException:
            self.close()
            raise
        return Ended(told.answer, told.core_seconds)

    def _started(self) -> tuple[subprocess.Popen[bytes], Connection]:
        if self._process is None or self._pipe is None:
            self._pipe, theirs = Pipe()
            code = "from neurocomp.search.solver.child import main; main()"
            command = [sys.executable, "-P", "-c", code, str(theirs.fileno()), str(self._memory)]
            path = os.pathsep.join(folder for folder in sys.path if folder)  # what is imported here is imported there
            environment = os.environ | {"PYTHONPATH": path}
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], env=environment, stderr=subprocess.DEVNULL
            )
            theirs.close()
        return self._process, self._pipe


def _received(pipe: Connection) -> Told:
    told = pipe.recv()
    if isinstance(told, Exception):
        raise RuntimeError(f"in the solver's process: {type(told).__name__}: {told}") from told
    return told

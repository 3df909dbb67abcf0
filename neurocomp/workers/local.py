"""`workers=N`: processes of this machine, each with a pipe of its own, so that none can hold up the others."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections import deque
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from neurocomp.progress_line import keep_lock_in_process
from neurocomp.workers.pool import OtherCode, Outcome, Task, call, code_here

AHEAD = 2  # tasks that a worker is given at a time: while it sends the outcome of one, it can begin the next


class Worker:
    """A process, and the tasks that it was given and has not finished, in order."""

    def __init__(self, number: int, gpus: float | None):
        context = multiprocessing.get_context("spawn")
        self.number, self.given = number, deque[Task]()
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(theirs, code_here()), daemon=True)
        with _interrupts_blocked(), _environment(gpus_of(number, gpus)):
            self.process.start()
        theirs.close()  # so that the end of the process ends the pipe

    def give(self, task: Task) -> None:
        """Send a task; that the process has died is noticed by who waits for its outcome."""
        self.given.append(task)
        try:
            self.connection.send(task)
        except (BrokenPipeError, ConnectionResetError):
            pass


def gpus_needed(workers: int, gpus: float) -> int:
    """How many GPUs so many workers take; none has parts of two."""
    return math.ceil(workers / int(1 / gpus)) if gpus <= 1 else workers * int(gpus)


def gpus_of(number: int, gpus: float | None) -> dict[str, str]:
    """The environment in which the worker of this number sees its share of the GPUs that this process may use."""
    if not gpus:
        return {}
    given = os.environ.get("CUDA_VISIBLE_DEVICES")  # as Slurm sets it
    first = gpus_needed(number + 1, gpus) - max(1, int(gpus))
    own = range(first, first + max(1, int(gpus)))
    names = given.split(",") if given else None
    return {"CUDA_VISIBLE_DEVICES": ",".join(names[place] if names else str(place) for place in own)}


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """A process's environment is that of its start."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process that starts in here never hears Ctrl-C, not even before it could say that it ignores it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class LocalPool:
    """So many worker processes; one that dies is replaced. With `gpus`, each has that share of a GPU."""

    def __init__(self, workers: int, gpus: float | None = None):
        self._gpus = gpus
        self._waiting: deque[Task] = deque()
        self._workers = [Worker(number, gpus) for number in range(workers)]

    is_here = True

    def slots(self) -> int:
        return len(self._workers)

    def without(self, folder: Path, token: str) -> list[str]:
        """They write where this process does."""
        return []

    def submit(self, task: Task) -> None:
        self._waiting.append(task)
        self._feed()

    def wait(self, seconds: float) -> list[Outcome]:
        outcomes = []
        ready = set(wait([worker.connection for worker in self._workers], seconds))
        for place, worker in enumerate(self._workers):
            if worker.connection in ready:
                try:
                    data = worker.connection.recv_bytes()
                except (EOFError, OSError):
                    outcomes += self._replace(place)
                else:
                    outcomes.append(_outcome(worker.given.popleft().key, data))
        self._feed()
        return outcomes

    def _replace(self, place: int) -> list[Outcome]:
        """A new worker for one that has died; the task that it was at has the death as its outcome."""
        dead = self._workers[place]
        dead.process.kill()
        dead.process.join()
        dead.connection.close()
        self._workers[place] = Worker(dead.number, self._gpus)
        at, *others = dead.given or [None]
        self._waiting.extendleft(reversed([task for task in others if task]))
        return [Outcome(at.key, died="process")] if at else []

    def _feed(self) -> None:
        """Give tasks to the workers that have the fewest."""
        while self._waiting:
            worker = min(self._workers, key=lambda one: len(one.given))
            if len(worker.given) >= AHEAD:
                return
            worker.give(self._waiting.popleft())

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()


def _outcome(key: int, data: bytes) -> Outcome:
    try:
        return pickle.loads(data)._replace(key=key)
    except Exception as error:  # what a worker can write, another process need not be able to read
        return Outcome(key, error=RuntimeError(f"the outcome cannot be read: {type(error).__name__}: {error}"))


def serve(connection: Connection, code: dict[str, str]) -> None:
    """A worker's life: tasks are received by a thread, so that the driver never waits to send one, and run here.

    The pipe ends with the driver. Then the process ends at once, in the middle of a task too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    keep_lock_in_process()
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def receive() -> None:
        while True:
            try:
                tasks.put(connection.recv_bytes())
            except (EOFError, OSError):
                os._exit(0)

    threading.Thread(target=receive, daemon=True).start()
    while True:
        data = answer(code, tasks.get())
        try:
            connection.send_bytes(data)
        except OSError:
            os._exit(0)


def answer(code: dict[str, str], data: bytes) -> bytes:
    """The pickled outcome of a pickled task, whatever goes wrong with either; the driver knows its key."""
    try:
        task: Task = pickle.loads(data)
    except Exception as error:  # files of the code were edited since the driver began
        return pickle.dumps(Outcome(0, error=OtherCode(f"a task cannot be read: {type(error).__name__}: {error}")))
    outcome = call(code, task)
    try:
        return pickle.dumps(outcome)
    except Exception as error:
        return pickle.dumps(Outcome(0, error=RuntimeError(f"{type(error).__name__}: {error}")))

"""`workers=N`: processes of this machine, each with a pipe of its own, so that none can hold up the others."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections import deque
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from tqdm import tqdm

from neurocomp.workers.pool import Outcome, Task, call, code_here

AHEAD = 2  # tasks that a worker is given at a time: while it sends the outcome of one, it can begin the next


class Worker:
    """A process, and the tasks that it was given and has not finished, in order."""

    def __init__(self, number: int, gpus: float | None):
        context = multiprocessing.get_context("spawn")
        self.number, self.given = number, deque[Task]()
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(theirs, code_here()), daemon=True)
        before = os.environ.get("CUDA_VISIBLE_DEVICES")
        if gpus:  # the environment is the process's from its start
            os.environ["CUDA_VISIBLE_DEVICES"] = str(int(number * gpus))
        try:
            self.process.start()
        finally:
            if gpus and before is None:
                del os.environ["CUDA_VISIBLE_DEVICES"]
            elif before is not None:
                os.environ["CUDA_VISIBLE_DEVICES"] = before
        theirs.close()  # so that the end of the process ends the pipe

    def give(self, task: Task) -> None:
        """Send a task; that the process has died is noticed by who waits for its outcome."""
        self.given.append(task)
        try:
            self.connection.send(task)
        except (BrokenPipeError, ConnectionResetError):
            pass


class LocalPool:
    """So many worker processes; one that dies is replaced. With `gpus`, each has that share of a GPU."""

    def __init__(self, workers: int, gpus: float | None = None):
        self._gpus = gpus
        self._waiting: deque[Task] = deque()
        self._workers = [Worker(number, gpus) for number in range(workers)]

    def slots(self) -> int:
        return len(self._workers)

    def submit(self, task: Task) -> None:
        self._waiting.append(task)
        self._feed()

    def wait(self, seconds: float) -> list[Outcome]:
        outcomes = []
        ready = set(wait([worker.connection for worker in self._workers], seconds))
        for place, worker in enumerate(self._workers):
            if worker.connection in ready:
                try:
                    outcomes.append(worker.connection.recv())
                    worker.given.popleft()
                except (EOFError, OSError, pickle.UnpicklingError):
                    outcomes += self._replace(place)
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


def serve(connection: Connection, code: dict[str, str]) -> None:
    """A worker's life: tasks are received by a thread, so that the driver never waits to send one, and run here.

    The pipe ends with the driver. Then the process ends at once, in the middle of a task too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    tqdm.set_lock(threading.RLock())  # instead of a semaphore, which a process that is killed would leave behind
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()

    def receive() -> None:
        while True:
            try:
                tasks.put(connection.recv())
            except (EOFError, OSError):
                os._exit(0)

    threading.Thread(target=receive, daemon=True).start()
    while True:
        task = tasks.get()
        outcome = call(code, task)
        try:
            data = pickle.dumps(outcome)
        except Exception as error:  # an exception that cannot be pickled
            reason = outcome.error or error
            data = pickle.dumps(Outcome(task.key, error=RuntimeError(f"{type(reason).__name__}: {reason}")))
        try:
            connection.send_bytes(data)
        except OSError:
            os._exit(0)

"""Runs with workers whose processes are ended by SIGKILL: `python -m tests.worker_kills FOLDER LOCAL RAY` kills.

LOCAL kills are of a worker of `workers=2` or of the driver. RAY kills are of a Ray worker, of the second node's raylet,
or of the driver. A turn is a grid in a folder of its own. The command is given, processes are killed, the command is
given again, until it has ended by itself. Then its rows are those of a run without workers. More than a third of the
kills hit a row on its way: the driver within a write, as in `tests.kills`, or a worker that has sent a part of a row.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import sys
import time
from collections import Counter
from pathlib import Path

from neurocomp.workers import local
from tests.kills import QUICK, child, rows, stop_in_write, warm_up, whole
from tests.ray_nodes import Nodes, kill

LONG = ["optimizer.updates=300", "optimizer.hold=300"]
GRID = ["run", "-m", "task=map_inc", "init=map_dec,map_inc,loop_noop", "restarts=20", "chunk=2", *QUICK, *LONG]
SENDING = "NEUROCOMP_TEST_SENDING"  # a file: the worker that can remove it dies

SENDER = "worker, while sending"


def die_while_sending() -> None:
    """Let this worker end by SIGKILL with a part of an outcome in its pipe, if it is the one."""
    send, sent = local.Connection.send_bytes, Counter()

    def send_bytes(connection, data, *more):
        sent[0] += 1
        file = os.environ[SENDING]
        with contextlib.suppress(OSError, ValueError):
            number, part = Path(file).read_text().split()
            if sent[0] >= int(number):
                os.unlink(file)  # one worker can
                length = len(data).to_bytes(4, "big")
                os.write(connection.fileno(), (length + data)[: int(float(part) * len(data))])
                os.kill(os.getpid(), 9)
        return send(connection, data, *more)

    local.Connection.send_bytes = send_bytes


if __name__ == "__mp_main__" and SENDING in os.environ:  # in a worker, which imports this file as its driver did
    die_while_sending()


class Turn:
    """A grid that is begun again until it ends by itself, with up to so many kills in it."""

    def __init__(self, folder: Path, draw: random.Random, nodes: Nodes | None, kills: int):
        self.folder, self.draw, self.nodes, self.kills = folder, draw, nodes, kills
        self.killed: Counter[str] = Counter()
        self.sending = folder / "sending"
        workers = "workers=2" if nodes is None else f"workers=ray:{nodes.address}"
        self.command = [*GRID, workers, *LONG]

    def run(self) -> None:
        """Lives of the driver, each ended by a kill, then one in which only workers are killed."""
        lives = [self.driver_in_write, self.driver, self.driver_in_write]
        lives += [self.driver_in_write] if self.nodes is not None else []
        self.draw.shuffle(lives)
        for life in lives[: max(0, self.kills - 2)]:
            life()
        self.others()
        whole(self.command, self.folder)  # nothing is left to do, but for a cell in which one batch was hit three times

    def driver_in_write(self) -> None:
        told, tell = os.pipe()
        number, half = self.draw.randint(1, 25), self.draw.random()
        process = self.started(stop_in_write(number, half, tell))
        os.close(tell)
        for _ in range(600):  # also workers hold the pipe, so that its end does not tell the end of the driver
            if select.select([told], [], [], 0.1)[0] or has_ended(process):
                break
        os.close(told)
        self.end(process, "driver, in a write")

    def driver(self) -> None:
        process = self.started()
        time.sleep(self.draw.uniform(0, 7))
        self.end(process, "driver")

    def others(self) -> None:
        """Workers are killed one after the other, and a node, until the command ends."""
        self.arm()
        process, node = self.started(), True
        while sum(self.killed.values()) < self.kills and not has_ended(process):
            if self.nodes is None and self.killed[SENDER] < 2:
                if self.sending.exists():
                    time.sleep(0.05)
                    continue
                self.killed[SENDER] += 1
                if self.killed[SENDER] < 2:
                    self.arm()
                    continue
            time.sleep(self.draw.uniform(0.3, 2.5))
            if node and self.nodes is not None and self.nodes.workers() and self.draw.random() < 0.4:
                (raylet,) = self.nodes.second_raylet()
                kill(raylet)
                self.killed["raylet"] += 1
                node = False
            elif workers := self.workers(process):
                kill(self.draw.choice(workers))
                self.killed["worker"] += 1
        ended(process)
        if not node and self.nodes is not None:
            self.nodes.start_second()

    def arm(self) -> None:
        """The next worker that sends its first, second or third outcome dies within it."""
        self.sending.write_text(f"{self.draw.randint(1, 3)} {self.draw.uniform(0.01, 0.99)}")

    def workers(self, driver: int) -> list[int]:
        if self.nodes is not None:
            return self.nodes.workers()
        found = []
        for number in Path(f"/proc/{driver}/task/{driver}/children").read_text().split():
            with contextlib.suppress(OSError):
                if "spawn_main" in Path(f"/proc/{number}/cmdline").read_text():
                    found.append(int(number))
        return found

    def started(self, prepare=lambda: None) -> int:
        os.environ[SENDING] = str(self.sending)
        if self.nodes is not None:
            os.environ.update(self.nodes.environment)
        return child(self.command, self.folder, prepare)

    def end(self, process: int, what: str) -> None:
        if not has_ended(process):
            kill(process)
            self.killed[what] += 1
        ended(process)


def has_ended(process: int) -> bool:
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def ended(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def main(folder: Path, *numbers: int) -> None:
    """Exit with an assertion if a row was lost, doubled or changed, or a temporary file is left."""
    warm_up(folder / "warm")
    (folder / "plain").mkdir()
    whole(GRID, folder / "plain")
    expected = rows(folder / "plain")
    assert len(expected) == 3 and all(len(found) == 20 for found in expected.values())
    for kind, number in zip(("local", "ray"), numbers, strict=True):
        with Nodes() if kind == "ray" and number else contextlib.nullcontext() as nodes:
            if nodes is not None:
                nodes.start_head()
                nodes.start_second()
            killed, turns = Counter(), 0
            while sum(killed.values()) < number:
                mine = folder / f"{kind}{turns}"
                mine.mkdir()
                turn = Turn(mine, random.Random(turns), nodes, min(8, number - sum(killed.values())))
                turn.run()
                check(mine, expected)
                killed += turn.killed
                turns += 1
                print(f"{kind}, turn {turns}: {dict(turn.killed)}", file=sys.stderr, flush=True)
            counts = ", ".join(f"{count} {what}" for what, count in sorted(killed.items()))
            print(f"{kind}: {sum(killed.values())} kills in {turns} turns ({counts})", flush=True)


def check(folder: Path, expected: dict[str, list[tuple]]) -> None:
    """All rows of the plain run, each once. A cell that was stopped has failed rows beside them, which say so."""
    found = rows(folder)
    for name, whole_rows in expected.items():
        mine = [row for row in found[name] if "failed" not in row]
        if len(mine) < len(found[name]):
            print(f"{folder.name}, {name}: {len(found[name]) - len(mine)} failed rows", file=sys.stderr, flush=True)
        assert mine == whole_rows, f"{folder.name}, {name}: {len(mine)} rows of {len(whole_rows)}"
    assert found.keys() == expected.keys() and not list(folder.rglob("*.tmp")), folder.name


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

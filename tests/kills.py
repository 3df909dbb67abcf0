"""Runs that are ended by SIGKILL and given again: `python -m tests.kills FOLDER NUMBER` (see test_kills.py).

Processes are forked from this one, which has imported and compiled what they need, so that most kills hit the work. At
least a third of the kills hit a write: the child is stopped within it, by functions put in the place of `os.fsync`,
`os.replace` and of the writing of a batch, a part of which is on the disk by then.
"""

from __future__ import annotations

import csv
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from neurocomp import files
from neurocomp.results import writer as results

QUICK = ["examples=4", "threads=1", "optimizer.updates=40", "optimizer.hold=3", "engine=fused", "task.length=1"]
COMMANDS = {
    "grid": ["run", "-m", "task=map_inc", "init=map_dec,map_inc", "restarts=12", "chunk=4", *QUICK],
    "synth": ["run", "task=map_inc", "init=synth", "restarts=12", "chunk=3", "synthesis.candidates=2000", *QUICK],
    "readings": ["readings", "settings=1", "screen=1", "confirm=1",
                 "restarts=1", "threads=1"],
}  # fmt: skip
ASIDE = ("wall_s", "cpu_s", "seconds", "version", "commit", "dirty", "date", "batch")  # times, code, batches


def child(command: list[str], folder: Path, prepare: Callable[[], None]) -> int:
    """Fork a process that runs this command; its number."""
    if number := os.fork():
        return number
    try:
        os.chdir(folder)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
        from neurocomp.cli.main import main as neurocomp
        from neurocomp.methods import tune

        tune.SECONDS_UNSAVED = 0
        prepare()
        code = neurocomp([*command, f"results={folder}", "name=killed"])
    except BaseException:
        code = 70
    os._exit(code)


def whole(command: list[str], folder: Path) -> None:
    _, status = os.waitpid(child(command, folder, lambda: None), 0)
    assert os.waitstatus_to_exitcode(status) == 0


def stop_in_write(number: int, half: float, told: int) -> Callable[[], None]:
    """Let the process stop for ever in its write of this number, after it has said so."""

    def prepare() -> None:
        left = [number]

        def stopping(write):
            def stopped(*arguments):
                left[0] -= 1
                if left[0] == 0:
                    if write is write_all:
                        file, data = arguments
                        file.write(data[: int(half * len(data))])
                    elif half > 0.5:
                        write(*arguments)
                    os.write(told, b"x")
                    time.sleep(600)
                return write(*arguments)

            return stopped

        write_all = results._write_all
        results._write_all = stopping(write_all)
        files.os.fsync, files.os.replace = stopping(os.fsync), stopping(os.replace)

    return prepare


def killed(command: list[str], folder: Path, draw: random.Random, seconds: float, writes: int) -> bool:
    """Whether the process was killed before its end; half of the kills are in a write."""
    told, tell = os.pipe()
    in_write = draw.random() < 0.5
    prepare = stop_in_write(draw.randint(1, writes), draw.random(), tell) if in_write else lambda: None
    process = child(command, folder, prepare)
    os.close(tell)
    if in_write:
        os.read(told, 1)  # also when the process ends: nobody else can write
    else:
        time.sleep(draw.uniform(0, seconds))
    os.close(told)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return os.WIFSIGNALED(status)


def rows(folder: Path) -> dict[str, list[tuple]]:
    """What stands in each file, by a reader that is not ours, sorted."""
    found = {}
    for path in sorted(folder.glob("killed/*.csv")):
        with path.open(newline="") as file:
            header, *lines = csv.reader(file)
        keep = [place for place, name in enumerate(header) if name not in ASIDE]
        found[path.name] = sorted(tuple(line[place] for place in keep) for line in lines)
    return found


def main(folder: Path, number: int) -> None:
    """Exit with an assertion if a row was lost, doubled or changed, or a temporary file is left."""
    warm_up(folder / "warm")
    outcomes, expected, seconds = [], {}, {}
    for turn in range(number):
        name, draw = list(COMMANDS)[turn % len(COMMANDS)], random.Random(turn)
        if name not in expected:
            (folder / name).mkdir()
            began = time.monotonic()
            whole(COMMANDS[name], folder / name)
            seconds[name], expected[name] = time.monotonic() - began, rows(folder / name)
            assert expected[name] and all(expected[name].values())
        mine = folder / f"{name}{turn}"
        mine.mkdir()
        outcomes.append(killed(COMMANDS[name], mine, draw, seconds[name], 8))
        whole(COMMANDS[name], mine)
        assert rows(mine) == expected[name], f"turn {turn}, {name}"
        assert not list(mine.rglob("*.tmp")), f"turn {turn}, {name}"
    in_write = sum(random.Random(turn).random() < 0.5 for turn in range(number))
    print(f"{sum(outcomes)} of {number} processes were killed before their end; {in_write} were to be in a write")
    assert any(outcomes)


def warm_up(folder: Path) -> None:
    """Import what the commands need, and compile it, with one thread: others would be missing after a fork."""
    from neurocomp import readings  # noqa: F401
    from neurocomp.cli.compose import configure
    from neurocomp.cli.run import run_job  # noqa: F401
    from neurocomp.pipeline import run_cell

    run_cell(configure(["task=map_inc", "init=synth", "restarts=2", "synthesis.candidates=200", *QUICK,
                        f"results={folder}"]), progress=False)  # fmt: skip


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main(Path(sys.argv[1]), int(sys.argv[2]))

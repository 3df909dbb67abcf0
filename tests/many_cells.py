"""Many cells that cost next to nothing, to measure what a cell costs: `python -m tests.many_cells FOLDER CELLS`.

A run with two workers is killed when half of the cells are there. The same command finishes the rest; then it finds
that all is done. A line says what each of the three took, and it is checked that each cell has one row.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(folder: Path, cells: int) -> None:
    grid = ["-m", "task=inc", "init=inc", f"seed=range(0,{cells})", "optimizer.updates=0", "restarts=1"]
    command = [
        str(Path(sys.executable).with_name("neurocomp")),
        "run",
        *grid,
        "workers=2",
        f"results={folder}",
        "name=many",
    ]
    measure("killed in the middle", command, folder, kill_at=cells // 2)
    measure("finished", command, folder)
    measure("nothing to do", command, folder)
    lines = [path.read_bytes().count(b"\n") for path in (folder / "many").glob("*.csv")]
    assert len(lines) == cells and set(lines) == {2}, f"{len(lines)} cells with {set(lines)} lines, expected {cells}, 2"
    print(f"{cells:,} cells, one row each")


def measure(what: str, command: list[str], folder: Path, kill_at: int | None = None) -> None:
    """Run it, kill it when so many cells are there, and print what it took."""
    began, before = time.perf_counter(), cells_in(folder)
    with (folder.parent / "many_cells.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        ended = 0
        while kill_at is not None and not ended and cells_in(folder) < kill_at:
            time.sleep(1)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if not ended:
            if kill_at is not None:
                process.send_signal(signal.SIGKILL)
            _, status, used = os.wait4(process.pid, 0)
    seconds, new = time.perf_counter() - began, cells_in(folder) - before
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6
    print(
        f"{what}: {seconds:.0f} s, {cpu:.0f} s of CPU, {peak:.2f} GB, {new:,} cells more, status {status}", flush=True
    )


def cells_in(folder: Path) -> int:
    try:
        return sum(entry.name.endswith(".csv") for entry in os.scandir(folder / "many"))
    except FileNotFoundError:
        return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

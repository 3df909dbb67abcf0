"""A results file of many rows, to measure what reading it costs: `python -m tests.million_rows FOLDER [ROWS]`.

Its configuration is that of `neurocomp run task=map_inc init=map_dec restarts=ROWS name=many results=FOLDER`, so that
this command finds nothing to do.
"""

from __future__ import annotations

import sys
from pathlib import Path

from neurocomp.cli.compose import configure
from neurocomp.results.provenance import made_by
from neurocomp.results.writer import CellWriter
from tests.cells import row
from tests.jobs import job_of


def main(folder: str, rows: int = 1_000_000) -> Path:
    given = [f"results={folder}", "name=many", f"restarts={rows}", "limits.work=1e15"]
    job, code = job_of(configure(["task=map_inc", "init=map_dec", *given])), made_by()
    config_hash = job.failed_row("")["config_hash"]
    with CellWriter(job.path, job.configuration()) as cell:
        for first in range(0, rows, 1000):
            cell.append([
                row(number, seed=0, config_hash=config_hash, loss=1.3 / (number + 1), margin=0.7 / (number + 1),
                    wall_s=number % 97 / 100, program=f"read {number % 5} 1; dec 2 2; write 1 0; inc 1 1; write 3 1",
                    **code)
                for number in range(first, min(first + 1000, rows))
            ])  # fmt: skip
    return job.path


if __name__ == "__main__":
    print(main(sys.argv[1], *map(int, sys.argv[2:])))

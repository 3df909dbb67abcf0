"""One writer at a time: a cell that another process has, and a writer that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from neurocomp.errors import UserError
from neurocomp.results.writer import CellLocked, CellWriter
from tests import test_results
from tests.cells import YAML
from tests.test_results import restarts, write

path = test_results.path

HOLD = """
import sys
from neurocomp.results.writer import CellWriter
with CellWriter(sys.argv[1], ""):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_write_one_cell(path):
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(CellLocked) as error, CellWriter(path, YAML):
            pass
        assert str(error.value) == (f"map_inc is being written by another process (lock {path.with_suffix('.lock')})")
        holder.kill()
    write(path, range(1))
    assert restarts(path) == [0]


def test_a_refused_file_is_not_kept_locked(path):
    path.parent.mkdir()
    path.write_text("a,b\n")
    errors = []
    for _ in range(2):
        with pytest.raises(UserError) as error, CellWriter(path, YAML):
            pass
        errors.append(error)  # whose traceback keeps the writer, and so its lock, alive


APPEND = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.cells import YAML, row
from neurocomp.results.writer import CellWriter
with CellWriter(Path(sys.argv[1]), YAML) as cell:
    while True:
        start = max(cell.finished, default=-1) + 1
        cell.append([row(restart) for restart in range(start, start + 40)])
        print(start + 40, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_writer_loses_at_most_the_batch_in_flight(path, request):
    command = [sys.executable, "-c", APPEND, str(path), str(request.config.rootpath)]
    reported = 0
    for attempt in range(4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            reported = int(writer.stdout.readline())
            time.sleep(0.013 * attempt)
            writer.send_signal(signal.SIGKILL)
            reported = int((writer.stdout.readlines() or [reported])[-1])
        found = restarts(path)
        assert found == list(range(len(found)))
        assert len(found) in (reported, reported + 40)
    with CellWriter(path, YAML) as cell:
        assert cell.finished == set(found)

"""What the one line of progress says: done, recovered, time left, rate; and where it says nothing."""

from __future__ import annotations

import pytest

from neurocomp.memorizer.progress import Progress as TrainingProgress
from neurocomp.methods.progress import Progress
from neurocomp.progress_line import ProgressLine, rate_text
from neurocomp.results.made import Made
from neurocomp.workers.progress import SweepProgress
from tests.terminals import last_lines, printed


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""
    now = [100.0]
    for place in ("neurocomp.progress_line.time.monotonic", "neurocomp.methods.progress.time.perf_counter"):
        monkeypatch.setattr(place, lambda: now[0])
    return now


def test_the_line_has_rate_and_time_left_by_what_was_done_here(clock):
    line = ProgressLine("programs of inc", 100, "programs", there=20)
    clock[0] += 10
    line.advance(20)  # 2 a second; 60 are left
    assert line.text() == "40/100, 00:30 left, 2 programs/s"
    line.count_recovered(3, 4)
    line.tell("4 distinct", left=7)
    assert line.text() == "40/100, 75% recovered, 4 distinct, 00:07 left, 2 programs/s"


def test_a_limit_bounds_the_time_left_and_without_a_total_the_time_so_far_is_shown(clock):
    bounded, endless = ProgressLine("x", 1000, "programs", limit=15), ProgressLine("x", None, "updates")
    clock[0] += 10
    for line in (bounded, endless):
        line.advance(10)
    assert bounded.text() == "10/1,000, 00:05 left, 1 programs/s"
    assert endless.text() == "10 updates, 00:10, 1 updates/s"


@pytest.mark.parametrize(
    "rate, text",
    [
        (0, ""),
        (1 / 1682, "28:02 each"),
        (0.08, "12.5 s each"),
        (3.14159, "3.14 restarts/s"),
        (28119.4, "28,119 restarts/s"),
    ],
)
def test_rates_are_read_at_a_glance(rate, text):
    assert rate_text(rate, "restarts") == text


def test_a_sweep_counts_cells_and_restarts_and_leaves_out_of_the_rate_what_was_there(clock):
    bar = SweepProgress(3, 40, shown=False)
    bar.opened(10)
    clock[0] += 5
    bar.made(Made([{"status": "recovered"}] * 6 + [{"status": "exhausted"}] * 4))
    bar.cell_ended()
    assert f"{bar.bar.title} {bar.bar.text()}" == ("cells 1/3, restarts 20/40, 60% recovered, 00:10 left, 2 restarts/s")


def test_a_sweep_says_nothing_of_recoveries_where_trainings_have_no_goal(clock):
    bar = SweepProgress(1, 4, shown=False)
    clock[0] += 10
    bar.made(Made([{"status": "trained"}]))
    assert bar.bar.text() == "1/4, 00:30 left, 10 s each"
    bar.made(Made([{"status": "memorized"}, {"status": "trained"}]))
    assert bar.bar.text().startswith("3/4, 100% recovered, ")


def test_a_cell_says_restart_updates(clock):
    bar = Progress("cell", [[0, 1]], updates=9, shown=False)
    clock[0] += 1
    bar.after_update(type("Report", (), {"lanes": 2, "finished": []})())
    assert bar.line.text() == "0/2, 00:09 left, 2 restart-updates/s"


def test_a_training_that_goes_on_counts_only_its_own_updates_for_the_rate(clock):
    bar = TrainingProgress("training", 100, shown=False)
    clock[0] += 2
    bar.after_update(51, 0.5)
    assert bar.line.text() == "51/100, accuracy 50.0%, 01:38 left, 2 s each"


SOON = """
import sys
from neurocomp.progress_line import ProgressLine
with ProgressLine("a title that is longer than the terminal " * 3, 10, "restarts", delay=float(sys.argv[1])) as line:
    for _ in range(10):
        line.count_recovered(1, 1)
        line.advance()
print("the end")
"""


def test_on_a_terminal_the_line_fits_and_its_last_state_stays():
    line, end = last_lines(printed(["-c", SOON, "0"], columns=70))
    assert end == "the end" and len(line) <= 70
    assert line.startswith("a title") and "10/10, 100% recovered, 00:00 left" in line


@pytest.mark.parametrize("delay, environment", [("5", {}), ("0", {"TERM": "dumb"})])
def test_what_is_soon_done_shows_no_line_and_neither_does_a_dumb_terminal(delay, environment):
    assert last_lines(printed(["-c", SOON, delay], columns=70, **environment)) == ["the end"]


def test_without_a_terminal_nothing_is_said_in_the_first_minute(clock, capsys):
    with ProgressLine("cell\x1b[2J", 10, "restarts") as line:
        clock[0] += 59
        line.advance()
        assert capsys.readouterr().err == ""
        clock[0] += 2
        line.advance()
    assert capsys.readouterr().err == "cell\\x1b[2J 2/10, 04:04 left, 30.5 s each\n"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "task=map_inc", "init=map_inc", "restarts=2", "optimizer.updates=20"),
        ("synth", "task=inc"),
        ("bench", "--search", "task=inc", "--rounds", "1"),
    ],
)
def test_commands_draw_nothing_over_in_a_pipe(command, words):
    answer = command(*words)
    assert answer.code == 0 and "\r" not in answer.err and "left" not in answer.err

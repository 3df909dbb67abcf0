"""A search over readings in workers: they end in any order, die, and are interrupted; no setting is lost or doubled."""

from __future__ import annotations

import csv
import sys
from collections import Counter

import pytest

from neurocomp.readings import measuring
from neurocomp.readings import screening as readings
from neurocomp.readings.settings_file import read, settings_of
from neurocomp.readings.space import DEFAULTS
from neurocomp.workers.pool import OtherCode, Outcome
from tests.test_readings import counted as counted
from tests.test_readings import searching


class Scripted:
    """A pool in this process whose tasks end in turn, the last sent first; `fate` is what becomes of a try instead."""

    is_here = True

    def __init__(self, slots: int = 3, fate=lambda number, time: None):
        self._slots, self.fate, self.tasks, self.tries, self.most = slots, fate, [], Counter(), 0
        self.closed = False

    def slots(self) -> int:
        return self._slots

    def submit(self, task) -> None:
        self.tasks.append(task)
        self.most = max(self.most, len(self.tasks))

    def wait(self, seconds: float) -> list[Outcome]:
        assert self.tasks, "nothing is waited for"
        ready, self.tasks = self.tasks[-2:][::-1], self.tasks[:-2]
        return [self._outcome(task) for task in ready]

    def _outcome(self, task) -> Outcome:
        number = task.arguments[1]
        self.tries[number] += 1
        ended = self.fate(number, self.tries[number])
        return Outcome(task.key, task.function(*task.arguments)) if ended is None else ended._replace(key=task.key)

    def close(self) -> None:
        self.closed = True


def screened(tmp_path) -> list[dict]:
    return read(tmp_path / "readings" / "screen-s0.csv")


def test_every_setting_is_measured_once_by_as_many_workers_as_there_are(tmp_path, counted):
    pool = Scripted(3)
    readings.search(searching(tmp_path), lambda: pool)
    settings = settings_of(screened(tmp_path))
    assert sorted(settings) == list(range(16)) and set(pool.tries.values()) <= {1, 2, 3}
    assert len({str(one) for one in settings.values()}) == 16
    assert pool.most == 3 and pool.closed
    confirmed = Counter(row["setting"] for row in read(tmp_path / "readings" / "confirmed-s0.csv"))
    assert set(confirmed.values()) == {40}  # 20 cells under each of two seeds


def test_one_worker_gives_the_rows_of_none(tmp_path, counted, monkeypatch):
    monkeypatch.setattr("neurocomp.readings.proposals.RANDOM", 13)
    readings.search(searching(tmp_path / "none"))
    readings.search(searching(tmp_path / "one"), lambda: Scripted(1))
    for name in ("screen-s0.csv", "confirmed-s0.csv"):
        none, one = ((tmp_path / of / "readings" / name).read_text().splitlines() for of in ("none", "one"))
        assert [row[:6] + row[7:] for row in csv.reader(none)] == [row[:6] + row[7:] for row in csv.reader(one)]


def test_a_setting_whose_worker_died_is_measured_again(tmp_path, counted):
    died = Outcome(0, died="process")
    pool = Scripted(3, lambda number, time: died if number == 4 and time <= 2 else None)
    readings.search(searching(tmp_path, settings=6, confirm=0), lambda: pool)
    assert sorted(settings_of(screened(tmp_path))) == list(range(6)) and pool.tries[4] == 3
    assert len(screened(tmp_path)) == 6 * 20


def test_a_lost_machine_is_no_death_of_the_setting(tmp_path, counted):
    pool = Scripted(2, lambda number, time: Outcome(0, died="node") if number == 1 and time <= 5 else None)
    readings.search(searching(tmp_path, settings=2, confirm=0), lambda: pool)
    assert len(screened(tmp_path)) == 40


def test_after_three_deaths_it_says_so_and_keeps_the_others(command, tmp_path, counted, monkeypatch):
    pool = Scripted(3, lambda number, time: Outcome(0, died="process") if number == 1 else None)
    monkeypatch.setattr("neurocomp.cli.pools.make_pool", lambda cell: pool)
    answer = command("readings", "workers=3", "settings=4", "screen=4", "confirm=0")
    line = "neurocomp: the worker's process died 3 times in setting 1; what was measured is kept"
    assert (answer.code, answer.err.splitlines()[-1]) == (1, line)
    assert pool.tries[1] == 3 and pool.closed
    assert 1 not in settings_of(screened(tmp_path / "results")) and len(screened(tmp_path / "results")) >= 40


def test_after_ctrl_c_what_is_finished_stays_and_only_the_missing_are_measured(tmp_path, counted):
    def interrupt(number: int, time: int) -> None:
        if number == 5:
            raise KeyboardInterrupt

    pool = Scripted(3, interrupt)
    with pytest.raises(KeyboardInterrupt):
        readings.search(searching(tmp_path, settings=9, confirm=0), lambda: pool)
    there = settings_of(screened(tmp_path))
    assert there and max(there) + 1 > len(there) and pool.closed  # one that was sent earlier has not ended
    again = Scripted(3)
    readings.search(searching(tmp_path, settings=9, confirm=0), lambda: again)
    assert sorted(again.tries) == sorted(set(range(9)) - there.keys())
    assert sorted(settings_of(screened(tmp_path))) == list(range(9))


def test_what_is_measured_is_written_before_an_error_is_raised(tmp_path, counted):
    pool = Scripted(2, lambda number, time: Outcome(0, error=ValueError("odd")) if number == 1 else None)
    with pytest.raises(ValueError, match="odd"):
        readings.search(searching(tmp_path, settings=2, confirm=0), lambda: pool)
    assert {row["setting"] for row in screened(tmp_path)} == {0}


def test_a_worker_with_other_code_is_one_line(command, counted, monkeypatch):
    error = OtherCode("node7 has Python 3.9, the driver 3.11; expected the same there")
    pool = Scripted(1, lambda number, time: Outcome(0, error=error))
    monkeypatch.setattr("neurocomp.cli.pools.make_pool", lambda cell: pool)
    answer = command("readings", "workers=1", "settings=1")
    assert (answer.code, answer.err.splitlines()[-1]) == (2, f"neurocomp: workers: {error}")


@pytest.mark.parametrize("given, line", [
    ("workers=many", "workers=many: expected a number from 1 to 10000, ray, or ray:HOST:PORT"),
    ("gpus=0.5", "gpus=0.5: the share of a task of workers, expected workers=N or workers=ray with it"),
    ("fresh_seeds=0", "fresh_seeds=0: expected a number >= 1"),
])  # fmt: skip
def test_workers_and_seeds_that_cannot_be_are_refused(command, given, line):
    assert command("readings", given) == (2, "", f"neurocomp: {line}\n")


def test_processes_measure_what_this_one_does(command, tmp_path):
    """A setting in a process of its own, and here."""
    words = ("readings", "settings=1", "screen=1", "confirm=0")
    assert command(*words, "workers=2", "name=there").code == 0
    assert command(*words, "name=here").code == 0
    there, here = (
        [row | {"seconds": 0} for row in read(tmp_path / "results" / name / "screen-s0.csv")]
        for name in ("there", "here")
    )
    assert there == here and len(here) == 20


def test_places_that_are_one_cell_are_tuned_once(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        measuring, "count", lambda config, restarts, seed: asked.append(config) or {"fit": len(asked), "soft": 0}
    )
    setting = DEFAULTS | {"loop_noop": "reference"}
    rows = list(measuring.measure(setting, 0, searching(tmp_path), 100, 0, {}))
    found = {(row["row"], row["task"]): row["fit"] for row in rows}
    assert len(rows) == 20 and len(asked) == 18
    assert found["init=loop_noop", "map_inc"] == found["init=map_inc", "map_inc"]
    assert found["init=loop_noop", "map_dec"] == found["init=map_dec", "map_dec"]
    assert len(set(found.values())) == 18


def test_workers_that_cannot_be_had_leave_nothing_behind(command, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    line = "neurocomp: workers=ray: ray is not installed; pip install 'neurocomp[ray]'\n"
    assert command("readings", "workers=ray") == (2, "", line)
    assert not (tmp_path / "results").exists()

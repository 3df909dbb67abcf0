"""The tool that puts faults into the code: a few of them, and what it says of a fault that does not stand any more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mutations.run import Fault, Outcomes, read_faults, stale, table

FEW = ("miss_keeps_the_count", "twice_counts_twice", "softmax_loss_is_a_sum", "seed_of_training")
HELD = "course.held + 1 if right else 0"
FAULT = Fault("tuning", "one", "neurocomp/tuning/lanes.py", HELD, "0", "nothing holds", ("t.py",))


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="copies what git tracks")
def test_a_few_faults_are_noticed_and_only_the_copy_is_changed(tmp_path):
    before = (ROOT / "neurocomp" / "tuning" / "lanes.py").read_bytes()
    command = [sys.executable, str(ROOT / "tests" / "mutations" / "run.py"), "--work", str(tmp_path), "--only"]
    done = subprocess.run([*command, *(f"known.{name}" for name in FEW)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| known | 4 | 4 | 100% |" in done.stdout and done.stdout.count(": noticed by tests/test_") == 4
    assert (ROOT / "neurocomp" / "tuning" / "lanes.py").read_bytes() == before
    again = subprocess.run([*command, *(f"known.{name}" for name in FEW)], capture_output=True, text=True)
    assert again.returncode == 0 and ": noticed by" not in again.stdout and "| known | 4 | 4 | 100% |" in again.stdout


def test_a_fault_that_does_not_stand_exactly_once_is_told():
    assert stale(FAULT) is None
    for old, count in (("course.held + 2 if right else 0", 0), ("course", 40)):
        told = stale(FAULT._replace(old=old)) or ""
        assert told.startswith("tuning.one: its old text stands ") and told.endswith("lanes.py, expected once")
        assert (" 0 times" in told) == (count == 0)
    assert "same" in (stale(FAULT._replace(new=FAULT.old)) or "")
    assert "no Python" in (stale(FAULT._replace(new="0 if")) or "")
    assert "stands 0 times in neurocomp/none.py" in (stale(FAULT._replace(file="neurocomp/none.py")) or "")


def test_shares_are_by_area_and_faults_that_once_passed_are_counted_apart():
    others = [FAULT._replace(area=area) for area in ("known", "results", "results")]
    text = table([(FAULT, "not noticed"), (others[0], "noticed by t"), (others[1], "noticed by t"),
                  (others[2], "noticed: no end within 1 s")])  # fmt: skip
    assert text.splitlines()[2:6] == [
        "| tuning | 1 | 0 | 0% |",
        "| known | 1 | 1 | 100% |",
        "| results | 2 | 2 | 100% |",
        "| all but known | 3 | 2 | 67% |",
    ]
    assert text.endswith("Not noticed:\n- tuning.one: nothing holds")


def test_an_outcome_belongs_to_the_fault_as_it_is(tmp_path):
    fault = FAULT._replace(tests=("test_tuning.py",))
    outcomes = Outcomes(tmp_path / "outcomes.json")
    outcomes.keep(fault, "noticed by t")
    again = Outcomes(tmp_path / "outcomes.json")
    assert again.of(fault) == "noticed by t"
    for other in (fault._replace(new="1"), fault._replace(tests=("test_text.py",)), fault._replace(old="waiting")):
        assert again.of(other) is None
    assert again.of(fault._replace(breaks="the same in other words")) == "noticed by t"


def test_every_fault_says_what_it_breaks_and_has_tests_that_are_there():
    faults = read_faults()
    assert len({fault.title for fault in faults}) == len(faults) > 300
    for fault in faults:
        assert fault.breaks and "\n" not in fault.breaks and fault.tests
        for test in fault.tests:
            file, _, name = test.partition("::")
            source = Path(__file__).with_name(file)
            assert source.is_file() and (not name or f"def {name}(" in source.read_text()), fault.title

"""Claim: SIGKILL at any time loses, doubles and changes no row: the same command again ends as if nothing had been.

A share of the kills runs with the other tests; all by `python -m pytest tests/test_kills.py --kills 60`, and with
workers by `--worker-kills 50 --ray-kills 50`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def succeeds(*words: str) -> None:
    answer = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    print(answer.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_same_command_again_ends_as_if_nothing_had_been_killed(tmp_path, request):
    succeeds("tests.kills", str(tmp_path), str(request.config.getoption("--kills")))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_a_run_with_workers_ends_as_if_none_of_them_and_no_driver_had_been_killed(tmp_path, request):
    local, ray = (request.config.getoption(option) for option in ("--worker-kills", "--ray-kills"))
    if ray and importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'neurocomp[ray]'")
    succeeds("tests.worker_kills", str(tmp_path), str(local), str(ray))

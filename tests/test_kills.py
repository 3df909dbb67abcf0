"""Claim: SIGKILL at any time loses, doubles and changes no row: the same command again ends as if nothing had been.

A share of the kills runs with the other tests; all by `python -m pytest tests/test_kills.py --kills 60`.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_same_command_again_ends_as_if_nothing_had_been_killed(tmp_path, request):
    command = [sys.executable, "-m", "tests.kills", str(tmp_path), str(request.config.getoption("--kills"))]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    print(answer.stdout)

"""Shared by all tests: the command line in-process, in a directory of its own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

import neurocomp
from tests.browsing import browse, chromium  # noqa: F401  # fixtures

ROOT = Path(__file__).resolve().parents[1]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests are small; threads that wait for each other are slower


def processor_flags() -> set[str]:
    """What the processor can do, as Linux says; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.partition(":")[2].split()}


# On vectors of 64 bytes PyTorch adds in another order than the fused engine: tests of last bits would not hold.
if "avx512f" in processor_flags():
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")

settings.register_profile("neurocomp", deadline=None, max_examples=50)  # a loaded machine is no failure
settings.load_profile("neurocomp")

# With a wheel installed, pytest at the root imports the checkout's neurocomp/, which has no cli/ and configs/ in it.
if importlib.util.find_spec("neurocomp.cli") is None:
    neurocomp.__path__.append(str(ROOT))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--corruptions", type=int, default=60, help="results files that tests/test_corruption.py damages")
    parser.addoption("--kills", type=int, default=2, help="runs that tests/test_kills.py ends by SIGKILL")
    parser.addoption("--worker-kills", type=int, default=2, help="the same of workers=2, or of their driver")
    parser.addoption("--solver-tasks", type=int, default=20, help="tasks of tests/test_solver.py, against all programs")
    parser.addoption("--ray-kills", type=int, default=0, help="the same of workers=ray: a worker, a raylet, the driver")


@pytest.fixture(autouse=True)
def a_process_is_new() -> None:
    """What is said or looked for once a process is so in each test, whichever ran before it."""
    from neurocomp.files import leftovers_in
    from neurocomp.pipeline import remark_once

    remark_once.cache_clear()
    leftovers_in.cache_clear()


@pytest.fixture(autouse=True)
def numbers_have_4300_digits() -> None:
    """`subleq exec` lifts that for its process, which here is that of all tests."""
    sys.set_int_max_str_digits(4300)


class Answer(NamedTuple):
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Call `neurocomp` with arguments, in `tmp_path`."""
    from neurocomp.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["neurocomp"])
    monkeypatch.setenv("NEUROCOMP_DEBUG", "")
    monkeypatch.setenv("NEUROCOMP_JSON", "")

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            code = leaving.code
        printed = capsys.readouterr()
        return Answer(int(code or 0), printed.out, printed.err)

    return call

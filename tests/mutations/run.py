"""Faults put into a copy of the code, one at a time: do the tests notice? Says it by area.

Every TOML file beside this one is an area. At its top stand the file and the tests that most of its faults concern;
then each table is a fault: `old`, a text that stands in the file exactly once, `new`, what replaces it, and `breaks`,
in one line what is wrong then. A fault may have a `file` and `tests` of its own. To add one is to add such a table.

    python tests/mutations/run.py                          all faults; an hour at most on one core, in one process
    python tests/mutations/run.py --area recovery tasks    these areas
    python tests/mutations/run.py --only tasks.seed        these faults
    python tests/mutations/run.py --list                   whether every `old` text still stands; nothing is run

The code is copied to build/mutations/tree, and only that copy is changed. An outcome is kept in build/mutations and
counts as long as the fault, its file and its tests stay as they are, so that the same command goes on where it
stopped. Exit code 1: a fault was not noticed, an `old` text does not stand exactly once, or tests fail without a fault.

Why no library: mutmut and cosmic-ray change every operator and number there is. Here that is some thousands of faults,
most of which are equivalent or crash at once, each against minutes of tests. Those that cost a number its meaning
(another set, another seed, a condition left out) are few, and are not found by changing operators.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import gc
import hashlib
import importlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLES = Path(__file__).parent
WORK = ROOT / "build" / "mutations"
SECONDS = 300  # a fault that keeps its tests from ending is noticed
LIBRARIES = ("torch", "numba", "pandas", "scipy.stats", "hydra", "hypothesis", "beartype", "jaxtyping", "tokenizers",
             "transformers.models.bert.modeling_bert")  # fmt: skip
# Most faults are noticed within a second: what takes longer than that, and changes no outcome, is left out. So shapes
# in signatures are not checked (that is in addopts), and assertions that fail do not explain themselves.
OPTIONS = ("-xq", "--tb=no", "--assert=plain", "--hypothesis-seed=0", "-o", "addopts=", "-p", "no:cacheprovider",
           "-p", "no:unraisableexception", "-p", "_hypothesis_pytestplugin")  # fmt: skip
LISTED = "known"  # the area of faults that once passed: counted apart


class Fault(NamedTuple):
    """A slip somebody could make: in `file`, `old` becomes `new`."""

    area: str
    name: str
    file: str
    old: str
    new: str
    breaks: str
    tests: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.area}.{self.name}"


def read_faults(folder: Path = TABLES) -> list[Fault]:
    """All faults, area by area."""
    faults = []
    for path in sorted(folder.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        shared = {key: value for key, value in table.items() if not isinstance(value, dict)}
        for name, own in table.items():
            if isinstance(own, dict):
                given = shared | own
                faults.append(Fault(path.stem, name, **given | {"tests": tuple(given["tests"])}))
    return faults


def stale(fault: Fault, root: Path = ROOT) -> str | None:
    """What is wrong with a fault's texts, or None."""
    source = root / fault.file
    count = source.read_text(encoding="utf-8").count(fault.old) if source.is_file() else 0
    if count != 1:
        return f"{fault.title}: its old text stands {count} times in {fault.file}, expected once"
    if fault.old == fault.new:
        return f"{fault.title}: old and new are the same"
    try:
        compile(mutated(fault, root), fault.file, "exec")
    except SyntaxError as error:
        return f"{fault.title}: {fault.file} is no Python with it ({error})"
    return None


def mutated(fault: Fault, root: Path = ROOT) -> str:
    """The file with the fault in it."""
    return (root / fault.file).read_text(encoding="utf-8").replace(fault.old, fault.new)


class Tree:
    """A copy of the code in which faults are put; it is at the same place each time, so that compiled kernels are kept.

    What is installed is the checkout, so `cli` and `configs` are linked to where `neurocomp.cli` is looked for first.
    """

    def __init__(self, path: Path, root: Path = ROOT):
        self.path, self.root, self.turn = path, root, 0
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, check=True, capture_output=True, text=True
        ).stdout.split("\0")
        if path.exists():
            shutil.rmtree(path)
        for name in listed:
            if (root / name).is_file():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, path / name)  # with its time, by which Numba knows what it compiled
        for folder in ("cli", "configs"):
            (path / "neurocomp" / folder).symlink_to(path / folder, target_is_directory=True)

    def outcome(self, fault: Fault) -> str:
        """`noticed by` a test, `not noticed`, or `noticed: no end`."""
        place = self.path / fault.file
        place.write_text(mutated(fault, self.root), encoding="utf-8")
        self.turn += 1
        os.utime(place, (self.turn, self.turn))  # Python knows by this time what it compiled: each fault has its own
        try:
            return self.failing(fault.tests) or "not noticed"
        finally:
            shutil.copy2(self.root / fault.file, place)

    def failing(self, tests: Sequence[str], seconds: float = SECONDS) -> str | None:
        """The first of these tests that fails, in words; None if all pass."""
        code, said = self.pytest([f"tests/{test}" for test in tests], seconds)
        if code is None:
            return f"noticed: no end within {seconds:g} s"
        if code == 0:
            return None
        if code not in (1, 2):  # 2: while the tests were collected
            raise RuntimeError(f"pytest ended with {code}:\n{said}")
        found = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
        return f"noticed by {found[1] if found else 'pytest'}"

    def pytest(self, tests: Sequence[str], seconds: float) -> tuple[int | None, str]:
        """The exit code of pytest in the copy (None: no end), and what it printed.

        It runs in a fork, in which the libraries are imported already: that takes longer than most of the tests.
        """
        said = self.path.with_name("said.txt")
        if (child := os.fork()) == 0:
            os.setsid()
            code = 3
            try:
                with said.open("wb") as file:
                    os.dup2(file.fileno(), 1)
                    os.dup2(file.fileno(), 2)
                os.chdir(self.path)
                sys.path.insert(0, str(self.path))
                os.environ["PYTHONPATH"] = str(self.path)
                os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
                code = int(pytest.main([*OPTIONS, f"--basetemp={self.path.with_name('temporary')}", *tests]))
            finally:
                sys.stdout.flush()
                os._exit(code)
        until = time.monotonic() + seconds
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return None, ""
            time.sleep(0.02)
        return os.waitstatus_to_exitcode(ended[1]), said.read_text(errors="replace")


class Outcomes:
    """What is known, in a file: of a fault as long as it, its file and its tests stay as they are; of tests without
    a fault as long as they and all code do.
    """

    def __init__(self, path: Path):
        self.path = path
        self.known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        self.code = digest(path for folder in ("neurocomp", "cli", "configs") for path in (ROOT / folder).rglob("*.*")
                           if path.suffix in (".py", ".yaml", ".asm"))  # fmt: skip

    def of(self, fault: Fault) -> str | None:
        return self.known.get(self._of_fault(fault))

    def keep(self, fault: Fault, outcome: str) -> None:
        self._keep({self._of_fault(fault): outcome})

    def untried(self, tests: Iterable[str]) -> list[str]:
        """Those that are not known to pass where there is no fault."""
        return [test for test in sorted(set(tests)) if self._of_test(test) not in self.known]

    def passed(self, tests: Iterable[str]) -> None:
        self._keep({self._of_test(test): "passes" for test in tests})

    def _of_fault(self, fault: Fault) -> str:
        files = (ROOT / fault.file, *(ROOT / "tests" / test.split("::")[0] for test in fault.tests))
        return digest(files, fault.old, fault.new, *fault.tests)

    def _of_test(self, test: str) -> str:
        return digest([ROOT / "tests" / test.split("::")[0]], test, self.code)

    def _keep(self, found: dict[str, str]) -> None:
        self.known |= found
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.known, indent=1))


def digest(files: Iterable[Path], *texts: str) -> str:
    """Equal for equal contents."""
    parts = [*texts, *(file.read_text(encoding="utf-8") for file in sorted(files))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def table(outcomes: Iterable[tuple[Fault, str]]) -> str:
    """Faults and those that were noticed, by area, as Markdown; then those that were not."""
    counts: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    missed = []
    for fault, outcome in outcomes:
        counts[fault.area][0] += 1
        counts[fault.area][1] += outcome != "not noticed"
        missed += [f"- {fault.title}: {fault.breaks}"] * (outcome == "not noticed")
    own = [(0, 0), *(pair for area, pair in counts.items() if area != LISTED)]
    counts["all but " + LISTED if LISTED in counts else "all"] = [sum(column) for column in zip(*own, strict=True)]
    lines = [f"| {area} | {of} | {noticed} | {noticed / max(of, 1):.0%} |" for area, (of, noticed) in counts.items()]
    head = ["| area | faults | noticed | share |", "|:--|--:|--:|--:|"]
    return "\n".join([*head, *lines, *(["", "Not noticed:", *missed] if missed else [])])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Put faults into a copy of the code; see which of them tests notice.")
    parser.add_argument("--area", nargs="*", help="only these areas")
    parser.add_argument("--only", nargs="*", metavar="AREA.NAME", help="only these faults")
    parser.add_argument("--list", action="store_true", help="only look whether the texts of all faults still stand")
    parser.add_argument("--work", type=Path, default=WORK, help="where the copy and the outcomes are")
    args = parser.parse_args(argv)
    chosen = [
        fault
        for fault in read_faults()
        if (not args.area or fault.area in args.area) and (not args.only or fault.title in args.only)
    ]
    mistakes = [mistake for fault in chosen if (mistake := stale(fault))]
    print("\n".join(mistakes or [f"{len(chosen)} faults, each of which stands once"]), flush=True)
    if args.list or mistakes or not chosen:
        return 1 if mistakes or not chosen else 0
    outcomes = Outcomes(args.work / "outcomes.json")
    if missing := [fault for fault in chosen if outcomes.of(fault) is None]:
        os.environ["OMP_NUM_THREADS"] = "1"
        for name in LIBRARIES:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        gc.freeze()  # what a fork inherits is not looked through
        tree = Tree(args.work / "tree")
        untried = outcomes.untried(test for fault in missing for test in fault.tests)
        for _, some in itertools.groupby(untried, key=lambda test: test.split("::")[0]):
            tests = list(some)
            if failing := tree.failing(tests, 2 * SECONDS):
                print(f"without any fault: {failing}")
                return 1
            outcomes.passed(tests)
        for number, fault in enumerate(missing, start=1):
            outcomes.keep(fault, tree.outcome(fault))
            print(f"{number}/{len(missing)} {fault.title}: {outcomes.of(fault)}", flush=True)
    found = [(fault, outcomes.of(fault) or "") for fault in chosen]
    print(table(found))
    return int(any(outcome == "not noticed" for _, outcome in found))


if __name__ == "__main__":
    sys.exit(main())

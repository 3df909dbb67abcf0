"""By which code a row was made, when, and where."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from neurocomp import __version__


def made_by() -> dict[str, Any]:
    """Columns of a row that is made now: by which code, when (UTC), and on which machine."""
    code = provenance()
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"commit": code.commit, "dirty": code.dirty, "version": __version__, "date": date, "host": platform.node()}


class Provenance(NamedTuple):
    """The commit of the checkout that the code runs from, and whether the code differs from it."""

    commit: str
    dirty: bool | None


@functools.cache
def provenance() -> Provenance:
    """Asked of git once; empty where this package is not in a checkout of its own (an installed wheel)."""
    here = Path(__file__)
    # A virtual environment may lie inside someone else's repository, which does not track this file.
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return Provenance("", None)
    commit, root = (_git(here.parent, "rev-parse", what) for what in ("HEAD", "--show-toplevel"))
    if not commit or not root:
        return Provenance("", None)
    # Only what decides the rows: results appear in the same checkout while they are measured.
    status = _git(Path(root), "status", "--porcelain", "--", "neurocomp", "cli", "configs", "experiments")
    return Provenance(commit, None if status is None else bool(status))


def _git(directory: Path, *arguments: str) -> str | None:
    # GIT_* of a surrounding hook would point at another repository; the lock is for many runs at a time.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", str(directory), *arguments]
    try:
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None

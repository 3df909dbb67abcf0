"""Numba functions compiled once per installation: read from disk where they can be, compiled again where they cannot.

They go to NUMBA_CACHE_DIR, else to the user's cache directory, in a folder named after the source they were compiled
from: Numba by itself looks for changes in the outermost function's file only. A package that is installed read-only
is no obstacle. Where nothing can be written each process compiles; what cannot be read is thrown away and compiled
again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numba.core.config

log = logging.getLogger(__name__)
numba_config: Any = numba.core.config  # whose settings are not declared


def compiled(
    function: Callable[..., None],
    types: tuple[Any, ...],
    sources: tuple[Path, ...],
    announced: str | None = None,
) -> Callable[..., None]:
    """`function`, compiled for Numba's `types` of its arguments: read from the cache, or compiled and put there.

    `sources` are all files that the compiled code depends on. Before it compiles, one line on stderr says so if
    `announced` says what is being compiled and how long that takes.
    """
    directory = folder(sources)
    if announced and (directory is None or not any(directory.rglob(f"*.{function.__name__}-*.nbc"))):
        kept = "once" if directory else "in every process, since no cache can be written"
        print(announced.format(kept=kept), file=sys.stderr)
    for attempt in ("as it is", "emptied", "none"):
        try:
            dispatcher = _dispatcher(function, None if attempt == "none" else directory)
            dispatcher.compile(types)
            return dispatcher
        except Exception as error:  # an unreadable file raises whatever its bytes happen to mean
            if attempt == "none":
                raise
            log.warning("cannot use the compile cache %s (%s: %s)", directory, type(error).__name__, error)
            if directory is not None and attempt == "as it is":
                shutil.rmtree(directory, ignore_errors=True)
    raise AssertionError("the last attempt returns or raises")


def _dispatcher(function: Callable[..., None], directory: Path | None) -> Any:
    options = {"error_model": "numpy", "nogil": True}
    if directory is None:
        return numba.njit(**options)(function)
    before, numba_config.CACHE_DIR = numba_config.CACHE_DIR, str(directory)  # read when a function is decorated
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba_config.CACHE_DIR = before


def folder(sources: tuple[Path, ...]) -> Path | None:
    """Where what was compiled from these sources is kept, or None if no file can be written there."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    directory = Path(os.environ.get("NUMBA_CACHE_DIR") or cache) / f"neurocomp-{digest}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        log.warning("compiled kernels are not kept: %s", error)
        return None
    return directory

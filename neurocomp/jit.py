"""Numba functions compiled once per installation: read from disk where they can be, compiled again where they cannot.

They go to NUMBA_CACHE_DIR, else to the user's cache directory, in a folder named after the source they were compiled
from: Numba by itself looks for changes in the outermost function's file only. A package that is installed read-only
is no obstacle. Where nothing can be written, or the user has no home directory, each process compiles; what cannot be
read is thrown away and compiled again.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numba.core.config
from numba.core import event

from neurocomp.errors import UserError
from neurocomp.text import say

log = logging.getLogger(__name__)
numba_config: Any = numba.core.config  # whose settings are not declared

# The decorator of functions that only compiled functions call: they need no wrappers for Python or C, which would take
# a fifth of the time to compile. error_model: a division by zero raises nothing, 0 / 0 is NaN as in PyTorch.
njit: Any = numba.njit  # whose options are not declared either
unwrapped = {"error_model": "numpy", "nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
kernel = njit(**unwrapped)
# The same without counting references to arrays, which takes longer than what small functions do. They must allocate
# nothing.
bare_kernel = njit(**unwrapped, _nrt=False)
# The same, put where it is called. LLVM would call larger ones, and passing seven numbers for each array takes longer
# than what they do.
inline_kernel = njit(**unwrapped, _nrt=False, forceinline=True)


def may_compile() -> bool:
    """Whether Numba was not told to leave functions as they are."""
    return not numba_config.DISABLE_JIT


def check_compiler() -> None:
    """Raise UserError where Numba must not compile: what searches and the fused engine do would take hours."""
    if not may_compile():
        raise UserError("NUMBA_DISABLE_JIT=1: programs are executed by compiled code only; unset it")


def compiled(
    function: Callable[..., Any], types: tuple[Any, ...], sources: tuple[Path, ...], named: str | None = None
) -> Callable[..., Any]:
    """`function`, compiled for Numba's `types` of its arguments: read from the cache, or compiled and put there.

    `sources` are all files that the compiled code depends on. If `function` is part of what is `named`, which takes
    about 20 s, one line on stderr says that it is being compiled. Raises UserError where Numba must not compile.
    """
    check_compiler()
    directory = folder(sources)
    for attempt in ("as it is", "emptied", "none"):
        try:
            dispatcher = _dispatcher(function, None if attempt == "none" else directory)
            with event.install_listener("numba:compile", _Announcement(named, directory)):
                dispatcher.compile(types)
            return dispatcher
        except Exception as error:  # an unreadable file raises whatever its bytes happen to mean
            if attempt == "none":
                raise
            log.warning("cannot use the compile cache %s (%s: %s)", directory, type(error).__name__, error)
            if directory is not None and attempt == "as it is":
                shutil.rmtree(directory, ignore_errors=True)
    raise AssertionError("the last attempt returns or raises")


class _Announcement(event.Listener):
    """Told by Numba when it begins to compile what it has not found in the cache."""

    def __init__(self, named: str | None, directory: Path | None):
        self.named, self.directory = named, directory

    def on_start(self, event: event.Event) -> None:
        if self.named:
            _say_once(f"compiling {self.named}: about 20 s, {'once' if self.directory else _every_time()}")

    def on_end(self, event: event.Event) -> None:
        pass


@functools.cache
def _say_once(line: str) -> None:
    say([line], prefix="")


def _every_time() -> str:
    """Why each process compiles, and what would change that."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return f"in every process, because NUMBA_CACHE_DIR={given} cannot be written to"
    return "in every process, because there is no cache directory; NUMBA_CACHE_DIR=DIR names one"


def _dispatcher(function: Callable[..., Any], directory: Path | None) -> Any:
    options = {"error_model": "numpy", "nogil": True}
    if directory is None:
        return numba.njit(**options)(function)
    before, numba_config.CACHE_DIR = numba_config.CACHE_DIR, str(directory)  # read when a function is decorated
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba_config.CACHE_DIR = before


@functools.cache
def _digest(sources: tuple[Path, ...]) -> str:
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def folder(sources: tuple[Path, ...]) -> Path | None:
    """Where what was compiled from these sources is kept, or None if no file can be written there."""
    cache = os.environ.get("NUMBA_CACHE_DIR") or _user_cache()
    if cache is None:
        return None
    directory = Path(cache) / f"neurocomp-{_digest(sources)}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        log.info("compiled kernels are not kept: %s", error)
        return None
    return directory


def _user_cache() -> Path | None:
    """The user's cache directory; None without a home. XDG's rules: a relative path does not count.

    A temporary folder is no way out: what lies there may be another user's, and reading a cache runs its code.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return Path(given)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # no HOME, and no entry for this user in the system's list, as in a container
        return None

"""The engine's kernels as compiled functions, of which only the first run of an installation has to compile any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from neurocomp import jit
from neurocomp.language import isa

SOURCES = (*sorted(Path(__file__).parent.glob("*.py")), Path(isa.__file__))  # all that compiled code depends on


def compiled(function: Callable[..., None], types: tuple[Any, ...]) -> Callable[..., None]:
    """`function`, compiled for Numba's `types` of its arguments, or read from the disk (see `jit`)."""
    announced = f"compiling the fused engine's {function.__name__} pass ({{kept}}, some 10 s)"
    return jit.compiled(function, types, SOURCES, announced)

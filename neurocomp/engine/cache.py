"""The engine's kernels as compiled functions; only the first run of an installation has to compile them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numba
import numpy as np

from neurocomp import jit
from neurocomp.engine.layout import plan
from neurocomp.engine.lookup import lookup
from neurocomp.language import isa
from neurocomp.limits import estimates
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Tensor

# All that compiled code depends on; of the estimates, PACK_BYTES.
SOURCES = (*sorted(Path(__file__).parent.glob("*.py")), Path(isa.__file__), Path(estimates.__file__))


def compiled(function: Callable[..., None], arrays: Sequence[np.ndarray], swept: bool = False) -> Callable[..., None]:
    """`function`, compiled for the types and numbers of axes of these arrays; read from the disk if it can be.

    With `swept`, four arguments come before the arrays, as `fused.Sweep` calls kernels: a queue, whether the caller
    helps, a plan and its lookup. Sizes and readings are values of these, so one compilation serves all of them.
    """
    return _compiled(function, tuple((array.dtype, array.ndim) for array in arrays), swept)


def call(function: Callable[..., None], *tensors: Tensor) -> None:
    """Call `function`, compiled, on the arrays of these tensors."""
    arrays = [tensor.numpy() for tensor in tensors]
    compiled(function, arrays)(*arrays)


@functools.cache
def _compiled(function: Callable[..., None], kinds: tuple[tuple[np.dtype, int], ...], swept: bool):
    samples = [np.empty((0,) * axes, dtype) for dtype, axes in kinds]
    if swept:
        sizes, machine = Sizes(2, 1, 1), MachineConfig()
        table = lookup(sizes.base, machine.mod_by_zero)
        samples = [np.empty(0, np.int64), False, plan(sizes, machine, table), table, *samples]
    named = "the fused engine" if swept else None
    return jit.compiled(function, tuple(numba.typeof(sample) for sample in samples), SOURCES, named)

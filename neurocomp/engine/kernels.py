"""How the kernels are compiled."""

from __future__ import annotations

import numba

# error_model: a division by zero raises nothing, 0 / 0 is NaN as in PyTorch. Only kernels call kernels, so they need
# no wrappers for Python or C, which would take a fifth of the time to compile.
kernel = numba.njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

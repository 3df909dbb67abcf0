"""How the kernels are compiled."""

from __future__ import annotations

import numba

# No division by zero is looked for: 0 / 0 is NaN, as in PyTorch. Only kernels call them, so that they need no way in
# from Python or C, whose compilation would take a fifth of the time.
kernel = numba.njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

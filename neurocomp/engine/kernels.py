"""How the kernels are compiled."""

from __future__ import annotations

import numba

# No division by zero is looked for: 0 / 0 is NaN, as in PyTorch.
kernel = numba.njit(error_model="numpy", nogil=True)

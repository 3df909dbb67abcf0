"""The axes of every tensor, and their order.

Leading: `K` restarts, `B` examples, `T` steps (traces only). Then `L` program lines, `O` opcodes, `R` registers,
`A` memory addresses, `V` word values. A and V both have size b, the base. In an einsum the same letter stands
small; operand words are `x` and `y`, the result `v`; a second index on another axis is that letter's capital.
"""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Bool", "Float", "Int", "Tensor"]

"""The lookup table T of Eq. 6, for the opcodes that compute a word from words; for `read`, memory is the table."""

from __future__ import annotations

import functools

import torch

from neurocomp.language.isa import COMPUTING, OPCODES, compute
from neurocomp.shapes import Float, Tensor


@functools.lru_cache(maxsize=32)
def lookup_table(base: int, mod_by_zero: str, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "O x y V"]:
    """T[opcode, x, y] is the one-hot of the opcode's result; the first axis holds the opcodes `isa.COMPUTING`."""
    table = torch.zeros(len(OPCODES[COMPUTING]), base, base, base, dtype=dtype)
    for index, opcode in enumerate(OPCODES[COMPUTING]):
        for x in range(base):
            for y in range(base):
                table[index, x, y, compute(opcode, x, y, base, mod_by_zero)] = 1
    return table.to(device)

"""Arithmetic on eight words at once, a byte each of a 64-bit integer; they are below 128, so no sum leaves its byte."""

# Numba compiles this file: a name in capitals is a constant, and all else is unsigned integers of 64 bits.

from __future__ import annotations

import numpy as np

from neurocomp.jit import inline_kernel as inline

ONES, HIGH, LOW = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(0x7F7F7F7F7F7F7F7F)
ZERO, ONE, EIGHT = np.uint64(0), np.uint64(1), np.uint64(8)
BYTE, SEVEN, TOP = np.uint64(0xFF), np.uint64(7), np.uint64(56)


@inline
def _below(x, base):
    """Eight words below 2 b, each less b where it is not below b."""
    return x - (((x + ONES * (np.uint64(128) - base)) & HIGH) >> SEVEN) * base


@inline
def _bytes_of(high):
    """0xFF in each of eight bytes whose highest bit is set; no other bit may be."""
    return (high << ONE) - (high >> SEVEN)


@inline
def _not_less(x, y):
    """0xFF in each of eight bytes where x >= y."""
    return _bytes_of(((x | HIGH) - y) & HIGH)


@inline
def _some(x):
    """The highest bit of each of eight bytes where the word is not 0."""
    return (x + LOW) & HIGH


@inline
def _mod(x, y, of_zero):
    """Eight remainders of words below 16; where y is 0, x if `of_zero` is all bits, 0 if it is none."""
    for power in range(4):
        multiple = y << np.uint64(3 - power)
        x -= multiple & _not_less(x, multiple)
    return x & (_bytes_of(_some(y)) | of_zero)

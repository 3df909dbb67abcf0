r"""Many lines of a results file to typed columns, in compiled code: `row_lines.read_carefully` for large files.

It reads only what is written plainly, as neurocomp writes it: fields without quotes or with exactly two around them,
numbers as Python prints them, `true` and `false`. Of a block in which anything else stands it says nothing, and
`read_carefully`, which is the meaning, takes it.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from neurocomp.jit import compiled, may_compile
from neurocomp.results.columns import SCHEMA
from neurocomp.results.row_lines import Layout, value
from neurocomp.results.typed_rows import TYPES, Column

SHORT = 16  # characters of a text that is likely to stand in many rows
KINDS = {"text": 0, "batch": 0, "integer": 1, "boolean": 2, "float": 3}
TEXT, INTEGER, BOOLEAN, FLOAT = range(4)
READ, UNREAD, NOT_PLAIN = range(3)
COMMA, NEWLINE, RETURN, QUOTE, ZERO, NINE, MINUS, PLUS, POINT, EXPONENT = b',\n\r"09-+.e'


def _among(characters: bytes) -> np.ndarray:
    """By byte, whether it is one of these."""
    return np.isin(np.arange(256), np.frombuffer(characters, np.uint8))


ENDS_PLAIN, ENDS_QUOTED = _among(b',\n\r"\0'), _among(b'\n\r"\0')
TRUE, FALSE, NAN, INFINITE = (np.frombuffer(word, np.uint8) for word in (b"true", b"false", b"nan", b"inf"))
EXACT = np.array([float(10**power) for power in range(16)])  # powers of ten that a double holds exactly


def read_plainly(block: bytes, layout: Layout) -> list[Column] | None:
    """The kept columns of whole lines, or None if any line needs a closer look."""
    if not may_compile() or not _is_text(block):
        return None
    rows = block.count(b"\n")
    arrays = Arrays(*(array[:rows] for array in _arrays(len(layout.kinds), 1 << rows.bit_length())))
    kinds = np.array([KINDS[kind] for kind in layout.kinds])
    if not _kernel()(np.frombuffer(block, np.uint8), kinds, *arrays):
        return None
    text = block.decode("ascii") if block.isascii() else block
    try:
        found = [_column(text, layout.kinds[of], arrays, of) for of in layout.kept]
    except ValueError:  # Damaged is one too
        return None
    newer = arrays.numbers[:, layout.schema] > SCHEMA
    return None if newer.any() else found


class Arrays(NamedTuple):
    """The kernel's findings about the fields of a block, [rows, columns] each: see `_scan`."""

    starts: np.ndarray
    ends: np.ndarray
    numbers: np.ndarray
    decimals: np.ndarray
    unread: np.ndarray


@functools.lru_cache(maxsize=1)  # one block after the other: to get such memory anew takes as long as to fill it
def _arrays(columns: int, rows: int) -> Arrays:
    return Arrays(*(np.empty((rows, columns), type) for type in (np.int64, np.int64, np.int64, np.float64, np.bool_)))


def _column(block: str | bytes, kind: str, arrays: Arrays, of: int) -> Column:
    starts, ends, rows = arrays.starts[:, of], arrays.ends[:, of], len(arrays.starts)
    if kind in ("integer", "boolean"):
        return Column(arrays.numbers[:, of].astype(TYPES[kind]), starts == ends)
    places = arrays.unread[:, of].nonzero()[0]
    texts = _texts(block, starts[places], ends[places])
    if kind == "float":
        decimals = arrays.decimals[:, of].copy()
        decimals[places] = list(map(float, texts))
        return Column(decimals, starts == ends)
    values = np.empty(len(places), np.object_)
    values[:] = texts if kind == "text" else [value(kind, text, "") for text in texts]
    if len(places) == 1:  # most columns of text say the same in all rows
        values = np.full(rows, values[0], np.object_)
    elif len(places) < rows:
        values = np.repeat(values, np.diff(places, append=rows))
    return Column(values, np.zeros(rows, bool))


def _is_text(block: bytes) -> bool:
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


def _texts(block: str | bytes, start: np.ndarray, end: np.ndarray) -> list[str]:
    """Parts of a block, which is given as text where its bytes are its characters; short ones once each."""
    places = zip(start.tolist(), end.tolist(), strict=True)
    if isinstance(block, str):
        return [sys.intern(block[of:to]) if to - of < SHORT else block[of:to] for of, to in places]
    return [block[of:to].decode() for of, to in places]


@functools.cache
def _kernel():
    numbers = numba.int64[:, ::1]
    block = numba.types.Array(numba.uint8, 1, "C", readonly=True)
    types = (block, numba.int64[::1], numbers, numbers, numbers, numba.float64[:, ::1], numba.boolean[:, ::1])
    return compiled(_scan, types, (Path(__file__),))


def _scan(data, kinds, starts, ends, numbers, decimals, unread):
    """The kernel: where fields begin and end, what whole numbers and booleans say, and floats where it is simple.

    What is `unread` is for Python: texts unlike that of the row before, and floats that are not simple. False unless
    all lines are plain, with as many fields as there are `kinds`.
    """
    place, last = 0, len(kinds) - 1
    for row in range(len(starts)):
        for column in range(len(kinds)):
            kind, before = kinds[column], row - 1
            separator = NEWLINE if column == last else COMMA
            if row and _stands_again(data, place, starts[before, column], ends[before, column], separator):
                start, end = place, place + ends[before, column] - starts[before, column]
                place = end + 1
                numbers[row, column], decimals[row, column] = numbers[before, column], decimals[before, column]
                unread[row, column] = kind == FLOAT and unread[before, column]
            else:
                start, end, place = _field(data, place)
                if place < 0 or data[place - 1] != separator:
                    return False
                plain, numbers[row, column], decimals[row, column] = _value(data, start, end, kind)
                if plain == NOT_PLAIN:
                    return False
                unread[row, column] = plain == UNREAD
            starts[row, column], ends[row, column] = start, end
    return True


@numba.njit
def _stands_again(data, place, start, end, separator):
    """Whether the field here is that of the row before, from `start` to `end`, which was plain and without quotes."""
    after = place + end - start
    if after >= len(data) or data[after] != separator or (start and data[start - 1] == QUOTE):
        return False
    for offset in range(end - start):
        if data[place + offset] != data[start + offset]:
            return False
    return True


@numba.njit
def _field(data, place):
    """Where the field that begins here has its text, and where the next one begins (-1: it is not plain)."""
    quoted = place < len(data) and data[place] == QUOTE
    ending = ENDS_QUOTED if quoted else ENDS_PLAIN
    start = end = place + quoted
    while end < len(data) and not ending[data[end]]:
        end += 1
    after = end
    if quoted:
        if end == len(data) or data[end] != QUOTE:
            return 0, 0, -1
        after += 1
    if after + 1 < len(data) and data[after] == RETURN and data[after + 1] == NEWLINE:
        after += 1
    if after == len(data) or (data[after] != COMMA and data[after] != NEWLINE):
        return 0, 0, -1
    return start, end, after + 1


@numba.njit
def _value(data, start, end, kind):
    """Whether a field was READ or not, and its value as a whole number and as a float, one of which counts."""
    if start == end:
        return UNREAD if kind == TEXT else READ, 0, np.nan
    if kind == TEXT:
        return UNREAD, 0, 0.0
    if kind == FLOAT:
        plain, decimal = _decimal(data, start, end)
        return plain, 0, decimal
    if kind == INTEGER:
        number = _whole_number(data, start, end)
    else:
        number = 1 if _is(data, start, end, TRUE) else 0 if _is(data, start, end, FALSE) else -1
    return READ if number >= 0 else NOT_PLAIN, number, 0.0


@numba.njit
def _whole_number(data, start, end):
    if end - start > 18 or (data[start] == ZERO and end - start > 1):  # 18 digits are below 2^63
        return -1
    number = 0
    for place in range(start, end):
        if data[place] < ZERO or data[place] > NINE:
            return -1
        number = 10 * number + data[place] - ZERO
    return number


@numba.njit
def _decimal(data, start, end):
    """A float of at most 15 digits without an exponent: digits and power of ten are exact in a double, so that their
    quotient is rounded once, as it must be. Any other is left to Python.
    """
    negative = data[start] == MINUS
    digits, seen, point = 0, 0, end
    for place in range(start + negative, end):
        if ZERO <= data[place] <= NINE and seen < 15:
            digits, seen = 10 * digits + data[place] - ZERO, seen + 1
        elif data[place] == POINT and point == end:
            point = place
        else:
            return _left_to_python(data, start, end), 0.0
    if not seen:
        return NOT_PLAIN, 0.0
    number = digits / EXACT[max(end - point - 1, 0)]
    return READ, -number if negative else number


@numba.njit
def _left_to_python(data, start, end):
    """UNREAD if `float` takes it as `row_lines` does: a number with a point and an exponent, nan, inf or -inf."""
    unsigned = start + 1 if data[start] == MINUS or data[start] == PLUS else start
    place = _after_digits(data, unsigned, end)
    digits = place - unsigned
    if place < end and data[place] == POINT:
        place = _after_digits(data, place + 1, end)
        digits = place - unsigned - 1
    if digits and place < end and data[place] == EXPONENT:
        signed = place + 1 < end and (data[place + 1] == MINUS or data[place + 1] == PLUS)
        begin = place + 1 + signed
        place = _after_digits(data, begin, end)
        digits = place - begin
    if digits and place == end:
        return UNREAD
    infinite = data[start] != PLUS and _is(data, unsigned, end, INFINITE)
    return UNREAD if infinite or _is(data, start, end, NAN) else NOT_PLAIN


@numba.njit
def _after_digits(data, start, end):
    place = start
    while place < end and ZERO <= data[place] <= NINE:
        place += 1
    return place


@numba.njit
def _is(data, start, end, word):
    if end - start != len(word):
        return False
    for place in range(len(word)):
        if data[start + place] != word[place]:
            return False
    return True

r"""Lines of a results file to typed columns: every line by itself, and blocks of plain lines at once.

`read_carefully` is the meaning: it takes one line after the other and names the first that is damaged. `read_plainly`
gives the same columns some ten times faster, for blocks of lines in which nothing is unusual; for any other block it
gives None. A line ends in \n or \r\n, and no line reaches into another: a quote that is not closed damages its own.
"""

from __future__ import annotations

import functools
import re
import sys
from typing import Any, NamedTuple

import numpy as np

from neurocomp.columns import SCHEMA, RowFormat
from neurocomp.config import LARGEST

QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)"')
WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
NUMBER = frozenset("0123456789.e+-")
NOT_FINITE = ("nan", "inf", "-inf")
BATCH = re.compile(r"(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17})")
BOOLEANS = {text: value for value, name in ((True, "true"), (False, "false"))
            for text in (name, name.capitalize(), name.upper())}  # fmt: skip
EXPECTED = {"integer": "a whole number", "float": "a number", "boolean": "true or false",
            "batch": "two numbers such as 0-99"}  # fmt: skip

WIDEST = 512  # bytes of a field; a block with a wider one is read line by line
SHORT = 16  # characters of a text that is likely to stand in many rows
FEW = 4  # a column that changes in fewer than one row of so many is read value by value

COMMA, NEWLINE, QUOTE, ZERO = b',\n"0'


class Damaged(ValueError):
    """What is wrong with a line."""


class Layout(NamedTuple):
    """The columns of a file and their kinds; the place of `schema`."""

    header: tuple[str, ...]
    kinds: tuple[str, ...]
    schema: int

    @classmethod
    def of(cls, header: list[str], format: RowFormat) -> Layout:
        return cls(tuple(header), tuple(map(format.kind, header)), header.index("schema"))


class Column(NamedTuple):
    """The values of a column, and where it is empty (the value there means nothing)."""

    values: np.ndarray
    empty: np.ndarray


TYPES = {"integer": np.int64, "float": np.float64, "boolean": np.bool_, "batch": np.object_, "text": np.object_}
FILLED = {"integer": 0, "float": np.nan, "boolean": False, "batch": "", "text": ""}


def split_line(raw: bytes) -> list[str]:
    """The fields of one line (without its \\n). Raises Damaged."""
    raw = raw.removesuffix(b"\r")
    if b"\0" in raw:
        raise Damaged("has a NUL byte, expected text")
    if b"\r" in raw:
        raise Damaged("has a carriage return in the middle, expected a row")
    try:
        line = raw.decode()
    except UnicodeDecodeError as error:
        raise Damaged(f"is not UTF-8 text (byte {error.start + 1})") from None
    if not line.strip(" \t"):
        raise Damaged("is blank, expected a row")
    return line.split(",") if '"' not in line else _split_quoted(line)


def _split_quoted(line: str) -> list[str]:
    fields, place = [], 0
    while True:
        if quoted := QUOTED.match(line, place):
            fields.append(quoted[1].replace('""', '"'))
            place = quoted.end()
        else:
            end = line.find(",", place)
            fields.append(line[place : end if end >= 0 else len(line)])
            place += len(fields[-1])
            if '"' in fields[-1]:
                raise Damaged('has a stray ", expected fields that are quoted whole or not at all')
        if place == len(line):
            return fields
        if line[place] != ",":
            raise Damaged('has text after a closing ", expected a comma')
        place += 1


def value(kind: str, text: str, column: str) -> Any:
    """What a field says; None where it is empty and not text. Raises Damaged."""
    if kind == "text" or (kind == "batch" and not text):
        return text
    if not text:
        return None
    if kind == "integer" and WHOLE_NUMBER.fullmatch(text):
        if int(text) > LARGEST:
            raise Damaged(f'{column} is "{text}", expected a whole number below 2^63')
        return int(text)
    if kind == "float" and (number := _number(text)) is not None:
        return number
    if kind == "boolean" and text in BOOLEANS:
        return BOOLEANS[text]
    if kind == "batch" and BATCH.fullmatch(text):
        return text
    raise Damaged(f'{column} is "{text}", expected {EXPECTED[kind]}')


def _number(text: str) -> float | None:
    if text not in NOT_FINITE and not NUMBER.issuperset(text):
        return None
    try:
        return float(text)
    except ValueError:
        return None


# --- line by line


def read_carefully(block: bytes, layout: Layout, first: int) -> tuple[list[Column], list[int]]:
    """The columns of whole lines, the first of which has the number `first`; and where the header stands again.

    Raises Damaged, which begins with the number of the line.
    """
    rows, repeated = [], []
    for number, raw in enumerate(block.split(b"\n")[:-1], start=first):
        try:
            fields = split_line(raw)
            if (fields[0].removeprefix("\ufeff"), *fields[1:]) == layout.header:  # the file was appended to itself
                repeated.append(number)
            else:
                rows.append(_values(fields, layout))
        except Damaged as damage:
            raise Damaged(f"{number}: {damage}") from None
    columns = zip(*rows, strict=True) if rows else [()] * len(layout.header)
    return [_column(kind, list(of)) for kind, of in zip(layout.kinds, columns, strict=True)], repeated


def _values(fields: list[str], layout: Layout) -> list[Any]:
    if len(fields) != len(layout.header):
        raise Damaged(f"has {len(fields)} fields, its header {len(layout.header)}")
    schema = value("integer", fields[layout.schema], "schema")
    if schema is not None and schema > SCHEMA:
        raise Damaged(f"written by a newer neurocomp (schema {schema}, this one reads up to {SCHEMA})")
    return [value(*given) for given in zip(layout.kinds, fields, layout.header, strict=True)]


def _column(kind: str, values: list[Any]) -> Column:
    filled, empty = np.empty(len(values), TYPES[kind]), np.zeros(len(values), bool)
    if kind == "text":
        filled[:] = values
    else:
        empty[:] = [value is None for value in values]
        filled[:] = [FILLED[kind] if value is None else value for value in values]
    return Column(filled, empty)


# --- whole blocks


def read_plainly(block: bytes, layout: Layout) -> list[Column] | None:
    """The same columns, or None if any line needs a closer look."""
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if b"\r" in block or b"\0" in block or not _is_text(block):
        return None
    data = np.frombuffer(block + bytes(WIDEST), np.uint8)
    fields = _fields(data[: len(block)], len(layout.header))
    if fields is None:
        return None
    text = block.decode("ascii") if block.isascii() else block
    try:
        columns = [
            _read_column(text, data, start, end, kind)
            for start, end, kind in zip(*map(np.ascontiguousarray, (fields[0].T, fields[1].T)), layout.kinds,
                                        strict=True)
        ]  # fmt: skip
    except Damaged:
        return None
    schema = columns[layout.schema]
    return None if (schema.values[~schema.empty] > SCHEMA).any() else columns


def _is_text(block: bytes) -> bool:
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


def _fields(data: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Where the fields begin and end, [lines, count] each; None unless each line has `count` that are simple.

    A simple field has no quotes, or exactly two, around it. Commas within quotes separate nothing.
    """
    quotes, newlines = data == QUOTE, data == NEWLINE
    separators, any_quotes = (data == COMMA) | newlines, bool(quotes.any())
    if any_quotes:
        separators &= np.cumsum(quotes, dtype=np.uint8) % 2 == 0  # the sum may wrap, its parity stays
    places = np.flatnonzero(separators)
    if places.size % count:
        return None
    ends = places.reshape(-1, count)
    if not newlines[ends[:, -1]].all() or newlines.sum() != len(ends):
        return None
    starts = np.empty_like(ends)
    starts.flat[0], starts.flat[1:] = 0, places[:-1] + 1
    if any_quotes:
        quoted = quotes[starts]
        if quotes.sum() != 2 * quoted.sum() or not (quotes[ends[quoted] - 1]).all():
            return None
        starts, ends = starts + quoted, ends - quoted
    return None if (ends < starts).any() else (starts, ends)


def _read_column(block: bytes | str, data: np.ndarray, start: np.ndarray, end: np.ndarray, kind: str) -> Column:
    """One column of a block, given as text too where its bytes are its characters; Damaged if a value is not plain."""
    length = end - start
    width = max(int(length.max()), 1)
    if width > WIDEST:
        raise Damaged
    characters = np.lib.stride_tricks.sliding_window_view(data, width)[start]
    if length.min() < width:
        characters[np.arange(width) >= length[:, None]] = 0
    runs = _runs(characters)
    if kind not in PLAIN or FEW * len(runs) <= len(start):
        few = _column(kind, _values_at(block, start[runs].tolist(), end[runs].tolist(), kind))
        if len(runs) == len(start):
            return few
        lengths = np.diff(np.append(runs, len(start)))
        return Column(np.repeat(few.values, lengths), np.repeat(few.empty, lengths))
    return PLAIN[kind](characters, length)


def _runs(characters: np.ndarray) -> np.ndarray:
    """The rows that are unlike the one before them, the first among them."""
    if (characters == characters[0]).all():
        return np.zeros(1, np.intp)
    texts = _texts(characters)
    return np.flatnonzero(np.append(True, texts[1:] != texts[:-1]))


def _values_at(block: bytes | str, starts: list[int], ends: list[int], kind: str) -> list[Any]:
    texts: list[str]
    if isinstance(block, str):
        texts = [block[start:end] for start, end in zip(starts, ends, strict=True)]
    else:
        texts = [block[start:end].decode() for start, end in zip(starts, ends, strict=True)]
    if len(texts[0]) < SHORT:
        texts = list(map(sys.intern, texts))  # a status stands in a million rows
    return texts if kind == "text" else [value(kind, text, "") for text in texts]


def _integers(characters: np.ndarray, length: np.ndarray) -> Column:
    digits, given = characters - np.uint8(ZERO), np.arange(characters.shape[1]) < length[:, None]
    padded = (digits[:, 0] == 0) & (length > 1)
    if characters.shape[1] > 18 or padded.any() or (digits[given] > 9).any():
        raise Damaged
    values = np.zeros(len(length), np.int64)
    for place in range(characters.shape[1]):
        values = np.where(given[:, place], 10 * values + digits[:, place], values)
    return Column(values, length == 0)


def _floats(characters: np.ndarray, length: np.ndarray) -> Column:
    texts, empty = _texts(characters), length == 0
    unusual = ~_may_be_number()[characters].all(axis=1)
    if not np.isin(texts[unusual], [name.encode() for name in NOT_FINITE]).all():
        raise Damaged
    values = np.full(len(texts), np.nan)
    try:
        values[~empty] = list(map(float, texts[~empty].tolist()))  # several times as fast as astype
    except ValueError:
        raise Damaged from None
    return Column(values, empty)


def _booleans(characters: np.ndarray, length: np.ndarray) -> Column:
    texts, empty = _texts(characters), length == 0
    values, known = np.zeros(len(texts), bool), empty.copy()
    for text, of_text in BOOLEANS.items():
        here = texts == text.encode()
        values |= here & of_text
        known |= here
    if not known.all():
        raise Damaged
    return Column(values, empty)


PLAIN = {"integer": _integers, "float": _floats, "boolean": _booleans}


def _texts(characters: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(characters).view(f"S{characters.shape[1]}")[:, 0]


@functools.cache
def _may_be_number() -> np.ndarray:
    """By byte, whether it may stand in a finite number (0 is what fields are filled up with)."""
    table = np.zeros(256, bool)
    table[[0, *map(ord, NUMBER)]] = True
    return table

r"""Lines of a results file to typed columns, one line after the other; the first that is damaged is named.

A line ends in \n or \r\n, and no line reaches into another: a quote that is not closed damages its own. `row_scan`
gives the same columns of many plain lines.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from neurocomp.errors import LARGEST
from neurocomp.results.columns import SCHEMA, RowFormat
from neurocomp.results.typed_rows import FILLED, TYPES, Column

QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)"')
WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
NUMBER = frozenset("0123456789.e+-")
NOT_FINITE = ("nan", "inf", "-inf")
BATCH = re.compile(r"(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17})")
BOOLEANS = {
    text: value
    for value, name in ((True, "true"), (False, "false"))
    for text in (name, name.capitalize(), name.upper())
}
EXPECTED = {
    "integer": "a whole number",
    "float": "a number",
    "boolean": "true or false",
    "batch": "two numbers such as 0-99",
}


class Damaged(ValueError):
    """A line that is no row; the message says why."""


class Layout(NamedTuple):
    """The columns of a file and their kinds; the place of `schema`; the places of those whose values are wanted."""

    header: tuple[str, ...]
    kinds: tuple[str, ...]
    schema: int
    kept: tuple[int, ...]

    @classmethod
    @functools.lru_cache(maxsize=64)
    def of(cls, header: tuple[str, ...], format: RowFormat, details: bool = True) -> Layout:
        kept = (place for place, column in enumerate(header) if details or column not in format.details)
        return cls(header, tuple(map(format.kind, header)), header.index("schema"), tuple(kept))


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


@functools.lru_cache(maxsize=1 << 12)  # most texts stand in many rows: one object each
def value(kind: str, text: str, column: str) -> Any:
    """The value of a field; None where it is empty and not text. Raises Damaged."""
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


def read_carefully(block: bytes, layout: Layout, first: int) -> tuple[list[Column], list[int]]:
    """The kept columns of whole lines, the first of which has the number `first`; and where the header stands again.

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
    nowhere = np.zeros(len(rows), bool)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(layout.kinds)
    return [_column(layout.kinds[place], columns[place], nowhere) for place in layout.kept], repeated


def _values(fields: list[str], layout: Layout) -> list[Any]:
    if len(fields) != len(layout.header):
        raise Damaged(f"has {len(fields)} fields, its header {len(layout.header)}")
    schema = value("integer", fields[layout.schema], "schema")
    if schema is not None and schema > SCHEMA:
        raise Damaged(f"written by a newer neurocomp (schema {schema}, this one reads up to {SCHEMA})")
    return [value(*given) for given in zip(layout.kinds, fields, layout.header, strict=True)]


def _column(kind: str, values: Sequence[Any], nowhere: np.ndarray) -> Column:
    """The values with their type; where none is empty, columns share what says so."""
    filled = np.empty(len(values), TYPES[kind])
    if None not in values:
        filled[:] = values
        return Column(filled, nowhere)
    filled[:] = [FILLED[kind] if value is None else value for value in values]
    return Column(filled, np.array([value is None for value in values]))

"""Claim: whatever happens to a results file, each row that is still whole counts exactly once, or the file is refused.

Real files are damaged at random: bytes flipped, quotes inserted, lines removed, doubled, reordered, cut, appended to
themselves, saved as programs for tables save them. A row is whole if its line, as it was written, is still a line of
the file (or if its fields are, where the whole file was saved anew). No file is changed by reading it or by opening it.

A share of them runs with the other tests; all by `python -m pytest tests/test_corruption.py --corruptions 2000`.
"""

from __future__ import annotations

import csv
import io
import os
import random
import shutil
from pathlib import Path

import pytest

from neurocomp.errors import UserError
from neurocomp.memorizer.report import cells as memorized
from neurocomp.report import cells
from neurocomp.results.columns import MEMORIZED, RESTARTS
from neurocomp.results.writer import CellWriter
from tests.conftest import ROOT

FILES = [
    path
    for path in sorted((ROOT / "results").glob("*/*.csv"))
    if path.open().readline().startswith(("task,init,method", "task,language,network"))
]


def flip(lines: list[bytes], draw: random.Random) -> list[bytes]:
    data = bytearray(b"".join(lines))
    for _ in range(draw.randint(1, 4)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    return [bytes(data)]


def insert(lines: list[bytes], draw: random.Random) -> list[bytes]:
    """Quotes, commas, line ends and other bytes where they do not belong."""
    data = b"".join(lines)
    for _ in range(draw.randint(1, 3)):
        place = draw.choice([draw.randrange(len(data)), data.find(b",", draw.randrange(len(data) - 80)) + 1])
        data = data[:place] + draw.choice([b'"', b'"', b",", b"\n", b"\r", b"\0", b"\xff", b" "]) + data[place:]
    return [data]


def remove(lines: list[bytes], draw: random.Random) -> list[bytes]:
    gone = set(draw.sample(range(len(lines)), draw.randint(1, min(4, len(lines) - 1))))
    return [line for place, line in enumerate(lines) if place not in gone]


def double(lines: list[bytes], draw: random.Random) -> list[bytes]:
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(lines))
        lines = lines[:place] + [draw.choice(lines)] + lines[place:]
    return lines


def reorder(lines: list[bytes], draw: random.Random) -> list[bytes]:
    rows = lines[draw.choice([0, 1, 1, 1]) :]
    return lines[: len(lines) - len(rows)] + draw.sample(rows, len(rows))


def cut(lines: list[bytes], draw: random.Random) -> list[bytes]:
    data = b"".join(lines)
    begin, end = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    return [draw.choice([data[:begin], data[end:], data[:begin] + data[end:], data[:end]])]


def append(lines: list[bytes], draw: random.Random) -> list[bytes]:
    """To itself: whole or from somewhere, after a whole end or a torn one."""
    data = b"".join(lines)
    end, begin = draw.choice([len(data), draw.randrange(len(data))]), draw.choice([0, draw.randrange(len(data))])
    return [data[:end], data[begin:]]


def verdict(lines: list[bytes], draw: random.Random) -> list[bytes]:
    """A row again, with another verdict."""
    line = draw.choice(lines[1:])
    old, new = (b",true,", b",false,") if b",true," in line else (b",false,", b",true,")
    return [*lines, line.replace(old, new, 1)]


def save(lines: list[bytes], draw: random.Random) -> list[bytes]:
    """As a spreadsheet: other separators, quotes, ends, marks, words for true and false, and numbers."""
    rows = list(csv.reader(io.StringIO(b"".join(lines).decode(), newline="")))
    if draw.random() < 0.5:
        rows = [[field.upper() if field in ("true", "false") else field for field in row] for row in rows]
    if draw.random() < 0.3:
        number = draw.choice(["{:.2E}", "{:.1f}", "{:,.2f}", "{:g}"])
        place = draw.randrange(len(rows[0]))
        for row in rows[1:]:
            if row[place].replace(".", "").isdigit():
                row[place] = number.format(float(row[place])).replace("E+0", draw.choice(["E+0", "e+0"]))
    text = io.StringIO()
    how = {
        "delimiter": draw.choice(",,,;\t"),
        "lineterminator": draw.choice(["\r\n", "\n", "\r"]),
        "quoting": draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    }
    csv.writer(text, **how).writerows(rows)
    return [draw.choice([b"", b"\xef\xbb\xbf"]) + text.getvalue().encode()]


KINDS = (flip, insert, remove, double, reorder, cut, append, verdict, save)


def fields(line: bytes) -> tuple[str, ...]:
    """What stands in a line of the original, by a reader that is not ours; words and numbers as their values."""
    (row,) = csv.reader([line.decode().rstrip("\r\n")])
    return tuple(row)


def whole_rows(original: list[bytes], damaged: bytes) -> dict[int, set[tuple[str, ...]]]:
    """By restart, the rows of the original of which the line still is a line of the file, ended by \\n or \\r\\n."""
    place = fields(original[0]).index("restart")
    left = {line.removesuffix(b"\r") for line in damaged.split(b"\n")[:-1]}
    rows = (fields(line) for line in original[1:] if line.rstrip(b"\n") in left)
    found: dict[int, set[tuple[str, ...]]] = {}
    for row in rows:
        if row[place]:
            found.setdefault(int(row[place]), set()).add(row)
    return found


def same_values(counted: dict, row: tuple[str, ...], header: tuple[str, ...]) -> bool:
    """Whether a row was counted with what stands in it."""
    return all(same_value(counted[name], text) for name, text in zip(header, row, strict=True))


def same_value(value: object, text: str) -> bool:
    if value is None or value != value:
        return text in ("", "nan")
    if isinstance(value, bool):
        return str(value).lower() == text
    return value == text if isinstance(value, str) else value == float(text)


def read(path: Path) -> list[dict] | None:
    """The rows that count, or None if the file is refused; a refusal names the file."""
    try:
        (report, kind) = (memorized, "memorized") if cells.find(path).memorized else (cells, "cells")
        if not getattr(cells.find(path), kind):
            report.read_cells(path)
        frame = report.read_cell(path).rows
    except UserError as error:
        assert str(error).startswith(f"{path}:"), error
        return None
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def check(path: Path, original: list[bytes], damaged: bytes, kind: str) -> str:
    """Assert the claim for one file; says what became of it."""
    path.write_bytes(damaged)
    os.utime(path, ns=(1, 1))
    counted = read(path)
    format = MEMORIZED if original[0].startswith(b"task,language") else RESTARTS
    try:
        with CellWriter(path, "restarts: 1\n", format):
            assert counted is not None, "what a reader refuses is opened by a writer"
    except UserError:
        assert counted is None or format is RESTARTS and b"language" in original[0], "a writer refuses what is counted"
    assert path.read_bytes() == damaged and path.stat().st_mtime_ns == 1
    if counted is None:
        return "refused"
    restarts = [row["restart"] for row in counted]
    assert len(set(restarts)) == len(restarts)
    header, by_restart = fields(original[0]), {row["restart"]: row for row in counted}
    for restart, rows in whole_rows(original, damaged).items():
        assert restart in by_restart, f"restart {restart} is lost without a word"
        if kind not in ("flip", "insert", "verdict", "cut", "append"):  # a damaged line may be of this restart too
            assert any(same_values(by_restart[restart], row, header) for row in rows)
    if kind == "save":
        place, rows = header.index("restart"), [fields(line) for line in original[1:]]
        assert {int(row[place]) for row in rows if row[place]} == set(restarts)
    return "counted"


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("corrupted")


def test_a_row_that_is_whole_counts_once_or_the_file_is_refused(folder, request, capsys):
    number, outcomes = request.config.getoption("--corruptions"), {}
    for seed in range(number):
        draw = random.Random(seed)
        kind, source = KINDS[seed % len(KINDS)], draw.choice(FILES)
        original = source.read_bytes().splitlines(keepends=True)
        damaged = b"".join(kind(original, draw))
        shutil.rmtree(folder)
        folder.mkdir()
        try:
            outcome = check(folder / source.name, original, damaged, kind.__name__)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {kind.__name__}, {source.name}: {error}") from error
        outcomes[kind.__name__, outcome] = outcomes.get((kind.__name__, outcome), 0) + 1
    capsys.readouterr()
    assert sum(outcomes.values()) == number
    if number >= 60:  # neither answer is the only one
        assert {outcome for _, outcome in outcomes} == {"counted", "refused"}
    with capsys.disabled():
        if number > 60:
            print("", *(f"{kind}: {count} {outcome}" for (kind, outcome), count in sorted(outcomes.items())), sep="\n")

"""Which CSV files below a folder are cells."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import NamedTuple

from neurocomp.errors import UserError
from neurocomp.files import readable
from neurocomp.results.columns import MEMORIZED, OTHER_FILES, RESTARTS


class Found(NamedTuple):
    """CSV files below a directory: cells, cells of the memorizer, and a line for each that is neither and not ours."""

    cells: list[Path]
    memorized: list[Path]
    problems: list[str]


def find(directory: Path) -> Found:
    """The CSV files below a directory (or the one file), sorted. What else neurocomp writes there is passed over."""
    from neurocomp.results.rows_file import LONGEST_HEADER, read_header

    found = Found([], [], [])
    for path in _csv_paths(Path(directory), found.problems):
        try:
            with readable(path), path.open("rb") as file:
                header = file.readline(LONGEST_HEADER)
            columns = columns_of(header)
            if columns[:3] == MEMORIZED.columns[:3]:
                found.memorized.append(path)
            elif not (path.name.endswith(".curves.csv") or any(columns[: len(one)] == one for one in OTHER_FILES)):
                if header:
                    read_header(path, header, RESTARTS)
                found.cells.append(path)
        except UserError as error:
            found.problems.append(str(error))
    return found


@functools.lru_cache(maxsize=64)  # the files of a folder begin alike
def columns_of(header: bytes) -> tuple[str, ...]:
    """The columns that a first line names, however its fields are quoted; none where it is no line of CSV."""
    from neurocomp.results.row_lines import Damaged, split_line

    try:
        return tuple(split_line(header.removesuffix(b"\n").removeprefix(b"\xef\xbb\xbf")))
    except Damaged:
        return ()


def _csv_paths(directory: Path, problems: list[str]) -> list[Path]:
    """All that is called .csv; folders that cannot be read are added to the problems."""
    if not os.path.lexists(directory):
        return []
    if not directory.is_dir():
        return [directory]

    def unreadable(error: OSError) -> None:
        problems.append(f"{error.filename}: cannot be read ({error.strerror})")

    walked = os.walk(directory, onerror=unreadable)
    return sorted(
        Path(folder, name) for folder, folders, files in walked for name in [*folders, *files] if name.endswith(".csv")
    )

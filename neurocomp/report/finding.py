"""Which CSV files below a folder are cells."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from neurocomp.errors import UserError
from neurocomp.files import readable
from neurocomp.results.columns import RESTARTS

# How the CSV files of the memorizer's cells begin.
MEMORIZER_HEADER = "task,language,network,"

# How the other CSV files of neurocomp begin, which may lie among the cells: drawn tables, readings, benchmarks.
OTHER_HEADERS = ("row,task,n,", "template,task,n,", "task,init,gamma,n,", "file,metric,", "setting,row,", "date,",
                 "row,programs,", "row,task,model,")  # fmt: skip


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
            if begins(header, (MEMORIZER_HEADER,)):
                found.memorized.append(path)
            elif not (path.name.endswith(".curves.csv") or begins(header, OTHER_HEADERS)):
                if header:
                    read_header(path, header, RESTARTS)
                found.cells.append(path)
        except UserError as error:
            found.problems.append(str(error))
    return found


def begins(header: bytes, known: Sequence[str]) -> bool:
    """Whether a first line is one of these, however its fields are quoted."""
    from neurocomp.results.row_lines import Damaged, split_line

    try:
        columns = split_line(header.removesuffix(b"\n").removeprefix(b"\xef\xbb\xbf"))
    except Damaged:
        return False
    return ",".join(columns).startswith(tuple(known))


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

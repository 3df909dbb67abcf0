"""Two cells compared: which they are, their rates, and how surprising the difference would be if they were equal."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurocomp.errors import UserError, did_you_mean
from neurocomp.report.cells import Cell, Said, percent, read_cell, readable_cells
from neurocomp.report.finding import find
from neurocomp.report.rates import rate_columns

LISTED = 10  # cells that a message names


def find_cell(text: str, directory: Path, said: Said | None = None) -> Cell:
    """The cell in the file `text`, or the one below `directory` that has `text` in its name or hash.

    Files of one name are copies of one cell: the longest one is taken. What is to be said of files is added to `said`.
    Raises UserError unless that leaves one cell that can be read.
    """
    if Path(text).is_file():
        if find(Path(text)).memorized:
            raise UserError(f"{text}: a cell of the memorizer, which has no rates; see neurocomp table memorization")
        return _longest([Path(text)], [], said)
    found = find(directory)
    matching = [path for path in found.cells if _matches(path.relative_to(directory), text)]
    names = {path.stem for path in matching}
    if not names:
        hint = did_you_mean(text, [path.stem for path in found.cells])
        nowhere = f"{text}: no cell in {directory} has this in its name or hash; neurocomp show lists them{hint}"
        raise UserError(nowhere, *found.problems)
    if len(names) > 1:
        files = [str(path.relative_to(directory)) for path in matching]
        shown = ", ".join(files[:LISTED]) + (f" and {len(files) - LISTED} more" if len(files) > LISTED else "")
        raise UserError(f"{text}: fits {len(names)} cells in {directory}, expected one; they are {shown}")
    return _longest(matching, found.problems, said)


def _longest(paths: list[Path], problems: list[str], said: Said | None) -> Cell:
    """The longest of the cells in these files that can be read."""
    here = Said()
    cells = list(readable_cells(paths, functools.partial(read_cell, details=False), problems, here))
    if not cells:
        raise UserError(*here.problems)
    if said is not None:
        said.notes += here.notes
        said.problems += here.problems
    return max(cells, key=lambda cell: cell.n)


def _matches(path: Path, text: str) -> bool:
    """A name ends in the first 10 digits of the hash, of which a row has 16."""
    name = str(path.with_suffix(""))
    return text in name or (len(text) > 10 and name.endswith(f"-{text[:10]}"))


def compare(cells: tuple[Cell, Cell], metric: str) -> dict[str, Any]:
    """Rates with their intervals, the difference (first minus second) and the two-sided p-value, ready for JSON.

    The test is Boschloo's exact one: more powerful than Fisher's, which also holds the number of recoveries fixed.
    """
    lines = [_line(cell, metric) for cell in cells]
    first, second = lines
    return {
        "metric": metric,
        "cells": lines,
        "difference": round(first["rate"] - second["rate"], 12),
        "p_value": boschloo((first["recovered"], first["n"]), (second["recovered"], second["n"])),
    }


def boschloo(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The p-value of two counts, each with the number it is of. All alike (none or all recovered) is no surprise."""
    from scipy.stats import boschloo_exact

    recovered = first[0] + second[0]
    if recovered in (0, first[1] + second[1]):
        return 1.0
    table = [[first[0], second[0]], [first[1] - first[0], second[1] - second[0]]]
    return float(boschloo_exact(table, alternative="two-sided").pvalue)


def _line(cell: Cell, metric: str) -> dict[str, Any]:
    count = cell.recovered(metric) if cell.n else None
    if count is None:
        raise UserError(f"{cell.path}: {metric} was not measured; choose another --metric")
    return {
        **{name: cell.facts[name] for name in ("task", "init", "method", "gamma", "seed", "config_hash")},
        "recovered": count,
        **rate_columns(count, cell.n),
        "path": str(cell.path),
    }


def format_comparison(compared: Mapping[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"{percent(line['rate'])}% ({percent(line['ci_low'])}-{percent(line['ci_high'])}), "
        f"{line['recovered']} of {line['n']}: {line['path']}"
        for line in compared["cells"]
    ]
    return "\n".join([f"metric {compared['metric']}, 95% Wilson intervals", *lines, difference_text(compared)])


def difference_text(compared: Mapping[str, Any]) -> str:
    """The difference of the rates, and how surprising it is."""
    difference = f"difference {100 * compared['difference']:+.1f} points"
    return f"{difference}, p = {compared['p_value']:.2g} (Boschloo's exact test, two-sided)"

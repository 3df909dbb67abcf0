"""Which restarts a page shows step by step: those that were asked for, or a few of each kind from many cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from neurocomp.errors import UserError
from neurocomp.report.cells import Cell
from neurocomp.report.floors import is_untrained
from neurocomp.report.page.restarts import kind_of
from neurocomp.report.page.restored import weights_file
from neurocomp.text import named, whole_number

QUOTA = {"recovered": 4, "near": 3, "lost": 3}
"""How many of each kind a folder has by default."""


class Chosen(NamedTuple):
    """A restart of a cell: the cell's number, the restart's, and its kind."""

    cell: int
    restart: int
    kind: str


def usual(cells: Sequence[tuple[int, Cell]]) -> list[Chosen]:
    """Ten restarts of these cells that were tuned: of each kind as QUOTA says, from as many tasks and starts as can be.

    Where a kind has fewer, others take its place.
    """
    tuned = {number: cell for number, cell in cells if _is_tuned(cell) and comes_out_equal(cell)}
    waiting = [one for kind in QUOTA for one in _firsts(tuned, kind)]
    places = [kind for kind, many in QUOTA.items() for _ in range(many)]
    taken, found = Counter[tuple[str, str]](), list[Chosen]()

    def rank(one: Chosen, kind: str) -> tuple:
        """The kind that is asked for first, then the task and the start that were taken least."""
        facts = tuned[one.cell].facts
        return one.kind != kind, taken["task", facts["task"]], taken["init", facts["init"]], one

    for kind in places[: len(waiting)]:
        best = min(waiting, key=lambda one, kind=kind: rank(one, kind))
        waiting.remove(best)
        taken.update([("task", tuned[best.cell].facts["task"]), ("init", tuned[best.cell].facts["init"])])
        found.append(best)
    return sorted(found)


def _is_tuned(cell: Cell) -> bool:
    return cell.facts["method"] == "tune" and not is_untrained(cell)


def comes_out_equal(cell: Cell) -> bool:
    """Whether a restart that is tuned again has its row's last bits; with engine=eager these depend on its batch."""
    return cell.table["engine"].first() != "eager" or weights_file(cell, 0).parent.is_dir()


def passed_over(cells: Sequence[Cell]) -> list[str]:
    """A line on the cells that have no traces unless they are asked for."""
    count = sum(_is_tuned(cell) and not comes_out_equal(cell) for cell in cells)
    why = "their last bits depend on their batch, and tuning them again takes long; --restarts asks for them"
    return [f"traces of the cells with engine=eager ({count}): {why}"] if count else []


def _firsts(cells: Mapping[int, Cell], kind: str) -> Iterator[Chosen]:
    """The first restarts of a kind in each cell, as many as a folder has at most."""
    for number, cell in cells.items():
        for place in islice((place for place in range(cell.n) if kind_of(cell, place) == kind), sum(QUOTA.values())):
            yield Chosen(number, int(cell.table["restart"].values[place]), kind)


def asked_for(texts: Sequence[str], cells: Sequence[Cell]) -> list[Chosen]:
    """The restarts that `CELL:3,17` names, with a part of the name or hash of one cell. Raises UserError."""
    return [one for text in texts for one in _of_one_cell(text, cells)]


def _of_one_cell(text: str, cells: Sequence[Cell]) -> Iterator[Chosen]:
    name, colon, listed = text.rpartition(":")
    numbers = [whole_number(word) for word in listed.split(",")]
    if not colon or not name or None in numbers:
        raise UserError(f"--restarts {text}: expected CELL:3,17, with a part of the cell's name or hash")
    fitting = [number for number, cell in enumerate(cells) if name in cell.path.stem or _has_hash(cell, name)]
    if len(fitting) != 1:
        those = f"fits {len(fitting)} cells, {named([cells[number].path.stem for number in fitting], 5)}"
        raise UserError(f"--restarts {text}: {those if fitting else 'no cell has this in its name or hash'}")
    cell = cells[fitting[0]]
    if cell.facts["method"] != "tune":
        raise UserError(f"--restarts {text}: method={cell.facts['method']} has no weights; only method=tune has")
    there = cell.table["restart"].values.tolist()
    for number in numbers:
        if number is None or number not in there:
            raise UserError(f"--restarts {text}: restart {number} is not among the {cell.n} of {cell.path}")
        yield Chosen(fitting[0], number, kind_of(cell, there.index(number)))


def _has_hash(cell: Cell, text: str) -> bool:
    return len(text) >= 4 and str(cell.facts["config_hash"] or "").startswith(text)

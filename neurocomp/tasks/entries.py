"""The entries of a task file as ints: sizes, cells and registers by index, and ranges of start words."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from neurocomp.errors import UserError
from neurocomp.tasks.expressions import evaluate, evaluate_range


class Entries(NamedTuple):
    """The names that expressions may use and their values, where the entries stand, and the names that occurred.

    Every method raises UserError that names the entry.
    """

    names: dict[str, int]
    within: str
    used: set[str]

    def integer(self, given: object, key: str, least: int) -> int:
        """An integer, or the value of an expression."""
        value = evaluate(given, self.names, f"{self.within}.{key}", self.used)
        if value < least:
            raise UserError(f"{self.within}.{key}={value}: expected an integer >= {least}")
        return value

    def indices(self, given: Any, key: str, size: int) -> tuple[int, ...]:
        """The cells or registers of one integer, expression or range, or of a list of them."""
        where = f"{self.within}.{key}"
        items = [] if given is None else cast("list[Any]", given) if isinstance(given, (list, tuple)) else [given]
        found: set[int] = set()
        for item in items:
            low, high = evaluate_range(item, self.names, where, self.used)
            if low < 0 or high >= size:
                raise UserError(f"{where}: {item} is outside 0..{size - 1}")
            found.update(range(low, high + 1))
        return tuple(sorted(found))

    def ranges(self, given: Any, key: str, size: int, default: tuple[int, int]) -> list[tuple[int, int]]:
        """(low, high) of each of `size` words, `default` where nothing is given (`random` means any word)."""
        where, largest = f"{self.within}.{key}", self.names["base"] - 1
        ranges = [(0, largest) if given == "random" else default] * size
        for index, word in self._words(given, where):
            for cell in self.indices([index], key, size):
                ranges[cell] = evaluate_range(word, self.names, f"{where}[{cell}]", self.used)
        for index, (low, high) in enumerate(ranges):
            if low < 0 or high > largest:
                raise UserError(f"{where}[{index}]: {low}..{high} is outside the words 0..{largest}")
        return ranges

    def _words(self, given: Any, where: str) -> list[tuple[Any, Any]]:
        """Indices and words as they are written, from a list or a mapping."""
        if isinstance(given, dict):
            return list(cast("dict[Any, Any]", given).items())
        if isinstance(given, list):
            return list(enumerate(cast("list[Any]", given)))
        if given is None or given == "random":
            return []
        raise UserError(f"{where}={given}: expected random, a list of words, or a mapping to words or ranges")

"""Lists of words on the command line: `3,5,2` as it is given, `3 5 2` as it is printed."""

from __future__ import annotations

from collections.abc import Iterable

from neurocomp.errors import UserError
from neurocomp.text import whole_number


def listed(text: str, option: str) -> tuple[int, ...]:
    """The numbers of `3,5,2`."""
    words = text.split(",") if text.strip() else []
    numbers = [number for word in words if (number := whole_number(word)) is not None]
    if len(numbers) < len(words):
        raise UserError(f"{option} {text}: expected whole numbers separated by commas, such as 3,5,2")
    return tuple(numbers)


def spaced(words: Iterable[int]) -> str:
    """The numbers as `3 5 2`."""
    return " ".join(str(int(word)) for word in words)

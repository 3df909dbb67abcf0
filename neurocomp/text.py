"""The one door for text: what a line is, what a whole number is, and what may be shown on a terminal."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import re
import sys
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

LINE_END = re.compile(r"\r\n|\n|\r")
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,4300}")  # as many digits as int() takes, which also takes those of any script
REAL_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
LONGEST = 1000  # characters of a line that are shown
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins with one of these is computed by a spreadsheet
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|nan)|-", re.IGNORECASE)
SHOWN = 20  # messages of one kind; the others are counted

# Control characters move the cursor and rewrite the screen; format characters reorder what is read; a lone
# surrogate cannot be printed; line and paragraph separators look like the end of a line and are none.
UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def lines(text: str) -> list[str]:
    r"""The lines of a text. Only \n, \r\n and \r end one: a form feed, U+0085 or U+2028 in a comment does not."""
    found = LINE_END.split(text)
    return found[:-1] if found[-1] == "" else found


def whole_number(text: str) -> int | None:
    """The number that ASCII digits say, with a sign or none; None if the text is no such number."""
    word = text.strip(" \t")
    return int(word) if WHOLE_NUMBER.fullmatch(word) else None


def real_number(text: str) -> float | None:
    """The same of a number such as 0.3, -2 or 1e-6; infinity only where it is written in digits (1e999)."""
    word = text.strip(" \t")
    return float(word) if REAL_NUMBER.fullmatch(word) else None


def visible(text: str) -> str:
    r"""The text on one line, with what could act on a terminal written out: ESC as \x1b, a new line as \n."""
    return "".join(map(_visible_character, text))


def visible_lines(text: str) -> str:
    """The text with its lines as they are, and each of them as `visible` shows it."""
    return "\n".join(map(visible, text.split("\n")))


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute a cell of this text instead of showing it; a number is no formula."""
    return text.startswith(FORMULA) and not NUMBER.fullmatch(text)


def _visible_character(character: str) -> str:
    unsafe = unicodedata.category(character) in UNSAFE
    return character.encode("unicode_escape").decode("ascii") if unsafe else character


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as JSON, on one line unless `indent` is given. A number that is NaN or infinite is null there."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in cast("list[Any]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def elided(text: str, longest: int = LONGEST) -> str:
    """The text, without its middle if it is longer than that."""
    half = (longest - 5) // 2
    return text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}"


def named(names: Collection[str], shown: int = SHOWN) -> str:
    """Names as `a, b, c`: the first of them, and how many more there are."""
    more = len(names) - shown
    return ", ".join(itertools.islice(names, shown)) + (f" and {more:,} more" if more > 0 else "")


def first_lines(messages: Iterable[str], more: int = 0) -> list[str]:
    """The first 20 different messages, and how many others there are: those that follow, and `more` besides."""
    different = list(dict.fromkeys(messages))
    others = len(different[SHOWN:]) + more
    return [*different[:SHOWN], *([f"... and {others:,} more"] if others else [])]


def say(messages: Iterable[str], prefix: str = "neurocomp: ", more: int = 0) -> None:
    """Print `first_lines` of the messages on stderr, above a bar of progress."""
    with _above_bars():
        for message in first_lines(messages, more):
            print(f"{prefix}{elided(visible(message))}", file=sys.stderr)


def _above_bars() -> contextlib.AbstractContextManager[None]:
    """Inside, bars on a terminal are cleared. There are none unless tqdm was imported, which takes a while."""
    tqdm = sys.modules.get("tqdm")
    return tqdm.tqdm.external_write_mode(sys.stderr) if tqdm else contextlib.nullcontext()

"""What is computed once for arguments that are written alike: dataclasses and dictionaries cannot be hashed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

KEPT = 256  # results of a function; then it begins anew

Given = ParamSpec("Given")
Result = TypeVar("Result")


def by_text(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """The function; its results are kept by the `repr` of its arguments. They are shared: nobody is to change them."""
    kept: dict[str, Result] = {}

    @functools.wraps(function)
    def cached(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        key = repr((args, kwargs))
        if key not in kept:
            if len(kept) >= KEPT:
                kept.clear()
            kept[key] = function(*args, **kwargs)
        return kept[key]

    return cached

"""A page as one file: the template with style, script and data inside it, which needs no other file and no network.

Nothing of the data is ever read as markup: it stands in a block of JSON in which `<`, `>` and `&` are escaped, and the
script makes text nodes of it. The policy in the page's head lets this script and this style alone run, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import re
from typing import Any

from neurocomp.text import json_text, visible

SCRIPTS = ("elements.js", "tables.js", "heat.js", "curves.js", "cells.js", "trace.js", "memorizer.js",
           "page.js")  # fmt: skip
PLACE = re.compile(r"\{\{ (\w+) \}\}")
ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&"})


def page_text(data: dict[str, Any]) -> str:
    """The whole page about this data, as UTF-8 text."""
    script = "\n".join(["(() => {", '"use strict";', *map(_asset, SCRIPTS), "})();"])
    style = _asset("page.css")
    parts = {
        "style": style,
        "style_hash": _hash(style),
        "script": script,
        "script_hash": _hash(script),
        "data": json_text(_visible(data)).translate(ESCAPED),
    }
    return PLACE.sub(lambda place: parts[place[1]], _asset("page.html"))


def _asset(name: str) -> str:
    return (importlib.resources.files("neurocomp.report.page") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content security policy calls sha256-..."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _visible(value: Any) -> Any:
    """The same with what could reorder or hide text written out, in each text: keys are ours."""
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else "\n".join(map(visible, value.split("\n")))
    if isinstance(value, dict):
        return {key: _visible(item) for key, item in value.items()}
    return [_visible(item) for item in value] if isinstance(value, (list, tuple)) else value

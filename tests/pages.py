"""A small folder of results for tests of the page: tuned cells with restarts of every kind, and one of a search."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from neurocomp.cli.notebook import run

TUNED, SEARCHED = "map_inc-map_dec-g0.3-s0", "map_inc-random_search-g0-s0"


def make_results(folder: Path) -> Path:
    """The folder with the rows."""
    where = (f"results={folder.parent}", f"name={folder.name}")
    run("task=map_inc", "init=map_dec", "restarts=12", "optimizer.updates=120", *where, progress=False)
    run("task=inc", "init=random", "restarts=6", "optimizer.updates=60", "save_weights=true", "save_curves=true",
        *where, progress=False)  # fmt: skip
    run("task=map_inc", "method=random_search", "search.budget=1", "optimizer.updates=20", "restarts=4", *where,
        progress=False)  # fmt: skip
    return folder


def data_of(page: str) -> dict[str, Any]:
    """What stands in the page's block of JSON."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)

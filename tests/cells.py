"""Rows and cells made by hand, for the tests of what reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml

from neurocomp.results.writer import RESTARTS, CellWriter

YAML = "restarts: 100\n"


def row(restart: int | None, **values) -> dict:
    """A row as the pipeline makes it: 4 restarts in 5 are recovered."""
    recovered = restart is not None and restart % 5 != 0
    return {
        "task": "map_inc", "init": "map_dec", "method": "tune", "template": None, "gamma": 0.3, "restart": restart,
        "seed": 7, "status": "recovered" if recovered else "exhausted", "synthesized": None,
        "recovered_fit": recovered, "recovered_soft": recovered, "recovered_hard": recovered,
        "recovered_general": None, "coverage": 0.1, "loss": 1 / 3, "updates": 1000,
        "recovered_at": 31 if recovered else None, "lines_changed": 2, "margin": 1e-7,
        "program": "loop: inc 1 1; jump 4 loop", "wall_s": 2.5, "engine": "eager", "device": "cpu", "threads": 1,
        "config_hash": "0123456789abcdef", "commit": "c0ffee", "dirty": False, "torch": "2.13.0",
        "executions": 16016, "backward_executions": 16000,
    } | values  # fmt: skip


def failed() -> dict:
    facts = {"task": "map_inc", "init": "map_dec", "method": "tune", "status": "failed"}
    return dict.fromkeys(RESTARTS.columns) | facts


def write_cell(
    directory: Path,
    task: str,
    init: str,
    n: int,
    config: dict | None = None,
    synthesized: int | None = None,
    templates: Sequence[str | None] = (None,),
    **recovered,
) -> Path:
    """A cell of n restarts in which the first ones are recovered: as many by each measure as `recovered` says.

    A measure that is None or left out was not taken. Keys of `config` that are columns go into the rows too. The last
    `synthesized` restarts were right before tuning; the restarts start from the templates in turn.
    """
    config = {"name": directory.name, "restarts": n, "seed": 0, "gamma": 0.3, **(config or {})}
    columns = {key: value for key, value in config.items() if key in RESTARTS.columns}
    shared = {key: value for key, value in columns.items() if not isinstance(value, dict)}
    shared = {"task": task, "init": init, "config_hash": f"hash-of-{task}-{init}", **shared}
    path = directory / f"{task}-{init}-s{shared['seed']}-{shared['config_hash']}.csv"
    counts = dict.fromkeys(("fit", "soft", "hard", "general")) | recovered
    with CellWriter(path, yaml.safe_dump(config)) as cell:
        rows = [
            row(restart, **shared)
            | {f"recovered_{metric}": None if of is None else restart < of for metric, of in counts.items()}
            | {"recovered_at": 10 * restart if restart < (counts["soft"] or 0) else None}
            | {"synthesized": None if synthesized is None else restart >= n - synthesized}
            | {"template": templates[restart % len(templates)]}
            for restart in range(n)
        ]
        cell.append(rows)
    return path


def write_race(
    directory: Path,
    method: str,
    seconds: Sequence[float | None],
    task: str = "inc",
    init: str = "random",
    limit: float | None = 10,
    config: dict | None = None,
    **columns,
) -> Path:
    """A cell with a restart for each time: so many seconds of a core (`cpu_s`) until it was solved by every measure.

    None: it was not solved, and ended after `limit` seconds, or after 5 out of programs where there is no limit.
    Restart 0 took 100 executions, restart 1 took 200, and so on. The columns are those of all rows.
    """
    config = {"name": directory.name, "restarts": len(seconds), "limit": limit, "seed": 0, **(config or {})}
    cell_hash = hashlib.sha256(repr([task, init, method, config, columns]).encode()).hexdigest()[:16]
    shared = {"task": task, "init": init, "method": method, "seed": config["seed"], "config_hash": cell_hash}
    path = directory / f"{task}-{len(list(directory.glob('*.csv')))}.csv"
    ended = ("exhausted", 5.0) if limit is None else ("limit", limit)
    with CellWriter(path, yaml.safe_dump(config)) as cell:
        for restart, took in enumerate(seconds):
            solved = dict.fromkeys(("recovered_soft", "recovered_hard", "recovered_general"), took is not None)
            status, cpu_s = ended if took is None else ("recovered", took)
            took_it = {"status": status, "cpu_s": cpu_s, "executions": 100 * (restart + 1)}
            cell.append([row(restart, **shared) | solved | took_it | columns])
    return path

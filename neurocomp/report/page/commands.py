"""The command that makes a cell: what of its configuration is not the default, as words of `neurocomp run`."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import shlex
from dataclasses import asdict
from typing import Any

import yaml

from neurocomp.config import SEARCHES, RunConfig, TaskConfig
from neurocomp.report.where import flat, known_keys
from neurocomp.tasks import corpus

PLAIN = re.compile(r"[A-Za-z0-9_./][\w./+-]*", re.ASCII)  # what Hydra reads as it stands
KEPT = ("restarts", "name", "results")  # no part of what a cell is, but of what it holds and where
LISTED = ("task", "init", "method", "gamma", "seed", "name", "results", "DIR")  # a cell's columns, and where it is
NOT_GIVEN = ("task", "engine", "device", "limits")  # the task comes first; the others are how this machine did it


def command_of(config: RunConfig, restarts: int) -> str:
    """`neurocomp run task=fib init=map_inc ...`: run in the same place, it makes what is missing of the cell."""
    return " ".join(["neurocomp run", *map(shlex.quote, _words(config, restarts))])


def settings_of(config: RunConfig) -> str:
    """The same without what a list of cells has columns for: what else tells a cell from the default."""
    words = [word for word in _words(config, RunConfig.restarts)[1:] if word.partition("=")[0] not in LISTED]
    return " ".join(words)


def _words(config: RunConfig, restarts: int) -> list[str]:
    defaults, circumstances = known_keys()
    skipped = {key for key in circumstances if key not in KEPT} | set(_meaningless(config))
    words = [*_task_words(config.task)]
    settings = flat(asdict(config) | {"restarts": restarts})
    for key, value in sorted(settings.items(), key=lambda setting: "." in setting[0]):  # init before optimizer.updates
        group = key.partition(".")[0]
        if group in NOT_GIVEN or group in skipped or key in skipped:
            continue
        if value != defaults.get(key):
            words.append(f"{key}={_text(value)}")
    if config.device != RunConfig.device:
        words.append(f"device={_text(config.device)}")
    return words


def _meaningless(config: RunConfig) -> list[str]:
    """The keys and groups that say nothing of a cell with this method and start."""
    needed = {
        "learner": config.method == "learner",
        "annealing": config.method == "annealing",
        "search": config.method in SEARCHES,
        "synthesis": config.method == "synthesize" or config.init == "synth",
        "gamma": config.method == "tune" and config.init != "random",
        "init": config.init != "none",
    }
    return [key for key, is_needed in needed.items() if not is_needed]


def _task_words(task: TaskConfig) -> list[str]:
    """`task=NAME`, with what is given otherwise than in the shipped file; of one's own, with the folder to fill in."""
    shipped = _shipped_task(task.name)
    if shipped is None:
        return ["--config-dir", "DIR", f"task={_text(task.name)}"]
    option, known = shipped
    mine, theirs = asdict(task), asdict(known)
    return [f"task={option}", *(f"task.{key}={_text(mine[key])}" for key in mine if mine[key] != theirs[key])]


@functools.cache
def _shipped_task(name: str) -> tuple[str, TaskConfig] | None:
    """The shipped file with this name, as an option of `task` and as what it says."""
    folder = importlib.resources.files("neurocomp.configs") / "task"
    for option in (name, f"{corpus.FOLDER}/{name}"):
        file = folder / f"{option}.yaml"
        if PLAIN.fullmatch(option) and file.is_file():
            return option, TaskConfig(**yaml.safe_load(file.read_text(encoding="utf-8")))
    return None


def _text(value: Any) -> str:
    """A value as Hydra reads it."""
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_text(item)}' for key, item in value.items())}}}"
    is_text = PLAIN.fullmatch(value) and yaml.safe_load(value) == value  # null, true and 1.5 are none unless quoted
    return value if is_text else json.dumps(value, ensure_ascii=False)

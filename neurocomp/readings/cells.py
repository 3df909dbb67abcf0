"""A setting becomes cells: each is the very cell that `neurocomp run` would make of the same keys."""

from __future__ import annotations

import importlib.resources
from dataclasses import fields
from typing import Any

import yaml

from neurocomp.config import ObjectiveConfig, OptimizerConfig, RunConfig, TaskConfig
from neurocomp.machine_config import MachineConfig
from neurocomp.readings.config import ReadingsConfig
from neurocomp.readings.space import Setting
from neurocomp.tasks.expressions import evaluate

VARIANTS = {"value": "inc_value", "of_bits": "parity_bits"}  # task files of their own
OF_BITS = ("each_of_bits", "each_of_listed_bits", "of_bits")  # the variants of parity whose lists are of bits
LISTS = {"reduce": 3}  # the list of a task that is always as long


def cell_config(setting: Setting, row: str, task: str, config: ReadingsConfig) -> RunConfig:
    """One cell of Table 1 under a setting; what a setting does not say is as `neurocomp run` has it by default."""
    own = {field.name for field in fields(MachineConfig)}
    return RunConfig(
        task=task_config(setting, task),
        machine=MachineConfig(**{key: value for key, value in setting.items() if key in own}),
        objective=ObjectiveConfig(setting["registers_supervised"], setting["efficiency"], setting["loss"]),
        optimizer=OptimizerConfig(stop="fit", **{key: setting[key] for key in ("learning_rate", "updates", "hold")}),
        init=start_of(setting, row),
        noop_lines="open" if setting["loop_noop"] == "open" else "compiled",
        gamma=setting["gamma"],
        examples=setting["examples"],
        fresh=setting["fresh"],
        **{key: getattr(config, key) for key in ("engine", "device", "threads", "limits", "name", "results")},
    )


def start_of(setting: Setting, row: str) -> str:
    """What the restarts of a row start from."""
    if row == "init=loop_noop" and setting["loop_noop"] == "reference":
        return "reference"
    return "random" if row == "optimization" else row.removeprefix("init=")


def task_config(setting: Setting, task: str) -> TaskConfig:
    """The task file with the setting's sizes; its name stays the column's, whatever variant it is."""
    variant = setting.get(task, "")
    given = task_file(VARIANTS.get(variant, task))
    given |= sizes_of(setting, given) | {"name": task, "general": None}
    given["base"] = max(setting["base"], least_base(setting, task))
    if "length" in given:
        given["length"] = setting["fib_length" if task == "fib" else "length"]
    if setting["check"] == "all":
        given["check"] = {"memory": ["0..base-1"]}
    if variant == "next_in_20_steps":
        given["steps"] = 20
    if variant == "each_without_modulus":
        given["start_registers"] = {4: "length-1"}
    if length := given.get("length", LISTS.get(task)):
        given["memory"] = memory_of(setting, task, length, given["base"])
    given["steps"] = steps_of(setting, given)
    return TaskConfig(**given)


def sizes_of(setting: Setting, given: dict[str, Any]) -> dict[str, int]:
    """The registers and lines: the task's own or more; as many of both where a jump's operand is a line."""
    own: dict[str, int] = {key: given[key] for key in ("registers", "lines")}
    sizes = {key: own[key] if setting[key] == "own" else max(own[key], setting[key]) for key in own}
    return dict.fromkeys(sizes, max(sizes.values())) if setting["jump_target"] == "operand" else sizes


def least_base(setting: Setting, task: str) -> int:
    """The words and cells that a task needs: fib counts to 8 mod b in its own list, parity_bits writes behind it."""
    of_fib = max(5, setting["fib_length"]) if task == "fib" else 0
    return max(of_fib, setting["length"] + 1 if setting["parity"] == "of_bits" and task == "parity" else 0)


def memory_of(setting: Setting, task: str, length: int, base: int) -> Any:
    """The start words of a task with a list: those of the list, and those behind it; random where nothing is said."""
    of_bits = task == "parity" and setting["parity"] in OF_BITS
    listed = "0..1" if of_bits else "0..2" if setting["list_words"] == "small" else "random"
    behind = "0..1" if of_bits and setting["parity"] == "each_of_bits" else "random"
    behind = 0 if setting["beyond"] == "zero" else behind
    memory = {f"0..{length - 1}": listed}
    return memory | ({f"{length}..{base - 1}": behind} if length < base else {})


def steps_of(setting: Setting, given: dict[str, Any]) -> Any:
    """The task's own steps or more, so that no reference is cut before its end."""
    if setting["steps"] == "own":
        return given["steps"]
    names = {key: given[key] for key in ("base", "length") if key in given}
    return max(setting["steps"], evaluate(given["steps"], names, "task.steps"))


def task_file(name: str) -> dict[str, Any]:
    """A shipped task as it is written."""
    text = (importlib.resources.files("neurocomp.configs") / "task" / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)

"""Which reading is the paper's? A search over what it leaves open, screened on the tuned cells of its Table 1.

A *setting* gives each key of `SPACE` a value. It is screened with few restarts in the 20 published cells that tuning
fills; its error is the mean absolute difference to the published rates, by fit and by soft. The first settings are
given, the next drawn at random, the later ones are the best so far with some keys drawn anew. The best by each measure
are then measured with many restarts of another seed. Rows go to results/<name>/screen-s<seed>.csv and
confirmed-s<seed>.csv: one row a cell, with the setting in its last columns. The same command goes on where it stopped.
"""

from __future__ import annotations

import importlib.resources
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from tqdm import tqdm

from neurocomp.config import ObjectiveConfig, OptimizerConfig, RunConfig, TaskConfig
from neurocomp.devices import torch_threads
from neurocomp.engine import load, torch_threads_for
from neurocomp.errors import checked
from neurocomp.files import remove_leftovers
from neurocomp.machine_config import MachineConfig
from neurocomp.methods.tune import tune_restarts
from neurocomp.plan import make_plan
from neurocomp.readings.config import ReadingsConfig
from neurocomp.readings.settings_file import append, read, settings_of
from neurocomp.readings.space import DEFAULTS, FIRST, MEASURES, ORDER, SPACE, Setting
from neurocomp.report.published import tuned_rates
from neurocomp.results.lock import Lock
from neurocomp.seeding import generator
from neurocomp.tasks.examples import held_out
from neurocomp.text import say
from neurocomp.tuning.recovery import soft

RANDOM = 40  # so many settings are drawn before the best are varied
BEST = 8  # of each measure: what is varied, and what a setting must be able to beat to be screened to its end


def search(config: ReadingsConfig) -> None:
    """Screen settings, then confirm the best; appends to the two files, and reads from them what is done.

    Both are locked from the first reading to the last append: raises CellLocked if another process searches here.
    """
    config = checked(config)
    folder = Path(config.results) / config.name
    screened, confirmed = (folder / f"{stage}-s{config.seed}.csv" for stage in ("screen", "confirmed"))
    folder.mkdir(parents=True, exist_ok=True)
    with Lock(screened), Lock(confirmed):
        for path in (screened, confirmed):
            remove_leftovers(path)
        screen(config, screened)
        confirm(config, screened, confirmed)


def screen(config: ReadingsConfig, path: Path) -> None:
    """Rows for the settings that are missing, until their number or the seconds are reached."""
    rows = read(path)
    done = max((row["setting"] for row in rows), default=-1) + 1
    spent = sum(row["seconds"] for row in rows)
    with tqdm(total=config.settings, initial=min(done, config.settings), desc="settings", unit="") as bar:
        for number in range(done, config.settings):
            if spent > config.seconds:
                say([f"{config.seconds:g} s are spent; {number} settings were screened"], prefix="")
                break
            setting = sample(number, rows, config.seed)
            new = list(measure(setting, number, config, config.screen, config.seed, limits(rows)))
            rows += new
            spent += sum(row["seconds"] for row in new)
            append(path, new)
            shown = (f"{measure} {best(rows, measure)[0][0]:.1f}" for measure in MEASURES if best(rows, measure))
            bar.set_postfix_str("best mean difference: " + ", ".join(shown), refresh=False)
            bar.update()


def confirm(config: ReadingsConfig, screened: Path, path: Path) -> None:
    """Rows for the best settings by each measure, with `restarts` restarts of the next seed."""
    rows, candidates = read(path), read(screened)
    numbers = [number for name in MEASURES for _, number in best(candidates, name)[: config.confirm]]
    missing = [number for number in dict.fromkeys(numbers) if number not in {row["setting"] for row in rows}]
    settings = settings_of(candidates)
    for number in tqdm(missing, desc="confirming", unit=""):
        append(path, list(measure(settings[number], number, config, config.restarts, config.seed + 1, {})))


def sample(number: int, rows: list[dict], seed: int) -> Setting:
    """The setting of this number: given, drawn at random, or one of the best with one to three keys drawn anew."""
    if number < len(FIRST):
        return DEFAULTS | FIRST[number]
    rng = generator(seed, number, "reading")
    settings = settings_of(rows)
    known = list(settings.values())
    parents = [of for name in MEASURES for _, of in best(rows, name)[:BEST]]
    while True:
        if number < RANDOM or not parents:
            setting = {key: _draw(rng, values) for key, values in SPACE.items()}
        else:
            setting = dict(settings[int(rng.choice(parents))])
            for key in rng.choice(list(SPACE), size=rng.integers(1, 4), replace=False).tolist():
                setting[key] = _draw(rng, SPACE[key])
        if setting not in known and runs(setting):
            return setting


def _draw(rng: np.random.Generator, values: tuple) -> Any:
    return values[rng.integers(len(values))]


def runs(setting: Setting) -> bool:
    """Whether the setting has its 20 cells: a checked memory must be all list, and the list must fit."""
    return setting["length"] <= setting["base"] and (setting["check"] == "listed" or setting["parity"] != "of_bits")


def measure(
    setting: Setting, number: int, config: ReadingsConfig, restarts: int, seed: int, limit: dict[str, float]
) -> Iterator[dict]:
    """A row for each cell, in ORDER; ends early once no measure can stay below its limit."""
    rates, short = tuned_rates("table1"), dict.fromkeys(MEASURES, 0.0)
    for row, task in ORDER:
        began = time.perf_counter()
        counts = count(cell_config(setting, row, task, config), restarts, seed)
        for name in MEASURES:
            short[name] += 100 * abs(counts[name] / restarts - rates[row, task]) / len(ORDER)
        seconds = round(time.perf_counter() - began, 2)
        yield dict(setting=number, row=row, task=task, n=restarts, **counts, seconds=seconds, seed=seed) | setting
        if limit and all(short[name] > limit[name] for name in MEASURES):
            return


def count(config: RunConfig, restarts: int, seed: int) -> dict[str, int]:
    """How many restarts recovered, by fit and by soft."""
    plan = make_plan(replace(config, seed=seed, restarts=restarts))
    unseen = held_out(plan.task, seed)
    with torch_threads(torch_threads_for(plan.engine, plan.threads)):
        tuned = tune_restarts(plan, unseen, range(restarts))
        final = torch.stack([restart.logits for restart in tuned])
        right = soft(final, unseen.test, plan.task, load(plan.engine, plan.threads))
    return {"fit": sum(restart.fit for restart in tuned), "soft": int(right.sum())}


def cell_config(setting: Setting, row: str, task: str, config: ReadingsConfig) -> RunConfig:
    """One cell of Table 1 under a setting; what a setting does not say is as `neurocomp run` has it by default."""
    own = {field.name for field in fields(MachineConfig)}
    return RunConfig(
        task=task_config(setting, task),
        machine=MachineConfig(**{key: value for key, value in setting.items() if key in own}),
        objective=ObjectiveConfig(setting["registers_supervised"], setting["efficiency"], setting["loss"]),
        optimizer=OptimizerConfig(stop="fit", **{key: setting[key] for key in ("learning_rate", "updates", "hold")}),
        init="random" if row == "optimization" else row.removeprefix("init="),
        gamma=setting["gamma"],
        examples=setting["examples"],
        **{key: getattr(config, key) for key in ("engine", "device", "threads", "limits", "name", "results")},
    )


VARIANTS = {"value": "inc_value", "of_bits": "parity_bits"}  # task files of their own


def task_config(setting: Setting, task: str) -> TaskConfig:
    """The task file with the setting's sizes; its name stays the column's, whatever variant it is."""
    variant = setting.get(task, "")
    given = task_file(VARIANTS.get(variant, task))
    own = {"registers": given["registers"], "lines": given["lines"]}
    sizes = {key: own[key] if setting[key] == "own" else max(own[key], setting[key]) for key in own}
    if setting["jump_target"] == "operand":
        sizes = dict.fromkeys(sizes, max(sizes.values()))
    given |= sizes | {"name": task, "base": max(setting["base"], least_base(setting, task)), "general": None}
    if "length" in given:
        given["length"] = setting["fib_length" if task == "fib" else "length"]
    if setting["check"] == "all":
        given["check"] = {"memory": ["0..base-1"]}
    if variant == "next_in_20_steps":
        given["steps"] = 20
    if variant == "each_of_bits":
        given["memory"] = {"0..base-1": "0..1"}
    if variant == "each_without_modulus":
        given["start_registers"] = {4: "length-1"}
    return TaskConfig(**given)


def least_base(setting: Setting, task: str) -> int:
    """The words and cells that a task needs: fib counts to 8 mod b in its own list, parity_bits writes behind it."""
    of_fib = max(5, setting["fib_length"]) if task == "fib" else 0
    return max(of_fib, setting["length"] + 1 if setting["parity"] == "of_bits" and task == "parity" else 0)


def task_file(name: str) -> dict:
    """A shipped task as it is written."""
    text = (importlib.resources.files("neurocomp.configs") / "task" / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def errors(rows: list[dict], measure: str) -> dict[int, float]:
    """The mean absolute difference in points to the published rates, of each setting that has all its cells."""
    rates, found = tuned_rates("table1"), {}
    for row in rows:
        difference = row[measure] / row["n"] - rates[row["row"], row["task"]]
        found.setdefault(row["setting"], []).append(100 * abs(difference))
    return {number: float(np.mean(of)) for number, of in found.items() if len(of) == len(ORDER)}


def best(rows: list[dict], measure: str) -> list[tuple[float, int]]:
    """(error, setting), the best first."""
    return sorted((error, number) for number, error in errors(rows, measure).items())


def limits(rows: list[dict]) -> dict[str, float]:
    """The error that a setting must be able to stay below, by measure; none while few settings are known."""
    ranked = {name: best(rows, name) for name in MEASURES}
    if any(len(of) < BEST for of in ranked.values()):
        return {}
    return {name: of[BEST - 1][0] for name, of in ranked.items()}

"""One cell of a table, stage by stage: task, program, weights, tuning, decompiling, judging, rows."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
import yaml

from neurocomp.config import RunConfig, UserError
from neurocomp.engine import load
from neurocomp.language.assembly import parse
from neurocomp.plan import Plan, make_plan, start
from neurocomp.progress import Progress
from neurocomp.recovery import Validation, measure, program_text
from neurocomp.report.cells import Cell, read_cell
from neurocomp.results import SCHEMA, CellWriter, atomic_write, provenance, read_text_rows
from neurocomp.tasks import HeldOut, held_out
from neurocomp.tuning import Tuned, tune
from neurocomp.weights_file import save_weights


def run_cell(config: RunConfig, directory: Path | None = None, progress: bool = True) -> Cell | dict:
    """Tune the restarts of a cell that are not in its CSV yet, and return the cell as it then stands.

    With `only`, that restart is run again by itself and its row returned; its loss curve goes to a file.
    """
    plan = make_plan(config, directory)
    unseen = held_out(plan.task, config.seed)
    if config.only is not None:
        return replay(plan, unseen, config.only)
    with CellWriter(plan.path, configuration(plan)) as cell:
        batches = cell.missing_batches(config.restarts, config.chunk)
        if cell.finished and (config.save_curves or config.save_weights):
            done = f"{plan.path.stem}: {len(cell.finished)} restarts are done and not run again for curves or weights"
            print(f"{done}; only=N runs one, another name= runs all", file=sys.stderr)
        with Progress(plan.path.stem, batches, config.optimizer.updates, shown=progress) as bar:
            for restarts in batches:
                tuned = tune_restarts(plan, unseen, restarts, bar)
                keep_extras(plan, restarts, tuned)
                cell.append(rows(plan, unseen, restarts, tuned))
    return read_cell(plan.path)


def tune_restarts(plan: Plan, unseen: HeldOut, restarts: Sequence[int], bar: Progress | None = None) -> list[Tuned]:
    """Compile these restarts and tune them on their own examples, as one batch."""
    config, task, engine = plan.config, plan.task, load(plan.engine, threads(plan.config))
    logits, batch = start(plan, unseen, restarts)
    validation = Validation(task, unseen.validation, engine)
    tuned = []
    for left in tune(logits, batch, task, validation, engine, config.objective, config.optimizer):
        tuned += left
        if bar:
            bar.after_update(left)
    return sorted(tuned, key=lambda restart: restart.lane)


def rows(plan: Plan, unseen: HeldOut, restarts: Sequence[int], tuned: list[Tuned]) -> list[dict]:
    """Decompile and judge the tuned restarts: one row each (see `results.COLUMNS`)."""
    printed = [program_text(restart.logits, plan.task) for restart in tuned]
    final = torch.stack([restart.logits for restart in tuned])
    measures = measure(final, [text for text, _ in printed], plan.task, unseen, load(plan.engine, threads(plan.config)))
    return [
        common_columns(plan)
        | {
            "restart": number,
            "status": restart.status,
            "recovered_fit": restart.fit,
            "recovered_soft": judged.soft,
            "recovered_hard": judged.hard,
            "recovered_general": judged.general,
            "coverage": unseen.coverage,
            "loss": restart.loss,
            "updates": restart.updates,
            "recovered_at": restart.recovered_at,
            "lines_changed": lines_changed(plan, text),
            "margin": margin,
            "program": text,
            "wall_s": round(restart.seconds, 4),
        }
        for number, restart, judged, (text, margin) in zip(restarts, tuned, measures, printed, strict=True)
    ]


def common_columns(plan: Plan) -> dict:
    """What all rows of a cell say."""
    code = provenance()
    return {
        "task": plan.task.name,
        "init": plan.init,
        "method": plan.config.method,
        "gamma": plan.gamma,
        "seed": plan.config.seed,
        "engine": plan.engine,
        "device": plan.device.type,
        "threads": threads(plan.config),
        "config_hash": plan.config_hash,
        "commit": code.commit,
        "dirty": code.dirty,
        "torch": torch.__version__,
        "schema": SCHEMA,
    }


def lines_changed(plan: Plan, text: str) -> int | None:
    """How many lines of the initial program are another instruction now; None where it started from none."""
    if plan.program is None:
        return None
    now = parse(text, jump_target=plan.config.machine.jump_target).instructions
    return sum(before != after for before, after in zip(plan.program.instructions, now, strict=True))


def replay(plan: Plan, unseen: HeldOut, restart: int) -> dict:
    """Run one restart by itself, write its loss curve, return its row; the cell's CSV stays as it is."""
    tuned = tune_restarts(plan, unseen, [restart])
    curves = plan.path.with_name(f"{plan.path.stem}.only-{restart}.curves.csv")
    write_curves(curves, [restart], tuned)
    if plan.config.save_weights:
        write_weights(plan, [restart], tuned)
    (row,) = rows(plan, unseen, [restart], tuned)
    return row | {"curve": str(curves)}


def keep_extras(plan: Plan, restarts: Sequence[int], tuned: list[Tuned]) -> None:
    """The loss curves and the weights of a finished batch, where they were asked for."""
    if plan.config.save_curves:
        write_curves(plan.path.with_name(f"{plan.path.stem}.curves.csv"), restarts, tuned)
    if plan.config.save_weights:
        write_weights(plan, restarts, tuned)


def write_weights(plan: Plan, restarts: Sequence[int], tuned: list[Tuned]) -> None:
    """A file of weights for each of these restarts."""
    folder = plan.path.with_name(f"{plan.path.stem}.weights")
    for number, restart in zip(restarts, tuned, strict=True):
        save_weights(folder / f"{number}.safetensors", restart.logits, plan.task.sizes, plan.task.machine)


def write_curves(path: Path, restarts: Sequence[int], tuned: list[Tuned]) -> None:
    """Rows `restart, update, loss` of these restarts, instead of those the file may have and beside all others."""
    rows = [["restart", "update", "loss"]]
    if path.exists():
        again = {str(number) for number in restarts}
        with path.open(newline="", encoding="utf-8") as file:
            rows += [row for row in list(csv.reader(file))[1:] if row[0] not in again]
    for number, restart in zip(restarts, tuned, strict=True):
        rows += [[str(number), str(update), repr(loss)] for update, loss in enumerate(restart.curve)]
    atomic_write(path, "".join(",".join(row) + "\n" for row in rows))


def configuration(plan: Plan) -> str:
    """The full resolved configuration as YAML, with what the hash was taken of."""
    resolved = {"gamma": plan.gamma, "engine": plan.engine, "config_hash": plan.config_hash}
    return yaml.safe_dump(asdict(plan.config) | resolved, sort_keys=False)


def threads(config: RunConfig) -> int:
    return config.threads or os.cpu_count() or 1


def check(config: RunConfig, directory: Path | None = None) -> None:
    """Raise UserError for whatever is wrong with a cell before it runs, a results file that is not ours included."""
    path = make_plan(config, directory).path
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(f"results={config.results}: {folder} is not a directory that can be written to")
    if path.exists():
        read_text_rows(path)


def cell_path(config: RunConfig, directory: Path | None = None) -> Path:
    """Where the rows of this cell are."""
    return make_plan(config, directory).path


def record_failure(config: RunConfig, directory: Path | None, error: BaseException) -> None:
    """A row that says the cell failed, with the reason where the program would stand."""
    plan = make_plan(config, directory)
    with CellWriter(plan.path, configuration(plan)) as cell:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        cell.append([common_columns(plan) | {"restart": None, "status": "failed", "program": reason}])

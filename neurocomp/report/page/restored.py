"""A cell on the disk as `neurocomp run` had it: its configuration, its task and what its restarts started from.

The configuration comes from the YAML file beside the rows. Keys that this version has never heard of are left out: the
hash, which has to be that of the rows, says whether the cell is still the same.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from neurocomp.cell_limits import check_cell
from neurocomp.config import CIRCUMSTANCES, LimitsConfig, RunConfig
from neurocomp.errors import UserError, checked
from neurocomp.methods.near_misses import kept_templates, starts_of
from neurocomp.plan import CheckedCell, Plan, Start, check_config, plan_from
from neurocomp.report.cells import Cell

Config = TypeVar("Config")

HERE = ("workers", "gpus", "threads", "only", "save_curves", "save_weights", "chunk")
"""Keys of the file that say how the rows were made, which is not how they are made again."""


def restored(cell: Cell, limits: LimitsConfig, restarts: int = 1) -> CheckedCell:
    """The cell, ready to run so many restarts again.

    Raises UserError where its configuration is missing, is none, would take more than `limits`, or is that of another
    cell than the rows are of.
    """
    if not cell.config:
        raise UserError(f"{cell.path.with_suffix('.yaml')}: no configuration beside the rows, so the task is not known")
    given = {key: value for key, value in cell.config.items() if key not in (*CIRCUMSTANCES, *HERE)}
    if given.get("method") != "tune":
        given.pop("engine", None)  # the file names what ran, which such a method does not choose
    config: RunConfig = checked(_built(RunConfig, given, ""))
    config.limits, config.restarts = limits, restarts
    found = check_config(config)
    if found.config_hash != cell.facts["config_hash"]:
        raise UserError(
            f"{cell.path}: its rows are of configuration {cell.facts['config_hash']}, what stands beside them is "
            f"{found.config_hash}"
        )
    check_cell(config, found.task, found.engine, found.device.type)
    return replace(found, path=cell.path)


def starts(cell: CheckedCell) -> list[Start]:
    """What its restarts start from, in turn. Raises UserError where that was synthesized and not kept."""
    record = kept_templates(cell)
    if cell.init == "synth" and record is None:
        raise UserError(
            f"{cell.path.with_suffix('.templates.json')}: not there, so what restarts start from is not known"
        )
    return starts_of(cell, record)


def planned(cell: CheckedCell) -> Plan:
    """The cell with its starts. Raises UserError."""
    return plan_from(cell, starts(cell))


def _built(kind: type[Config], given: Any, prefix: str) -> Config:
    """A configuration from keys and values; unknown keys are left out, missing ones have their defaults."""
    if not isinstance(given, dict):
        raise UserError(f"{prefix.rstrip('.') or 'the configuration'}: expected keys and values")
    hints = get_type_hints(kind)
    values = {each.name: given[each.name] for each in fields(kind) if each.name in given}  # type: ignore[arg-type]
    for name, value in values.items():
        if is_dataclass(hints[name]):
            values[name] = _built(hints[name], value, f"{prefix}{name}.")  # type: ignore[arg-type]
    try:
        return kind(**values)
    except TypeError as error:
        raise UserError(f"{prefix.rstrip('.') or 'the configuration'}: {error}") from None


def weights_file(cell: Cell, restart: int) -> Path:
    """Where the final weights of a restart are, if they were kept."""
    return cell.path.with_name(f"{cell.path.stem}.weights") / f"{restart}.safetensors"

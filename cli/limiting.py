"""Limits as options, and as keys that a command line may set and a file may not."""

from __future__ import annotations

import argparse
from typing import Any

from neurocomp.config import LimitsConfig, UserError
from neurocomp.memorizer.config import MemorizerConfig

WORK = 1e13  # three hours: an answer that is waited for


def add_limits(parser: argparse.ArgumentParser, work: bool = True) -> None:
    """--memory-gb and, unless the command does nothing that takes long, --work."""
    memory = LimitsConfig.memory_gb
    of_memory = f"refuse what would take more memory, in 10^9 bytes (default: {memory:g})"
    parser.add_argument("--memory-gb", type=float, default=memory, metavar="GB", help=of_memory)
    if work:
        of_work = f"refuse what would take more elementary operations, 10^9 a second (default: {WORK:g})"
        parser.add_argument("--work", type=float, default=WORK, metavar="N", help=of_work)


def limits_of(args: argparse.Namespace) -> LimitsConfig:
    """The limits that these options set. Raises UserError where one is no number above 0."""
    given = {"--memory-gb": args.memory_gb, "--work": getattr(args, "work", WORK)}
    for option, value in given.items():
        if not 0 < value < float("inf"):
            raise UserError(f"{option}={value}: expected a number > 0")
    return LimitsConfig(*given.values())


def refuse_limits_in_files(composed: Any, overrides: list[str]) -> None:
    """Raise UserError where a limit was set, but not by these overrides: the file that asks must not say how much."""
    asked = [override.lstrip("+~").partition("=")[0] for override in overrides]
    usual = vars(MemorizerConfig().limits if "network" in composed else LimitsConfig())
    swept: dict[str, Any] = composed.hydra.sweeper.get("params") or {}
    found = {key: value for key, value in swept.items() if key.startswith("limits")}
    found |= {f"limits.{key}": composed.limits[key] for key in usual if composed.limits[key] != usual[key]}
    for key, value in found.items():
        if key not in asked and "limits" not in asked:
            raise UserError(f"{key}={value}: set in a file; expected on the command line, as only there a limit is set")

"""Limits as options of a command."""

from __future__ import annotations

import argparse

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError

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

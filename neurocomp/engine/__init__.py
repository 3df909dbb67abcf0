"""The engines that run the machine: `eager`, the readable one, is the reference."""

from __future__ import annotations

from collections.abc import Callable

from neurocomp.machine.run import Run, run

Engine = Callable[..., Run]

ENGINES: dict[str, Engine] = {"eager": run}


def resolve(engine: str) -> str:
    """The engine that runs this configuration: `auto` is the fastest that can."""
    return "eager" if engine == "auto" else engine

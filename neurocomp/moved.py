"""Where modules and names went that have moved: importing them from their old place is an error that says so."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import NoReturn

MODULES = {
    "bench.memorizer": "memorizer.bench",
    "bench.update": "bench.one_update",
    "cli.task_numbers": "cli.as_written",
    "cli.trees": "cli.machines",
    "columns": "results.columns",
    "compiler": "compilation.compiler",
    "configuration_file": "results.configuration_file",
    "decompiler": "compilation.decompiler",
    "engine.plan": "engine.layout",
    "estimates": "limits.estimates",
    "example_files": "tasks.example_files",
    "execution": "compilation.soft_run",
    "expressions": "tasks.expressions",
    "initialization": "tasks.initialization",
    "inputs": "tasks.inputs",
    "lock": "results.lock",
    "memorizer.columns": "results.columns",
    "methods.search": "methods.searches",
    "methods.templates": "methods.near_misses",
    "objective": "tuning.objective",
    "optimizer": "tuning.optimizer",
    "progress": "methods.progress",
    "recovery": "tuning.recovery",
    "report.memorization": "memorizer.report.memorization",
    "report.memorized": "memorizer.report.cells",
    "report.readings": "readings.ranking",
    "report.settings": "memorizer.report.settings",
    "report.soft_programs": "memorizer.report.soft_programs",
    "row_lines": "results.row_lines",
    "rows_file": "results.rows_file",
    "search.enumeration": "search.by_length",
    "simplex": "machine.simplex",
    "synthesis.search": "synthesis.synthesizer",
    "synthesis.shapes": "synthesis.skeletons",
    "updating": "tuning.update",
    "verification": "tasks.verification",
    "weights_file": "compilation.weights_file",
}


class Moved(importlib.abc.MetaPathFinder):
    """Asked last, for modules that nothing else finds."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Raise ModuleNotFoundError for a module that has moved."""
        if new := MODULES.get(fullname.removeprefix("neurocomp.")):
            raise ModuleNotFoundError(f"{fullname} is neurocomp.{new} now", name=fullname)
        return None


def install() -> None:
    """From now on, importing a module from its old place says where it is."""
    if not any(isinstance(finder, Moved) for finder in sys.meta_path):
        sys.meta_path.append(Moved())


def names_of(old: str, *places: str) -> Callable[[str], NoReturn]:
    """A module's `__getattr__`: raise ImportError for a name that is in one of these modules now."""

    def missing(name: str) -> NoReturn:
        if not name.startswith("_") and not _is_module(old, name):
            for place in places:
                if hasattr(importlib.import_module(place), name):
                    raise ImportError(f"{old}.{name} is {place}.{name} now", name=name)
        raise AttributeError(f"module {old} has no attribute {name}")

    return missing


def _is_module(package: str, name: str) -> bool:
    """Whether a module in this folder is asked for, which is looked for as an attribute first."""
    is_package = hasattr(sys.modules[package], "__path__")
    return is_package and importlib.util.find_spec(f"{package}.{name}") is not None

"""The two machines, a row each: configuration files, schema, pipeline and report. No command names them otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from neurocomp.config import RunConfig
from neurocomp.errors import UserError
from neurocomp.job import Job, Pipeline
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.readings.config import ReadingsConfig
from neurocomp.report.cells import Report

Config = RunConfig | MemorizerConfig
Schema = TypeVar("Schema", RunConfig, MemorizerConfig)


class Tree(NamedTuple):
    """Where Hydra finds the configuration files, the folder in which --config-dir may have more of them, which of them
    is the first, and what the configuration is in the end.
    """  # fmt: skip

    module: str
    folder: str
    first: str
    schema: type[Config] | type[ReadingsConfig]

    @property
    def base(self) -> str:
        """The name of the schema in a list of defaults."""
        return f"base_{self.folder or 'run'}"


@dataclass(frozen=True)
class Machine(Generic[Schema]):
    """One machine. Its modules are imported when they are used: PyTorch alone takes a second or two."""

    name: str
    tree: Tree
    schema: type[Schema]
    pipeline: Callable[[], Pipeline[Schema]]
    report: Callable[[], Report]

    def check(self, config: Config, directory: Path | None) -> Job:
        """The cell, ready to run. Raises UserError for whatever is wrong with it before it runs."""
        return self.pipeline().check(self._own(config), directory)

    def describe(self, config: Config) -> str:
        """The cell in words of the command line."""
        return self.pipeline().describe(self._own(config))

    def _own(self, config: Config) -> Schema:
        if not isinstance(config, self.schema):
            raise UserError(f"expected a cell of the {self.name}, got one of another kind")
        return config


def _differentiable_pipeline() -> Pipeline[RunConfig]:
    from neurocomp import pipeline

    return pipeline


def _differentiable_report() -> Report:
    from neurocomp.report import cells

    return cells


def _memorizer_pipeline() -> Pipeline[MemorizerConfig]:
    from neurocomp.memorizer import pipeline

    return pipeline


def _memorizer_report() -> Report:
    from neurocomp.memorizer.report import cells

    return cells


DIFFERENTIABLE = Machine(
    "differentiable machine", Tree("pkg://neurocomp.configs", "", "run", RunConfig), RunConfig,
    _differentiable_pipeline, _differentiable_report,
)  # fmt: skip
MEMORIZER = Machine(
    "memorizer", Tree("pkg://neurocomp.configs.memorizer", "memorizer", "run", MemorizerConfig), MemorizerConfig,
    _memorizer_pipeline, _memorizer_report,
)  # fmt: skip
MACHINES = (DIFFERENTIABLE, MEMORIZER)

READINGS = Tree("pkg://neurocomp.configs", "readings", "base_readings", ReadingsConfig)
"""The keys of `neurocomp readings`, which is no machine: it has a schema and no files."""

TREES = (*(machine.tree for machine in MACHINES), READINGS)


def machine_of(config: Config) -> Machine[RunConfig] | Machine[MemorizerConfig]:
    """The machine that such a configuration is of."""
    return MEMORIZER if isinstance(config, MemorizerConfig) else DIFFERENTIABLE


def tree_of(overrides: list[str], config_dir: str | None = None) -> Tree:
    """The tree of the last `experiment=` in these overrides; without one, that of the differentiable machine."""
    named = [word.partition("=")[2] for word in overrides if word.startswith("experiment=")]
    return (MEMORIZER if named and named[-1] in memorizer_experiments(config_dir) else DIFFERENTIABLE).tree


def memorizer_experiments(config_dir: str | None = None) -> list[str]:
    """The memorizer's experiments, those below --config-dir among them."""
    folders = [resources.files("neurocomp.configs.memorizer") / "experiment"]
    if config_dir is not None and (own := Path(config_dir) / MEMORIZER.tree.folder / "experiment").is_dir():
        folders.append(own)
    return sorted({file.name.removesuffix(".yaml") for folder in folders for file in folder.iterdir()
                   if file.name.endswith(".yaml")})  # fmt: skip

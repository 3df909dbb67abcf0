"""Overrides -> the cells they stand for, each a checked RunConfig, before anything runs or is written.

Hydra checks the values of a grid only as each job starts; here every cell is composed as its job will compose it.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hydra import version
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from neurocomp.cli.errors import translated
from neurocomp.cli.limiting import refuse_limits_in_files
from neurocomp.cli.trees import CONFIG_NAME, MACHINE, Tree, tree_of
from neurocomp.config import RunConfig, UserError, did_you_mean
from neurocomp.memorizer.config import MemorizerConfig

ConfigStore.instance().store(name="base_run", node=RunConfig)
ConfigStore.instance().store(name="base_memorizer", node=MemorizerConfig)


class Cell(NamedTuple):
    """One job: what tells it apart, its configuration, and the folder that its relative paths may refer to."""

    overrides: list[str]
    config: RunConfig | MemorizerConfig
    directory: Path | None


def compose_cells(arguments: argparse.Namespace) -> list[Cell]:
    """Every cell that the command line stands for; UserError lists, one a line, what is wrong with any of them."""
    tree = tree_of(arguments.overrides, arguments.config_dir)
    with translated(), _composer(arguments.config_dir, tree) as composer:
        base = _compose(composer, arguments.overrides, RunMode.MULTIRUN)
        refuse_limits_in_files(base, arguments.overrides)
        if not (arguments.multirun or base.hydra.mode == RunMode.MULTIRUN):
            return [_cell([], _compose(composer, arguments.overrides, RunMode.RUN))]
        cells, problems = [], []
        for overrides in _grid(composer, base):
            try:
                with translated():
                    cells.append(_cell(overrides, composer.config_loader.load_sweep_config(base, overrides)))
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError("\n".join(dict.fromkeys(problems)))
        return cells


def configure(overrides: list[str], config_dir: str | None = None) -> Any:
    """One cell from overrides, composed as `neurocomp run` composes it: the entry for Python."""
    with translated(), _composer(config_dir, tree_of(overrides, config_dir)) as composer:
        composed = _compose(composer, overrides, RunMode.RUN)
        refuse_limits_in_files(composed, overrides)
        return _cell([], composed).config


def groups(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """The options of each group, --config-dir's among them."""
    with translated(), _composer(arguments.config_dir, MACHINE) as composer:
        names = ("task", "machine", "optimizer", "objective", "experiment")
        return {name: composer.config_loader.get_group_options(name) for name in names}


def to_config(composed: DictConfig) -> Any:
    """The dataclasses, their ranges checked; a key that only Hydra's `+` could have added is an error."""
    config: Any = OmegaConf.to_object(composed)
    _check_keys(config)
    return config


def searched_directory(composed_hydra: Any) -> Path | None:
    """The folder given by --config-dir or hydra.searchpath, if any: where a user's task files lie."""
    for source in composed_hydra.runtime.config_sources:
        if source.schema == "file":
            return Path(source.path)
    return None


@contextlib.contextmanager
def _composer(config_dir: str | None, tree: Tree) -> Iterator[Hydra]:
    """Hydra with the search path that @hydra.main will use: --config-dir comes first, as its files shadow ours."""
    path = create_config_search_path(tree.module)
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise UserError(f"--config-dir {config_dir}: there is no such directory")
        folder = f"file://{Path(config_dir).absolute() / tree.folder}"
        path.prepend(provider="command-line", path=folder, anchor=SearchPathQuery(provider="schema"))
    version.setbase("1.3")
    try:
        yield Hydra.create_main_hydra2("neurocomp", path)
    finally:
        GlobalHydra.instance().clear()


def _compose(composer: Hydra, overrides: list[str], mode: RunMode) -> DictConfig:
    """The whole configuration, `hydra` included; in MULTIRUN a missing group and values to sweep over are allowed."""
    return composer.compose_config(
        config_name=CONFIG_NAME,
        overrides=overrides,
        run_mode=mode,
        with_log_configuration=False,
    )


def _grid(composer: Hydra, base: DictConfig) -> list[list[str]]:
    """The overrides of each job. Only the basic sweeper's grid is known before it runs; of others, none."""
    sweeper = base.hydra.sweeper
    if not sweeper._target_.endswith(".BasicSweeper"):
        return []
    swept = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=composer.config_loader)
    overrides = parser.parse_overrides(swept + list(base.hydra.overrides.task))
    return [cell for batch in BasicSweeper.split_arguments(overrides, None) for cell in batch]


def _cell(overrides: list[str], composed: DictConfig) -> Cell:
    """A composed configuration with its dataclasses."""
    directory = searched_directory(composed.hydra)
    with open_dict(composed):
        del composed["hydra"]
    return Cell(overrides, to_config(composed), directory)


def _check_keys(config: Any, prefix: str = "") -> None:
    """Raise UserError at an attribute that the dataclass does not declare, here or in the dataclasses inside."""
    known = [field.name for field in fields(config)]
    for key, value in vars(config).items():
        if key not in known:
            raise UserError(f"{prefix}{key}: there is no such key{did_you_mean(key, known)}")
        if is_dataclass(value):
            _check_keys(value, f"{prefix}{key}.")

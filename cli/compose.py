"""Overrides -> the cells they stand for, each a checked configuration, before anything runs or is written.

Hydra checks the values of a grid only as each job starts; here every cell is composed as its job will compose it.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from neurocomp.cli import own_files
from neurocomp.cli.errors import translated
from neurocomp.cli.given import check_overrides, typed_home
from neurocomp.cli.grids import CELLS, first_of, parse_overrides, plain_number, values_of
from neurocomp.cli.machines import DIFFERENTIABLE, TREES, Config, Tree, tree_of
from neurocomp.cli.settings import Settings, to_config
from neurocomp.errors import UserError, with_home

for each in TREES:
    ConfigStore.instance().store(name=each.base, node=each.schema)
own_files.install()


class Cell(NamedTuple):
    """One job: what tells it apart, its configuration, and the folder that its relative paths may refer to."""

    overrides: list[str]
    config: Config
    directory: Path | None


class Request(NamedTuple):
    """What a command line asks for, and the overrides by which Hydra runs exactly that.

    A sweeper that chooses its cells as it goes has none beforehand; there is one then, of the first of its values.
    `asks_hydra` says whether anything is set that Hydra alone knows what to do with, such as another launcher.
    """

    cells: list[Cell]
    overrides: list[str]
    tree: Tree
    is_grid: bool
    asks_hydra: bool
    is_sampled: bool = False


class Grid(UserError):
    """A grid where one cell is meant; the message says of how many cells."""


def compose_request(arguments: argparse.Namespace, most: int = CELLS, tree: Tree | None = None) -> Request:
    """Every cell that the command line stands for; UserError lists, one a line, what is wrong with any of them.

    Where one cell is meant, at most 1, a grid raises Grid before its cells are composed. The tree of files follows from
    the overrides unless it is given.
    """
    directory = existing(arguments.config_dir)
    words = [typed_home(word) for word in arguments.overrides]
    tree = tree or tree_of(words, directory)
    with translated(), _loader(directory, tree) as loader:
        words, sampled = _worked_out(words, loader, tree)
        asks = any(word.startswith(("hydra", "+hydra", "~hydra")) and not _is_ours(word) for word in words)
        wrong = None
        if not arguments.multirun or most == 1 and not sampled:
            try:
                alone = _compose(loader, tree, words, RunMode.RUN)
                if alone.hydra.mode != RunMode.MULTIRUN:
                    return Request([_cell(alone, tree, _trusted(alone, tree))], words, tree, False, asks)
            except (HydraException, OmegaConfBaseException) as error:
                wrong = error  # unless it is a grid
        base = _compose(loader, tree, words, RunMode.MULTIRUN)
        trusted = _trusted(base, tree)
        if wrong and not (arguments.multirun or base.hydra.mode == RunMode.MULTIRUN):
            raise wrong
        if sampled:
            first = _compose(loader, tree, [first_of(override) for override in parse_overrides(words)], RunMode.RUN)
            return Request([_cell(first, tree, trusted)], words, tree, True, asks, is_sampled=True)
        typed = _plain(base.hydra.overrides.hydra)
        swept = parse_overrides(_parameters(base) + _plain(base.hydra.overrides.task))
        grid = {override.get_key_element(): values_of(override, loader, typed) for override in swept}
        plain = typed + [f"{key}={','.join(grid[key])}" for key in grid]
        number = math.prod(map(len, grid.values()))
        if number > most:
            raise Grid(f"a grid of {number:,} cells{'' if most == 1 else f': expected at most {most:,}'}")
        return Request(_cells(loader, base, grid, tree, trusted), plain, tree, True, asks)


def compose_cells(arguments: argparse.Namespace) -> list[Cell]:
    """The cells of a request alone."""
    return compose_request(arguments).cells


def one_cell(
    overrides: list[str],
    config_dir: str | None = None,
    command: str = "this",
    tree: Tree | None = None,
    such_as: str = "task=map_inc",
) -> Cell:
    """The one cell that overrides stand for; UserError if they stand for a grid of several."""
    arguments = argparse.Namespace(overrides=overrides, config_dir=config_dir, multirun=True)
    try:
        request = compose_request(arguments, most=1, tree=tree)
        if request.is_sampled:
            raise Grid("cells that a sweeper chooses")
    except Grid as grid:
        raise UserError(f"{' '.join(overrides)}: {grid}, {command} takes one, such as {such_as}") from None
    return request.cells[0]


def configure(overrides: list[str], config_dir: str | None = None) -> Config:
    """One cell from overrides, composed as `neurocomp run` composes it: a RunConfig, or a MemorizerConfig where
    `experiment` is one of the memorizer's. Raises UserError.
    """
    return one_cell(overrides, config_dir, "configure()").config


def groups(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """The options of each group, --config-dir's among them."""
    with translated(), _loader(existing(arguments.config_dir), DIFFERENTIABLE.tree) as loader:
        names = (*own_files.GROUPS, "experiment")
        return {name: loader.get_group_options(name) for name in names}


def searched_directory(composed_hydra: Any) -> Path | None:
    """The folder given by --config-dir or hydra.searchpath, if any: where a user's task files lie."""
    for source in composed_hydra.runtime.config_sources:
        if source.schema == "file":
            return Path(source.path)
    return None


def existing(config_dir: str | None) -> str | None:
    """--config-dir with its `~` replaced; UserError if there is no such directory."""
    if config_dir is None:
        return None
    directory = with_home("--config-dir", config_dir)
    if not Path(directory).is_dir():
        raise UserError(f"--config-dir {config_dir}: there is no such directory")
    return directory


@contextlib.contextmanager
def _loader(config_dir: str | None, tree: Tree) -> Iterator[ConfigLoaderImpl]:
    """Hydra's loader with the search path that @hydra.main will use: shipped files shadow those of --config-dir."""
    path = create_config_search_path(tree.module)
    if config_dir is not None:
        folder = f"file://{Path(config_dir).absolute() / tree.folder}"
        path.prepend(provider="command-line", path=folder, anchor=SearchPathQuery(provider="schema"))
    version.setbase("1.3")
    setup_globals()
    yield ConfigLoaderImpl(path)


def _compose(loader: ConfigLoaderImpl, tree: Tree, overrides: list[str], mode: RunMode) -> DictConfig:
    """The whole configuration, `hydra` included; in MULTIRUN a missing group and values to sweep over are allowed."""
    return loader.load_configuration(tree.first, overrides, mode)


def _is_ours(word: str) -> bool:
    """Whether a word about `hydra` says which cells there are, which is known once they are composed."""
    return word.lstrip("+~").startswith(("hydra.mode=", "hydra.searchpath=", "hydra.sweeper.params"))


def _worked_out(words: list[str], loader: ConfigLoaderImpl, tree: Tree) -> tuple[list[str], bool]:
    """The overrides with each range and glob as plain values, and whether a sweeper other than the basic one runs them.

    Such a sweeper gets them as they are: it knows intervals, and takes its own steps.
    """
    overrides = parse_overrides(words)
    check_overrides(overrides, tree.schema, loader)
    chosen = [override.value() for override in overrides if override.key_or_group == "hydra/sweeper"]
    if chosen and chosen[-1] != "basic":
        return words, True
    hydra_words = [word for word in words if word.startswith("hydra.")]
    worked_out, experiments = [], []
    for word, override in zip(words, overrides, strict=True):
        if override.is_sweep_override():
            values = values_of(override, loader, hydra_words)
            word = f"{override.get_key_element()}={','.join(values)}"
            experiments = values if override.key_or_group == "experiment" else experiments
        worked_out.append(word)
    if len(experiments) > 1:
        _check_experiments(experiments, worked_out, loader, tree)
    return worked_out, False


def _check_experiments(names: list[str], words: list[str], loader: ConfigLoaderImpl, tree: Tree) -> None:
    """Raise UserError if experiments with grids of their own are swept over: Hydra would drop each grid."""
    others = [word for word in words if not word.startswith("experiment=")]
    for name in names:
        if _parameters(_compose(loader, tree, [*others, f"experiment={name}"], RunMode.MULTIRUN)):
            each = "; ".join(f"neurocomp run experiment={name}" for name in names)
            given = f"experiment={','.join(names)}: {name} has a grid of its own"
            raise UserError(f"{given}; run one after the other: {each}")


def _parameters(base: DictConfig) -> list[str]:
    """The sweeps that the configuration itself asks for, as overrides."""
    params = _plain(base.hydra.sweeper).get("params") or {}
    return [f"{key}={value}" for key, value in params.items()]


def _plain(node: Any) -> Any:
    """Lists and dicts with interpolations as they are written: they are resolved where they are used."""
    return OmegaConf.to_container(node, resolve=False)


def _cells(
    loader: ConfigLoaderImpl, base: DictConfig, grid: dict[str, list[str]], tree: Tree, trusted: Any
) -> list[Cell]:
    """Every combination, composed; UserError with the problems of all of them.

    Cells that choose the same files differ in values alone, which Hydra sets last. So the files are composed once.
    """
    cells, problems = [], []
    words = {key: [f"{key}={value}" for value in values] for key, values in grid.items()}
    files = {word for key in grid for word in words[key] if _chooses_a_file(loader, word)}
    composed: dict[tuple[str, ...], tuple[DictConfig, Path | None]] = {}
    settings: dict[tuple[str, ...], Settings] = {}
    for values in itertools.product(*words.values()):
        chosen = tuple(word for word in values if word in files)
        try:
            with translated():
                if chosen not in composed:
                    job = loader.load_sweep_config(base, list(chosen))
                    composed[chosen] = job, _without_hydra(job, tree, trusted)
                    settings[chosen] = Settings(composed[chosen][0])
                directory = composed[chosen][1]
                config = settings[chosen].config([word for word in values if word not in files])
                cells.append(Cell(list(values), config, directory))
        except UserError as error:
            problems += error.messages
    if problems:
        raise UserError(*problems)
    return cells


def _chooses_a_file(loader: ConfigLoaderImpl, word: str) -> bool:
    """Whether Hydra takes an override for the choice of a file, rather than for a value."""
    if plain := plain_number(word):
        return _is_group(loader, plain[0])
    (override,) = parse_overrides([word])
    return not isinstance(override.value(), dict) and _is_group(loader, override.key_or_group)


@functools.lru_cache(maxsize=64)
def _is_group(loader: ConfigLoaderImpl, key: str) -> bool:
    return loader.repository.group_exists(key)


def _cell(composed: DictConfig, tree: Tree, trusted: Any) -> Cell:
    """The cell that a composed configuration is alone."""
    directory = _without_hydra(composed, tree, trusted)
    return Cell([], to_config(composed), directory)


def _without_hydra(composed: DictConfig, tree: Tree, trusted: Any) -> Path | None:
    """Remove `hydra`, and return the folder of the user's files; UserError where those say what they may not."""
    if trusted is not None:
        own_files.check_names(composed.hydra.runtime.choices, composed.hydra.runtime.config_sources, tree.module)
        _check_hydra(composed, trusted)
    directory = searched_directory(composed.hydra)
    with open_dict(composed):
        del composed["hydra"]
    return directory


def _trusted(composed: DictConfig, tree: Tree) -> dict[str, Any] | None:
    """What the shipped files and the command line alone say about `hydra`; None where there are no other files."""
    if all(source.provider in ("hydra", "main", "schema") for source in composed.hydra.runtime.config_sources):
        return None
    typed = [word for word in _plain(composed.hydra.overrides.hydra) if not word.startswith("hydra.searchpath=")]
    return _hydra_of(_compose(ConfigLoaderImpl(create_config_search_path(tree.module)), tree, typed, RunMode.MULTIRUN))


def _hydra_of(composed: DictConfig) -> dict[str, Any]:
    """The part of `hydra` in which a user's files have no say: all but mode, grid, and Hydra's own notes."""
    node = _plain(composed.hydra)
    for key in ("mode", "searchpath", "overrides", "runtime"):
        node.pop(key)
    node["job"].pop("override_dirname")
    if isinstance(node["sweeper"], dict):
        node["sweeper"].pop("params", None)
    return node


def _check_hydra(composed: DictConfig, trusted: dict[str, Any]) -> None:
    """Raise UserError where `hydra` is not what it is without a user's files: own_files should have refused them."""
    found = _hydra_of(composed)
    changed = [key for key in {**found, **trusted} if found.get(key) != trusted.get(key)]
    if changed:
        raise UserError(f"hydra.{changed[0]}: set by a file of your own, expected it on the command line")

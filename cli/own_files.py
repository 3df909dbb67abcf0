"""A user's configuration files, which someone else may have written: what each kind may set, checked as Hydra reads it.

Hydra would let any file set anything: `# @package _global_` moves a file to the root, `hydra.callbacks` and `_target_`
name code that Hydra runs, and interpolations read the environment. Here every file from --config-dir or
hydra.searchpath passes one door, in the same read that Hydra's composition takes it from. Shipped files do not.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.core_plugins import (
    file_config_source,
    importlib_resources_config_source,
    structured_config_source,
)
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader
from omegaconf.errors import OmegaConfBaseException

from neurocomp.cli.as_written import check_as_written
from neurocomp.errors import UserError
from neurocomp.yaml_files import check_yaml, read_yaml_text, yaml_problem

GROUPS = ("task", "machine", "optimizer", "objective", "learner")
"""Each of these sets the keys of its own name alone; an experiment sets keys of the run and the grid."""

NAME = re.compile(r"\w[\w.+-]*")
REFERENCE = re.compile(r"\$\{\.*\w+(\.\w+)*\}")  # ${seed}, ${task.base}: a value of the same configuration
SWEPT = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*")
CODE = re.compile(r"(^|\.)_[a-z]+_$")  # _target_ and the keys that go with it
NOT_IN_FILES = ("hydra", "limits")


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's source of files in a folder; it keeps the name, by which Hydra tells whether a scheme has its source."""

    def load_config(self, config_path: str) -> ConfigResult:
        """The file, if it keeps to what its group may set. Raises UserError."""
        path = Path(self.path) / self._normalize_file_name(config_path)
        if not path.exists():
            raise ConfigLoadError(f"Config not found : {path}")
        check_place(config_path, path)
        return _result(self, config_path, str(path), read_yaml_text(path))


class ImportlibResourcesConfigSource(importlib_resources_config_source.ImportlibResourcesConfigSource):
    """The same of files in a package: those that hydra.searchpath names are a user's, the others are shipped."""

    def load_config(self, config_path: str) -> ConfigResult:
        if not self.provider.startswith("hydra.searchpath"):
            shipped = self._shipped(self.provider, self.full_path(), config_path)
            return copy.deepcopy(shipped)  # Hydra changes what it is given
        where = f"{self.full_path()}/{self._normalize_file_name(config_path)}"
        check_place(config_path, where)
        resource = resources.files(self.path) / self._normalize_file_name(config_path)
        text = resource.read_text(encoding="utf-8-sig")
        check_yaml(text, where)
        return _result(self, config_path, where, text)

    def list(self, config_path: str, results_filter: Any) -> list[str]:
        """A folder within a group (task/corpus) is no group of its own, so that completion offers `task=`."""
        if results_filter == ObjectType.GROUP and config_path in GROUPS:
            return []
        return super().list(config_path, results_filter)

    @staticmethod
    @functools.cache
    def _shipped(provider: str, path: str, config_path: str) -> ConfigResult:
        """A shipped file, read once a process: each cell of a grid is composed of the same twenty."""
        source = importlib_resources_config_source.ImportlibResourcesConfigSource(provider, path)
        return source.load_config(config_path)


class StructuredConfigSource(structured_config_source.StructuredConfigSource):
    """The same of schemas. Hydra copies its sources for each composition; a copy of this one copied every schema."""

    def __deepcopy__(self, memo: Any) -> StructuredConfigSource:
        return self


def install() -> None:
    """From now on, in this process and in those that a launcher starts, Hydra finds files through these sources."""
    Plugins.instance()  # registers Hydra's own sources first
    registry = SourcesRegistry.instance()
    sources = (FileConfigSource, ImportlibResourcesConfigSource, StructuredConfigSource)
    registry.types |= {source.scheme(): source for source in sources}


def check_place(config_path: str, where: Any) -> None:
    """Raise UserError for a file that is in no group a user may add to."""
    group, *names = config_path.split("/")
    if group not in (*GROUPS, "experiment"):
        accepted = f"files of your own are in {', '.join(GROUPS)} or experiment"
        raise UserError(f"{where}: {accepted}; what is hydra's is given on the command line")
    if not names or not all(NAME.fullmatch(name) for name in names):
        raise UserError(f"{group}={'/'.join(names)}: expected the name of a file in a folder {group}")


def check_names(choices: dict[str, Any], sources: Iterable[Any], shipped: str) -> None:
    """Raise UserError where a user's file has the name of a shipped one, which Hydra takes, and says something else."""
    for group, option in choices.items():
        name = f"{group}/{option}.yaml"
        ours = resources.files(shipped.removeprefix("pkg://")) / name
        for source in sources:
            own = Path(source.path, name)
            if source.schema == "file" and own.is_file() and ours.is_file() and differ(own, ours.read_bytes()):
                raise UserError(f"{group}={option}: {own} has the name of a shipped {group}, expected another name")


def differ(file: Path, data: bytes) -> bool:
    """Whether a file holds something else; one of another size is not read."""
    return file.stat().st_size != len(data) or file.read_bytes() != data


def _result(source: ConfigSource, config_path: str, where: str, text: str) -> ConfigResult:
    """The file's values, under the package of its group whatever its own header says."""
    group = config_path.partition("/")[0]
    try:
        package = ConfigSource._get_header_dict(text[:512])["package"]
        tree = yaml.load(text, Loader=get_yaml_loader())
        tree = {} if tree is None else tree
        _check(group, package, tree, where)
        check_as_written(group, tree, text, where)
        config = OmegaConf.create(tree)
    except UserError:
        raise
    except yaml.YAMLError as error:
        raise UserError(yaml_problem(error, where)) from None
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        raise UserError(f"{where}: {' '.join(str(error).split())}") from None
    header = {"package": "_global_" if group == "experiment" else None}
    return ConfigResult(config=config, path=source.full_path(), provider=source.provider, header=header)


def _check(group: str, package: str | None, tree: Any, where: str) -> None:
    """Raise UserError at what a file of this group may not say."""
    if not isinstance(tree, dict):
        raise UserError(f"{where}: expected a mapping such as name: mine")
    if group == "experiment":
        if package != "_global_":
            raise UserError(f"{where}: the first line of an experiment is # @package _global_")
        _check_hydra(tree.get("hydra"), where)
        others = {key: value for key, value in tree.items() if key not in ("hydra", "defaults")}
    else:
        if package not in (None, group, "_group_"):
            raise UserError(f"{where}: # @package {package}: a {group} file sets {group} alone; expected no such line")
        others = {key: value for key, value in tree.items() if key != "defaults"}
    for key in NOT_IN_FILES:
        if key in others:
            raise UserError(f"{where}: {key}: {_alone(group)}; {key} is given on the command line")
    for entry in _entries(tree.get("defaults"), where):
        _check_default(group, entry, where)
    for place, value in _leaves(tree, ""):
        _check_leaf(place, value, group, where)


def _alone(group: str) -> str:
    return f"a {group} file sets {group} alone" if group != "experiment" else "an experiment sets keys of the run"


def _check_hydra(node: Any, where: str) -> None:
    """An experiment sets no more of `hydra` than the mode and the grid."""
    node = {} if node is None else node
    sweeper = node.get("sweeper") or {} if isinstance(node, dict) else {}
    for place, given, known in (("hydra", node, ("mode", "sweeper")), ("hydra.sweeper", sweeper, ("params",))):
        others = [f"{place}.{key}" for key in given if key not in known] if isinstance(given, dict) else [place]
        if others:
            accepted = "an experiment sets hydra.mode and hydra.sweeper.params"
            raise UserError(f"{where}: {others[0]}: {accepted}; the rest is given on the command line")
    params = sweeper.get("params") or {}
    if not isinstance(params, dict):
        raise UserError(f"{where}: hydra.sweeper.params: expected keys and their values, such as gamma: 0.1,0.3")
    for key, values in params.items():
        place = f"{where}: hydra.sweeper.params.{key}"
        if not isinstance(key, str) or not SWEPT.fullmatch(key) or key.partition(".")[0] in NOT_IN_FILES:
            raise UserError(f"{place}: expected a key of the run, such as gamma")
        if not isinstance(values, (str, int, float)) or "\\" in str(values):
            raise UserError(f"{place}: expected values by commas, such as {key}: 1,2")


def _entries(defaults: Any, where: str) -> list[Any]:
    if defaults is not None and not isinstance(defaults, list):
        raise UserError(f"{where}: defaults: expected a list such as [parity, _self_]")
    return defaults or []


def _check_default(group: str, entry: Any, where: str) -> None:
    """A file may build on another of its own group; an experiment may also choose an option of each group."""
    if isinstance(entry, str) and NAME.fullmatch(entry):
        return
    if group == "experiment" and isinstance(entry, dict) and len(entry) == 1:
        ((key, option),) = entry.items()
        chosen = re.fullmatch(rf"override /({'|'.join(GROUPS)})", str(key))
        if chosen and isinstance(option, str) and all(NAME.fullmatch(name) for name in option.split("/")):
            return
    given = " ".join(f"{key}: {value}" for key, value in entry.items()) if isinstance(entry, dict) else entry
    choice = " or override /task: NAME" if group == "experiment" else ""
    raise UserError(f"{where}: defaults: {given}: expected names of files in the folder {group}{choice}, and _self_")


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every key and every value that is neither list nor mapping, with where it stands."""
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{place}.{key}" if place else str(key)
            yield inner, key
            yield from _leaves(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}[{index}]")
    else:
        yield place, value


def _check_leaf(place: str, value: Any, group: str, where: str) -> None:
    if not isinstance(value, str):
        return
    if CODE.search(value) and place.endswith(value):
        raise UserError(f"{where}: {place}: names code to run, expected values alone")
    if "${" in REFERENCE.sub("", value) or re.search(r"\$\{[^}]*\bhydra\b", value):
        raise UserError(f'{where}: {place}: "{value}" reads what is outside the configuration; expected a value')

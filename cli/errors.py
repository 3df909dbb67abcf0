"""Hydra's, OmegaConf's and YAML's exceptions -> one line: what was given, what exists, what was perhaps meant."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from neurocomp.cli.machines import memorizer_experiments
from neurocomp.errors import IN_WORDS, UserError, did_you_mean
from neurocomp.tasks import corpus

KINDS = {"Integer": int, "Float": float, "Boolean": bool, "String": str}  # what OmegaConf calls them


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Inside, what composing a configuration can raise becomes a UserError. (Hydra raises bare ValueErrors too.)"""
    try:
        yield
    except UserError:
        raise
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise UserError(one_line(error)) from error


def one_line(error: Exception) -> str:
    """The message for the user; of an exception that is not known here, its own text with the newlines gone."""
    message, cause = str(error), error.__cause__ or error.__context__
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        return _unknown_option(error.missing_cfg_file, list(error.options), message)
    if isinstance(error, OverrideParseException):
        if "=" not in error.override:
            return f'"{error.override}": expected key=value, such as task=map_inc'
        if message.startswith("Error parsing"):
            return f"{error.override}: {message.splitlines()[1].partition(': ')[2] or message.splitlines()[1]}"
        reason = message.splitlines()[0]
        return f"{error.override}: cannot be read ({reason}); text with special characters: \"key='text'\""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem_mark.name}, line {error.problem_mark.line + 1}: {error.problem}"
    if missing := re.match(r"You must specify '(\w+)'.*?options:(.*)", message, re.DOTALL):
        group, options = missing.groups()
        return f"{group}: none was given; choose {group}=... from {', '.join(options.split())}"
    if grid := re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.*?)'(?:\n| requires)", message):
        return f"{grid[1]}: several values are a grid of cells; add -m to run them all"
    if isinstance(error, OmegaConfBaseException) and "nterpolation" in message and error.full_key:
        return _unresolved(error, message, cause)
    if isinstance(cause, OmegaConfBaseException):
        return _where(message, cause) + _why(cause)
    if isinstance(error, OmegaConfBaseException):
        return _where("", error) + _why(error)
    return " ".join(message.partition("Config search path:")[0].split())


PLUGINS = {
    "hydra/launcher": {
        "joblib": "'neurocomp[joblib]'",
        "submitit_slurm": "'neurocomp[slurm]'",
        "submitit_local": "'neurocomp[slurm]'",
        "ray": "hydra-ray-launcher",
        "ray_aws": "hydra-ray-launcher",
        "rq": "hydra-rq-launcher",
    },
    "hydra/sweeper": {
        "optuna": "hydra-optuna-sweeper",
        "ax": "hydra-ax-sweeper",
        "nevergrad": "hydra-nevergrad-sweeper",
    },
}
"""What Hydra's own documentation names, each an option of its group, and the package or extra that has it."""


def _unknown_option(path: str, options: list[str], message: str) -> str:
    """`task=mapinc`: the group has other files."""
    group, _, given = path.rpartition("/")
    if group.startswith("task/"):  # a name of the corpus, or of a folder of the user's
        group, _, given = path.partition("/")
    if package := PLUGINS.get(group, {}).get(given):
        return f"{group}={given}: is not installed; pip install {package}, or choose one of {', '.join(options)}"
    for folder in re.findall(r"path=file://(.*)", message):
        if (other := Path(folder, f"{path}.yml")).is_file():
            return f"{group}={given}: {other} has to be called {given}.yaml"
    if group == "experiment":
        others = memorizer_experiments()
        if given in others:
            return f"{group}={given}: an experiment of the memorizer, in one command with others; run it by itself"
        options += [name for name in others if name not in options]
    if group == "task":
        return _unknown_task(given, options)
    hint = did_you_mean(given, [*options, *PLUGINS.get(group, {})])
    return f"{group}={given}: there is no such {group}; choose one of {', '.join(options)}{hint}"


def _unknown_task(given: str, options: list[str]) -> str:
    """`task=mapinc`. The tasks of the corpus are too many to be listed."""
    of_corpus = [f"{corpus.FOLDER}/{name}" for name in corpus.tasks()]
    other = f"{corpus.FOLDER}/{given}"
    hint = f'; did you mean "{other}"?' if other in of_corpus else did_you_mean(given, [*options, *of_corpus])
    own = f" (a file of your own: DIR/task/{given}.yaml with --config-dir DIR)" if given else ""
    accepted = f"{', '.join(options)} or {corpus.FOLDER}/NAME (docs/corpus.md)"
    return f"task={given}: there is no such task; choose one of {accepted}{hint}{own}"


def _unresolved(error: OmegaConfBaseException, message: str, cause: BaseException | None) -> str:
    """`gamma=${oc.env:HOME}`: what it refers to is not there, or is of another kind."""
    given = re.match(r"While dereferencing interpolation '(.*?)': ", message)
    reason = _why(cause) if isinstance(cause, ValidationError) else message.partition("\n")[0]
    return f"{error.full_key}={given[1]}: {reason}" if given else f"{error.full_key}: {reason}"


def _where(message: str, cause: OmegaConfBaseException) -> str:
    """What was given: the override, or the file and the key in it."""
    if override := re.match(r"Error merging override (.*)", message):
        return f"{override[1]}: "
    if override := re.search(r"To append to your config use \+(.*)", message):
        return f"{override[1]}: "
    file = re.match(r"In '(.*?)'", message)
    return (f"{file[1]}.yaml: " if file else "") + (f"{cause.full_key}: " if cause.full_key else "")


def _why(cause: OmegaConfBaseException) -> str:
    """What is wrong with it, in our words where the case is common."""
    reason = str(cause).partition("\n")[0]
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and cause.parent_node is not None:
        known = [str(key) for key in cause.parent_node if key != "hydra"]
        if cause.full_key == str(cause.key) and "task" in known:
            known.append("experiment")
        return f'there is no key "{cause.key}"; the keys here are {", ".join(known)}{did_you_mean(cause.key, known)}'
    if isinstance(cause, ValidationError):
        if wanted := re.search(r"could not be converted to (\w+)", reason):
            return f"expected {IN_WORDS[KINDS[wanted[1]]] if wanted[1] in KINDS else wanted[1]}"
        if reason.endswith("is not Optional"):
            return "null is not allowed here"
    if isinstance(cause, MissingMandatoryValue):
        return "has to be given"
    return reason

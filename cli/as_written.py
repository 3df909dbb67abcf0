"""Values that are read as something else than what is written: `yes` is true, 010 is 8, 12:30 is 750, 1e3 is 1000.0.

Hydra reads overrides so, and YAML reads files so. What is written must be what comes of it, or it is refused.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml
from omegaconf._utils import get_yaml_loader

from neurocomp.config import ObjectiveConfig, OptimizerConfig, RunConfig, TaskConfig
from neurocomp.errors import UserError
from neurocomp.machine_config import MachineConfig
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.search_config import LearnerConfig
from neurocomp.text import whole_number

SCHEMAS = {
    "task": (TaskConfig,),
    "machine": (MachineConfig,),
    "optimizer": (OptimizerConfig,),
    "objective": (ObjectiveConfig,),
    "learner": (LearnerConfig,),
    "experiment": (RunConfig, MemorizerConfig),
}

OTHERS = ("name", "program", "examples", "defaults")  # these are text
WHOLE = ("base", "length")  # these may not be expressions
INT, TEXT, NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("int", "str", "null"))


def check_as_written(group: str, tree: Any, text: str, where: str) -> None:
    """Raise UserError that begins with `where` at a value of a file that is not what is written in its text.

    `tree` is what YAML makes of the text.
    """
    texts = yaml.load(text, Loader=yaml.BaseLoader)
    for schema in SCHEMAS[group]:
        for place, kind in typed_places(schema).items():
            written = _at(texts, place)
            if isinstance(written, str) and (reason := misread(kind, _at(tree, place), written)):
                raise UserError(f"{where}: {place}: {written} {reason}")
    if group == "task":
        check_numbers(text, where)


def _at(tree: Any, place: str) -> Any:
    """The value at a place such as `task.name`; None where there is none."""
    for key in place.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


@functools.cache
def typed_places(config_class: type, prefix: str = "") -> dict[str, type]:
    """The keys that hold one value, with dots, and what each is: `{"seed": int, "optimizer.updates": int, ...}`."""
    found: dict[str, type] = {}
    for name, hint in get_type_hints(config_class).items():
        if get_origin(hint) in (Union, types.UnionType):
            hint = next(kind for kind in get_args(hint) if kind is not type(None))
        if is_dataclass(hint):
            found |= typed_places(hint, f"{prefix}{name}.")  # type: ignore[arg-type]
        elif hint in (int, float, bool, str):
            found[prefix + name] = hint
    return found


def misread(kind: type | None, value: Any, text: str | None) -> str | None:
    """The mistake in a value that would be converted to something else than its `text`; None if there is none."""
    converted = isinstance(value, (bool, float)) or isinstance(value, int) and text is not None
    if kind is str and converted and str(value) != text:
        return f'would be read as "{value}"; expected text in quotes'
    if kind is bool and type(value) in (int, float) and value not in (0, 1):
        return "expected true or false"
    return None


def check_numbers(text: str, where: str) -> None:
    """Raise UserError that begins with `where`, a line for each number that is not written in decimal digits alone."""
    root = yaml.compose(text, Loader=get_yaml_loader())
    if not isinstance(root, yaml.MappingNode):
        return
    mistakes = [
        f"{where}: {mistake}"
        for key, value in root.value
        if isinstance(key, yaml.ScalarNode) and key.value not in OTHERS
        for mistake in _mistakes(value, key.value, set())
    ]
    if mistakes:
        raise UserError(*mistakes)


def _mistakes(node: yaml.Node, place: str, seen: set[int]) -> Iterator[str]:
    """The mistakes in a node, keys of mappings included. A node that aliases repeat is looked at once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        if not _is_as_written(node, place):
            accepted = "a whole number" + ("" if place in WHOLE else " or an expression in length and base")
            yield f"{place}: {_reading(node)}; expected {accepted}"
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _mistakes(item, f"{place}[{index}]", seen)
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            yield from _mistakes(key, place, seen)
            yield from _mistakes(item, f"{place}.{getattr(key, 'value', '?')}", seen)


def _reading(node: yaml.ScalarNode) -> str:
    """The number or other value that YAML makes of a text, in words."""
    value = yaml.load(node.value, Loader=get_yaml_loader()) if node.style is None else node.value
    taken = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{node.value}" is no number' if taken == node.value else f"{node.value} would be read as {taken}"


def _is_as_written(node: yaml.ScalarNode, place: str) -> bool:
    """Whether YAML reads a number as it is written. Text that may be an expression is checked where it is used."""
    if node.tag == INT:
        return str(whole_number(node.value)) == node.value
    if node.tag == TEXT:
        return place not in WHOLE or whole_number(node.value) is not None
    return node.tag == NULL

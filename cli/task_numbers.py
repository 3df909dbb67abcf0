"""Numbers in a task file that YAML reads as something else than what is written: 010 is 8, 12:30 is 750, yes true."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from omegaconf._utils import get_yaml_loader

from neurocomp.errors import UserError
from neurocomp.text import whole_number

OTHERS = ("name", "program", "examples", "defaults")  # these are text
WHOLE = ("base", "length")  # these may not be expressions
INT, TEXT, NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("int", "str", "null"))


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
    """What is wrong in a node, keys of mappings included; what an alias repeats is looked at once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        if not _as_written(node, place):
            value = yaml.load(node.value, Loader=get_yaml_loader()) if node.style is None else node.value
            accepted = "a whole number" + ("" if place in WHOLE else " or an expression in length and base")
            taken = str(value).lower() if isinstance(value, bool) else value
            same = str(taken) == node.value
            read = f'"{node.value}" is no number' if same else f"{node.value} would be read as {taken}"
            yield f"{place}: {read}; expected {accepted}"
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _mistakes(item, f"{place}[{index}]", seen)
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            yield from _mistakes(key, place, seen)
            yield from _mistakes(item, f"{place}.{getattr(key, 'value', '?')}", seen)


def _as_written(node: yaml.ScalarNode, place: str) -> bool:
    """Whether what comes of it is what stands there. Text that is to be an expression is looked at where it is used."""
    if node.tag == INT:
        return str(whole_number(node.value)) == node.value
    if node.tag == TEXT:
        return place not in WHOLE or whole_number(node.value) is not None
    return node.tag == NULL

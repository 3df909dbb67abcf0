"""The keys of a configuration with their defaults and meanings, from the dataclasses and the text below each field.

`python -m neurocomp.cli.keys` prints docs/keys.md.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import json
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, NamedTuple

from neurocomp.config import RunConfig, TaskConfig
from neurocomp.machine_config import READINGS
from neurocomp.memorizer.config import SOFT_TASKS, TASKS, MemorizerConfig
from neurocomp.readings.config import ReadingsConfig

# Keys whose values are listed with them, besides those that a dataclass checks itself (`checked_choices`).
CHOICES: dict[str, tuple[str, ...]] = {f"machine.{key}": choices for key, choices in READINGS.items()}
MEMORIZER_CHOICES = {"task": (TASKS[0], *SOFT_TASKS)}


class Key(NamedTuple):
    """A key as it is typed, its default as it is typed (None: a task file has it), other values, and what it means."""

    name: str
    default: str | None
    others: tuple[str, ...]
    meaning: str

    @property
    def assignment(self) -> str:
        """`gamma=0.3`, or `task.base` where there is no default."""
        return self.name if self.default is None else f"{self.name}={self.default}"


def machine_keys() -> list[Key]:
    """The keys of `neurocomp run` for the differentiable machine; those of a task file come last."""
    own = [key for key in _keys(RunConfig, "", CHOICES) if not key.name.startswith("task.")]
    return [*own, *(key._replace(default=None) for key in _keys(TaskConfig, "task.", {}))]


def memorizer_keys() -> list[Key]:
    """The keys of `neurocomp run` for the memorizer."""
    return list(_keys(MemorizerConfig, "", MEMORIZER_CHOICES))


def readings_keys() -> list[Key]:
    """The keys of `neurocomp readings`."""
    return list(_keys(ReadingsConfig, "", {}))


def selected(keys: list[Key], words: list[str]) -> list[Key]:
    """The keys of these names; a name that ends in `.` stands for all that begin with it."""
    return [
        key
        for key in keys
        if any(key.name == word or word.endswith(".") and key.name.startswith(word) for word in words)
    ]


def _keys(config: Any, prefix: str, choices: dict[str, tuple[str, ...]]) -> Iterator[Key]:
    """The fields of a dataclass: keys first, then those of the dataclasses inside."""
    meanings, inside = meanings_of(config), []
    choices = checked_choices(config) | choices
    for field in fields(config):
        if is_dataclass(group := _default(field)):
            inside.append((type(group), f"{prefix}{field.name}."))
        elif field.name != "task" or config is not RunConfig:
            name, default = f"{prefix}{field.name}", _typed(_default(field))
            others = tuple(one for one in choices.get(name, ()) if one != default)
            yield Key(name, default, others, meanings[field.name])
    for group, name in inside:
        yield from _keys(group, name, choices)


def _default(field: Field) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _typed(value: Any) -> str | None:
    """A default as it is given on the command line."""
    return None if value is MISSING else value if isinstance(value, str) else json.dumps(value)


@functools.cache
def checked_choices(config: type) -> dict[str, tuple[str, ...]]:
    """The values that a dataclass accepts, by key: those of its calls of `check_choice` whose key is written out."""
    found = {}
    for call in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(config)))):
        match call:
            case ast.Call(func=ast.Name(id="check_choice"), args=[ast.Constant(value=str(key)), _, choices]):
                names = vars(inspect.getmodule(config))
                found[key] = names[choices.id] if isinstance(choices, ast.Name) else ast.literal_eval(choices)
    return found


@functools.cache
def meanings_of(config: type) -> dict[str, str]:
    """The text below each field of a dataclass, on one line; Python itself does not keep it."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(config))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, text in itertools.pairwise(definition.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(meaning))):
                found[name] = " ".join(meaning.split())
    return found


PAGE = """\
# Keys

Every key of `neurocomp run`, with its default. `neurocomp run --help gamma` prints one of them, and `--help optimizer.`
all that begin so. This page is made by `python -m neurocomp.cli.keys > docs/keys.md` from the dataclasses in
`neurocomp/config.py`, `neurocomp/memorizer/config.py` and `neurocomp/readings/config.py`.

## The differentiable machine

{machine}

## The memorizer

Where `experiment` is one of the memorizer's, these are the keys instead.

{memorizer}

## The search over readings

The keys of `neurocomp readings`.

{readings}
"""


def page() -> str:
    """docs/keys.md."""
    return PAGE.format(
        machine=_table(machine_keys()), memorizer=_table(memorizer_keys()), readings=_table(readings_keys())
    )


def _table(keys: list[Key]) -> str:
    rows = ["| key | default | other values | meaning |", "|---|---|---|---|"]
    for key in keys:
        default = "the task's" if key.default is None else f"`{key.default}`"
        rows.append(f"| `{key.name}` | {default} | {', '.join(f'`{other}`' for other in key.others)} | {key.meaning} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(page(), end="")

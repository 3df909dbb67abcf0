"""The identity of a cell: its hash, its name, and the names of its files."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from typing import Any, cast

from neurocomp.caching import by_text

# The version of what the code computes. Part of every configuration hash: raise it whenever the same configuration
# would give other rows than before (a default that is not written out, an equation, how a seed becomes numbers),
# so that old rows are not mistaken for finished work of the new code. Speed, messages and new options leave it.
SEMANTICS = 1

LONGEST = 230  # a file's name has at most 255 bytes, with what is put around it while it is written
ENDING = 40  # the last characters say seed and hash


def config_hash(identity: dict[str, Any]) -> str:
    """The hash of a cell in 16 hexadecimal digits: equal identities give equal hashes, in any key order."""
    text = json.dumps([SEMANTICS, _canonical(identity)], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hashed(config: Any) -> dict[str, Any]:
    """What the hash is taken of in a configuration dataclass, and in those inside it: all fields but the `unhashed`."""
    return {
        name: dict(_hashed_part(value)) if is_dataclass(value) else value
        for name, (is_hashed, but) in _hashing(config.__class__).items()
        if is_hashed and (value := getattr(config, name)) not in but
    }


@by_text  # most cells of a grid say the same in most parts
def _hashed_part(config: Any) -> dict[str, Any]:
    return hashed(config)


@functools.cache
def _hashing(config_class: type) -> dict[str, tuple[bool, list[Any]]]:
    """Whether each field is a part of the hash, and the values with which it is none."""
    return {
        each.name: (_is_hashed(each), [each.metadata["hashed_unless"]] if "hashed_unless" in each.metadata else [])
        for each in fields(config_class)
    }


def unhashed(config: Any, prefix: str = "") -> Iterator[str]:
    """The keys that are no part of the hash whatever their values, by dotted names; `limits.` is a group of them."""
    for each in fields(config):
        name, inside = f"{prefix}{each.name}", is_dataclass(value := getattr(config, each.name))
        if not _is_hashed(each):
            yield f"{name}." if inside else name
        elif inside:
            yield from unhashed(value, f"{name}.")


def _is_hashed(field: Field[Any]) -> bool:
    return field.metadata.get("hashed", True)


def _canonical(value: Any) -> Any:
    """The value with keys as text (json sorts before it converts), tuples as lists, and 1.0 as 1."""
    if type(value) in (int, str):
        return value
    if isinstance(value, dict):
        return {str(key): _canonical(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def cell_name(task: str, init: str, gamma: float, seed: int, hash: str) -> str:
    """The stem of a cell's files; an initialization given as a path counts by its file name."""
    name = f"{task}-{Path(init).name.removesuffix('.asm')}-g{gamma:g}-s{seed}-{hash[:10]}"
    return file_stem(name)


def file_stem(name: str) -> str:
    """A name that a file can have. A name of more than `LONGEST` bytes loses its middle and keeps its end."""
    stem = re.sub(r"[^\w.+-]", "_", name)
    if len(stem.encode()) <= LONGEST:
        return stem
    end = stem[-ENDING:]
    return stem.encode()[: LONGEST - len(end.encode())].decode(errors="ignore") + end

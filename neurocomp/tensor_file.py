"""Tensors in one safetensors file, and as its metadata the facts that say what they mean: the only writer and reader.

A file is written whole or not at all. What is read may come from anywhere: it must be a regular file of the format
that is expected, and its tensors are checked by name, shape, type and value before anyone computes with them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from neurocomp.errors import UserError
from neurocomp.files import atomic_write, read_bytes
from neurocomp.limits.checking import Most
from neurocomp.shapes import Tensor

Kind = tuple[torch.dtype, tuple[int, ...]]  # of a tensor: its type and shape
LENGTH = 8  # bytes that say how long the header is


def save(path: Path, format: str, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """Write the tensors, in the precision they have, and the facts with `format` among them. May raise OSError."""
    atomic_write(path, to_bytes(format, tensors, facts))


def to_bytes(format: str, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> bytes:
    """The whole file that `save` writes."""
    ready = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    return safetensors.torch.save(ready, metadata={"format": format, **facts})


def load(path: Path, format: str, what: str, most: Most) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and facts of a file whose fact `format` is this one; `what` names such files in a refusal.

    Raises UserError at a file that is larger than `most`, cannot be read, is cut short, or is of another format.
    """
    data = read_bytes(path, most)
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:  # a type that PyTorch lacks
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as safetensors ({reason})") from None
    end = LENGTH + int.from_bytes(data[:LENGTH], "little")
    facts = json.loads(data[LENGTH:end]).get("__metadata__") or {}
    if facts.get("format") != format:
        given = f"format={facts['format']}" if "format" in facts else "none"
        raise UserError(f"{path}: not {what} (expected metadata format={format}, got {given})")
    return tensors, facts


@contextlib.contextmanager
def reading_facts(path: Path) -> Generator[None]:
    """Inside, a fact that is not there, or does not say what it should, is a UserError that names the file."""
    try:
        yield
    except KeyError as error:
        raise UserError(f"{path}: the metadata has no {error.args[0]}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: the metadata cannot be read ({error})") from None


def check_kinds(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Kind], reason: str) -> None:
    """Raise UserError unless the file has these tensors alone; it names the first that differs, and in what.

    `reason` says where the expectation comes from: "KEY has shape (2,), but REASON (3,)".
    """
    for key in [*expected, *tensors]:
        given = (tensors[key].dtype, tuple(tensors[key].shape)) if key in tensors else None
        wanted = expected.get(key)
        shapes = [kind[1] if kind else "no such tensor" for kind in (given, wanted)]
        if shapes[0] != shapes[1]:
            raise UserError(f"{path}: {key} has shape {shapes[0]}, but {reason} {shapes[1]}")
        if given and wanted and given[0] != wanted[0]:
            raise UserError(f"{path}: {key} is {type_name(given[0])}, but {reason} {type_name(wanted[0])}")


def check_finite(path: Path, tensors: Mapping[str, Tensor], hint: str) -> None:
    """Raise UserError at the first tensor with a number that is NaN or infinite; `hint` ends the message."""
    for key, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            (place, *_) = (~value.isfinite()).nonzero().tolist()
            number = value[tuple(place)].item()
            where = f"{key}[{', '.join(map(str, place))}]" if place else key
            raise UserError(f"{path}: {where} is {number}, expected a finite number; {hint}")


def type_name(dtype: torch.dtype) -> str:
    """The name of a type of numbers, such as float32."""
    return str(dtype).removeprefix("torch.")

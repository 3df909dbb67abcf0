"""A training, or a network that is done, in one file: tensors, and as metadata what they mean."""

from __future__ import annotations

from pathlib import Path

from neurocomp import tensor_file
from neurocomp.config import LimitsConfig
from neurocomp.limits.checking import most
from neurocomp.limits.estimates import BYTE_OF_NETWORK
from neurocomp.shapes import Tensor

LIFTED_BY = "limits.memory_gb"
FORMAT = "neurocomp memorizer 1"


def save(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    """Write the whole file, or leave what was there. May raise OSError."""
    tensor_file.save(path, FORMAT, tensors, facts)


def to_bytes(tensors: dict[str, Tensor], facts: dict[str, str]) -> bytes:
    """The whole file that `save` writes."""
    return tensor_file.to_bytes(FORMAT, tensors, facts)


def load(path: Path, limits: LimitsConfig, lifted_by: str = LIFTED_BY) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and facts that `save` wrote.

    Raises UserError at a file that cannot be read, is not ours, or is too large for `limits`. `lifted_by` names the
    limit where the file is given.
    """
    return tensor_file.load(path, FORMAT, "a memorizer of neurocomp", most(limits, BYTE_OF_NETWORK, lifted_by))

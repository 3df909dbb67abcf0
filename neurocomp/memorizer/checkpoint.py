"""A training, or a network that is done, in one file: tensors, and as metadata what they mean."""

from __future__ import annotations

from pathlib import Path

from neurocomp import tensor_file
from neurocomp.shapes import Tensor

FORMAT = "neurocomp memorizer 1"


def save(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    """Write the whole file, or leave what was there. May raise OSError."""
    tensor_file.save(path, tensors, {"format": FORMAT, **facts})


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `save` wrote. Raises UserError at a file that cannot be read or is not ours."""
    return tensor_file.load(path, FORMAT, "a memorizer of neurocomp")

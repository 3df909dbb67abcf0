"""Weights of one restart in a safetensors file, with the sizes and the jump_target that they are for."""

from __future__ import annotations

from pathlib import Path

import torch

from neurocomp import tensor_file
from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.files import atomic_write
from neurocomp.limits.checking import Most, most
from neurocomp.limits.estimates import BYTE_OF_WEIGHTS
from neurocomp.machine.weights import packed_width
from neurocomp.machine_config import MachineConfig, Sizes, check_jump_target
from neurocomp.shapes import Float, Tensor
from neurocomp.text import whole_number

FORMAT = "neurocomp weights 1"
LEAST = Sizes(base=2, registers=1, lines=1)
LARGEST = 1_000_000  # the largest size in a file: no machine comes near it, and numbers of thousands of digits end here
USUAL = most(LimitsConfig(), BYTE_OF_WEIGHTS)
SHOWN = 40  # characters that a message repeats of a size that is no number
PRECISIONS = (torch.float32, torch.float64)


def save_weights(path: Path, logits: Float[Tensor, "L W"], sizes: Sizes, machine: MachineConfig) -> None:
    """Write one restart's packed logits, in their own precision. May raise OSError."""
    atomic_write(path, weights_bytes(logits, sizes, machine))


def weights_bytes(logits: Float[Tensor, "L W"], sizes: Sizes, machine: MachineConfig) -> bytes:
    """The whole file that `save_weights` writes."""
    facts = {key: str(value) for key, value in sizes._asdict().items()}
    return tensor_file.to_bytes(FORMAT, {"logits": logits}, facts | {"jump_target": machine.jump_target})


def load_weights(path: Path, largest: Most = USUAL) -> tuple[Float[Tensor, "L W"], Sizes, MachineConfig]:
    """The packed logits that `save_weights` wrote, their sizes, and a machine with the same jump_target.

    Raises UserError unless the file holds finite logits of that shape, in float32 or float64, and nothing else.
    """
    tensors, facts = tensor_file.load(path, FORMAT, "weights of neurocomp", largest)
    with tensor_file.reading_facts(path):
        sizes = Sizes(*(_size(facts, key) for key in Sizes._fields))
        machine = MachineConfig(jump_target=facts["jump_target"])
        check_jump_target(machine.jump_target, sizes)
    dtype = tensors["logits"].dtype if "logits" in tensors else PRECISIONS[0]
    if dtype not in PRECISIONS:
        raise UserError(f"{path}: logits is {tensor_file.type_name(dtype)}, expected float32 or float64")
    expected = {"logits": (dtype, (sizes.lines, packed_width(sizes, machine)))}
    tensor_file.check_kinds(path, tensors, expected, "by its metadata it has")
    for line, weights in enumerate(tensors["logits"]):
        hint = f"line {line} has no likeliest instruction, so these weights have no program"
        tensor_file.check_finite(path, {f"logits[{line}]": weights}, hint)
    return tensors["logits"], sizes, machine


def _size(facts: dict[str, str], key: str) -> int:
    """One of the sizes that the metadata says. Raises KeyError or ValueError."""
    size, least = whole_number(facts[key]), getattr(LEAST, key)
    if size is None or not least <= size <= LARGEST:
        raise ValueError(f"{key}={facts[key][:SHOWN]}, expected a whole number from {least} to {LARGEST}")
    return size

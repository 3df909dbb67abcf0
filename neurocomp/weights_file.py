"""Weights of one restart in a safetensors file, with the sizes and the reading that say what they mean."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from neurocomp.config import MachineConfig, Sizes, UserError
from neurocomp.machine.weights import packed_width
from neurocomp.shapes import Float, Tensor

FORMAT = "neurocomp weights 1"


def save_weights(path: Path, logits: Float[Tensor, "L W"], sizes: Sizes, machine: MachineConfig) -> None:
    """Write one restart's packed logits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {key: str(value) for key, value in sizes._asdict().items()}
    metadata = {"format": FORMAT, **facts, "jump_target": machine.jump_target}
    save_file({"logits": logits.detach().cpu().contiguous()}, path, metadata=metadata)


def load_weights(path: Path) -> tuple[Float[Tensor, "L W"], Sizes, MachineConfig]:
    """What `save_weights` wrote: packed logits, sizes, and a machine with the same jump_target."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise UserError(f"{path}: not weights of neurocomp (expected metadata format={FORMAT})")
            logits = file.get_tensor("logits")
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read as safetensors ({error})") from None
    try:
        sizes = Sizes(*(int(metadata[key]) for key in Sizes._fields))
        machine = MachineConfig(jump_target=metadata["jump_target"])
    except KeyError as error:
        raise UserError(f"{path}: the metadata has no {error.args[0]}") from None
    except ValueError as error:
        raise UserError(f"{path}: the metadata cannot be read ({error})") from None
    expected = (sizes.lines, packed_width(sizes, machine))
    if tuple(logits.shape) != expected:
        raise UserError(f"{path}: weights of shape {tuple(logits.shape)}, expected {expected} for {sizes}")
    return logits, sizes, machine

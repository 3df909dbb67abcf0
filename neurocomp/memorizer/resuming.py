"""Whether a file is the training to go on with: of this configuration and restart, whole, finite, within its end.

A file that passes is what `Saving` wrote, or holds the same: nothing is computed with it before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from neurocomp import tensor_file
from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.memorizer import checkpoint
from neurocomp.memorizer.training import Training
from neurocomp.shapes import Tensor
from neurocomp.text import whole_number

AreNotes = Callable[[dict, int], bool]  # whether these are notes after so many updates


def load_training(
    path: Path, training: Training, identity: dict[str, str], limit: int, are_notes: AreNotes, limits: LimitsConfig
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and facts of a training with this identity, after at most `limit` updates.

    Raises UserError, which names the file and says to move it away, at anything else.
    """
    try:
        tensors, facts = checkpoint.load(path, limits)
        if not {"updates", "seconds", "notes"} <= facts.keys():
            raise UserError(f"{path}: not a training to go on with")
        tensor_file.check_kinds(path, tensors, training.kinds(), "here the training's has")
        tensor_file.check_finite(path, tensors, "such a training leads nowhere")
        check_identity(path, facts, identity)
        updates = _updates(path, facts, limit)
        check_optimizer(path, tensors, updates, training)
        check_facts(path, facts, updates, training, are_notes)
        check_generators(path, tensors)
    except UserError as error:
        raise UserError(f"{error}; move it away to begin anew") from None
    return tensors, facts


def check_identity(path: Path, facts: dict[str, str], identity: dict[str, str]) -> None:
    """Raise UserError unless the file is of this configuration and restart, whatever it is called."""
    for key, expected in identity.items():
        if facts.get(key) != expected:
            raise UserError(f"{path}: of {key} {facts.get(key, 'unknown')}, expected {expected}")


def _updates(path: Path, facts: dict[str, str], limit: int) -> int:
    updates = whole_number(facts["updates"])
    if updates is None or not 1 <= updates <= limit:
        raise UserError(f"{path}: updates is {facts['updates']}, expected a whole number from 1 to {limit}")
    return updates


def check_optimizer(path: Path, tensors: dict[str, Tensor], updates: int, training: Training) -> None:
    """Raise UserError unless the moments are those of so many updates; float16 skips some of them."""
    for key in training.kinds():
        value = tensors[key]
        if key.endswith(".step"):
            steps = value.item()
            skips = training.scaler.is_enabled() and 0 <= steps < updates and steps == int(steps)
            if steps != updates and not skips:
                raise UserError(f"{path}: {key} is {steps:g}, expected {updates}, as many as its updates")
        elif key.endswith(".exp_avg_sq") and (value < 0).any():
            raise UserError(f"{path}: {key} has a number below 0, expected a mean of squares")


def check_facts(path: Path, facts: dict[str, str], updates: int, training: Training, are_notes: AreNotes) -> None:
    """Raise UserError unless seconds, scaler and notes are such."""
    try:
        seconds = float(facts["seconds"])
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UserError(f"{path}: seconds is {facts['seconds']}, expected a number >= 0")
    scaler, expected = _json(path, facts, "scaler"), training.scaler.state_dict()
    if scaler.keys() != expected.keys() or not all(_is_size(number) for number in scaler.values()):
        raise UserError(f"{path}: scaler is {facts['scaler']}, expected one such as {json.dumps(expected)}")
    notes = _json(path, facts, "notes")
    if not are_notes(notes, updates):
        raise UserError(f"{path}: notes is {facts['notes']}, which is not what is known after {updates} updates")


def _is_size(number: object) -> bool:
    return type(number) in (int, float) and 0 <= number < math.inf  # type: ignore[operator]


def _json(path: Path, facts: dict[str, str], key: str) -> dict[str, Any]:
    try:
        found = json.loads(facts.get(key, ""))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{path}: {key} is {facts.get(key, 'not there')}, expected an object in JSON")
    return found


def check_generators(path: Path, tensors: dict[str, Tensor]) -> None:
    """Raise UserError unless PyTorch takes the state of its generator."""
    try:
        torch.Generator().set_state(tensors["generator"])
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path}: generator is no state of PyTorch's generator ({reason})") from None

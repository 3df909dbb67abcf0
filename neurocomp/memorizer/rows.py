"""What all rows of a memorizer's cell say."""

from __future__ import annotations

import functools
import importlib.metadata

import torch

from neurocomp.devices import thread_count
from neurocomp.memorizer.plan import Plan
from neurocomp.results.provenance import made_by
from neurocomp.results.writer import SCHEMA


def common_columns(plan: Plan) -> dict:
    """What all rows of a cell say."""
    config = plan.config
    return {
        "task": config.task,
        "language": config.language,
        "network": config.network.name,
        "programs": config.programs + len(config.include),
        "included": " ".join(config.include),
        "length": config.length,
        "seed": config.seed,
        "label_smoothing": config.training.label_smoothing,
        "check": config.training.check,
        "device": plan.device.type,
        "precision": config.precision,
        "threads": thread_count(config.threads),
        "config_hash": plan.config_hash,
        **made_by(),
        "torch": torch.__version__,
        "transformers": library_version(),
        "schema": SCHEMA,
    }


@functools.cache
def library_version() -> str | None:
    """Of transformers, where it is installed."""
    try:
        return importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        return None

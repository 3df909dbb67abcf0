"""With complexity=true: how distributed and how simple a restart is, as columns of its row (`columns.COMPLEXITY`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from neurocomp.language.assembly import Program, parse
from neurocomp.language.edits import edit_distance
from neurocomp.methods.rows import rounded
from neurocomp.plan import Plan
from neurocomp.tasks.examples import HeldOut
from neurocomp.tasks.shortening import length, shortened
from neurocomp.tuning.lanes import Tuned
from neurocomp.tuning.spread import spread


def complexity_columns(
    plan: Plan, unseen: HeldOut, tuned: Sequence[Tuned], texts: Sequence[str], hard: Sequence[bool]
) -> list[dict[str, Any]]:
    """The columns of restarts whose weights are finite, which decompiled to these texts, hard or not."""
    task = plan.task
    programs = [parse(text, jump_target=task.machine.jump_target) for text in texts]
    of_soft_runs = spread(torch.stack([restart.logits for restart in tuned]), programs, unseen.test, task)
    right = list(dict.fromkeys(text for text, is_right in zip(texts, hard, strict=True) if is_right))
    found = shortened([programs[texts.index(text)] for text in right], unseen.test, task)
    lengths = {text: length(program) for text, program in zip(right, found, strict=True)}
    numbers = zip(*(part.tolist() for part in of_soft_runs), strict=True)
    return [
        {
            **{name: _finite(number) for name, number in zip(of_soft_runs._fields, of_restart, strict=True)},
            "shortest_lines": lengths.get(text),
            "edits_from_start": _edits(plan.start_of(restart.restart).program, program),
            "edits_from_reference": _edits(task.reference, program),
        }
        for restart, text, program, of_restart in zip(tuned, texts, programs, numbers, strict=True)
    ]


def _finite(number: float) -> float | None:
    return rounded(number) if math.isfinite(number) else None


def _edits(origin: Program | None, program: Program) -> int | None:
    return None if origin is None else edit_distance(origin, program)

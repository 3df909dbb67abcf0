"""What was learned, in words: the abstractions with what each saves and costs, and every task before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from neurocomp.learning.rounds import Learned, Weight
from neurocomp.learning.solving import Problem


class Report(NamedTuple):
    """The abstractions, a row of texts for each task, and what they come to."""

    abstractions: str
    tasks: list[dict[str, str]]
    sums: str


def report(learned: Learned) -> Report:
    """What `neurocomp learn` prints."""
    rows = [_row(weight) for weight in learned.weights] or ["no abstraction saves candidates on the training tasks"]
    training = [one for one in learned.problems if not one.held_out]
    held_out = [one for one in learned.problems if one.held_out]
    sums = [_sums(learned, training, "training")] + ([_sums(learned, held_out, "held-out")] if held_out else [])
    return Report("\n".join(rows), _tasks(learned), "\n".join([*sums, *_remarks(learned)]))


def _row(weight: Weight) -> str:
    row = weight.row
    holes = ", ".join(f"{name}: {kind}" for name, kind in row.holes)
    better = sum(number > 0 for number in weight.saved.values())
    worse = sum(number < 0 for number in weight.saved.values())
    saves = f"saves {weight.gain:,} candidates on {better} training tasks, costs {weight.loss:,} on {worse}"
    used = "\n".join(f"    {program}" for program in row.origin.programs)
    return f"{row.name}({holes}) = {row.body}\n  {saves}; used in\n{used}\n"


def _tasks(learned: Learned) -> list[dict[str, str]]:
    """For each task the candidates to its solution before and after, and the solution."""
    rows: list[dict[str, str]] = []
    for one in learned.problems:
        before, after = (found[one.name] for found in (learned.before, learned.after))
        split = "held-out" if one.held_out else "training"
        numbers = [_number(each.within(one.budget)) for each in (before, after)]
        solution = after.template or before.template or ""
        rows.append(
            dict(
                zip(
                    ("task", "split", "before", "after", "solution"), (one.name, split, *numbers, solution), strict=True
                )
            )
        )
    return rows


def _number(candidates: int | None) -> str:
    return "-" if candidates is None else f"{candidates:,}"


def _sums(learned: Learned, problems: Sequence[Problem], split: str) -> str:
    """How many are solved before and after, and how the candidates of those solved in both compare."""
    before = [learned.before[one.name].within(one.budget) for one in problems]
    after = [learned.after[one.name].within(one.budget) for one in problems]
    both = [(old, new) for old, new in zip(before, after, strict=True) if old and new]
    text = f"{split}: {sum(map(bool, before))} of {len(problems)} solved before, {sum(map(bool, after))} after"
    if not both:
        return text
    ratio = math.exp(sum(math.log(old / new) for old, new in both) / len(both))
    slower = sum(new > old for old, new in both)
    times = f"{ratio:.2f} times fewer candidates" if ratio >= 1 else f"{1 / ratio:.2f} times more candidates"
    return f"{text}; {times} on the {len(both)} solved in both (geometric mean), {slower} of them slower"


def _remarks(learned: Learned) -> list[str]:
    found = [*learned.before.values(), *learned.after.values()]
    cut = sum(one.ended == "seconds" for one in found)
    flukes = sum(one.flukes for one in learned.after.values())
    remarks = [f"{cut} searches ended by synthesis.seconds, so another machine may learn something else"] if cut else []
    if flukes:
        remarks.append(f"{flukes} programs were right on training examples alone and were passed over")
    return remarks

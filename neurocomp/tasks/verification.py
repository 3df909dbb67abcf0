"""Is a program the algorithm? Its printed text is parsed again and run exactly, on held-out inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from neurocomp.language.assembly import Program, parse
from neurocomp.language.executor import Final, encode, execute
from neurocomp.limits.estimates import JUDGED_AT_ONCE
from neurocomp.tasks.examples import HeldOut
from neurocomp.tasks.outcomes import right_words
from neurocomp.tasks.task import Examples, Task


class Verdict(NamedTuple):
    """hard: right on the test examples. general: on the task's general sizes; None where there are none."""

    hard: bool
    general: bool | None


def hard(texts: Sequence[str], examples: Examples, task: Task) -> list[bool]:
    """Whether each printed program, parsed again and run exactly, leaves the right words on all examples."""
    return right_programs([parse(text, jump_target=task.machine.jump_target) for text in texts], examples, task)


def right_programs(programs: Sequence[Program], examples: Examples, task: Task) -> list[bool]:
    """Whether each program, run exactly, leaves the right words on all examples."""
    right = [False] * len(programs)
    for lines in {len(program) for program in programs}:  # a padded program would wrap later
        alike = [index for index, program in enumerate(programs) if len(program) == lines]
        block = max(1, JUDGED_AT_ONCE // len(examples.memory))
        for some in (alike[first : first + block] for first in range(0, len(alike), block)):
            code = encode([programs[index] for index in some], lines)
            for index, is_right in zip(some, holds(code, examples, task).tolist(), strict=True):
                right[index] = is_right
    return right


def holds(code: np.ndarray, examples: Examples, task: Task) -> np.ndarray:
    """Whether each program [P, L, 5] leaves the right words on all examples [P]."""
    return np.all(right_words(run(code, examples, task), examples, task), axis=(1, 2))


def run(code: np.ndarray, examples: Examples, task: Task) -> Final:
    """The words that programs [P, L, 5] leave on the examples, after the task's steps, by the task's readings.

    The examples are shared [N, ...], or each program has its own [P, N, ...].
    """
    machine = task.machine
    return execute(
        code,
        examples.memory,
        examples.registers,
        base=task.sizes.base,
        steps=task.steps,
        halting=machine.halting,
        mod_by_zero=machine.mod_by_zero,
        jump_target=machine.jump_target,
    )


def verdicts(texts: Iterable[str], task: Task, held_out: HeldOut) -> dict[str, Verdict]:
    """The verdict on each printed program; equal texts are run once."""
    different = list(dict.fromkeys(texts))
    general: Sequence[bool | None] = [None] * len(different)
    if task.general and held_out.general:
        general = hard(different, held_out.general, task.general)
    judged = zip(hard(different, held_out.test, task), general, strict=True)
    return {text: Verdict(*both) for text, both in zip(different, judged, strict=True)}

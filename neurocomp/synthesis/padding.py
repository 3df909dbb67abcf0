"""The lines that a program leaves free are noops: their places change only how many steps the program takes."""

from __future__ import annotations

import itertools

import numpy as np

from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.language.isa import CodeRow
from neurocomp.synthesis.assembler import Lowered


def pad(lowered: Lowered, lines: int, padding: str = "end", noops: int | None = None) -> np.ndarray:
    """The code [L, 5] of a program that fits, with `noops` of the free lines (None: all) where `padding` says.

    `end` is after the last instruction, `start` before the first, `spread` evenly before instructions, `loop` before
    the jump back of each loop in turn (without loops: `end`). Free lines beyond `noops` are noops at the end.
    """
    free = lines - len(lowered.rows)
    before = _noops_before(lowered, padding, free if noops is None else min(noops, free))
    # A jump still goes to its instruction, not to the noops before it: a loop's rounds pass only the noops inside it.
    moved = [line + noops for line, noops in enumerate(itertools.accumulate(before))]
    code = [CodeRow(OPCODE["noop"])] * lines
    for line, row in zip(moved, lowered.rows, strict=False):
        code[line] = row._replace(target=moved[row.target] % lines) if row.opcode == OPCODE["jump"] else row
    return np.array(code)


def _noops_before(lowered: Lowered, padding: str, count: int) -> list[int]:
    """How many noops stand before each line, and after the last."""
    lines = len(lowered.rows)
    before = [0] * (lines + 1)
    ends = [end for _, end in lowered.loops]
    if padding == "end":
        before[lines] = count
        return before
    for number in range(count):
        if padding == "spread":
            line = number * lines // count
        elif padding == "loop" and ends:
            line = ends[number % len(ends)]
        else:
            line = 0 if padding == "start" else lines
        before[line] += 1
    return before

"""method=local_search: the discrete counterpart of tuning. Change a program a little; keep that if it is not worse.

It starts where tuning starts: from a program, whose unused slots are random as there is only noise in them after
compilation, or from a random program. All restarts advance together, each with examples and a random stream of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from neurocomp.language.assembly import Program
from neurocomp.language.executor import decode, encode
from neurocomp.search.judge import Judge, Searched, count_right
from neurocomp.search.space import changed, random_code, used_fields
from neurocomp.tasks.task import Examples, Task

TWO_CHANGES = 0.25  # how often a step changes two fields: some programs are two changes from any that is not worse
BLOCK = 256  # steps whose random numbers are drawn at a time
DRAWS = 7  # a step's: whether to change two fields, and for each change a line, a field and a value


def local_search(
    starts: Sequence[Program | None], judges: Sequence[Judge], budget: int, streams: Sequence[np.random.Generator]
) -> list[Searched]:
    """What each restart ends with: the first program that is accepted, else the last one, no worse than any before.

    A step executes one new program of each restart on its training examples; the start counts as one of `budget`.
    A restart depends on its own start, judge and stream alone.
    """
    task, (judge, *_) = judges[0].task, judges
    ended: dict[int, Searched] = {}
    lanes = np.arange(len(judges))
    draws = np.empty((len(judges), 0, DRAWS))
    programs, seconds, began = 1, 0.0, time.perf_counter()
    examples = Examples(*(np.stack(words) for words in zip(*(judge.training for judge in judges), strict=True)))
    code = np.stack([start_code(program, task, stream) for program, stream in zip(starts, streams, strict=True)])
    right = count_right(code, examples, task)
    while True:
        fits = right == judge.words
        found = fits.copy()
        if fits.any():
            found[fits] = judge.holds(code[fits])
        seconds, began = seconds + (time.perf_counter() - began) / len(lanes), time.perf_counter()
        if found.any() or programs == budget:
            leaving = found | (programs == budget)
            for index in np.flatnonzero(leaving).tolist():
                program = decode(code[index], task.machine.jump_target)
                ended[lanes[index]] = Searched(program, bool(fits[index]), bool(found[index]), programs, seconds)
            if leaving.all():
                return [ended[lane] for lane in range(len(judges))]
            lanes, code, right, draws = (words[~leaving] for words in (lanes, code, right, draws))
            examples = Examples(*(words[~leaving] for words in examples))
        turn = (programs - 1) % BLOCK
        if turn == 0:
            draws = np.stack([streams[lane].random((BLOCK, DRAWS)) for lane in lanes.tolist()])
        proposal = step(code, draws[:, turn], task)
        proposed = count_right(proposal, examples, task)
        accepted = proposed >= right
        code = np.where(accepted[:, None, None], proposal, code)
        right = np.where(accepted, proposed, right)
        programs += 1


def step(code: np.ndarray, draws: np.ndarray, task: Task) -> np.ndarray:
    """Each of the programs [P, L, 5] with one field changed, or two; `draws` [P, 7] are uniform in [0, 1)."""
    once = changed(code, draws[:, 1:4], task.sizes, task.machine.jump_target)
    twice = changed(once, draws[:, 4:7], task.sizes, task.machine.jump_target)
    return np.where((draws[:, 0] < TWO_CHANGES)[:, None, None], twice, once)


def start_code(program: Program | None, task: Task, rng: np.random.Generator) -> np.ndarray:
    """The program as ints [L, 5] with random words where it says nothing: everywhere, if it is None."""
    (drawn,) = random_code(1, task.sizes, rng)
    if program is None:
        return drawn
    (given,) = encode([program], task.sizes.lines)
    return np.where(used_fields(task.machine.jump_target)[given[:, 0]], given, drawn)

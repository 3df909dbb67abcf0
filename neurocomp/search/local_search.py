"""method=local_search: the discrete counterpart of tuning. Change a program a little, keep what is no worse.

A restart starts where tuning starts: from a program, or from a random one. A program's unused slots are random here
because compiled weights hold only noise there. All restarts advance together, each with examples and a random stream
of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from neurocomp.language.assembly import Program
from neurocomp.language.executor import decode, encode
from neurocomp.language.isa import COLUMN
from neurocomp.search.judge import Judge, Searched, count_right
from neurocomp.search.space import changed, random_code, used_fields
from neurocomp.tasks.task import Examples, Task

TWO_CHANGES = 0.25  # how often a step changes two fields: some programs are two changes away from any that is no worse
BLOCK = 256  # steps whose random numbers are drawn at a time
DRAWS = 7  # random numbers of a step: whether to change two fields; then a line, a field and a value for each change


def local_search(
    starts: Sequence[Program | None],
    judges: Sequence[Judge],
    budget: int,
    streams: Sequence[np.random.Generator],
    limit: float | None = None,
) -> list[Searched]:
    """The result of each restart: the first program that is accepted, else the last one, no worse than any before it.

    A step executes one new program of each restart on its training examples; the start counts as one of `budget`.
    The judges share task, validation and number of examples. A restart depends on its own start, examples and stream
    alone, unless `limit` ends it: so many seconds of this thread on a core are its shares of the steps that it was in.
    """
    task, (judge, *_) = judges[0].task, judges
    results: dict[int, Searched] = {}
    # Invariant: restart restarts[i] owns row i of code, right, draws and examples. All five lose the rows of finished
    # restarts by the same mask; if one did not, a restart would go on with another's random numbers or examples.
    restarts = np.arange(len(judges))
    draws = np.empty((len(judges), 0, DRAWS))
    programs, seconds, core_seconds, began, core_began = 1, 0.0, 0.0, time.perf_counter(), time.thread_time()
    examples = Examples(*(np.stack(words) for words in zip(*(judge.training for judge in judges), strict=True)))
    code = np.stack([start_code(program, task, stream) for program, stream in zip(starts, streams, strict=True)])
    right = count_right(code, examples, task)
    while True:
        fits = right == judge.words
        found = fits.copy()
        if fits.any():
            found[fits] = judge.holds(code[fits])
        seconds, began = seconds + (time.perf_counter() - began) / len(restarts), time.perf_counter()
        core_seconds += (time.thread_time() - core_began) / len(restarts)
        core_began, last = time.thread_time(), programs == budget
        limited = limit is not None and core_seconds >= limit and not last
        if found.any() or last or limited:
            finished = found | (last or limited)
            for row in np.flatnonzero(finished).tolist():
                results[restarts[row]] = Searched(
                    decode(code[row], task.machine.jump_target),
                    fit=bool(fits[row]),
                    found=bool(found[row]),
                    programs=programs,
                    seconds=seconds,
                    core_seconds=core_seconds,
                    cut="limit" if limited and not found[row] else "",
                )
            if finished.all():
                return [results[restart] for restart in range(len(judges))]
            restarts, code, right, draws = (rows[~finished] for rows in (restarts, code, right, draws))
            examples = Examples(*(words[~finished] for words in examples))
        turn = (programs - 1) % BLOCK
        if turn == 0:
            # Each restart takes a whole block, so its random numbers do not depend on the restarts beside it.
            draws = np.stack([streams[restart].random((BLOCK, DRAWS)) for restart in restarts.tolist()])
        code, right = advanced(code, right, draws[:, turn], examples, task)
        programs += 1


def advanced(
    code: np.ndarray, right: np.ndarray, draws: np.ndarray, examples: Examples, task: Task
) -> tuple[np.ndarray, np.ndarray]:
    """The programs [P, L, 5] after a step, and how many words they leave right [P]: each changed one that is no worse.

    `right` are the counts of `code` on the same examples; `draws` as for `step`.
    """
    proposal = step(code, draws, task)
    proposed = count_right(proposal, examples, task)
    # Equal is good enough. Changes that keep the count are hundreds of times as frequent as changes that raise it, and
    # a program that no single change improves can drift over its equals to one that has such a change. With `>` none
    # of 20 restarts finds `inc` within 20,000 programs; with `>=` 10 do. Counts never fall, so the last program is no
    # worse than any before it.
    accepted = proposed >= right
    code = np.where(accepted[:, None, None], proposal, code)
    right = np.where(accepted, proposed, right)
    return code, right


def step(code: np.ndarray, draws: np.ndarray, task: Task) -> np.ndarray:
    """Each of the programs [P, L, 5] with one or two fields changed; `draws` [P, 7] are uniform in [0, 1)."""
    once = changed(code, draws[:, 1:4], task.sizes, task.machine.jump_target)
    twice = changed(once, draws[:, 4:7], task.sizes, task.machine.jump_target)
    return np.where((draws[:, 0] < TWO_CHANGES)[:, None, None], twice, once)


def start_code(program: Program | None, task: Task, rng: np.random.Generator) -> np.ndarray:
    """The code [L, 5] of a program, with random values in the slots that it does not use; None is a random program."""
    (drawn,) = random_code(1, task.sizes, rng)
    if program is None:
        return drawn
    (given,) = encode([program], task.sizes.lines)
    return np.where(used_fields(task.machine.jump_target)[given[:, COLUMN.opcode]], given, drawn)

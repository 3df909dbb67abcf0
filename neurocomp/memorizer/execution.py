"""Runs in which a network provides the instructions and subleq carries them out."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from neurocomp.memorizer.dataset import line_tokens
from neurocomp.memorizer.interpreter import START
from neurocomp.memorizer.languages import Run, Table
from neurocomp.memorizer.network import classify
from neurocomp.memorizer.training import autocast

Fetch = Callable[[np.ndarray, np.ndarray], Table]
"""(C_t of some lanes [n], their descriptions [n]) -> the instructions there [n, F]."""


def fetcher(
    network: nn.Module, sizes: Sequence[int], numbers: int, device: torch.device, precision: str = "float32"
) -> Fetch:
    """Instructions from the network. Descriptions are program numbers; there are `numbers` instruction numbers."""
    network.eval()

    def fetch(lines: np.ndarray, programs: np.ndarray) -> Table:
        tokens = line_tokens(lines, programs, numbers).to(device)
        with torch.inference_mode(), autocast(device, precision):
            return classify(network(tokens), sizes).cpu().numpy()

    return fetch


def remembered(fetch: Fetch) -> Fetch:
    """The same instructions; `fetch` is asked for each of them once, however many lanes come by and however often."""
    known: dict[tuple[int, int], np.ndarray] = {}

    def recall(lines: np.ndarray, descriptions: np.ndarray) -> Table:
        places = list(zip(lines.tolist(), descriptions.tolist(), strict=True))
        if new := sorted({place for place in places if place not in known}):
            known.update(zip(new, fetch(*np.array(new).T), strict=True))
        return np.stack([known[place] for place in places])

    return recall


def drive(
    fetch: Fetch, descriptions: np.ndarray, lengths: np.ndarray, memories: Sequence[Sequence[int]], steps: int
) -> list[Run]:
    """Run subleq in all lanes side by side, with no instruction memory but `fetch`, which is asked for what they reach.

    `lengths` are the programs' numbers of instructions, beyond which a run ends as `missing`; words are Python's
    ints, of any size, in arrays of objects.
    """
    lanes = len(descriptions)
    memory = np.array([list(words) for words in memories], dtype=object).reshape(lanes, -1)
    line, outcome = np.full(lanes, START), np.full(lanes, "limit", dtype=object)
    done: list[list[tuple]] = [[] for _ in range(lanes)]
    running = np.arange(lanes)
    fetch = remembered(fetch)
    for _ in range(steps):
        there = line[running] < lengths[running]
        outcome[running[~there]] = "missing"
        running = running[there]
        if not len(running):
            break
        now = line[running]
        a, b, c = fetch(now, descriptions[running]).T
        memory[running, b] -= memory[running, a]
        written = memory[running, b]
        for lane, step in zip(running, zip(now, a, b, c, written, strict=True), strict=True):
            done[lane].append(tuple(map(int, step)))
        line[running] = np.where(written <= 0, c, now + 1)
        outcome[running[c == 0]] = "halted"
        running = running[c != 0]
    return [
        Run(tuple(steps), tuple(words), end) for steps, words, end in zip(done, memory.tolist(), outcome, strict=True)
    ]


def outcomes_text(runs: Sequence[Run]) -> str:
    """How many runs ended how: `halted=7 limit=1`."""
    ends = collections.Counter(run.outcome for run in runs)
    return " ".join(f"{end}={count}" for end, count in sorted(ends.items()))


def recalled(fetch: Fetch, program: int, length: int) -> Table:
    """All instructions of one program, from the network."""
    return fetch(np.arange(length), np.full(length, program))

"""Do the learners with a memory use it? The copy task of the neural Turing machine: `python -m tests.copy_task ntm`.

A network reads up to five random vectors of eight bits and a mark, and then says them again (Graves, Wayne and
Danihelka 2014, section 4.1). Every thousand updates a line says how many of 256 sequences of five vectors, and of ten,
which it never saw, each of three networks copies without a mistake. It ends when all copy ten, or after an hour.
"""

from __future__ import annotations

import sys
import time

import torch

from neurocomp.learners.networks import NETWORKS
from neurocomp.learners.training import Stack, advance, shares
from neurocomp.learners.words import Questions
from neurocomp.search_config import LearnerConfig
from neurocomp.tuning import optimizer

BITS, LONGEST, LONGER, NETWORKS_AT_ONCE, BATCH, TESTED = 8, 5, 10, 3, 16, 256
SECONDS = 3600


def copies(length: int, count: int, drawn: torch.Generator) -> Questions:
    """Sequences [count, 2 length + 1, F]: the vectors, a mark, and as many questions."""
    bits = torch.randint(0, 2, (count, length, BITS), generator=drawn).float()
    tokens = torch.zeros(count, 2 * length + 1, BITS + 2)
    tokens[:, :length, :BITS] = bits
    tokens[:, length, BITS] = 1
    tokens[:, length + 1 :, BITS + 1] = 1
    return Questions(tokens, bits, torch.ones(count, length, dtype=torch.bool))


def main(kind: str) -> None:
    torch.set_num_threads(1)
    config = LearnerConfig(kind=kind, slots=16, layers=2 if kind == "transformer" else 1)
    stack = Stack(lambda: NETWORKS[kind](BITS + 2, BITS, config))
    state = optimizer.init(stack.first(range(NETWORKS_AT_ONCE)))
    drawn, began = torch.Generator().manual_seed(0), time.perf_counter()
    short, long = (copies(length, TESTED, torch.Generator().manual_seed(1)) for length in (LONGEST, LONGER))
    print("updates  seconds  loss    five copied %     ten copied %", flush=True)
    while time.perf_counter() - began < SECONDS:
        length = int(torch.randint(1, LONGEST + 1, (), generator=drawn))
        some = [copies(length, BATCH, drawn) for _ in range(NETWORKS_AT_ONCE)]
        state, loss = advance(
            stack, state, Questions(*(torch.stack(parts) for parts in zip(*some, strict=True))), config
        )
        if state.updates[0] % 1000 == 0:
            found = [shares(stack, state.logits, asked) for asked in (short, long)]
            told = ["  ".join(f"{100 * share:5.1f}" for share in each.tolist()) for each in found]
            seconds = time.perf_counter() - began
            print(f"{state.updates[0]:7}  {seconds:7.0f}  {loss.mean():.4f}  {told[0]}  {told[1]}", flush=True)
            if found[1].min() == 1:
                return


if __name__ == "__main__":
    main(sys.argv[1])

"""Has a restart recovered the algorithm? fit and soft run its weights, hard and general run its text.

fit and soft: the most likely words after T steps are right, on the training examples and on held-out inputs.
hard and general: the weights are decompiled to text, which `tasks/verification.py` judges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from neurocomp.compilation.decompiler import decisions, decompile
from neurocomp.engine import Engine
from neurocomp.language.assembly import format_program
from neurocomp.limits.estimates import SOFT_AT_ONCE
from neurocomp.machine.run import Run
from neurocomp.machine.simplex import most_likely
from neurocomp.machine.state import State, start_state
from neurocomp.shapes import Bool, Float, Int, Tensor
from neurocomp.tasks.examples import HeldOut
from neurocomp.tasks.task import Examples, Task
from neurocomp.tasks.verification import hard, verdicts
from neurocomp.tuning.objective import Targets


class Batch(NamedTuple):
    """The examples of K restarts as tensors: start states, the words that are checked, those that the loss asks for."""

    start: State
    targets: Targets
    supervised: Targets


class Measures(NamedTuple):
    """The measures of a restart on test inputs; general is None for tasks without general sizes."""

    soft: bool
    hard: bool
    general: bool | None


def to_batch(
    examples: list[Examples],
    task: Task,
    dtype: torch.dtype,
    device: torch.device,
    all_registers: bool = False,
) -> Batch:
    """The examples of K restarts, stacked, with the words that the task checks.

    With `all_registers` the loss also asks for every final register of the reference program (Eq. 12, mu_R).
    """
    memory, registers, final_memory, final_registers = (
        torch.from_numpy(np.stack(words)).to(device) for words in zip(*examples, strict=True)
    )
    cells, indices = list(task.checked_memory), list(task.checked_registers)
    targets = Targets(final_memory[..., cells], final_registers[..., indices], cells, indices)
    every = Targets(targets.memory, final_registers, cells, list(range(task.sizes.registers)))
    start = start_state(memory, registers, task.sizes, dtype)
    return Batch(start, targets, every if all_registers else targets)


def says(rows: Float[Tensor, "*batch V"], words: Int[Tensor, "*batch"]) -> Bool[Tensor, "*batch"]:
    """Whether the most likely word of each row is this one. A row with NaN or inf has no most likely word."""
    return (most_likely(rows) == words) & rows.isfinite().all(dim=-1)


def right_words(run: Run, targets: Targets) -> Bool[Tensor, "K"]:
    """Whether every checked word of every example is the most likely one."""
    memory = says(run.memory[:, :, targets.cells], targets.memory)
    registers = says(run.registers[:, :, targets.register_indices], targets.registers)
    return memory.flatten(1).all(dim=1) & registers.flatten(1).all(dim=1)


@torch.no_grad()
def soft(logits: Float[Tensor, "K L W"], examples: Examples, task: Task, engine: Engine) -> Bool[Tensor, "K"]:
    """Whether the soft machine's most likely words are right on all examples; the restarts share the examples."""
    block = max(1, SOFT_AT_ONCE // len(examples.memory))
    right = [torch.zeros(0, dtype=torch.bool, device=logits.device)]
    for part in logits.split(block) if len(logits) else ():
        batch = to_batch([examples] * len(part), task, logits.dtype, logits.device)
        right.append(right_words(engine(part, batch.start, task.sizes, task.machine, task.steps), batch.targets))
    return torch.cat(right)


def program_text(logits: Float[Tensor, "L W"], task: Task) -> tuple[str, float]:
    """One restart's program on one line, and the margin of its least certain decision."""
    program, _, margin = decompile(logits, task.sizes, task.machine)
    return format_program(program, one_line=True, jump_target=task.machine.jump_target), margin


class Validation:
    """Decides whether a restart may finish as recovered: soft and hard hold on the validation examples.

    A restart often keeps its decisions for many updates, so the verdict on each program is remembered.
    """

    def __init__(self, task: Task, examples: Examples, engine: Engine):
        self.task, self.examples, self.engine = task, examples, engine
        self.verdicts: dict[bytes, bool] = {}

    def holds(self, logits: Float[Tensor, "K L W"], fits: Bool[Tensor, "K"]) -> Bool[Tensor, "K"]:
        """Which lanes are right on validation; only those that fit their training examples can be.

        hard is judged first because its verdicts are remembered, and many restarts that fit never pass it.
        """
        right = torch.zeros_like(fits)
        fitting = fits.nonzero().flatten()
        programs = decisions(logits[fitting], self.task.sizes).to(torch.int32).cpu().numpy()
        verdicts = self._hard([program.tobytes() for program in programs], logits[fitting])
        candidates = fitting[torch.tensor(verdicts, dtype=torch.bool, device=fits.device)]
        right[candidates] = soft(logits[candidates], self.examples, self.task, self.engine)
        return right

    def _hard(self, keys: list[bytes], logits: Float[Tensor, "K L W"]) -> list[bool]:
        new = {key: lane for lane, key in enumerate(keys) if key not in self.verdicts}
        texts = [program_text(logits[lane], self.task)[0] for lane in new.values()]
        self.verdicts.update(zip(new, hard(texts, self.examples, self.task), strict=True))
        return [self.verdicts[key] for key in keys]


def measure(
    logits: Float[Tensor, "K L W"], texts: list[str], task: Task, held_out: HeldOut, engine: Engine
) -> list[Measures]:
    """soft, hard and general of each restart on the test examples; equal texts are run once."""
    softs = soft(logits, held_out.test, task, engine).tolist()
    judged = verdicts(texts, task, held_out)
    return [Measures(right, *judged[text]) for right, text in zip(softs, texts, strict=True)]

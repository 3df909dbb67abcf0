"""The machine under its default readings in JAX, as fast as we could write it there: `bench` times it as a peer.

It is a jit of the whole update, vmap over restarts and examples, scan over steps. Three changes made it faster than
the literal equations:
- T of Eq. 6 comes in pieces: inc, dec, add, sub are one distribution of shifts, min and max are cumulative sums, mod is
  a table on the outer product of the operands.
- Lines and registers are mixed by products and sums, which XLA fuses, instead of batched products of small matrices,
  which it does not fuse.
- A step is computed again in the backward (`jax.checkpoint`) instead of being stored.
"""

from __future__ import annotations

import functools

import jax  # pyright: ignore[reportMissingImports]
import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
import numpy as np
import torch

from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.language.isa import BY_NAME, INDEX, OPCODES, WRITING, compute
from neurocomp.machine_config import Sizes
from neurocomp.shapes import Float, Tensor
from neurocomp.tasks.task import Task
from neurocomp.tuning.objective import TINY
from neurocomp.tuning.recovery import Batch


class JaxPeer:
    """The weights and moments of K restarts, and the compiled update that replaces them."""

    def __init__(
        self,
        logits: Float[Tensor, "K L W"],
        batch: Batch,
        task: Task,
        objective: ObjectiveConfig,
        config: OptimizerConfig,
    ):
        targets = batch.supervised
        examples = (*batch.start, targets.memory, targets.registers)
        self.examples = tuple(jnp.asarray(part.numpy()) for part in examples)
        lane = functools.partial(
            loss,
            sizes=task.sizes,
            steps=task.steps,
            cells=targets.cells,
            indices=targets.register_indices,
            objective=objective,
        )
        over_examples = jax.vmap(lane, in_axes=(None, *[0] * len(examples)))
        self._losses = jax.vmap(lambda lines, *examples: over_examples(lines, *examples).mean())
        self._update = jax.jit(functools.partial(adam, self._losses, config))
        start = jnp.asarray(logits.numpy())
        self.state = (start, jnp.zeros_like(start), jnp.zeros_like(start), jnp.float32(0))

    def update(self) -> None:
        """Make an update, and wait until it is done."""
        self.state = jax.block_until_ready(self._update(self.state, *self.examples))

    def losses_and_gradient(self) -> tuple[Float[Tensor, "K"], Float[Tensor, "K L W"]]:
        """Loss and gradient at the current weights, for the test that compares them with the plain machine's."""
        values = self._losses(self.state[0], *self.examples)
        slopes = jax.grad(lambda logits: self._losses(logits, *self.examples).sum())(self.state[0])
        return torch.tensor(np.asarray(values)), torch.tensor(np.asarray(slopes))


def adam(losses, config: OptimizerConfig, state, *examples):
    """`optimizer.update` of the gradient."""
    logits, first, second, updates = state
    gradient = jax.grad(lambda logits: losses(logits, *examples).sum())(logits)
    if config.clip is not None:
        norm = jnp.sqrt(jnp.square(gradient).sum(axis=(1, 2), keepdims=True))
        gradient = gradient * (config.clip / jnp.maximum(norm, config.clip))
    updates = updates + 1
    first = config.beta1 * first + (1 - config.beta1) * gradient
    second = config.beta2 * second + (1 - config.beta2) * jnp.square(gradient)
    scale = jnp.sqrt(second / (1 - config.beta2**updates)) + config.epsilon
    return logits - config.learning_rate / (1 - config.beta1**updates) * first / scale, first, second, updates


def loss(
    lines, memory, registers, counter, halted, right_memory, right_registers, *,
    sizes: Sizes, steps: int, cells: list[int], indices: list[int], objective: ObjectiveConfig,
):  # fmt: skip
    """The loss of one restart on one example: `machine.run`, then `objective.losses`."""
    one_step = jax.checkpoint(functools.partial(step, lines, sizes))
    end, trace = jax.lax.scan(one_step, (memory, registers, counter, halted), length=steps)
    value = 0.0
    if cells:
        value += cross_entropy(end[0][np.array(cells)], right_memory)
    if indices:
        value += cross_entropy(end[1][np.array(indices)], right_registers)
    return value + objective.efficiency * (1 - trace).sum() if objective.efficiency else value


def cross_entropy(predicted, words):
    right = jnp.take_along_axis(predicted, words[:, None], axis=1)[:, 0]
    return (jnp.log(predicted.sum(axis=1) + TINY) - jnp.log(right + TINY)).mean()


def step(lines, sizes: Sizes, state, _=None):
    """`machine.step.step` of one lane."""
    memory, registers, counter, halted = state
    slots_end = len(OPCODES) + 3 * sizes.registers
    mixed = (counter[:, None] * lines).sum(axis=0)
    opcode = jax.nn.softmax(mixed[: len(OPCODES)])
    slots = jax.nn.softmax(mixed[len(OPCODES) : slots_end].reshape(3, sizes.registers), axis=1)
    goal = jax.nn.softmax(mixed[slots_end:])
    x, y = (slots[:2, :, None] * registers).sum(axis=1)

    output = interpret(opcode, x, y, memory, sizes.base)
    writing, write, jump = opcode[WRITING].sum(), opcode[INDEX["write"]], opcode[INDEX["jump"]]
    following = jnp.roll(counter, 1)
    moving = 1 - halted
    halted = halted + moving * opcode[INDEX["halt"]]
    return (
        memory + moving * write * x[:, None] * (y - memory),
        registers + moving * slots[2][:, None] * (output - writing * registers),
        counter + moving * (following + jump * x[0] * (goal - following) - counter),
        halted,
    ), halted


def interpret(opcode, x, y, memory, base: int):
    """The word that the opcode computes (Eq. 6), in pieces (see module). Words have mass 1 under these readings."""
    first = jnp.zeros(base).at[0].set(1.0)
    shifts = (
        opcode[INDEX["inc"]] * jnp.roll(first, 1)
        + opcode[INDEX["dec"]] * jnp.roll(first, -1)
        + opcode[INDEX["add"]] * y
        + opcode[INDEX["sub"]] * jnp.roll(y[::-1], 1)
    )
    by_shift = shifts[(np.arange(base) - np.arange(base)[:, None]) % base]
    x_from, y_from = (jnp.cumsum(word[::-1])[::-1] for word in (x, y))  # the mass of v and above
    smaller = x * y_from + (x_from - x) * y
    larger = x * (1 - y_from + y) + (1 - x_from) * y
    remainder = (x[:, None] * y).ravel() @ mod_table(base)
    return (
        x @ (by_shift + opcode[INDEX["read"]] * memory)
        + opcode[INDEX["zero"]] * first
        + opcode[INDEX["min"]] * smaller
        + opcode[INDEX["max"]] * larger
        + opcode[INDEX["mod"]] * remainder
    )


def mod_table(base: int) -> np.ndarray:
    """One-hot results of `mod`, a row for each pair (x, y)."""
    words = [compute(BY_NAME["mod"], x, y, base, "zero") for x in range(base) for y in range(base)]
    return np.eye(base, dtype=np.float32)[words]

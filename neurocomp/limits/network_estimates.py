"""Estimates of the memorizer in plain ints: networks, their training, and the runs that they drive."""

from __future__ import annotations

from neurocomp.limits.estimates import OPCODES, PYTHON_STEP, ROW, TEXT_ROW, TEXTS, Need, plus


def parameters(hidden: int, intermediate: int, layers: int, vocabulary: int, tokens: int, outputs: int) -> int:
    """How many numbers a BERT encoder with its pooler and head has."""
    layer = 4 * hidden * (hidden + 1) + 2 * hidden * intermediate + intermediate + 5 * hidden
    around = (vocabulary + tokens + 1) * hidden + 2 * hidden + hidden * (hidden + 1) + (hidden + 1) * outputs
    return layers * layer + around


def network(*, hidden: int, intermediate: int, layers: int, vocabulary: int, outputs: int, tokens: int = 2) -> Need:
    """A network that is made or loaded: its numbers twice in float32, and 50 kB of modules a layer, made in 2 ms."""
    numbers = parameters(hidden, intermediate, layers, vocabulary, tokens, outputs)
    return Need(8 * numbers + 50_000 * layers, 2 * numbers + 2_000_000 * layers)


def training(
    *, hidden: int, intermediate: int, layers: int, heads: int, vocabulary: int, outputs: int, tokens: int, batch: int,
    updates: int,
) -> Need:  # fmt: skip
    """Gradient, two moments and a copy of each number, and the activations of a batch, each kept for its gradient.

    A product of matrices does 64 floating-point operations in an elementary one; AdamW takes 1 a number.
    """
    numbers = parameters(hidden, intermediate, layers, vocabulary, tokens, outputs)
    inside = parameters(hidden, intermediate, layers, 0, 0, 0) + layers * tokens * hidden
    activations = tokens * layers * (10 * hidden + 2 * intermediate + 2 * heads * tokens) + 4 * outputs
    arithmetic = 6 * batch * (tokens * inside + hidden * outputs)
    made = network(
        hidden=hidden, intermediate=intermediate, layers=layers, vocabulary=vocabulary, outputs=outputs, tokens=tokens
    )
    return plus(made, Need(16 * numbers + 4 * batch * activations, updates * (arithmetic // 64 + numbers)))


def theorem1(*, fields: int, programs: int, lines: int, memory: int) -> Need:
    """The numbers of `memorizer.theorem1.construct` in float64 with four copies; [2 P, 2 G] and squares of classes."""
    numbers = fields * (4 * programs * lines + 6 * (programs + lines) + 2 * lines * memory + memory**2 + lines**2)
    return Need(40 * numbers, 40 * numbers)


def memorization(
    *, programs: int, length: int, lines: int, memory: int, registers: int, runs: int, steps: int, restarts: int,
    hidden: int, intermediate: int, layers: int, heads: int, vocabulary: int, tokens: int, batch: int, updates: int,
    assembly: bool, by_theorem1: bool, on_gpu: bool,
) -> Need:  # fmt: skip
    """A cell of the memorizer: programs as labels and tokens, the network and its training, the runs that it drives.

    `vocabulary` are the pieces of words of soft tasks. batch 0 is the paper's share of all instructions.
    """
    fields, outputs = (5, OPCODES + 3 * registers + lines) if assembly else (3, 2 * memory + lines)
    instructions, driven_runs = programs * length, programs * runs
    # What a step did, and half for the instruction that the network said there. Assembly's trace keeps all words.
    a_step = 600 + 16 * (memory + registers) * assembly
    parts = [
        Need(3_000 * programs + instructions * (24 * fields + 32), 20_000 * programs + 50 * instructions),
        Need(driven_runs * (16 * memory + steps * a_step), driven_runs * (steps * 2 * PYTHON_STEP + 50 * memory)),
        Need(100 * vocabulary + ROW * restarts, 1_000 * vocabulary),
    ]
    if by_theorem1:
        parts.append(theorem1(fields=fields, programs=programs, lines=lines, memory=memory))
        fetch = parts[-1].work // 40
    else:
        of = training(
            hidden=hidden,
            intermediate=intermediate,
            layers=layers,
            heads=heads,
            tokens=tokens,
            vocabulary=lines + programs + vocabulary,
            outputs=outputs,
            updates=updates,
            batch=min(batch or max(1, instructions // 20), TEXTS if vocabulary else instructions),
        )
        parts.append(Need(of.memory, of.work // (100 if on_gpu else 1)))
        fetch = tokens * parameters(hidden, intermediate, layers, 0, 0, outputs)
    done = plus(*parts, Need(0, driven_runs * steps * fetch // (3_200 if on_gpu else 32)))
    return Need(done.memory, restarts * (done.work + TEXT_ROW))


# --- Subleq


def subleq(*, size: int, steps: int) -> Need:
    """A data memory of `size` words at 40 bytes, 100 operations a step; words that grow are counted as it runs."""
    return Need(40 * size, 100 * steps + 200 * size)


def driven(*, size: int, steps: int) -> Need:
    """A run that a network drives, beside the exact one: both keep their steps, 350 bytes each; 0.5 ms a fetch."""
    return Need(80 * size + 700 * steps, 500_000 * steps)

"""Estimates in plain ints: sizes -> bytes of memory and elementary operations; docs/limits.md lists them.

Constants were measured: bytes of the objects that are made, nanoseconds of one core. `checking.check` compares.
"""

from __future__ import annotations

from typing import NamedTuple


class Need(NamedTuple):
    """Bytes of memory, and elementary operations; an operation is what one core does in about a nanosecond."""

    memory: int
    work: int


OPCODES, COMPUTING = 13, 8  # tests hold them to `isa`
ROW = 4_000  # bytes of a restart's row while a results file is read
TEXT_ROW = 70_000  # operations to read it
PYTHON_STEP = 500  # operations of one step in an exact interpreter
TEXTS = 67_349  # of soft tasks, as many as SST-2 has for training
COMPILED_STEP = 6  # of one step in the executor
JUDGED_AT_ONCE = 65_536  # programs x examples that the executor judges at a time
SOFT_AT_ONCE = 4_096  # restarts x examples that the soft machine runs at a time without gradient
VALIDATION, TEST = 64, 256  # held-out examples, at most
HELD_OUT = VALIDATION + TEST
PACK_BYTES = 32  # the fused engine's vector
SYNTHESIZED_A_SECOND = 400_000  # programs that a search for templates can try in a second, at most
UPDATES_A_SECOND = 100_000  # updates that a restart can make in a second of a core, at most: 20,000 were measured
BYTE_OF_WEIGHTS = 8  # bytes for each of a file of weights: as it is read, in float64, sorted
BYTE_OF_NETWORK = 4  # of a memorizer's file: as it is read, as tensors, in the network and its optimizer
BYTE_OF_EXAMPLES = 200  # of a CSV of examples, whose rows may be one digit
BYTE_OF_INPUTS = 30  # of the lines of exec --inputs, which are kept as text
BYTE_OF_CURVES = 20  # of loss curves, whose lines are kept as text
LEARNERS_AT_ONCE = 10  # restarts that are trained side by side, always the same ones
ENUMERABLE = 10_000_000  # programs a restart of method=enumerate: below 1 GB, all of Python included


def plus(*needs: Need) -> Need:
    """All of them, one beside the other."""
    return Need(sum(need.memory for need in needs), sum(need.work for need in needs))


# --- A task and exact runs


def examples(base: int, registers: int, steps: int, count: int) -> Need:
    """`count` start states and the reference's final words: 45 bytes a word, a Python step for each step."""
    words = count * (base + registers)
    return Need(45 * words, count * steps * PYTHON_STEP + 150 * words)


def task(base: int, registers: int, lines: int) -> Need:
    """A task at 250 bytes a cell, register or line, and its held-out words and opcodes, without which it has no use."""
    return plus(
        Need(250 * (base + registers + lines), 3_000 * (base + registers + lines)),
        examples(base, registers, 0, HELD_OUT),
        results_of_opcodes(base),
    )


def file_of_examples(base: int, registers: int, rows: int) -> Need:
    """The words of its rows, start and final, at 8 bytes, and as keys; their rows are compared."""
    words = rows * (base + registers)
    return Need(40 * words, 100 * words)


def results_of_opcodes(base: int) -> Need:
    """The executor's table of results [O, b, b], as int64 and, while it is made, as lists."""
    return Need(130 * base**2, 3_000 * base**2)


def executor(base: int, registers: int, steps: int, lanes: int, runs: int) -> Need:
    """`runs` compiled runs, at most `lanes` at a time: the words before and after as int64."""
    return Need(48 * min(lanes, runs) * (base + registers), runs * (steps * COMPILED_STEP + base + registers))


def exact(*, base: int, registers: int, lines: int, steps: int, inputs: int, printed: int = 0) -> Need:
    """`exec` on ints: 100 bytes a word, 300 a line; `printed` is 1 where each step prints all words."""
    words = base + registers
    return Need(
        100 * words + 300 * lines,
        inputs * (steps * (PYTHON_STEP + 200 * printed * words) + 500 * words) + 3_000 * lines,
    )


# --- The soft machine


def width(registers: int, lines: int) -> int:
    """W of the packed weights, with a selector over lines."""
    return OPCODES + 3 * registers + lines


def weights(registers: int, lines: int, restarts: int) -> Need:
    """Weights [K, L, W] as they are compiled: noise, the program, their sum and its logarithm in float64."""
    numbers = lines * width(registers, lines)
    return Need(numbers * (8 + 30 * restarts), 20 * numbers * restarts)


def flops(base: int, registers: int, lines: int) -> int:
    """Floating-point operations of one step of one example, forward (`bench.measure.flops`, and zeros of T)."""
    of_lines, of_table = lines * width(registers, lines), COMPUTING * base**2
    return 2 * of_lines + 4 * width(registers, lines) + 7 * registers * base + of_table + 8 * base**2 + 30 * base


def lookup(base: int, engine: str, itemsize: int) -> Need:
    """The table of Eq. 6: dense [O', b, b, b] for eager; the fused engine's rectangles, found in b^3 looks."""
    if engine == "fused":
        return Need(2_000 * base**2, 3_000 * base**2 + 1_000 * base**3)
    return Need(COMPUTING * base**3 * itemsize, 4_000 * base**2 + COMPUTING * base**3)


def record(base: int, registers: int, lines: int) -> int:
    """Numbers in the fused engine's record of one step (`engine.layout.Plan`)."""
    return base**2 + registers * base + 2 * lines + OPCODES + 3 * registers + 10 * base + 16


def tuning(
    *, base: int, registers: int, lines: int, steps: int, examples: int, chunk: int, restarts: int, updates: int,
    engine: str, threads: int, itemsize: int, on_gpu: bool,
) -> Need:  # fmt: skip
    """Adam on `chunk` restarts at a time, each with its examples, all in memory together.

    A restart has weights, gradient and two moments [L, W] and its losses; a lane (restart x example) six copies of its
    state. eager keeps what autograd needs of each step of each lane, fused a record of each step of a pack.
    """
    at_once = min(chunk, restarts)
    lanes = at_once * examples
    judged = min(SOFT_AT_ONCE, HELD_OUT * restarts)
    state = base**2 + registers * base + lines
    if engine == "fused":
        kept = (steps + 2) * record(base, registers, lines) * PACK_BYTES * min(at_once, threads)
        kept += lanes * steps * itemsize * 2
    else:
        a_step = 4 * base**2 + base**2 // 2 + 3 * registers * base + 16 * base + 4 * width(registers, lines)
        kept = lanes * steps * a_step * itemsize
    memory = lanes * state * itemsize * 6 + kept + judged * (4 * state + steps) * itemsize
    memory += at_once * updates * 40 + 4 * at_once * lines * width(registers, lines) * itemsize
    arithmetic = 3 * restarts * (updates + 1) * examples * steps * flops(base, registers, lines)
    work = arithmetic // (8 if engine == "fused" else 100 if on_gpu else 1)
    return plus(
        weights(registers, lines, at_once),
        lookup(base, engine, itemsize),
        Need(memory, work),
        Need(0, 20 * restarts * updates * lines * width(registers, lines)),
    )


def complexity(*, base: int, registers: int, lines: int, steps: int, restarts: int) -> Need:
    """complexity=true: finished restarts on the soft machine in float64, without gradient, and their exact runs.

    Each restart's lines are dropped one by one: at most 2 L candidates each time, at most 2 L times.
    """
    runs, state = TEST * restarts, base**2 + registers * base + lines
    a_step = min(SOFT_AT_ONCE, runs) * (4 * state + 3 * base**2 + COMPUTING * base + 2 * width(registers, lines))
    return plus(
        lookup(base, "eager", 8),
        Need(8 * a_step, runs * steps * (flops(base, registers, lines) + COMPUTING * base**3 // 4)),
        Need(0, executor(base, registers, steps, 0, runs * 4 * lines**2).work),
    )


def benchmark(rounds: int, engines: int) -> Need:
    """A turn of an engine takes at least 0.12 s."""
    return Need(2_000 * rounds * engines, 120_000_000 * rounds * engines)


def soft_run(*, base: int, registers: int, lines: int, steps: int, inputs: int, printed: int) -> Need:
    """`exec --machine soft`: one lane in float64, no gradient; PyTorch takes 0.3 ms for a step, however small."""
    state = base**2 + registers * base + lines
    return plus(
        exact(base=base, registers=registers, lines=lines, steps=0, inputs=inputs),
        weights(registers, lines, 1),
        lookup(base, "eager", 8),
        Need(
            8 * 8 * state + 16 * COMPUTING * base**2,
            inputs
            * steps
            * (300_000 + COMPUTING * base**3 // 4 + flops(base, registers, lines) + 200 * printed * (base + registers)),
        ),
    )


def soft_trace(*, base: int, registers: int, lines: int, steps: int) -> Need:
    """`trace`: a soft run of which every distribution is kept and printed, with a tenth of a microsecond a digit."""
    kept = steps * (base**2 + registers * base + 2 * lines + OPCODES + 3 * registers)
    run = soft_run(base=base, registers=registers, lines=lines, steps=steps, inputs=1, printed=1)
    return plus(run, Need(200 * kept, 1_000 * kept))


def clauses(base: int, registers: int, lines: int) -> int:
    """How many clauses a SAT solver takes for a step of an example; a test holds it to the encoding."""
    fetched = OPCODES + 3 * registers + lines
    words = (base + registers) * 4 * base
    computed = 2 * base + (COMPUTING - 3) * base**2 + 1 + base * (base - 1) // 2 + 2 * base**2
    return 2 * lines * fetched + 4 * registers * base + computed + words + 9 * lines + 3 * (base + registers) + 30


def solver(*, base: int, registers: int, lines: int, steps: int, examples: int) -> Need:
    """A SAT solver that has all examples: 200 bytes a clause, 2 microseconds to make one. How long it thinks, nobody
    knows; a limit in seconds ends it.
    """
    count = examples * steps * clauses(base, registers, lines) + 100 * lines * (OPCODES + registers + lines) ** 2
    return Need(200 * count, 2_000 * count)


def learner(
    *, base: int, registers: int, examples: int, restarts: int, updates: int, general_base: int,
    general_registers: int, kind: str, hidden: int, layers: int, heads: int, slots: int, width: int, on_gpu: bool,
) -> Need:  # fmt: skip
    """Learners, LEARNERS_AT_ONCE side by side: ten copies of their weights, and what a token leaves for the gradient.

    A sequence has a token for each start word, and at most as many questions. Judged examples leave less.
    """
    tokens, general = 2 * (base + registers), 2 * (general_base + general_registers)
    bits = 2 * max(base, registers, general_base, general_registers).bit_length() + 4
    kept, slow = 24 * hidden * layers, 0
    parameters = 4 * hidden * (hidden + bits) + 8 * hidden * hidden * (layers - 1)
    if kind == "transformer":
        kept = layers * (60 * hidden + 3 * heads * tokens)
        parameters = layers * (8 * hidden**2 + 10 * hidden) + 2 * hidden * bits
    if kind in ("ntm", "dnc"):
        memory = slots * width + (slots**2 if kind == "dnc" else 0)
        kept, slow = kept + 5 * memory, 100 * memory
        parameters += hidden * 10 * width + slots * width
    lanes = LEARNERS_AT_ONCE * examples * tokens
    judged = LEARNERS_AT_ONCE * TEST * (max(tokens, general) * hidden * 8 + (3 * slots**2 if kind == "dnc" else 0))
    trained = -(-restarts // LEARNERS_AT_ONCE) * updates * (lanes * (parameters + slow) + 20_000 * tokens)
    return Need(4 * (10 * LEARNERS_AT_ONCE * parameters + lanes * kept + judged), trained // (20 if on_gpu else 1))


# --- A cell


def cell(
    *, base: int, registers: int, lines: int, steps: int, examples: int, restarts: int, chunk: int, updates: int,
    programs: int, candidates: int, seconds: int, general_base: int, general_registers: int, general_steps: int,
    method: str, synthesized: bool, engine: str, threads: int, itemsize: int, on_gpu: bool,
    limit: int | None = None, kind: str = "", hidden: int = 0, layers: int = 0, heads: int = 0, slots: int = 0,
    width: int = 0, judges_complexity: bool = False,
) -> Need:  # fmt: skip
    """Everything that `run_cell` does: examples, search or tuning, verdicts, rows. `limit` are seconds a restart; what
    follows it are sizes of a learner.
    """
    parts = [
        task(base, registers, lines),
        Need(0, HELD_OUT * steps * PYTHON_STEP),
        Need(0, _examples(base, registers, steps, restarts * examples).work),
        Need(_examples(base, registers, steps, min(restarts, chunk) * examples).memory, 0),
        Need(ROW * restarts, TEXT_ROW * restarts),
        executor(base, registers, steps, JUDGED_AT_ONCE, HELD_OUT * restarts),
    ]
    if general_base:
        parts += [
            task(general_base, general_registers, 0),
            Need(0, TEST * general_steps * PYTHON_STEP),
            executor(general_base, general_registers, general_steps, JUDGED_AT_ONCE, TEST * restarts),
        ]
    if synthesized or method == "synthesize":
        searches = restarts if method == "synthesize" else 1
        one = synthesis(
            base=base,
            registers=registers,
            lines=lines,
            steps=steps,
            examples=examples,
            candidates=candidates,
            seconds=seconds if limit is None or method != "synthesize" else min(seconds, limit),
        )
        parts.append(Need(one.memory, searches * one.work))
    if method == "tune":
        possible = updates if limit is None else min(updates, UPDATES_A_SECOND * limit)
        parts.append(within(limit, restarts, tuning(
            base=base, registers=registers, lines=lines, steps=steps, examples=examples, chunk=chunk,
            restarts=restarts, updates=possible, engine=engine, threads=threads, itemsize=itemsize,
            on_gpu=on_gpu,
        )))  # fmt: skip
        if judges_complexity:
            parts.append(complexity(base=base, registers=registers, lines=lines, steps=steps, restarts=restarts))
    elif method == "learner":
        one = learner(
            base=base, registers=registers, examples=examples, restarts=restarts, updates=updates,
            general_base=general_base, general_registers=general_registers, on_gpu=on_gpu, kind=kind, hidden=hidden,
            layers=layers, heads=heads, slots=slots, width=width,
        )  # fmt: skip
        parts.append(within(limit, restarts, one))
    elif method == "solver":
        one = solver(base=base, registers=registers, lines=lines, steps=steps, examples=examples)
        thinks = (limit or 0) * 10**9
        parts.append(Need(min(threads, restarts) * one.memory, restarts * (one.work + thinks)))
    elif method != "synthesize":
        parts.append(within(limit, restarts, search(
            base=base, registers=registers, lines=lines, steps=steps, examples=examples, restarts=restarts,
            chunk=chunk, programs=programs, method=method,
        )))  # fmt: skip
    return plus(*parts)


def within(limit: int | None, restarts: int, need: Need) -> Need:
    """The need of restarts that each end after `limit` seconds of a core, if there is one, and a second beside."""
    return need if limit is None else Need(need.memory, min(need.work, restarts * (limit + 1) * 10**9))


_examples = examples  # where a size is called examples, too


def synthesis(
    *, base: int, registers: int, lines: int, steps: int, examples: int, candidates: int, seconds: int
) -> Need:
    """A search for templates keeps 100 to 300 bytes a program that it tries, more with abstractions, and some code.

    It tries no more than its seconds allow. Words are compared on a sample that grows as b^2.
    """
    tried = min(candidates, SYNTHESIZED_A_SECOND * seconds)
    sample = max(2_500, 15 * base**2) * 8
    return Need(
        tried * (600 + 15 * lines) + 200 * sample,
        tried * (20_000 + examples * steps * COMPILED_STEP) + 3_000 * base**2,
    )


def search(
    *, base: int, registers: int, lines: int, steps: int, examples: int, restarts: int, chunk: int, programs: int,
    method: str,
) -> Need:  # fmt: skip
    """A search baseline executes `programs` programs a restart, 256 at a time, or one of each restart of a chunk.

    enumerate makes every instruction of the machine first (I of them, each with what it does: 100 bytes and b^2 words),
    and keeps apart what it has tried: three times 8 bytes a program.
    annealing has a number for each checked word.
    """
    at_once = min(chunk, restarts) if method == "local_search" else 256
    runs = restarts * programs
    parts = [
        executor(base, registers, steps, at_once * examples, runs * examples),
        Need(at_once * (lines * 5 * 8 * 6 + 256 * 7 * 8), runs * (100 * lines + 2_000)),
    ]
    if method == "enumerate":
        every = 5 * registers**3 + 4 * registers**2 + registers * (lines + 1) + 2
        parts.append(
            Need(
                every * (600 + 8 * base**2 + 40 * lines) + 24 * min(programs, ENUMERABLE),
                every * (400 * base**2 + 2_000 * lines),
            )
        )
    if method == "annealing":
        parts.append(Need(16 * examples * (base + registers), 0))
    return plus(*parts)

"""Milliseconds an update, measured with engines taking turns in one process, and the figures derived from them."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch

from neurocomp.bench.memory import peak_memory
from neurocomp.bench.one_update import Update, plan_for, prepare, thread_settings
from neurocomp.config import RunConfig
from neurocomp.devices import torch_threads
from neurocomp.language.isa import COMPUTING, OPCODES
from neurocomp.machine.weights import packed_width
from neurocomp.machine_config import Sizes
from neurocomp.plan import Plan
from neurocomp.progress_line import ProgressLine

MATRIX = 1024  # rows of the square matrix product that shows the machine's limit
# The two parts of an engine's turn, in seconds. Updates in the first are not timed: its data comes back to the caches,
# and the threads of the engine before it stop spinning. In the second at least so many updates are timed.
UNTIMED, TIMED = 0.02, 0.1
UPDATES_A_TURN = 3

Key = TypeVar("Key")
Turns = list[list[float]]


class Spread(NamedTuple):
    """Seconds of a call: the median and both quartiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """One engine's line in the benchmark's table.

    `ratio` is the time of an update of all restarts divided by that of one restart alone. `gflops` counts arithmetic
    as `flops` does, the same for every engine; `matmul_gflops`, of a matrix product, shows the machine's limit.
    """

    engine: str
    ms_per_update: float
    ms_low: float
    ms_high: float
    restart_updates_per_s: float
    gflops: float
    peak_memory_mb: float
    start_memory_mb: float
    ms_one_restart: float
    ratio: float
    matmul_gflops: float
    threads: int
    device: str
    precision: str
    restarts: int
    chunk: int
    examples: int
    base: int
    registers: int
    lines: int
    steps: int


class Entrant(NamedTuple):
    """An engine on a number of threads, and its update of all restarts."""

    engine: str
    threads: int
    plan: Plan
    update: Update


class Gain(NamedTuple):
    """How many times as fast an engine is on `threads` threads as on `fewest`, and a matrix product likewise.

    Each is a median of ratios of neighboring turns, because a shared machine is slower at one time than at another.
    """

    engine: str
    threads: int
    fewest: int
    times: float
    times_matmul: float


class Measured(NamedTuple):
    figures: list[Figures]
    gains: list[Gain]


def measure(config: RunConfig, engines: Sequence[str], rounds: int, threads: Sequence[int] = ()) -> Measured:
    """The engines on the same restarts, each on each of these numbers of threads, or else on its best one."""
    entered = entrants(config, engines, threads)
    timed_calls = {
        "all": lambda entrant: entrant.update,
        "one": lambda entrant: prepare(entrant.plan, entrant.engine, entrant.threads, 1),
        "matmul": lambda entrant: matrix_product(entrant.plan, entrant.threads),
    }
    calls = {
        (name, number): call(entrant) for name, call in timed_calls.items() for number, entrant in enumerate(entered)
    }
    turns = take_turns(calls, rounds)
    return Measured(
        [
            figures(entrant, *(spread_of(turns[name, number]) for name in timed_calls))
            for number, entrant in enumerate(entered)
        ],
        gains(entered, turns),
    )


def gains(entered: Sequence[Entrant], turns: dict[tuple[str, int], Turns]) -> list[Gain]:
    """The gains of each engine that was timed on several numbers of threads; `turns` by call and entrant."""
    found, fewest = [], {}
    for number in sorted(range(len(entered)), key=lambda number: entered[number].threads):
        entrant = entered[number]
        first, on_first = fewest.setdefault(entrant.engine, (entrant.threads, number))
        if number != on_first:
            times = (
                statistics.median(map(ratio, turns[what, on_first], turns[what, number])) for what in ("all", "matmul")
            )
            found.append(Gain(entrant.engine, entrant.threads, first, *times))
    return found


def ratio(turn: list[float], other: list[float]) -> float:
    """The median seconds of a call in one turn, divided by that in another."""
    return statistics.median(turn) / statistics.median(other)


def entrants(config: RunConfig, engines: Sequence[str], threads: Sequence[int] = ()) -> list[Entrant]:
    """Each engine on each of these numbers of threads; if none is given, on the number on which it is fastest."""
    entered = []
    for engine in engines:
        plan = plan_for(config, engine)
        tried = [
            Entrant(engine, count, plan, prepare(plan, engine, count, config.restarts))
            for count in thread_settings(plan, engine, threads)
        ]
        entered += tried if threads else [best(tried)]
    return entered


def best(tried: Sequence[Entrant]) -> Entrant:
    """The entrant with the fastest updates, measured for a short time."""
    if len(tried) == 1:
        return tried[0]
    times = alternate({entrant.threads: entrant.update for entrant in tried}, rounds=3)
    return min(tried, key=lambda entrant: times[entrant.threads].median)


def alternate(calls: dict[Key, Update], rounds: int, shown: bool = True) -> dict[Key, Spread]:
    """The `Spread` of every call over rounds in which all take turns of the same length."""
    return {key: spread_of(turns) for key, turns in take_turns(calls, rounds, shown).items()}


def take_turns(calls: dict[Key, Update], rounds: int, shown: bool = True) -> dict[Key, Turns]:
    """The seconds of every call, turn by turn; with `shown`, with progress on stderr."""
    for call in calls.values():
        call()
    turns: dict[Key, Turns] = {key: [] for key in calls}
    with ProgressLine("bench", rounds * len(calls), "turns", shown=shown, delay=3, stays=False) as line:
        for _ in range(rounds):
            for key, call in calls.items():
                repeated(call, UNTIMED, at_least=1)
                turns[key].append(repeated(call, TIMED, at_least=UPDATES_A_TURN))
                line.advance()
    return turns


def repeated(call: Callable[[], None], seconds: float, at_least: int) -> list[float]:
    """The seconds of each call, when it is called again and again for `seconds`."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < at_least or time.perf_counter() < end:
        times.append(timed(call))
    return times


def timed(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def spread_of(turns: Turns) -> Spread:
    low, median, high = statistics.quantiles([seconds for turn in turns for seconds in turn], n=4, method="inclusive")
    return Spread(median, low, high)


def matrix_product(plan: Plan, threads: int) -> Update:
    """A large matrix product with PyTorch, on the same number of threads and in the same precision."""
    matrix = torch.ones(MATRIX, MATRIX, dtype=plan.dtype, device=plan.device)
    out = torch.empty_like(matrix)

    def multiply() -> None:
        with torch_threads(threads):
            torch.mm(matrix, matrix, out=out)
            if plan.device.type == "cuda":
                torch.cuda.synchronize(plan.device)

    return multiply


def figures(entrant: Entrant, all_restarts: Spread, one: Spread, matmul: Spread) -> Figures:
    """An engine's line, from the seconds of an update of all restarts, of one restart, and of the matrix product."""
    engine, threads, plan, _ = entrant
    config, task = plan.config, plan.task
    lanes = config.restarts * config.examples
    peak, start = peak_memory(config, engine, threads)
    return Figures(
        engine=engine,
        ms_per_update=round(1e3 * all_restarts.median, 3),
        ms_low=round(1e3 * all_restarts.low, 3),
        ms_high=round(1e3 * all_restarts.high, 3),
        restart_updates_per_s=round(config.restarts / all_restarts.median, 1),
        gflops=round(3 * lanes * task.steps * flops(plan) / all_restarts.median / 1e9, 2),
        peak_memory_mb=round(peak, 1),
        start_memory_mb=round(start, 1),
        ms_one_restart=round(1e3 * one.median, 3),
        ratio=round(all_restarts.median / one.median, 2),
        matmul_gflops=round(2 * MATRIX**3 / matmul.median / 1e9, 1),
        threads=threads,
        device=plan.device.type,
        precision=config.precision,
        restarts=config.restarts,
        chunk=config.chunk,
        examples=config.examples,
        **task.sizes._asdict(),
        steps=task.steps,
    )


def flops(plan: Plan) -> int:
    """Floating-point operations of one step of one example, forward; the backward counts twice that.

    This counts `machine/step.py` at its default readings, each equation once: + - * / exp are one operation each, and
    T of Eq. 6 is one sum for each of its ones. Loss and Adam are left out. It does not matter what an engine computes
    again, or saves by a better form.
    """
    base, registers, lines = sizes = Sizes(*plan.task.sizes)
    width, computing = packed_width(sizes, plan.task.machine), len(OPCODES[COMPUTING])
    return (
        2 * lines * width  # Eq. 2: the mix of lines
        + 4 * width  # and its softmax: minus the largest, exp, sum, divided
        + 4 * registers * base  # Eq. 5: two operands
        + base**2
        + computing * base**2
        + 2 * computing * base  # Eq. 6: pairs of words, to results, over opcodes
        + 2 * base**2
        + 3 * base  # read
        + 3 * registers
        + 3 * registers * base  # Eq. 7: a row keeps a share of itself and gains one of the output
        + 3 * base
        + 3 * base**2  # Eq. 8, likewise
        + 3
        + 6 * lines  # Eq. 9, and what has halted stays
        + 3  # Eq. 11
    )


def describe_machine(device: str) -> str:
    """The machine in words: number of cores, processor and vector instructions, or the GPU's name."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    known = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    vectors = [flag for flag in ("avx2", "fma", "avx512f") if flag in known.get("flags", "").split()]
    return f"{os.cpu_count()} cores {known.get('model name', platform.machine())} {' '.join(vectors)}".strip()

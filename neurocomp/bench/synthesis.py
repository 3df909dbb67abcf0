"""Programs a second of synthesis: the compiled enumeration beside the readable one, in turns."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from neurocomp.config import RunConfig
from neurocomp.plan import make_plan
from neurocomp.progress_line import ProgressLine
from neurocomp.seeding import SHARED
from neurocomp.synthesis import readable
from neurocomp.synthesis.compiled import space as compiled
from neurocomp.synthesis.language import LANGUAGE
from neurocomp.synthesis.synthesizer import Search, space_key
from neurocomp.tasks.examples import held_out, training_examples

READABLE = 200_000  # programs that the readable enumeration makes at most: it takes a kilobyte for each


@dataclass(frozen=True)
class Speed:
    """A line: programs a second of one core, the median of all turns with the quartiles, and what a program costs.

    A program is one that was enumerated, lowered, executed on all examples and compared with those before; compiling
    is not counted. `making_us` and `trying_us` are microseconds a program; `bytes` is how much a program adds to the
    process's peak memory.
    """

    enumeration: str
    programs: int
    programs_per_s: int
    low: int
    high: int
    making_us: float
    trying_us: float
    bytes: int
    distinct: int
    examples: int
    base: int
    registers: int
    lines: int
    steps: int


@dataclass(frozen=True)
class _Turn:
    seconds: float
    trying: float
    programs: int
    distinct: int
    bytes: float


def measure(config: RunConfig, rounds: int) -> list[Speed]:
    """The readable and the compiled enumeration over as many programs, and the compiled one over all candidates."""
    task, most = make_plan(replace(config, method="synthesize", limit=None)).task, config.synthesis.candidates
    few = min(most, READABLE)
    lines = [("readable", few), ("compiled", few)] + [("compiled", most)] * (most > few)
    turns: dict[tuple[str, int], list[_Turn]] = {line: [] for line in lines}
    with ProgressLine("bench", rounds * len(lines), "turns", delay=3, stays=False) as progress:
        for line in lines * rounds:
            # A process a turn: nothing is there from the turn before, and its peak of memory is its own.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                turns[line].append(pool.submit(_turn, config, *line).result())
            progress.advance()
    sizes = task.sizes._asdict() | {"steps": task.steps, "examples": config.examples}
    return [_speed(name, found, sizes) for (name, _), found in turns.items()]


def _turn(config: RunConfig, name: str, programs: int) -> _Turn:
    """Search so many programs, whatever is found on the way."""
    task = make_plan(replace(config, method="synthesize", limit=None)).task
    settings = replace(config.synthesis, candidates=programs, seconds=1e9)
    examples = training_examples(
        task, held_out(task, config.seed), config.seed, SHARED, config.examples, stream="synthesis"
    )
    kind = compiled.Space if name == "compiled" else readable.Space

    def search(most: int) -> tuple[Search, float]:
        space = kind(*space_key(task, settings, LANGUAGE), kept=False)
        one = Search(task, examples, space, replace(settings, candidates=most), None, LANGUAGE)
        trying = 0.0
        for batch in filter(None, space.batches()):
            began = time.thread_time()
            one.take(batch)
            trying += time.thread_time() - began
            if one.tried >= most:
                break
        return one, trying

    search(1)  # compiles
    before, began = _peak(), time.thread_time()
    one, trying = search(programs)
    return _Turn(
        time.thread_time() - began, trying, one.tried, one.behaviors.count, (_peak() - before) / max(one.tried, 1)
    )


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _speed(name: str, turns: list[_Turn], sizes: dict[str, int]) -> Speed:
    paces = [turn.programs / turn.seconds for turn in turns]
    quartiles = statistics.quantiles(paces, n=4, method="inclusive") if len(paces) > 1 else paces * 3
    low, median, high = map(round, quartiles)
    making = statistics.median(1e6 * (turn.seconds - turn.trying) / turn.programs for turn in turns)
    trying = statistics.median(1e6 * turn.trying / turn.programs for turn in turns)
    return Speed(
        name, turns[0].programs, median, low, high, round(making, 2), round(trying, 2),
        round(statistics.median(turn.bytes for turn in turns)), turns[0].distinct, **sizes,
    )  # fmt: skip

"""Synthesis: from examples to the programs that explain them, the lightest first, or the best near misses.

Programs that leave the same words in the checked places are one behavior, and only the first of them counts. A program
is called exact after it was printed, parsed again, lowered, and run in the exact interpreter.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from neurocomp.config import SynthesisConfig
from neurocomp.errors import UserError
from neurocomp.language import interpreter
from neurocomp.language.assembly import Program
from neurocomp.language.executor import decode
from neurocomp.synthesis.assembler import DoesNotFit, Room
from neurocomp.synthesis.compiled.space import Space
from neurocomp.synthesis.compiled.trials import Behaviors, Trying
from neurocomp.synthesis.construct import Construct
from neurocomp.synthesis.enumeration import Enumeration
from neurocomp.synthesis.grammar import parse, weight
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.lowering import lower, room_of
from neurocomp.synthesis.padding import pad
from neurocomp.synthesis.score import loops_in, scores
from neurocomp.synthesis.templates import Candidate, Templates
from neurocomp.tasks.examples import HeldOut
from neurocomp.tasks.outcomes import checked_words, expected_words
from neurocomp.tasks.task import Examples, Task
from neurocomp.tasks.verification import run

KEPT = 250_000  # programs (some 300 bytes each); a search for more does not keep them for the next search


class Found(NamedTuple):
    """A program that synthesis found: as high-level text, and lowered for the task's machine.

    It is `exact` if it is right on all examples. `candidates` counts the programs that were tried up to this one,
    which took `seconds`.
    """

    template: str
    program: Program
    exact: bool
    score: float
    weight: int
    candidates: int
    seconds: float


class Synthesis(NamedTuple):
    """The exact solutions if there are any, else the best near misses, best first; and an account of the search.

    `ended` is exact, space (all programs that fit were tried), candidates, seconds (a budget was spent), limit or
    interrupted. `tried` programs showed `distinct` behaviors. `executions` counts programs times examples, which took
    `executing` of the `seconds`; `skipped` programs did not fit the machine. A core computed for `core_seconds`.
    """

    found: list[Found]
    tried: int
    distinct: int
    seconds: float
    ended: str
    executions: int
    skipped: int = 0
    executing: float = 0.0
    core_seconds: float = 0.0


def synthesize(
    task: Task,
    examples: Examples,
    config: SynthesisConfig,
    progress: Callable[[int], None] | None = None,
    limit: float | None = None,
    language: Language = LANGUAGE,
    accept: Callable[[str], bool] | None = None,
) -> Synthesis:
    """Search the language for programs that leave the right words on the examples.

    `language` is that of `config.library`. `progress` is called with the number of programs of each batch. Ctrl-C ends
    the search, not the caller. `limit` ends it too: so many seconds of this thread on a core. Raises UserError where
    constructs are unknown or the machine has no labels to jump to. With `accept` the search goes on after programs that
    are right on the examples, until it accepts the text of one of them, which is then the last one that was tried.
    """
    space = space_of(task, config, language)
    search = Search(task, examples, space, config, limit, language)
    with contextlib.suppress(KeyboardInterrupt), _no_garbage_collection():
        search.ended = "interrupted"  # unless it ends in another way
        for batch in space.batches():
            if batch:
                tried = search.take(batch)
                if progress:
                    progress(tried)
            if accept:
                search.exact = [candidate for candidate in search.exact if accept(str(candidate.term))]
                search.tried = search.exact[0].tried if search.exact else search.tried
            if search.over():
                break
        else:
            search.ended = "space"
    if not space.kept:
        space.growing.close()  # it refers to the space, and the space to it: only a garbage collection would free them
    return search.result()


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A search makes millions of small tuples and no cycles: looking for cycles would be a fifth of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def space_of(task: Task, config: SynthesisConfig, language: Language = LANGUAGE) -> Space:
    """The programs to try. Tasks that differ only in their examples share one space, and the work of making it."""
    key = space_key(task, config, language)
    if config.candidates > KEPT:
        return _new_space(key, kept=False)
    if _space(key).broken:
        _space.cache_clear()
    return _space(key)


class SpaceKey(NamedTuple):
    """All that a space of programs depends on."""

    rows: tuple[Construct, ...]
    room: Room
    mod_by_zero: str
    readable: tuple[int, ...]
    settable: tuple[int, ...]
    language: Language


def space_key(task: Task, config: SynthesisConfig, language: Language) -> SpaceKey:
    """What the space of a task's programs depends on."""
    ranges = task.ranges[task.sizes.base :]
    readable = tuple(index for index, words in enumerate(ranges) if words != (0, 0))
    rows = language.chosen(config.constructs)
    return SpaceKey(rows, room_of(task), task.machine.mod_by_zero, readable, task.checked_registers, language)


def _new_space(key: SpaceKey, kept: bool = True) -> Space:
    return Space(*key, kept=kept)


_space = functools.lru_cache(maxsize=2)(_new_space)


class Search:
    """The state of a search: the behaviors seen so far, exact programs, and the best near misses."""

    def __init__(
        self,
        task: Task,
        examples: Examples,
        space: Enumeration,
        config: SynthesisConfig,
        limit: float | None,
        language: Language,
    ):
        assert (config.library is None) == (not language.abstractions)  # the language is read before a search begins
        self.task, self.examples, self.config, self.limit, self.language = task, examples, config, limit, language
        self.space, self.behaviors = space, Behaviors()
        self.exact: list[Candidate] = []
        self.templates = Templates(config.templates, language)
        self.tried = self.skipped = 0
        self.executing = 0.0
        self.ended = ""
        self.trying = Trying(task, examples)
        self.began, self.began_on_core = time.perf_counter(), time.thread_time()

    def take(self, batch: Any) -> int:
        """Try the programs of a batch, as far as the budget goes, and say how many those are."""
        self.skipped += batch.skipped
        began = time.perf_counter()
        trials = self.space.trials(batch, self.config.candidates - self.tried, self.trying)
        self.executing += time.perf_counter() - began
        score, new = self.trying.scores(trials), self.behaviors.put(trials.behavior)
        seconds = time.perf_counter() - self.began
        for place in np.flatnonzero((score == 1) | new & (score > self.templates.least)).tolist():
            if score[place] == 1 or score[place] > self.templates.least:
                term, tried = self.space.term(batch, place), self.tried + place + 1
                candidate = Candidate(term, batch.weight, float(score[place]), tried, seconds)
                self.exact += [candidate] * (candidate.score == 1.0)
                self.templates.add(candidate)
        self.tried += len(score)
        return len(score)

    def over(self) -> bool:
        """Whether the search is over; if so, `ended` says why."""
        if self.exact:
            self.ended = "exact"
        elif self.tried >= self.config.candidates:
            self.ended = "candidates"
        elif self.limit is not None and time.thread_time() - self.began_on_core >= self.limit:
            self.ended = "limit"
        elif time.perf_counter() - self.began >= self.config.seconds:
            self.ended = "seconds"
        else:
            return False
        return True

    def result(self) -> Synthesis:
        found = [self._found(candidate) for candidate in self.exact or self.templates.ranked()]
        found.sort(key=lambda one: -one.score)
        return Synthesis(
            found[: self.config.templates],
            self.tried,
            self.behaviors.count,
            time.perf_counter() - self.began,
            self.ended,
            self.tried * len(self.examples.memory),
            self.skipped,
            self.executing,
            time.thread_time() - self.began_on_core,
        )

    def _found(self, candidate: Candidate) -> Found:
        found = as_printed(str(candidate.term), self.task, self.examples, self.config, self.language)
        assert found.exact or candidate.score < 1, f"executor and interpreter disagree on {found.template}"
        return found._replace(candidates=candidate.tried, seconds=candidate.seconds)


def validated(
    task: Task, examples: Examples, unseen: HeldOut, config: SynthesisConfig, language: Language = LANGUAGE
) -> Callable[[str], bool] | None:
    """What a search accepts with `config.validation`: programs that are right on the validation examples too."""

    def accept(text: str) -> bool:
        program = as_printed(text, task, examples, config, language).program
        return right_examples(program, unseen.validation, task) == len(unseen.validation.memory)

    return accept if config.validation else None


def as_printed(
    text: str, task: Task, examples: Examples, config: SynthesisConfig, language: Language = LANGUAGE
) -> Found:
    """The program that a high-level text says, judged on the examples.

    Noops stand where `config.padding` says, or all at the end if the program is right only then: noops take steps.
    Raises UserError where the text is no program or the program does not fit.
    """
    term = parse(text, language)
    try:
        lowered, lines = lower(term, room_of(task), language), task.sizes.lines
    except DoesNotFit as error:
        raise UserError(f'template "{text}": {error}') from None
    code = pad(lowered, lines, config.padding, config.noops)
    for padded in (code, pad(lowered, lines)):
        if exact := right_examples(decode(padded), examples, task) == len(examples.memory):
            code = padded
            break
    score = scores(run(code[None], examples, task), loops_in(code[None]), examples, task)[0]
    return Found(text, decode(code), exact, float(score), weight(term, language), 0, 0.0)


def right_examples(program: Program, examples: Examples, task: Task) -> int:
    """The number of examples on which the exact interpreter leaves the right words."""
    machine, right = task.machine, 0
    for memory, registers, expected in zip(
        examples.memory.tolist(), examples.registers.tolist(), expected_words(examples, task), strict=True
    ):
        outcome = interpreter.run(
            program,
            memory,
            registers,
            base=task.sizes.base,
            steps=task.steps,
            halting=machine.halting,
            mod_by_zero=machine.mod_by_zero,
            jump_target=machine.jump_target,
        )
        words = checked_words(np.array(outcome.memory), np.array(outcome.registers), task)
        right += bool((words == expected).all())
    return right

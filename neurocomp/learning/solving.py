"""A search for the program of one task, and what counts as its solution: a program that is the algorithm."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from neurocomp.config import SynthesisConfig
from neurocomp.language.assembly import format_program
from neurocomp.results.identity import config_hash, hashed
from neurocomp.seeding import SHARED
from neurocomp.synthesis.language import Abstraction, Language
from neurocomp.synthesis.lowering import room_of
from neurocomp.synthesis.synthesizer import as_printed, synthesize
from neurocomp.tasks.examples import HeldOut, held_out, training_examples
from neurocomp.tasks.task import Task
from neurocomp.tasks.verification import Verdict, verdicts


@dataclass(frozen=True)
class Problem:
    """A task that is to be solved: from which examples, and by which search. Nothing is learned if `held_out`."""

    name: str
    task: Task
    seed: int
    examples: int
    synthesis: SynthesisConfig
    held_out: bool = False

    @property
    def budget(self) -> int:
        """The most programs that a search may try."""
        return self.synthesis.candidates

    def shape(self) -> tuple[Any, ...]:
        """Problems of one shape share the work of enumerating programs, if they are solved one after the other."""
        return room_of(self.task), self.task.ranges[self.task.sizes.base :], self.task.checked_registers

    def key(self, language: Language) -> str:
        """A name for all that decides what a search finds, but for its budget."""
        synthesis = hashed(self.synthesis)
        used = {name: synthesis[name] for name in ("constructs", "padding", "noops", "seconds")}
        machine = self.task.machine
        readings = [machine.halting, machine.mod_by_zero, machine.jump_target]
        return config_hash(
            {"task": self.task.identity(), "machine": readings, "seed": self.seed, "examples": self.examples}
            | {"synthesis": used, "library": language.content()}
        )


@dataclass(frozen=True)
class Searched:
    """What a search came to: a solution and how many programs were tried up to it, or none among `tried` programs.

    `flukes` of the programs that were right on the training examples were not the algorithm. `ended` says why the
    search ended, as `Synthesis` does; it took `seconds`.
    """

    tried: int
    template: str | None
    candidates: int | None
    flukes: int
    ended: str
    seconds: float

    def within(self, budget: int) -> int | None:
        """The candidates up to the solution, if a search of this budget finds it."""
        return self.candidates if self.candidates is not None and self.candidates <= budget else None

    def says(self, budget: int) -> bool:
        """Whether it is known from this search what one of that budget finds."""
        return self.within(budget) is not None or self.tried >= budget or self.ended in ("space", "seconds")


class Asked(NamedTuple):
    """A search that is to be made. It is sent to workers, so it has the abstractions instead of the language."""

    problem: Problem
    abstractions: tuple[Abstraction, ...]
    budget: int


def solve_all(asked: Sequence[Asked], name: str) -> list[tuple[str, Searched]]:
    """The searches, one after the other, with the names of their problems. `name` stands in errors for all of them."""
    return [(one.problem.name, solve(*one)) for one in asked]


def solve(problem: Problem, abstractions: tuple[Abstraction, ...], budget: int) -> Searched:
    """Search up to the first program that is the algorithm. Raises KeyboardInterrupt where Ctrl-C ended the search."""
    language, task, began = Language(abstractions), problem.task, time.perf_counter()
    config = _settings(problem, language, budget)
    unseen = held_out(task, problem.seed)
    examples = training_examples(task, unseen, problem.seed, SHARED, problem.examples, stream="synthesis")
    judge = algorithm_judge(task, unseen)
    solutions: list[str] = []
    flukes: set[str] = set()

    def accept(template: str) -> bool:
        found = as_printed(template, task, examples, config, language)
        text = format_program(found.program, one_line=True, jump_target=task.machine.jump_target)
        (solutions.append if judge(text) else flukes.add)(template)
        return template not in flukes

    synthesis = synthesize(task, examples, config, language=language, accept=accept)
    if synthesis.ended == "interrupted":
        raise KeyboardInterrupt
    candidates = next((one.candidates for one in synthesis.found if one.template in solutions[:1]), None)
    seconds = round(time.perf_counter() - began, 3)
    template = solutions[0] if candidates else None
    return Searched(synthesis.tried, template, candidates, len(flukes), synthesis.ended, seconds)


def _settings(problem: Problem, language: Language, budget: int) -> SynthesisConfig:
    """The search's settings. Where constructs are named, all abstractions are named with them."""
    config, names = problem.synthesis, [one.name for one in language.abstractions]
    constructs = config.constructs
    if constructs is not None:
        constructs = [*([constructs] if isinstance(constructs, str) else constructs), *names]
    library = "learned" if names else None
    return replace(config, candidates=budget, templates=1, library=library, constructs=constructs)


def algorithm_judge(task: Task, unseen: HeldOut) -> Callable[[str], bool]:
    """Whether a printed program is right on test examples and at general sizes, after the task's steps and after more.

    A loop without an end may leave the right words at the one step that cuts it. Where the task's own program does not
    leave them after more steps, nothing is asked of others there.
    """
    longer = with_steps(task, 2 * task.steps + 1)
    reference = task.reference
    if reference is not None:
        own = format_program(reference, one_line=True, jump_target=task.machine.jump_target)
        if not _is_right(verdicts([own], longer, unseen)[own]):
            longer = task

    def judge(text: str) -> bool:
        return all(_is_right(verdicts([text], at, unseen)[text]) for at in (task, longer))

    return judge


def with_steps(task: Task, steps: int) -> Task:
    """The task with so many steps, at its general sizes with as many times more."""
    general = task.general
    if general is not None:
        general = replace(general, steps=general.steps * steps // task.steps)
    return replace(task, steps=steps, general=general)


def _is_right(verdict: Verdict) -> bool:
    return verdict.hard and verdict.general is not False

"""Wake and sleep: solve the training tasks, name what the solutions have in common, and again while that pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neurocomp.learning.compression import proposals
from neurocomp.learning.searches import Searches
from neurocomp.learning.solving import Problem, Searched
from neurocomp.learning.weighing import bits, bits_a_weight, length, tried, weighed, with_rows
from neurocomp.synthesis.language import Abstraction, Language, Origin
from neurocomp.synthesis.terms import parse_term, terms_in


@dataclass(frozen=True)
class Weight:
    """What an abstraction saves: of each solved training task, the candidates without it minus those with it."""

    row: Abstraction
    saved: dict[str, int]

    @property
    def gain(self) -> int:
        """The candidates that it saves where it saves some."""
        return sum(number for number in self.saved.values() if number > 0)

    @property
    def loss(self) -> int:
        """The candidates that it costs elsewhere."""
        return -sum(number for number in self.saved.values() if number < 0)


@dataclass(frozen=True)
class Learned:
    """The language that was learned, after how many rounds; searches of all problems without it and with it."""

    language: Language
    rounds: int
    problems: Sequence[Problem]
    before: dict[str, Searched]
    after: dict[str, Searched]
    weights: list[Weight]


def learn(
    problems: Sequence[Problem], start: Language, rounds: int, searches: Searches, keep: Callable[[Language], None]
) -> Learned:
    """Rounds of wake and sleep on the training problems, then all problems without and with what was learned.

    `keep` is given each language that is better than the one before. Raises CompressionFailed.
    """
    training = [problem for problem in problems if not problem.held_out]
    found = searches(training, start, "wake 1")
    language, done, a_weight = start, 0, bits_a_weight(training, found, start)

    def description(language: Language, found: dict[str, Searched]) -> float:
        return bits(training, found) + length(language.abstractions, a_weight)

    for number in range(1, rounds + 1):
        done = number
        better, with_it = _round(training, found, language, searches, start, f"wake {number + 1}", a_weight)
        if description(better, with_it) >= description(language, found):
            break
        language, found = better, with_it
        keep(_with_origins(language, start, found))
    weights = _weights(training, found, _with_origins(language, start, found), start, searches)
    language = _with_saved(language, weights)
    if weights:
        keep(language)
    before = searches(problems, start, "before")
    after = searches(problems, language, "after")
    return Learned(language, done, problems, before, after, weights)


def _round(
    training: Sequence[Problem],
    found: dict[str, Searched],
    language: Language,
    searches: Searches,
    start: Language,
    title: str,
    a_weight: float,
) -> tuple[Language, dict[str, Searched]]:
    """Sleep, then wake with what came of it."""
    programs = [parse_term(one.template) for one in found.values() if one.template]
    proposed = proposals(programs, language) if len(programs) > 1 else []
    better = weighed(training, found, language, proposed, searches, start.abstractions, a_weight)
    return better, found if better == language else searches(training, better, title)


def _weights(
    training: Sequence[Problem],
    found: dict[str, Searched],
    language: Language,
    start: Language,
    searches: Searches,
) -> list[Weight]:
    """What each new abstraction saves, by leaving out that one alone; a task that is lost with it had its budget."""
    solved = [problem for problem in training if found[problem.name].template]
    new = [row for row in language.abstractions if row not in start.abstractions]
    weights = []
    for number, row in enumerate(new, start=1):
        others = with_rows(language, [each for each in language.abstractions if each != row])
        without = searches(solved, others, f"without {number} of {len(new)}")
        saved = {one.name: tried(one, without) - tried(one, found) for one in solved}
        weights.append(Weight(row, saved))
    return weights


def _with_origins(language: Language, start: Language, found: dict[str, Searched]) -> Language:
    """The language with the programs that use each new abstraction."""
    solutions = {name: one.template for name, one in found.items() if one.template}

    def origin(row: Abstraction) -> Origin:
        return Origin(tuple(f"{name}: {text}" for name, text in solutions.items() if _uses(text, row.name)))

    known = start.abstractions
    return with_rows(
        language, [row if row in known else row._replace(origin=origin(row)) for row in language.abstractions]
    )


def _with_saved(language: Language, weights: list[Weight]) -> Language:
    """The language with the programs and the candidates of each abstraction that was weighed."""
    found = {one.row.name: one.row.origin._replace(saved=one.gain - one.loss) for one in weights}
    rows = [row._replace(origin=found.get(row.name, row.origin)) for row in language.abstractions]
    return with_rows(language, rows)


def _uses(text: str, name: str) -> bool:
    return any(term.name == name for term in terms_in(parse_term(text)))

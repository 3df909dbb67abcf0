"""Which abstractions are worth their names: those that save candidates on the training tasks, by searching again.

An abstraction makes the programs that use it lighter, and puts more programs before all others. Both are measured: the
solved tasks are searched again with it. What it saves where it is used has to be more than it costs elsewhere.

What is made small is the length of a description, in bits: the logarithms of the candidates of all tasks, and the
bodies of the abstractions. In a sum of candidates the one or two longest searches would decide alone. If bodies cost
nothing, each task would get an abstraction of its own, which no other task has a use for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from neurocomp.learning.searches import Searches
from neurocomp.learning.solving import Problem, Searched
from neurocomp.synthesis.grammar import weight
from neurocomp.synthesis.language import Abstraction, Language
from neurocomp.synthesis.terms import Term, parse_term, terms_in

SLOWER = 4
"""A search that is weighed ends after so many times the candidates of before: it counts with these."""


def with_rows(language: Language, rows: Iterable[Abstraction]) -> Language:
    """The language with these abstractions instead of its own."""
    return replace(language, abstractions=tuple(rows))


def tried(problem: Problem, found: Mapping[str, Searched], budgets: Mapping[str, int] | None = None) -> int:
    """The candidates up to a problem's solution; where there is none, its budget."""
    budget = (budgets or {}).get(problem.name, problem.budget)
    return found[problem.name].within(budget) or budget


def bits(problems: Sequence[Problem], found: Mapping[str, Searched], budgets: Mapping[str, int] | None = None) -> float:
    """The logarithms of the candidates of all problems together."""
    return math.fsum(math.log2(tried(problem, found, budgets)) for problem in problems)


def bits_a_weight(problems: Sequence[Problem], found: Mapping[str, Searched], language: Language) -> float:
    """How many bits a unit of weight is worth: those of the solved problems over the weights of their programs."""
    solved = [one for one in problems if found[one.name].within(one.budget)]
    weights = sum(weight(parse_term(found[one.name].template or ""), language) for one in solved)
    return bits(solved, found) / weights if solved else 0.0


def length(rows: Iterable[Abstraction], a_weight: float) -> float:
    """The bits of the bodies of abstractions: what it takes to write them once. A hole weighs 1."""
    return a_weight * sum(weight(Term(term.name)) for one in rows for term in terms_in(one.body))


def weighed(
    problems: Sequence[Problem],
    found: Mapping[str, Searched],
    language: Language,
    proposed: Sequence[Abstraction],
    searches: Searches,
    given: Sequence[Abstraction] = (),
    a_weight: float = 0.0,
) -> Language:
    """The language with those of the proposed abstractions that make the description shorter, at `bits_a_weight`.

    They are added one after the other, the one that saves most alone first. Each time, older ones are left out that
    are not needed any more, but for the `given` ones.
    """
    solved = [problem for problem in problems if found[problem.name].within(problem.budget)]
    needed = {problem.name: found[problem.name].within(problem.budget) or 0 for problem in solved}
    budgets = {problem.name: min(problem.budget, SLOWER * needed[problem.name]) for problem in solved}

    def weigh(rows: Sequence[Abstraction], title: str) -> float:
        with_them = searches(solved, with_rows(language, rows), title, budgets)
        return bits(solved, with_them, budgets) + length(rows, a_weight)

    rows = list(language.abstractions)
    best = bits(solved, found) + length(rows, a_weight)
    alone = [
        (weigh([*rows, one], f"weighing {number} of {len(proposed)}"), number, one)
        for number, one in enumerate(proposed, start=1)
    ]
    worth = [one for total, _, one in sorted(alone, key=lambda each: each[:2]) if total < best]
    for number, one in enumerate(worth, start=1):
        title = f"adding {number} of {len(worth)}"
        if (total := weigh([*rows, one], title)) < best:
            rows, best = [*rows, one], total
            for old in [each for each in rows[:-1] if each not in given]:
                without = [each for each in rows if each != old]
                if (total := weigh(without, title)) <= best:
                    rows, best = without, total
    return with_rows(language, rows)

"""Which abstractions are worth their names: those that save candidates on the training tasks, by searching again.

An abstraction makes the programs that use it lighter, and puts more programs before all others. Both are measured: the
solved tasks are searched again with it. What it saves where it is used has to be more than it costs elsewhere.

Candidates are compared by their logarithms, so that a tenth of them counts alike on each task: in a sum of numbers, the
one or two tasks with the longest searches decide alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from neurocomp.learning.searches import Searches
from neurocomp.learning.solving import Problem, Searched
from neurocomp.synthesis.language import Abstraction, Language

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


def weighed(
    problems: Sequence[Problem],
    found: Mapping[str, Searched],
    language: Language,
    proposed: Sequence[Abstraction],
    searches: Searches,
    given: Sequence[Abstraction] = (),
) -> Language:
    """The language with those of the proposed abstractions that make the solved problems cheaper together.

    They are added one after the other, the one that saves most alone first. Each time, older ones are left out that
    are not needed any more, but for the `given` ones.
    """
    solved = [problem for problem in problems if found[problem.name].within(problem.budget)]
    needed = {problem.name: found[problem.name].within(problem.budget) or 0 for problem in solved}
    budgets = {problem.name: min(problem.budget, SLOWER * needed[problem.name]) for problem in solved}

    def weigh(rows: Sequence[Abstraction], title: str) -> float:
        return bits(solved, searches(solved, with_rows(language, rows), title, budgets), budgets)

    rows, best = list(language.abstractions), bits(solved, found)
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

"""Clauses in conjunctive normal form, and variables by number, as SAT solvers take them: -3 is "not 3"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Clause = list[int]


class Clauses:
    """Clauses that a solver has not been given yet (`take` hands them over), and a counter of variables."""

    def __init__(self) -> None:
        self._clauses: list[Clause] = []
        self.variables = 0

    def take(self) -> list[Clause]:
        """The clauses since the last call."""
        taken, self._clauses = self._clauses, []
        return taken

    def new(self) -> int:
        """A new variable."""
        self.variables += 1
        return self.variables

    def several(self, count: int) -> list[int]:
        """New variables in a row."""
        first = self.variables + 1
        self.variables += count
        return list(range(first, first + count))

    def add(self, *literals: int) -> None:
        """At least one of these."""
        self._clauses.append(list(literals))

    def at_most_one(self, literals: Sequence[int]) -> None:
        """No two of these."""
        for place, one in enumerate(literals):
            for other in literals[place + 1 :]:
                self._clauses.append([-one, -other])

    def exactly_one(self, literals: Sequence[int]) -> None:
        """One of these, and no other."""
        self._clauses.append(list(literals))
        self.at_most_one(literals)

    def one_of_them(self, count: int) -> list[int]:
        """New variables, of which exactly one is true: a value below `count`."""
        literals = self.several(count)
        self.exactly_one(literals)
        return literals

    def equal(self, first: Iterable[int], second: Iterable[int], *conditions: int) -> None:
        """Where all conditions hold, each of the first is what its counterpart is."""
        without = [-condition for condition in conditions]
        for one, other in zip(first, second, strict=True):
            self._clauses.append([*without, -one, other])
            self._clauses.append([*without, one, -other])

    def both(self, one: int, other: int) -> int:
        """A new variable that is true where both are."""
        literal = self.new()
        self._clauses += [[-literal, one], [-literal, other], [literal, -one, -other]]
        return literal

    def any_of(self, literals: Sequence[int]) -> int:
        """A new variable that is true where one of these is."""
        literal = self.new()
        self._clauses.append([-literal, *literals])
        self._clauses += [[literal, -each] for each in literals]
        return literal

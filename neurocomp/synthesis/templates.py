"""Near misses worth tuning: the best candidates, no two of them with the same behavior or the same skeleton."""

from __future__ import annotations

from typing import NamedTuple

from neurocomp.synthesis.construct import STATEMENT
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.terms import Term


class Candidate(NamedTuple):
    """A program that was tried, its score, and how many programs and seconds the search had taken by then."""

    term: Term
    weight: int
    score: float
    tried: int
    seconds: float


class Templates:
    """The best candidate of each skeleton, of the `count` best skeletons."""

    def __init__(self, count: int, language: Language = LANGUAGE):
        self.count, self.language = count, language
        self.best: dict[Term, Candidate] = {}
        self.least = -1.0  # a score must be above this to change anything

    def add(self, candidate: Candidate) -> None:
        """Keep the candidate if it is better than those kept; of equals the first stays. Call it with new behaviors."""
        if candidate.score <= self.least:
            return
        key = skeleton(candidate.term, self.language)
        if key in self.best and self.best[key].score >= candidate.score:
            return
        self.best[key] = candidate
        if len(self.best) >= self.count:
            by_score = sorted(self.best, key=lambda key: -self.best[key].score)
            self.best = {key: self.best[key] for key in by_score[: self.count]}
            self.least = min(one.score for one in self.best.values())

    def ranked(self) -> list[Candidate]:
        """The candidates, the best first; of equals the one that was tried first."""
        return sorted(self.best.values(), key=lambda candidate: (-candidate.score, candidate.tried))


def skeleton(term: Term, language: Language = LANGUAGE) -> Term:
    """The statements of a program, whatever their words: `map(inc(elem))` and `map(dec(read(0)))` are `map(_)`."""

    def statements(term: Term) -> Term:
        row = language.rows.get(term.name)
        if row is None or row.result != STATEMENT:
            return Term("_")
        return Term(term.name, tuple(map(statements, term.arguments)))

    return statements(language.expand(term))

"""Near misses worth tuning: the best candidates, no two of which are the same behavior or the same skeleton."""

from __future__ import annotations

from typing import NamedTuple

from neurocomp.synthesis.construct import STATEMENT
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.terms import Term


class Candidate(NamedTuple):
    """A program that was tried, how promising it is, and how many and how long it took until then."""

    term: Term
    weight: int
    score: float
    tried: int
    seconds: float


class Templates:
    """The best candidate of each skeleton, of the `count` best skeletons."""

    def __init__(self, count: int):
        self.count = count
        self.best: dict[Term, Candidate] = {}
        self.least = -1.0  # scores up to here change nothing any more

    def add(self, candidate: Candidate) -> None:
        """Keep the candidate if it is better than what there is; of equals the first stays. Call with new behaviors."""
        if candidate.score <= self.least:
            return
        key = skeleton(candidate.term)
        if key in self.best and self.best[key].score >= candidate.score:
            return
        self.best[key] = candidate
        if len(self.best) >= self.count:
            kept = sorted(self.best.items(), key=lambda item: -item[1].score)[: self.count]
            self.best, self.least = dict(kept), kept[-1][1].score

    def ranked(self) -> list[Candidate]:
        """The best first; of equals the one that was met first."""
        return sorted(self.best.values(), key=lambda candidate: (-candidate.score, candidate.tried))


def skeleton(term: Term) -> Term:
    """The statements of a program, whatever their words: `map(inc(elem))` and `map(dec(read(0)))` are `map(_)`."""
    row = CONSTRUCTS.get(term.name)
    if row is None or row.result != STATEMENT:
        return Term("_")
    return Term(term.name, tuple(skeleton(argument) for argument in term.arguments))

"""What a construct's lowering asks of the assembler, recorded once, so that compiled code can do it for every program.

A lowering looks at its arguments in two ways only: it may compare a word with `index` or `elem`, and it may ask which
operator it was given. So one recording serves all arguments that are alike in these; words are refs to arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from neurocomp.language.isa import INDEX as OPCODE
from neurocomp.synthesis.assembler import ZERO
from neurocomp.synthesis.construct import WORDS, Construct
from neurocomp.synthesis.terms import ELEM, INDEX, Term, number

# The steps of a recording, each with how many numbers follow it. Where one of them is a count, refs follow.
(COMPUTE, EMIT, RELEASE, COPY, NAMED, TEMPORARY, ZEROED, BEGIN, STEP, END, ELEMENTS, JUMP, LAND, INNER) = range(14)
# A ref to a word: its argument's place, or one of these, or NUMBER - n for the number n.
AT_INDEX, AT_ELEM, NO_WORD, NUMBER = -1, -2, -3, -10
MOST = 64  # results, loops or jumps of one lowering


class NotRecorded(Exception):
    """A lowering asks for what a recording cannot say: its programs are lowered one by one."""


class Recorded(NamedTuple):
    """A register, by the number of the step's result that it is."""

    result: int


class RecordedLoop(NamedTuple):
    number: int
    index: Recorded


class Recorder:
    """Stands in for an `Assembler` while a lowering runs; `steps` is what it asked for, as one row of ints."""

    def __init__(self, constructs: Mapping[str, Construct], arguments: Sequence[Term]):
        self.constructs = constructs
        self.places = {term: place for place, term in enumerate(arguments) if term.name.startswith("?")}
        self.steps: list[int] = []
        self.results = self.begun = self.jumps = 0

    def _result(self) -> Recorded:
        self.results += 1
        return Recorded(self.results - 1)

    def _ref(self, term: Term) -> int:
        if term in self.places:
            return self.places[term]
        if term in (INDEX, ELEM):
            return AT_INDEX if term == INDEX else AT_ELEM
        if (value := number(term)) is not None:
            return NUMBER - value
        raise NotRecorded(str(term))

    def _register(self, given: object) -> int:
        """A register as a number: 0 where an instruction has none, -1 for the one that stays 0, else result + 1."""
        if isinstance(given, Recorded):
            return given.result + 1
        if isinstance(given, int) and given in (0, ZERO):
            return given
        raise NotRecorded(str(given))

    def words(self, *terms: Term) -> list[Recorded]:
        self.steps += [COMPUTE, len(terms), *map(self._ref, terms)]
        return [self._result() for _ in terms]

    def emit(self, opcode: str, first: object = 0, second: object = 0, to: object = 0) -> None:
        self.steps += [EMIT, OPCODE[opcode], *map(self._register, (first, second, to))]

    def release(self, *registers: object) -> None:
        for one in registers:
            self.steps += [RELEASE, self._register(one)]

    def copy(self, term: Term, to: object = None) -> object:
        self.steps += [COPY, self._ref(term), 0 if to is None else self._register(to)]
        result = self._result()
        return result if to is None else to

    def register(self, term: Term) -> Recorded:
        self.steps += [NAMED, self._ref(term)]
        return self._result()

    def temporary(self) -> Recorded:
        self.steps += [TEMPORARY]
        return self._result()

    def zeroed(self) -> Recorded:
        self.steps += [ZEROED]
        return self._result()

    def same_element(self, *terms: Term) -> None:
        self.steps += [ELEMENTS, 0, len(terms), *map(self._ref, terms)]

    def jump(self, test: object = ZERO) -> int:
        self.steps += [JUMP, self._register(test)]
        self.jumps += 1
        return self.jumps - 1

    def land(self, jump: int) -> None:
        self.steps += [LAND, jump]

    def begin_loop(self) -> RecordedLoop:
        self.steps += [BEGIN]
        self.begun += 1
        return RecordedLoop(self.begun - 1, self._result())

    def step(self, loop: RecordedLoop) -> None:
        self.steps += [STEP, loop.number]

    def end_loop(self, loop: RecordedLoop, last: Term | None) -> None:
        self.steps += [END, loop.number, NO_WORD if last is None else self._ref(last)]

    def statement(self, term: Term) -> None:
        if term in self.places:
            self.steps += [INNER, self.places[term]]
        else:
            self.whole(term)

    def whole(self, term: Term) -> None:
        """A statement whose construct is known: the element is read once for its words, if that is in a loop."""
        row = self.constructs[term.name]
        kinds = row.kinds(len(term.arguments)) or ()
        words = [self._ref(a) for a, kind in zip(term.arguments, kinds, strict=True) if kind in WORDS]
        self.steps += [ELEMENTS, 1, len(words), *words]
        row.lower(self, *term.arguments)


def recorded(constructs: Mapping[str, Construct], name: str, arguments: Sequence[Term | None]) -> list[int] | None:
    """The steps of a statement; an argument is a leaf that its lowering may look at, or None for any other.

    None where they cannot be recorded.
    """
    terms = [Term(f"?{place}") if leaf is None else leaf for place, leaf in enumerate(arguments)]
    recorder = Recorder(constructs, terms)
    try:
        recorder.whole(Term(name, tuple(terms)))
    except (NotRecorded, AttributeError, TypeError, KeyError):
        return None
    return recorder.steps if max(recorder.results, recorder.begun, recorder.jumps) <= MOST else None

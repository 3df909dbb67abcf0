"""Counterexample-guided search: a SAT solver proposes a program that is right on a few examples, the executor tries it
on all, and one that it gets wrong joins the few (CEGIS, Solar-Lezama 2008).

Only training examples become clauses. A program that is right on all of them and wrong on a validation example is
forbidden, with every program that has the same lines wherever that run goes, and the search goes on.
With a start, the programs that are fewest fields away come first, so that the one that is found is a least repair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np

from neurocomp.language.executor import decode
from neurocomp.language.interpreter import run as interpret
from neurocomp.search.judge import Judge
from neurocomp.search.solver.clauses import Clauses
from neurocomp.search.solver.encoding import ExampleRun, ProgramVariables
from neurocomp.tasks.outcomes import expected_words, right_words
from neurocomp.tasks.task import Examples, Task
from neurocomp.tasks.verification import run

FIRST = 2  # examples that are there from the beginning


class Oracle(Protocol):
    """A SAT solver that takes clauses as it goes, as python-sat's do."""

    def add_clause(self, clause: list[int]) -> object: ...

    def solve(self, assumptions: Iterable[int] = ...) -> bool | None: ...

    def get_model(self) -> list[int] | None: ...


class Answer(NamedTuple):
    """What the search came to, or how far it is.

    `found` is whether `code` [L, 5] was accepted, else it leaves the most words right of those that were tried (None:
    none was). `proved` says what is proved: "none" if no program of these sizes is accepted, "least" if none is fewer
    fields away from the start. `away` is the number of fields in which it differs from the start, or the least number
    that is not excluded yet; None without a start.
    """

    found: bool = False
    code: np.ndarray | None = None
    right: int = -1
    proved: str = ""
    away: int | None = None
    tried: int = 0
    examples: int = 0


def search(judge: Judge, oracle: Oracle, start: np.ndarray | None, heard: Callable[[Answer], None]) -> Answer:
    """The first program that is accepted, or the proof that there is none. `heard` is told after each program."""
    question = Question(judge, oracle, start)
    while (code := question.next_program()) is not None:
        question.judge(code)
        heard(question.answer)
        if question.answer.found:
            break
    return question.answer


class Question:
    """Programs that the solver has not excluded yet, nearest to the start first."""

    def __init__(self, judge: Judge, oracle: Oracle, start: np.ndarray | None):
        self._judge, self._oracle, self._clauses = judge, oracle, Clauses()
        task = judge.task
        self._program = ProgramVariables(self._clauses, task.sizes, task.machine)
        self._encoded: set[int] = set()
        self.answer = Answer()
        self._bound = None
        if start is None:
            self._program.order_operands()
            self._program.order_registers(alike(task))
        else:
            self._bound = Bound(self._clauses, self._program.differing(start))
            self.answer = self.answer._replace(away=0)
        for example in range(min(FIRST, len(judge.training.memory))):
            self._encode(example)

    def next_program(self) -> np.ndarray | None:
        """A program [L, 5] that fits all that is known; None if there is none."""
        while True:
            for clause in self._clauses.take():
                self._oracle.add_clause(clause)
            away = self.answer.away
            within = [] if self._bound is None or away is None else self._bound.at_most(away)
            if self._oracle.solve(assumptions=within):
                return self._program.code({literal for literal in self._oracle.get_model() or () if literal > 0})
            if self._bound is None or away is None or away == self._bound.most:
                self.answer = self.answer._replace(proved="none")
                return None
            self.answer = self.answer._replace(away=away + 1)

    def judge(self, code: np.ndarray) -> None:
        """Try a program; learn from the first example that it gets wrong."""
        task, training, validation = self._judge.task, self._judge.training, self._judge.validation
        right = _right(code, training, task)
        wrong, best = np.flatnonzero(~right.all(1)), self.answer.code
        self.answer = self.answer._replace(tried=self.answer.tried + 1)
        if right.sum() > self.answer.right or best is None:
            self.answer = self.answer._replace(code=code, right=int(right.sum()))
        if len(wrong):
            self._encode(int(wrong[0]))
        elif validation is None or (failed := _first_wrong(code, validation, task)) is None:
            proved = "least" if self._bound else ""
            self.answer = self.answer._replace(found=True, code=code, proved=proved)
        else:
            self._program.forbid(code, lines_reached(code, validation, failed, task))

    def _encode(self, example: int) -> None:
        """Ask for the right words of this training example."""
        assert example not in self._encoded, "a program that fits an example's clauses is wrong on it"
        self._encoded.add(example)
        task, of = self._judge.task, self._judge.training
        run = ExampleRun(self._program, of.memory[example].tolist(), of.registers[example].tolist(), task.steps)
        checked = [run.memory[cell] for cell in task.checked_memory]
        checked += [run.registers[register] for register in task.checked_registers]
        for word, value in zip(checked, expected_words(of, task)[example].tolist(), strict=True):
            self._clauses.add(word[value])
        self.answer = self.answer._replace(examples=len(self._encoded))


class Bound:
    """At most so many of these literals are true, as assumptions: a unary count of them, of which one is set."""

    def __init__(self, clauses: Clauses, literals: list[int]):
        self.most = len(literals)
        self._count = _counted(clauses, literals)

    def at_most(self, number: int) -> list[int]:
        """What to assume so that no more than this number are true."""
        return [-self._count[number]] if number < self.most else []


def _counted(clauses: Clauses, literals: list[int]) -> list[int]:
    """Variables c[0], c[1], ...: c[i] is true if more than i of the literals are (totalizer, Bailleux 2003)."""
    if len(literals) == 1:
        return literals
    half = len(literals) // 2
    left, right = _counted(clauses, literals[:half]), _counted(clauses, literals[half:])
    count = clauses.several(len(literals))
    for one in range(len(left) + 1):
        for other in range(len(right) + 1):
            if one + other:
                there = [-left[one - 1]] * (one > 0) + [-right[other - 1]] * (other > 0)
                clauses.add(*there, count[one + other - 1])
    return count


def alike(task: Task) -> list[int]:
    """The registers that always start with the same word and that are not checked, if there are several."""
    ranges = task.ranges[task.sizes.base :]
    groups: dict[int, list[int]] = {}
    for register, (low, high) in enumerate(ranges):
        if low == high and register not in task.checked_registers:
            groups.setdefault(low, []).append(register)
    return max(groups.values(), key=len, default=[])


def lines_reached(code: np.ndarray, examples: Examples, example: int, task: Task) -> list[int]:
    """The lines of a program that its run on one example executes."""
    lines: set[int] = set()
    machine = task.machine
    interpret(
        decode(code, machine.jump_target),
        examples.memory[example].tolist(),
        examples.registers[example].tolist(),
        base=task.sizes.base,
        steps=task.steps,
        halting=machine.halting,
        mod_by_zero=machine.mod_by_zero,
        jump_target=machine.jump_target,
        trace=lambda step, line, *_: lines.add(line),
    )
    return sorted(lines)


def _right(code: np.ndarray, examples: Examples, task: Task) -> np.ndarray:
    """Whether the program [L, 5] leaves each checked word right [N, C]."""
    return right_words(run(code[None], examples, task), examples, task)[0]


def _first_wrong(code: np.ndarray, examples: Examples, task: Task) -> int | None:
    return next(iter(np.flatnonzero(~_right(code, examples, task).all(1)).tolist()), None)

"""The SAT solver's answers against all programs there are: tasks of machines so small that each can be run.

python -m pytest tests/test_solver.py --solver-tasks 500
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from neurocomp.language import interpreter
from neurocomp.language.assembly import parse
from neurocomp.language.executor import decode, encode
from neurocomp.language.isa import COLUMN
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.search.by_length import every_instruction
from neurocomp.search.judge import Judge
from neurocomp.search.space import random_code, used_fields
from neurocomp.tasks.task import Examples, Task
from neurocomp.tasks.verification import holds, run

pysat = pytest.importorskip("pysat.solvers", reason="python-sat is not installed (extra `solver`)")
from neurocomp.search.solver.cegis import Answer, Question, alike, search  # noqa: E402
from neurocomp.search.solver.clauses import Clauses  # noqa: E402
from neurocomp.search.solver.encoding import ExampleRun, ProgramVariables  # noqa: E402


def random_task(rng: np.random.Generator) -> Task:
    """Two or three words, two registers, up to three lines, any reading; what is checked is drawn too."""
    jump_target = str(rng.choice(["line", "line", "operand", "value"]))
    lines, base = int(rng.integers(1, 4)), int(rng.integers(2, 4))
    lines = 2 if jump_target == "operand" else lines
    base = lines = max(2, lines) if jump_target == "value" else 0
    return _task(rng, jump_target, lines, base)


def _task(rng, jump_target, lines, base) -> Task:
    base = base or int(rng.integers(2, 4))
    lines = lines or int(rng.integers(1, 4))
    machine = MachineConfig(
        jump_target=jump_target, halting=str(rng.choice(["freeze", "printed"])),
        mod_by_zero=str(rng.choice(["zero", "dividend"])),
    )  # fmt: skip
    sizes = Sizes(base, 2, lines)
    checked = [place for place in range(base + 2) if rng.random() < 0.4] or [int(rng.integers(base))]
    starts = [(0, 0) if rng.random() < 0.5 else (0, base - 1) for _ in range(2)]
    return Task(
        name="random", sizes=sizes, steps=int(rng.integers(1, 8)), reference=None, table=None,
        ranges=(*[(0, base - 1)] * base, *starts), checked_memory=tuple(place for place in checked if place < base),
        checked_registers=tuple(place - base for place in checked if place >= base), machine=machine,
    )  # fmt: skip


def random_examples(task: Task, count: int, hidden: np.ndarray | None, rng: np.random.Generator) -> Examples:
    """Starts within the ranges, and the words that a hidden program leaves, or any words."""
    lows, highs = np.array(task.ranges).T
    start, final = (rng.integers(lows, highs + 1, size=(count, len(lows))) for _ in range(2))
    base = task.sizes.base
    any_words = rng.integers(0, base, size=final.shape)
    examples = Examples(start[:, :base], start[:, base:], any_words[:, :base], any_words[:, base:])
    if hidden is not None:
        left = run(hidden[None], examples, task)
        examples = examples._replace(final_memory=left.memory[0], final_registers=left.registers[0])
    return examples


def all_programs(task: Task) -> np.ndarray:
    """Each program [P, L, 5] that this machine can hold, its unused slots 0."""
    rows = every_instruction(task.sizes, task.machine.jump_target)
    chosen = np.array(list(product(range(len(rows)), repeat=task.sizes.lines)))
    return rows[chosen]


def fields_away(code: np.ndarray, start: np.ndarray, jump_target: str) -> np.ndarray:
    """In how many fields each program [P, L, 5] differs from the start, of those that its own instructions use."""
    used = used_fields(jump_target)
    own, before = used[code[..., COLUMN.opcode]], used[start[:, COLUMN.opcode]]
    return (own & ((code != start) | ~before)).sum((1, 2))


def solved(judge: Judge, start: np.ndarray | None = None) -> Answer:
    with pysat.Solver(name="cadical195") as oracle:
        return search(judge, oracle, start, heard=lambda answer: None)


@pytest.fixture
def tasks(request) -> range:
    return range(request.config.getoption("--solver-tasks"))


def test_what_is_found_is_right_and_what_is_proved_to_be_absent_is(tasks):
    found = 0
    for number in tasks:
        rng = np.random.default_rng(number)
        task = random_task(rng)
        hidden = None if rng.random() < 0.3 else random_code(1, task.sizes, rng)[0]
        training, validation = (random_examples(task, count, hidden, rng) for count in (4, 6))
        judge = Judge(task, training, validation if rng.random() < 0.5 else None)
        code = all_programs(task)
        right = holds(code, training, task)
        right[right] = judge.holds(code[right])

        answer = solved(judge)
        assert answer.found == bool(right.any()), number
        assert answer.proved == ("" if answer.found else "none")
        if answer.found:
            assert holds(answer.code[None], training, task).all() and judge.holds(answer.code[None]).all()
        found += answer.found

        start = random_code(1, task.sizes, rng)[0]
        repair = solved(judge, start)
        assert repair.found == answer.found, number
        if repair.found:
            least = fields_away(code[right], start, task.machine.jump_target).min()
            own = fields_away(repair.code[None], start, task.machine.jump_target)[0]
            assert (repair.away, repair.proved) == (least, "least") and own == least, number
    assert 0 < found < len(tasks)


def test_registers_that_start_alike_are_those_of_one_word_that_are_not_checked():
    task = random_task(np.random.default_rng(0))
    base = task.sizes.base
    sizes = Sizes(base, 5, 2)
    ranges = (*[(0, base - 1)] * base, (0, 0), (1, 1), (0, 0), (0, 1), (0, 0))
    task = Task("t", sizes, 3, None, None, ranges, (0,), (4,), task.machine)
    assert alike(task) == [0, 2]


def test_a_repair_of_what_is_right_changes_nothing():
    rng = np.random.default_rng(3)
    task = _task(rng, "line", 3, 2)
    hidden = random_code(1, task.sizes, rng)[0]
    answer = solved(Judge(task, random_examples(task, 4, hidden, rng), None), hidden)
    assert answer.found and (answer.away, answer.proved) == (0, "least")


def test_the_start_may_be_a_text_padded_with_noops():
    rng = np.random.default_rng(5)
    task = _task(rng, "line", 3, 3)
    start = encode([parse("inc 1 1")], task.sizes.lines)[0]
    answer = solved(Judge(task, random_examples(task, 2, start, rng), None), start)
    assert answer.found and answer.away == 0


def line_task(lines: int, checked: tuple[int, ...], register: tuple[int, int]) -> Task:
    """Three words in memory; register 1 is always 0 or, as `register` says, any word; memory and register 0 are any."""
    return Task("t", Sizes(3, 2, lines), lines, None, None, (*[(0, 2)] * 4, register), (), checked, MachineConfig())


def examples_of(text: str, task: Task, starts: list[list[int]]) -> Examples:
    """Starts (memory, then registers) and the words that this program leaves."""
    code = encode([parse(text)], task.sizes.lines)
    rows = np.array(starts)
    memory, registers = rows[:, :3], rows[:, 3:]
    final = run(code, Examples(memory, registers, memory, registers), task)
    return Examples(memory, registers, final.memory[0], final.registers[0])


@pytest.mark.parametrize("text", ["sub 0 1 0", "sub 1 0 0"])
def test_the_operands_of_a_difference_stand_in_either_order(text):
    """Both programs are the only ones of a line that leave their difference in register 0."""
    task = line_task(1, (0,), (0, 2))
    starts = [[0, 0, 0, one, other] for one in range(3) for other in range(3)]
    answer = solved(Judge(task, examples_of(text, task, starts), None))
    assert answer.found and holds(answer.code[None], examples_of(text, task, starts), task).all()


def test_what_is_wrong_on_validation_is_not_accepted_and_only_its_whole_run_is_forbidden():
    """inc, noop fits training examples that it made; validation asks for inc, inc, which shares its first line."""
    task = line_task(2, (0,), (0, 0))
    starts = [[0, 0, 0, word, 0] for word in range(3)]
    right, wrong = examples_of("inc 0 0\ninc 0 0", task, starts), encode([parse("inc 0 0\nnoop")], 2)[0]
    fitting = examples_of("inc 0 0\nnoop", task, starts)
    with pysat.Solver(name="cadical195") as oracle:
        question = Question(Judge(task, fitting, right), oracle, None)
        question.judge(wrong)
        assert not question.answer.found
        assert solved(Judge(task, fitting, None)).found  # it fits, and without validation that is enough
        unasked = Question(Judge(task, Examples(*(part[:0] for part in fitting)), right), oracle, None)
        unasked.judge(wrong)
        same_line = [unasked._program.fields[0][field][wrong[0, field]] for field in (0, 1, 3)]
        for clause in unasked._clauses.take():
            oracle.add_clause(clause)
        assert oracle.solve(assumptions=same_line)  # another second line may be right


def test_the_clauses_leave_a_program_the_words_that_the_interpreter_does():
    for number in range(300):
        rng = np.random.default_rng(1000 + number)
        task = random_task(rng)
        code = random_code(1, task.sizes, rng)[0]
        (memory,), (registers,), *_ = random_examples(task, 1, None, rng)
        exact = interpreter.run(
            decode(code, task.machine.jump_target), memory.tolist(), registers.tolist(), base=task.sizes.base,
            steps=task.steps, halting=task.machine.halting, mod_by_zero=task.machine.mod_by_zero,
            jump_target=task.machine.jump_target,
        )  # fmt: skip
        clauses = Clauses()
        program = ProgramVariables(clauses, task.sizes, task.machine)
        left = ExampleRun(program, memory.tolist(), registers.tolist(), task.steps)
        used = used_fields(task.machine.jump_target)[code[:, COLUMN.opcode]]
        for line, field in np.argwhere(used).tolist():
            clauses.add(program.fields[line][field][code[line, field]])
        with pysat.Solver(name="cadical195", bootstrap_with=clauses.take()) as oracle:
            assert oracle.solve(), number
            true = set(oracle.get_model())
        words = [
            [value for value, literal in enumerate(word) if literal in true] for word in left.memory + left.registers
        ]
        assert words == [[word] for word in (*exact.memory, *exact.registers)], number

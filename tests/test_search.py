"""Searches over raw assembly, on machines so small that the right programs are known without them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.config import TaskConfig
from neurocomp.language import interpreter
from neurocomp.language.assembly import fit, format_program, load_program, parse
from neurocomp.language.executor import decode, encode, execute
from neurocomp.machine_config import READINGS, MachineConfig, Sizes
from neurocomp.search.by_length import by_length, distinct, enumerate_programs, every_instruction, instructions
from neurocomp.search.judge import Judge, count_right, first_right
from neurocomp.search.local_search import local_search, start_code, step
from neurocomp.search.random_search import random_search
from neurocomp.search.space import bounds, changed, random_code
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import Examples, Task, load_task
from neurocomp.tasks.verification import hard
from tests.strategies import programs
from tests.test_tasks import shipped

SIZES = Sizes(base=5, registers=3, lines=4)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def task(program: str, registers: int = 2, lines: int = 2, steps: int = 2, base: int = 3) -> Task:
    """A task on a small machine: cell 0 must hold what this program leaves there."""
    config = TaskConfig("small", base, registers, lines, steps, program=program, check={"memory": [0]})
    return load_task(config, MachineConfig())


def judge(given: Task, restart: int = 0, examples: int = 6) -> Judge:
    unseen = held_out(given, seed=0)
    return Judge(given, training_examples(given, unseen, 0, restart, examples), unseen.validation)


# --- programs at random, and their changes


def test_random_programs_take_every_value_about_equally_often():
    code = random_code(4000, SIZES, rng())
    for field, count in enumerate((13, 3, 3, 3, 4)):
        share = np.bincount(code[:, :, field].ravel(), minlength=count) / (4000 * 4)
        assert len(share) == count and np.abs(share * count - 1).max() < 0.15


@given(programs(*SIZES), st.lists(st.floats(0, 1, exclude_max=True), min_size=3, max_size=3))
def test_a_change_is_one_other_opcode_or_operand_of_one_line(program, where):
    code = encode([program], SIZES.lines)
    now = changed(code, np.array([where]), SIZES, "line")
    assert (now != code).sum() == 1 and (now < bounds(SIZES)).all() and (now >= 0).all()
    before, after = program.instructions, decode(now[0]).instructions
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_every_single_change_is_reached():
    """`inc 0 1` on a machine of one line, with 3 registers: 12 other opcodes, 2 other sources, 2 other targets."""
    sizes = Sizes(5, 3, 1)
    code = np.repeat(encode([parse("inc 0 1")], 1), 2000, axis=0)
    now = changed(code, rng().random((2000, 3)), sizes, "line")
    assert len({one.tobytes() for one in now}) == 12 + 2 + 2


def test_a_step_changes_one_field_or_two():
    given = task("noop; noop", lines=4, registers=3, base=5)
    code = random_code(2000, given.sizes, rng())
    fields = (step(code, rng(1).random((2000, 7)), given) != code).sum((1, 2))
    assert set(fields.tolist()) <= {0, 1, 2} and 0.6 < (fields == 1).mean() < 0.9 and (fields == 2).mean() > 0.1


# --- enumeration


TINY = Sizes(base=2, registers=2, lines=2)
STARTS = np.array(list(itertools.product(range(2), repeat=4)))


def behavior(code: np.ndarray, **readings) -> set[bytes]:
    """The words that programs [P, 2, 5] leave from every start state of the tiny machine after 1, 2, ... 5 steps."""
    finals = [execute(code, STARTS[:, :2], STARTS[:, 2:], base=2, steps=steps, **readings) for steps in range(1, 6)]
    words = np.concatenate([np.concatenate([f.memory, f.registers], axis=-1) for f in finals], axis=1)
    return {one.tobytes() for one in words}


@pytest.mark.parametrize("halting", READINGS["halting"])
@pytest.mark.parametrize("mod_by_zero, jump_target", [("zero", "line"), ("dividend", "line"), ("zero", "value")])
def test_what_is_merged_costs_no_behavior_and_no_program_comes_twice(halting, mod_by_zero, jump_target):
    """All programs of two lines, with and without merging."""
    readings = {"halting": halting, "mod_by_zero": mod_by_zero, "jump_target": jump_target}
    raw = every_instruction(TINY, jump_target)
    everything = np.array(list(itertools.product(raw, repeat=2)))
    kept = instructions(TINY, halting, mod_by_zero, jump_target)
    enumerated = np.concatenate(list(by_length(kept, 10**6, rng())))
    assert len(raw) == 1 + 2 + 2 * 4 + 5 * 8 + 2 * 4 + 4 + 1  # jumps: 2 registers, 2 lines or registers
    assert len(np.unique(enumerated, axis=0)) == len(enumerated) == len(kept[0]) * len(kept[1])
    assert len(enumerated) < len(everything) / 4
    assert behavior(enumerated, **readings) == behavior(everything, **readings)


@given(st.data(), st.sampled_from(READINGS["mod_by_zero"]), st.integers(0, 9))
def test_instructions_are_merged_with_equals_only(data, mod_by_zero, steps):
    """On a machine that is too large to list: replacing a line by one that it was merged with changes no run."""
    from neurocomp.search.by_length import meaning

    machine = MachineConfig(mod_by_zero=mod_by_zero)
    program = data.draw(programs(*SIZES))
    raw = {tuple(row): meaning(row, SIZES, machine) for row in every_instruction(SIZES, "line")}
    code = encode([program], SIZES.lines)[0]
    equals = [[row for row, means in raw.items() if means == raw[tuple(line)]] for line in code.tolist()]
    other = decode(np.array([data.draw(st.sampled_from(choices)) for choices in equals]))
    memory, registers = (data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)) for n in (5, 3))
    runs = [
        interpreter.run(p, memory, registers, base=5, steps=steps, mod_by_zero=mod_by_zero) for p in (program, other)
    ]
    assert runs[0] == runs[1]


def test_equal_instructions_are_one():
    (first, *_) = instructions(Sizes(5, 4, 3), "freeze", "zero", "line")
    kept = {format_program(decode(row[None]), one_line=True) for row in first}
    for one, *others in (
        ("zero 3", "sub 1 1 3", "mod 2 2 3"),
        ("add 1 2 3", "add 2 1 3"),
        ("min 1 1 3", "max 1 1 3"),
        ("noop", "max 2 2 2", "jump 1 line_1; line_1:"),
    ):
        assert one in kept and not kept & set(others), one
    assert {"sub 1 2 3", "sub 2 1 3", "mod 1 2 3", "mod 2 1 3"} <= kept
    assert format_program(decode(first[:1])) == "noop"


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 60))
def test_indices_are_all_there_are_or_as_many_as_asked_for(counts, most):
    rows = np.concatenate(list(distinct(np.array(counts), most, rng())))
    assert len(rows) == len(np.unique(rows, axis=0)) == min(most, np.prod(counts))
    assert ((rows >= 0) & (rows < counts)).all()


def test_a_program_of_one_line_is_found_among_those_of_one_line():
    given = task("write 0 1")
    lines = instructions(given.sizes, "freeze", "zero", "line")
    for restart in range(5):
        found = enumerate_programs(judge(given, restart), 10**4, rng(restart))
        assert found.found and found.fit and found.programs <= len(lines[0])
        assert hard([format_program(found.program)], held_out(given, 0).test, given)[0]


def test_shorter_programs_are_enumerated_before_longer_ones():
    """`inc 0 0; write 1 0` leaves a 1 in cell 0, which no single instruction and no loop of one does."""
    given = task("inc 0 0; write 1 0")
    one_line = len(instructions(given.sizes, "freeze", "zero", "line")[0])
    for restart in range(5):
        found = enumerate_programs(judge(given, restart), 10**6, rng(restart))
        assert found.found and found.programs > one_line
    nothing = enumerate_programs(judge(given), one_line, rng())
    assert not nothing.found and nothing.programs == one_line


def test_a_task_without_a_program_ends_with_the_space():
    """Reading, doubling and writing a word takes three lines; here there are two."""
    doubled = task("read 0 1; add 1 1 1; write 0 1", lines=3, steps=3)
    small = Task(**doubled.__dict__ | {"sizes": Sizes(3, 2, 2), "steps": 2})
    searched = enumerate_programs(Judge(small, *held_out(doubled, 0)[:2]), 10**6, rng())
    first, second = instructions(small.sizes, "freeze", "zero", "line")
    assert not searched.found and searched.programs == len(first) * len(second)


# --- what ends a search


def examples(*words: int) -> Examples:
    """Starts of a machine with 2 cells and 2 registers, all zero but cell 1; cell 0 must become these words."""
    n = len(words)
    memory, zero = np.zeros((n, 2), dtype=int), np.zeros((n, 2), dtype=int)
    memory[:, 1] = range(n)
    final = memory.copy()
    final[:, 0] = words
    return Examples(memory, zero, final, zero)


def test_the_first_program_that_is_right_on_training_and_validation_ends_a_search():
    """On one example of training a 1 in cell 0 and a copy of cell 1 look alike; validation tells them apart."""
    given = task("noop; noop", base=2, steps=3, lines=3)
    one = Examples(*(words[1:] for words in examples(0, 1)))
    texts = ("inc 0 0; write 1 0; halt", "inc 0 0; read 0 0; write 1 0")
    constant, copy = (fit(parse(text), given.sizes) for text in texts)
    code = encode([parse("noop"), constant, copy, copy], 3)
    blocks = [code[:2], code[2:]]
    found = first_right(blocks, Judge(given, one, examples(0, 1)))
    assert (found.program, found.fit, found.found, found.programs) == (copy, True, True, 3)
    unchecked = first_right(blocks, Judge(given, one, None))
    assert (unchecked.program, unchecked.programs) == (constant, 2)
    best = first_right(blocks[:1], Judge(given, one, examples(0, 1)))
    assert (best.program, best.fit, best.found, best.programs) == (constant, True, False, 2)


def test_random_search_spends_its_budget_and_keeps_the_best():
    given = load_task(shipped("reduce"), MachineConfig())
    one = judge(given, examples=16)
    short, long = (random_search(one, budget, rng()) for budget in (20, 2000))
    right = [int(one.right(encode([searched.program], given.sizes.lines))[0]) for searched in (short, long)]
    drawn = one.right(random_code(20, given.sizes, rng()))
    assert (short.programs, long.programs) == (20, 2000) and not long.found
    assert right[0] == drawn.max() <= right[1] < one.words


def test_random_search_finds_what_is_frequent():
    assert random_search(judge(task("write 0 1")), 2000, rng()).found


# --- local search


def climb(given: Task, start: str | None, restarts: list[int], budget: int):
    program = None if start is None else fit(load_program(start), given.sizes)
    judges = [judge(given, restart, examples=8) for restart in restarts]
    return local_search([program] * len(restarts), judges, budget, [rng(restart) for restart in restarts])


def test_local_search_from_a_right_program_looks_at_that_alone():
    given = load_task(shipped("map_dec"), MachineConfig())
    for searched in climb(given, "map_dec", [0, 1, 2], budget=50):
        assert searched.program.instructions == fit(load_program("map_dec"), given.sizes).instructions
        assert (searched.found, searched.programs) == (True, 1)


def test_local_search_finds_a_neighbor_and_says_when():
    """map_inc is one opcode from map_dec; it leaves no word right, so at first any other program is not worse."""
    given = load_task(shipped("map_dec", length=1), MachineConfig())
    searched = climb(given, "map_inc", list(range(12)), budget=1000)
    assert any(one.found for one in searched)
    for one in searched:
        right = hard([format_program(one.program)], held_out(given, 0).validation, given)[0]
        assert one.found <= right and 1 < one.programs <= 1000 and (one.found or one.programs == 1000)


def test_a_program_is_never_exchanged_for_a_worse_one():
    given = load_task(shipped("parity"), MachineConfig())
    restarts = list(range(6))
    before = [judge(given, r, 8).right(start_code(None, given, rng(r))[None])[0] for r in restarts]
    for budget in (1, 30, 300):
        now = [
            int(judge(given, r, 8).right(encode([one.program], given.sizes.lines))[0])
            for r, one in zip(restarts, climb(given, None, restarts, budget), strict=True)
        ]
        assert all(one >= other for one, other in zip(now, before, strict=True))
        before = now


@pytest.mark.parametrize("start", [None, "map_inc"])
def test_a_restart_of_local_search_depends_on_itself_alone(start):
    given = load_task(shipped("map_dec", length=1), MachineConfig())
    together = climb(given, start, list(range(8)), budget=400)
    (alone,) = climb(given, start, [5], budget=400)
    timeless = {"seconds": 0, "core_seconds": 0}
    assert alone._replace(**timeless) == together[5]._replace(**timeless)


def test_a_start_says_what_its_program_says_and_is_random_elsewhere():
    given = load_task(shipped("map_inc"), MachineConfig())
    program = fit(load_program("map_inc"), given.sizes)
    several = np.stack([start_code(program, given, rng(seed)) for seed in range(40)])
    assert all(decode(code).instructions == program.instructions for code in several)
    unused = several[:, 0, 2]  # `read 1 2` has no second source
    assert set(unused.tolist()) == set(range(given.sizes.registers))


def test_examples_of_each_program_are_its_own():
    given = load_task(shipped("map_inc", length=1), MachineConfig())
    code = random_code(5, given.sizes, rng())
    judges = [judge(given, restart) for restart in range(5)]
    own = Examples(*(np.stack(words) for words in zip(*(one.training for one in judges), strict=True)))
    alone = [int(one.right(row[None])[0]) for one, row in zip(judges, code, strict=True)]
    assert count_right(code, own, given).tolist() == alone

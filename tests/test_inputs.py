"""The words of an input that matter: what a reference reads, how many inputs differ in it, and sets that are apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.cli.compose import configure
from neurocomp.config import TaskConfig
from neurocomp.language import interpreter
from neurocomp.language.assembly import Program, parse
from neurocomp.machine_config import MachineConfig
from neurocomp.tasks import inputs
from neurocomp.tasks.examples import count_trained_tests, few_inputs, held_out, training_examples
from neurocomp.tasks.inputs import KnownInputs, Reads, variety
from neurocomp.tasks.task import Examples, Task, load_task
from tests.strategies import programs

BASE, REGISTERS, LINES = 3, 2, 4


def reads_of(program: Program, checked: tuple[int, ...], steps: int = 9, **readings) -> Reads:
    return Reads(program, BASE, steps, checked, **readings)


def outcome(reads: Reads, start: tuple[int, ...]) -> list[int]:
    """The checked words that the plain interpreter leaves."""
    left = interpreter.run(
        reads.program, start[:BASE], start[BASE:], base=BASE, steps=reads.steps,
        halting=reads.halting, mod_by_zero=reads.mod_by_zero,
    )  # fmt: skip
    return [(left.memory + left.registers)[place] for place in reads.checked]


@st.composite
def references(draw) -> Reads:
    """Random programs with random checked places, in every reading of the interpreter."""
    program = draw(programs(BASE, REGISTERS, LINES))
    checked = draw(st.sets(st.integers(0, BASE + REGISTERS - 1), min_size=1))
    return reads_of(
        program,
        tuple(sorted(checked)),
        draw(st.integers(1, 12)),
        halting=draw(st.sampled_from(["freeze", "printed"])),
        mod_by_zero=draw(st.sampled_from(["zero", "dividend"])),
    )


STARTS = list(itertools.product(range(BASE), repeat=BASE + REGISTERS))


@given(references())
def test_inputs_with_equal_keys_leave_the_same_checked_words(reads):
    left: dict = {}
    for start in STARTS:
        assert left.setdefault(reads.key(start), outcome(reads, start)) == outcome(reads, start)


@given(references(), st.sampled_from(STARTS), st.data())
def test_a_word_that_is_not_read_changes_neither_key_nor_outcome(reads, start, data):
    key = reads.key(start)
    assert all(start[place] == word for place, word in key)
    unread = sorted(set(range(len(start))) - {place for place, _ in key})
    other = list(start)
    for place in unread:
        other[place] = data.draw(st.integers(0, BASE - 1))
    assert reads.key(other) == key and outcome(reads, tuple(other)) == outcome(reads, start)


@given(references(), st.lists(st.sampled_from([(0, 0), (1, 2), (0, 2)]), min_size=5, max_size=5))
def test_different_inputs_are_counted(reads, ranges):
    starts = itertools.product(*(range(low, high + 1) for low, high in ranges))
    assert variety(reads, tuple(ranges)) == (len({reads.key(start) for start in starts}), False, True)


@pytest.mark.parametrize(
    ("text", "checked", "start", "key"),
    [
        ("read 0 1; inc 1 1; write 0 1", (0,), (2, 0, 1, 0, 1), ((3, 0), (0, 2))),  # R0 = 0 points at cell 0
        ("zero 0; zero 1; write 0 1", (0,), (2, 0, 1, 2, 2), ()),  # all that is checked is overwritten
        ("noop", (1, 4), (2, 0, 1, 0, 2), ((1, 0), (4, 2))),  # what nothing overwrites is left as it was
        ("inc 1 1; noop; noop", (4,), (0, 0, 0, 2, 1), ((4, 1),)),  # and inc reads one register, not R0 too
        ("jump 1 end; read 0 0; end: noop", (0,), (1, 0, 0, 0, 0), ((4, 0), (0, 1))),
        ("jump 1 end; read 0 0; end: noop", (0,), (1, 0, 0, 2, 1), ((4, 1), (3, 2), (2, 0), (0, 1))),
        ("halt; read 0 0", (1,), (0, 1, 0, 0, 0), ((1, 1),)),
    ],
)
def test_keys_worked_by_hand(text, checked, start, key):
    program = parse(text)
    assert reads_of(program, checked, steps=len(program)).key(start) == key


@pytest.mark.parametrize("halting, key", [("freeze", ()), ("printed", ((3, 0), (0, 1)))])
def test_after_a_halt_only_the_printed_machine_reads_on(halting, key):
    reads = reads_of(parse("halt; read 0 0; zero 0"), (), steps=2, halting=halting)
    assert reads.key((1, 0, 0, 0, 0)) == key


def task_of(name: str, *overrides: str) -> Task:
    config = configure([f"task={name}", *overrides])
    return load_task(config.task, config.machine)


@pytest.mark.parametrize(("name", "different"), [
    ("inc", 30), ("inc_value", 6), ("map_inc", 216), ("map_dec", 216), ("reduce", 216), ("parity", 216), ("fib", 1),
    ("parity_bits", 8), ("paper_map_inc", 6), ("paper_fib", 1), ("access", 56), ("list_k", 264), ("reverse", 512),
])  # fmt: skip
def test_shipped_tasks_have_few_inputs_and_say_so(name, different):
    task = task_of(name)
    assert variety(task.reads, task.ranges) == (different, False, True)
    inputs = "1 different input" if different == 1 else f"{different} different inputs"
    assert few_inputs(task) == (
        f"{task.name}: {inputs} in the words that its program reads; "
        "test examples may have been trained on (column tests_trained)"
    )


MANY = ("task.base=9",)  # 9^3 lists of three


def test_many_inputs_are_counted_only_as_far_as_needed():
    for overrides in (MANY, ("task.base=30", "task.length=29")):
        task = task_of("map_inc", *overrides)
        assert variety(task.reads, task.ranges) == (640, True, False)
        assert few_inputs(task) is None
    large, small = task_of("inc", "task.base=26"), task_of("inc", "task.base=25")
    assert variety(large.reads, large.ranges).enough  # 25 pointers to 26 words
    assert variety(small.reads, small.ranges) == (24 * 25, False, True)


def test_sets_are_apart_in_the_words_that_matter():
    task = task_of("map_inc", *MANY)
    unseen = held_out(task, 3)
    lists = [{tuple(row) for row in part.memory[:, :3].tolist()} for part in (unseen.test, unseen.validation)]
    assert [len(part) for part in lists] == [256, 64] and not lists[0] & lists[1]
    for restart in range(60):
        training = training_examples(task, unseen, 3, restart, 16)
        own = {tuple(row) for row in training.memory[:, :3].tolist()}
        assert not own & lists[0] and not own & lists[1]
        assert count_trained_tests(unseen, [training]) == 0


def test_tests_that_were_trained_on_are_counted():
    task = task_of("map_inc")
    unseen = held_out(task, 0)
    training = training_examples(task, unseen, 0, 4, 16)
    own = {tuple(row) for row in training.memory[:, :3].tolist()}
    among = sum(tuple(row) in own for row in unseen.test.memory[:, :3].tolist())
    assert 0 < among < 256 and count_trained_tests(unseen, [training]) == among
    assert count_trained_tests(unseen, []) == 0
    assert count_trained_tests(unseen, [unseen.test]) == 256
    fib = task_of("fib")  # its program reads nothing: all inputs are one
    assert count_trained_tests(held_out(fib, 0), [training_examples(fib, held_out(fib, 0), 0, 0, 1)]) == 256


def mine(program: str, **changes) -> Task:
    fields = dict(name="mine", base=40, registers=3, lines=8, steps=200, program=program, check={"memory": [0]})
    return load_task(TaskConfig(**(fields | changes)), MachineConfig())


# Looks for the first 0: one input in 40 ends at the first word, and so on.
FIRST_ZERO = "loop: read 1 2; inc 1 1; jump 2 end; jump 0 loop; end: write 0 1; halt"


def test_inputs_that_are_not_alike_likely_are_kept_apart_as_long_as_training_has_room():
    task = mine(FIRST_ZERO, base=6, memory={5: 0}, start_registers={})
    assert few_inputs(task) is None
    unseen = held_out(task, 0)
    assert len(set(unseen.tested)) == 256
    training = [training_examples(task, unseen, 0, restart, 16) for restart in range(5)]
    assert count_trained_tests(unseen, training) == 0


def test_where_few_inputs_are_nearly_all_that_is_drawn_it_is_said():
    """A word that is not 0 ends it: 63 of 64 inputs at the first word, 63 of 64 of the others at the second, ..."""
    task = mine("loop: read 1 2; inc 1 1; jump 2 loop; halt", base=64, registers=3, lines=4, check={"registers": [1]})
    assert few_inputs(task) == (
        "mine: 640 or more different inputs in the words that its program reads; a few of them may be nearly all "
        "that is drawn, and test examples may have been trained on (column tests_trained)"
    )
    assert len(held_out(task, 0).test.memory) == 256


def test_what_would_take_too_many_steps_is_not_counted_to_the_end(monkeypatch):
    monkeypatch.setattr(inputs, "STEPS", 3999)  # three runs after the first: 6, then 5 + 6, 10 + 6, 15 + 6 nodes
    task = mine("loop: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 0 loop", base=6, steps=1000)
    told = few_inputs(task)
    assert told is not None and told.startswith("mine: 21 or more different inputs in the words that its program reads")


def test_only_cells_whose_examples_are_drawn_otherwise_have_another_hash():
    """Where inputs are few the identity is that of older versions; where they are many it says how they are apart."""
    few, many = task_of("map_inc").identity(), task_of("map_inc", *MANY).identity()
    assert "apart" not in few and many["apart"] == "read"
    assert "apart" not in many["general"]


def test_general_examples_are_drawn_as_ever():
    """They have sizes of their own, on which nothing trains: different start states, whatever is read of them."""
    general = held_out(task_of("map_inc"), 0).general
    assert general is not None and len({tuple(row) for row in general.memory.tolist()}) == 256


@pytest.mark.parametrize("name, overrides", [("map_inc", ()), ("map_inc", MANY), ("inc_value", ("task.base=3",))])
def test_another_seed_draws_other_examples(name, overrides):
    task = task_of(name, *overrides)

    def drawn(seed: int) -> list[Examples]:
        unseen = held_out(task, seed)
        return [unseen.test, unseen.validation, training_examples(task, unseen, seed, 0, 16)]

    same = [np.array_equal(one.memory, other.memory) for one, other in zip(drawn(0), drawn(1), strict=True)]
    assert same == [task.inputs <= 256, False, False]  # up to 256 start states are all tested, whatever the seed


@given(references(), st.sets(st.sampled_from(STARTS), max_size=40))
def test_known_inputs_are_told_without_a_run(reads, some):
    """By the words along their keys, as by the key that a run of each input tells."""
    keys = frozenset(reads.key(start) for start in some)
    known = KnownInputs(keys)
    for start in STARTS:
        key = reads.key(start)
        assert known.key(start) == (key if key in keys else None)

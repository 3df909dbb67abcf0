"""The compiled enumeration makes the readable one's programs, and the compiled trials say what the executor says."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.cli.compose import configure
from neurocomp.jit import njit
from neurocomp.language.isa import INDEX
from neurocomp.machine_config import READINGS, MachineConfig, Sizes
from neurocomp.synthesis import readable
from neurocomp.synthesis.assembler import Room
from neurocomp.synthesis.compiled import space as compiled
from neurocomp.synthesis.compiled import trials_kernel
from neurocomp.synthesis.compiled.pools import AT_ONCE, Pool, add_both
from neurocomp.synthesis.compiled.recording import recorded
from neurocomp.synthesis.compiled.trials import Behaviors, Trying
from neurocomp.synthesis.compiled.trials_kernel import Apart, Trials
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.language import LANGUAGE
from neurocomp.synthesis.score import behaviors, loops_in, scores
from neurocomp.synthesis.terms import INDEX as PLACE
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import Examples, Task, load_task
from neurocomp.tasks.verification import run
from tests.test_synthesis_language import DOUBLING

# base, registers, lines; those that may be read; those that may be set; constructs; how halt and mod are read
ROOMS = {
    "small": ((3, 4, 5), (), (), None, "freeze", "zero"),
    "with inputs": ((4, 5, 6), (4,), (), None, "freeze", "zero"),
    "one register": ((3, 1, 4), (), (), None, "freeze", "zero"),
    "two registers": ((4, 2, 7), (), (), None, "freeze", "zero"),
    "many lines": ((3, 9, 7), (), (), None, "freeze", "zero"),
    "bits": ((2, 6, 8), (5,), (), None, "freeze", "dividend"),
    "results in registers": ((3, 6, 7), (4,), (5,), None, "printed", "zero"),
    "every construct": ((3, 5, 6), (3,), (4,), list(CONSTRUCTS), "printed", "dividend"),
    "a few constructs": ((5, 8, 9), (6, 7), (), ["map", "if", "seq", "read", "sub"], "freeze", "zero"),
    "a large base": ((40, 5, 6), (4,), (), None, "freeze", "zero"),
}


def arguments(base, registers, lines, readable, settable, names, halting, mod_by_zero) -> tuple:
    taken = {*readable, *settable}
    zeros = tuple(register for register in range(registers) if register not in taken)
    return LANGUAGE.chosen(names), Room(Sizes(base, registers, lines), zeros, halting), mod_by_zero, readable, settable


def check_same(given: tuple, programs: int) -> int:
    """Both enumerations' first programs are the same: texts, code, batches, and what does not fit between them."""
    slow, blocks = readable.Space(*given), compiled.Space(*given)
    made = 0
    for one, other in itertools.zip_longest(filter(None, slow.batches()), filter(None, blocks.batches())):
        assert [str(blocks.terms.term(row)) for row in other.programs] == list(map(str, one.terms))
        assert (other.weight, other.skipped) == (one.weight, one.skipped)
        assert (blocks.code(other.programs) == one.code).all()
        made += len(one.terms)
        if made >= programs:
            break
    return made


@pytest.mark.parametrize("name", ROOMS)
def test_the_compiled_enumeration_makes_the_readable_ones_programs(name):
    sizes, *rest = ROOMS[name]
    assert check_same(arguments(*sizes, *rest), 6000) > 5


@pytest.mark.parametrize("name", ["fib", "reduce", "corpus/at_least", "corpus/exchange"])
def test_they_are_the_same_at_the_sizes_of_tasks(name):
    """So many that every table has been made larger, and that combinations of one group come in several blocks."""
    task = shipped(name)
    zeros = tuple(i for i, words in enumerate(task.ranges[task.sizes.base :]) if words == (0, 0))
    readable = tuple(i for i in range(task.sizes.registers) if i not in zeros)
    assert check_same((LANGUAGE.chosen(None), Room(task.sizes, zeros), "zero", readable, ()), 2 * AT_ONCE) > AT_ONCE


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_they_are_the_same_in_any_room(data):
    """Without set, which takes no lines of its own, so that nearly all of its many programs do not fit."""
    base, registers, lines = (data.draw(st.integers(low, high)) for low, high in ((2, 7), (1, 6), (2, 6)))
    readable = tuple(i for i in range(registers) if data.draw(st.booleans()))
    names = data.draw(
        st.none() | st.lists(st.sampled_from([*sorted({*CONSTRUCTS} - {"set"})]), min_size=1, unique=True)
    )
    halting = data.draw(st.sampled_from(["freeze", "printed"]))
    mod_by_zero = data.draw(st.sampled_from(["zero", "dividend"]))
    check_same(arguments(base, registers, lines, readable, (), names, halting, mod_by_zero), 300)


def test_a_lowering_that_cannot_be_recorded_is_asked_for_each_program(monkeypatch):
    """It asks for a register's number, which a recording does not know."""
    row = CONSTRUCTS["unless"]

    def lower(assembler, test, then):
        assert int(assembler.temporary()) >= 0
        row.lower(assembler, test, then)

    monkeypatch.setitem(CONSTRUCTS, "unless", row._replace(lower=lower))
    assert recorded(CONSTRUCTS, "unless", (None, None)) is None and recorded(CONSTRUCTS, "map", (PLACE,))
    sizes, *rest = ROOMS["with inputs"]
    assert check_same(arguments(*sizes, *rest), 3000) > 1000


def test_two_pools_share_a_group_until_a_term_is_in_one_alone():
    every, some, key = Pool(), Pool(), (5, 2, 0, 0)

    def add(rows: list[int], chosen: list[bool]) -> None:
        needs = np.array([[2, 0, 0]] * len(rows), np.uint16)
        add_both(every, some, 5, np.array(rows, np.int32), needs, np.array(chosen))

    add([1, 2], [True, True])
    assert some.groups[key] is every.groups[key] and some.fewest == every.fewest == {5: 2}
    add([3, 4], [True, False])
    add([5], [True])
    assert list(every.groups[key].rows) == [1, 2, 3, 4, 5] and list(some.groups[key].rows) == [1, 2, 3, 5]


# --- trials


def shipped(name: str, *overrides: str) -> Task:
    config = configure([f"task={name}", *overrides])
    return load_task(config.task, config.machine)


TASKS = {
    "fib": [],
    "reduce": [],
    "parity": ["machine.mod_by_zero=dividend"],
    "map_inc": ["machine.halting=printed"],
    "corpus/threshold": ["task.steps=40"],
    "corpus/exchange": ["task.steps=9"],
    "inc": ["task.base=140"],  # words that two of do not fit a byte
}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("count", [1, 8, 13, 32])
def test_trials_say_what_the_executor_says(name, count):
    """Scores, and which programs behave alike. Most have branches, so that examples part and come together again."""
    task = shipped(name, *TASKS[name])
    examples = training_examples(task, held_out(task, 0), 0, 0, count)
    zeros = tuple(i for i, words in enumerate(task.ranges[task.sizes.base :]) if words == (0, 0))
    readable = tuple(i for i in range(task.sizes.registers) if i not in zeros)
    names = ["update", "if", "unless", "map", "loop", "store", "seq", "read", "inc", "sub", "mod", "min"]
    space = compiled.Space(LANGUAGE.chosen(names), Room(task.sizes, zeros), task.machine.mod_by_zero, readable, ())
    batches = list(itertools.islice(filter(None, space.batches()), 12))
    programs = np.concatenate([batch.programs for batch in batches])[::3]
    trying, code = Trying(task, examples), space.code(programs)
    trials, final = trying.of_programs(space, programs), run(code, examples, task)
    assert loops_in(code).any() and not loops_in(code).all() and (trials.loops == loops_in(code)).all()
    assert (trying.scores(trials) == scores(final, trials.loops, examples, task)).all()
    keys = behaviors(final, task)
    assert (
        len(set(zip(keys, trials.behavior.tolist(), strict=True)))
        == len(set(keys))
        == len(set(trials.behavior.tolist()))
    )


@njit
def run_all(machine, codes, eights, words, apart, trials):
    """What `try_programs` does, with code [K, L, 5] that no space made."""
    for k in range(len(codes)):
        code = np.zeros((1, codes.shape[1], 6), np.int64)
        code[0, :, :5] = codes[k]
        trials_kernel._execute(machine, code, eights, words, apart)
        trials_kernel._judge(machine, eights, trials, k, machine.start.shape[1])


def random_code(rng: np.random.Generator, sizes: Sizes, count: int) -> np.ndarray:
    """Programs [K, L, 5] with many jumps, some of them to the line behind the last."""
    rates = np.where([name in ("jump", "read", "write") for name in INDEX], 3.0, 1.0)
    rates[INDEX["halt"]] = 4 / sizes.lines
    code = rng.integers(sizes.registers, size=(count, sizes.lines, 5))
    code[..., 0] = rng.choice(len(INDEX), size=code.shape[:2], p=rates / rates.sum())
    code[..., 4] = rng.integers(sizes.lines + 1, size=code.shape[:2])
    return code


@settings(max_examples=150)
@given(
    st.integers(0, 1 << 32), st.sampled_from([2, 3, 7, 8, 15, 16, 17, 64, 127, 128]), st.integers(1, 5),
    st.sampled_from([1, 2, 3, 6, 12, 40, 127]), st.sampled_from([0, 1, 2, 17, 72, 126, 127, 128, 300]),
    st.integers(1, 40), st.sampled_from(READINGS["halting"]), st.sampled_from(READINGS["mod_by_zero"]),
)  # fmt: skip
def test_any_code_does_what_the_executor_does(seed, base, registers, lines, steps, count, halting, mod_by_zero):
    rng = np.random.default_rng(seed)
    sizes, low = Sizes(base, registers, lines), rng.random() < 0.3  # few words: examples that differ little
    start, final = (rng.integers(2 if low else base, size=(count, base + registers)) for _ in range(2))
    task = replace(
        shipped("inc"), sizes=sizes, steps=steps, checked_memory=(0, base - 1), checked_registers=(registers - 1,),
        machine=MachineConfig(halting=halting, mod_by_zero=mod_by_zero),
    )  # fmt: skip
    trying = Trying(task, Examples(start[:, :base], start[:, base:], final[:, :base], final[:, base:]))
    codes, machine = random_code(rng, sizes, 12), trying.machine
    found = Trials(*(np.zeros(len(codes), kind) for kind in (np.int64, np.int64, np.int64, np.bool_, np.uint64)))
    eights, apart = np.zeros(machine.start.size, np.uint64), Apart(*np.zeros((3, machine.start.shape[1]), np.uint64))
    run_all(machine, codes, eights, eights.view(np.uint8), apart, found)
    wanted = trying.of_code(codes)
    for field in ("right", "whole", "changed"):
        assert (getattr(found, field) == getattr(wanted, field)).all(), field
    pairs = set(zip(found.behavior.tolist(), wanted.behavior.tolist(), strict=True))
    assert len(pairs) == len(set(found.behavior.tolist())) == len(set(wanted.behavior.tolist()))


@pytest.mark.parametrize("sizes, of_bytes", [((128, 2, 127), True), ((129, 2, 127), False), ((128, 2, 128), False)])
def test_what_does_not_fit_a_byte_is_left_to_the_executor(sizes, of_bytes):
    base = sizes[0]
    task = replace(shipped("inc"), sizes=Sizes(*sizes), checked_memory=(0,))
    words = np.zeros((3, base + 2), np.int64)
    assert Trying(task, Examples(words[:, :base], words[:, base:], words[:, :base], words[:, base:])).fits == of_bytes


def test_a_task_that_needs_no_change_is_scored_alike():
    """A file of examples may ask for the words that are there: then every program changes what has to change."""
    task = shipped("inc")
    examples = training_examples(task, held_out(task, 0), 0, 0, 4)
    still = examples._replace(final_memory=examples.memory, final_registers=examples.registers)
    space = compiled.Space(LANGUAGE.chosen(None), Room(task.sizes, tuple(range(task.sizes.registers))), "zero", (), ())
    programs = next(filter(None, space.batches())).programs
    trying = Trying(task, still)
    trials = trying.of_programs(space, programs)
    final = run(space.code(programs), still, task)
    assert (trying.scores(trials) == scores(final, trials.loops, still, task)).all()


def test_a_set_of_behaviors_grows_and_forgets_none():
    hashes = np.random.default_rng(0).integers(0, 1 << 63, 30_000).astype(np.uint64) << np.uint64(1)
    kept = Behaviors()
    for part in np.split(hashes, 10):
        assert kept.put(part).all()
    assert kept.count == 30_000 and not kept.put(hashes).any()


def test_words_that_take_several_instructions_are_the_same():
    """Such a construct is a user's own: its operations are lowered by the readable assembler."""
    base, registers, lines = ROOMS["with inputs"][0]
    given = (DOUBLING.chosen(None), Room(Sizes(base, registers, lines), (0, 1, 2, 3)), "zero", (4,), (), DOUBLING)
    assert check_same(given, 3000) > 1000

"""Annealing: the compiled walk takes the steps of the readable one, and a restart depends on itself alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.config import TaskConfig
from neurocomp.language.assembly import fit, format_program, load_program, parse
from neurocomp.language.executor import decode, encode
from neurocomp.machine_config import READINGS, MachineConfig
from neurocomp.search.annealing import Schedule, anneal, fresh_code, programs_a_call
from neurocomp.search.annealing_kernel import MOST, RIGHT, State, chances, checks_of, machine_of, steps
from neurocomp.search.judge import Judge
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import Task, load_task
from neurocomp.tasks.verification import hard
from tests.readable_annealing import walk
from tests.test_tasks import shipped


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def judge(task: Task, restart: int = 0, examples: int = 6, stop: str = "validated") -> Judge:
    unseen = held_out(task, seed=0)
    validation = unseen.validation if stop == "validated" else None
    return Judge(task, training_examples(task, unseen, 0, restart, examples), validation)


def never(task: Task) -> Judge:
    """No program is right on validation: words there are to be what no word is."""
    given = judge(task)
    assert given.validation is not None
    wrong = given.validation._replace(final_memory=given.validation.final_memory - 100)
    return Judge(task, given.training, wrong)


@st.composite
def small_tasks(draw) -> Task:
    """Machines so small that walks meet right programs, under all readings that a program's meaning depends on."""
    base, registers, lines = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    jump_target = draw(st.sampled_from(READINGS["jump_target"]))
    if jump_target != "line":
        registers, lines = (lines, lines) if jump_target == "operand" else (registers, base)
    readings = {name: draw(st.sampled_from(READINGS[name])) for name in ("halting", "mod_by_zero")}
    program = draw(st.sampled_from(["write 0 0", "inc 0 0", "read 0 0", "zero 0", "max 0 0 0"]))
    check = draw(st.sampled_from([{"memory": [0]}, {"memory": [0, 1], "registers": [0]}, {"registers": [0]}]))
    steps = draw(st.integers(1, 6))
    config = TaskConfig("small", base, registers, lines, steps, program=program, check=check)
    return load_task(config, MachineConfig(jump_target=jump_target, **readings))


SCHEDULES = st.builds(Schedule, st.integers(1, 150), st.sampled_from([0.0, 0.02, 0.3, 1e300]), st.integers(1, 60))


@settings(max_examples=60, deadline=None)
@given(small_tasks(), SCHEDULES, st.integers(0, 99), st.sampled_from([None, "noop"]), st.sampled_from(["", "fit"]))
def test_the_compiled_walk_takes_the_steps_of_the_readable_one(task, schedule, seed, start, stop):
    """One step a call, so that the program after each of them is seen."""
    program = None if start is None else fit(parse(start), task.sizes)
    one, draws, state = judge(task, seed, stop=stop or "validated"), rng(seed), State.of(task.sizes)
    machine, checks = machine_of(task), [checks_of(examples, task) for examples in (one.training, one.validation)]
    chance = chances(one.words, schedule.temperature)
    for number, step in enumerate(walk(program, one, schedule, rng(seed))):
        if number % schedule.fresh == 0:
            state.code[:] = fresh_code(program, number == 0, task, draws)
            state.counts[RIGHT] = one.right(state.code[None])[0]
            if state.counts[RIGHT] > state.counts[MOST]:
                state.best[:], state.counts[MOST] = state.code, state.counts[RIGHT]
            found = step.found
        else:
            made, found = steps()(1, state, draws, chance, machine, *checks)
            assert made == 1
        assert (state.code == step.code).all() and (state.best == step.best).all()
        assert (state.counts[RIGHT], state.counts[MOST], found) == (step.right, step.most, step.found)


@settings(max_examples=60, deadline=None)
@given(small_tasks(), SCHEDULES, st.integers(0, 99), st.sampled_from([None, "noop"]))
def test_a_restart_ends_where_the_readable_walk_ends(task, schedule, seed, start):
    program = None if start is None else fit(parse(start), task.sizes)
    one = judge(task, seed)
    taken = list(walk(program, one, schedule, rng(seed)))
    ended, last = anneal(program, one, schedule, rng(seed)), taken[-1]
    ending = decode(last.code if last.found else last.best, task.machine.jump_target)
    assert (ended.programs, ended.found, ended.fit) == (len(taken), last.found, last.most == one.words)
    assert ended.program.instructions == ending.instructions and not ended.cut


@pytest.mark.parametrize("a_call", [1, 7, 1000])
def test_a_restart_does_not_depend_on_how_many_steps_a_call_makes(monkeypatch, a_call):
    task = load_task(shipped("map_inc", length=1), MachineConfig())
    schedule = Schedule(3000, 0.02, 800)
    whole = [anneal(None, judge(task, restart), schedule, rng(restart)) for restart in range(3)]
    monkeypatch.setattr("neurocomp.search.annealing.programs_a_call", lambda _: a_call)
    parts = [anneal(None, judge(task, restart), schedule, rng(restart)) for restart in range(3)]
    timeless = [[one._replace(seconds=0, core_seconds=0) for one in ended] for ended in (whole, parts)]
    assert timeless[0] == timeless[1]


def test_a_call_is_short_however_large_the_task_is():
    given = judge(load_task(shipped("map_inc"), MachineConfig()), examples=16)
    assert 10_000 < programs_a_call(given) < 100_000
    longer = [Judge(replace(given.task, steps=steps), given.training, None) for steps in (1_000_000, 10**9)]
    assert [programs_a_call(one) for one in longer] == [1, 1]


@pytest.mark.parametrize("programs, fresh", [(1, 50), (2, 1), (300, 1), (300, 7), (300, 1000)])
def test_a_restart_executes_as_many_programs_as_it_may(programs, fresh):
    task = load_task(shipped("map_inc", length=1), MachineConfig())
    ended = anneal(None, never(task), Schedule(programs, 0.02, fresh), rng())
    assert (ended.programs, ended.found, ended.cut) == (programs, False, "")


def test_from_a_right_program_nothing_else_is_looked_at():
    task = load_task(shipped("map_dec"), MachineConfig())
    ended = anneal(fit(load_program("map_dec"), task.sizes), judge(task), Schedule(50, 0.02, 10), rng())
    assert ended.program.instructions == fit(load_program("map_dec"), task.sizes).instructions
    assert (ended.found, ended.programs) == (True, 1)


def test_a_program_that_is_right_on_training_alone_does_not_end_a_restart():
    """Every program that fits is wrong on validation, so the search goes on to its last program, and says it fits."""
    task = load_task(TaskConfig("small", 3, 2, 2, 2, program="write 0 1", check={"memory": [0]}), MachineConfig())
    ended = anneal(None, never(task), Schedule(3000, 0.02, 500), rng())
    assert (ended.fit, ended.found, ended.programs) == (True, False, 3000)
    at_once = anneal(None, Judge(task, never(task).training, None), Schedule(3000, 0.02, 500), rng())
    assert at_once.found and at_once.programs < 3000


@pytest.mark.parametrize("name", ["map_inc", "map_dec"])
def test_the_maps_are_found_from_nothing(name):
    """Random programs find neither within a million; a walk needs about 60,000."""
    task = load_task(shipped(name), MachineConfig())
    ended = anneal(None, judge(task, examples=16), Schedule(1_000_000, 0.02, 50_000), rng(1))
    assert ended.found and hard([format_program(ended.program)], held_out(task, 0).test, task) == [True]


def test_at_temperature_zero_no_worse_program_is_taken():
    task = load_task(shipped("parity"), MachineConfig())
    right = [step.right for step in walk(None, judge(task), Schedule(400, 0.0, 1000), rng())]
    assert right == sorted(right) and chances(8, 0.0).tolist() == [1.0] + [0.0] * 8


def test_chances_are_those_of_the_worse_words():
    """48 words, 0.02 of them a degree: one word fewer is 1 / 0.96 degrees."""
    assert chances(48, 0.02)[[0, 1, 2]] == pytest.approx([1, 0.35287, 0.12451], abs=1e-5)


def test_a_limit_ends_a_restart_that_has_found_nothing():
    task = load_task(shipped("reduce"), MachineConfig())
    schedule = Schedule(10**12, 0.02, 50_000)
    ended = anneal(None, never(task), schedule, rng(), limit=0.05)
    assert ended.cut == "limit" and not ended.found and 0 < ended.programs < 10**12 and ended.core_seconds >= 0.05
    found = anneal(fit(load_program("reduce"), task.sizes), judge(task), schedule, rng(), limit=1e-9)
    assert found.found and not found.cut


def test_who_listens_is_heard_between_calls():
    task = load_task(shipped("reduce"), MachineConfig())

    def heard() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        anneal(None, never(task), Schedule(10**12, 0.02, 50_000), rng(), heard=heard)


def test_a_fresh_walk_from_a_program_begins_near_it():
    task = load_task(shipped("map_inc"), MachineConfig())
    program = fit(load_program("map_inc"), task.sizes)
    code = encode([program], task.sizes.lines)[0]
    assert decode(fresh_code(program, True, task, rng())).instructions == program.instructions
    others = [decode(fresh_code(program, False, task, rng(seed))).instructions for seed in range(50)]
    distances = [sum(one != other for one, other in zip(program.instructions, it, strict=True)) for it in others]
    assert set(distances) <= {0, 1, 2} and 2 in distances and len(code) == 5

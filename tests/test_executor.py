"""The compiled executor leaves the same words as the exact interpreter."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.language.assembly import fit, load_program, parse
from neurocomp.language.executor import decode, each_step, encode, execute
from neurocomp.language.interpreter import run
from neurocomp.machine_config import READINGS, Sizes
from tests.programs import each_case
from tests.strategies import programs, states

BASE, REGISTERS, LINES, STEPS = 5, 4, 6, 17
READING = st.fixed_dictionaries(
    {key: st.sampled_from(READINGS[key]) for key in ("halting", "mod_by_zero", "jump_target")}
)


@each_case
def test_executor_leaves_the_words_worked_by_hand(case):
    code = encode([case.parsed], len(case.parsed))
    final = execute(code, [case.memory], [case.registers], base=case.base, steps=case.steps, **case.readings)
    assert tuple(final.memory[0, 0]) == case.final_memory and tuple(final.registers[0, 0]) == case.final_registers
    assert bool(final.halted[0, 0]) == (case.halted_after is not None)


@given(st.data(), READING, st.integers(0, STEPS))
def test_executor_agrees_with_the_interpreter(data, readings, steps):
    trailing = readings["jump_target"] != "value"
    sizes = {"base": BASE, "registers": REGISTERS, "jump_target": readings["jump_target"], "trailing": trailing}
    several = data.draw(st.lists(programs(lines=LINES, **sizes), min_size=1, max_size=3))
    starts = data.draw(st.lists(states(BASE, REGISTERS), min_size=1, max_size=4))
    memory, registers = (np.array(words) for words in zip(*starts, strict=True))
    final = execute(encode(several, LINES), memory, registers, base=BASE, steps=steps, **readings)
    for p, program in enumerate(several):
        for n, start in enumerate(starts):
            outcome = run(program, *start, base=BASE, steps=steps, **readings)
            assert tuple(final.memory[p, n]) == outcome.memory
            assert tuple(final.registers[p, n]) == outcome.registers
            assert final.halted[p, n] == outcome.halted


@given(st.data(), st.sampled_from(READINGS["jump_target"]))
def test_decoded_is_what_was_encoded(data, jump_target):
    program = data.draw(programs(BASE, REGISTERS, LINES, jump_target))
    assert decode(encode([program], LINES)[0], jump_target) == program
    padded = decode(encode([program], LINES + 3)[0], jump_target)
    assert padded.instructions[:LINES] == program.instructions and len(padded) == LINES + 3


def test_encoded_program_is_padded_as_fit_pads_it():
    program = load_program("reduce")
    assert decode(encode([program], 11)[0]) == fit(program, Sizes(6, 6, 11))
    with pytest.raises(ValueError):
        encode([program], 8)


def test_what_stands_in_unused_slots_has_no_effect():
    code = encode([parse("inc 0 1; noop")], 2)
    noise = code.copy()
    noise[0, 0, 2], noise[0, 0, 4], noise[0, 1, 1:] = 2, 1, (2, 1, 2, 7)
    start = np.array([[3, 1, 4, 1, 0]]), np.array([[1, 2, 3]])
    plain, noisy = (execute(c, *start, base=5, steps=9) for c in (code, noise))
    assert (plain.registers == noisy.registers).all() and (plain.memory == noisy.memory).all()
    assert decode(noise[0]) == decode(code[0])


@pytest.mark.parametrize("place, number", [((0, 0), 13), ((0, 1), 4), ((0, 3), -1), ((1, 4), -1)])
def test_code_that_would_leave_the_machine_is_refused(place, number):
    code = encode([parse("inc 0 1; noop")], 2)
    code[0][place] = number
    with pytest.raises(ValueError, match="there is no"):
        execute(code, [[0] * 5], [[0] * 4], base=5, steps=1)


def test_words_that_do_not_exist_are_refused():
    code = encode([parse("noop")], 1)
    with pytest.raises(ValueError, match="there is no word"):
        execute(code, [[0, 5, 0, 0, 0]], [[0]], base=5, steps=1)
    with pytest.raises(ValueError, match="not examples in base 4"):
        execute(code, [[0] * 5], [[0]], base=4, steps=1)


def test_half_a_million_executions_a_second():
    """Random programs of 15 steps on one core; a loaded machine gets several tries."""
    rng = np.random.default_rng(0)
    shape = (4000, LINES)
    code = np.stack([rng.integers(0, high, shape) for high in (13, REGISTERS, REGISTERS, REGISTERS, LINES)], -1)
    memory, registers = rng.integers(0, BASE, (16, BASE)), np.zeros((16, REGISTERS), dtype=int)
    rates = []
    for _ in range(5):
        began = time.perf_counter()
        execute(code, memory, registers, base=BASE, steps=15)
        rates.append(len(code) * len(memory) / (time.perf_counter() - began))
    assert max(rates) > 500_000


@given(st.data(), READING, st.integers(0, STEPS))
def test_step_by_step_it_does_what_the_interpreter_does(data, readings, steps):
    sizes = {"base": BASE, "registers": REGISTERS, "jump_target": readings["jump_target"]}
    several = data.draw(st.lists(programs(lines=LINES, **sizes), min_size=1, max_size=2))
    starts = data.draw(st.lists(states(BASE, REGISTERS), min_size=1, max_size=2))
    memory, registers = (np.array(words) for words in zip(*starts, strict=True))
    found = [
        (line.copy(), final.memory.copy(), final.registers.copy())
        for line, final in each_step(encode(several, LINES), memory, registers, base=BASE, steps=steps, **readings)
    ]
    assert len(found) == steps
    for p, program in enumerate(several):
        for n, start in enumerate(starts):
            done = []
            run(program, *start, base=BASE, steps=steps, **readings,
                trace=lambda _step, line, _instruction, m, r, done=done: done.append((line, m, r)))  # fmt: skip
            done += [(-1, *done[-1][1:])] * (steps - len(done)) if done else []
            ours = [(line[p, n], tuple(m[p, n]), tuple(r[p, n])) for line, m, r in found]
            assert ours == done

"""The exact interpreter does what the opcode table of the design says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.language.assembly import fit, load_program, parse, shipped_programs
from neurocomp.language.interpreter import Outcome, run
from neurocomp.language.isa import OPCODES
from neurocomp.machine_config import READINGS, Sizes
from tests.programs import CASES, OPCODE_CASES, SHIPPED_CASES, each_case
from tests.strategies import programs, states

BASE, REGISTERS, LINES, STEPS = 5, 4, 6, 17


def run_case(case, steps=None, trace=None):
    steps = case.steps if steps is None else steps
    return run(case.parsed, case.memory, case.registers, base=case.base, steps=steps, trace=trace, **case.readings)


@each_case
def test_program_leaves_the_words_worked_by_hand(case):
    halted = case.halted_after is not None
    assert run_case(case) == Outcome(case.final_memory, case.final_registers, case.executed, halted)


def test_table_covers_every_opcode_and_every_shipped_program():
    assert {i.opcode for case in OPCODE_CASES for i in case.parsed.instructions} == {o.name for o in OPCODES}
    assert {case.program for case in SHIPPED_CASES} == set(shipped_programs())


@each_case
def test_table_is_well_formed(case):
    assert len(case.final_memory) == case.base and len(case.final_registers) == len(case.registers)
    assert all(0 <= word < case.base for words in case[2:4] + case[5:7] for word in words)
    assert case.parsed == fit(case.parsed, case.sizes) or case.title == "label_after_the_last_line"


def test_no_steps_change_nothing():
    assert run(parse("halt"), (1, 0), (1,), base=2, steps=0) == Outcome((1, 0), (1,), 0, False)


def test_value_jump_past_the_last_line_wraps():
    program = parse("jump 0 1; inc 2 2; halt", jump_target="value")
    outcome = run(program, (0,) * 7, (0, 4, 5), base=7, steps=2, jump_target="value")
    assert outcome.registers == (0, 4, 6)  # line 4 mod 3 = 1


def test_padding_runs_as_noops():
    program = fit(parse("inc 0 0"), Sizes(9, 1, 3))
    assert run(program, (0,) * 9, (0,), base=9, steps=7).registers == (3,)  # steps 1, 4 and 7


def test_label_after_the_last_line_goes_to_the_padding():
    program = fit(parse("jump 1 end; inc 0 0; end:"), Sizes(9, 2, 3))
    assert run(program, (0,) * 9, (0, 0), base=9, steps=9).registers == (0, 0)


def test_trace_tells_each_step():
    rows = []
    program = load_program("map_inc")
    run(program, (3, 5, 2), (0, 0, 0, 0), base=6, steps=6, trace=lambda *row: rows.append(row))
    assert [row[:2] for row in rows] == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 0)]
    assert [row[2] for row in rows] == [*program.instructions, program.instructions[0]]
    assert rows[1][3:] == ((3, 5, 2), (0, 0, 4, 0))
    assert rows[2][3:] == ((4, 5, 2), (0, 0, 4, 0))


@pytest.mark.parametrize("case", CASES[::5], ids=lambda case: case.title)
def test_trace_after_a_step_is_the_outcome_of_that_many_steps(case):
    rows = []
    run_case(case, trace=lambda *row: rows.append(row))
    assert len(rows) == case.executed
    for step, _, _, memory, registers in rows:
        assert run_case(case, steps=step)[:2] == (memory, registers)


@given(st.data(), st.sampled_from(READINGS["jump_target"]), st.sampled_from(READINGS["halting"]))
def test_any_program_runs_and_keeps_words_in_range(data, jump_target, halting):
    program = data.draw(programs(BASE, REGISTERS, LINES, jump_target, trailing=True))
    memory, registers = data.draw(states(BASE, REGISTERS))
    readings = {"jump_target": jump_target, "halting": halting}
    outcome = run(program, memory, registers, base=BASE, steps=STEPS, **readings)
    assert len(outcome.memory) == BASE and len(outcome.registers) == REGISTERS
    assert all(word in range(BASE) for word in outcome.memory + outcome.registers)
    assert outcome.steps == STEPS or (outcome.halted and halting == "freeze")


@given(programs(BASE, REGISTERS, LINES), states(BASE, REGISTERS), st.integers(0, STEPS))
def test_what_has_halted_stays_as_it_is(program, start, more):
    outcome = run(program, *start, base=BASE, steps=STEPS)
    if outcome.halted:
        assert run(program, *start, base=BASE, steps=STEPS + more) == outcome

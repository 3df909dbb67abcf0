"""A program on the soft machine does what the interpreter does, at any length, or the answer says it may not."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.compilation.compiler import exact_weights
from neurocomp.compilation.decompiler import decompile
from neurocomp.compilation.soft_run import CERTAIN, SoftOutcome, run_soft
from neurocomp.language.assembly import fit, parse
from neurocomp.language.interpreter import run
from neurocomp.machine.weights import probabilities, unpack
from neurocomp.machine_config import READINGS, MachineConfig, Sizes
from tests.strategies import programs, states

SIZES = {"line": Sizes(5, 4, 7), "operand": Sizes(5, 6, 6), "value": Sizes(6, 4, 6)}
LAWS = ("writeback", "memory_law", "jump_law")
INTERPRETED = {key: READINGS[key] for key in ("controller", "halting", "mod_by_zero", "jump_target")}


def both(data, readings, steps):
    """What the soft machine and the interpreter make of a random program."""
    machine = MachineConfig(**readings)
    sizes = SIZES[machine.jump_target]
    program = data.draw(programs(*sizes, jump_target=machine.jump_target))
    memory, registers = data.draw(states(sizes.base, sizes.registers))
    asked = {key: getattr(machine, key) for key in ("halting", "mod_by_zero", "jump_target")}
    exact = run(program, memory, registers, base=sizes.base, steps=steps, **asked)
    return run_soft(program, sizes, machine, memory, registers, steps), exact


@settings(max_examples=15)
@given(st.data(), st.fixed_dictionaries({key: st.sampled_from(choices) for key, choices in INTERPRETED.items()}))
def test_soft_run_is_exact_for_hundreds_of_steps(data, readings):
    found, exact = both(data, readings, 200)
    assert found[:4] == exact
    assert found.margin >= 1 - 1e-12


@settings(max_examples=15)
@given(
    st.data(),
    st.fixed_dictionaries({key: st.sampled_from(READINGS[key]) for key in (*INTERPRETED, *LAWS)}).filter(
        lambda readings: "printed" in (readings[law] for law in LAWS)
    ),
)
def test_a_soft_run_by_printed_laws_is_exact_where_it_is_certain(data, readings):
    found, exact = both(data, readings, 100)
    assert not found.margin >= CERTAIN or found[:4] == exact


def test_a_register_that_is_added_to_itself_again_and_again_stays_right():
    """By hand: 1 doubled 20 times is 2^20, and 2^20 = 4 modulo 7."""
    sizes = Sizes(7, 2, 2)
    program = fit(parse("loop: add 1 1 1\njump 0 loop"), sizes)
    found = run_soft(program, sizes, MachineConfig(), [0] * 7, [0, 1], 40)
    assert found == SoftOutcome((0,) * 7, (0, 4), 40, False, 1.0)


def test_a_law_that_drains_mass_is_seen_in_the_margin():
    """As printed, noop takes a half of both registers at each step: after one, each is half a word from certain."""
    found = run_soft(
        fit(parse("noop"), Sizes(2, 2, 1)), Sizes(2, 2, 1), MachineConfig(writeback="printed"), [0, 0], [0, 1], 1
    )
    assert found.margin == 0.75


@pytest.mark.parametrize("jump_target", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(data=st.data())
def test_exact_weights_are_the_program_and_certain_of_it(jump_target, dtype, data):
    sizes, machine = SIZES[jump_target], MachineConfig(jump_target=jump_target)
    program = data.draw(programs(*sizes, jump_target=jump_target))
    logits = exact_weights(program, sizes, machine).to(dtype)
    found = decompile(logits, sizes, machine)
    assert found.program == program and found.margin == 1 and logits.isfinite().all()
    for rows in probabilities(unpack(logits, sizes)):
        if rows is not None:
            uniform = torch.full_like(rows, 1 / rows.shape[-1])
            certain = rows.sort(-1).values == torch.tensor([0.0] * (rows.shape[-1] - 1) + [1.0])
            assert (certain.all(-1) | torch.isclose(rows, uniform).all(-1)).all()


def test_exec_says_where_the_soft_answer_is_not_certain(command, monkeypatch):
    def answer(margin):
        outcome = SoftOutcome((0, 0), (1,), 9, False, margin)
        monkeypatch.setattr("neurocomp.compilation.soft_run.run_soft", lambda *_, **__: outcome)
        return command("exec", "inc", "--base=2", "--machine=soft"), command("exec", "inc", "--machine=soft", "--json")

    plain, as_json = answer(0.1432)
    assert plain.code == 0 and plain.out.splitlines()[-1] == "margin     0.1432"
    said = "neurocomp: not certain: the margin fell to 0.1432, so --machine=exact may give other words\n"
    assert plain.err == said
    assert json.loads(as_json.out)["certain"] is False
    plain, as_json = answer(1.0)
    assert plain.err == "" and json.loads(as_json.out)["certain"] is True

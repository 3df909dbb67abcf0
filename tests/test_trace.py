"""`neurocomp trace`: the soft machine step by step, beside the exact run of the decompiled program."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.compilation.compiler import compile_program, exact_weights
from neurocomp.compilation.soft_run import likeliest_words
from neurocomp.compilation.soft_trace import entropy, trace_softly
from neurocomp.compilation.weights_file import save_weights
from neurocomp.language.isa import INDEX, OPCODES
from neurocomp.machine import run as eager
from neurocomp.machine.state import start_state
from neurocomp.machine.weights import packed_width, unpack
from neurocomp.machine_config import MachineConfig, Sizes
from tests.strategies import programs

SIZES = Sizes(base=5, registers=4, lines=6)
WORDS = st.integers(0, SIZES.base - 1)


@settings(max_examples=60, deadline=None)
@given(programs(*SIZES), st.lists(WORDS, min_size=5, max_size=5), st.lists(WORDS, min_size=4, max_size=4))
def test_a_program_without_noise_does_the_same_softly_and_exactly(program, memory, registers):
    machine = MachineConfig()
    traced = trace_softly(exact_weights(program, SIZES, machine), SIZES, machine, memory, registers, 12)
    assert traced.parts_at is None and len(traced.moments) == 12
    words = [likeliest_words(moment.after) for moment in traced.moments]
    assert words == [(step.memory, step.registers) for step in traced.held()]


@pytest.mark.parametrize("readings", [{}, {"controller": "mix_of_softmax"}, {"writeback": "printed"}], ids=str)
def test_moments_are_those_of_the_run(readings):
    machine = MachineConfig(**readings)
    logits = compile_program(None, SIZES, machine, gamma=1.0, epsilon=1e-6, seed=0, restarts=[5], dtype=torch.float64)
    memory, registers = [1, 2, 3, 4, 0], [0, 1, 2, 3]
    traced = trace_softly(logits[0], SIZES, machine, memory, registers, 7)
    start = start_state(torch.tensor([[memory]]), torch.tensor([[registers]]), SIZES, torch.float64)
    for steps, moment in enumerate(traced.moments, start=1):
        ended = eager.run(logits, start, SIZES, machine, steps)
        assert torch.allclose(moment.after.memory, ended.memory[0, 0], atol=1e-12)
        assert torch.allclose(moment.after.registers, ended.registers[0, 0], atol=1e-12)
        assert torch.allclose(moment.after.halted, ended.halted[0, 0, -1], atol=1e-12)
    for before, moment in zip(traced.moments, traced.moments[1:], strict=False):
        assert torch.equal(before.after.counter, moment.counter)
    assert torch.allclose(traced.moments[3].instruction.opcode.sum(), torch.ones((), dtype=torch.float64))


def undecided() -> tuple[torch.Tensor, Sizes]:
    """One line on register 0: inc with 0.4, dec and zero with 0.3 each."""
    sizes = Sizes(base=6, registers=1, lines=1)
    logits = torch.full((1, packed_width(sizes, MachineConfig())), -1e4, dtype=torch.float64)
    opcode, slots, target = unpack(logits, sizes)
    for name, probability in (("inc", 0.4), ("dec", 0.3), ("zero", 0.3)):
        opcode[0, INDEX[name]] = math.log(probability)
    slots[:] = 0
    assert target is not None
    target[:] = 0
    return logits, sizes


def test_they_part_where_a_word_is_no_longer_the_likeliest():
    """After a step: 1 with 0.4, 5 and 0 with 0.3. After two: 0 with 0.54, and the exact run has 2 (0.16)."""
    logits, sizes = undecided()
    traced = trace_softly(logits, sizes, MachineConfig(), [0] * 6, [0], 3)
    first, second = (moment.after.registers[0].tolist() for moment in traced.moments[:2])
    assert first == pytest.approx([0.3, 0.4, 0, 0, 0, 0.3])
    assert second == pytest.approx([0.54, 0.12, 0.16, 0, 0.09, 0.09])
    assert [step.registers[0] for step in traced.exact] == [1, 2, 3] and traced.parts_at == 2


def test_an_exact_run_that_has_halted_keeps_its_words():
    logits, sizes = undecided()
    unpack(logits, sizes).opcode[0, INDEX["halt"]] = math.log(0.5)
    traced = trace_softly(logits, sizes, MachineConfig(), [0] * 6, [0], 4)
    assert len(traced.exact) == 1 and [step.registers for step in traced.held()] == [(0,)] * 4


def test_entropy_is_in_bits_and_of_a_row_as_if_it_had_mass_one():
    assert entropy(torch.tensor([1.0, 0, 0, 0])) == 0
    assert entropy(torch.full((4,), 0.25)) == pytest.approx(2) == entropy(torch.full((4,), 3.0))


# --- the command


def test_each_step_is_said_with_probabilities_and_where_they_part(command, tmp_path):
    logits, sizes = undecided()
    save_weights(tmp_path / "w.safetensors", logits, sizes, MachineConfig())
    answer = command("trace", str(tmp_path / "w.safetensors"), "--steps", "2")
    assert answer.code == 0 and answer.out.splitlines() == [
        "inc 0 0",
        "step 1: line 0 1.000 (0.00 bits), inc 0.400, zero 0.300, dec 0.300 (1.57 bits); exact 0 inc 0 0",
        "    register 0: 1 0.400, 0 0.300, 5 0.300 (1.57 bits); exact 1",
        "step 2: line 0 1.000 (0.00 bits), inc 0.400, zero 0.300, dec 0.300 (1.57 bits); exact 0 inc 0 0",
        "    register 0: 0 0.540, 2 0.160, 1 0.120 (1.90 bits); exact 2",
        "soft and exact run part at step 2",
    ]


def test_json_has_every_distribution_of_every_step(command):
    answer = command("trace", "map_inc", "--base", "6", "--memory", "3,5,2", "--steps", "5", "--json")
    found = json.loads(answer.out)
    assert (found["base"], found["registers"], found["lines"], found["parts_at"]) == (6, 4, 5, None)
    assert [step["step"] for step in found["steps"]] == [1, 2, 3, 4, 5]
    assert list(found["steps"][0]["opcode"]) == [opcode.name for opcode in OPCODES]
    assert found["steps"][2]["memory"][0] == [0, 0, 0, 0, 1, 0]
    assert found["steps"][2]["exact"] == {"line": 2, "memory": [4, 5, 2, 0, 0, 0], "registers": [0, 0, 4, 0]}
    for step in found["steps"]:
        for rows in (step["memory"], step["registers"], step["slots"], [step["line"]], [step["counter"]]):
            assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in rows)


def test_exec_says_what_a_soft_step_changed(command):
    lines = command(
        "exec", "map_inc", "--base", "6", "--memory", "3", "--steps", "2", "--machine", "soft", "--trace"
    ).out
    assert lines.splitlines()[:4] == [
        "step 1    line 0   read 1 2         registers 0 0 3 0  memory 3 0 0 0 0 0",
        "    register 2: 3 1.000 (0.00 bits)",
        "step 2    line 1   inc 2 2          registers 0 0 4 0  memory 3 0 0 0 0 0",
        "    register 2: 4 1.000 (0.00 bits)",
    ]


@pytest.mark.parametrize("arguments, said", [
    (["w.safetensors", "--base", "6"], "--base: w.safetensors has its own; only a program needs it"),
    (["map_inc", "--steps", "0"], "--steps=0: expected a number >= 1"),
    (["map_inc", "--base", "3", "--memory", "5"], "memory 0 is 5, expected 0 to 2 in base 3"),
    (["w.safetensors", "--start", "1,2"], "2 words for registers, expected at most 1"),
], ids=str)  # fmt: skip
def test_what_cannot_be_traced_is_one_line(command, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    logits, sizes = undecided()
    save_weights(tmp_path / "w.safetensors", logits, sizes, MachineConfig())
    answer = command("trace", *arguments)
    assert (answer.code, answer.err, answer.out) == (2, f"neurocomp: {said}\n", "")

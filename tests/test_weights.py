"""Weights worked by hand: those of a program with any noise, and the margin of each line."""

from __future__ import annotations

import math

import pytest
import torch

from neurocomp.compilation.compiler import compile_program
from neurocomp.compilation.decompiler import decisions, decompile
from neurocomp.language.assembly import format_program, parse
from neurocomp.language.isa import INDEX
from neurocomp.machine.weights import unpack
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.seeding import generator


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("text", ["add 1 0 2; jump 2 line_0", None])
def test_weights_are_log_of_one_hot_plus_noise_plus_epsilon(gamma, text):
    """Eq. 3 for every gamma, also above 1, where an instruction need not be the likeliest any more."""
    sizes, machine = Sizes(5, 3, 2), MachineConfig()
    program = None if text is None else parse("line_0: " + text)
    (logits,) = compile_program(
        program, sizes, machine, gamma=gamma, epsilon=1e-3, seed=7, restarts=[4], dtype=torch.float64
    )
    noise = torch.from_numpy(generator(7, 4, "weights").random((2, 13 + 3 * 3 + 2)))
    certain = torch.zeros_like(noise)
    if program:
        certain[0, [INDEX["add"], 13 + 1, 13 + 3 + 0, 13 + 6 + 2]] = 1
        certain[1, [INDEX["jump"], 13 + 2, 13 + 9 + 0]] = 1
    assert torch.allclose(logits, torch.log(certain + gamma * noise + 1e-3), rtol=0, atol=1e-12)


def test_operand_jumps_stand_in_the_second_slot():
    sizes, machine = Sizes(4, 3, 3), MachineConfig(jump_target="operand")
    program = parse("noop; jump 1 end; end: halt")
    (logits,) = compile_program(program, sizes, machine, gamma=0.0, epsilon=1e-6, seed=0, restarts=[0])
    assert unpack(logits, sizes).slots[1].argmax(-1)[:2].tolist() == [1, 2]
    assert decompile(logits, sizes, machine).program == program


# The slots that each instruction uses; the last slot is the target.
USES = {"halt": "", "zero": "2", "inc": "02", "add": "012", "write": "01", "read": "02", "jump": "03"}


@pytest.mark.parametrize("opcode", USES)
@pytest.mark.parametrize("doubtful", range(4))
def test_the_margin_sees_every_operand_that_is_used_and_no_other(opcode, doubtful):
    """One selector says 3 : 1, all others are sure."""
    sizes, machine = Sizes(4, 2, 2), MachineConfig()
    packed = torch.zeros(2, 13 + 3 * 2 + 2)
    opcodes, slots, target = unpack(packed, sizes)
    assert target is not None
    opcodes[:, INDEX[opcode]] = slots[:, :, 0] = target[:, 0] = 40.0
    of_line_1 = target[1] if doubtful == 3 else slots[1, doubtful]
    of_line_1[0] = math.log(3)
    found = decompile(packed, sizes, machine)
    margin = 0.75 if str(doubtful) in USES[opcode] else 1.0
    assert found.margins == pytest.approx([1.0, margin]) and found.margin == pytest.approx(margin)


def test_the_margin_sees_the_opcode():
    packed = torch.zeros(2, 13 + 3 * 2 + 2)
    packed[:, INDEX["noop"]] = 40.0
    packed[0, INDEX["halt"]] = 40.0 - math.log(4)
    found = decompile(packed, Sizes(4, 2, 2), MachineConfig())
    assert format_program(found.program, one_line=True) == "noop; noop" and found.margins == pytest.approx([0.8, 1.0])


def test_decisions_are_those_of_the_text():
    """Opcode, three slots and target of each line: remembered programs are told apart by these."""
    sizes = Sizes(5, 3, 2)
    program = parse("line_0: add 1 0 2; jump 2 line_0")
    logits = compile_program(program, sizes, MachineConfig(), gamma=0.2, epsilon=1e-6, seed=0, restarts=[0, 1])
    found = decisions(logits, sizes)
    assert found.shape == (2, 2, 5)
    for restart in found.tolist():
        assert restart[0][:4] == [INDEX["add"], 1, 0, 2]
        assert [restart[1][place] for place in (0, 1, 4)] == [INDEX["jump"], 2, 0]

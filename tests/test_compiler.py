"""Compiling and decompiling: a round trip for gamma < 1, noise by restart alone, margins, files of weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from neurocomp.compilation.compiler import compile_program
from neurocomp.compilation.decompiler import decompile
from neurocomp.compilation.weights_file import load_weights, save_weights
from neurocomp.errors import UserError
from neurocomp.language.assembly import fit, format_program, load_program, parse
from neurocomp.language.isa import OPCODES
from neurocomp.machine.weights import probabilities, unpack
from neurocomp.machine_config import MachineConfig, Sizes
from tests.strategies import programs

SIZES = {"line": Sizes(5, 4, 7), "operand": Sizes(5, 6, 6), "value": Sizes(6, 4, 6)}


@pytest.mark.parametrize("jump_target", SIZES)
@given(data=st.data(), gamma=st.floats(0, 0.999), seed=st.integers(0, 2**40))
def test_decompile_of_compile_is_the_identity(jump_target, data, gamma, seed):
    sizes, machine = SIZES[jump_target], MachineConfig(jump_target=jump_target)
    program = data.draw(programs(*sizes, jump_target=jump_target))
    (logits,) = compile_program(program, sizes, machine, gamma=gamma, epsilon=1e-6, seed=seed, restarts=[3])
    found = decompile(logits, sizes, machine)
    assert found.program == program
    text = format_program(found.program, jump_target=jump_target)
    assert parse(text, jump_target=jump_target) == program
    assert 0 < found.margin == min(found.margins) <= 1


def test_a_restart_has_the_same_weights_in_every_batch():
    program, sizes, machine = fit(load_program("map_inc"), Sizes(5, 4, 7)), Sizes(5, 4, 7), MachineConfig()

    def weights(restarts, seed=0):
        return compile_program(program, sizes, machine, gamma=0.3, epsilon=1e-6, seed=seed, restarts=restarts)

    hundred = weights(range(100))
    assert torch.equal(weights([17])[0], hundred[17])
    assert torch.equal(weights([40, 17])[1], hundred[17])
    assert len({tuple(restart.flatten().tolist()) for restart in hundred}) == 100
    assert not torch.equal(weights([17], seed=1)[0], hundred[17])


def test_lines_of_noops_are_left_open_on_request_and_no_others():
    """Padding too. An open line is noise alone, in the same draw; the other lines are as they are without."""
    sizes, machine = Sizes(5, 4, 4), MachineConfig()
    program = fit(parse("noop\ninc 1 1"), sizes)
    given = {"gamma": 0.3, "epsilon": 1e-6, "seed": 0, "restarts": [0, 1]}
    compiled = compile_program(program, sizes, machine, **given)
    opened = compile_program(program, sizes, machine, **given, open_noops=True)
    nothing = compile_program(None, sizes, machine, **given)
    assert torch.equal(opened[:, [0, 2, 3]], nothing[:, [0, 2, 3]])
    assert torch.equal(opened[:, 1], compiled[:, 1]) and not torch.equal(opened[:, 0], compiled[:, 0])


def test_noise_is_uniform_and_unused_slots_hold_noise_only():
    program, sizes, machine = fit(parse("noop"), Sizes(5, 4, 3)), Sizes(5, 4, 3), MachineConfig()
    logits = compile_program(program, sizes, machine, gamma=0.3, epsilon=1e-6, seed=0, restarts=range(400))
    opcode, slots, target = unpack(logits.exp() - 1e-6, sizes)
    noise = slots.flatten()
    assert noise.min() >= 0 and noise.max() < 0.3
    assert noise.mean().item() == pytest.approx(0.15, abs=0.003)
    assert target is not None and target.max() < 0.3
    noop = len(OPCODES) - 1
    assert opcode[..., noop].min() >= 1 and opcode[..., :noop].max() < 0.3


def test_expected_probability_of_the_intended_choice_at_gamma_0_3():
    # machine.md: .39 of 13 opcodes, .72 of 4 registers: 1.15 / (1.15 + (n - 1) 0.15), averaged over the noise
    program, sizes, machine = fit(parse("zero 2"), Sizes(5, 4, 3)), Sizes(5, 4, 3), MachineConfig()
    logits = compile_program(program, sizes, machine, gamma=0.3, epsilon=1e-6, seed=0, restarts=range(2000))
    sure = probabilities(unpack(logits, sizes))
    assert sure.opcode[:, 0, 1].mean().item() == pytest.approx(0.39, abs=0.01)
    assert sure.slots[:, 0, 2, 2].mean().item() == pytest.approx(0.72, abs=0.01)


def test_random_initialization_has_no_program_in_it():
    sizes = Sizes(5, 4, 7)
    logits = compile_program(None, sizes, MachineConfig(), gamma=1.0, epsilon=1e-6, seed=0, restarts=range(300))
    assert logits.exp().mean().item() == pytest.approx(0.5, abs=0.01)
    assert logits.max() <= 1e-5


def test_margin_is_the_least_certain_decision_that_the_instruction_uses():
    sizes, machine = Sizes(3, 2, 1), MachineConfig()
    packed = torch.zeros(1, 13 + 3 * 2 + 1)
    opcode, slots, _ = unpack(packed, sizes)
    opcode[0, 2] = 20.0  # inc, which uses slots 1 and 3
    slots[0, 0, 1] = torch.log(torch.tensor(3.0))  # 3 : 1 for register 1
    slots[0, 2, 0] = torch.log(torch.tensor(4.0))  # 4 : 1 for register 0; slot 2 is undecided and not used
    found = decompile(packed, sizes, machine)
    assert format_program(found.program).strip() == "inc 1 0"
    assert found.margin == pytest.approx(0.75, abs=1e-6)


def test_weights_file_round_trip_and_what_it_refuses(tmp_path):
    sizes, machine = Sizes(5, 4, 7), MachineConfig()
    program = fit(load_program("map_inc"), sizes)
    (logits,) = compile_program(program, sizes, machine, gamma=0.3, epsilon=1e-6, seed=0, restarts=[0])
    path = tmp_path / "folder" / "w.safetensors"
    save_weights(path, logits, sizes, machine)
    loaded, loaded_sizes, loaded_machine = load_weights(path)
    assert torch.equal(loaded, logits) and loaded_sizes == sizes and loaded_machine == machine
    path.write_bytes(b"not safetensors")
    with pytest.raises(UserError, match="cannot be read"):
        load_weights(path)
    metadata = {"format": "neurocomp weights 1", "base": "5", "registers": "4", "lines": "7", "jump_target": "line"}
    for change, message in [
        ({"lines": None}, "the metadata has no lines"),
        ({"jump_target": None}, "the metadata has no jump_target"),
        ({"base": "five"}, "w.safetensors: the metadata cannot be read .*five"),
        ({"jump_target": "lime"}, "w.safetensors: the metadata cannot be read .*lime"),
    ]:
        changed = {key: value for key, value in (metadata | change).items() if value is not None}
        save_file({"logits": logits}, path, metadata=changed)
        with pytest.raises(UserError, match=message):
            load_weights(path)
    save_weights(path, logits, Sizes(5, 3, 7), machine)
    with pytest.raises(UserError, match="shape"):
        load_weights(path)


def test_compile_and_decompile_commands(command, tmp_path):
    made = command("compile", "fib", "--out", "w.safetensors", "--base", "6", "--gamma", "0.5", "--lines", "8")
    assert made.code == 0 and (tmp_path / "w.safetensors").is_file()
    printed = command("decompile", "w.safetensors")
    assert printed.code == 0
    assert parse(printed.out) == fit(load_program("fib"), Sizes(6, 5, 8))
    assert command("compile", "fib", "--out", "w", "--gamma", "-1").code == 2
    for epsilon, expected in {
        "0": "expected a number in (0, 1)",
        "1": "in (0, 1)",
        "-1": "in (0, 1)",
        "nan": "is not a number",
        "inf": "is not a number",
        "1_0": "is not a number",
    }.items():
        refused = command("compile", "fib", "--out", "w", f"--epsilon={epsilon}")
        assert refused.code == 2 and expected in refused.err
    (tmp_path / "value.asm").write_text("noop\njump 0 1")
    refused = command("compile", "value.asm", "--out", "w", "--jump-target", "value")
    assert refused.code == 2 and "jump_target=value needs base = lines, got 10 and 2" in refused.err
    assert command("compile", "value.asm", "--out", "w", "--jump-target", "value", "--base", "2").code == 0
    refused = command("compile", "fib", "--out", "w", "--jump-target", "operand")
    assert refused.code == 2 and "as many registers as lines, got 5 and 7" in refused.err
    refused = command("compile", "fib", "--out", "w", "--lines", "6", "--registers", "4")
    assert refused.code == 2 and "neurocomp: fib.asm:" in refused.err and "is one too many" in refused.err
    assert command("decompile", "missing.safetensors").code == 2

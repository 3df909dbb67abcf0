"""The soft machine: its discrete corners, its probability mass, its gradients, and the printed equations."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.compilation.compiler import compile_program
from neurocomp.compilation.soft_run import run_soft
from neurocomp.language import interpreter
from neurocomp.language.assembly import fit, load_program
from neurocomp.language.isa import COMPUTING, INDEX, OPCODES
from neurocomp.machine import step as machine_step
from neurocomp.machine.lookup import lookup_table
from neurocomp.machine.run import run
from neurocomp.machine.state import State, start_state
from neurocomp.machine.weights import pack, packed_width, unpack
from neurocomp.machine_config import READINGS, MachineConfig, Sizes
from tests.strategies import programs, states

SIZES = Sizes(base=5, registers=4, lines=7)  # all different, so that a swapped axis fails
STEPS = 12

# Readings whose meaning on certain programs and words is that of the interpreter. The printed writeback and
# memory law change registers and cells even then, and the printed jump law adds mass where nothing jumps.
DISCRETE = [
    dict(zip(("controller", "halting", "mod_by_zero"), values, strict=True))
    for values in itertools.product(READINGS["controller"], READINGS["halting"], READINGS["mod_by_zero"])
]


def random_state(sizes: Sizes, batch: tuple[int, int] = (2, 3), seed: int = 0) -> State:
    rng = torch.Generator().manual_seed(seed)

    def rows(*shape: int) -> torch.Tensor:
        return torch.rand(*batch, *shape, generator=rng, dtype=torch.float64).add(0.01)

    def normalized(tensor: torch.Tensor) -> torch.Tensor:
        return tensor / tensor.sum(-1, keepdim=True)

    base, registers, lines = sizes
    halted = torch.rand(*batch, generator=rng, dtype=torch.float64) * 0.5
    return State(normalized(rows(base, base)), normalized(rows(registers, base)), normalized(rows(lines)), halted)


def random_logits(sizes: Sizes, machine: MachineConfig, restarts: int = 2, seed: int = 1) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(restarts, sizes.lines, packed_width(sizes, machine), generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("readings", DISCRETE, ids=lambda readings: "-".join(readings.values()))
@settings(max_examples=25)  # of each reading; 30 ms each
@given(data=st.data())
def test_compiled_program_agrees_with_interpreter(readings, data):
    program = data.draw(programs(*SIZES))
    memory, registers = data.draw(states(SIZES.base, SIZES.registers))
    soft = run_soft(program, SIZES, MachineConfig(**readings), memory, registers, STEPS)
    exact = interpreter.run(
        program, memory, registers, base=SIZES.base, steps=STEPS,
        halting=readings["halting"], mod_by_zero=readings["mod_by_zero"],
    )  # fmt: skip
    assert soft[:4] == exact
    assert soft.margin > 0.5  # epsilon's leak doubles with every `add r r`, so it may grow, but not win


@pytest.mark.parametrize(
    ("jump_target", "sizes"), [("operand", Sizes(5, 6, 6)), ("value", Sizes(6, 4, 6))], ids=["operand", "value"]
)
@given(data=st.data())
def test_other_jump_targets_agree_with_interpreter(jump_target, sizes, data):
    program = data.draw(programs(*sizes, jump_target=jump_target))
    memory, registers = data.draw(states(sizes.base, sizes.registers))
    soft = run_soft(program, sizes, MachineConfig(jump_target=jump_target), memory, registers, STEPS)
    exact = interpreter.run(program, memory, registers, base=sizes.base, steps=STEPS, jump_target=jump_target)
    assert soft[:4] == exact


@pytest.mark.parametrize("controller", READINGS["controller"])
@pytest.mark.parametrize("jump_target", READINGS["jump_target"])
@settings(max_examples=25)  # each a batch of random machines
@given(seed=st.integers(0, 2**32))
def test_probability_mass_is_conserved_in_default_laws(controller, jump_target, seed):
    sizes = {"line": SIZES, "operand": Sizes(5, 6, 6), "value": Sizes(6, 4, 6)}[jump_target]
    machine = MachineConfig(controller=controller, jump_target=jump_target)
    state = random_state(sizes, seed=seed)
    end = run(random_logits(sizes, machine, seed=seed), state, sizes, machine, STEPS)
    for rows in (end.memory, end.registers):
        assert torch.allclose(rows.sum(-1), torch.ones(()).double())
        assert (rows >= 0).all()
    assert (end.halted.diff(dim=-1) >= 0).all() and (end.halted <= 1).all()


def test_rounding_does_not_grow_over_many_steps():
    program = load_program("fib")  # adds a register to itself, which squares its mass
    sizes = Sizes(10, 5, 7)
    logits = compile_program(
        program, sizes, MachineConfig(), gamma=0.0, epsilon=1e-6, seed=0, restarts=[0], dtype=torch.float32
    )
    words = torch.zeros(1, 1, 10, dtype=torch.long)
    end = run(logits, start_state(words, words[..., :5], sizes, torch.float32), sizes, MachineConfig(), 500)
    assert torch.allclose(end.registers.sum(-1), torch.ones(()), atol=1e-4)


def test_counter_keeps_its_mass():
    counter, goal = random_state(SIZES).counter, random_state(SIZES, seed=5).counter
    jump, zero = torch.full((2, 3), 0.3).double(), torch.full((2, 3), 0.6).double()
    assert torch.allclose(machine_step.advance(counter, goal, jump, zero, MachineConfig()).sum(-1), jump * 0 + 1)


def test_printed_writeback_drains_a_register_that_nothing_is_written_to():
    registers = torch.eye(5).double()[[1, 2]]  # words 1 and 2
    third = torch.tensor([0.25, 0.75]).double()
    nothing, writing = torch.zeros(5).double(), torch.zeros(()).double()
    drained = machine_step.write_register(registers, nothing, third, writing, MachineConfig(writeback="printed"))
    kept = machine_step.write_register(registers, nothing, third, writing, MachineConfig())
    assert drained.sum(-1).tolist() == [0.75, 0.25]  # R (1 - r3)
    assert torch.equal(kept, registers)


def test_printed_memory_law_adds_even_without_writing():
    memory, x, y = torch.eye(3).double(), torch.tensor([0.5, 0.5, 0]).double(), torch.tensor([0, 0, 1.0]).double()
    none, half = torch.zeros(()).double(), torch.full((), 0.5).double()
    law = MachineConfig(memory_law="printed")
    assert machine_step.write_memory(memory, x, y, none, law).tolist() == [[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]
    # row 0: 0.5 * 1 + 0.5 * 0.5 * 1 kept, 0.5 added; row 2 is not addressed
    assert machine_step.write_memory(memory, x, y, half, law).tolist() == [[0.75, 0, 0.5], [0, 0.75, 0.5], [0, 0, 1]]
    assert machine_step.write_memory(memory, x, y, half, MachineConfig())[0].tolist() == [0.75, 0, 0.25]


def test_printed_jump_law_has_mass_one_plus_z_times_not_j():
    counter, goal = random_state(SIZES).counter, random_state(SIZES, seed=5).counter
    jump, zero = torch.full((2, 3), 0.3).double(), torch.full((2, 3), 0.6).double()
    moved = machine_step.advance(counter, goal, jump, zero, MachineConfig(jump_law="printed"))
    assert torch.allclose(moved.sum(-1), 1 + zero * (1 - jump))
    by_hand = counter.roll(1, -1) * 0.7 + goal * 0.6 + 0.3 * counter.roll(1, -1) * 0.4
    assert torch.allclose(moved, by_hand)


def test_printed_halting_is_a_running_maximum_and_goes_on():
    before = random_state(SIZES)._replace(halted=torch.tensor([[0.25, 0.5, 0.75]] * 2).double())
    after, halting = random_state(SIZES, seed=7), torch.full((2, 3), 0.5).double()
    ended = machine_step.halt(before, after, halting, MachineConfig(halting="printed"))
    assert ended.halted[0].tolist() == [0.5, 0.5, 0.75]
    assert torch.equal(ended.memory, after.memory)
    frozen = machine_step.halt(before, after, halting, MachineConfig())
    assert torch.allclose(frozen.halted[0], torch.tensor([0.625, 0.75, 0.875]).double())
    assert torch.allclose(frozen.memory[0, 2], 0.75 * before.memory[0, 2] + 0.25 * after.memory[0, 2])


def test_interpret_is_the_literal_sum_of_equation_6():
    state, machine = random_state(SIZES), MachineConfig()
    x, y = state.registers[..., 0, :], state.registers[..., 1, :] * 0.7  # y without full mass, as printed laws leave it
    opcode = torch.rand(2, 3, len(OPCODES), dtype=torch.float64)
    table = torch.zeros(2, 3, len(OPCODES), 5, 5, 5, dtype=torch.float64)
    table[:, :, COMPUTING] = lookup_table(5, "zero", torch.float64, torch.device("cpu"))
    table[:, :, INDEX["read"]] = state.memory[:, :, :, None, :].expand(2, 3, 5, 5, 5)
    literal = torch.einsum("kboxyv,kbo,kbx,kby->kbv", table, opcode, x, y)
    assert torch.allclose(machine_step.interpret(opcode, x, y, state.memory, machine), literal)


@pytest.mark.parametrize(
    "readings",
    [{}, {"controller": "mix_of_softmax"}, {"jump_target": "operand"}, {"jump_target": "value"},
     {"writeback": "printed", "memory_law": "printed", "jump_law": "printed"}, {"mod_by_zero": "dividend"}],
    ids=str,
)  # fmt: skip
def test_gradient_agrees_with_finite_differences(readings):
    machine = MachineConfig(**readings)
    sizes = {"operand": Sizes(3, 4, 4), "value": Sizes(3, 2, 3)}.get(machine.jump_target, Sizes(3, 2, 4))
    state = random_state(sizes, batch=(1, 2))
    weights = random_logits(sizes, machine, restarts=1).requires_grad_()

    def outputs(logits: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(run(logits, state, sizes, machine, steps=3))

    assert torch.autograd.gradcheck(outputs, (weights,))


def test_no_steps_leave_the_start():
    memory, registers = torch.tensor([[[1, 2, 0, 4, 3]]]), torch.tensor([[[0, 3, 0, 1]]])
    state = start_state(memory, registers, SIZES, torch.float32)
    end = run(random_logits(SIZES, MachineConfig(), 1).float(), state, SIZES, MachineConfig(), steps=0)
    assert torch.equal(end.memory.argmax(-1), memory) and end.halted.shape == (1, 1, 0)


def test_pack_is_the_inverse_of_unpack():
    packed = random_logits(SIZES, MachineConfig())
    assert torch.equal(pack(unpack(packed, SIZES)), packed)


def test_a_restart_computes_the_same_alone_and_in_a_batch():
    machine, state = MachineConfig(), random_state(SIZES, batch=(6, 3))
    logits = random_logits(SIZES, machine, restarts=6)
    together = run(logits, state, SIZES, machine, STEPS)
    alone = run(logits[4:5], State(*(part[4:5] for part in state)), SIZES, machine, STEPS)
    assert torch.allclose(together.memory[4], alone.memory[0], rtol=0, atol=1e-12)


def test_compile_then_run_keeps_the_program_of_the_paper():
    program = fit(load_program("map_inc"), Sizes(5, 4, 5))
    logits = compile_program(program, Sizes(5, 4, 5), MachineConfig(), gamma=0.0, epsilon=1e-6, seed=0, restarts=[0])
    state = start_state(
        torch.tensor([[[3, 0, 4, 1, 2]]]), torch.zeros(1, 1, 4, dtype=torch.long), Sizes(5, 4, 5), torch.float32
    )
    end = run(logits, state, Sizes(5, 4, 5), MachineConfig(), 15)
    assert end.memory.argmax(-1).tolist() == [[[4, 1, 0, 1, 2]]]

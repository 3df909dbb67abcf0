"""The fused engine has the numbers and gradients of the plain machine, whatever runs beside a restart."""

from __future__ import annotations

import functools
from itertools import product
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurocomp import jit
from neurocomp.compilation.compiler import compile_program
from neurocomp.engine import fused
from neurocomp.engine.lookup import lookup
from neurocomp.errors import UserError
from neurocomp.language.assembly import load_program
from neurocomp.language.isa import COMPUTING, OPCODES
from neurocomp.machine import run as plain
from neurocomp.machine.lookup import lookup_table
from neurocomp.machine.run import Run
from neurocomp.machine.state import State, start_state
from neurocomp.machine.step import conserves_mass
from neurocomp.machine.weights import packed_width
from neurocomp.machine_config import READINGS, MachineConfig, Sizes

PRECISIONS = {torch.float32: (1e-5, 1e-4), torch.float64: (1e-10, 1e-8)}
READING = st.builds(MachineConfig, **{key: st.sampled_from(choices) for key, choices in READINGS.items()})


def problem(restarts, examples, sizes, machine, dtype=torch.float32, seed=0, scale=2.0):
    """Random weights and a random start state, every row of which is a distribution."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    base, registers, lines = sizes
    logits = scale * normal(restarts, lines, packed_width(sizes, machine))
    start = State(
        normal(restarts, examples, base, base).softmax(dim=-1),
        normal(restarts, examples, registers, base).softmax(dim=-1),
        normal(restarts, examples, lines).softmax(dim=-1),
        0.5 * torch.rand(restarts, examples, generator=generator, dtype=torch.float64),
    )
    return logits.to(dtype), State(*(part.to(dtype) for part in start))


def gradient(engine, logits, start, sizes, machine, steps):
    """The run, and the gradient of the sum of all its numbers, each with a weight of its own."""
    logits = logits.detach().requires_grad_()
    outcome = engine(logits, start, sizes, machine, steps)
    loss = torch.zeros(())
    for part in outcome:
        loss = loss + (part * torch.linspace(-1, 2, part[0].numel()).view(part[0].shape)).sum()
    if loss.requires_grad:
        (slopes,) = torch.autograd.grad(loss, logits)
    else:  # a run of no steps
        slopes = torch.zeros_like(logits)
    return Run(*(part.detach() for part in outcome)), slopes


def same(a, b):
    """Whether two tensors have the same bits (NaN included)."""
    return a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()


@st.composite
def problems(draw):
    """A machine of any reading, sizes that are all different where the reading allows it, and its problem."""
    machine = draw(READING)
    base, registers, lines, restarts, examples, steps = draw(st.permutations(range(1, 10)))[:6]
    base += 1
    registers = lines if machine.jump_target == "operand" else registers
    lines = base if machine.jump_target == "value" else lines
    sizes, dtype = Sizes(base, registers, lines), draw(st.sampled_from(list(PRECISIONS)))
    logits, start = problem(restarts, examples, sizes, machine, dtype, draw(st.integers(0, 999)))
    return logits, start, sizes, machine, draw(st.sampled_from([0, steps]))


@settings(max_examples=100, deadline=None)
@given(problems())
def test_agrees_with_the_plain_machine(given_problem):
    """With printed laws masses grow from step to step, and rounding errors with them. There float32 need only be about
    as exact as the plain machine's float32. Problems beyond a million are left out, because they square each step."""
    logits, start, *rest = given_problem
    exact = gradient(plain.run, logits.double(), State(*(part.double() for part in start)), *rest)
    expected = gradient(plain.run, *given_problem)
    assume(all(largest(part) < 1e6 for part in expected[0]) and expected[1].isfinite().all())
    found = gradient(fused.run, *given_problem)
    forward, backward = PRECISIONS[logits.dtype]
    times = 4 if conserves_mass(given_problem[3]) else 40
    for name, left, right, true in zip(Run._fields, found[0], expected[0], exact[0], strict=True):
        assert distance(left, true, 1.0) <= max(forward, times * distance(right, true, 1.0)), name
    assert distance(found[1], exact[1]) <= max(backward, times * distance(expected[1], exact[1]))


def distance(found, exact, least=1e-6):
    """The largest difference, divided by the largest number or by `least`: with printed laws masses may vanish."""
    return largest(found - exact) / max(largest(exact), least)


def largest(numbers):
    return numbers.abs().max().item() if numbers.numel() else 0.0


@pytest.mark.parametrize("readings", list(product(*READINGS.values())), ids="-".join)
def test_every_reading_agrees_with_the_plain_machine(readings):
    machine = MachineConfig(**dict(zip(READINGS, readings, strict=True)))
    sizes = {"line": Sizes(5, 4, 7), "operand": Sizes(5, 6, 6), "value": Sizes(5, 4, 5)}[machine.jump_target]
    given_problem = (*problem(2, 3, sizes, machine, torch.float64), sizes, machine, 4)
    expected, expected_slopes = gradient(plain.run, *given_problem)
    found, slopes = gradient(fused.run, *given_problem)
    for left, right in zip(found, expected, strict=True):
        assert torch.allclose(left, right, rtol=1e-10, atol=1e-12)
    assert torch.allclose(slopes, expected_slopes, rtol=1e-8, atol=1e-8 * largest(expected_slopes))


SIZES = Sizes(6, 4, 7)


@pytest.mark.parametrize("controller", READINGS["controller"])
@pytest.mark.parametrize("examples", [1, 7, 16, 19])
def test_restart_has_the_same_bits_alone_in_any_chunk_in_any_order_with_any_threads(controller, examples):
    machine = MachineConfig(controller=controller)
    logits, start = problem(7, examples, SIZES, machine)
    expected, expected_slopes = gradient(fused.run, logits, start, SIZES, machine, 5)
    for threads, chosen in product((1, 2, 3), ([3], [5, 2], [6, 5, 4, 3, 2, 1, 0])):
        engine = functools.partial(fused.run, threads=threads)
        part = State(*(rows[chosen] for rows in start))
        found, slopes = gradient(engine, logits[chosen], part, SIZES, machine, 5)
        assert same(slopes, expected_slopes[chosen])
        assert all(same(left, right[chosen]) for left, right in zip(found, expected, strict=True))


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -float("inf"), 1e38])
def test_poisoned_restart_never_touches_another(poison):
    logits, start = problem(4, 5, SIZES, MachineConfig())
    expected, expected_slopes = gradient(fused.run, logits, start, SIZES, MachineConfig(), 5)
    logits[2, :, ::3] = poison
    found, slopes = gradient(fused.run, logits, start, SIZES, MachineConfig(), 5)
    healthy = [0, 1, 3]
    assert same(slopes[healthy], expected_slopes[healthy])
    assert all(same(left[healthy], right[healthy]) for left, right in zip(found, expected, strict=True))
    if poison > 1e38 or poison != poison:
        assert slopes[2].isnan().any() and found.memory[2].isnan().any()


def test_run_without_gradient_has_the_same_bits():
    logits, start = problem(3, 21, SIZES, MachineConfig())
    expected, _ = gradient(fused.run, logits, start, SIZES, MachineConfig(), 5)
    with torch.no_grad():
        found = fused.run(logits, start, SIZES, MachineConfig(), 5)
    assert all(same(left, right) for left, right in zip(found, expected, strict=True))


def test_no_restarts_is_no_error():
    logits, start = problem(0, 3, SIZES, MachineConfig())
    assert fused.run(logits, start, SIZES, MachineConfig(), 5).halted.shape == (0, 3, 5)


def test_extreme_logits_agree_with_the_plain_machine():
    logits, start = problem(3, 5, SIZES, MachineConfig(), torch.float64, scale=400.0)
    expected, expected_slopes = gradient(plain.run, logits, start, SIZES, MachineConfig(), 5)
    found, slopes = gradient(fused.run, logits, start, SIZES, MachineConfig(), 5)
    assert all(torch.allclose(left, right, rtol=1e-9) for left, right in zip(found, expected, strict=True))
    assert torch.allclose(slopes, expected_slopes, rtol=1e-8, atol=1e-8 * largest(expected_slopes))


def test_engine_says_what_it_cannot_run():
    logits, start = problem(1, 1, SIZES, MachineConfig(), torch.float16)
    with pytest.raises(UserError, match="float16; use engine=eager"):
        fused.run(logits, start, SIZES, MachineConfig(), 1)
    assert "device=cpu" in (fused.why_not(torch.device("cuda"), torch.float32) or "")
    assert fused.why_not(torch.device("cpu"), torch.float64) is None


@pytest.mark.parametrize("mod_by_zero", READINGS["mod_by_zero"])
@pytest.mark.parametrize("base", range(2, 13))
def test_lookup_holds_each_one_of_the_table_once(base, mod_by_zero):
    table = lookup(base, mod_by_zero)
    x, y = (sets(base, sums) for sums in (table.x_sums, table.y_sums))
    found = np.zeros((len(OPCODES), base, base, base), dtype=int)
    for opcode, shift, ys in table.shifts:
        for word in range(base):
            found[opcode, word, :, (word + shift) % base] += y[ys]
    for opcode, v, xs, ys in table.rectangles:
        found[opcode, :, :, v] += np.outer(x[xs], y[ys])
    expected = lookup_table(base, mod_by_zero, torch.float32, torch.device("cpu"))
    assert (found[COMPUTING] == expected.numpy()).all()
    assert y[table.y_all].tolist() == [1] * base


def sets(base, sums):
    """Which words each sum counts, and how often."""
    counts = list(np.eye(base, dtype=int))
    for first, second in sums:
        counts.append(counts[first] + counts[second])
    return counts


def double(numbers):
    numbers[0] = 2 * numbers[0]


@pytest.fixture
def compile_anew(tmp_path, monkeypatch):
    """Compile `double` as a new process would, with a compile cache of its own."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))

    def answer():
        numbers = np.ones(1)
        jit.compiled(double, (numba.typeof(numbers),), (Path(__file__),))(numbers)
        return numbers[0], sorted((tmp_path / "cache").rglob("*.nb[ci]"))

    return answer


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_broken_compile_cache_is_rebuilt(compile_anew, damage):
    value, files = compile_anew()
    assert value == 2 and len(files) == 2
    for file in files:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if damage is None else damage)
    assert compile_anew() == (2, files)
    assert all(len(file.read_bytes()) > 7 for file in files)


def test_kernels_are_read_from_the_cache(compile_anew):
    _, files = compile_anew()
    before = [file.stat().st_mtime_ns for file in files]
    compile_anew()
    assert [file.stat().st_mtime_ns for file in files] == before


def test_compile_cache_that_cannot_be_written_is_done_without(compile_anew, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert compile_anew() == (2, [])


def test_rounding_does_not_grow_over_many_steps():
    sizes, machine = Sizes(10, 5, 7), MachineConfig()
    program = load_program("fib")  # adds a register to itself, which squares its mass
    logits = compile_program(program, sizes, machine, gamma=0.0, epsilon=1e-6, seed=0, restarts=[0]).requires_grad_()
    words = torch.zeros(1, 3, 10, dtype=torch.long)  # fewer examples than lanes in a pack
    end = fused.run(logits, start_state(words, words[..., :5], sizes, torch.float32), sizes, machine, 500)
    assert torch.allclose(end.registers.sum(-1), torch.ones(()), atol=1e-4)
    end.memory[..., 1].sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()

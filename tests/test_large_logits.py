"""The fused engine on logits of any finite size: the plain machine's numbers and gradients, ties included."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from neurocomp.engine import fused
from neurocomp.engine.forward import FAR
from neurocomp.machine import run as plain
from neurocomp.machine.state import State, start_state
from neurocomp.machine.step import conserves_mass
from neurocomp.machine.weights import packed_width
from neurocomp.machine_config import MachineConfig, Sizes
from tests.test_fused import READING, gradient, problem

SIZES = {"line": Sizes(5, 4, 7), "operand": Sizes(5, 6, 6), "value": Sizes(5, 4, 5)}
LARGEST = {torch.float32: 3.4e38, torch.float64: 1.7e308}
# By how many last bits the logits of each line change; in one pattern alone changes of two lines may cancel.
LINES_ALIKE = torch.tensor([[-3, -2, -1, 0, 1, 2, 3], [3, -5, 2, 7, -1, 4, -6], [0, 5, -1, 3, 8, -7, 2]])
EXACT = {torch.float32: 1e-5, torch.float64: 1e-12}


def certain_start(restarts, examples, sizes, dtype):
    """Random words, every one of them certain, and the counter at line 0."""
    generator = torch.Generator().manual_seed(0)

    def words(count):
        return torch.randint(sizes.base, (restarts, examples, count), generator=generator)

    return start_state(words(sizes.base), words(sizes.registers), sizes, dtype)


@st.composite
def large_problems(draw):
    """Logits of any size from 1 to the largest number, of both signs, with ties among them."""
    dtype, machine = draw(st.sampled_from(list(LARGEST))), draw(READING)
    sizes, steps = SIZES[machine.jump_target], draw(st.integers(1, 4)) if conserves_mass(machine) else 1
    tens = draw(st.lists(st.floats(0, 38 if dtype == torch.float32 else 308), min_size=1, max_size=5))
    sizes_of_logits = [min(10**power, LARGEST[dtype]) for power in tens]
    values = torch.tensor([0.0, *sizes_of_logits, *(-size for size in sizes_of_logits)], dtype=torch.float64)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    shape = (3, sizes.lines, packed_width(sizes, machine))
    logits = values[torch.randint(len(values), shape, generator=generator)]
    if draw(st.booleans()):  # else every size occurs many times
        logits = logits * torch.rand(shape, generator=generator, dtype=torch.float64)
    return logits.to(dtype), certain_start(3, 5, sizes, dtype), sizes, machine, steps


@given(large_problems())
def test_logits_of_any_size_agree_with_the_plain_machine(problem):
    """Unless it hangs on the last bits of a mix of lines, as the plain machine shows by being off itself, or by
    another answer if those of each line change alike (ties in it remain).

    The gradient of a single step: those of more pass through sums of weights times slopes that cancel, in which
    logits of 1e10 leave nothing that any order of adding would agree on.
    """
    logits, start, *rest = problem
    double = State(*(part.double() for part in start))
    exact = gradient(plain.run, logits.double(), double, *rest)
    changed = [
        gradient(plain.run, logits.double() * (1 + torch.finfo(logits.dtype).eps * alike), double, *rest)
        for alike in LINES_ALIKE[:, : logits.shape[1], None]
    ]
    found = gradient(fused.run, *problem)
    within = EXACT[logits.dtype]
    for other in (*changed, gradient(plain.run, *problem)):
        assume(all(close(*pair, within) for pair in zip(other[0], exact[0], strict=True)))
    assert all(close(*pair, 10 * within) for pair in zip(found[0], exact[0], strict=True))
    if rest[-1] == 1:
        assert close(found[1], exact[1], 10 * within)


def close(found, exact, within):
    """Whether all is finite, and as exact as this relative to the largest number, or to 1."""
    largest = exact.abs().max().item()
    return bool(found.isfinite().all()) and (found - exact).abs().max().item() <= within * max(largest, 1.0)


@pytest.mark.parametrize("controller", ["softmax_of_mix", "mix_of_softmax"])
@pytest.mark.parametrize("dtype", LARGEST)
@pytest.mark.parametrize("size", [1.0, 1e3, 1e5, 1e10, 1e20, 1e38, 3.4e38, 1e100, 1.7e308])
def test_one_decision_of_each_section_is_certain_at_any_size(controller, dtype, size):
    """The largest logit wins alone, and two equal ones by a half each, whatever the others are."""
    if size > LARGEST[dtype]:
        pytest.skip("no such number in single precision")
    sizes, machine = SIZES["line"], MachineConfig(controller=controller)
    logits = torch.full((1, sizes.lines, packed_width(sizes, machine)), -size, dtype=dtype)
    logits[..., :1] = logits[..., 1:2] = size  # halt or zero, a half each
    start = certain_start(1, 3, sizes, dtype)
    ended = fused.run(logits, start, sizes, machine, 1)
    expected = 0.5 if size > 20 else torch.tensor([size] * 2 + [-size] * 11, dtype=dtype).softmax(0)[0].item()
    assert ended.halted.flatten().tolist() == pytest.approx([expected] * 3, rel=1e-5)


def test_small_shares_do_not_meet_large_weights():
    """A line that is almost impossible changes nothing, even if its logits are as large as can be."""
    sizes, machine = Sizes(2, 1, 2), MachineConfig()
    jump, halt = 11, 0
    logits = torch.zeros(1, 2, packed_width(sizes, machine))
    logits[0, 0, jump] = 200.0
    logits[0, 0, -2:] = torch.tensor([100.0, 0.0])  # from line 0 to line 0, and by e^-100 to line 1
    logits[0, 1, halt] = 3.4e38
    start = start_state(
        torch.zeros(1, 1, 2, dtype=torch.long), torch.zeros(1, 1, 1, dtype=torch.long), sizes, torch.float32
    )
    expected, found = (engine(logits, start, sizes, machine, 3).halted for engine in (plain.run, fused.run))
    assert torch.equal(expected, torch.zeros(1, 1, 3)) and torch.equal(found, expected)


@pytest.mark.parametrize("dtype", LARGEST)
def test_what_is_far_changes_nothing_but_rounding(dtype):
    """Just below and just beyond FAR the two ways to take a softmax agree."""
    sizes, machine = SIZES["line"], MachineConfig()
    logits, start = problem(4, 5, sizes, machine, dtype)
    near = logits.clone()
    near[..., -1], logits[..., -1] = -0.99 * FAR, -1.01 * FAR
    for left, right in zip(*(fused.run(some, start, sizes, machine, 6) for some in (near, logits)), strict=True):
        assert torch.allclose(left, right, rtol=0, atol=EXACT[dtype])

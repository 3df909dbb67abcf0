"""The gradient of the fused engine, and updates by it."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from itertools import product

import numba
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.engine import fused, packs
from neurocomp.engine.gradient import total_mass
from neurocomp.machine import run as plain
from neurocomp.machine.state import State
from neurocomp.machine.step import conserves_mass
from neurocomp.machine_config import MachineConfig
from neurocomp.tasks.task import load_task
from neurocomp.tuning import optimizer
from neurocomp.tuning.objective import Targets
from neurocomp.tuning.recovery import Batch
from neurocomp.tuning.update import Compiled
from neurocomp.tuning.update import plain as plain_update
from tests.test_fused import PRECISIONS, SIZES, distance, largest, problem, problems, same
from tests.test_tasks import shipped

TASK = load_task(shipped("map_inc"), MachineConfig())


# The vectors of the fused engine are this long; conftest.py asks PyTorch for them where its own would be longer.
OF_VECTORS_OF_32_BYTES = torch.backends.cpu.get_cpu_capability() == "AVX2"


@st.composite
def losses(draw, kinds=("log", "softmax")):
    """A problem, and words that a loss asks for in some cells and registers; some registers do not decide the fit."""
    logits, start, sizes, machine, steps = draw(problems().filter(lambda given: given[-1]))
    restarts, examples = start.halted.shape
    cells = sorted(draw(st.sets(st.integers(0, sizes.base - 1))))
    registers = sorted(draw(st.sets(st.integers(0, sizes.registers - 1), min_size=0 if cells else 1)))
    counting = [register for register in registers if draw(st.booleans())]
    generator = torch.Generator().manual_seed(len(cells))
    words = torch.randint(sizes.base, (restarts, examples, sizes.base + sizes.registers), generator=generator)
    memory, kept = words[..., cells], words[..., sizes.base :]
    checked = Targets(memory, kept[..., counting], cells, counting)
    supervised = Targets(memory, kept[..., registers], cells, registers)
    task = replace(TASK, sizes=sizes, machine=machine, steps=steps)
    objective = ObjectiveConfig(efficiency=draw(st.sampled_from([0, 0.3])), loss=draw(st.sampled_from(kinds)))
    return logits, Batch(start, checked, supervised), task, objective


def compiled(*arguments):
    """The compiled update as a function like the plain one."""
    *settings, state, batch = arguments
    return Compiled(*settings)(state, batch)


def updated(update, logits, batch, *rest):
    """The gradient (Adam's first moment if it forgets all earlier ones), the loss, and whether each restart fits."""
    state, loss, fits = update(*rest, OptimizerConfig(beta1=0.0), optimizer.init(logits), batch)
    return state.first_moment, loss, fits


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(losses(), st.integers(1, 3))
def test_gradient_in_one_call_agrees_with_autograd(problem, threads):
    logits, batch, task, objective = problem
    rest = (task, objective)
    ended = plain.run(logits, batch.start, task.sizes, task.machine, task.steps)
    assume(all(part.sum(-1).min() > 1e-3 for part in ended[:2]))  # the logarithm of a mass that vanishes is all error
    exact = updated(plain_update, logits.double(), doubled(batch), plain.run, *rest)
    expected = updated(plain_update, logits, batch, plain.run, *rest)
    assume(all(largest(part) < 1e6 for part in ended) and all(part.isfinite().all() for part in expected[:2]))
    found = updated(compiled, logits, batch, threads, *rest)
    forward, backward = PRECISIONS[logits.dtype]
    times = 4 if conserves_mass(task.machine) else 40
    assert distance(found[0], exact[0]) <= max(backward, times * distance(expected[0], exact[0]))
    assert distance(found[1], exact[1]) <= max(forward, times * distance(expected[1], exact[1]))
    if logits.dtype == torch.float64:
        assert torch.equal(found[2], expected[2])


def doubled(batch):
    return batch._replace(start=State(*(part.double() for part in batch.start)))


@settings(max_examples=150, deadline=None)
@given(losses(kinds=("log",)))
def test_gradient_in_one_call_has_the_bits_of_autograd(problem):
    """The bits where PyTorch adds in the engine's order, else the numbers but for rounding. Masses that vanish are left
    out there, because their logarithms are all error."""
    logits, batch, task, objective = problem
    expected = updated(plain_update, logits, batch, fused.run, task, objective)
    assume(all(part.isfinite().all() for part in expected[:2]))
    found = updated(compiled, logits, batch, 1, task, objective)
    if OF_VECTORS_OF_32_BYTES:
        assert all(same(*pair) for pair in zip(found, expected, strict=True))
        return
    ended = fused.run(logits, batch.start, task.sizes, task.machine, task.steps)
    assume(all(part.sum(-1).min() > 1e-3 and largest(part) < 1e6 for part in ended[:2]))
    within = 100 * torch.finfo(logits.dtype).eps
    assert all(distance(*pair, 1.0) <= within for pair in zip(found[:2], expected[:2], strict=True))
    assert torch.equal(found[2], expected[2])


BETAS = st.sampled_from([0.0, 0.3, 0.5, 0.9, 0.999])


MAGNITUDES = st.floats(-12, 12)


@settings(max_examples=100, deadline=None)
@given(
    st.builds(OptimizerConfig, beta1=BETAS, beta2=BETAS, clip=st.sampled_from([None, 0.5]), epsilon=st.just(1e-8)),
    st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(1, 40)),
    st.lists(MAGNITUDES, min_size=1, max_size=4),
    st.sampled_from(list(PRECISIONS)),
)
def test_compiled_adam_is_the_plain_one(config, shape, magnitudes, dtype):
    generator = torch.Generator().manual_seed(sum(shape))
    plain_state = state = optimizer.init(torch.randn(shape, generator=generator, dtype=dtype))
    for magnitude in magnitudes:
        slopes = 10**magnitude * torch.randn(shape, generator=generator, dtype=dtype)
        state = optimizer.compiled_update(state, slopes, config)
        plain_state = optimizer.update(plain_state, slopes, config)
    assert state.updates == plain_state.updates
    agree = same if OF_VECTORS_OF_32_BYTES else functools.partial(torch.allclose, atol=1e-12)
    assert all(agree(*pair) for pair in zip(state[:3], plain_state[:3], strict=True))


@pytest.mark.parametrize("base", [*range(2, 20), 24, 33, 40, 64])
def test_mass_is_added_in_the_order_of_pytorch(base):
    numbers = torch.rand(7, base)
    found, expected = [total_mass_of(row) for row in numbers.numpy()], numbers.sum(dim=1).tolist()
    assert found == (expected if OF_VECTORS_OF_32_BYTES else pytest.approx(expected, rel=1e-6))


@numba.njit
def total_mass_of(row):
    spread = np.zeros((len(row), 8), np.float32)
    spread[:, 0] = row
    return total_mass(packs.numbers(spread), len(row), 8, 8)


def small_loss(restarts=6, examples=11):
    logits, start = problem(restarts, examples, SIZES, MachineConfig())
    words = torch.arange(restarts * examples * 3).reshape(restarts, examples, 3) % SIZES.base
    targets = Targets(words[..., :2], words[..., 2:], [1, 4], [3])
    task = replace(TASK, sizes=SIZES, machine=MachineConfig(), steps=5)
    return logits, Batch(start, targets, targets), task, ObjectiveConfig(efficiency=0.1)


def some_of(batch, chosen):
    targets = Targets(batch.targets.memory[chosen], batch.targets.registers[chosen], *batch.targets[2:])
    return Batch(State(*(part[chosen] for part in batch.start)), targets, targets)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e38])
def test_gradient_of_a_restart_has_the_same_bits_alone_in_any_order_and_beside_a_poisoned_one(poison):
    logits, batch, *rest = small_loss()
    expected = updated(compiled, logits, batch, 1, *rest)
    logits[2, :, ::3] = poison
    for threads, chosen in product((1, 2, 3), ([3], [5, 2, 0], [5, 4, 2, 3, 1, 0])):
        found = updated(compiled, logits[chosen], some_of(batch, chosen), threads, *rest)
        healthy = [lane for lane, restart in enumerate(chosen) if restart != 2]
        of_them = [chosen[lane] for lane in healthy]
        assert all(same(left[healthy], right[of_them]) for left, right in zip(found, expected, strict=True))


@pytest.mark.parametrize("threads", [2, 3])
def test_updates_on_several_threads_have_the_bits_of_one(threads):
    """Helping threads may still look for the next round, may have gone, or may serve other restarts by then."""
    logits, batch, task, objective = small_loss(restarts=9)
    config, rounds = OptimizerConfig(), 30
    alone, together = (Compiled(count, task, objective, config) for count in (1, threads))
    state = found = optimizer.init(logits)
    for number in range(rounds):
        if number % 10 == 9:
            time.sleep(0.02)
        if number == rounds // 2:
            kept = torch.tensor([7, 0, 3, 4])
            state, found, batch = optimizer.keep(state, kept), optimizer.keep(found, kept), some_of(batch, kept)
        (state, *rest), (found, *others) = alone(state, batch), together(found, batch)
        assert all(same(*pair) for pair in zip([*state[:3], *rest], [*found[:3], *others], strict=True))

"""Ties, losses and lanes: small slips in an update that would cost a number its meaning."""

from __future__ import annotations

import functools
import itertools

import pytest
import torch

from neurocomp.compilation.compiler import compile_program
from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.engine import fused
from neurocomp.language.assembly import parse
from neurocomp.machine import run as eager
from neurocomp.machine.state import State
from neurocomp.machine.step import halt
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import load_task
from neurocomp.tuning import optimizer
from neurocomp.tuning.objective import Targets, composite
from neurocomp.tuning.recovery import Batch, to_batch
from neurocomp.tuning.update import Compiled, Updated, choose, plain
from tests.test_tasks import shipped
from tests.test_update_claims import CPU, TASK, UNSEEN, Script


def batch_of(memory: torch.Tensor, word: int) -> Batch:
    """One restart, one example that halts at once: cell 0 ends as it starts, and must hold this word."""
    sizes = Sizes(3, 1, 1)
    state = State(
        memory.expand(1, 1, 3, 3).clone(),
        torch.eye(3)[:1].expand(1, 1, 1, 3).clone(),
        torch.ones(1, 1, 1),
        torch.ones(1, 1),
    )
    assert sizes.base == memory.shape[-1]
    targets = Targets(torch.tensor([[[word]]]), torch.zeros(1, 1, 0, dtype=torch.long), [0], [])
    return Batch(state, targets, targets)


@pytest.mark.parametrize("mass, likeliest", [
    ([0.4, 0.4, 0.2], 0), ([0.2, 0.4, 0.4], 1), ([0.4, 0.2, 0.4], 0), ([0.3, 0.3, 0.4], 2), ([0.5, 0.3, 0.2], 0),
])  # fmt: skip
def test_of_tied_words_the_first_is_the_likeliest(mass, likeliest):
    task = load_task(shipped("map_inc", length=1, base=3, registers=5), MachineConfig())
    task = type(task)(**task.__dict__ | {"sizes": Sizes(3, 1, 1), "steps": 1})
    logits = compile_program(parse("halt"), task.sizes, task.machine, gamma=0.0, epsilon=1e-6, seed=0, restarts=[0])
    for word in range(3):
        batch = batch_of(torch.tensor(mass), word)
        updates = (
            Compiled(1, task, ObjectiveConfig(), OptimizerConfig()),
            functools.partial(plain, eager.run, task, ObjectiveConfig(), OptimizerConfig()),
        )
        fits = [update(optimizer.init(logits), batch).fits.tolist() for update in updates]
        assert fits == [[word == likeliest]] * 2


def test_where_two_halts_are_equal_each_has_half_of_the_gradient():
    """halting=printed is a maximum; PyTorch gives half to each of equals, and so does the fused engine."""
    state = State(*(torch.zeros(1, 1, *shape) for shape in ((2, 2), (1, 2), (1,), ())))
    before = torch.full((1, 1), 0.25, requires_grad=True)
    halting = torch.full((1, 1), 0.25, requires_grad=True)
    after = halt(state._replace(halted=before), state, halting, MachineConfig(halting="printed"))
    slopes = torch.autograd.grad(after.halted.sum(), (before, halting))
    assert [slope.item() for slope in slopes] == [0.5, 0.5]


def test_the_fused_engines_gradient_of_tied_halts_is_pytorchs():
    """One line whose opcodes are all alike, and a halted mass that equals its halt, 1 / 13, to the last bit."""
    sizes, machine = Sizes(2, 1, 1), MachineConfig(halting="printed")
    words = torch.eye(2, dtype=torch.float64)
    start = State(
        words.expand(1, 1, 2, 2), words[:1].expand(1, 1, 1, 2), torch.ones(1, 1, 1).double(), torch.zeros(1, 1).double()
    )
    slopes = []
    for engine in (eager.run, fused.run):
        weights = torch.zeros(1, 1, 13 + 3 + 1, dtype=torch.float64).requires_grad_()
        own = engine(weights, start, sizes, machine, 1).halted[..., 0].detach()
        ended = engine(weights, start._replace(halted=own), sizes, machine, 1)
        slopes += torch.autograd.grad(ended.halted.sum(), weights)
    # Half of p (1 - p) = 12 / 169 at the halt's own logit.
    assert slopes[0][0, 0, 0].item() == pytest.approx(6 / 169)
    assert torch.allclose(*slopes, rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", ["log", "softmax"])
def test_every_engine_minimizes_the_loss_that_was_asked_for(loss):
    """Worked by hand: without an instruction the loss of a machine is that of its start words."""
    task = load_task(shipped("map_inc", length=1, steps=2), MachineConfig())
    examples = [training_examples(task, held_out(task, 0), 0, restart, 4) for restart in range(3)]
    batch = to_batch(examples, task, torch.float64, CPU)
    logits = compile_program(
        None, task.sizes, task.machine, gamma=1.0, epsilon=1e-6, seed=0, restarts=range(3), dtype=torch.float64
    )
    objective, config = ObjectiveConfig(loss=loss), OptimizerConfig()
    told = [choose(engine, 1, task, objective, config)(optimizer.init(logits), batch) for engine in ("eager", "fused")]
    assert torch.allclose(told[0].loss, told[1].loss) and torch.allclose(told[0].state.logits, told[1].state.logits)
    ended = eager.run(logits, batch.start, task.sizes, task.machine, task.steps)
    rows = ended.memory[:, :, 0]
    right = rows.gather(-1, batch.targets.memory).squeeze(-1)
    by_hand = -right.log() if loss == "log" else rows.exp().sum(-1).log() - right
    assert torch.allclose(told[0].loss, by_hand.mean(-1), atol=1e-9)


def test_lanes_that_join_and_stay_keep_what_is_theirs():
    """Weights, both moments and counts of lanes 0 to 4 are told apart by their numbers."""

    def state(first: int, count: int) -> optimizer.Adam:
        numbers = torch.arange(first, first + count).float()[:, None, None]
        return optimizer.Adam(numbers, 10 + numbers, 20 + numbers, list(range(first, first + count)))

    joined = optimizer.join(state(0, 2), state(2, 3))
    for found, expected in ((joined, [0, 1, 2, 3, 4]), (optimizer.keep(joined, torch.tensor([4, 1])), [4, 1])):
        assert found.updates == expected
        for part, more in zip(found[:3], (0, 10, 20), strict=True):
            assert part.flatten().tolist() == [more + lane for lane in expected]


def test_adam_remembers_from_update_to_update():
    """With the gradient always 1 the first moment after n updates is 1 - beta1^n; it is not begun anew."""
    config, seen = OptimizerConfig(updates=3, beta1=0.5), []

    class Watching(Script):
        def update(self, state, batch):
            seen.append(state.first_moment.flatten()[0].item())
            after = optimizer.update(state, torch.ones_like(state.logits), config)
            return Updated(after, torch.ones(len(state.logits)), torch.zeros(len(state.logits), dtype=torch.bool))

    Watching().run(updates=3)
    assert seen == [0.0, 0.5, 0.75, 0.875]


def test_the_seconds_of_an_update_are_shared_by_its_restarts(monkeypatch):
    """A clock that moves by 1 at each look: an update takes 1 second, of which each of three restarts gets a third."""
    ticks = itertools.count()
    monkeypatch.setattr("neurocomp.tuning.lanes.time.perf_counter", lambda: float(next(ticks)))
    found = Script().run(range(3), updates=5)
    assert [one.seconds for one in found.values()] == pytest.approx([6 / 3] * 3)
    (alone,) = Script().run([0], updates=5).values()
    assert alone.seconds == pytest.approx(6)


@pytest.mark.parametrize("update", [optimizer.update, optimizer.compiled_update])
def test_lanes_of_other_ages_have_rates_and_divisors_of_their_own(update):
    """By hand, for lanes with 0 and 3 updates behind them: rate / (1 - beta1^n) and 1 - beta2^n with n = 1 and 4."""
    config = OptimizerConfig(learning_rate=0.1, beta1=0.5, beta2=0.75, epsilon=1e-12)
    ones = torch.ones(2, 1, 1, dtype=torch.float64)
    state = update(optimizer.Adam(0 * ones, ones, ones, [0, 3]), 3 * ones, config)
    first, second = 0.5 * 1 + 0.5 * 3, 0.75 * 1 + 0.25 * 9
    expected = [-0.1 / (1 - 0.5**n) * first / (second / (1 - 0.75**n)) ** 0.5 for n in (1, 4)]
    assert state.logits.flatten().tolist() == pytest.approx(expected) and state.updates == [1, 4]


def test_what_has_halted_stays_counter_included():
    """A quarter has halted: memory, registers and counter are 1/4 of the old state plus 3/4 of the new one."""
    one, other = ([torch.eye(2)[[place] * count] for count in (2, 1, 1)] for place in (0, 1))
    quarter = torch.full((1, 1), 0.25)
    before = State(one[0][None, None], one[1][None, None], one[2][None], quarter)
    after = State(other[0][None, None], other[1][None, None], other[2][None], quarter)
    ended = halt(before, after, torch.full((1, 1), 0.5), MachineConfig())
    for rows in ended[:3]:
        assert torch.equal(rows, torch.tensor([0.25, 0.75]).expand_as(rows))
    assert ended.halted.item() == 0.25 + 0.75 * 0.5


def test_halting_late_costs_the_steps_that_had_not_halted():
    """In one example 1 of 4 steps comes before the halt, in the other 2: one and a half on average."""
    halted = torch.tensor([[[0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]])
    assert composite([torch.tensor([0.5])], halted, ObjectiveConfig(efficiency=0.1)).item() == pytest.approx(0.65)
    assert composite([torch.tensor([0.5])], halted, ObjectiveConfig()).item() == 0.5


@pytest.mark.parametrize("lanes", [1, 3, 4])
def test_restarts_keep_their_own_examples_while_others_leave_and_join(lanes):
    """Restart r finishes with update r % 4; every update checks the examples of every lane."""

    class Looking(Script):
        def update(self, state, batch):
            for place, weights in enumerate(state.logits):
                own = training_examples(TASK, UNSEEN, 0, self.lane(weights)[0], 2)
                assert torch.equal(batch.start.memory[place].argmax(-1), torch.from_numpy(own.memory))
                ends = torch.from_numpy(own.final_memory)[:, list(TASK.checked_memory)]
                assert torch.equal(batch.targets.memory[place], ends)
            return super().update(state, batch)

    found = Looking(lambda restart, n: n == restart % 4).run(range(9), lanes=lanes, hold=1)
    assert {restart: one.updates for restart, one in found.items()} == {restart: restart % 4 for restart in range(9)}

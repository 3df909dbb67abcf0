"""The loop over updates with a scripted update, so that it is known what every update found; loss, clipping, ties.

In the script a lane's weights are its count of updates: after n updates they are n, everywhere.
"""

from __future__ import annotations

import functools
import itertools
import math

import pytest
import torch

from neurocomp import optimizer
from neurocomp.compiler import compile_program
from neurocomp.config import MachineConfig, ObjectiveConfig, OptimizerConfig, Sizes
from neurocomp.engine import fused
from neurocomp.language.assembly import parse
from neurocomp.machine import run as eager
from neurocomp.machine.run import Run
from neurocomp.machine.state import State
from neurocomp.machine.step import halt, resolve
from neurocomp.objective import Targets, composite, losses, softmax_cross_entropy
from neurocomp.recovery import Batch, Validation, to_batch
from neurocomp.tasks import held_out, load_task, training_examples
from neurocomp.tuning import Tuned, tune
from neurocomp.updating import Compiled, Updated, choose, plain
from tests.test_tasks import shipped

TASK = load_task(shipped("map_inc", length=2), MachineConfig())
UNSEEN = held_out(TASK, seed=0)
CPU = torch.device("cpu")


class Script(Validation):
    """Stands for update and validation: by restart, at which updates it fits and holds, and what its loss is then."""

    def __init__(self, fits=lambda restart, n: False, holds=None, loss=lambda restart, n: 10.0 - n):
        self.fits, self.asked, self.loss = fits, holds or fits, loss
        self.looked: list[tuple[int, int]] = []

    def lane(self, weights: torch.Tensor) -> tuple[int, int]:
        """Restart and number of updates of a lane: 100 per restart, 1 per update."""
        return divmod(round(weights.flatten()[0].item()), 100)

    def begin(self, restarts):
        examples = [training_examples(TASK, UNSEEN, 0, restart, 2) for restart in restarts]
        weights = torch.tensor([100.0 * restart for restart in restarts])[:, None, None].expand(-1, 2, 3)
        return weights.contiguous(), to_batch(examples, TASK, torch.float32, CPU)

    def update(self, state, batch):
        lanes = [self.lane(weights) for weights in state.logits]
        after = state._replace(logits=state.logits + 1, updates=[count + 1 for count in state.updates])
        loss = torch.tensor([self.loss(*lane) for lane in lanes])
        return Updated(after, loss, torch.tensor([bool(self.fits(*lane)) for lane in lanes]))

    def holds(self, logits, fits):
        lanes = [self.lane(weights) for weights in logits]
        self.looked += [lane for lane, fit in zip(lanes, fits.tolist(), strict=True) if fit]
        return fits & torch.tensor([bool(self.asked(*lane)) for lane in lanes])

    def run(self, restarts=(0,), lanes=10, **options) -> dict[int, Tuned]:
        config = OptimizerConfig(**{"updates": 9, "hold": 3} | options)
        told = tune(restarts, lanes, self.begin, self.update, self, config)
        return {one.restart: one for some in told for one in some.left}


def at(*updates: int):
    return lambda restart, n: n in updates


# --- what a restart leaves with


@pytest.mark.parametrize("fits, ending", [((), "exhausted"), ((2, 3, 4), "recovered"), ((8, 9), "recovered")])
def test_the_weights_returned_are_the_weights_judged(fits, ending):
    """Loss and fit are those of the weights before the update that told them: the last look is at what is returned."""
    (one,) = Script(at(*fits)).run().values()
    assert one.status == ending and one.fit == bool(fits)
    assert (one.logits == one.updates).all() and one.loss == one.curve[-1] == 10.0 - one.updates
    assert one.curve == [10.0 - n for n in range(one.updates + 1)]


def test_restarts_leave_with_what_is_their_own():
    """Restart r fits from update r on and leaves 2 updates later; the others wait for its lane."""
    script = Script(lambda restart, n: n >= restart)
    for lanes in (1, 2, 5):
        found = script.run(range(5), lanes=lanes)
        assert [(restart, found[restart].updates) for restart in range(5)] == [(r, r + 2) for r in range(5)]
        for restart, one in found.items():
            assert (one.logits == 100 * restart + one.updates).all() and one.recovered_at == restart
            assert one.loss == 10.0 - one.updates and one.seconds > 0


# --- when it leaves


def test_a_miss_begins_the_count_anew():
    """Right, right, wrong, right, wrong, right, right, right: three in a row end with update 7."""
    (one,) = Script(at(0, 1, 3, 5, 6, 7)).run().values()
    assert (one.status, one.updates, one.recovered_at) == ("recovered", 7, 5)


def test_right_and_wrong_in_turn_never_holds():
    (one,) = Script(at(0, 2, 4, 6, 8)).run().values()
    assert (one.status, one.updates, one.recovered_at) == ("exhausted", 9, None)


@pytest.mark.parametrize("hold, updates", [(1, 2), (2, 3), (5, 6)])
def test_it_holds_for_as_many_updates_as_asked_for(hold, updates):
    (one,) = Script(lambda restart, n: n >= 2).run(hold=hold).values()
    assert (one.status, one.updates, one.recovered_at) == ("recovered", updates, 2)


def test_with_the_last_update_one_success_is_enough():
    (one,) = Script(at(9)).run().values()
    assert (one.status, one.updates, one.recovered_at) == ("recovered", 9, 9)


def test_a_fit_that_does_not_hold_on_validation_is_a_fit_and_no_recovery():
    script = Script(fits=lambda restart, n: True, holds=lambda restart, n: False)
    (one,) = script.run().values()
    assert (one.status, one.updates, one.fit) == ("exhausted", 9, True)
    assert script.looked == [(0, n) for n in range(10)]


def test_with_stop_fit_it_is_the_fit_that_has_to_hold():
    """Validation is not even asked."""
    script = Script(fits=lambda restart, n: True, holds=lambda restart, n: False)
    (one,) = script.run(stop="fit").values()
    assert (one.status, one.updates, one.recovered_at, one.fit) == ("recovered", 2, 0, True)
    assert script.looked == []


def test_what_does_not_fit_does_not_hold():
    (one,) = Script(fits=lambda restart, n: False, holds=lambda restart, n: True).run().values()
    assert (one.status, one.fit) == ("exhausted", False)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_restart_and_no_other(value):
    loss = lambda restart, n: value if (restart, n) == (1, 4) else 1.0  # noqa: E731
    found = Script(loss=loss).run(range(3))
    assert [(one.status, one.updates) for one in found.values()] == [
        ("diverged", 4), ("exhausted", 9), ("exhausted", 9),
    ]  # fmt: skip
    assert (found[1].logits == 104).all() and found[1].recovered_at is None


# --- the loss


def test_softmax_loss_of_two_rows_worked_by_hand():
    """(1, 0) and word 0: ln(1 + 1/e) = 0.313262; (0, 0.5) and word 0: ln(1 + e^0.5) = 0.974077. Their mean."""
    predicted = torch.tensor([[[[1.0, 0.0], [0.0, 0.5]]]])
    words = torch.zeros(1, 1, 2, dtype=torch.long)
    expected = (0.3132617 + 0.9740770) / 2
    assert softmax_cross_entropy(predicted, words).item() == pytest.approx(expected, abs=1e-6)
    twice = torch.cat([predicted, predicted], dim=1)
    assert softmax_cross_entropy(twice, words.expand(1, 2, 2)).item() == pytest.approx(expected, abs=1e-6)
    assert softmax_cross_entropy(2 * predicted, words).item() != pytest.approx(expected, abs=1e-2)  # not by its mass


@pytest.mark.parametrize("loss, of_half", [("log", math.log(2)), ("softmax", math.log(2))])
def test_the_loss_is_of_the_checked_cells_and_registers_alone(loss, of_half):
    """Cell 1 and register 0 are halves; all other rows are wrong for certain."""
    wrong = torch.tensor([1.0, 0.0])
    memory = wrong.expand(1, 1, 2, 2).clone()
    registers = wrong.expand(1, 1, 3, 2).clone()
    memory[0, 0, 1] = registers[0, 0, 0] = 0.5
    one = torch.ones(1, 1, 1, dtype=torch.long)
    run = Run(memory, registers, torch.zeros(1, 1, 4))
    assert losses(run, Targets(one, one, [1], [0]), ObjectiveConfig(loss=loss)).item() == pytest.approx(2 * of_half)
    assert losses(run, Targets(one, one[..., :0], [1], []), ObjectiveConfig(loss=loss)).item() == pytest.approx(of_half)
    assert losses(run, Targets(one[..., :0], one, [], [0]), ObjectiveConfig(loss=loss)).item() == pytest.approx(of_half)


# --- clipping and Adam


@pytest.mark.parametrize("update", [optimizer.update, optimizer.compiled_update])
def test_a_norm_is_clipped_at_clip_and_not_at_1(update):
    """With clip=0.5 norms 2 and 0.3 become 0.5 and 0.3; beta1=0 leaves the gradient itself in the first moment."""
    gradient = torch.tensor([[[1.2, 1.6]], [[0.18, 0.24]]])
    config = OptimizerConfig(clip=0.5, beta1=0.0)
    state = update(optimizer.init(torch.zeros(2, 1, 2)), gradient, config)
    assert torch.allclose(state.first_moment, torch.tensor([[[0.3, 0.4]], [[0.18, 0.24]]]))


@pytest.mark.parametrize("update", [optimizer.update, optimizer.compiled_update])
def test_the_first_step_of_adam_is_the_learning_rate_by_sign(update):
    """Kingma and Ba: with both moments corrected the first step is rate * g / (|g| + epsilon)."""
    gradient = torch.tensor([[[4.0, -0.25, 0.0]]])
    config = OptimizerConfig(learning_rate=0.03, beta1=0.7, beta2=0.6, epsilon=0.25)
    state = update(optimizer.init(torch.ones(1, 1, 3)), gradient, config)
    steps = torch.tensor([[[0.03 * 4 / 4.25, -0.03 * 0.25 / 0.5, 0.0]]])
    assert torch.allclose(state.logits, 1 - steps, atol=1e-7) and state.updates == [1]
    assert torch.allclose(state.first_moment, 0.3 * gradient) and torch.allclose(state.second_moment, 0.4 * gradient**2)


# --- the laws as printed


@pytest.mark.parametrize("law", ["writeback", "memory_law", "jump_law"])
def test_with_any_law_printed_operands_keep_their_mass(law):
    """Register 0 has mass 2, register 1 mass 0.5; (0.5, 0.5) of them has mass 1.25."""
    registers = torch.tensor([[1.5, 0.5], [0.25, 0.25]])
    select = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    printed = resolve(registers, select, MachineConfig(**{law: "printed"}))
    assert printed.tolist() == [[1.5, 0.5], [0.875, 0.375]]
    assert torch.allclose(resolve(registers, select, MachineConfig()), torch.tensor([[0.75, 0.25], [0.7, 0.3]]))


# --- ties


def batch_of(memory: torch.Tensor, word: int) -> Batch:
    """One restart, one example that halts at once: cell 0 ends as it starts, and must hold this word."""
    sizes = Sizes(3, 1, 1)
    state = State(
        memory.expand(1, 1, 3, 3).clone(), torch.eye(3)[:1].expand(1, 1, 1, 3).clone(), torch.ones(1, 1, 1),
        torch.ones(1, 1),
    )  # fmt: skip
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
    start = State(words.expand(1, 1, 2, 2), words[:1].expand(1, 1, 1, 2), torch.ones(1, 1, 1).double(),
                  torch.zeros(1, 1).double())  # fmt: skip
    slopes = []
    for engine in (eager.run, fused.run):
        weights = torch.zeros(1, 1, 13 + 3 + 1, dtype=torch.float64).requires_grad_()
        own = engine(weights, start, sizes, machine, 1).halted[..., 0].detach()
        ended = engine(weights, start._replace(halted=own), sizes, machine, 1)
        slopes += torch.autograd.grad(ended.halted.sum(), weights)
    # Half of p (1 - p) = 12 / 169 at the halt's own logit.
    assert slopes[0][0, 0, 0].item() == pytest.approx(6 / 169)
    assert torch.allclose(*slopes, rtol=0, atol=1e-12)


# --- which loss, which lanes, which seconds


@pytest.mark.parametrize("loss", ["log", "softmax"])
def test_every_engine_minimizes_the_loss_that_was_asked_for(loss):
    """By hand: of a machine without an instruction the loss is that of its start words."""
    task = load_task(shipped("map_inc", length=1, steps=2), MachineConfig())
    examples = [training_examples(task, held_out(task, 0), 0, restart, 4) for restart in range(3)]
    batch = to_batch(examples, task, torch.float64, CPU)
    logits = compile_program(None, task.sizes, task.machine, gamma=1.0, epsilon=1e-6, seed=0, restarts=range(3),
                             dtype=torch.float64)  # fmt: skip
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
    """A clock that moves by 1 at each look: an update takes 1 second, a third of it for each of three."""
    ticks = itertools.count()
    monkeypatch.setattr("neurocomp.tuning.time.perf_counter", lambda: float(next(ticks)))
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
    """A quarter has halted: of memory, registers and counter a quarter is what was, the rest what is."""
    one, other = ([torch.eye(2)[[place] * count] for count in (2, 1, 1)] for place in (0, 1))
    quarter = torch.full((1, 1), 0.25)
    before = State(one[0][None, None], one[1][None, None], one[2][None], quarter)
    after = State(other[0][None, None], other[1][None, None], other[2][None], quarter)
    ended = halt(before, after, torch.full((1, 1), 0.5), MachineConfig())
    for rows in ended[:3]:
        assert torch.equal(rows, torch.tensor([0.25, 0.75]).expand_as(rows))
    assert ended.halted.item() == 0.25 + 0.75 * 0.5


def test_halting_late_costs_the_steps_that_had_not_halted():
    """Of four steps one comes before the halt in one example, two in the other: one and a half on average."""
    halted = torch.tensor([[[0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]])
    assert composite([torch.tensor([0.5])], halted, ObjectiveConfig(efficiency=0.1)).item() == pytest.approx(0.65)
    assert composite([torch.tensor([0.5])], halted, ObjectiveConfig()).item() == 0.5


@pytest.mark.parametrize("lanes", [1, 3, 4])
def test_restarts_keep_their_own_examples_while_others_leave_and_join(lanes):
    """Restart r is done with update r % 4; every update looks at the examples that every lane has then."""

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

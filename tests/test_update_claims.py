"""The loop over updates with a scripted update, so that it is known what every update found; loss, clipping, ties.

In the script a lane's weights are its count of updates: after n updates they are n, everywhere.
"""

from __future__ import annotations

import math

import pytest
import torch

from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.machine.run import Run
from neurocomp.machine.step import resolve
from neurocomp.machine_config import MachineConfig
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import load_task
from neurocomp.tuning import optimizer
from neurocomp.tuning.lanes import Tuned, tune
from neurocomp.tuning.objective import Targets, losses, softmax_cross_entropy
from neurocomp.tuning.recovery import Validation, to_batch
from neurocomp.tuning.update import Updated
from tests.test_tasks import shipped

TASK = load_task(shipped("map_inc", length=2), MachineConfig())
UNSEEN = held_out(TASK, seed=0)
CPU = torch.device("cpu")


class Script(Validation):
    """A scripted update and validation: for each restart the updates at which it fits and holds, and its losses."""

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

    def run(self, restarts=(0,), lanes=10, limit=None, **options) -> dict[int, Tuned]:
        config = OptimizerConfig(**{"updates": 9, "hold": 3} | options)
        reports = tune(restarts, lanes, self.begin, self.update, self, config, limit)
        return {one.restart: one for report in reports for one in report.finished}


def at(*updates: int):
    return lambda restart, n: n in updates


# --- the result of a finished restart


@pytest.mark.parametrize("fits, ending", [((), "exhausted"), ((2, 3, 4), "recovered"), ((8, 9), "recovered")])
def test_the_weights_returned_are_the_weights_judged(fits, ending):
    """Loss and fit are those of the weights before the update: the last ones are of the weights that are returned."""
    (one,) = Script(at(*fits)).run().values()
    assert one.status == ending and one.fit == bool(fits)
    assert (one.logits == one.updates).all() and one.loss == one.curve[-1] == 10.0 - one.updates
    assert one.curve == [10.0 - n for n in range(one.updates + 1)]


def test_restarts_leave_with_what_is_their_own():
    """Restart r fits from update r on and finishes 2 updates later; the others wait for its lane."""
    script = Script(lambda restart, n: n >= restart)
    for lanes in (1, 2, 5):
        found = script.run(range(5), lanes=lanes)
        assert [(restart, found[restart].updates) for restart in range(5)] == [(r, r + 2) for r in range(5)]
        for restart, one in found.items():
            assert (one.logits == 100 * restart + one.updates).all() and one.recovered_at == restart
            assert one.loss == 10.0 - one.updates and one.seconds > 0


# --- when it finishes


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
    """Validation is never asked."""
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
        ("diverged", 4),
        ("exhausted", 9),
        ("exhausted", 9),
    ]
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


# --- which loss, which lanes, which seconds

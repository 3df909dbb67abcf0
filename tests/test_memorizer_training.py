"""A training of the memorizer, update by update: its batches, its learning rate, and how its accuracy is taken."""

from __future__ import annotations

import pytest
import torch

from neurocomp.memorizer.config import TrainingConfig
from neurocomp.memorizer.dataset import Examples
from neurocomp.memorizer.network import cross_entropy
from neurocomp.memorizer.training import JUDGED_AT_ONCE, Judge, Training, taken


class Table(torch.nn.Module):
    """Logits that are the parameters themselves, a row for each first token; remembers which rows it was asked for."""

    def __init__(self, rows: int, outputs: int):
        super().__init__()
        self.rows = torch.nn.Parameter(torch.zeros(rows, outputs))
        self.asked: list[list[int]] = []

    def forward(self, tokens, mask=None):
        self.asked.append(tokens[:, 0].tolist())
        return self.rows[tokens[:, 0]]


def data(count: int, classes: int = 2) -> Examples:
    """Input i is the number i, its label i mod 2."""
    numbers = torch.arange(count)
    return Examples(numbers[:, None], None, (numbers % classes)[:, None])


def training(count: int, batch: int, seed: int = 0, restart: int = 0, **config) -> Training:
    given = TrainingConfig(**{"learning_rate": 0.1, "weight_decay": 0.0, "warmup": 0} | config)
    return Training(Table(count, 2), data(count), (2,), given, batch, "float32", seed, restart)


def orders(one: Training, epochs: int) -> list[list[int]]:
    """The inputs of each epoch, in the order in which they came."""
    found = []
    for _ in range(epochs):
        one.network.asked.clear()
        for _ in range(one.updates_an_epoch):
            one.advance()
        found.append(sum(one.network.asked, []))
    return found


# --- batches


def test_every_epoch_has_every_example_once_in_an_order_of_its_own():
    one = training(20, batch=6)
    found = orders(one, 3)
    assert one.updates_an_epoch == 4 and one.updates == 12
    assert all(sorted(order) == list(range(20)) for order in found)
    assert len({tuple(order) for order in found}) == 3


def test_seed_and_restart_have_orders_of_their_own():
    found = [orders(training(20, 6, seed, restart), 1)[0] for seed in (0, 1) for restart in (0, 1)]
    assert len({tuple(order) for order in found}) == 4
    assert orders(training(20, 6), 1)[0] == found[0]


def test_a_training_that_goes_on_takes_the_batches_that_were_left():
    whole = orders(training(20, batch=6), 2)
    one, other = training(20, batch=6), training(20, batch=6)
    for _ in range(5):
        one.advance()
    other.restore(*one.state())
    other.network.asked.clear()
    for _ in range(3):
        other.advance()
    assert sum(other.network.asked, []) == whole[1][6:]


def test_a_training_that_goes_on_has_the_weights_and_moments_that_it_had():
    one, other = training(20, batch=6), training(20, batch=6)
    for _ in range(5):
        one.advance()
    tensors, facts = one.state()
    other.restore({key: tensor.clone() for key, tensor in tensors.items()}, facts)  # as they come from a file
    for _ in range(3):
        assert torch.equal(one.network.rows, other.network.rows) and one.updates == other.updates
        assert one.advance() == other.advance()


# --- updates


def test_the_learning_rate_rises_over_the_warmup_and_stays():
    one, rates = training(4, batch=4, warmup=4), []
    for _ in range(6):
        one.advance()
        rates.append(one.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_a_linear_rate_falls_to_0_and_a_training_that_goes_on_goes_on_with_it():
    """By hand: 3 epochs of 2 updates; the update after u of them has (6 - u) / 6 of 0.1."""
    one, rates = training(8, batch=4, schedule="linear", schedule_epochs=3, updates=50), []
    for update in range(6):
        if update == 4:
            other = training(8, batch=4, schedule="linear", schedule_epochs=3, updates=50)
            other.restore(*one.state())
            one = other
        one.advance()
        rates.append(one.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1 * (6 - update) / 6 for update in range(6)])
    assert one.limit == 6 and training(8, batch=4, updates=50).limit == 50
    short = training(8, batch=4, schedule="linear", schedule_epochs=3, updates=5)
    assert short.limit == 5


def test_a_linear_rate_of_a_soft_task_falls_over_its_epochs_after_the_warmup_of_the_library():
    one, rates = training(8, batch=4, schedule="linear", epochs=2, warmup=2), []
    for _ in range(4):
        one.advance()
        rates.append(one.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.0, 0.05, 0.1, 0.05])


def test_an_update_tells_loss_and_accuracy_of_the_weights_before_it():
    """All logits are 0: each of two classes has 1 / 2, and the first of equals is right for even inputs."""
    told = training(4, batch=4).advance()
    assert told.loss == pytest.approx(0.6931472, abs=1e-6) and told.accuracy == 0.5


def test_the_gradient_is_clipped_to_the_norm_asked_for():
    """Of one input with both logits 0 the gradient is (-1/2, 1/2), of norm 0.7071; AdamW keeps a tenth of it."""
    for clip, norm in ((None, 0.5**0.5), (0.1, 0.1), (2.0, 0.5**0.5)):
        one = training(1, batch=1, clip=clip)
        one.advance()
        (moments,) = one.optimizer.state_dict()["state"].values()
        assert moments["exp_avg"].norm().item() == pytest.approx(0.1 * norm, rel=1e-4)


def test_smoothing_is_of_training_alone():
    """By hand: with smoothing s the loss of logits (a, 0) and label 0 grows by s / 2 * a; a judge has none."""
    logits, labels = torch.tensor([[3.0, 0.0]]), torch.tensor([[0]])
    plain, smooth = (cross_entropy(logits, labels, (2,), s).item() for s in (0.0, 0.2))
    assert smooth - plain == pytest.approx(0.1 * 3, abs=1e-6)
    network = Table(1, 2)
    network.rows.data[:] = logits
    assert Judge(data(1), (2,), "float32").measure(network)[0] == pytest.approx(plain, abs=1e-6)


# --- judging


def test_the_loss_of_more_examples_than_are_judged_at_once_is_their_mean():
    """130 examples: 128 cost ln 2 each, the last two 3 + ln(1 + e^-3) each; 2 of 130 are wrong for certain."""
    count = JUDGED_AT_ONCE + 2
    network, examples = Table(count, 2), data(count)
    network.rows.data[:JUDGED_AT_ONCE, 0] = 0.0
    for place in range(count):
        label = place % 2
        network.rows.data[place, label] = -3.0 if place >= JUDGED_AT_ONCE else 0.0
    loss, accuracy = Judge(examples, (2,), "float32").measure(network)
    late = 3 + torch.log1p(torch.exp(torch.tensor(-3.0))).item()
    assert loss == pytest.approx((JUDGED_AT_ONCE * 0.6931472 + 2 * late) / count, abs=1e-5)
    assert accuracy == pytest.approx(64 / count)  # of equals the first is said: even inputs among the first 128


def test_one_wrong_example_anywhere_is_not_all_right():
    count = 3 * JUDGED_AT_ONCE
    judge, network = Judge(data(count), (2,), "float32"), Table(count, 2)
    network.rows.data[range(count), [place % 2 for place in range(count)]] = 1.0
    assert judge.all_right(network) and judge.all_right(network)
    for place in (0, JUDGED_AT_ONCE - 1, JUDGED_AT_ONCE, 2 * JUDGED_AT_ONCE + 5, count - 1):
        network.rows.data[place] *= -1
        assert not judge.all_right(network) and not judge.all_right(network)
        assert judge.measure(network)[1] == pytest.approx(1 - 1 / count)
        network.rows.data[place] *= -1
    assert judge.all_right(network)


def test_columns_without_a_token_are_left_out():
    tokens = torch.tensor([[1, 2, 3, 0], [4, 0, 0, 0], [5, 6, 0, 0]])
    examples = Examples(tokens, tokens > 0, torch.zeros(3, 1, dtype=torch.long))
    some = taken(examples, torch.tensor([2, 1]))
    assert some.tokens.tolist() == [[5, 6], [4, 0]] and some.mask is not None
    assert some.mask.tolist() == [[True, True], [True, False]]
    assert taken(examples, torch.tensor([0])).tokens.tolist() == [[1, 2, 3]]


def test_a_training_minimizes_the_smoothed_loss():
    """Logits (3, 0) of label 0: 0.0485874 without smoothing, 0.1 x 3 more with 0.2."""
    for smoothing, loss in ((0.0, 0.0485874), (0.2, 0.3485874)):
        one = training(1, batch=1, label_smoothing=smoothing)
        one.network.rows.data[:] = torch.tensor([[3.0, 0.0]])
        assert one.advance().loss == pytest.approx(loss, abs=1e-6)

"""Loss, Adam, the loop over updates, and recovery: lanes are independent, and the printed program is judged."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.compilation.compiler import compile_program
from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.engine import load
from neurocomp.errors import UserError
from neurocomp.language import interpreter
from neurocomp.language.assembly import fit, format_program, load_program
from neurocomp.machine.run import Run
from neurocomp.machine_config import MachineConfig
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import Examples, load_task
from neurocomp.tuning import optimizer
from neurocomp.tuning.lanes import tune
from neurocomp.tuning.objective import Targets, cross_entropy, losses
from neurocomp.tuning.recovery import Validation, hard, measure, program_text, to_batch
from neurocomp.tuning.update import Updated, choose
from tests.strategies import programs, states
from tests.test_tasks import shipped

TASK = load_task(shipped("map_inc", length=2), MachineConfig())
UNSEEN = held_out(TASK, seed=0)


def tuned(restarts, updates=30, engine="eager", spoil=None, lanes=100, threads=1, dtype=torch.float64, **options):
    """The restarts as they finished, by number; `spoil` makes the weights of one of them NaN."""

    def begin(some):
        logits = compile_program(
            fit(load_program("map_inc"), TASK.sizes), TASK.sizes, TASK.machine, gamma=0.3, epsilon=1e-6, seed=0,
            restarts=some, dtype=dtype,
        )  # fmt: skip
        if spoil in some:
            logits[some.index(spoil)] = float("nan")
        examples = [training_examples(TASK, UNSEEN, 0, restart, 8) for restart in some]
        return logits, to_batch(examples, TASK, dtype, torch.device("cpu"))

    config = OptimizerConfig(updates=updates, **options)
    update = choose(engine, threads, TASK, ObjectiveConfig(), config)
    validation = Validation(TASK, UNSEEN.validation, load(engine, threads))
    reports = tune(restarts, lanes, begin, update, validation, config)
    return {one.restart: one for report in reports for one in report.finished}


def test_cross_entropy_by_hand():
    predicted = torch.tensor([[[[0.5, 0.5], [0.25, 0.75]], [[1.0, 0.0], [0.5, 0.5]]]])  # one restart, two examples
    words = torch.tensor([[[0, 1], [0, 0]]])
    expected = -(torch.log(torch.tensor([0.5, 0.75, 1.0, 0.5]))).mean()
    assert cross_entropy(predicted, words).item() == pytest.approx(expected.item(), abs=1e-6)
    assert cross_entropy(3 * predicted, words).item() == pytest.approx(expected.item(), abs=1e-6)


def test_composite_loss_by_hand():
    memory, registers = torch.full((1, 1, 2, 2), 0.5), torch.tensor([[[[0.25, 0.75]]]])
    run = Run(memory, registers, torch.tensor([[[0.0, 0.5, 1.0]]]))
    one = torch.ones(1, 1, 1, dtype=torch.long)
    ln2, ln4_3 = 0.6931472, 0.2876821
    checked = Targets(one, one, [1], [0])
    assert losses(run, checked, ObjectiveConfig()).item() == pytest.approx(ln2 + ln4_3, abs=1e-6)
    late = losses(run, checked, ObjectiveConfig(efficiency=0.1)).item()  # 0.1 (1 + 0.5 + 0)
    assert late == pytest.approx(ln2 + ln4_3 + 0.15, abs=1e-6)


def test_adam_is_that_of_torch():
    start = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    config, ours = OptimizerConfig(learning_rate=0.03), optimizer.init(start)
    theirs = torch.nn.Parameter(start.clone())
    adam = torch.optim.Adam([theirs], lr=0.03)
    for _ in range(50):
        gradient = (ours.logits**3 - ours.logits).sin()
        ours = optimizer.update(ours, gradient, config)
        theirs.grad = (theirs.detach() ** 3 - theirs.detach()).sin()
        adam.step()
    assert torch.allclose(ours.logits, theirs.detach(), rtol=0, atol=1e-12)


def test_a_lane_counts_its_own_updates():
    """Bit for bit: a lane that joins others later gets the updates that it would get by itself."""
    generator = torch.Generator().manual_seed(0)
    early, late, *gradients = torch.randn(12, 2, 4, 5, generator=generator)
    config = OptimizerConfig(clip=0.5)
    alone, other = optimizer.init(early), optimizer.init(late)
    for gradient in gradients[:4]:
        alone = optimizer.update(alone, gradient, config)
    together = optimizer.join(alone, other)
    for gradient in gradients[4:]:
        together = optimizer.update(together, torch.cat([gradient, -gradient]), config)
        alone, other = optimizer.update(alone, gradient, config), optimizer.update(other, -gradient, config)
    assert together.updates == [10, 10, 6, 6]
    for whole, left, right in zip(together[:3], alone[:3], other[:3], strict=True):
        assert torch.equal(whole, torch.cat([left, right]))
    kept = optimizer.keep(together, torch.tensor([3, 1]))
    assert kept.updates == [6, 10] and torch.equal(kept.logits, together.logits[[3, 1]])


def test_clipping_is_by_restart():
    gradient = torch.tensor([[[3.0, 4.0]], [[0.3, 0.4]]])
    state = optimizer.update(optimizer.init(torch.zeros(2, 1, 2)), gradient, OptimizerConfig(clip=1.0, beta1=0.5))
    assert torch.allclose(state.first_moment * 2, torch.tensor([[[0.6, 0.8]], [[0.3, 0.4]]]))


def test_a_restart_is_tuned_the_same_alone_in_a_batch_and_in_any_order():
    together, reordered = tuned([0, 1, 2, 3, 17]), tuned([17, 2, 0])
    alone = tuned([17])[17]
    for other in (together[17], reordered[17]):
        assert other.updates == alone.updates and other.status == alone.status
        assert torch.allclose(other.logits, alone.logits, rtol=0, atol=1e-9)  # the stated tolerance, float64


EXACT = {"engine": "fused", "dtype": torch.float32, "updates": 30, "hold": 3}


@functools.cache
def one_after_the_other():
    return {restart: facts(tuned([restart], **EXACT)[restart]) for restart in range(9)}


def facts(one):
    """Everything about a finished restart but its time; the weights as bytes."""
    return one._replace(logits=one.logits.numpy().tobytes(), seconds=0.0)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 8), min_size=1, unique=True), st.integers(1, 9), st.integers(1, 3))
def test_a_fused_restart_is_the_same_to_the_last_bit_in_any_lanes(restarts, lanes, threads):
    """In any order, beside any others, after any other restart in its lane, and on any number of threads."""
    found = tuned(restarts, lanes=lanes, threads=threads, **EXACT)
    assert {restart: facts(one) for restart, one in found.items()} == {
        restart: one_after_the_other()[restart] for restart in restarts
    }


def test_those_restarts_leave_at_different_updates():
    assert len({one.updates for one in one_after_the_other().values()}) > 3


@given(st.integers(1, 30), st.integers(1, 12))
def test_lanes_that_are_free_go_to_restarts_that_wait(restarts, lanes):
    """Restart r finishes with its update r % 5. While restarts wait, less than a quarter of the lanes is free."""
    begun, finished, made = [], {}, 0

    def begin(some):
        begun.extend(some)
        examples = [training_examples(TASK, UNSEEN, 0, 0, 1)] * len(some)
        return torch.tensor(some).float()[:, None, None], to_batch(examples, TASK, torch.float32, torch.device("cpu"))

    def update(state, batch):
        assert len(batch.start.halted) == len(batch.targets.memory) == len(state.logits)
        ends = [count == number % 5 for count, number in zip(state.updates, state.logits.flatten(), strict=True)]
        loss, zero = torch.where(torch.tensor(ends), math.nan, 1.0), torch.zeros_like(state.logits)
        after = optimizer.update(state, zero, OptimizerConfig())
        return Updated(after, loss, torch.zeros(len(ends), dtype=torch.bool))

    validation = Validation(TASK, UNSEEN.validation, load("eager", threads=1))
    for report in tune(range(restarts), lanes, begin, update, validation, OptimizerConfig()):
        assert report.lanes <= lanes and (len(begun) == restarts or 4 * (lanes - report.lanes) < lanes)
        made += report.lanes
        finished |= {one.restart: one.updates for one in report.finished}
    assert finished == {restart: restart % 5 for restart in range(restarts)} and begun == list(range(restarts))
    assert made == sum(restart % 5 + 1 for restart in range(restarts))


def test_a_restart_that_is_not_finite_leaves_and_touches_no_other():
    spoilt, sound = tuned([0, 1, 2], updates=5, spoil=1), tuned([0, 2], updates=5)
    assert spoilt[1].status == "diverged" and spoilt[1].updates == 0
    for restart in (0, 2):
        assert torch.allclose(spoilt[restart].logits, sound[restart].logits, rtol=0, atol=1e-9)


def test_restarts_leave_when_recovered_and_measures_agree_with_their_programs():
    restarts = tuned(list(range(12)), updates=120)
    recovered = [one for one in restarts.values() if one.status == "recovered"]
    assert len(recovered) >= 10
    texts = [program_text(one.logits, TASK)[0] for one in recovered]
    measures = measure(torch.stack([one.logits for one in recovered]), texts, TASK, UNSEEN, load("eager", threads=1))
    for one, text, judged in zip(recovered, texts, measures, strict=True):
        assert one.updates < 120 and one.recovered_at == one.updates - 9  # held for 10 updates
        assert len(one.curve) == one.updates + 1 and one.curve[-1] == one.loss < one.curve[0]
        assert judged.hard == hard([text], UNSEEN.test, TASK)[0]
    assert all(one.updates == 120 for one in restarts.values() if one.status == "exhausted")


def test_hard_recovery_reads_the_text():
    loop = "loop: read 1 2; {} 2 2; write 1 2; inc 1 1; jump 3 loop"
    assert hard([loop.format("inc"), loop.format("dec")], UNSEEN.test, TASK) == [True, False]


@given(st.data())
def test_hard_is_what_the_interpreter_says(data):
    """Programs of different lengths are judged on the words that one of them leaves."""
    base, registers, lines = TASK.sizes
    several = [data.draw(programs(base, registers, count)) for count in (lines, 2, lines, 1)]
    starts = data.draw(st.lists(states(base, registers), min_size=1, max_size=3))
    ends = [[interpreter.run(one, *start, base=base, steps=TASK.steps) for start in starts] for one in several]
    chosen = data.draw(st.sampled_from(ends))
    rows = [(*start, end.memory, end.registers) for start, end in zip(starts, chosen, strict=True)]
    examples = Examples(*map(np.array, zip(*rows, strict=True)))
    checked = [[[end.memory[cell] for cell in TASK.checked_memory] for end in of_one] for of_one in [chosen, *ends]]
    texts = [format_program(one, one_line=True) for one in several]
    assert hard(texts, examples, TASK) == [left == checked[0] for left in checked[1:]]


def test_all_final_registers_are_supervised_when_asked_for():
    examples = [training_examples(TASK, UNSEEN, 0, 0, 8)]
    plain, every = (to_batch(examples, TASK, torch.float64, torch.device("cpu"), asked) for asked in (False, True))
    assert plain.supervised is plain.targets and every.targets.register_indices == []
    assert every.supervised.register_indices == list(range(TASK.sizes.registers))
    logits = compile_program(
        None, TASK.sizes, TASK.machine, gamma=1.0, epsilon=1e-6, seed=0, restarts=[0], dtype=torch.float64
    )
    run = load("eager", threads=1)(logits, every.start, TASK.sizes, TASK.machine, TASK.steps)
    both = losses(run, every.supervised, ObjectiveConfig())
    registers = cross_entropy(run.registers, torch.from_numpy(examples[0].final_registers)[None])
    assert torch.allclose(both, losses(run, plain.supervised, ObjectiveConfig()) + registers) and registers > 0


def test_success_that_holds_when_updates_run_out_counts():
    restarts = tuned(list(range(6)), updates=28, hold=20)
    late = [one for one in restarts.values() if one.status == "recovered"]
    assert late and all(one.updates == 28 and 0 < one.recovered_at <= 28 for one in late)


def test_no_updates_judge_the_initialization():
    (one,) = tuned([5], updates=0).values()
    assert one.updates == 0 and len(one.curve) == 1


@pytest.mark.parametrize("wrong", [{"updates": -1}, {"learning_rate": 0}, {"hold": 0}, {"beta1": 1.0}, {"clip": -1.0}])
def test_optimizer_settings_out_of_range(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        OptimizerConfig(**wrong)

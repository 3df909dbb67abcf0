"""An update as a replayed graph: it equals the plain update while lanes leave and join, and never asks the host."""

from __future__ import annotations

import functools
import gc
import weakref
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from neurocomp.config import ObjectiveConfig, OptimizerConfig
from neurocomp.engine import captured, load
from neurocomp.engine.captured import Captured
from neurocomp.machine.weights import packed_width
from neurocomp.machine_config import READINGS, MachineConfig
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import load_task
from neurocomp.tuning import optimizer
from neurocomp.tuning.lanes import Course, Lanes, _joined, _kept
from neurocomp.tuning.recovery import to_batch
from neurocomp.tuning.update import Replaying, choose, plain
from tests.test_tasks import shipped

EXAMPLES = 3
CONFIG = OptimizerConfig(clip=0.5)
OBJECTIVES = [ObjectiveConfig(), ObjectiveConfig(loss="softmax"), ObjectiveConfig(efficiency=0.1, registers=True)]
# Every reading runs at these sizes: two of jump_target need as many lines as words, and as registers.
TASK = load_task(shipped("map_inc", length=1, base=6, registers=6, lines=6, steps=4), MachineConfig())
UNSEEN = held_out(TASK, 0)
CPU = torch.device("cpu")
READING = st.builds(MachineConfig, **{key: st.sampled_from(choices) for key, choices in READINGS.items()})
# So many lanes join, or those at these places leave.
CHANGES = st.lists(st.one_of(st.integers(1, 3), st.sets(st.integers(0, 5), max_size=4)), max_size=6)
no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here: no graph can be captured")


def lanes(first, count, task=TASK, objective=OBJECTIVES[0], device=CPU, dtype=torch.float64) -> Lanes:
    """Restarts with random weights, as tuning begins them."""
    restarts = range(first, first + count)
    shape = task.sizes.lines, packed_width(task.sizes, task.machine)
    drawn = [torch.randn(shape, generator=torch.Generator().manual_seed(restart)) for restart in restarts]
    examples = [training_examples(TASK, UNSEEN, 0, restart, EXAMPLES) for restart in restarts]
    batch = to_batch(examples, task, dtype, device, objective.registers)
    state = optimizer.init(torch.stack(drawn).to(device, dtype))
    return Lanes([Course(restart) for restart in restarts], state, batch)


def both(objective, task=TASK):
    """The plain update, and the one that is captured, here on any device."""
    engine = load("eager", threads=1)
    return functools.partial(plain, engine, task, objective, CONFIG), Replaying(engine, task, objective, CONFIG)


def agree(found, expected, tolerance=1e-9):
    (state, loss, fits), (expected_state, expected_loss, expected_fits) = found, expected
    for ours, theirs in zip([*state[:3], loss], [*expected_state[:3], expected_loss], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True)
    assert torch.equal(fits, expected_fits) and state.updates == expected_state.updates


def recorded(function, device):
    """Like a graph, each replay writes to the same places, however many lanes are live."""
    places = [part.clone() for part in function()]

    def replay():
        return [place.copy_(part) for place, part in zip(places, function(), strict=True)]

    return replay


def test_what_a_captured_function_holds_stays_where_the_graph_reads_it(monkeypatch):
    """A graph keeps the launches of a function, and nothing of what it holds: an index on the device, say."""
    monkeypatch.setattr(captured, "capture", lambda function, device: lambda: [torch.zeros(1)])
    index = torch.tensor([0])
    alive = weakref.ref(index)
    now = Captured(functools.partial(lambda index, part: [part[index]], index), [torch.ones(1)])
    del index
    gc.collect()
    assert alive() is not None and now(torch.ones(1))[0].tolist() == [0.0]


@settings(max_examples=20)
@given(READING, st.sampled_from(OBJECTIVES), st.integers(1, 4), CHANGES)
def test_it_is_the_plain_update_while_lanes_leave_and_join(reading, objective, at_first, changes):
    task, begun, told = replace(TASK, machine=reading), at_first, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captured, "capture", recorded)
        update, replaying = both(objective, task)
        now = lanes(0, at_first, task, objective)
        for change in [set(), *changes]:
            if isinstance(change, int):
                now, begun = _joined(now, lanes(begun, change, task, objective)), begun + change
            elif staying := [lane for lane in range(len(now.courses)) if lane not in change]:
                now = _kept(now, staying)
            expected, found = update(now.state, now.batch), replaying(now.state, now.batch)
            told.append((found, expected))
            now = now._replace(state=expected.state)
    for found, expected in told:  # at the end, when later replays have written to the places of the earlier ones
        agree(found, expected)


def test_a_fit_is_of_the_rows_that_the_task_checks():
    """With all registers in the loss, wrong ones do not keep a restart from fitting; here none of these is right."""
    objective = OBJECTIVES[2]
    update, replaying = both(objective, replace(TASK, steps=1))
    now = lanes(0, 5, objective=objective)
    start = now.batch.start
    assert not (start.registers.argmax(dim=-1) == now.batch.supervised.registers).all(dim=(1, 2)).any()
    solved = torch.nn.functional.one_hot(now.batch.targets.memory, TASK.sizes.base).to(start.memory)
    memory = start.memory.clone()
    memory[:3, :, now.batch.targets.cells] = solved[:3]
    halted = torch.ones_like(start.halted)  # nothing moves
    batch = now.batch._replace(start=start._replace(memory=memory, halted=halted))
    found = replaying(now.state, batch)
    assert found.fits.tolist() == [True] * 3 + [False] * 2
    agree(found, update(now.state, batch))


def test_lanes_that_are_not_finite_touch_no_other():
    update, replaying = both(OBJECTIVES[0])
    five = lanes(0, 5)
    spoilt = five.state._replace(logits=five.state.logits.index_fill(0, torch.tensor([1, 4]), float("nan")))
    assert replaying(spoilt, five.batch).loss.isnan().tolist() == [False, True, False, False, True]
    two = _kept(five, [3, 2])  # the lanes 1 and 4 of what was captured are dead, and still not finite
    agree(replaying(two.state, two.batch), update(two.state, two.batch))


def test_captured_once_and_again_only_for_more_lanes():
    calls = []

    def function(part):
        calls.append(len(part))
        return [part + 1]

    inputs = [torch.zeros(4, 2)]
    double = Captured(function, inputs)
    inputs[0].fill_(7)  # it has tensors of its own
    assert double(torch.ones(3, 2))[0].tolist() == [[2.0, 2.0]] * 3 and calls == [4]
    assert double.takes([torch.ones(1, 2)]) and double.takes([torch.ones(4, 2)])
    for other in (torch.ones(5, 2), torch.ones(4, 3), torch.ones(4, 2, dtype=torch.float64)):
        assert not double.takes([other])
    _, replaying = both(OBJECTIVES[0])
    held = []
    for count in (3, 2, 3, 4, 1):
        replaying(*lanes(0, count)[1:])
        held.append(replaying.captured)
    assert held[0] is held[1] is held[2] and held[2] is not held[3] and held[3] is held[4]


class Watched(TorchDispatchMode):
    """The operations that PyTorch is asked for, forward and backward."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


# Operations that wait for the device, whose shapes depend on numbers, or that copy from the host.
ASKING = {
    "_local_scalar_dense", "item", "nonzero", "masked_select", "unique", "_unique2", "lift_fresh", "lift_fresh_copy",
    "_to_copy", "copy_", "index", "index_put_", "_index_put_impl_", "equal", "is_nonzero", "repeat_interleave",
}  # fmt: skip


@settings(max_examples=30)
@given(READING, st.sampled_from(OBJECTIVES))
def test_what_is_captured_asks_the_host_for_nothing(reading, objective):
    task, watched = replace(TASK, machine=reading), []

    def watching(function, device):
        function()  # as in a capture: tables are made by a first call
        with Watched() as mode:
            outputs = function()
        watched.append(mode.names)
        return lambda: outputs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captured, "capture", watching)
        _, replaying = both(objective, task)
        replaying(*lanes(0, 2, task, objective)[1:])
    assert len(watched[0]) > 20 and "bmm" in watched[0] and not watched[0] & ASKING


def test_the_plain_update_would_ask():
    """The operations that the test above forbids do occur where lists are indices."""
    update, _ = both(OBJECTIVES[0])
    with Watched() as mode:
        update(*lanes(0, 2)[1:])
    assert mode.names & ASKING


def test_on_the_cpu_the_plain_update_runs(monkeypatch):
    monkeypatch.setattr(captured, "capture", None)  # which would be an error
    chosen = choose("eager", 1, TASK, OBJECTIVES[0], CONFIG)
    three = lanes(0, 3)
    update, _ = both(OBJECTIVES[0])
    found, expected = chosen(three.state, three.batch), update(three.state, three.batch)
    assert torch.equal(found.state.logits, expected.state.logits) and torch.equal(found.loss, expected.loss)


@no_gpu
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_on_cuda_updates_are_replays_and_agree_with_the_plain_ones(monkeypatch, objective, dtype, tolerance):
    replays, replay = [], torch.cuda.CUDAGraph.replay

    def counted(graph):
        replays.append(graph)
        replay(graph)

    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", counted)
    update, chosen = both(objective)[0], choose("eager", 1, TASK, objective, CONFIG)
    now = lanes(0, 6, objective=objective, device=torch.device("cuda"), dtype=dtype)
    for number, staying in enumerate([range(6), range(6), [0, 2, 3, 5], [3, 1]], start=1):
        now = _kept(now, list(staying))
        expected = update(now.state, now.batch)
        agree(chosen(now.state, now.batch), expected, tolerance)
        assert len(replays) == number and len(set(map(id, replays))) == 1
        now = now._replace(state=expected.state)


@no_gpu
@settings(max_examples=20)
@given(READING)
def test_on_cuda_every_reading_is_captured(reading):
    task, cuda = replace(TASK, machine=reading), torch.device("cuda")
    update, replaying = both(OBJECTIVES[0], task)
    now = lanes(0, 4, task, device=cuda)
    agree(replaying(now.state, now.batch), update(now.state, now.batch))
    assert replaying.captured is not None and replaying.captured.replay.__name__ == "replay"


@no_gpu
def test_what_cannot_be_captured_is_launched_and_the_log_says_so(caplog):
    asking = Captured(lambda part: [part + part.max().item()], [torch.ones(3, 1, device="cuda")])
    assert "no CUDA graph" in caplog.text
    assert asking(torch.full((2, 1), 2.0, device="cuda"))[0].tolist() == [[4.0], [4.0]]
    torch.ones(2, device="cuda").sum().item()  # and the device goes on

"""`neurocomp bench`: its lines and columns, its count of operations, and engines that say why they cannot run."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from types import SimpleNamespace

import pytest
import torch

from neurocomp.bench import measure, one_update
from neurocomp.bench.one_update import plan_for, prepare, thread_settings
from neurocomp.cli.bench import _config
from neurocomp.engine import load
from neurocomp.machine.run import run
from neurocomp.machine.state import State
from neurocomp.plan import start
from neurocomp.tasks.examples import held_out
from neurocomp.tuning import optimizer
from neurocomp.tuning.objective import losses
from neurocomp.tuning.update import Updated

SMALL = ("restarts=3", "examples=2", "task.steps=4", "threads=1")
JAX = importlib.util.find_spec("jax") is not None


@pytest.fixture
def no_memory(monkeypatch):
    """Without the processes that measure memory, which take seconds."""
    monkeypatch.setattr(measure, "peak_memory", lambda config, engine, threads: (2.0, 1.0))


def test_json_has_one_object_a_line_for_each_engine(command, no_memory):
    code, out, _ = command("bench", *SMALL, "--engines", "eager,fused", "--rounds", 1, "--json")
    eager, fused = (json.loads(line) for line in out.splitlines())
    assert code == 0 and (eager["engine"], fused["engine"]) == ("eager", "fused")
    assert (eager["restarts"], eager["examples"], eager["steps"], eager["threads"]) == (3, 2, 4, 1)
    assert eager["restart_updates_per_s"] == pytest.approx(3e3 / eager["ms_per_update"], rel=1e-2)
    assert eager["ratio"] == pytest.approx(eager["ms_per_update"] / eager["ms_one_restart"], rel=1e-2, abs=0.006)
    assert fused["gflops"] > 0 and eager["peak_memory_mb"] == 2
    assert eager["ms_low"] <= eager["ms_per_update"] <= eager["ms_high"]


def test_an_engine_alternates_with_itself_on_other_threads(command, no_memory, monkeypatch):
    turns, take_turns = [], measure.take_turns

    def watched(calls, rounds):
        turns.append(len(calls))
        return take_turns(calls, rounds)

    monkeypatch.setattr(measure, "take_turns", watched)
    overrides = [override for override in SMALL if not override.startswith("threads")]
    arguments = ("bench", *overrides, "--engines", "fused", "--threads", "1,2,1", "--rounds", 1)
    lines = [json.loads(line) for line in command(*arguments, "--json").out.splitlines()]
    assert [(line["engine"], line["threads"]) for line in lines] == [("fused", 1), ("fused", 2)]
    assert turns == [6]  # all in one go: of both an update of all restarts, one of one, and a matrix product
    assert "\nfused: 2 threads are " in command(*arguments).out


def test_gains_are_against_the_fewest_threads_turn_by_turn():
    """The machine is ten times slower in the second round and a hundred times in the third."""
    entered = [measure.Entrant(*line, *[None] * 2) for line in [("eager", 4), ("eager", 1), ("jax", 4), ("eager", 2)]]
    seconds = {("all", 0): 2.5, ("all", 1): 6.0, ("all", 2): 9.0, ("all", 3): 4.0} | {
        ("matmul", number): seconds for number, seconds in enumerate([1.0, 3.0, 1.0, 1.5])
    }
    turns = {key: [[value * slower] * 2 for slower in (1, 10, 100)] for key, value in seconds.items()}
    assert measure.gains(entered, turns) == [("eager", 2, 1, 1.5, 2.0), ("eager", 4, 1, 2.4, 3.0)]


def test_numbers_of_threads_that_are_tried():
    plan, cores = plan_for(_config(["task=fib"]), "eager"), os.cpu_count() or 1
    assert thread_settings(plan, "fused") == sorted({1, cores})
    assert thread_settings(plan, "fused", [3, 1, 3]) == [3, 1]
    assert thread_settings(plan, "jax", [3, 1]) == [cores]


def test_turns_last_alike_and_do_not_time_what_comes_first(monkeypatch):
    """Only the calls move this clock: each takes eight times as long right after the other one."""
    now, called = [0], []

    def call(name, seconds):
        def run():
            cold = not called or called[-1] != name
            called.append(name)
            now[0] += seconds * (8 if cold else 1)

        return run

    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(measure, "UNTIMED", 10)
    monkeypatch.setattr(measure, "TIMED", 20)
    times = measure.alternate({"quick": call("quick", 1), "slow": call("slow", 16)}, rounds=2)
    assert times == {"quick": (1, 1, 1), "slow": (16, 16, 16)}
    quick, slow = ["quick"] * (3 + 20), ["slow"] * (1 + 3)  # 8 + 1 + 1 seconds untimed, and 128
    assert called == ["quick", "slow"] + 2 * (quick + slow)


def test_rows_are_appended_with_the_machine_and_the_day(command, no_memory, tmp_path):
    for _ in range(2):
        assert command("bench", *SMALL, "--engines", "fused", "--rounds", 1, "--out", tmp_path / "new").code == 0
    with (tmp_path / "new" / "updates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and all("cores" in row["machine"] and row["date"] and row["commit"] for row in rows)


def test_peak_memory_is_that_of_a_process_of_its_own():
    ballast = torch.ones(200_000_000)  # 800 MB, which must not count for a child
    peak, before = measure.peak_memory(_config([*SMALL]), "eager", 1)
    assert ballast.sum() > 0 and 50 < before <= peak < 800


def test_default_shape_and_task_of_ones_own():
    task = plan_for(_config([]), "eager").task
    assert (task.sizes, task.steps) == ((6, 6, 6), 15)
    assert plan_for(_config(["task.registers=7"]), "eager").task.sizes.registers == 7
    assert plan_for(_config(["task=fib"]), "eager").task.name == "fib"


def test_operations_counted_by_hand():
    """b=2, R=1, L=1, program `zero 0` (W = 13 + 3 + 1 = 17; eight opcodes compute a word from words)."""
    small = ["task.base=2", "task.registers=1", "task.lines=1", "task.length=1", "task.program='zero 0'"]
    plan = plan_for(_config(small), "eager")
    fetch, softmax, operands = 2 * 17, 4 * 17, 2 * 2 * 2
    compute, read = 4 + 8 * 4 + 2 * 8 * 2, 2 * 4 + 3 * 2
    registers, memory, counter, halted = 3 + 6, 6 + 12, 3 + 6, 3
    by_hand = fetch + softmax + operands + compute + read + registers + memory + counter + halted
    assert measure.flops(plan) == by_hand


@pytest.mark.parametrize("engine, update", [("eager", "update"), ("fused", "compiled_update")])
def test_update_is_that_of_all_restarts_in_chunks(engine, update, monkeypatch):
    updated = []
    monkeypatch.setattr(optimizer, update, lambda state, gradient, config: updated.append(len(gradient)))
    prepare(plan_for(_config([*SMALL, "chunk=2"]), engine), engine, 1, 5)()
    assert updated == [2, 2, 1]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--engines", "fussed"], 'expected one of eager, fused, jax; did you mean "fused"?'),
        (["task.bas=3"], "task.bas"),
        (["--rounds", "0"], "--rounds"),
        (["restarts=0"], "restarts"),
        (["--threads", "1,0"], "expected numbers from 1, by commas, such as 1,2"),
        (["--threads", ""], "--threads"),
        (["--threads", "1,2", "threads=2"], "not both"),
        (["--threads", "1,2", "--scaling"], "--threads"),
    ],
)
def test_bench_says_what_is_wrong(command, arguments, complaint):
    code, out, err = command("bench", *arguments)
    assert code == 2 and not out and complaint in err


def test_engine_jax_without_jax_names_the_extra(command, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = command("bench", *SMALL, "--engines", "jax")
    assert code == 2 and "neurocomp[jax]" in err


@pytest.mark.skipif(not JAX, reason="JAX is not installed (pip install 'neurocomp[jax]')")
def test_engine_jax_names_the_reading_in_the_way(command):
    code, _, err = command("bench", "machine.halting=printed", "precision=float64", "--engines", "jax")
    assert code == 2 and "machine.halting" in err and "precision" in err


@pytest.mark.skipif(not JAX, reason="JAX is not installed (pip install 'neurocomp[jax]')")
@pytest.mark.parametrize("extra", [[], ["objective.efficiency=0.1", "objective.registers=true", "optimizer.clip=0.5"]])
def test_jax_peer_agrees_with_the_plain_machine(extra):
    from neurocomp.bench.jax_peer import JaxPeer

    shape = ["task.base=5", "task.registers=6", "task.lines=7", "restarts=3", "examples=4"]
    plan = plan_for(_config([*shape, *extra]), "jax")
    config, task = plan.config, plan.task
    logits, batch = start(plan, held_out(task, 0), range(3))
    peer = JaxPeer(logits, batch, task, config.objective, config.optimizer)
    weights = logits.clone().requires_grad_()
    loss = losses(run(weights, batch.start, task.sizes, task.machine, task.steps), batch.supervised, config.objective)
    (gradient,) = torch.autograd.grad(loss.sum(), weights)
    peer_loss, peer_gradient = peer.losses_and_gradient()
    torch.testing.assert_close(peer_loss, loss.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(peer_gradient, gradient, rtol=0, atol=1e-4 * float(gradient.abs().max()))
    peer.update()
    after = optimizer.update(optimizer.init(logits), gradient, config.optimizer)
    difference = (torch.tensor(peer.state[0].tolist()) - after.logits).abs()
    # A first update of Adam goes by the sign of the gradient, which rounding decides where it is nearly zero.
    assert difference[gradient.abs() > 1e-3 * gradient.abs().max()].max() < 1e-3


def test_scaling_grows_one_size_at_a_time(command, monkeypatch, tmp_path):
    from neurocomp.bench import scaling

    axes = {size: axis._replace(factors=(1, 2)) for size, axis in scaling.AXES.items()}
    monkeypatch.setattr(scaling, "AXES", axes)
    arguments = ("bench", *SMALL, "--scaling", "--engines", "fused", "--rounds", 1)
    code, out, _ = command(*arguments)
    rows = list(csv.DictReader(out.splitlines()))
    sizes = {"restarts": 3, "examples": 2, "steps": 4, "base": 6, "registers": 6, "lines": 6}
    assert code == 0
    assert [(row["size"], int(row["value"])) for row in rows] == [
        (size, value * factor) for size, value in [(key, sizes[key]) for key in axes] for factor in (1, 2)
    ]
    assert all(
        int(row[key]) == (int(row["value"]) if row["size"] == key else sizes[key]) for row in rows for key in sizes
    )
    assert command(*arguments, "--out", tmp_path / "new").code == 0
    assert (tmp_path / "new" / "scaling.csv").exists()
    assert (tmp_path / "new" / "scaling.svg").exists() == scaling.can_plot()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_eager_machine_agrees_on_cuda():
    plan = plan_for(_config(["restarts=3", "examples=4", "precision=float64"]), "eager")
    task = plan.task
    logits, batch = start(plan, held_out(task, 0), range(3))
    found = []
    for device in ("cpu", "cuda"):
        weights = logits.to(device).requires_grad_()
        state = State(*(part.to(device) for part in batch.start))
        ended = load("eager", 1)(weights, state, task.sizes, task.machine, task.steps)
        (gradient,) = torch.autograd.grad(ended.memory.square().sum() + ended.halted.sum(), weights)
        found.append([ended.memory.cpu(), ended.registers.cpu(), ended.halted.cpu(), gradient.cpu()])
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-9)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_bench_on_cuda(command):
    code, out, _ = command("bench", *SMALL, "device=cuda", "--rounds", 1, "--json")
    (line,) = map(json.loads, out.splitlines())
    assert code == 0 and line["engine"] == "eager" and line["device"] == "cuda" and line["peak_memory_mb"] > 0


@pytest.mark.parametrize("engine, asked, used", [("eager", 1, 1), ("eager", 2, 2), ("fused", 2, 1)])
def test_updates_are_timed_on_the_threads_that_were_asked_for(monkeypatch, engine, asked, used):
    """PyTorch's own: the fused engine brings its threads along."""
    seen, before = [], torch.get_num_threads()

    def noted(*_):
        def update(state, batch):
            seen.append(torch.get_num_threads())
            return Updated(state, torch.zeros(1), torch.zeros(1, dtype=torch.bool))

        return update

    monkeypatch.setattr(one_update, "choose", noted)
    plan = plan_for(_config(["task=inc", *SMALL]), engine)
    prepare(plan, engine, asked, 1)()
    assert seen == [used] and torch.get_num_threads() == before


def test_synthesis_is_timed_beside_its_readable_enumeration(command):
    """Both make the same programs, so as many behave differently; and all candidates are a line of their own."""
    shape = ("task=map_inc", "task.lines=6", "examples=4", "synthesis.candidates=900")
    code, out, _ = command("bench", "--synthesis", *shape, "--rounds", 1, "--json")
    readable, compiled = (json.loads(line) for line in out.splitlines())
    assert code == 0 and (readable["enumeration"], compiled["enumeration"]) == ("readable", "compiled")
    assert readable["programs"] == compiled["programs"] == 900 and readable["distinct"] == compiled["distinct"] > 100
    assert min(readable["programs_per_s"], compiled["making_us"], compiled["trying_us"]) > 0


def test_synthesis_has_no_engines(command):
    code, _, err = command("bench", "--synthesis", "task=map_inc", "--engines", "fused")
    assert (code, err) == (2, "neurocomp: --engines fused: --synthesis times all searches, and no engine\n")

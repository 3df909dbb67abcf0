"""Sizes are refused before anything is allocated or begun: the exact lines, estimates beside measured memory."""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.cli.compose import compose_cells, configure
from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.language import isa
from neurocomp.limits import estimates, network_estimates
from neurocomp.limits.checking import check, duration, gigabytes, power
from neurocomp.plan import make_plan
from neurocomp.tasks.examples import held_out
from neurocomp.tasks.task import load_task
from tests.jobs import job_of

ITEM = {"engine": "fused", "threads": 2, "itemsize": 4, "on_gpu": False}
CELL = functools.partial(estimates.cell, method="tune", synthesized=False, **ITEM)
SIZES = dict(
    base=6, registers=5, lines=5, steps=15, examples=16, restarts=100, chunk=100, updates=1000, programs=1000,
    candidates=200_000, seconds=60, general_base=9, general_registers=5, general_steps=25,
)  # fmt: skip
MEMORIZED = dict(
    programs=16, length=256, lines=256, memory=256, registers=6, runs=8, steps=256, restarts=5, hidden=256,
    intermediate=1024, layers=4, heads=4, vocabulary=0, tokens=2, batch=0, updates=20_000,
)  # fmt: skip

# What is asked for -> how the line begins, and what lifts it.
REFUSED = {
    "run task=inc task.steps=1000000000": ("task.steps=1000000000: ", "fewer steps, or limits.memory_gb="),
    "run task=inc task.steps=1000000000 method=random_search": ("task.steps=1000000000: ", "or limits.work="),
    "run task=inc task.steps=1000000000 method=enumerate restarts=1": ("task.steps=1000000000: ", "or limits.work="),
    "run task=inc task.base=1000000": ("task.base=1000000: ", "a smaller base, or limits.memory_gb="),
    "run task=inc task.base=10*10 task.lines=1000000000": ("task.base=10*10: expected a whole number", ""),
    "run task=inc task.lines=1000000000": ("task.lines=1000000000: ", "fewer lines, or limits.memory_gb="),
    "run task=inc task.registers=10000000": ("task.registers=10000000: ", "fewer registers, or limits.memory_gb="),
    "run task=inc task.general={base:1000000}": ("task.general.base=1000000: ", "a smaller base, or limits.memory_gb="),
    "run task=map_inc task.general={length:9,base:1000000}": ("task.general.base=1000000: ", "limits.memory_gb="),
    "run task=inc restarts=100000000": ("restarts=100000000: ", "fewer restarts, or limits.memory_gb="),
    "run task=inc restarts=100000000 method=synthesize": ("restarts=100000000: ", "or limits.memory_gb="),
    "run task=inc examples=10000000": ("examples=10000000: ", "fewer examples, or limits.memory_gb="),
    "run task=inc optimizer.updates=1000000000": ("optimizer.updates=1000000000: ", "fewer updates, or limits."),
    "run task=inc method=local_search search.budget=1e9": ("search.budget=1e+09: ", "a smaller budget, or limits."),
    "run task=inc method=learner learner.hidden=1000000": ("learner.hidden=1000000: ", "a smaller hidden, or limits."),
    "run task=inc method=learner learner=dnc learner.slots=100000": (
        "learner.slots=100000: ",
        "fewer slots, or limits.",
    ),
    "run task=inc method=learner learner.updates=1000000000000": ("learner.updates=1000000000000: ", "fewer updates, "),
    "run task=inc method=annealing annealing.programs=1000000000000": (
        "annealing.programs=1000000000000: ",
        "fewer programs, or limits.work=",
    ),
    "run task=inc method=annealing annealing.programs=1000000000000 limit=1e6": (
        "annealing.programs=1000000000000: ",
        "fewer programs, or limits.work=1.1e+17",
    ),
    "run task=inc method=annealing task.steps=1000000000": ("task.steps=1000000000: ", "or limits.work="),
    "run task=inc method=annealing examples=10000000": ("examples=10000000: ", "fewer examples, or limits.memory_gb="),
    "run task=inc method=enumerate task.registers=300": ("task.registers=300: ", "or limits.memory_gb="),
    "run task=inc init=synth synthesis.candidates=1000000000 synthesis.seconds=1e7": (
        "synthesis.candidates=1000000000: ",
        "fewer candidates, or limits.memory_gb=",
    ),
    "run experiment=memorization programs=1000000000": ("programs=1000000000: ", "fewer programs, or limits."),
    "run experiment=memorization programs=1 network.layers=1000000": ("network.layers=1000000: ", "fewer layers"),
    "run experiment=memorization programs=1 network.hidden=1000000": ("network.hidden=1000000: ", "a smaller hidden"),
    "run experiment=memorization programs=1 memory=1000000000": ("memory=1000000000: ", "or limits.memory_gb="),
    "run experiment=memorization programs=1 execution.steps=1000000000": (
        "execution.steps=1000000000: ",
        "fewer steps",
    ),  # noqa: E501
    "run experiment=memorization programs=1 network.name=theorem1 memory=1000000": ("memory=1000000: ", "a smaller"),
    "synth task=reduce task.steps=1000000000": ("task.steps=1000000000: ", "or limits.work="),
    "synth task=reduce task.base=1000000": ("task.base=1000000: ", "or limits.memory_gb="),
    "bench restarts=10000000": ("restarts=10000000: ", "or limits.memory_gb="),
    "bench --rounds 10000000": ("--rounds=10000000: ", "fewer rounds, or limits."),
    "exec map_inc --registers 300000000": ("--registers=300000000: ", "fewer registers, or --memory-gb="),
    "exec map_inc --lines 300000000": ("--lines=300000000: ", "fewer lines, or --memory-gb="),
    "exec map_inc --base 100000000000": ("--base=100000000000: ", "a smaller base, or --memory-gb="),
    "exec map_inc --base 10000 --machine soft": ("--base=10000: ", "a smaller base, or --memory-gb="),
    "exec map_inc --steps 100000000000": ("--steps=100000000000: ", "fewer steps, or --work="),
    "subleq exec add --size 100000000000": ("--size=100000000000: ", "a smaller size, or --memory-gb="),
    "subleq exec add --steps 1000000000000": ("--steps=1000000000000: ", "fewer steps, or --work="),
    "compile map_inc --lines 1000000 --out w": ("--lines=1000000: ", "fewer lines, or --memory-gb="),
    "compile map_inc --registers 100000000 --out w": ("--registers=100000000: ", "or --memory-gb="),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_takes_too_much_is_refused_in_one_line(command, tmp_path, line):
    answer = command(*line.split())
    begins, lifted = REFUSED[line]
    assert answer.code == 2 and answer.out == "" and answer.err.count("\n") == 1
    assert answer.err.startswith(f"neurocomp: {begins}") and lifted in answer.err, answer.err
    assert not list(tmp_path.iterdir())


def test_the_line_says_the_size_the_estimate_the_limit_and_what_lifts_it(command):
    fixed = "neurocomp: --size=100000000000: would take about 4,000 GB of memory, more than --memory-gb=8; "
    assert command("subleq", "exec", "add", "--size", 10**11).err == fixed + "a smaller size, or --memory-gb=4200\n"
    long = "neurocomp: --steps=1000000000000: would take about 1.1e+14 operations (27 hours of one core), more than "
    end = "--work=1e+13; fewer steps, or --work=1.1e+14\n"
    assert command("subleq", "exec", "add", "--steps", 10**12).err == long + end
    budget = "neurocomp: search.budget=1e+06: 1000000000 programs a restart; method=enumerate keeps at most 10,000,000 "
    rest = "apart, expected a budget <= 10000, or method=random_search\n"
    assert command("run", "task=inc", "method=enumerate", "search.budget=1e6").err == budget + rest


@pytest.mark.parametrize("expression", ["9*" * 400 + "9", "9" * 900 + "*9", str(2**63), "-" + "9" * 30])
def test_a_number_beyond_int64_is_refused_where_it_stands(command, expression):
    answer = command("run", "task=inc", f"task.steps='{expression}'")
    assert answer.code == 2 and answer.err.startswith("neurocomp: task.steps: ") and answer.err.count("\n") == 1
    assert "is beyond 2^63, expected a smaller number" in answer.err


def test_an_expression_of_many_characters_is_not_evaluated(command):
    answer = command("run", "task=inc", f"task.steps='{'1+' * 5000}1'")
    assert answer.err == "neurocomp: task.steps: an expression of 10,001 characters; expected at most 1,000\n"


def test_a_limit_is_lifted_on_the_command_line_and_never_by_a_file(command, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "greedy.yaml").write_text("# @package _global_\nlimits: {memory_gb: 100}\n")
    (tmp_path / "experiment" / "sweep.yaml").write_text(
        "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {limits.work: '1e20'}}}\n"
    )
    for name, key in (
        ("greedy", "limits: an experiment sets keys of the run; limits is given on the command line"),
        ("sweep", "hydra.sweeper.params.limits.work: expected a key of the run, such as gamma"),
    ):
        answer = command("run", "--config-dir", tmp_path, "task=inc", f"experiment={name}")
        expected = f"neurocomp: {tmp_path}/experiment/{name}.yaml: {key}\n"
        assert (answer.code, answer.err) == (2, expected)
    cell = configure(["task=inc", "limits.work=1e20", "limits.memory_gb=100"])
    assert cell.limits == LimitsConfig(100, 1e20)
    refused = command("run", "task=inc", "limits.memory_gb=0.001")
    assert refused.code == 2 and "more than limits.memory_gb=0.001" in refused.err
    assert "limits.work=-1.0: expected a number > 0" in command("run", "task=inc", "limits.work=-1").err
    assert "--work=0.0: expected a number > 0" in command("exec", "map_inc", "--work=0").err


def test_one_restart_alone_takes_no_more_than_itself():
    many = ["task=inc", "restarts=1000000000"]
    with pytest.raises(UserError, match="^restarts=1000000000: would take"):
        make_plan(configure(many))
    make_plan(configure([*many, "only=7"]))


def test_a_cell_that_is_done_takes_nothing(command):
    given = ("run", "task=inc", "init=inc", "gamma=0.01", "optimizer.updates=3", "engine=eager")
    assert command(*given, "restarts=3").code == 0
    assert command(*given, "restarts=3", "limits.work=5e6").code == 0
    for more in ("restarts=4", "only=1"):
        answer = command(*given, more, "limits.work=5e6")
        assert answer.code == 2 and "limits.work" in answer.err and not answer.out


def test_a_limit_is_no_part_of_what_a_cell_is():
    for cell in (["task=inc"], ["experiment=memorization", "programs=1"]):
        jobs = [job_of(configure([*cell, *more])) for more in ([], ["limits.work=2e14", "limits.memory_gb=9"])]
        assert len({job.path for job in jobs}) == 1 and "limits" not in jobs[1].configuration()


@pytest.mark.parametrize("name", [
    "table1", "synthesis", "both", "baselines", "equal_seconds", "gamma", "learning", "transfer", "annealing",
    "defaults", "programs",
    "table1_paper", "table1_paper_first", "table1_paper_one_size", "table1_paper_skeleton",
    "table1_paper_searched", "memorization",
    "real_programs", "soft_programs_generated",
])  # fmt: skip
def test_shipped_experiments_stay_far_below_the_limits(name):
    arguments = argparse.Namespace(overrides=[f"experiment={name}"], config_dir=None, multirun=False)
    cells = compose_cells(arguments)
    for cell in [cells[0], *cells[1:][-1:]]:
        usual = cell.config.limits
        cell.config.limits = LimitsConfig(usual.memory_gb / 8, usual.work / 8)
        assert job_of(cell.config).path


# --- estimates


def test_the_sizes_of_the_instruction_set_are_those_of_isa():
    assert estimates.OPCODES == len(isa.OPCODES) and estimates.COMPUTING == len(isa.OPCODES[isa.COMPUTING])


@given(st.sampled_from(sorted(SIZES)), st.integers(1, 10**12), st.sampled_from(("eager", "fused")),
       st.sampled_from(("tune", "synthesize", "random_search", "local_search", "enumerate", "annealing")))  # fmt: skip
def test_a_larger_size_never_needs_less(key, more, engine, method):
    cell = functools.partial(CELL, engine=engine, method=method, judges_complexity=True)
    small, large = cell(**SIZES), cell(**SIZES | {key: SIZES[key] + more})
    assert large.memory >= small.memory and large.work >= small.work


@given(st.sampled_from(sorted(MEMORIZED)), st.integers(1, 10**12), st.booleans(), st.booleans())
def test_a_larger_memorizer_never_needs_less(key, more, assembly, by_theorem1):
    cell = functools.partial(network_estimates.memorization, assembly=assembly, by_theorem1=by_theorem1, on_gpu=False)
    sizes = MEMORIZED | {"batch": 100, "vocabulary": 10}
    small, large = cell(**sizes), cell(**sizes | {key: sizes[key] + more})
    assert large.memory >= small.memory and large.work >= small.work


@pytest.mark.parametrize("base", [200, 2000])
def test_held_out_examples_take_what_is_estimated(base):
    config = configure(["task=map_inc", f"task.base={base}", "task.general=null"])
    task = load_task(config.task, config.machine)
    tracemalloc.start()
    unseen = held_out(task, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(unseen.test.memory) == 256
    assert 1 / 3 < estimates.examples(base, 5, 15, 320).memory / peak < 3


@pytest.mark.parametrize("base", [50, 150])
def test_the_executors_table_takes_what_is_estimated(base):
    from neurocomp.language.executor import meaning

    tracemalloc.start()
    meaning(base, "dividend")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 1 / 3 < estimates.results_of_opcodes(base).memory / peak < 3


MEASURE = """
import sys
from neurocomp.bench.memory import held_at_most
from neurocomp.bench.one_update import prepare
from neurocomp.cli.compose import configure
from neurocomp.plan import make_plan
from tests.jobs import job_of
plan = make_plan(configure(["task=map_inc", "engine=eager", "threads=1", *sys.argv[1:]]))
prepare(make_plan(configure(["task=map_inc", "engine=eager"])), "eager", 1, 1)()
before = held_at_most(plan.device)
prepare(plan, "eager", 1, 100)()
print(held_at_most(plan.device) - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("sizes", [{"steps": 150}, {"base": 30, "steps": 15}, {"lines": 60, "registers": 20}])
def test_an_eager_update_takes_what_is_estimated(sizes):
    overrides = [f"task.{key}={value}" for key, value in sizes.items()]
    done = subprocess.run([sys.executable, "-c", MEASURE, *overrides], capture_output=True, text=True, check=True)
    machine = dict(base=6, registers=5, lines=5, steps=15) | sizes
    eager = ITEM | {"engine": "eager"}
    estimated = estimates.tuning(**machine, **eager, examples=16, chunk=100, restarts=100, updates=1)
    assert 1 / 3 < estimated.memory / (float(done.stdout) * 1e6) < 3


SPREAD = """
import sys, torch
from neurocomp.bench.memory import held_at_most
from neurocomp.cli.compose import configure
from neurocomp.language.assembly import Program, NOOP
from neurocomp.plan import make_plan, start
from neurocomp.tasks.examples import held_out
from neurocomp.tuning.spread import spread
def judge(*given):
    plan = make_plan(configure(["task=map_inc", "threads=1", *given]))
    unseen = held_out(plan.task, 0)
    logits, _ = start(plan, unseen, range(16))
    return lambda: spread(logits, [Program((NOOP,) * plan.task.sizes.lines)] * 16, unseen.test, plan.task)
judge()()
large = judge(*sys.argv[1:])
before = held_at_most(torch.device("cpu"))
large()
print(held_at_most(torch.device("cpu")) - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("sizes", [{"base": 40}, {"base": 70}, {"lines": 300, "registers": 100}])
def test_judging_complexity_takes_what_is_estimated(sizes):
    overrides = [f"task.{key}={value}" for key, value in sizes.items()]
    done = subprocess.run([sys.executable, "-c", SPREAD, *overrides], capture_output=True, text=True, check=True)
    machine = dict(base=6, registers=5, lines=5, steps=15) | sizes
    assert 1 / 3 < estimates.complexity(**machine, restarts=16).memory / (float(done.stdout) * 1e6) < 3


@pytest.mark.parametrize("sizes", [(64, 128, 2), (32, 64, 3)])
def test_a_network_has_as_many_numbers_as_is_estimated(sizes):
    pytest.importorskip("transformers")
    from neurocomp.memorizer.config import NetworkConfig
    from neurocomp.memorizer.network import Bert

    hidden, intermediate, layers = sizes
    network = Bert(NetworkConfig("bert", hidden, intermediate, layers, 2), 300, 2, 77)
    numbers = sum(parameter.numel() for parameter in network.parameters())
    assert abs(network_estimates.parameters(hidden, intermediate, layers, 300, 2, 77) / numbers - 1) < 0.02


# --- the door


def test_the_size_to_blame_is_the_one_that_takes_most_off():
    def area(width: int, height: int) -> estimates.Need:
        return estimates.Need(10**9 * width * height, 0)

    with pytest.raises(
        UserError,
        match="^height=900: would take about 9,000 GB of memory, more than limits.memory_gb=8; "  # noqa: E501
        "a smaller height, or limits.memory_gb=9500$",
    ):
        check(LimitsConfig(), area, {"width": "width", "height": "height"}, width=10, height=900)
    check(LimitsConfig(), area, {"width": "width", "height": "height"}, width=2, height=4)


def test_numbers_in_messages_are_rounded_up_and_short_at_any_size():
    assert [power(number) for number in (0, 7, 95, 12_345, 120_001, 10**15, 999, 10**400)] == [
        "0e+0", "7e+0", "9.5e+1", "1.3e+4", "1.3e+5", "1.0e+15", "1.0e+3", "1.0e+400"
    ]  # fmt: skip
    sizes = (1, 8 * 10**9, 8_190 * 10**9, 10**30)
    assert [gigabytes(memory) for memory in sizes] == ["0.1", "8.0", "8,200", "1.0e+21"]
    assert [duration(seconds * 10**9) for seconds in (5, 300, 86_400 * 3)] == ["5 seconds", "5 minutes", "3 days"]

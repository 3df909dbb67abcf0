"""`limit=`: every searching method ends a restart after so many seconds of a core, and says so in its row."""

from __future__ import annotations

import gc
import itertools
import time
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurocomp.config import AnnealingConfig, OptimizerConfig, RunConfig, SearchConfig, SynthesisConfig
from neurocomp.language.executor import encode
from neurocomp.machine_config import MachineConfig
from neurocomp.methods import near_misses
from neurocomp.pipeline import run_cell
from neurocomp.search.by_length import enumerate_programs
from neurocomp.search.judge import Judge, first_right
from neurocomp.search.local_search import local_search
from neurocomp.search.random_search import random_search
from neurocomp.synthesis import synthesizer
from neurocomp.synthesis.readable import Space
from neurocomp.synthesis.synthesizer import synthesize
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import Task, load_task
from tests.jobs import cell_path, job_of
from tests.test_limits import CELL, SIZES
from tests.test_pipeline import facts
from tests.test_tasks import shipped
from tests.test_update_claims import Script

METHODS = ["tune", "synthesize", "random_search", "local_search", "enumerate", "annealing"]
AT_ONCE = 1e-9  # seconds: over with the first look at the clock
HOURS = 1e6
MILLION = 1_000_000


def config(folder: Path, **changes) -> RunConfig:
    """Budgets that would take hours, on a task that nothing solves at once."""
    fields = dict(
        task=shipped("reduce"), restarts=3, limit=AT_ONCE, threads=1, results=str(folder),
        optimizer=OptimizerConfig(updates=MILLION), search=SearchConfig(10.0),
        annealing=AnnealingConfig(programs=10**9), synthesis=SynthesisConfig(candidates=MILLION),
    )  # fmt: skip
    return RunConfig(**(fields | changes))


def small(folder: Path, **changes) -> RunConfig:
    """Budgets and a task with which some restarts find a program, and some do not."""
    fields = dict(
        task=shipped("map_inc", length=1), examples=4, restarts=6, init="map_inc",
        optimizer=OptimizerConfig(updates=40, hold=3), search=SearchConfig(40.0),
        annealing=AnnealingConfig(programs=None), synthesis=SynthesisConfig(candidates=5000),
    )  # fmt: skip
    return config(folder, **(fields | changes))


def run(given: RunConfig):
    return run_cell(given, progress=False)


def ticking(seconds: float):
    """A clock that every look moves on by so many seconds."""
    ticks = itertools.count()
    return lambda: seconds * next(ticks)


@pytest.mark.parametrize("method", METHODS)
def test_a_restart_that_its_limit_ends_says_so_and_has_recovered_nothing(tmp_path, method):
    cell = run(config(tmp_path, method=method))
    assert set(cell.rows["status"]) == {"limit"} and (cell.n, cell.limited) == (3, 3)
    assert [cell.recovered(measure) for measure in ("soft", "hard", "general")] == [0, 0, 0]
    assert (cell.rows["executions"] < 16 * MILLION).all() and (cell.rows["updates"] < 10).all()
    assert (cell.rows["cpu_s"] >= 0).all() and cell.rows["recovered_at"].isna().all()


@pytest.mark.parametrize("method", METHODS)
def test_a_limit_that_ends_nothing_changes_no_row(tmp_path, method):
    plain, limited = (run(small(tmp_path, method=method, limit=limit)).path for limit in (None, HOURS))
    assert plain != limited
    rows = [[row | {"config_hash": "", "batch": ""} for row in facts(path)] for path in (plain, limited)]
    assert rows[0] == rows[1] and {row["status"] for row in rows[0]} <= {"recovered", "exhausted"}


@pytest.mark.parametrize("method", METHODS)
def test_every_limit_is_a_cell_of_its_own(tmp_path, method):
    assert len({cell_path(config(tmp_path, method=method, limit=limit)) for limit in (None, 1.0, 2.0)}) == 3


@pytest.mark.parametrize("method", METHODS)
def test_a_row_says_how_long_a_core_took_where_it_is_measured(tmp_path, method):
    rows = run(small(tmp_path, method=method, limit=HOURS)).rows
    assert (rows["cpu_s"] > 0).all() and (rows["cpu_s"] <= rows["wall_s"] + 0.05).all()


def test_without_a_limit_tuning_looks_at_no_other_clock(tmp_path, monkeypatch):
    def looked_at():
        raise AssertionError("the clock of the process was looked at")

    monkeypatch.setattr(time, "process_time", looked_at)
    assert run(small(tmp_path, limit=None)).rows["cpu_s"].isna().all()


# --- tune: lanes share the time of an update


def test_a_lane_ends_when_its_share_of_the_seconds_passes_the_limit(monkeypatch):
    """An update takes a second by this clock: of two lanes each has a half."""
    script = Script()
    for lanes, updates in ((1, 3), (2, 7), (4, 15)):
        monkeypatch.setattr(time, "process_time", ticking(1.0))
        ended = script.run(range(lanes), lanes=lanes, limit=4.0, updates=100)
        assert {one.status for one in ended.values()} == {"limit"}
        assert {(one.updates, one.core_seconds) for one in ended.values()} == {(updates, 4.0)}


def test_a_restart_that_waited_for_a_lane_has_its_whole_limit(monkeypatch):
    monkeypatch.setattr(time, "process_time", ticking(1.0))
    ended = Script().run(range(3), lanes=1, limit=4.0, updates=100)
    assert [(ended[restart].updates, ended[restart].status) for restart in range(3)] == [(3, "limit")] * 3


def test_recovery_divergence_and_the_last_update_come_before_the_limit(monkeypatch):
    cases = {
        "recovered": {"script": Script(fits=lambda restart, update: True), "hold": 4},
        "exhausted": {"script": Script(), "updates": 3},
        "diverged": {"script": Script(loss=lambda restart, update: 1.0 if update < 3 else float("nan"))},
    }
    for status, given in cases.items():
        monkeypatch.setattr(time, "process_time", ticking(1.0))
        ended = given.pop("script").run([0], limit=4.0, **({"updates": 100} | given))
        assert (ended[0].status, ended[0].updates) == (status, 3)


def test_templates_are_tried_without_the_limit(tmp_path, monkeypatch):
    """Which of them is best must not depend on the machine's speed."""
    limits = []

    def trying(plan, *rest):
        limits.append(plan.config.limit)
        raise InterruptedError

    monkeypatch.setattr(near_misses, "tune_restarts", trying)
    synthesis = SynthesisConfig(constructs=["store", "add", "map", "inc"], candidates=2000, allocation="best")
    with pytest.raises(InterruptedError):
        run(config(tmp_path, task=shipped("fib"), init="synth", synthesis=synthesis))
    assert limits == [None]


# --- Searches


def never(task: Task, restart: int = 0) -> Judge:
    """Nothing is right on its validation."""
    unseen = held_out(task, 0)
    wrong = unseen.validation._replace(final_memory=unseen.validation.final_memory + 1)
    return Judge(task, training_examples(task, unseen, 0, restart, 4), wrong)


@pytest.mark.parametrize("search", [random_search, enumerate_programs])
def test_blocks_are_executed_until_the_limit(monkeypatch, search):
    """It looks at the clock when it begins and before each block but the first: 1, 2, 3 s."""
    judge = never(load_task(shipped("reduce"), MachineConfig()))
    monkeypatch.setattr(time, "thread_time", ticking(1.0))
    ended = search(judge, MILLION, np.random.default_rng(0), limit=3.0)
    assert (ended.cut, ended.found, ended.programs) == ("limit", False, 3 * 256)
    spent = search(judge, 3 * 256, np.random.default_rng(0), limit=HOURS)
    assert (spent.cut, spent.programs) == ("", 3 * 256)


def test_after_the_last_block_a_search_is_exhausted_whatever_the_time(monkeypatch):
    judge = never(load_task(shipped("reduce"), MachineConfig()))
    monkeypatch.setattr(time, "thread_time", ticking(10.0))
    blocks = [np.zeros((5, 9, 5), np.int64)] * 3
    assert first_right(blocks[:1], judge, 1.0)[1:4] == (False, False, 5)
    assert [first_right(blocks[:count], judge, 15.0).cut for count in (1, 2, 3)] == ["", "", "limit"]


def test_a_program_that_the_first_block_has_is_found_whatever_the_limit():
    task = load_task(shipped("map_inc"), MachineConfig())
    unseen = held_out(task, 0)
    judge = Judge(task, training_examples(task, unseen, 0, 0, 4), unseen.validation)
    found = first_right([encode([task.reference], task.sizes.lines)], judge, AT_ONCE)
    assert found.found and not found.cut


def test_local_search_ends_a_restart_when_its_share_passes_the_limit(monkeypatch):
    """A step takes a second by this clock, which is looked at twice a step. The first share is of the start."""
    task = load_task(shipped("reduce"), MachineConfig())
    for together, programs in ((1, 3), (3, 9)):
        monkeypatch.setattr(time, "thread_time", ticking(1.0))
        streams = [np.random.default_rng(restart) for restart in range(together)]
        judges = [never(task, restart) for restart in range(together)]
        ended = local_search([None] * together, judges, MILLION, streams, limit=2.9)
        assert {(one.cut, one.programs, one.found) for one in ended} == {("limit", programs, False)}
        assert all(one.core_seconds == pytest.approx(3.0) for one in ended)


def test_what_local_search_found_before_the_limit_stays_found(monkeypatch):
    task = load_task(shipped("map_inc"), MachineConfig())
    unseen = held_out(task, 0)
    right = Judge(task, training_examples(task, unseen, 0, 0, 4), unseen.validation)
    streams = [np.random.default_rng(restart) for restart in range(2)]
    found, ended = local_search([task.reference, None], [right, replace(right)], 10**9, streams, limit=AT_ONCE)
    assert (found.found, found.cut, found.programs) == (True, "", 1)
    assert (ended.found, ended.cut, ended.programs) == (False, "limit", 1)


@pytest.mark.parametrize("method", ["random_search", "enumerate", "synthesize"])
def test_with_a_limit_each_restart_is_kept_as_soon_as_it_is_done(tmp_path, method):
    assert job_of(config(tmp_path, method=method)).chunk == 1
    assert job_of(config(tmp_path, method=method, limit=None)).chunk == (1 if method == "synthesize" else 100)


def test_synthesis_ends_at_its_seconds_or_the_limit_whichever_comes_first():
    task = load_task(shipped("parity"), MachineConfig())
    examples = training_examples(task, held_out(task, 0), 0, 0, 16)
    for seconds, limit, ended in ((HOURS, AT_ONCE, "limit"), (AT_ONCE, HOURS, "seconds"), (AT_ONCE, None, "seconds")):
        synthesis = synthesize(task, examples, SynthesisConfig(seconds=seconds), limit=limit)
        assert synthesis.ended == ended and synthesis.tried < 20_000
    assert synthesize(task, examples, SynthesisConfig(constructs=["map"]), limit=HOURS).ended == "exact"


def test_a_space_that_is_not_kept_is_freed_with_its_search(monkeypatch):
    """Each restart makes one, of up to gigabytes: the next must not wait for a garbage collection."""
    spaces = []

    class Seen(Space):
        def __init__(self, *given, **options):
            super().__init__(*given, **options)
            spaces.append(weakref.ref(self))

    monkeypatch.setattr(synthesizer, "Space", Seen)
    task = load_task(shipped("parity"), MachineConfig())
    examples = training_examples(task, held_out(task, 0), 0, 0, 16)
    gc.disable()
    try:
        synthesize(task, examples, SynthesisConfig(candidates=synthesizer.KEPT + 1), limit=AT_ONCE)
        assert [space() for space in spaces] == [None]
    finally:
        gc.enable()


def test_where_the_seconds_of_synthesis_end_a_restart_it_is_exhausted(tmp_path):
    synthesis = SynthesisConfig(seconds=AT_ONCE)
    rows = run(config(tmp_path, method="synthesize", synthesis=synthesis, limit=HOURS, task=shipped("parity"))).rows
    assert set(rows["status"]) == {"exhausted"}


# --- The door


@pytest.mark.parametrize("method", METHODS)
def test_a_limit_bounds_the_work_that_is_estimated(method):
    beside = CELL(**SIZES | {"updates": 0, "programs": 0, "candidates": 0}, method=method)
    large = SIZES | {"updates": 10**12, "programs": 10**12, "candidates": 10**12, "seconds": 10**9}
    assert CELL(**large, method=method).work > 10**15
    need = CELL(**large, method=method, limit=10)
    assert need.work <= beside.work + 100 * 11 * 10**9 * (30 if method == "synthesize" else 1)


def test_a_limit_bounds_the_updates_whose_losses_are_kept():
    """No restart makes more than 100,000 updates in a second: 5 million are no more memory than 10 s of them."""
    large, ten_seconds = SIZES | {"updates": 5 * MILLION}, SIZES | {"updates": MILLION}
    assert CELL(**large, limit=10).memory == CELL(**ten_seconds).memory < CELL(**large).memory
    assert CELL(**SIZES, limit=10).memory == CELL(**SIZES).memory

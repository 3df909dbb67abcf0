"""method=annealing as a method of a cell: threads, limit, what is left when it is interrupted; its benchmark."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import pytest

from neurocomp.bench import searches
from neurocomp.config import AnnealingConfig, RunConfig
from neurocomp.methods import annealing
from neurocomp.methods.rows import discrete_columns
from neurocomp.methods.searches import judge_of
from neurocomp.methods.side_by_side import finished_restarts
from neurocomp.pipeline import run_cell
from neurocomp.plan import make_plan
from neurocomp.report.cells import aligned
from neurocomp.report.table import measured_table
from neurocomp.results.writer import read_rows
from neurocomp.search.annealing import Schedule
from neurocomp.search.judge import Judge
from neurocomp.seeding import generator
from neurocomp.tasks.examples import held_out
from neurocomp.tasks.verification import Verdict
from tests.test_pipeline import facts
from tests.test_tasks import shipped


def config(folder: Path, **changes) -> RunConfig:
    fields = dict(
        task=shipped("map_inc", length=1), method="annealing", restarts=6, examples=4, threads=2,
        annealing=AnnealingConfig(programs=3000, fresh=700), results=str(folder),
    )  # fmt: skip
    return RunConfig(**(fields | changes))


def run(given: RunConfig):
    return run_cell(given, progress=False)


def limited(folder: Path, **changes) -> RunConfig:
    """No restart finds reduce in so little time, and none is at its last program."""
    programs = AnnealingConfig(programs=10**9)
    return config(folder, **{"task": shipped("reduce"), "restarts": 2, "annealing": programs, "limit": 1e-9} | changes)


@pytest.mark.parametrize("changes", [{"threads": 1}, {"threads": 5}, {"chunk": 2}, {"chunk": 1, "threads": 3}], ids=str)
def test_rows_depend_on_neither_threads_nor_batches(tmp_path, changes):
    rows = [facts(run(config(tmp_path / name, **more)).path) for name, more in (("one", {}), ("other", changes))]
    assert [row | {"batch": ""} for row in rows[0]] == [row | {"batch": ""} for row in rows[1]]


def test_a_row_says_how_long_a_core_took(tmp_path):
    rows = run(config(tmp_path)).rows
    assert (rows["cpu_s"] > 0).all() and (rows["cpu_s"] <= rows["wall_s"] + 0.02).all()
    assert run(config(tmp_path, method="tune")).rows["cpu_s"].isna().all()


def test_a_limit_has_a_status_of_its_own_and_counts_as_not_recovered(tmp_path):
    cell = run(limited(tmp_path))
    assert set(cell.rows["status"]) == {"limit"} and (cell.limited, cell.n) == (2, 2)
    assert [cell.recovered(measure) for measure in ("soft", "hard", "general")] == [0, 0, 0]
    assert (cell.rows["executions"] < 10**9 * 4).all()
    assert "2/2  complete, 2 at limit  0.0 (0.0-65.8)" in aligned([cell.texts()])


def test_whatever_its_last_program_does_a_restart_at_its_limit_has_recovered_nothing(tmp_path):
    unseen = held_out(make_plan(config(tmp_path)).task, 0)
    for general, told in ((True, False), (None, None)):
        columns = discrete_columns(True, Verdict(True, general), unseen, 1.0, cut="limit")
        assert (columns["status"], columns["recovered_fit"]) == ("limit", True)
        assert [columns[f"recovered_{one}"] for one in ("soft", "hard", "general")] == [False, False, told]


def test_a_restart_at_its_limit_is_done(tmp_path):
    before = run(limited(tmp_path)).path.read_bytes()
    cell = run(limited(tmp_path))
    assert cell.complete and cell.path.read_bytes() == before
    longer = run(limited(tmp_path, restarts=3))
    assert longer.path.read_bytes().startswith(before) and longer.n == 3


def test_another_limit_is_another_cell(tmp_path):
    assert run(limited(tmp_path)).path != run(limited(tmp_path, limit=2e-9)).path


def test_the_table_says_how_many_restarts_their_limit_ended(tmp_path):
    cells = [run(limited(tmp_path))]
    assert measured_table("table1", cells, "hard").grids[0].notes[-1] == (
        "2 restarts ended at their limit in seconds and count as not recovered."
    )
    assert not any("limit" in note for note in measured_table("table1", [run(config(tmp_path))], "hard").grids[0].notes)


def test_restarts_that_finished_before_an_interrupt_are_kept(tmp_path, monkeypatch):
    """Restart 3 is interrupted: those before it have rows, and no thread is left."""
    anneal, before = annealing.anneal, threading.active_count()
    given = config(tmp_path, threads=1)
    begun: list[Judge] = []

    def interrupting(start, judge, *rest):
        begun.append(judge)
        if len(begun) == 4:
            raise KeyboardInterrupt
        return anneal(start, judge, *rest)

    monkeypatch.setattr(annealing, "anneal", interrupting)
    with pytest.raises(KeyboardInterrupt):
        run(given)
    (path,) = tmp_path.rglob("*.csv")
    assert read_rows(path)["restart"].tolist() == [0, 1, 2]
    assert threading.active_count() == before
    monkeypatch.undo()
    whole = facts(run(config(tmp_path / "whole")).path)
    assert [row | {"batch": ""} for row in facts(run(given).path)] == [row | {"batch": ""} for row in whole]


def test_an_interrupt_ends_the_restarts_that_run(tmp_path, request):
    """With a budget of weeks, whoever asks for the rows and goes away waits for one call of the kernel."""
    given = limited(tmp_path, limit=None, restarts=4)
    given.limits.work = 1e30
    plan, before = make_plan(given), threading.active_count()
    judge, schedule = judge_of(plan, held_out(plan.task, 0), 0), Schedule(10**15, 0.02, 10**15)

    def annealed(restart, heard):
        return annealing.anneal(None, judge, schedule, generator(0, restart, "annealing"), None, heard)

    finished = finished_restarts(annealed, plan.threads, range(4), None)
    before_it = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start tests with it ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before_it))
    main = threading.main_thread().ident
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))  # as Ctrl-C does
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        next(finished)
    timer.join()
    assert threading.active_count() == before


def test_the_benchmark_has_a_line_for_each_search(command):
    code, out, _ = command("bench", "--search", "restarts=3", "--rounds", 2, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [line["method"] for line in lines] == list(searches.PROGRAMS)
    for line in lines:
        assert 0 < line["low"] <= line["programs_per_s"] <= line["high"]
        assert line["executions_per_s"] == 16 * line["programs_per_s"]
        assert (line["base"], line["registers"], line["lines"], line["steps"]) == (6, 6, 6, 15)
    assert [line["restarts"] for line in lines] == [1, 3, 1, 1]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--search", "--engines", "fused"], "--engines fused: --search times all searches, and no engine"),
        (["--search", "init=synth"], "init=synth: a benchmark synthesizes nothing; expected a program, or random"),
        (["init=synth"], "init=synth: a benchmark synthesizes nothing; expected a program, or random"),
        (["method=solver"], "method=solver: expected tune, whose updates it times; see --search and --synthesis"),
        (["--search", "experiment=memorization", "programs=16"], "--search: not for the memorizer"),
    ],
)
def test_the_benchmark_refuses_in_one_line(command, arguments, expected):
    answer = command("bench", *arguments)
    assert answer.code == 2 and expected in answer.err and answer.err.count("\n") == 1


def test_the_benchmark_appends_to_a_file(command, tmp_path):
    for lines in (4, 8):
        assert command("bench", "--search", "restarts=2", "--rounds", 1, "--out", tmp_path / "b").code == 0
        text = (tmp_path / "b" / "searches.csv").read_text().splitlines()
        assert len(text) == 1 + lines and text[0].startswith("date,method,programs_per_s,low,high,")
    assert searches.PROGRAMS.keys() == {"random_search", "local_search", "enumerate", "annealing"}

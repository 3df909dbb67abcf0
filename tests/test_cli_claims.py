"""What commands do with what they are given: options that count, exit codes, the examples that are meant."""

from __future__ import annotations

import errno
import json

import pytest
import torch

from neurocomp.cli import synth
from neurocomp.compilation.compiler import compile_program
from neurocomp.compilation.weights_file import load_weights
from neurocomp.language.assembly import load_program
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.results.writer import CellWriter
from neurocomp.seeding import SHARED
from neurocomp.tasks.examples import held_out, training_examples
from tests.cells import failed, write_cell
from tests.test_cli_run import QUICK
from tests.test_counting import measured_nothing, pipeline_path
from tests.test_verdicts import one_wrong

INC = ("run", "task=inc", "init=inc", *QUICK)


# --- run


def test_a_cell_that_failed_is_told_apart_from_one_that_is_incomplete(command, monkeypatch):
    path = pipeline_path(INC)
    monkeypatch.setattr("neurocomp.cli.run.complete", measured_nothing)
    answer = command(*INC)
    assert answer.code == 1 and "incomplete, 0 of 2 restarts are there" in answer.err
    with CellWriter(path, "restarts: 2\n") as cell:
        cell.append([failed()])
    answer = command(*INC)
    assert answer.code == 1 and "failed, 0 of 2 restarts are there" in answer.err


def test_one_restart_alone_is_no_incomplete_cell(command, monkeypatch):
    monkeypatch.setattr("neurocomp.cli.run.replay", lambda *_, **__: {"restart": 1})
    answer = command(*INC, "only=1")
    assert (answer.code, answer.out, answer.err) == (0, "restart: 1\n", "")


def test_json_is_for_the_command_that_asks_for_it(command, monkeypatch):
    monkeypatch.setattr("neurocomp.cli.run.replay", lambda *_, **__: {"restart": 1})
    assert command(*INC, "only=1", "--json").out == '{"restart": 1}\n'
    assert command(*INC, "only=1").out == "restart: 1\n"


@pytest.mark.parametrize("error, cells", [(OSError(errno.ENOSPC, "no"), 1), (OSError("no"), 3)])
def test_a_full_disk_ends_a_grid_and_one_cells_error_does_not(command, monkeypatch, error, cells):
    tried = []

    def run(job):
        tried.append(job.path)
        raise error

    monkeypatch.setattr("neurocomp.cli.run.complete", run)
    assert command("run", "-m", *INC[1:], "seed=0,1,2").code == 1 and len(tried) == cells


def test_all_mistakes_of_a_grid_are_told(command):
    answer = command("run", "-m", "task=inc", "init=reduce,nothing,inc,fib", *QUICK)
    assert answer.code == 2
    for init in ("reduce", "nothing", "fib"):
        assert f"init={init}" in answer.err


# --- options that count


def test_a_condition_given_twice_takes_both_values(command, tmp_path):
    for seed, task in ((0, "inc"), (1, "fib"), (2, "parity")):
        write_cell(tmp_path / "mine", task, "random", 4, {"seed": seed, "config_hash": task}, soft=2)
    out = command("table", "table1", "--results", "mine", "--format", "csv", "--where", "seed=0", "seed=1").out
    assert sum(",0.5," in line for line in out.splitlines()) == 2


def test_a_table_is_drawn_from_its_own_folder(command, tmp_path):
    write_cell(tmp_path / "results" / "table1", "inc", "random", 4, soft=1)
    write_cell(tmp_path / "results" / "other", "inc", "random", 4, {"config_hash": "other"}, soft=3)
    answer = command("table", "table1")
    assert "25.0%" in answer.out and answer.err.startswith("read results")


def test_a_comparison_is_by_the_metric_and_first_minus_second(command, tmp_path):
    write_cell(tmp_path / "results", "inc", "map_inc", 4, soft=3, hard=0)
    write_cell(tmp_path / "results", "inc", "random", 4, soft=1, hard=2)
    for metric, difference in ((None, 0.5), ("soft", 0.5), ("hard", -0.5)):
        given = [] if metric is None else ["--metric", metric]
        found = json.loads(command("compare", "map_inc", "random", "--json", *given).out)
        assert found["difference"] == difference and found["cells"][0]["init"] == "map_inc"


def test_a_figure_is_by_the_metric(command, tmp_path, monkeypatch):
    plots = pytest.importorskip("neurocomp.report.plots")
    drawn, draw = [], plots.draw
    monkeypatch.setattr(plots, "draw", lambda *words: drawn.append(words[2]) or draw(*words))
    write_cell(tmp_path / "results", "inc", "random", 4, soft=1, hard=2)
    for metric in ([], ["--metric", "hard"]):
        assert command("plot", "table1", *metric).code == 0
    assert drawn == ["soft", "hard"]


# --- exec


def test_words_fill_memory_by_the_base_and_registers_by_their_number(command):
    answer = command("exec", "map_inc", "--base", "7", "--memory", "1,2", "--start", "0,3", "--steps", "0", "--json")
    found = json.loads(answer.out)
    assert (found["memory"], found["registers"]) == ([1, 2, 0, 0, 0, 0, 0], [0, 3, 0, 0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--base", "5", "--memory", "5"], "memory 0 is 5, expected 0 to 4 in base 5"),
        (["--base", "5", "--start", "0,5"], "registers 1 is 5, expected 0 to 4 in base 5"),
        (["--base", "3", "--memory", "0,1,2,0"], "4 words for memory, expected at most 3"),
    ],
)
def test_words_that_do_not_exist_are_refused(command, arguments, message):
    answer = command("exec", "map_inc", *arguments)
    assert answer.code == 2 and answer.err == f"neurocomp: {message}\n"


@pytest.mark.parametrize("reading, word", [("zero", 0), ("dividend", 3)])
def test_mod_by_zero_is_as_asked_for(command, tmp_path, reading, word):
    (tmp_path / "mod.asm").write_text("mod 0 1 2")
    for machine in ("exact", "soft"):
        answer = command("exec", "mod.asm", "--start", "3,0,1", "--steps", "1", "--mod-by-zero", reading, "--json",
                         "--machine", machine)  # fmt: skip
        assert json.loads(answer.out)["registers"] == [3, 0, word]


def test_a_line_of_inputs_falls_back_on_what_is_given_for_all(command, tmp_path):
    (tmp_path / "inputs.jsonl").write_text('{}\n{"memory": [4]}\n{"registers": [2, 2]}\n')
    (tmp_path / "noop.asm").write_text("noop")
    answer = command("exec", "noop.asm", "--base", "5", "--memory", "1,2", "--start", "3", "--inputs", "inputs.jsonl")
    found = [json.loads(line) for line in answer.out.splitlines()]
    assert [(one["memory"][:2], one["registers"]) for one in found] == [
        ([1, 2], [3, 0]),
        ([4, 0], [3, 0]),
        ([1, 2], [2, 2]),
    ]


# --- compile


@pytest.mark.parametrize("seed, restart", [(0, 0), (3, 0), (0, 2)])
def test_compiled_noise_is_that_of_seed_and_restart(command, tmp_path, seed, restart):
    given = ("--base", "6", "--gamma", "0.3", "--seed", seed, "--restart", restart)
    assert command("compile", "map_inc", "--out", "w.safetensors", *given).code == 0
    logits, sizes, machine = load_weights(tmp_path / "w.safetensors")
    (own,) = compile_program(
        load_program("map_inc"), Sizes(6, 4, 5), MachineConfig(), gamma=0.3, epsilon=1e-6, seed=seed, restarts=[restart]
    )
    assert sizes == (6, 4, 5) and torch.equal(logits, own)


# --- subleq


def test_a_driven_run_is_exact_only_if_every_step_is(command, tmp_path, monkeypatch):
    """A run with a step more that leaves the same words is not; nor does `add` by heart run another program."""
    from neurocomp.memorizer import execution
    from tests.jobs import complete
    from tests.test_memorizer import tiny

    complete(tiny(tmp_path, include=["add"], save_weights=True), progress=False)
    (weights,) = tmp_path.rglob("0.safetensors")
    (tmp_path / "add.subleq").write_text("2 2 2\n0 2 3\n2 1 4\n3 3 halt")  # one step more, which changes nothing
    given = ("--memory", "1,2", "--checkpoint", weights, "--json")
    assert json.loads(command("subleq", "exec", "add", *given).out)["exact"] is True
    assert command("subleq", "exec", "add.subleq", *given).code == 2
    drive = execution.drive

    def with_a_step_more(*arguments):
        (run,) = drive(*arguments)
        return [run._replace(steps=[*run.steps, run.steps[-1]])]

    monkeypatch.setattr(execution, "drive", with_a_step_more)
    assert json.loads(command("subleq", "exec", "add", *given).out)["exact"] is False


# --- synth


def test_synth_searches_where_init_synth_does_and_judges_by_its_seed(command, monkeypatch):
    """The examples of stream `synthesis`; test and general examples are those of the seed."""
    asked, drawn = [], synth.held_out

    def searching(task, examples, *rest, **more):
        asked.append((task, examples))
        return search(task, examples, *rest, **more)

    search = synth.synthesize
    monkeypatch.setattr(synth, "synthesize", searching)
    monkeypatch.setattr(synth, "held_out", lambda task, seed: asked.append(seed) or drawn(task, seed))
    command("synth", "task=map_inc", "seed=5", "synthesis.constructs=[map,inc]")
    seed, (task, examples) = asked
    own = training_examples(task, held_out(task, 5), 5, SHARED, 16, stream="synthesis")
    assert seed == 5 and all((one == other).all() for one, other in zip(own, examples, strict=True))


def test_synth_says_of_general_examples_that_they_are_general(command, monkeypatch):
    drawn = synth.held_out
    monkeypatch.setattr(
        synth, "held_out", lambda *given: (unseen := drawn(*given))._replace(general=one_wrong(unseen.general, base=8))
    )
    answer = command("synth", "task=map_inc", "synthesis.constructs=[map,inc]")
    assert "right on 256 of 256 test examples, 255 of 256 general ones" in answer.out

"""init=synth: the programs that the restarts of a cell start from, when synthesis found these templates."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neurocomp.compilation.compiler import compile_program
from neurocomp.config import OptimizerConfig, RunConfig, SynthesisConfig
from neurocomp.language.assembly import Program, fit, format_program, load_program, parse
from neurocomp.methods import near_misses as templates
from neurocomp.methods import synthesize as method_synthesize
from neurocomp.pipeline import run_cell
from neurocomp.plan import Start, check_config, plan_from, start
from neurocomp.seeding import SHARED
from neurocomp.synthesis.synthesizer import Found, Synthesis
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import Examples, Task
from tests.jobs import cell_path, replay
from tests.test_pipeline import facts
from tests.test_tasks import shipped

LENGTH_1 = shipped("map_inc", length=1)


def config(tmp_path: Path, **changes) -> RunConfig:
    fields = dict(
        task=LENGTH_1, init="synth", restarts=6, examples=4, chunk=3, optimizer=OptimizerConfig(updates=40),
        results=str(tmp_path / "results"), threads=1, engine="fused",
    )  # fmt: skip
    return RunConfig(**(fields | changes))


def run(given: RunConfig):
    return run_cell(given, progress=False)


class Synthesizer:
    """A scripted search: it finds these programs, and remembers its arguments."""

    def __init__(self, programs: dict[str, bool], ended: str = "candidates"):
        self.programs, self.ended = programs, ended
        self.asked: list[Examples] = []

    def __call__(self, task: Task, examples: Examples, config: SynthesisConfig, *_, **__) -> Synthesis:
        self.asked.append(examples)
        found = [
            Found(f"like {name}", self.program(name, task), exact, 1.0 if exact else 0.5, 3, 17, 0.25)
            for name, exact in self.programs.items()
        ]
        facts = dict(
            found=found, tried=1000, distinct=400, seconds=0.5, executions=16_000,
            ended="exact" if any(self.programs.values()) else self.ended,
        )  # fmt: skip
        return Synthesis(**dict.fromkeys(Synthesis._fields, 0) | facts)

    @staticmethod
    def program(name: str, task: Task) -> Program:
        return fit(load_program(name), task.sizes)


@pytest.fixture
def finding(monkeypatch):
    """Make synthesis find these programs, each exact or not."""

    def install(programs: dict[str, bool], ended: str = "candidates") -> Synthesizer:
        synthesizer = Synthesizer(programs, ended)
        monkeypatch.setattr(templates, "synthesize", synthesizer)
        monkeypatch.setattr(method_synthesize, "synthesize", synthesizer)
        return synthesizer

    return install


NEAR_MISSES = {"map_dec": False, "loop_noop": False, "inc": False}


def record(path: Path) -> dict:
    return json.loads(path.with_suffix(".templates.json").read_text())


# --- allocation


def test_even_restarts_take_the_templates_in_turn(finding, tmp_path, capsys):
    synthesizer = finding(NEAR_MISSES)
    cell = run(config(tmp_path))
    assert len(synthesizer.asked) == 1
    assert list(cell.rows["template"]) == ["like map_dec", "like loop_noop", "like inc"] * 2
    assert set(cell.rows["init"]) == {"synth"} and not cell.rows["synthesized"].any()
    for row in cell.rows.to_dict("records"):
        initial = fit(load_program(row["template"].removeprefix("like ")), check_config(config(tmp_path)).task.sizes)
        now = parse(row["program"]).instructions
        assert row["lines_changed"] == sum(a != b for a, b in zip(initial.instructions, now, strict=True))
    few, line = capsys.readouterr().err.splitlines()
    assert few.startswith("map_inc: 6 different inputs")
    assert line.startswith(f"{cell.path.stem}: synthesis found nothing exact among 1,000 programs in 0.5 s")
    assert "in turn from like map_dec (score 0.50), like loop_noop (score 0.50), like inc" in line


def test_each_restart_starts_from_its_own_template_with_its_own_noise(tmp_path):
    cell = check_config(config(tmp_path))
    programs = [fit(load_program(name), cell.task.sizes) for name in NEAR_MISSES]
    plan = plan_from(cell, [Start(program) for program in programs])
    logits, _ = start(plan, held_out(plan.task, 0), range(2, 7))
    for lane, restart in enumerate(range(2, 7)):
        own = compile_program(
            programs[restart % 3], plan.task.sizes, plan.task.machine, gamma=0.3, epsilon=1e-6, seed=0,
            restarts=[restart],
        )  # fmt: skip
        assert torch.equal(logits[lane], own[0])


def test_a_restart_alone_is_the_restart_among_the_others(finding, tmp_path):
    finding(NEAR_MISSES)
    given = config(tmp_path, precision="float64")
    alone = replay(replace(given, only=4), progress=False)  # before the cell exists, so nothing is read from its files
    assert not cell_path(given).exists() and not cell_path(given).with_suffix(".templates.json").exists()
    row = run(given).rows.to_dict("records")[4]
    for key in ("template", "restart", "status", "updates", "program", "lines_changed", "executions"):
        assert alone[key] == row[key]


def test_best_is_the_template_that_recovers_most_in_cells_of_the_next_seed(finding, tmp_path):
    """The counts are those of cells that start from the same programs, given as files, with seed 1."""
    finding({"loop_noop": False, "map_dec": False, "map_inc": False})
    best = config(tmp_path, synthesis=SynthesisConfig(allocation="best", selection=5), restarts=4)
    cell = run(best)
    counts = []
    for name in ("loop_noop", "map_dec", "map_inc"):
        path = tmp_path / f"copy_of_{name}.asm"
        path.write_text(format_program(load_program(name)))
        trial = run(config(tmp_path, init=str(path), seed=1, restarts=5))
        counts.append((trial.recovered("soft"), trial.recovered("hard")))
    kept = record(cell.path)
    assert [(one["soft"], one["hard"]) for one in kept["found"]] == counts
    assert max(counts) == counts[2] > counts[1]
    assert kept["starts"] == [2] and set(cell.rows["template"]) == {"like map_inc"}


@pytest.mark.parametrize("allocation, trials", [("even", 0), ("best", 3)])
def test_examples_of_trials_that_choose_the_template_were_trained_on(finding, tmp_path, allocation, trials):
    """By hand: the lists of one word that a restart, synthesis or a trial of the next seed has among its examples."""
    finding({"loop_noop": False, "map_dec": False})
    synthesis = SynthesisConfig(allocation=allocation, selection=3)
    given = config(tmp_path, synthesis=synthesis, examples=2, restarts=3, optimizer=OptimizerConfig(updates=1))
    rows, task = run(given).rows, check_config(given).task
    unseen, next_unseen = held_out(task, 0), held_out(task, 1)
    shared = [training_examples(task, unseen, 0, SHARED, 2, stream="synthesis")]
    shared += [training_examples(task, next_unseen, 1, trial, 2) for trial in range(trials)]
    for restart, told in zip(rows["restart"], rows["tests_trained"], strict=True):
        examples = [training_examples(task, unseen, 0, restart, 2), *shared]
        trained = {row[0] for one in examples for row in one.memory.tolist()}
        assert told == sum(row[0] in trained for row in unseen.test.memory.tolist())


def test_of_equally_good_templates_the_first_is_best(finding, tmp_path):
    finding({"loop_noop": False, "inc": False})
    synthesis = SynthesisConfig(allocation="best", selection=2)
    cell = run(config(tmp_path, synthesis=synthesis, optimizer=OptimizerConfig(updates=0), restarts=2))
    assert [one["soft"] for one in record(cell.path)["found"]] == [0, 0]
    assert set(cell.rows["template"]) == {"like loop_noop"}


@pytest.mark.parametrize("allocation", ["even", "best"])
def test_an_exact_solution_is_all_that_restarts_start_from(finding, tmp_path, capsys, allocation):
    finding({"map_inc": True, "map_dec": False})
    cell = run(config(tmp_path, synthesis=SynthesisConfig(allocation=allocation)))
    assert set(cell.rows["template"]) == {"like map_inc"} and cell.rows["synthesized"].all()
    assert "synthesis found like map_inc (exact on its examples)" in capsys.readouterr().err


def test_synthesized_is_about_test_examples_not_those_of_the_search(finding, tmp_path):
    finding({"map_dec": True})
    assert not run(config(tmp_path)).rows["synthesized"].any()


def test_local_search_starts_from_the_templates_too(finding, tmp_path):
    finding({"loop_noop": False, "map_inc": False})
    rows = run(config(tmp_path, method="local_search")).rows
    assert list(rows["template"]) == ["like loop_noop", "like map_inc"] * 3
    assert list(rows["synthesized"]) == [False, True] * 3
    assert list(rows["executions"][1::2]) == [4] * 3 and list(rows["lines_changed"][1::2]) == [0] * 3


# --- once a cell


def test_the_search_has_examples_of_its_own_apart_from_all_that_judges(finding, tmp_path):
    synthesizer = finding(NEAR_MISSES)
    given = config(tmp_path, task=shipped("map_inc"), restarts=1, examples=16)
    run(given)
    task = check_config(given).task
    unseen = held_out(task, 0)

    def starts(examples: Examples) -> set[bytes]:
        return {row.tobytes() for row in np.concatenate([examples.memory, examples.registers], axis=1)}

    (asked,) = (starts(examples) for examples in synthesizer.asked)
    assert len(asked) == 16 and not asked & (starts(unseen.test) | starts(unseen.validation))
    assert not asked & starts(training_examples(task, unseen, 0, 0, 16))


def test_a_resumed_cell_goes_on_with_what_it_found(finding, tmp_path):
    finding(NEAR_MISSES)
    whole = run(config(tmp_path / "whole"))
    run(config(tmp_path / "resumed", restarts=3))
    changed = finding({"map_inc": True})  # as a search that ends after some seconds may find something else
    resumed = run(config(tmp_path / "resumed"))
    assert changed.asked == [] and facts(resumed.path) == facts(whole.path)
    run(config(tmp_path / "resumed"))  # nothing is missing: nothing is read or said either


RUN = ("run", "task=map_inc", "task.length=1", "init=synth", "restarts=2", "examples=4", "optimizer.updates=1")
KEYS = "tried, distinct, seconds, ended, executions, found, starts"


def changed(path: Path, *keys, to) -> None:
    """The file with another value at one place."""
    record = json.loads(path.read_text())
    place = record
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    path.write_text(json.dumps(record))


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def another(path: Path, make) -> None:
    path.unlink()
    make(path)


OURS = "not what init=synth writes ({}); without the file it synthesizes again"


@pytest.mark.parametrize("damage, reason", [
    (lambda path: another(path, Path.mkdir), "is a folder, expected a file"),
    (lambda path: another(path, os.mkfifo), "is not a regular file, expected a file"),
    (loop, "cannot be read (Too many levels of symbolic links)"),
    (lambda path: path.write_bytes(b"{\xff"), "not UTF-8 text (byte 2)"),
    (lambda path: path.write_text('{"found": ['), OURS.format("Expecting value: line 1 column 12 (char 11)")),
    (lambda path: path.write_text("[" * 100_000),
     OURS.format("lists in lists without end")),
    (lambda path: path.write_text("[]"), OURS.format(f"it is no object with the keys {KEYS}")),
    (lambda path: path.write_text("{}"), OURS.format(f"it is no object with the keys {KEYS}")),
    (lambda path: changed(path, "tried", to="10"), OURS.format('tried is "10", expected a whole number >= 0')),
    (lambda path: changed(path, "tried", to=True), OURS.format("tried is true, expected a whole number >= 0")),
    (lambda path: changed(path, "seconds", to=10**400), OURS.format(f"seconds is {10**400}, expected a number")),
    (lambda path: changed(path, "seconds", to=float("nan")), OURS.format("NaN is no number")),
    (lambda path: changed(path, "found", to={}), OURS.format("found is {}, expected a list")),
    (lambda path: changed(path, "found", 0, "program", to="inc 1"),
     OURS.format('like map_dec:1: inc takes 2 registers (src dst), got 1 in "inc 1"')),
    (lambda path: changed(path, "found", 0, "template", to="a\nb"),
     OURS.format('found[0].template is "a\\nb", expected text')),
    (lambda path: changed(path, "found", 1, "soft", to=-1),
     OURS.format("found[1].soft is -1, expected a whole number >= 0 or null")),
    (lambda path: changed(path, "starts", to=[0, 3]),
     OURS.format("starts is [0, 3], expected indices below 3, the number of found")),
    (lambda path: changed(path, "starts", to=[]),
     OURS.format("starts is [], expected indices below 3, the number of found")),
])  # fmt: skip
def test_a_file_of_templates_that_is_not_ours_is_refused_before_anything_runs(
    finding, command, tmp_path, damage, reason
):
    finding(NEAR_MISSES)
    assert command(*RUN).code == 0
    (path,), (rows,) = tmp_path.rglob("*.templates.json"), tmp_path.rglob("*.csv")
    before = rows.read_bytes()
    damage(path)
    answer = command(*RUN, "restarts=3")
    assert answer == (2, "", f"neurocomp: {path.relative_to(tmp_path)}: {reason}\n")
    assert rows.read_bytes() == before


def test_synthesis_settings_are_part_of_the_cell_only_where_it_synthesizes(tmp_path):
    settings = [{"seconds": 5.0}, {"candidates": 10}, {"templates": 2}, {"padding": "start"}, {"allocation": "best"}]

    def paths(**fixed) -> set[Path]:
        return {cell_path(config(tmp_path, **fixed, synthesis=SynthesisConfig(**one))) for one in [{}, *settings]}

    assert len(paths()) == 6
    assert len(paths(init="map_inc")) == len(paths(init="random")) == len(paths(method="enumerate")) == 1
    assert len(paths(method="synthesize")) == 4  # how many templates are kept, and what for, is not about the best


def test_synthesis_that_finds_nothing_is_a_failed_cell(finding, command):
    finding({})
    answer = command("run", "task=inc", "init=synth", "restarts=2")
    assert answer.code == 1
    assert "init=synth: nothing to start from among 1,000 programs in 0.5 s" in answer.err
    assert "Traceback" not in answer.err


def test_an_interrupted_synthesis_leaves_no_row_and_no_template(finding, command, tmp_path):
    finding(NEAR_MISSES, ended="interrupted")
    for overrides in (["init=synth"], ["method=synthesize"]):
        assert command("run", "task=inc", "restarts=2", *overrides).code == 130
    assert not list(tmp_path.rglob("*.csv")) and not list(tmp_path.rglob("*.json"))


# --- method=synthesize

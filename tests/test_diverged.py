"""A restart whose numbers are not finite: no program, no verdict, never recovered, and counted all the same."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from neurocomp.compilation.compiler import exact_weights
from neurocomp.compilation.weights_file import save_weights
from neurocomp.config import ObjectiveConfig, OptimizerConfig, RunConfig
from neurocomp.language.assembly import fit, load_program
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.methods import tune
from neurocomp.methods.rows import rounded
from neurocomp.pipeline import run_cell
from neurocomp.plan import start
from neurocomp.tuning import optimizer
from neurocomp.tuning.recovery import says
from neurocomp.tuning.update import Updated, choose
from tests.jobs import cell_path, replay
from tests.test_fused import SIZES, problem
from tests.test_fused_gradient import TASK, small_loss
from tests.test_tasks import shipped

SPOILED = 1
UNKNOWN = ("recovered_fit", "recovered_soft", "recovered_hard", "recovered_general", "recovered_at", "lines_changed",
           "margin", "program")  # fmt: skip


def config(folder: Path, **changes) -> RunConfig:
    fields = dict(
        task=shipped("map_inc", length=1), init="map_inc", restarts=3, examples=4, results=str(folder), threads=1,
        optimizer=OptimizerConfig(updates=12),
    )  # fmt: skip
    return RunConfig(**(fields | changes))


@pytest.fixture
def spoiled(monkeypatch):
    """Cells whose restart 1 starts from one weight that is not finite."""

    def at(poison):
        def begin(plan, unseen, restarts):
            logits, batch = start(plan, unseen, restarts)
            if SPOILED in restarts:
                logits[restarts.index(SPOILED), 2, 3] = poison
            return logits, batch

        monkeypatch.setattr(tune, "start", begin)

    return at


def rows_of(given: RunConfig) -> list[dict[str, str]]:
    with cell_path(given).open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["restart"]))


@pytest.mark.parametrize("engine", ["eager", "fused"])
@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_a_restart_without_finite_weights_has_no_program_and_no_verdict_and_counts(tmp_path, spoiled, engine, poison):
    spoiled(poison)
    given = config(tmp_path, engine=engine, save_weights=True)
    cell = run_cell(given, progress=False)
    rows = rows_of(given)
    assert [row["status"] for row in rows] == ["recovered", "diverged", "recovered"]
    assert {rows[SPOILED][column] for column in UNKNOWN} == {""}
    assert rows[SPOILED]["updates"] == "0" and rows[SPOILED]["loss"] == "nan"
    assert all(rows[0][column] and rows[2][column] for column in UNKNOWN)
    assert cell.n == 3
    assert [cell.recovered(metric) for metric in ("fit", "soft", "hard")] == [2, 2, 2]


def test_such_weights_are_kept_and_decompile_refuses_them_by_line(command, tmp_path, spoiled):
    spoiled(math.nan)
    given = config(tmp_path, save_weights=True)
    run_cell(given, progress=False)
    path = cell_path(given)
    file = path.with_name(f"{path.stem}.weights") / f"{SPOILED}.safetensors"
    refused = command("decompile", file)
    assert refused.code == 2 and refused.out == ""
    assert refused.err == (
        f"neurocomp: {file}: logits[2][3] is nan, expected a finite number; "
        "line 2 has no likeliest instruction, so these weights have no program\n"
    )
    assert command("decompile", file.with_name("0.safetensors")).code == 0


def test_only_such_a_restart_says_so(tmp_path, spoiled):
    spoiled(math.inf)
    row = replay(config(tmp_path, only=SPOILED), progress=False)
    assert row["status"] == "diverged" and row["program"] == "" and row["recovered_hard"] is None


def test_a_cell_that_only_diverged_has_rate_0_of_all(tmp_path, monkeypatch):
    def begin(plan, unseen, restarts):
        logits, batch = start(plan, unseen, restarts)
        return logits * math.nan, batch

    monkeypatch.setattr(tune, "start", begin)
    cell = run_cell(config(tmp_path), progress=False)
    assert (cell.n, cell.rate("soft"), cell.rate("hard"), cell.recovered("general")) == (3, 0.0, 0.0, None)


def test_finite_weights_whose_loss_is_not_finite_diverged_and_keep_their_program(tmp_path, monkeypatch):
    """The program is a fact, and so is what it does; the loss says that tuning failed, even of one that fits."""

    def update(state, batch):
        lanes = len(state.logits)
        return Updated(state, torch.full((lanes,), math.inf), torch.ones(lanes, dtype=torch.bool))

    monkeypatch.setattr(tune, "choose", lambda *_: update)
    given = config(tmp_path, optimizer=OptimizerConfig(updates=12, hold=1, stop="fit"))
    run_cell(given, progress=False)
    for row in rows_of(given):
        assert (row["status"], row["recovered_at"], row["recovered_fit"]) == ("diverged", "", "false")
        assert "read" in row["program"] and row["recovered_hard"] == "true"


def test_a_row_that_is_not_finite_says_no_word():
    """argmax takes NaN for the largest, so that every word would be 0."""
    rows = torch.tensor([[0.9, 0.1], [math.nan, 0.1], [math.nan] * 2, [math.inf, 0.0], [0.1, math.nan]])
    assert says(rows, torch.tensor([0, 0, 0, 0, 1])).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("engine", ["eager", "fused"])
def test_no_engine_lets_such_a_run_fit(engine):
    logits, batch, _, objective = small_loss()
    zeros = batch.targets._replace(memory=0 * batch.targets.memory, registers=0 * batch.targets.registers)
    logits[:] = math.nan
    task = replace(TASK, sizes=SIZES, machine=MachineConfig(), steps=5)
    update = choose(engine, 1, task, objective, OptimizerConfig())
    updated = update(optimizer.init(logits), batch._replace(targets=zeros, supervised=zeros))
    assert updated.loss.isnan().all() and not updated.fits.any()


def test_validation_of_logits_without_end_is_no_success():
    """With stop=fit and words that are all 0, which NaN would pass for."""
    logits, start_state = problem(1, 2, SIZES, MachineConfig())
    logits[:] = math.inf
    words = torch.zeros(1, 2, 2, dtype=torch.long)
    _, batch, *_ = small_loss()
    targets = batch.targets._replace(memory=words, registers=words[..., :1])
    given = batch._replace(start=start_state, targets=targets, supervised=targets)
    task = replace(TASK, sizes=SIZES, machine=MachineConfig(), steps=5)
    updated = choose("fused", 1, task, ObjectiveConfig(), OptimizerConfig())(optimizer.init(logits), given)
    assert not updated.fits.any()


def test_a_margin_has_six_significant_digits(tmp_path):
    """By hand; the seventh digit differs between processors."""
    assert [rounded(number) for number in (0.123456789, 1.0, 1.2345678e-07)] == [0.123457, 1.0, 1.23457e-07]
    given = config(tmp_path, restarts=2)
    run_cell(given, progress=False)
    for row in rows_of(given):
        assert float(row["margin"]) == rounded(float(row["margin"])) and 3 < len(row["margin"]) <= 8


def test_weights_in_double_precision_are_decompiled(command, tmp_path):
    sizes, machine = Sizes(6, 5, 8), MachineConfig()
    save_weights(tmp_path / "w", exact_weights(fit(load_program("fib"), sizes), sizes, machine), sizes, machine)
    found = command("decompile", "w", "--json")
    assert found.code == 0 and json.loads(found.out)["margin"] == 1.0


def test_the_row_of_a_restart_that_diverged_is_json(command, monkeypatch):
    def begin(plan, unseen, restarts):
        logits, batch = start(plan, unseen, restarts)
        return logits * math.nan, batch

    def is_none(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    monkeypatch.setattr(tune, "start", begin)
    found = command("run", "task=inc", "init=inc", "examples=4", "optimizer.updates=2", "only=1", "--json")
    row = json.loads(found.out, parse_constant=is_none)
    assert found.code == 0 and (row["status"], row["loss"]) == ("diverged", None)

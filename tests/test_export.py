"""Loss curves that were kept, as event files of TensorBoard: read back by its own reader."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from tests.cells import write_cell

CURVES = "restart,update,loss\n0,0,2.5\n0,1,0.25\n2,0,3.0\n2,1,nan\n"


@pytest.fixture
def folder(tmp_path):
    """Two cells of four restarts, one with the curves of restarts 0 and 2, and of restart 3 made again alone."""
    cells = tmp_path / "results" / "mine"
    path = write_cell(cells, "fib", "map_inc", 4, {"gamma": 0.3}, soft=3, hard=1)
    write_cell(cells, "inc", "random", 4, soft=1)
    path.with_name(f"{path.stem}.curves.csv").write_text(CURVES)
    path.with_name(f"{path.stem}.only-3.curves.csv").write_text("restart,update,loss\n3,0,1.5\n")
    return cells


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    """All that a run has, by tag: steps and values."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    return {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_each_restart_is_a_run_with_its_losses_and_verdicts(folder, command):
    pytest.importorskip("tensorboard")
    answer = command("export", "tensorboard", str(folder), "--out", "events")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "wrote events: 3 restarts of 1 cell; tensorboard --logdir events\n"
    (cell,) = Path("events/mine").iterdir()
    assert cell.name.startswith("fib-map_inc-s0")
    runs = sorted(path.name for path in cell.iterdir() if path.is_dir())
    assert runs == ["restart-0", "restart-2", "restart-3"]
    first, third = scalars(cell / "restart-0"), scalars(cell / "restart-2")
    assert first["loss"] == [(0, 2.5), (1, 0.25)]
    assert (first["recovered/soft"], first["recovered/hard"]) == ([(0, 1.0)], [(0, 1.0)])
    assert (third["recovered/soft"], third["recovered/hard"]) == ([(0, 1.0)], [(0, 0.0)])
    assert third["loss"][0] == (0, 3.0) and math.isnan(third["loss"][1][1])
    assert scalars(cell / "restart-3")["loss"] == [(0, 1.5)]


def test_the_cell_is_a_run_with_its_rates_and_its_recovery_by_update(folder, command):
    pytest.importorskip("tensorboard")
    command("export", "tensorboard", str(folder), "--out", "events")
    (cell,) = Path("events/mine").iterdir()
    found = scalars(cell)
    assert (found["rate/soft"], found["rate/hard"]) == ([(0, 0.75)], [(0, 0.25)])
    assert found["recovered"] == [(0, 0.0), (0, 0.25), (10, 0.5), (20, 0.75)]
    assert "rate/general" not in found  # it was not measured


def test_hyperparameters_are_those_of_the_cell(folder, command):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing import event_accumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    command("export", "tensorboard", str(folder), "--out", "events")
    (run,) = Path("events").glob("mine/*/restart-2")
    events = event_accumulator.EventAccumulator(str(run)).Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    read = {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()}
    assert read == {"task": "fib", "init": "map_inc", "method": "tune", "gamma": 0.3, "seed": 0, "restart": 2}


def test_restarts_beyond_the_number_are_counted_and_a_damaged_file_loses_no_other(folder, command):
    pytest.importorskip("tensorboard")
    (other,) = folder.glob("inc*.csv")
    damaged = other.with_name(f"{other.stem}.curves.csv")
    damaged.write_text("restart,update,loss\n0,0,2.5\n0,one,2\n")
    answer = command("export", "tensorboard", str(folder), "--restarts", "1")
    (cell,) = folder.glob("fib*s0-hash-of-fib-map_inc.csv")
    expected = "not a row of a loss curve, expected a restart, an update and a loss"
    assert answer == (1, "", f"neurocomp: {cell.stem}: 1 more restarts have curves; --restarts N takes the first N\n"
                             f"neurocomp: {damaged}:3: {expected}\n"
                             "wrote tensorboard: 2 restarts of 1 cell; tensorboard --logdir tensorboard\n")  # fmt: skip


def test_cells_of_one_name_in_two_folders_have_runs_of_their_own(folder, command, tmp_path):
    pytest.importorskip("tensorboard")
    other = tmp_path / "elsewhere" / "mine"
    path = write_cell(other, "fib", "map_inc", 4, {"gamma": 0.3}, soft=0)
    path.with_name(f"{path.stem}.curves.csv").write_text(CURVES)
    assert command("export", "tensorboard", str(folder), str(other), "--out", "events").code == 0
    losses = [scalars(run)["loss"] for run in Path("events").rglob("restart-0")]
    assert losses == [[(0, 2.5), (1, 0.25)]] * 2


@pytest.mark.parametrize(
    "words, said",
    [
        (["results/mine/none"], "results/mine/none: there is no such directory"),
        (["results/empty"],
         "no loss curves are kept here (CELL.curves.csv); neurocomp run save_curves=true keeps them"),
        (["results/mine", "--out", "results"],
         "--out results: is there already, expected a folder that is new or empty"),
        (["results/mine", "--restarts", "0"], "--restarts=0: expected a number >= 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_writes_nothing(folder, command, tmp_path, words, said):
    pytest.importorskip("tensorboard")
    (tmp_path / "results" / "empty").mkdir()
    there = sorted(tmp_path.rglob("*"))
    answer = command("export", "tensorboard", *words)
    assert (answer.code, answer.out) == (2, "") and answer.err == f"neurocomp: {said}\n"
    assert sorted(tmp_path.rglob("*")) == there


def test_without_the_package_it_says_what_to_install(folder, command, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    answer = command("export", "tensorboard", str(folder))
    assert answer == (2, "", "neurocomp: neurocomp export tensorboard: needs tensorboard, which is not installed; "
                             "pip install 'neurocomp[tensorboard]'\n")  # fmt: skip

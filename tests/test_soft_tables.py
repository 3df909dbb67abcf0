"""The table of soft programs, and what other commands say of the memorizer's cells."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from neurocomp.cli.compose import configure
from neurocomp.errors import UserError
from neurocomp.memorizer.config import MemorizerConfig, NetworkConfig, SoftConfig, TrainingConfig
from neurocomp.memorizer.report import soft_programs
from neurocomp.memorizer.report.cells import read_cells
from neurocomp.memorizer.report.settings import BESIDE, defaults
from neurocomp.report import cells as tuned
from neurocomp.report.comparison import find_cell
from neurocomp.report.where import flat
from neurocomp.results.columns import MEMORIZED
from neurocomp.results.writer import CellWriter
from tests import test_memorizer_tables
from tests.cells import write_cell
from tests.conftest import ROOT
from tests.test_memorizer_tables import entries, upper_tail, write

directory = test_memorizer_tables.directory

SIZES = {"learning_rate": 1e-4, "batch": 32, "epochs": 2, "warmup": 0}
PUBLIC = {"schedule": "linear", "clip": 1.0, "weight_decay": 0.0, "check": 64}
PAPER = {"training": TrainingConfig(**SIZES, **PUBLIC), "programs": 10, "length": 10}
OWN = {"training": TrainingConfig(**SIZES), "programs": 10, "length": 10}
VOCABULARY = "sha256:07eced375cec144d"  # as sha256sum begins for vocab.txt of bert-base-uncased


def test_the_papers_settings_are_those_of_the_shipped_experiment():
    """What the table takes for the paper's is what `experiment=soft_programs` runs."""
    given = flat(asdict(configure(["experiment=soft_programs", "task=soft_imperative"])))
    paper = defaults() | soft_programs.PAPER | soft_programs.PROGRAMS
    paper |= {**soft_programs.PUBLIC_CODE, "soft.vocabulary_file": None}  # a file of the user
    aside = {*BESIDE, *soft_programs.ASIDE}
    assert {key: given[key] for key in paper if key not in aside} == {k: paper[k] for k in paper if k not in aside}
    written = yaml.safe_load((ROOT / "configs" / "memorizer" / "experiment" / "soft_programs.yaml").read_text())
    named = {*soft_programs.PAPER, *soft_programs.PROGRAMS, *soft_programs.PUBLIC_CODE} - {"soft.vocabulary_file"}
    assert set(flat(written)) >= named


def public(**changes: Any) -> SoftConfig:
    """What the YAML beside rows says of texts that are read as the public code does, but for these."""
    return SoftConfig(**{"vocabulary_file": VOCABULARY, "examples": "published"} | changes)


def write_soft(directory: Path, task: str, data: str, accuracies: Sequence[float], **config: Any) -> Path:
    """A cell of a soft task; argument A is right in 0.1 more than the whole instruction."""
    folder = {"soft": public(data=data.partition("-")[0])}
    path = write(directory, [], task=task, hash=f"{task}-{data}", **PAPER | folder | config)
    made = MemorizerConfig(task=task, **PAPER | folder | config)
    with CellWriter(path, "restarts: 1\n", MEMORIZED) as cell:
        for restart, accuracy in enumerate(accuracies):
            cell.append([{
                "task": task, "language": "subleq", "network": "bert", "data": data, "programs": made.programs,
                "restart": restart, "seed": made.seed, "status": "trained", "updates": 2000 + 100 * restart,
                "accuracy": accuracy, "accuracy_a": None if task == "classify" else accuracy + 0.1, "device": "cpu",
                "threads": 1, "wall_s": 60.0, "config_hash": yaml.safe_load(path.with_suffix(".yaml").read_text())[
                    "config_hash"],
            }])  # fmt: skip
    return path


@pytest.fixture
def soft(tmp_path) -> Path:
    folder = tmp_path / "results" / "soft_programs"
    folder.mkdir(parents=True)
    return folder


def test_soft_programs_are_measured_as_the_paper_does(command, soft):
    for task in ("classify", "soft_instruction", "soft_imperative"):
        write_soft(soft, task, "sst2", [0.70, 0.72, 0.74])
    lines = entries(command, name="soft_programs")
    assert list(lines) == ["classify on sst2", "soft_instruction on sst2", "soft_imperative on sst2"]
    means = {line["task"]: float(line["accuracy_mean"]) for line in lines.values()}
    assert means == pytest.approx({"classify": 0.72, "soft_instruction": 0.82, "soft_imperative": 0.72})
    differences = [float(line["difference"]) for line in lines.values()]
    assert differences == pytest.approx([-0.099, 0.001, -0.087])
    whole = [line["whole_mean"] for line in lines.values()]
    assert whole[0] == "" and [float(mean) for mean in whole[1:]] == pytest.approx([0.72, 0.72])
    arguments = [line["argument_a_mean"] for line in lines.values()]
    assert arguments[0] == "" and [float(mean) for mean in arguments[1:]] == pytest.approx([0.82, 0.82])
    assert lines["soft_instruction on sst2"]["measure"] == "accuracy_a"
    # Welch: 0.087 / sqrt(.02^2 / 3 + .013^2 / 5) = 6.7304, with 3.0365 degrees of freedom.
    assert float(lines["soft_imperative on sst2"]["p_value"]) == pytest.approx(2 * upper_tail(6.7304, 3.0365), rel=0.01)
    text = command("table", "soft_programs").out
    row = next(line for line in text.splitlines() if line.startswith("| soft_instruction on sst2"))
    assert [word.strip() for word in row.strip("|").split("|")][1:6] == [
        "3", "82.0 +- 2.0 (77.0-87.0)", "81.9 +- 0.5", "+0.1", "0.94",
    ]  # fmt: skip


def test_other_texts_are_rows_of_their_own_and_never_compared(command, soft):
    write_soft(soft, "classify", "generated", [0.9, 0.91])
    write_soft(soft, "soft_instruction", "sst2-subset", [0.7, 0.71])
    lines = entries(command, name="soft_programs")
    assert list(lines) == [
        "classify on sst2",
        "soft_instruction on sst2",
        "soft_imperative on sst2",
        "classify on generated",
        "soft_instruction on sst2-subset",
    ]
    for name in ("classify on generated", "soft_instruction on sst2-subset"):
        assert lines[name]["accuracy_mean"]
        assert lines[name]["published_mean"] == lines[name]["difference"] == lines[name]["p_value"] == ""
    for name in list(lines)[:3]:
        assert lines[name]["published_mean"] and not lines[name]["accuracy_mean"]
    assert "| soft_imperative on sst2 " in command("table", "soft_programs").out


@pytest.mark.parametrize("task, config, name, compared", [
    ("classify", {"network": NetworkConfig(layers=2)}, "classify on sst2 network.layers=2", False),
    ("classify", {"programs": 3, "length": 7}, "classify on sst2", True),
    ("soft_imperative", {"programs": 3}, "soft_imperative on sst2 programs=3", False),
    ("soft_instruction", {"soft": public(data="sst2", tokens=64, folder="/x")},
     "soft_instruction on sst2 soft.tokens=64", True),
    ("classify", {"soft": public(data="sst2", vocabulary_file=None)},
     "classify on sst2 soft.vocabulary_file=null", True),
    ("classify", {"soft": public(data="sst2", vocabulary_file="sha256:0123456789abcdef")},
     "classify on sst2 soft.vocabulary_file=sha256:0123456789abcdef", True),
    ("classify", {"training": TrainingConfig(**SIZES, **PUBLIC | {"check": None})},
     "classify on sst2 training.check=null", True),
    ("classify", {"training": TrainingConfig(**SIZES | {"epochs": 3}, **PUBLIC)},
     "classify on sst2 training.epochs=3", False),
    ("classify", OWN | {"soft": SoftConfig(data="sst2")}, "classify on sst2 soft.examples=own", True),
    ("classify", OWN | {"soft": SoftConfig(data="sst2"), "training": TrainingConfig(**SIZES, schedule="linear")},
     "classify on sst2 soft.examples=own training.schedule=linear", True),
])  # fmt: skip
def test_a_soft_row_is_named_by_what_is_not_the_papers(command, soft, task, config, name, compared):
    write_soft(soft, task, "sst2", [0.70, 0.72], **config)
    line = entries(command, name="soft_programs")[name]
    assert bool(line["difference"]) == compared and line["n"] == "2"


def test_the_tables_keep_to_their_tasks(command, tmp_path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    write(mixed)
    write_soft(mixed, "classify", "generated", [0.9])
    assert len(entries(command, "--results", mixed)) == 4
    assert len(entries(command, "--results", mixed, name="soft_programs")) == 4


def test_the_first_machines_readers_pass_over_the_memorizers_files(command, directory):
    write_cell(directory, "inc", "random", 4, soft=1)
    path = write(directory)
    for format in ("memorization", "soft_programs"):
        command("table", format, "--format", "csv", "--out", directory / f"{format}.csv")
    assert [cell.facts["task"] for cell in tuned.read_cells(directory)] == ["inc"]
    assert [cell.path for cell in read_cells(directory)] == [path]
    answer = command("table", "table1", "--results", directory)
    assert answer.code == 0 and "25.0%" in answer.out
    assert find_cell("inc-random", directory).n == 4
    with pytest.raises(UserError, match="a cell of the memorizer"):
        find_cell(str(path), directory)


def test_show_lists_the_memorizers_cells_in_a_block_of_their_own(command, directory, tmp_path):
    path = write(directory, restarts=5)
    alone = command("show").out.splitlines()
    columns = (
        "experiment task language network data programs seed n state memorized updates accuracy % accuracy A % "
        "exact % file"
    )
    assert alone[0].split() == columns.split()
    assert alone[1].split() == [
        "memorization", "memorize", "subleq", "bert", "-", "16", "0", "3/5", "incomplete", "3", "1000", "+-", "100",
        "100.00", "-", "100.00", str(path.relative_to(tmp_path)),
    ]  # fmt: skip
    write_cell(tmp_path / "results" / "runs", "inc", "random", 4, soft=1)
    first, second = command("show").out.split("\n\n")
    assert first.split()[:3] == ["experiment", "task", "init"] and second.splitlines() == alone


def test_shows_json_has_both_machines_cells(command, directory, tmp_path):
    write(directory, restarts=3)
    write_cell(tmp_path / "results" / "runs", "inc", "random", 4, soft=1)
    first, second = json.loads(command("show", "--json").out)
    assert (first["task"], first["recovered_soft"]) == ("inc", 1)
    assert (second["task"], second["updates_mean"], second["updates_sd"]) == ("memorize", 1000, 100)
    assert (second["complete"], second["failed"], second["memorized"], second["seed"]) == (True, False, 3, 0)


def test_show_can_tell_of_soft_and_of_failed_cells(command, soft):
    write_soft(soft, "soft_instruction", "generated", [0.5])
    path = write(soft, [], seed=7)
    with CellWriter(path, "restarts: 4\n", MEMORIZED) as cell:
        cell.append([{"task": "memorize", "language": "subleq", "network": "bert", "status": "failed", "seed": 7,
                      "config_hash": "aaaa"}])  # fmt: skip
    failed, trained = sorted(json.loads(command("show", "--json").out), key=lambda line: line["task"])
    assert (trained["data"], trained["accuracy_a"], trained["memorized"]) == ("generated", 0.6, None)
    assert (failed["n"], failed["failed"], failed["seed"], failed["updates_mean"]) == (0, True, 7, None)
    assert "nan" not in command("show").out.lower()


def test_help_tells_of_the_memorizer(command):
    answer = command("run", "--help")
    for text in ("neurocomp run experiment=memorization programs=16", "  memorization, ", "network.hidden=256",
                 "training.label_smoothing=0.0", "execution.steps=256", "soft.data=generated",
                 "task=memorize    or classify, soft_instruction, soft_imperative"):  # fmt: skip
        assert text in answer.out


def test_help_lists_the_users_own_experiments_of_the_memorizer(command, tmp_path):
    own = tmp_path / "confs" / "memorizer" / "experiment"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("programs: 3\n")
    assert ", mine, " in command("run", "--help", "--config-dir", "confs").out


@pytest.mark.parametrize("given, meant", [("memorisation", "memorization"), ("tabel1", "table1")])
def test_a_mistyped_experiment_lists_those_of_both_machines(command, given, meant):
    answer = command("run", f"experiment={given}")
    assert answer.code == 2 and answer.err.count("\n") == 1
    assert "gamma, " in answer.err and ", memorization" in answer.err and f'did you mean "{meant}"?' in answer.err


def test_experiments_of_both_machines_are_no_grid(command):
    answer = command("run", "-m", "experiment=memorization,table1")
    assert answer.code == 2
    assert "experiment=memorization: an experiment of the memorizer" in answer.err


WITHOUT_TORCH = """
import sys
from neurocomp.cli.main import main
for arguments in (["table", "memorization"], ["table", "soft_programs"], ["show"]):
    assert main(arguments) == 0
assert "torch" not in sys.modules
"""


def test_nothing_that_is_drawn_imports_torch(directory, tmp_path):
    write(directory)
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1000 +- 100" in done.stdout

"""The memorizer's tables: values worked by hand, rows for what is missing and for what is different, other readers."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.memorizer.config import MemorizerConfig, NetworkConfig, TrainingConfig
from neurocomp.memorizer.report import memorization, soft_programs
from neurocomp.report import published
from neurocomp.report.means import Sample, sample, t_interval, welch
from neurocomp.results.columns import MEMORIZED
from neurocomp.results.writer import CellWriter
from tests.cells import write_cell

UPDATES = (900, 1000, 1100)  # mean 1000, standard deviation 100
GIVEN_UP = 20_000


def trained(**changes: Any) -> TrainingConfig:
    """The training of the paper's public code, but for these."""
    public = {"schedule": "linear", "schedule_epochs": 250, "warmup": 0, "clip": 1.0, "weight_decay": 0.0,
              "label_smoothing": 0.05}  # fmt: skip
    return TrainingConfig(**public | changes)


def write(directory: Path, updates: Sequence[int] = UPDATES, hash: str = "aaaa", **config: Any) -> Path:
    """A cell with a training for each number of updates; those of GIVEN_UP ran half of their programs right."""
    made = MemorizerConfig(**{"programs": 16, "name": directory.name, "training": trained()} | config)
    plain = asdict(made) | {"config_hash": f"{hash}-{len(list(directory.glob('*.csv')))}"}
    path = directory / f"{made.task}-N{made.programs}-{plain['config_hash']}.csv"
    shared = {
        "task": made.task, "language": made.language, "network": made.network.name,
        "programs": made.programs + len(made.include), "length": made.length, "seed": made.seed,
        "label_smoothing": made.training.label_smoothing, "check": made.training.check, "accuracy": 1.0,
        "exact_rate": 1.0, "batch_size": made.training.batch or made.length * made.programs // 20,
        "updates_per_s": 2.5, "wall_s": 400.0, "device": made.device, "precision": made.precision, "threads": 2,
        "config_hash": plain["config_hash"],
    }  # fmt: skip
    with CellWriter(path, yaml.safe_dump(plain), MEMORIZED) as cell:
        for restart, number in enumerate(updates):
            came = {"status": "exhausted", "exact_rate": 0.5} if number == GIVEN_UP else {"status": "memorized"}
            cell.append([shared | {"restart": restart, "updates": number} | came])
    return path


def entries(command, *argv: object, name: str = "memorization") -> dict[str, dict[str, str]]:
    """The CSV's lines by the name of their row."""
    answer = command("table", name, "--format", "csv", *argv)
    assert answer.code == 0, answer.err
    lines = list(csv.DictReader(io.StringIO(answer.out)))
    assert len({line["row"] for line in lines}) == len(lines)
    return {line["row"]: line for line in lines}


@pytest.fixture
def directory(tmp_path) -> Path:
    folder = tmp_path / "results" / "memorization"
    folder.mkdir(parents=True)
    return folder


# --- means


def test_an_interval_is_students():
    # t(0.975) with 2 degrees of freedom has a closed form: p' / sqrt(2 p (1 - p)) with p' = 2 p - 1.
    t = (2 * 0.975 - 1) / math.sqrt(2 * 0.975 * 0.025)
    assert t == pytest.approx(4.303, abs=1e-3)
    low, high = t_interval(sample(UPDATES)) or (0, 0)
    assert (low, high) == pytest.approx((1000 - t * 100 / math.sqrt(3), 1000 + t * 100 / math.sqrt(3)))


def test_a_p_value_is_that_of_students_t_with_welchs_degrees_of_freedom():
    first, second = Sample(1000, 100, 3), Sample(1030, 74, 5)
    by_first, by_second = 100**2 / 3, 74**2 / 5
    t = (1030 - 1000) / math.sqrt(by_first + by_second)
    freedom = (by_first + by_second) ** 2 / (by_first**2 / 2 + by_second**2 / 4)
    assert welch(first, second) == pytest.approx(2 * upper_tail(t, freedom), abs=1e-6)
    assert welch(second, first) == pytest.approx(welch(first, second))


def upper_tail(t: float, freedom: float, steps: int = 20_000) -> float:
    """The integral of Student's density from t on, by Simpson's rule over x = t / s with s from 0 to 1."""
    scale = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(freedom * math.pi)

    def density(s: float) -> float:
        return scale * (1 + (t / s) ** 2 / freedom) ** (-(freedom + 1) / 2) * t / s**2 if s else 0.0

    weights = [1, *([4, 2] * (steps // 2))][:steps] + [1]
    return sum(weight * density(index / steps) for index, weight in enumerate(weights)) / steps / 3


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=9))
def test_an_interval_lies_evenly_around_the_mean(numbers):
    low, high = t_interval(sample(numbers)) or (1, 0)
    assert (low + high) / 2 == pytest.approx(sum(numbers) / len(numbers), abs=1e-6)
    assert (low == high) == (len(set(numbers)) == 1)


@pytest.mark.parametrize("numbers, mean", [([], None), ([7], 7)])
def test_of_fewer_than_two_numbers_nothing_is_claimed(numbers, mean):
    few = sample(numbers)
    assert few == (mean, None, len(numbers))
    assert t_interval(few) is None and welch(few, Sample(1030, 74, 5)) is None and welch(few, few) is None


# --- the table of memorization


def test_the_published_numbers_are_those_of_the_paper():
    assert {number: (*line.updates, line.batch_size) for number, line in memorization.published().items()} == {
        16: (1030, 74, 5, 204),
        32: (1366, 95, 5, 409),
        64: (1907, 153, 5, 819),
        128: (2991, 72, 5, 1632),
    }
    assert soft_programs.published() == {
        "classify": pytest.approx((0.819, 0.005, 5)),
        "soft_instruction": pytest.approx((0.819, 0.005, 5)),
        "soft_imperative": pytest.approx((0.807, 0.013, 5)),
    }
    assert published.tables() == ["table1"]


def test_measured_stands_beside_published_and_what_is_missing_is_shown(command, directory):
    write(directory)
    lines = entries(command)
    assert list(lines) == ["programs=16", "programs=32", "programs=64", "programs=128"]
    line = lines["programs=16"]
    expected = {
        "batch_size": 204, "n": 3, "trainings": 3, "updates_mean": 1000, "updates_sd": 100, "ci_low": 751.586,
        "ci_high": 1248.414, "published_mean": 1030, "published_sd": 74, "published_n": 5, "difference": -30,
        "exact_rate": 1, "updates_per_s": 2.5, "wall_s": 400, "threads": 2,
    }  # fmt: skip
    assert {key: float(line[key]) for key in expected} == pytest.approx(expected, abs=1e-3)
    # Welch: 30 / sqrt(3333.3 + 1095.2) = 0.4508, with 3.33 degrees of freedom.
    assert float(line["p_value"]) == pytest.approx(2 * upper_tail(0.45080, 3.3521), abs=1e-3)
    missing = lines["programs=64"]
    assert (missing["published_mean"], missing["published_sd"]) == ("1907.0", "153.0")
    assert missing["n"] == missing["updates_mean"] == missing["difference"] == missing["p_value"] == ""


def test_markdown_says_it_in_a_line(command, directory):
    write(directory)
    text = command("table", "memorization").out
    rows = {words[0]: words[1:] for line in text.splitlines() if line.startswith("| programs=")
            for words in [[word.strip() for word in line.strip("|").split("|")]]}  # fmt: skip
    assert rows["programs=16"] == [
        "204", "3/3", "1000 +- 100 (752-1248)", "1030 +- 74", "-30", "0.68", "100.00", "2.5", "400", "cpu, 2 threads",
    ]  # fmt: skip
    assert rows["programs=128"] == ["-", "-", "-", "2991 +- 72", "-", "-", "-", "-", "-", "-"]
    assert "public code" in text and "label smoothing 0.05" in text


def test_latex_is_booktabs_with_escapes(command, directory):
    write(directory, training=trained(label_smoothing=0.0))
    text = command("table", "memorization", "--format", "latex").out
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    assert r"programs=16 training.label\_smoothing=0 &" in text and r"exact \% &" in text
    assert not re.search(r"(?<!\\)[%_]", text.replace("tab:memorization", ""))


def test_one_training_has_a_mean_and_no_deviation(command, directory):
    write(directory, [1041])
    line = entries(command)["programs=16"]
    assert (line["n"], line["updates_mean"], line["difference"]) == ("1", "1041.0", "11.0")
    assert line["updates_sd"] == line["ci_low"] == line["ci_high"] == line["p_value"] == ""
    assert "| 1041 " in command("table", "memorization").out


def test_a_training_that_was_given_up_is_counted_and_in_no_mean(command, directory):
    write(directory, [*UPDATES, GIVEN_UP])
    line = entries(command)["programs=16"]
    assert (line["n"], line["trainings"], line["updates_mean"], line["exact_rate"]) == ("3", "4", "1000.0", "0.875")
    text = command("table", "memorization").out
    assert "| 3/4 " in text and "left out of the means: 1 of programs=16." in text


def test_failed_trainings_are_none(command, directory):
    path = write(directory, [])
    with CellWriter(path, "restarts: 4\n", MEMORIZED) as cell:
        cell.append([{"task": "memorize", "language": "subleq", "network": "bert", "status": "failed", "seed": 0,
                      "config_hash": "aaaa", "outcomes": "RuntimeError: it broke"}])  # fmt: skip
    assert entries(command)["programs=16"]["trainings"] == ""


# What departs in what the paper leaves open is compared with it; everything else has a row without a difference.
SETTINGS = [
    ({"training": trained(label_smoothing=0.0)}, "programs=16 training.label_smoothing=0", True),
    ({"training": trained(check=1)}, "programs=16 training.check=1", True),
    ({"training": TrainingConfig()}, "programs=16 training.schedule=constant", True),
    ({"training": TrainingConfig(clip=1.0)}, "programs=16 training.schedule=constant training.clip=1", True),
    ({"training": trained(learning_rate=0.1)}, "programs=16 training.learning_rate=0.1", False),
    ({"training": trained(batch=204)}, "programs=16", True),
    ({"training": trained(batch=64)}, "programs=16 training.batch=64", False),
    ({"training": trained(updates=900)}, "programs=16", True),
    ({"seed": 4, "device": "cuda", "threads": 7, "restarts": 9}, "programs=16", True),
    ({"network": NetworkConfig(name="theorem1")}, "programs=16 network.name=theorem1", False),
    ({"network": NetworkConfig(hidden=32, dropout=0.0)}, "programs=16 network.hidden=32 network.dropout=0", False),
    ({"language": "assembly"}, "programs=16 language=assembly", False),
    ({"include": ["add", "fibonacci"]}, "programs=16 include=[add,fibonacci]", False),
    ({"length": 16, "lines": 16}, "programs=16 length=16 lines=16", False),
    ({"precision": "bfloat16"}, "programs=16 precision=bfloat16", False),
    ({"programs": 24}, "programs=24", False),
]


@pytest.mark.parametrize("config, name, compared", SETTINGS)
def test_a_row_is_named_by_what_is_not_the_papers(command, directory, config, name, compared):
    write(directory, **config)
    line = entries(command)[name]
    assert line["updates_mean"] == "1000.0"
    assert (line["difference"] == "-30.0") == compared == bool(line["published_mean"])


def test_other_settings_follow_what_is_compared_and_leave_the_papers_row_missing(command, directory):
    for config, _, _ in (SETTINGS[0], SETTINGS[1], SETTINGS[10], SETTINGS[12]):
        write(directory, **config)
    lines = entries(command)
    assert list(lines) == [
        "programs=16", "programs=32", "programs=64", "programs=128", "programs=16 training.check=1",
        "programs=16 training.label_smoothing=0", "programs=16 include=[add,fibonacci]",
        "programs=16 network.hidden=32 network.dropout=0",
    ]  # fmt: skip
    assert lines["programs=16"]["n"] == ""
    assert lines["programs=16 include=[add,fibonacci]"]["programs"] == "18"


def test_cells_that_fit_one_row_are_told_apart_and_not_merged(command, directory):
    write(directory, [900], seed=0)
    write(directory, [1100], seed=1)
    write(directory, [1000], programs=32)
    lines = entries(command)
    assert list(lines)[:3] == ["programs=16 seed=0", "programs=16 seed=1", "programs=32"]
    assert [lines[f"programs=16 seed={seed}"]["difference"] for seed in (0, 1)] == ["-130.0", "70.0"]
    write(directory, [1300], seed=1, name="elsewhere")  # as with other code: its hash alone tells it from the second
    names = list(entries(command))
    assert names[0] == "programs=16 seed=0 config_hash=aaaa-0" and names[2] == "programs=16 seed=1 config_hash=aaaa-3"


def test_two_files_of_one_configuration_are_one_cell(command, directory):
    for place, updates in (("here", [900]), ("there", UPDATES)):
        (directory / place).mkdir()
        write(directory / place, updates)
    line = entries(command)["programs=16"]
    assert (line["n"], line["updates_mean"]) == ("3", "1000.0")


def test_a_cell_whose_configuration_is_lost_is_not_taken_for_the_papers(command, directory):
    write(directory).with_suffix(".yaml").unlink()
    lines = entries(command)
    assert lines["programs=16"]["n"] == ""
    (lost,) = (line for name, line in lines.items() if name.endswith("configuration=lost"))
    assert lost["updates_mean"] == "1000.0" and lost["difference"] == ""


@pytest.mark.parametrize(
    "where, mean",
    [
        (["seed=1"], "1100.0"),
        (["network.hidden=256", "seed=0"], "900.0"),
        (["updates=900"], "900.0"),
        (["config_hash=aaaa-1"], "1100.0"),
        (["task=memorize", "threads=2", "seed=1"], "1100.0"),
    ],
)
def test_where_picks_a_configuration(command, directory, where, mean):
    write(directory, [900], seed=0)
    write(directory, [1100], seed=1)
    assert entries(command, "--where", *where)["programs=16"]["updates_mean"] == mean


@pytest.mark.parametrize(
    "where, message",
    [
        ("trainig.check=1", "unknown key, expected .* such as training.check; did you mean"),
        ("machine.writeback=gated", "unknown key"),
        ("seed", "--where seed: expected KEY=VALUE"),
        ("seed=3", "--where seed=3: no cell has it; seed is 0"),
    ],
)
def test_a_condition_that_cannot_hold_is_explained(command, directory, where, message):
    write(directory)
    answer = command("table", "memorization", "--results", directory, "--where", where)
    assert answer.code == 2 and re.search(message, answer.err) and answer.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--metric", "hard"], "--metric hard: memorization has no recoveries to count"),
        (["--costs"], "--costs: memorization has none; expected one of table1"),
        (["--top", "3"], "--top: memorization is shown whole"),
        (["--results", "typo"], "--results typo: there is no such directory"),
    ],
)
def test_options_that_mean_nothing_here_are_refused(command, arguments, message):
    answer = command("table", "memorization", *arguments)
    assert answer.code == 2 and message in answer.err and answer.err.count("\n") == 1


def test_where_there_is_nothing_it_says_so_and_shows_what_is_missing(command, directory, tmp_path):
    answer = command("table", "memorization")
    assert answer.err == f"neurocomp: no results of task=memorize in {Path('results/memorization')}\n"
    assert answer.code == 0 and "1907 +- 153" in answer.out
    write_cell(directory, "inc", "random", 4, soft=1)
    write(directory, task="classify")
    assert command("table", "memorization").err == answer.err
    directory.rename(tmp_path / "results" / "mine")
    assert "in results\n" in command("table", "memorization").err


def test_a_torn_file_and_a_broken_configuration(command, directory):
    path = write(directory)
    path.write_bytes(path.read_bytes()[:-20])
    assert entries(command)["programs=16"]["trainings"] == "2"
    path.with_suffix(".yaml").write_text("a: [")
    answer = command("table", "memorization")
    assert answer.code == 1 and "not a configuration in YAML" in answer.err


# --- the table of soft programs

# --- other readers


# --- the command line

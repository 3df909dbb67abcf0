"""method=learner as a user runs it: its rows, what they do not say, and what ends a restart."""

from __future__ import annotations

import csv

import pytest

from neurocomp.config import RunConfig
from neurocomp.results.columns import CIRCUMSTANCES
from neurocomp.search_config import LearnerConfig

TINY = ["method=learner", "learner.hidden=8", "learner.updates=6", "learner.check=3", "threads=1"]

# The word in cell 0 stays what it is: a network sees at once that a question is answered by the word at its place.
STAYS = """\
name: stays
base: 2
registers: 1
lines: 2
steps: 2
program: "noop\\nnoop"
memory: {0: 0..1, 1: 0}
check: {memory: [0]}
general: {base: 4}
"""


@pytest.fixture
def rows(command, tmp_path):
    """The rows of a cell by restart, as they stand in its file."""

    def of(*words: str) -> dict[int, dict[str, str]]:
        answer = command("run", *TINY, *words, f"results={tmp_path}")
        assert answer.code == 0, answer.err
        (path,) = (tmp_path / "runs").glob("*-learner-*.csv")
        with path.open(newline="") as file:
            return {int(row["restart"]): row for row in csv.DictReader(file)}

    return of


def result(row: dict[str, str]) -> dict[str, str]:
    """What came out, without how and when."""
    return {name: value for name, value in row.items() if name not in CIRCUMSTANCES}


@pytest.mark.parametrize("kind", ["lstm", "transformer", "ntm", "dnc"])
def test_a_row_has_a_networks_measures_and_no_program(rows, kind):
    row = rows("task=map_inc", f"learner={kind}", "restarts=2")[1]
    assert (row["method"], row["init"], row["engine"], row["status"]) == ("learner", "none", "torch", "exhausted")
    assert (
        row["recovered_hard"] == row["recovered_general"] == row["program"] == "" and row["recovered_soft"] == "false"
    )
    assert 0 <= float(row["test_share"]) < 1 and 0 <= float(row["larger_share"]) < 1
    assert (row["updates"], row["executions"], row["backward_executions"]) == ("6", "96", "96")
    assert row["recovered_fit"] == "false" and 0 < float(row["loss"]) < 2


def test_a_restart_is_the_same_whichever_others_are_missing(command, rows, tmp_path):
    whole = rows("task=inc", "restarts=12")
    (path,) = (tmp_path / "runs").glob("*.csv")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not any(f",none,learner,,0.0,{n},0," in line for n in (3, 11))))
    assert len(path.read_text().splitlines()) == 11
    again = rows("task=inc", "restarts=12")
    assert {number: result(row) for number, row in again.items()} == {n: result(row) for n, row in whole.items()}


def test_only_one_of_a_group_is_the_same_too(command, tmp_path, rows):
    expected = rows("task=inc", "restarts=3")[1]
    answer = command("run", *TINY, "task=inc", "restarts=3", "only=1", f"results={tmp_path}")
    assert answer.code == 0 and f"loss: {expected['loss']}\n" in answer.out


def test_what_is_learnt_is_recovered_as_soft_and_ends_early(rows, tmp_path):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "stays.yaml").write_text(STAYS)
    row = rows("--config-dir", str(tmp_path), "task=stays", "restarts=1", "learner.updates=600", "learner.check=20",
               "learner.hidden=16")[0]  # fmt: skip
    assert (row["status"], row["recovered_soft"], row["recovered_fit"], row["test_share"]) == (
        "recovered", "true", "true", "1.0")  # fmt: skip
    assert row["recovered_at"] == row["updates"] and int(row["updates"]) < 600 and row["recovered_hard"] == ""


def test_wrong_on_one_test_example_is_not_recovered_and_validation_alone_decides_when_to_stop():
    from tests.test_verdicts import COPY, one_wrong
    from tests.test_verdicts import rows as rows_of

    given = RunConfig(COPY, method="learner", restarts=1, threads=1, learner=LearnerConfig(
        "transformer", hidden=32, heads=2, updates=400, learning_rate=3e-3, check=10, fresh=True))  # fmt: skip
    (right,) = rows_of(given)
    (wrong,) = rows_of(given, lambda unseen: unseen._replace(test=one_wrong(unseen.test)))
    assert right["recovered_soft"] and right["test_share"] == 1 and right["updates"] < 400
    assert not wrong["recovered_soft"] and 0.9 < wrong["test_share"] < 1 and wrong["updates"] == right["updates"]
    (late,) = rows_of(given, lambda unseen: unseen._replace(validation=one_wrong(unseen.validation)))
    assert late["updates"] == 400 and late["recovered_soft"]  # what was best is judged all the same


def test_a_limit_ends_a_restart_and_what_it_had_counts_as_nothing(rows):
    row = rows("task=inc", "restarts=1", "limit=1e-9", "learner.updates=500")[0]
    assert (row["status"], row["recovered_soft"], row["updates"]) == ("limit", "false", "1")
    assert float(row["cpu_s"]) > 0


def test_fresh_examples_are_a_cell_of_their_own_and_have_no_fit(command, rows, tmp_path):
    own = command("run", *TINY, "task=inc", "restarts=1", f"results={tmp_path}/own")
    row = rows("task=inc", "restarts=1", "learner.fresh=true")[0]
    assert own.code == 0 and row["recovered_fit"] == "" and row["config_hash"][:10] not in own.out
    assert int(row["tests_trained"]) > 90  # of the 30 different inputs nearly all were drawn in 6 x 16


def test_each_update_has_fresh_examples_or_the_same_again():
    from neurocomp.cli.compose import configure
    from neurocomp.learners.words import alphabet_of
    from neurocomp.methods.learner import Examined
    from neurocomp.plan import make_plan
    from neurocomp.tasks.examples import FRESH_BLOCK, held_out

    for fresh in (False, True):
        plan = make_plan(configure(["task=fib", *TINY, f"learner.fresh={str(fresh).lower()}"]))
        supply = Examined(plan, held_out(plan.task, 0), alphabet_of(plan.task))
        parts = [supply(0, update).tokens for update in range(FRESH_BLOCK + 2)]
        assert all(part.shape[0] == 16 for part in parts)
        assert all((one == parts[0]).all() for one in parts[1:]) == (not fresh)
        if fresh:
            texts = {part.numpy().tobytes() for part in parts}
            assert len(texts) == len(parts)


@pytest.mark.parametrize(
    "words, line",
    [
        (["learner=gru"], "learner=gru: there is no such learner; choose one of dnc, lstm, ntm, transformer"),
        (["learner.hidden=6"], "learner.hidden=6: expected a multiple of learner.heads=4"),
        (["learner.check=0"], "learner.check=0: expected a number >= 1"),
        (["learner.clip=0"], "learner.clip=0.0: expected a number > 0"),
        (["limit=0"], "limit=0: expected seconds > 0, or null for no limit"),
        (["save_weights=true"], "save_weights=true: method=learner has no loss and no weights; only method=tune has"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(command, words, line):
    answer = command("run", "task=inc", "method=learner", *words)
    assert answer.code == 2 and answer.err.splitlines() == [f"neurocomp: {line}"]


def test_a_file_of_examples_has_no_fresh_ones(command, tmp_path):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "given.csv").write_text("m0,m0_final\n0,1\n1,0\n2,1\n3,1\n")
    (tmp_path / "task" / "given.yaml").write_text(
        "name: given\nbase: 4\nregisters: 2\nlines: 2\nsteps: 2\nexamples: given.csv\ncheck: {memory: [0]}\n"
    )
    words = ["run", "--config-dir", str(tmp_path), "task=given", *TINY, "restarts=1", f"results={tmp_path}/r"]
    assert command(*words).code == 0
    answer = command(*words, "learner.fresh=true")
    assert answer.code == 2 and "task given is a file of examples; there are no others to draw" in answer.err


def test_the_keys_of_learners_are_no_part_of_another_method(command, tmp_path):
    for words in ([], ["learner=dnc", "learner.hidden=8"]):
        assert command("run", "task=inc", "restarts=1", "optimizer.updates=2", *words, f"results={tmp_path}").code == 0
    assert len(list((tmp_path / "runs").glob("*.csv"))) == 1

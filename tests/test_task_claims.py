"""What a task file says, key by key: each changes what it names, and nothing that differs is the same task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from neurocomp.config import TaskConfig
from neurocomp.errors import UserError
from neurocomp.machine_config import MachineConfig
from neurocomp.results.identity import config_hash
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.expressions import evaluate, evaluate_range
from neurocomp.tasks.task import Task, load_task
from tests.test_tasks import plain, shipped


def load(config: TaskConfig, directory: Path | None = None, **machine) -> Task:
    return load_task(config, MachineConfig(**machine), directory)


GENERAL = {"length": "length+2", "base": "base+2"}
SUMS = dict(program="read 0 1; inc 1 1; write 0 1", lines=4, steps=4, registers=3)

CHANGES = [
    {"name": "other"}, {"base": 6}, {"registers": 4}, {"lines": 5}, {"steps": 5}, {"program": "inc 0 0; write 1 0"},
    {"memory": {0: 1}}, {"memory": {0: "0..1"}}, {"start_registers": {1: 2}}, {"start_registers": {1: "0..2"}},
    {"check": {"memory": [1]}}, {"check": {"memory": [0, 1]}}, {"check": {"registers": [0]}},
    {"check": {"memory": [0], "registers": [1]}}, {"check": {"memory": [0], "registers": [2]}},
    {"general": {"base": 7}}, {"general": {"base": 8}},
]  # fmt: skip


def test_tasks_that_differ_in_anything_are_different_tasks():
    tasks = [load(plain(**SUMS | change)) for change in [{}, *CHANGES]]
    hashes = [config_hash(task.identity()) for task in tasks]
    assert len(set(hashes)) == len(hashes)
    assert config_hash(load(plain(**SUMS)).identity()) == hashes[0]


def test_tasks_with_other_examples_are_different_tasks(tmp_path):
    """One final word differs, one start word, the order."""
    rows = [f"{m},{r},{(m + r) % 5}" for m in range(5) for r in range(4)]
    hashes = set()
    for some in (rows, ["0,0,1", *rows[1:]], ["0,4,0", *rows[1:]], rows[::-1]):
        (tmp_path / "e.csv").write_text("\n".join(["m0,m1,m0_final", *some]) + "\n")
        hashes.add(config_hash(load(plain(program=None, examples=str(tmp_path / "e.csv"))).identity()))
    assert len(hashes) == 4


# --- sizes


def test_general_sizes_are_what_they_say():
    task = load(shipped("map_inc", length=2, base=5, general=GENERAL))
    assert task.general and (task.sizes.base, task.general.sizes.base) == (5, 7)
    assert (task.checked_memory, task.general.checked_memory) == ((0, 1), (0, 1, 2, 3))
    assert held_out(task, 0).general.memory.shape[1] == 7  # pyright: ignore[reportOptionalMemberAccess]
    lengths = load(shipped("map_inc", length=2, base=5, general={"length": "2*length-1"}))
    assert lengths.general and lengths.general.checked_memory == (0, 1, 2) and lengths.general.sizes.base == 5


def test_a_length_that_changes_nothing_is_refused():
    with pytest.raises(UserError, match="task.length=4: task mine has no length"):
        load(plain(length=4))
    assert load(plain(length=4, steps="length")).steps == 4


@pytest.mark.parametrize("check, cells, registers", [
    ([0], (0,), ()), (2, (2,), ()), ("1..3", (1, 2, 3), ()), ({"memory": ["0..1", 4]}, (0, 1, 4), ()),
    ({"registers": "0..1"}, (), (0, 1)), ({"memory": 4, "registers": [1]}, (4,), (1,)),
])  # fmt: skip
def test_what_is_checked_is_what_is_listed(check, cells, registers):
    task = load(plain(check=check))
    assert (task.checked_memory, task.checked_registers) == (cells, registers)


def test_words_that_are_not_given_start_anywhere_and_registers_at_0():
    task = load(plain())
    assert task.ranges == ((0, 4),) * 5 + ((0, 0),) * 2
    task = load(plain(memory={1: "2..3"}, start_registers={1: 4}))
    assert task.ranges == ((0, 4), (2, 3), (0, 4), (0, 4), (0, 4), (0, 0), (4, 4))
    examples = training_examples(task, held_out(task, 0), 0, 0, 200)
    assert [set(column) for column in examples.memory.T.tolist()] == [set(range(5)), {2, 3}] + [set(range(5))] * 3
    assert set(map(tuple, examples.registers.tolist())) == {(0, 4)}


def test_files_are_looked_up_here_and_then_in_the_directory(tmp_path, monkeypatch):
    (tmp_path / "there" / "task").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    there = tmp_path / "there"
    with pytest.raises(UserError, match="p.asm: no such file"):
        load(plain(program="p.asm"), there)
    for folder, text in ((there / "task", "noop"), (there, "zero 1"), (tmp_path / "here", "halt")):
        (folder / "p.asm").write_text(text)
        task = load(plain(program="p.asm"), there)
        assert task.reference and task.reference.instructions[0].opcode == text.split()[0]


# --- what a right program leaves


@pytest.mark.parametrize(
    "machine, program, word",
    [
        ({"halting": "freeze"}, "inc 0 0; halt; inc 0 0; write 1 0", 0),
        ({"halting": "printed"}, "inc 0 0; halt; inc 0 0; write 1 0", 2),
        ({"mod_by_zero": "zero"}, "inc 0 0; mod 0 1 0; write 1 0; noop", 0),
        ({"mod_by_zero": "dividend"}, "inc 0 0; mod 0 1 0; write 1 0; noop", 1),
    ],
)
def test_the_reference_follows_the_readings(machine, program, word):
    task = load(plain(program=program, lines=4, steps=4, memory={0: 0}), **machine)
    assert set(training_examples(task, held_out(task, 0), 0, 0, 5).final_memory[:, 0].tolist()) == {word}


def test_the_reference_runs_for_the_steps_of_the_task():
    """Each round of two steps adds one."""
    for steps, word in ((1, 0), (2, 1), (3, 1), (4, 2), (8, 4)):
        task = load(plain(program="inc 0 0; write 1 0", lines=2, steps=steps, memory={0: 0}))
        assert set(held_out(task, 0).test.final_memory[:, 0].tolist()) == {word}


# --- expressions


@pytest.mark.parametrize("text, value", [
    ("length % 2", 1), ("base % length", 1), ("length - 1", 2), ("base // length", 2), ("-length + base", 4),
    ("2 * (base - length)", 8), ("- - 3", 3), ("7 - 3 - 2", 2), (" 5*length + 1 ", 16),
])  # fmt: skip
def test_expressions_worked_by_hand(text, value):
    """length is 3, base 7."""
    assert evaluate(text, {"length": 3, "base": 7}, "here") == value


@pytest.mark.parametrize("text, ends", [
    ("1..length", (1, 3)), ("length-1..base-1", (2, 6)), ("4", (4, 4)), ("random", (0, 6)), (5, (5, 5)),
    ("2..2", (2, 2)),
])  # fmt: skip
def test_ranges_worked_by_hand(text, ends):
    assert evaluate_range(text, {"length": 3, "base": 7}, "here") == ends


# --- examples in files


def table(tmp_path: Path, text: str, **changes) -> Task:
    (tmp_path / "e.csv").write_text(text)
    return load(plain(program=None, examples=str(tmp_path / "e.csv"), **changes))


ROWS = "".join(f"{m},{r},{(m + r) % 5},{r * r % 5}\n" for m in range(5) for r in range(5))


def test_words_of_registers_and_cells_stand_where_they_belong(tmp_path):
    """m0 and r1 are given, m2 and r0 must become their sum and r1 squared; other words are drawn as the task says."""
    task = table(tmp_path, "m0,r1,m2_final,r0_final\n" + ROWS, check={"memory": [2], "registers": [0]}, memory={3: 4})
    unseen = held_out(task, 0)
    for part in (unseen.test, unseen.validation, training_examples(task, unseen, 0, 0, 5)):
        for memory, registers, final, final_registers in zip(*(words.tolist() for words in part), strict=True):
            assert final[2] == (memory[0] + registers[1]) % 5 and final_registers[0] == registers[1] ** 2 % 5
            assert registers[0] == 0 and memory[3] == 4 and all(final[cell] == -1 for cell in (0, 1, 3, 4))


def test_rows_of_a_file_are_drawn_once_as_long_as_there_are_enough(tmp_path):
    task = table(tmp_path, "m0,r1,m2_final,r0_final\n" + ROWS, check={"memory": [2]})
    unseen = held_out(task, 0)
    for restart in range(20):
        examples = training_examples(task, unseen, 0, restart, 5)
        assert len({(memory[0], registers[1]) for memory, registers in
                    zip(examples.memory.tolist(), examples.registers.tolist(), strict=True)}) == 5  # fmt: skip
    assert len(training_examples(task, unseen, 0, 0, 50).memory) == 50


@pytest.mark.parametrize(
    "text, check, message",
    [
        ("m0,m0_final\n5,1\n1,2\n2,3\n3,4\n", [0], 'm0 is "5", expected a word 0..4'),
        ("m0,m0_final\n1,5\n1,2\n2,3\n3,4\n", [0], 'm0_final is "5", expected a word 0..4'),
        ("m0,m0,m0_final\n1,1,2\n2,2,3\n3,3,4\n4,4,0\n", [0], "a column occurs twice"),
        ("m0,m0_final\n1,2\n2,3\n3,4\n4,0\n", {"memory": [0], "registers": [1]}, "without a column: r1_final"),
        ("m0,r2,m0_final\n1,1,2\n2,2,3\n3,3,4\n4,4,0\n", [0], 'column "r2"; the machine has registers 0..1'),
        ("m5,m0_final\n1,2\n2,3\n3,4\n4,0\n", [0], 'column "m5"; the machine has cells 0..4'),
    ],
)
def test_what_a_file_may_not_say(tmp_path, text, check, message):
    with pytest.raises(UserError, match=message):
        table(tmp_path, text, check=check)


def test_a_task_is_the_same_wherever_its_files_lie(tmp_path):
    hashes = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        task = table(tmp_path / folder, "m0,r1,m2_final,r0_final\n" + ROWS, check={"memory": [2]})
        hashes.add(config_hash(task.identity()))
        assert replace(task) == task
    assert len(hashes) == 1


def test_tasks_from_a_file_on_another_machine_are_different_tasks(tmp_path):
    """Without a program nothing but the sizes says how many lines there are."""
    (tmp_path / "e.csv").write_text("m0,r1,m2_final,r0_final\n" + ROWS)
    sizes = [{}, {"lines": 4}, {"registers": 3}, {"base": 6}]
    hashes = [
        config_hash(load(plain(program=None, examples=str(tmp_path / "e.csv"), check=[2], **one)).identity())
        for one in sizes
    ]
    assert len(set(hashes)) == 4

"""The corpus: each reference does what its task is defined to do, and the split is the one that was drawn."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml

from neurocomp.cli.compose import configure
from neurocomp.config import TaskConfig
from neurocomp.errors import UserError
from neurocomp.language import interpreter
from neurocomp.language.executor import encode
from neurocomp.machine_config import MachineConfig
from neurocomp.tasks import corpus
from neurocomp.tasks.examples import held_out
from neurocomp.tasks.task import Examples, Task, load_task
from neurocomp.tasks.verification import hard, run
from tests.conftest import ROOT
from tests.corpus import DEFINITIONS, LONGER, PLANNING
from tests.test_grids import request

FOLDER = ROOT / "configs" / "task" / "corpus"
TASKS = corpus.tasks()


def written(name: str) -> TaskConfig:
    return TaskConfig(**yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


def inputs(task: Task, count: int = 500) -> np.ndarray:
    """Start words [N, A + R]: drawn from the whole ranges, and from their two lowest words, where many are equal."""
    rng = np.random.default_rng(0)
    low, high = np.array(task.ranges).T
    drawn = rng.integers(low, high + 1, (count, len(low)))
    equal = rng.integers(low, np.minimum(low + 1, high) + 1, (count, len(low)))
    return np.concatenate([drawn, equal, [low, high]])


def sized(name: str, size: str) -> tuple[Task, int]:
    """The task at one of its sizes, and the length of its list."""
    config = written(name)
    assert config.length is not None
    task = load_task(config, MachineConfig())
    assert task.general is not None
    return (task, config.length) if size == "shipped" else (task.general, config.length + LONGER[name])


@pytest.mark.parametrize("size", ["shipped", "general"])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_reference_leaves_what_its_task_is_defined_to_leave(name, size):
    task, length = sized(name, size)
    base, cells = task.sizes.base, list(task.checked_memory)
    assert task.reference is not None and not task.checked_registers
    starts = inputs(task)
    memory, registers = starts[:, :base], starts[:, base:]
    expected = [DEFINITIONS[name](words, length, base, given[6]) for words, given in zip(
        memory.tolist(), registers.tolist(), strict=True)]  # fmt: skip
    if name in PLANNING:
        assert np.max(expected) < base
    expected = np.array(expected) % base
    left = run(encode([task.reference], task.sizes.lines), Examples(memory, registers, memory, registers), task)
    assert np.array_equal(left.memory[0][:, cells], expected)
    for row in [*range(0, len(starts), 10), -2, -1]:
        exact = interpreter.run(
            task.reference, memory[row].tolist(), registers[row].tolist(), base=base, steps=task.steps
        )
        assert [exact.memory[cell] for cell in cells] == expected[row].tolist()
        assert exact.halted  # so that `steps` does not decide what is right


@pytest.mark.parametrize("name", PLANNING)
@pytest.mark.parametrize("size", ["shipped", "general"])
def test_no_sum_of_a_distance_and_an_edge_reaches_the_base(name, size):
    """Distances only fall, so it is enough that the start words' largest sum does not."""
    task, length = sized(name, size)
    high = [high for _, high in task.ranges]
    base = task.sizes.base
    distance, edge = {
        "relax_row": (high[base + 6], max(high[length : 2 * length])),
        "relax_edges": (max(high[:length]), max(high[length : length + length**2])),
        "shortest_paths": (max(high[: length**2]), max(high[: length**2])),
    }[name]
    assert distance + edge < base


ENDLESS = {
    "inc_each": "inc 2 2; noop; noop; noop", "dec_each": "dec 2 2", "double": "add 2 2 2",
    "affine": "add 2 2 2; inc 2 2", "negate": "sub 0 2 2; noop",
    "abs_diff": "max 2 6 3; min 2 6 2; sub 3 2 2", "dec_positive": "max 2 7 2; sub 2 7 2",
}  # fmt: skip


@pytest.mark.parametrize("name", ENDLESS)
def test_a_loop_without_end_is_not_right_because_steps_cuts_it(name):
    """It does the work of the task, in up to 8 steps a round, on all of memory and then from cell 0 again."""
    start = "inc 7 7" if name == "dec_positive" else "noop"
    text = f"{start}; loop: read 1 2; {ENDLESS[name]}; write 1 2; inc 1 1; jump 0 loop"
    for size in ("shipped", "general"):
        task, _ = sized(name, size)
        examples = held_out(task, 0).test
        assert hard([text.replace("jump 0 loop", "max 1 4 5; sub 4 5 5; jump 5 loop; halt")], examples, task) == [True]
        assert hard([text], examples, task) == [False]


def test_every_file_is_in_one_family_once():
    assert sorted(TASKS) == sorted(path.stem for path in FOLDER.iterdir()) == sorted(DEFINITIONS)
    assert len(TASKS) >= 36
    assert sorted(corpus.training() + corpus.held_out()) == sorted(TASKS)


def test_the_split_is_the_one_that_its_file_says_was_drawn():
    for family in corpus.families().values():
        by_hash = sorted(family.tasks, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        assert set(family.held_out) == set(by_hash[: (2 * len(by_hash) + 4) // 8])
        assert len(family.tasks) >= 3 and family.held_out and family.training


def test_a_given_program_is_a_training_task_of_the_corpus():
    assert corpus.given() == {"exchange": ("bubble", "sort_3", "sort_4")}
    for name, others in corpus.given().items():
        assert name in corpus.training() and set(others) <= set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_a_file_is_named_after_its_task_and_begins_with_one_line_that_defines_it(name):
    lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ") and lines[0].endswith(".") and not lines[1].startswith("#")
    assert lines[1] == f"name: {name}" and not (FOLDER.parent / f"{name}.yaml").exists()


def test_list_tasks_have_one_layout():
    """A construct that was learned on one of them is then of use to the others."""
    for name in set(TASKS) - set(PLANNING):
        config, task = written(name), sized(name, "shipped")[0]
        assert task.sizes._replace(lines=0) == (8, 9, 0) and task.sizes.lines in (12, 18, 20)
        assert config.length == (3 if name == "sort_3" else 4)
        registers = task.ranges[task.sizes.base :]
        assert registers[4] == (config.length - 1,) * 2
        assert all(words == (0, 0) for register, words in enumerate(registers) if register not in (4, 6))


def test_the_page_of_the_corpus_says_what_the_files_say():
    split = {name: (family, kind) for family, members in corpus.families().items()
             for kind, names in members._asdict().items() for name in names}  # fmt: skip
    rows = []
    for name in (name for family in corpus.families().values() for name in family.tasks):
        family, kind = split[name]
        comment = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        rows.append(f"| {name} | {family.replace('_', ' ')} | {kind.replace('_', '-')} | {comment} |")
    page = (ROOT / "docs" / "corpus.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \w+ \|.*$", page, re.M)[1:] == rows


# --- the command line


def test_every_task_composes():
    cells = request("task=glob(corpus/*)").cells
    assert sorted(cell.config.task.name for cell in cells) == sorted(TASKS)
    assert all(cell.config.task == written(cell.config.task.name) for cell in cells)


def test_a_glob_of_all_tasks_has_none_of_the_corpus():
    names = {cell.config.task.name for cell in request("task=glob(*)").cells}
    assert "map_inc" in names and not names & set(TASKS)


def test_a_glob_in_the_corpus_that_matches_nothing_lists_the_corpus():
    with pytest.raises(UserError) as refused:
        request("task=glob(corpus/zz*)")
    listed = ", ".join(f"corpus/{name}" for name in sorted(TASKS))
    assert str(refused.value) == f"task=glob(corpus/zz*): an empty grid, choose from {listed}"


def test_help_names_the_corpus_and_not_its_tasks(command):
    answer = command("run", "--help")
    assert f"or corpus/NAME, {len(TASKS)} tasks: see docs/corpus.md" in answer.out
    assert "prefix_sum" not in answer.out


@pytest.mark.parametrize("given, expected", [
    ("corpus/prefix_sun", '; did you mean "corpus/prefix_sum"?'),
    ("prefix_sum", '; did you mean "corpus/prefix_sum"?'),
    ("zzz", ""),
])  # fmt: skip
def test_an_unknown_task_of_the_corpus_is_one_line(command, given, expected):
    answer = command("run", f"task={given}")
    lines = answer.err.splitlines()
    assert answer.code == 2 and len(lines) == 1 and answer.out == ""
    assert lines[0].startswith(f"neurocomp: task={given}: there is no such task; choose one of access, fib, inc,")
    assert f", swap or corpus/NAME (docs/corpus.md){expected} (a file of your own" in lines[0]


def test_a_cell_of_the_corpus_can_be_made_longer():
    config = configure(["task=corpus/prefix_sum", "task.length=5"])
    assert replace(written("prefix_sum"), length=5) == config.task

"""Tasks: expressions, sampling, held-out inputs, examples from a file, and what a task file may not say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.config import TaskConfig
from neurocomp.errors import UserError
from neurocomp.machine_config import MachineConfig
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.expressions import evaluate, evaluate_range
from neurocomp.tasks.task import Examples, load_task

ROOT = Path(__file__).parents[1]
FILES = sorted(path.stem for path in (ROOT / "configs" / "task").glob("*.yaml"))
SHIPPED = [name for name in FILES if not name.startswith(("paper_", "short_"))]  # those are written as changes of these


def shipped(name: str, **changes) -> TaskConfig:
    return replace(TaskConfig(**yaml.safe_load((ROOT / "configs" / "task" / f"{name}.yaml").read_text())), **changes)


def load(config: TaskConfig):
    return load_task(config, MachineConfig())


def plain(**changes) -> TaskConfig:
    fields = dict(
        name="mine", base=5, registers=2, lines=3, steps=3, program="inc 0 0; write 1 0", check={"memory": [0]}
    )
    return TaskConfig(**(fields | changes))


def words_of(examples: Examples):
    return zip(*(part.tolist() for part in examples), strict=True)


def after_swap(memory: list[int]) -> list[int]:
    words, (first, second) = list(memory), memory[:2]
    words[first], words[second] = words[second], words[first]
    return words[2:]


def value_in_list(memory: list[int], length: int) -> int:
    node, distance = memory[0], length + 1
    for _ in range(memory[distance] - 1):
        node = memory[node]
    return memory[node + distance]


# What each task leaves, said without its program: from start memory and base to the checked words.
MEANING = {
    "inc": lambda m, b, n: [m[m[0] + 1]],
    "inc_value": lambda m, b, n: [(m[0] + 1) % b],
    "map_inc": lambda m, b, n: [(word + 1) % b for word in m[:n]],
    "map_dec": lambda m, b, n: [(word - 1) % b for word in m[:n]],
    "reduce": lambda m, b, n: [sum(m[:3]) % b],
    "parity": lambda m, b, n: [word % 2 for word in m[:n]],
    "parity_bits": lambda m, b, n: [sum(m[:n]) % 2],
    "fib": lambda m, b, n: [word % b for word in (1, 2, 3, 5, 8, 13, 21, 34)[:n]],
    "access": lambda m, b, n: [m[m[0]]],
    "swap": lambda m, b, n: after_swap(m),
    "list_k": lambda m, b, n: [value_in_list(m, n)],
    "reverse": lambda m, b, n: m[n - 1 :: -1],
}


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("sizes", [{}, {"base": 9}, {"base": 10, "length": 4}], ids=str)
def test_reference_leaves_what_the_task_means(name, sizes):
    config = shipped(name)
    if config.length is None:
        sizes = {key: value for key, value in sizes.items() if key != "length"}
    task = load(replace(config, **sizes))
    length = sizes.get("length", config.length)
    unseen = held_out(task, seed=0)
    for memory, _, final, _ in words_of(unseen.test):
        assert [final[cell] for cell in task.checked_memory] == MEANING[name](memory, task.sizes.base, length)
    if task.general and unseen.general:
        longer = length and length + (1 if name == "list_k" else 2)
        for memory, _, final, _ in words_of(unseen.general):
            found = [final[cell] for cell in task.general.checked_memory]
            assert found == MEANING[name](memory, task.general.sizes.base, longer)


def test_a_restart_draws_the_same_examples_whatever_else_is_drawn():
    task = load(shipped("map_inc"))
    unseen = held_out(task, seed=0)
    alone = training_examples(task, unseen, seed=0, restart=17, count=16)
    training_examples(task, unseen, seed=0, restart=16, count=16)
    again = training_examples(task, held_out(task, seed=0), seed=0, restart=17, count=16)
    assert all(np.array_equal(one, other) for one, other in zip(alone, again, strict=True))
    other = training_examples(task, unseen, seed=0, restart=18, count=16)
    assert not np.array_equal(alone.memory, other.memory)


def test_training_validation_and_test_inputs_are_apart():
    task = load(shipped("map_inc"))
    unseen = held_out(task, seed=3)
    test, validation = ({tuple(row) for row in part.memory.tolist()} for part in (unseen.test, unseen.validation))
    training = {
        tuple(row) for restart in range(50) for row in training_examples(task, unseen, 3, restart, 16).memory.tolist()
    }
    assert (len(test), len(validation)) == (256, 64)
    assert not test & validation and not training & (test | validation)
    assert unseen.coverage == pytest.approx(256 / 6**6)


def test_few_inputs_are_all_tested():
    task = load(plain(memory=["0..base-1", "0..2", 1, 1, 1]))
    unseen = held_out(task, seed=0)
    assert unseen.coverage == 1 and len({tuple(row) for row in unseen.test.memory.tolist()}) == 15
    assert training_examples(task, unseen, 0, 0, 16).memory.shape == (16, 5)


@given(st.data())
def test_drawn_words_are_within_their_ranges(data):
    low = data.draw(st.integers(0, 4))
    high = data.draw(st.integers(low, 4))
    task = load(plain(memory={0: f"{low}..{high}", "base-1": 2}, start_registers={1: "length"}, length=3))
    examples = training_examples(task, held_out(task, 0), 0, 0, 50)
    assert examples.memory[:, 0].min() >= low and examples.memory[:, 0].max() <= high
    assert (examples.memory[:, 4] == 2).all()
    assert (examples.registers == [0, 3]).all()


def test_examples_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{first},{second},{(first + second) % 5}" for first in range(5) for second in range(5)]
    Path("sums.csv").write_text("m0,m1,m0_final\n" + "\n".join(rows) + "\n")
    task = load(plain(program=None, examples="sums.csv"))
    unseen = held_out(task, seed=0)
    training = training_examples(task, unseen, 0, 0, 6)
    for memory, _, final, _ in [*words_of(unseen.test), *words_of(unseen.validation), *words_of(training)]:
        assert final[0] == (memory[0] + memory[1]) % 5
    pairs = [{tuple(row[:2]) for row in part.memory.tolist()} for part in (training, unseen.test, unseen.validation)]
    assert not pairs[0] & pairs[1] and not pairs[1] & pairs[2] and not pairs[0] & pairs[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m0,m0_final\n1,7\n2,2\nx,1\n", 'e.csv:2: m0_final is "7".*\n.*e.csv:4: m0 is "x"'),
        ("m0\n1\n", "without a column: m0_final"),
        ("m9,m0_final\n1,1\n", 'column "m9"'),
        ("first,m0_final\n1,1\n", 'column "first"'),
        ("m0,m0_final\n", "no examples"),
        ("m0,m0_final\n1\n", "e.csv:2: 1 words, expected 2"),
        ("m0,m0_final\n²,1\n", 'e.csv:2: m0 is "²", expected a word 0..4'),
        ("m0,m0_final\n1,٣\n", 'e.csv:2: m0_final is "٣", expected a word 0..4'),
        (b"m0,m0_final\n\xff,1\n", "e.csv: not UTF-8 text"),
        ("m0,m0_final\n" + "1" * 200_000 + ",1\n", "e.csv:2: cannot be read .*field larger"),
        ("m0,m0_final\n" + "1" * 5_000 + ",1\n", 'e.csv:2: m0 is "1'),
    ],
    ids=lambda given: str(given)[:30],
)
def test_mistakes_in_an_examples_file_name_file_and_row(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    Path("e.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message):
        load(plain(program=None, examples="e.csv"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"check": {}}, "checks nothing"),
        ({"check": {"memory": [5]}}, "5 is outside 0..4"),
        ({"check": {"cells": [0]}}, "task.check.cells"),
        ({"start_registers": {0: 5}}, "outside the words 0..4"),
        ({"start_registers": {2: 0}}, "outside 0..1"),
        ({"memory": ["4..1"]}, "is empty"),
        ({"memory": 3}, "expected random"),
        ({"steps": "5*size"}, '"5\\*size" is not an integer'),
        ({"steps": "__import__('os')"}, "not an integer"),
        ({"steps": 0}, "expected an integer >= 1"),
        ({"lines": 1}, "lines"),
        ({"program": "inc 0 7"}, "register 7"),
        ({"program": "ink 0 0; inc 1 1"}, "inc"),
        ({"program": None}, "either program or examples, got neither"),
        ({"examples": "e.csv"}, "got both"),
        ({"length": 4}, "has no length"),
        ({"general": {"size": 4}}, "task.general"),
    ],
    ids=str,
)
def test_mistakes_in_a_task_file(changes, message):
    with pytest.raises(UserError, match=message):
        load(plain(**changes))


@given(length=st.integers(1, 20), base=st.integers(2, 20))
def test_expressions(length, base):
    names = {"length": length, "base": base}
    assert evaluate("2*length + base // 2 - -1", names, "here") == 2 * length + base // 2 + 1
    assert evaluate_range("0..base-1", names, "here") == (0, base - 1)
    assert evaluate_range("random", names, "here") == (0, base - 1)
    assert evaluate_range(4, names, "here") == (4, 4)


@pytest.mark.parametrize(
    "text", ["length**2", "1.5", "length.real", "f(1)", "", "1 if 1 else 2", "True", "1/0", "2//0"]
)
def test_other_expressions_are_refused(text):
    with pytest.raises(UserError, match="here"):
        evaluate(text, {"length": 3, "base": 5}, "here")


def test_the_executor_and_the_interpreter_must_agree_on_what_a_reference_leaves(monkeypatch):
    from neurocomp.language import interpreter
    from neurocomp.tasks import examples

    task = load_task(shipped("map_inc"), MachineConfig())
    right = held_out(task, 0)
    for of, some in ((task, right.test), (task, right.validation), (task.general, right.general)):
        for row in range(len(some.memory)):
            left = interpreter.run(of.reference, some.memory[row].tolist(), some.registers[row].tolist(),
                                   base=of.sizes.base, steps=of.steps)  # fmt: skip
            assert left.memory == tuple(some.final_memory[row]) and left.registers == tuple(some.final_registers[row])

    def wrong(*given, **more):
        final = examples.executor_run(*given, **more)
        return final._replace(memory=(final.memory + 1) % task.sizes.base)

    monkeypatch.setattr(examples, "executor_run", examples.execute, raising=False)
    monkeypatch.setattr(examples, "execute", wrong)
    with pytest.raises(RuntimeError, match="task map_inc: executor and interpreter disagree"):
        held_out(task, 0)

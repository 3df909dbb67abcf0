"""The memorizer: what is memorized, how it is learned, gone on with and run, and what its rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.language import assembly
from neurocomp.language.isa import OPCODES
from neurocomp.machine_config import Sizes
from neurocomp.memorizer import memorize
from neurocomp.memorizer.config import ExecutionConfig, MemorizerConfig, NetworkConfig, TrainingConfig
from neurocomp.memorizer.dataset import Named, examples, labels_of, programs
from neurocomp.memorizer.execution import drive, recalled
from neurocomp.memorizer.interpreter import run as exact_run
from neurocomp.memorizer.languages import UNUSED, Assembly, Subleq
from neurocomp.memorizer.network import Bert, classify, cross_entropy, right, split
from neurocomp.memorizer.plan import batch_size, make_plan
from neurocomp.memorizer.saving import checkpoint_path
from neurocomp.memorizer.subleq import Instruction, Program
from neurocomp.results.columns import MEMORIZED
from neurocomp.results.writer import read_rows
from tests import strategies
from tests.jobs import cell_path, complete, replay

TIMES = ["wall_s", "updates_per_s", "date"]


def tiny(folder: Path, **changes) -> MemorizerConfig:
    """A cell that takes a second: one random program of 3 instructions, and what is included."""
    fields = dict(
        programs=1, length=3, lines=13, memory=7, restarts=1, threads=1,
        network=NetworkConfig(hidden=32, intermediate=48, layers=1, heads=2, dropout=0.05),
        training=TrainingConfig(batch=4, learning_rate=1e-2, updates=2000),
        execution=ExecutionConfig(runs=3, steps=30), results=str(folder / "results"),
    )  # fmt: skip
    return MemorizerConfig(**(fields | changes))


def short(folder: Path, **changes) -> MemorizerConfig:
    """A training that ends at its limit of 7 updates, with a checkpoint after each."""
    return tiny(folder, training=TrainingConfig(batch=2, updates=7, save_every=0.0), **changes)


def facts(config: MemorizerConfig) -> list[dict]:
    """The rows of a cell without what differs between two runs of the same thing."""
    frame = read_rows(cell_path(config), MEMORIZED).drop(columns=TIMES)
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def run(config: MemorizerConfig) -> list[dict]:
    complete(config, progress=False)
    return facts(config)


# --- what is memorized


def test_examples_are_every_instruction_with_the_tokens_of_line_and_program():
    first, second = np.array([[0, 0, 0], [1, 2, 1]]), np.array([[0, 0, 0], [3, 4, 2], [5, 6, 0]])
    data = examples([Named("a", first), Named(None, second)], numbers=10)
    assert data.tokens.tolist() == [[0, 10], [1, 10], [0, 11], [1, 11], [2, 11]]
    assert data.labels.tolist() == [[0, 0, 0], [1, 2, 1], [0, 0, 0], [3, 4, 2], [5, 6, 0]]


def test_random_programs_depend_on_seed_restart_and_number_alone(tmp_path):
    few, more = tiny(tmp_path, programs=2, length=5, include=["add"]), tiny(tmp_path, programs=3, length=5)
    spoken = Subleq(7, 13)
    drawn = programs(more, spoken, 1)
    for one, other in zip(programs(few, spoken, 1)[1:], drawn, strict=False):
        assert (one.table == other.table).all()
    tables = [one.table.tolist() for one in drawn] + [programs(more, spoken, 0)[0].table.tolist()]
    assert len({str(table) for table in tables}) == 4
    for table in tables:
        assert np.shape(table) == (5, 3) and np.max(table, 0).max() < 7 and max(row[2] for row in table) < 5


def test_no_two_programs_are_called_the_same():
    table = np.zeros((1, 3), int)
    names = ["x/add.subleq", "y/add.subleq", "add", None, "fib.asm", "random-1", None]
    found = labels_of([Named(name, table) for name in names])
    assert found == ["add", "add~2", "add~3", "random-0", "fib", "random-1", "random-1~2"]


def test_a_named_program_starts_with_its_own_words_and_inputs_from_0_to_9(tmp_path):
    (tmp_path / "p.subleq").write_text("[2] = 0\n[4] = -1\n0 0 halt")
    starts = [Subleq(6, 13).start(np.random.default_rng(seed), str(tmp_path / "p.subleq")) for seed in range(40)]
    assert {(words[2], words[4]) for words in starts} == {(0, -1)}
    assert {word for words in starts for word in words[:2]} == set(range(10))
    drawn = {word for seed in range(40) for word in Subleq(6, 13).start(np.random.default_rng(seed), None)}
    assert drawn == set(range(-9, 10))


@given(st.data())
def test_an_assembly_program_is_the_same_after_it_was_a_table(data):
    sizes = Sizes(5, 4, 9)
    program = data.draw(strategies.programs(*sizes))
    spoken = Assembly(sizes)
    table = spoken.table(program)
    assert spoken.program(table) == program
    used = {"halt": 0, "noop": 0, "zero": 1, "jump": 2, "inc": 2, "dec": 2, "read": 2, "write": 2}
    for row, instruction in zip(table, program.instructions, strict=True):
        assert OPCODES[row[0]].name == instruction.opcode
        assert (row[1:] != UNUSED).sum() == used.get(instruction.opcode, 3)


def test_random_assembly_has_all_opcodes_and_comes_back_as_it_is():
    spoken = Assembly(Sizes(5, 4, 300))
    table = spoken.draw(np.random.default_rng(0), 300)
    assert set(table[:, 0]) == set(range(len(OPCODES)))
    assert (spoken.table(spoken.program(table)) == table).all()
    assert (table < [field.size for field in spoken.fields]).all()


def test_a_label_after_the_last_line_is_a_class_as_the_counter_wraps(tmp_path):
    (tmp_path / "p.asm").write_text("inc 0 0\njump 1 end\nend:")
    spoken = Assembly(Sizes(5, 2, 2))
    table = spoken.load(str(tmp_path / "p.asm"))
    assert table[1].tolist()[-1] == 0
    program = assembly.load_program(str(tmp_path / "p.asm"))
    assert spoken.run(table, [0] * 7, 5).final == spoken.run(spoken.table(program), [0] * 7, 5).final


# --- the network and its loss


def test_the_loss_is_the_sum_of_three_cross_entropies():
    logits, sizes = torch.randn(11, 3 + 4 + 5), (3, 4, 5)
    labels = torch.stack([torch.randint(size, (11,)) for size in sizes], -1)
    by_hand = sum(
        torch.nn.functional.cross_entropy(part, labels[:, field], label_smoothing=0.05)
        for field, part in enumerate((logits[:, :3], logits[:, 3:7], logits[:, 7:]))
    )
    torch.testing.assert_close(cross_entropy(logits, labels, sizes, 0.05), by_hand)
    assert cross_entropy(logits, labels, sizes) != cross_entropy(logits, labels, sizes, 0.05)


def test_fields_that_are_not_used_count_neither_in_loss_nor_in_accuracy():
    logits, sizes = torch.zeros(2, 2 + 3), (2, 3)
    logits[0, 0] = logits[1, 1] = logits[1, 4] = 9.0
    labels = torch.tensor([[0, UNUSED], [1, 2]])
    assert right(logits, labels, sizes).tolist() == [True, True]
    assert right(logits, torch.tensor([[0, UNUSED], [1, 1]]), sizes).tolist() == [True, False]
    first = torch.nn.functional.cross_entropy(logits[:, :2], labels[:, 0], reduction="sum")
    second = torch.nn.functional.cross_entropy(logits[1:, 2:], labels[1:, 1])
    torch.testing.assert_close(cross_entropy(logits, labels, sizes), (first + second) / 2)
    assert classify(logits, sizes)[1].tolist() == [1, 2]


def test_the_papers_encoder_splits_into_2k_plus_n_logits():
    network = Bert(NetworkConfig(), vocabulary=256 + 16, length=2, outputs=3 * 256)
    logits = network(torch.tensor([[1, 256], [2, 257], [3, 271]]))
    assert [part.shape for part in split(logits, (256, 256, 256))] == [(3, 256)] * 3
    inner = network.encoder.config
    sizes = (inner.hidden_size, inner.intermediate_size, inner.num_hidden_layers, inner.num_attention_heads)
    assert sizes == (256, 1024, 4, 4)


@pytest.mark.parametrize("count, batch", [(16, 204), (32, 409), (64, 819), (128, 1638)])
def test_batches_are_the_papers(count, batch):
    """floor(256 N / 20). The paper prints 1632 for N = 128, where its own formula gives 1638."""
    assert batch_size(MemorizerConfig(programs=count), 256 * count) == batch
    assert batch_size(MemorizerConfig(training=TrainingConfig(batch=7)), 256 * count) == 7
    assert batch_size(MemorizerConfig(), 3) == 1


# --- it runs


@st.composite
def machines(draw):
    """Tables of programs of their own lengths, and a start memory for each lane with its owner."""
    memory = draw(st.integers(2, 6))
    lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    address = st.integers(0, memory - 1)
    tables = [
        draw(st.lists(st.tuples(address, address, st.integers(0, length)), min_size=length, max_size=length))
        for length in lengths
    ]
    words = st.lists(st.integers(-(10**25), 10**25) | st.integers(-3, 3), min_size=memory, max_size=memory)
    lanes = draw(st.lists(st.tuples(st.integers(0, len(tables) - 1), words), min_size=1, max_size=6))
    return tables, [owner for owner, _ in lanes], [words for _, words in lanes]


def looked_up(tables):
    """A fetch that has learned nothing: it reads the tables."""
    return lambda lines, owners: np.array([tables[owner][line] for line, owner in zip(lines, owners, strict=True)])


@given(machines(), st.integers(0, 25))
def test_the_driven_machine_does_what_the_interpreter_does(machine, steps):
    tables, owners, memories = machine
    lengths = np.array([len(tables[owner]) for owner in owners])
    driven = drive(looked_up(tables), np.array(owners), lengths, memories, steps)
    for owner, memory, one in zip(owners, memories, driven, strict=True):
        other = exact_run(Program(tuple(Instruction(*row) for row in tables[owner])), memory, steps)
        assert one.final == other.memory and one.outcome == other.outcome
        assert one.steps == tuple((step.line, *step.instruction, step.written) for step in other.steps)


def test_the_driven_machine_asks_for_an_instruction_once_and_only_for_what_runs_reach():
    tables = [[(1, 1, 2), (0, 0, 2), (1, 1, 1)], [(0, 0, 0), (1, 1, 1)]]  # 1, 2, 1, 2, ... and 1, 1, ...
    asked = []

    def fetch(lines, owners):
        asked.extend(zip(lines.tolist(), owners.tolist(), strict=True))
        return looked_up(tables)(lines, owners)

    owners = np.array([0, 1, 0, 1])
    driven = drive(fetch, owners, np.array([3, 2, 3, 2]), [[0, 0, 5]] * 4, 9)
    assert sorted(asked) == [(1, 0), (1, 1), (2, 0)]
    assert [[step[0] for step in run.steps] for run in driven] == [[1, 2] * 4 + [1], [1] * 9] * 2


class Looked(torch.nn.Module):
    """A network whose logits say these tables."""

    def __init__(self, tables, sizes, numbers):
        super().__init__()
        self.tables, self.sizes, self.numbers = tables, sizes, numbers

    def forward(self, tokens, mask=None):
        rows = [self.tables[owner - self.numbers][line] for line, owner in tokens.tolist()]
        parts = [
            torch.nn.functional.one_hot(torch.tensor([max(row[field], 0) for row in rows]), size).float()
            for field, size in enumerate(self.sizes)
        ]
        return torch.cat(parts, -1)


@pytest.mark.parametrize("language", ["subleq", "assembly"])
def test_one_wrong_instruction_is_seen_in_the_runs_of_its_program_alone(tmp_path, language):
    include = ["add", "multiply"] if language == "subleq" else ["inc", "map_inc"]
    plan = make_plan(tiny(tmp_path, language=language, include=include, programs=0, registers=6, lines=13))
    memorized = programs(plan.config, plan.language, 0)
    tables = [one.table.tolist() for one in memorized]
    found = memorize.exactness(plan, Looked(tables, plan.sizes, 13), memorized, 0)
    assert found["exact_rate"] == 1.0 and found["exact_by_program"] == f"{include[0]}=1 {include[1]}=1"
    tables[0][0 if language == "assembly" else 1] = [5, 1, 2, 3, UNUSED] if language == "assembly" else [1, 2, 3]
    found = memorize.exactness(plan, Looked(tables, plan.sizes, 13), memorized, 0)
    assert found["exact_rate"] == 0.5 and found["exact_by_program"] == f"{include[0]}=0 {include[1]}=1"


def test_a_program_is_recalled_line_by_line():
    table = np.arange(12).reshape(4, 3)
    assert (recalled(looked_up([table, table + 1]), 1, 4) == table + 1).all()


# --- training


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> MemorizerConfig:
    """A cell with two restarts in which a shipped program and a random one are memorized."""
    config = tiny(tmp_path_factory.mktemp("learned"), include=["add"], restarts=2, save_weights=True)
    complete(config, progress=False)
    return config


def test_what_is_memorized_runs_exactly_and_the_row_says_so(learned):
    rows = facts(learned)
    assert [(row["restart"], row["status"], row["accuracy"], row["exact_rate"]) for row in rows] == [
        (restart, "memorized", 1.0, 1.0) for restart in (0, 1)
    ]
    first = rows[0]
    assert (first["programs"], first["included"], first["exact_by_program"]) == (2, "add", "add=1 random-0=1")
    assert sum(int(word.split("=")[1]) for word in first["outcomes"].split()) == 2 * 3
    assert first["updates"] % 2 == 0  # 7 instructions in batches of 4: looked at once an epoch
    assert (first["batch_size"], first["check"], first["device"], first["threads"]) == (4, None, "cpu", 1)
    network = Bert(learned.network, 13 + 2, 2, 7 + 7 + 13)
    assert first["parameters"] == sum(value.numel() for value in network.parameters())
    assert not checkpoint_path(make_plan(learned), 0).exists()


def test_a_restart_alone_is_the_same_as_one_of_many_and_leaves_the_rows_alone(learned):
    before = cell_path(learned).read_bytes()
    alone = replay(replace(learned, only=1, restarts=1, save_weights=False), progress=False)
    assert cell_path(learned).read_bytes() == before
    many = facts(learned)[1]
    assert {key: alone[key] for key in alone if key not in (*TIMES, "schema")} == {
        key: many[key] for key in alone if key not in (*TIMES, "schema")
    }


def test_updates_are_counted_to_the_first_check_at_which_all_is_right(tmp_path, monkeypatch):
    answers = {0: False, 3: False, 6: True}
    looks = []

    def all_right(judge, network):
        looks.append(len(looks) * 3)
        return answers[looks[-1]]

    monkeypatch.setattr(memorize.Judge, "all_right", all_right)
    training = TrainingConfig(batch=4, check=3, updates=100)
    (row,) = run(tiny(tmp_path, training=training))
    assert (row["updates"], row["status"], row["check"], looks) == (6, "memorized", 3, [0, 3, 6])


@pytest.mark.parametrize("updates", [0, 4])
def test_a_training_that_reaches_its_limit_is_exhausted(tmp_path, updates):
    (row,) = run(tiny(tmp_path, training=TrainingConfig(batch=2, updates=updates, label_smoothing=0.05)))
    assert (row["status"], row["updates"], row["label_smoothing"]) == ("exhausted", updates, 0.05)
    assert row["accuracy"] < 1 and row["loss"] > 0


def test_smoothing_the_labels_is_another_training(tmp_path):
    smooth = replace(short(tmp_path), training=TrainingConfig(batch=2, updates=7, label_smoothing=0.05))
    assert cell_path(smooth) != cell_path(short(tmp_path))
    assert run(smooth)[0]["loss"] != run(short(tmp_path))[0]["loss"]


def test_assembly_is_memorized_too(tmp_path):
    (row,) = run(tiny(tmp_path, language="assembly", include=["inc"], programs=0, registers=3))
    assert (row["language"], row["status"], row["exact_rate"]) == ("assembly", "memorized", 1.0)


def test_bfloat16_trains_on_a_cpu(tmp_path):
    row = run(short(tmp_path, precision="bfloat16"))[0]
    assert row["updates"] == 7 and row["loss"] > 0 and row["precision"] == "bfloat16"
    assert row["loss"] != run(short(tmp_path))[0]["loss"]


# --- going on


# --- cells and rows

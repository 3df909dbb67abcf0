"""What a verdict is about: test examples and not those that stopped the search, whole programs, checked registers too.

Held-out examples in which one word is changed tell the sets apart: who looks at another set gives another verdict.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from neurocomp.cli import synth
from neurocomp.compilation.compiler import compile_program
from neurocomp.config import AnnealingConfig, OptimizerConfig, RunConfig, SynthesisConfig, TaskConfig
from neurocomp.engine import load
from neurocomp.language.assembly import fit, format_program, parse
from neurocomp.language.executor import encode
from neurocomp.machine.run import Run
from neurocomp.machine_config import MachineConfig
from neurocomp.methods.near_misses import find, starts_of
from neurocomp.pipeline import METHODS
from neurocomp.plan import check_config, make_plan
from neurocomp.readings import cells, measuring, space
from neurocomp.readings.config import ReadingsConfig
from neurocomp.results.made import together
from neurocomp.search.judge import Judge
from neurocomp.search.local_search import local_search
from neurocomp.search.solver import process
from neurocomp.tasks.examples import HeldOut, held_out, training_examples
from neurocomp.tasks.task import Examples, Task, load_task
from neurocomp.tasks.verification import hard, verdicts
from neurocomp.tuning.recovery import Validation, measure, soft
from tests.test_tasks import shipped

WITHOUT = {"learner"} | (set() if process.is_installed() else {"solver"})  # test_learner_rows.py: it prints no program
METHOD_NAMES = [method for method in METHODS if method not in WITHOUT]
# Cell 0 becomes the word of register 1, which is drawn; one instruction does it, so that every method finds it.
COPY = TaskConfig(
    "copy", base=5, registers=3, lines=2, steps=2, program="write 0 1; halt", start_registers={1: "0..base-1"},
    check={"memory": [0]},
)  # fmt: skip


def config(method: str, **changes) -> RunConfig:
    fields = dict(
        task=COPY, method=method, init="reference", gamma=0.01, restarts=1, examples=16, threads=1, engine="eager",
        optimizer=OptimizerConfig(updates=300, hold=2), synthesis=SynthesisConfig(seconds=30),
        annealing=AnnealingConfig(programs=None),
    )  # fmt: skip
    return RunConfig(**(fields | changes))


def rows(given: RunConfig, change=lambda unseen: unseen) -> list[dict]:
    """The rows of a cell whose held-out examples were changed."""
    plan = make_plan(given)
    unseen = change(held_out(plan.task, given.seed))
    return together(METHODS[given.method](plan, unseen, [range(given.restarts)], None)).rows


def one_wrong(examples: Examples, cell: int = 0, base: int = 5) -> Examples:
    """The examples, the last of which asks for another word."""
    final = examples.final_memory.copy()
    final[-1, cell] = (final[-1, cell] + 1) % base
    return examples._replace(final_memory=final)


def wrong_on_test(unseen: HeldOut) -> HeldOut:
    return unseen._replace(test=one_wrong(unseen.test))


def wrong_on_validation(unseen: HeldOut) -> HeldOut:
    return unseen._replace(validation=one_wrong(unseen.validation))


# --- test, not validation


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_right_everywhere_is_recovered(method):
    (row,) = rows(config(method))
    assert row["recovered_fit"] and row["recovered_soft"] and row["recovered_hard"] and row["status"] == "recovered"


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_wrong_on_one_test_example_is_not_recovered_by_any_method(method):
    (row,) = rows(config(method), wrong_on_test)
    assert row["recovered_fit"] and not row["recovered_soft"] and not row["recovered_hard"]
    # What stopped tuning was validation, so that its status says recovered; it is no rate.
    assert row["status"] == ("recovered" if method == "tune" else "exhausted")


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_wrong_on_one_validation_example_is_recovered_all_the_same(method):
    (row,) = rows(config(method, optimizer=OptimizerConfig(updates=100)), wrong_on_validation)
    assert row["recovered_fit"] and row["recovered_soft"] and row["recovered_hard"]


@pytest.mark.parametrize("engine", ["eager", "fused"])
def test_tuning_stops_by_validation(engine):
    """With a wrong validation example it never does; with a wrong test example it does as without one."""
    optimizer = OptimizerConfig(updates=12, hold=2)
    ended = [
        rows(config("tune", optimizer=optimizer, engine=engine), change)[0]
        for change in (wrong_on_validation, wrong_on_test)
    ]
    assert [(row["status"], row["updates"]) for row in ended] == [("exhausted", 12), ("recovered", 1)]


@pytest.mark.parametrize("method", ["random_search", "enumerate", "local_search", "annealing"])
def test_a_search_accepts_by_validation(method):
    """It goes on to the end of its budget where validation is wrong, and not where a test example is."""
    given = config(method, optimizer=OptimizerConfig(updates=400))
    spent = [rows(given, change)[0]["executions"] for change in (wrong_on_validation, wrong_on_test)]
    assert spent[0] == 400 * 16 > spent[1] == rows(given)[0]["executions"]


def test_a_template_is_synthesized_if_it_is_right_on_test_examples():
    cell = check_config(config("tune", init="synth"))
    unseen = held_out(cell.task, 0)
    for change, right in ((lambda same: same, True), (wrong_on_validation, True), (wrong_on_test, False)):
        (origin,) = starts_of(cell, find(cell, change(unseen), shown=False))
        assert origin.synthesized is right


def test_synth_verifies_on_test_examples(command, monkeypatch):
    drawn = synth.held_out
    given = ("synth", "task=map_inc", "synthesis.constructs=[map,inc]")
    for change, verified in ((wrong_on_validation, 256), (wrong_on_test, 255)):
        monkeypatch.setattr(synth, "held_out", lambda *task, change=change: change(drawn(*task)))
        assert f"right on {verified} of 256 test examples" in command(*given).out


def test_readings_count_soft_on_test_examples(monkeypatch, tmp_path):
    setting = space.DEFAULTS | {"length": 1, "base": 4, "updates": 100}
    given = cells.cell_config(setting, "init=map_inc", "map_inc", ReadingsConfig(results=str(tmp_path)))
    drawn = measuring.held_out
    for change, count in ((wrong_on_validation, 2), (wrong_on_test, 0)):
        monkeypatch.setattr(measuring, "held_out", lambda *task, change=change: change(drawn(*task)))
        assert measuring.count(given, 2, seed=0) == {"fit": 2, "soft": count}


# --- general: other sizes
MAP_INC = load_task(shipped("map_inc", length=2), MachineConfig())
LOOP = "line_0: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 3 line_0"
DEC = LOOP.replace("inc 2 2", "dec 2 2")


def test_a_program_that_is_right_at_its_length_alone_is_hard_and_not_general():
    """After two cells it halts: 8 lines that are no loop."""
    unrolled = "read 1 2; inc 2 2; write 1 2; inc 1 1; read 1 2; inc 2 2; write 1 2; halt"
    found = verdicts([unrolled, LOOP], MAP_INC, held_out(MAP_INC, 0))
    assert [(found[text].hard, found[text].general) for text in (unrolled, LOOP)] == [
        (True, False),
        (True, True),
    ]


def test_general_is_about_the_general_examples():
    unseen = held_out(MAP_INC, 0)
    assert MAP_INC.general and unseen.general
    elsewhere = unseen._replace(general=one_wrong(unseen.general, base=MAP_INC.general.sizes.base))
    of_test = unseen._replace(test=one_wrong(unseen.test))
    assert verdicts([LOOP], MAP_INC, elsewhere)[LOOP] == (True, False)
    assert verdicts([LOOP], MAP_INC, of_test)[LOOP] == (False, True)


def test_where_nothing_is_general_nothing_is_claimed():
    task = load_task(replace(shipped("map_inc", length=2), general=None), MachineConfig())
    assert verdicts([LOOP], task, held_out(task, 0))[LOOP] == (True, None)


def test_programs_of_any_length_and_number_have_verdicts_of_their_own():
    """More programs than run at a time: right ones and wrong ones in turn."""
    unseen = held_out(MAP_INC, 0)
    wrong = LOOP.replace("inc 2 2", "dec 2 2")
    texts = [LOOP, wrong, "noop", LOOP] * 100
    assert hard(texts, unseen.test, MAP_INC) == [True, False, False, True] * 100
    found = verdicts(texts, MAP_INC, unseen)
    assert len(found) == 3 and found[LOOP].hard and not found[wrong].hard and not found["noop"].hard


def test_a_short_program_starts_over_whatever_runs_beside_it():
    """Two lines in four steps are two rounds; with noops behind them they would be one."""
    config = TaskConfig("twice", 5, 2, 2, 4, program="inc 0 0; write 1 0", memory={0: 0}, check={"memory": [0]})
    task = load_task(config, MachineConfig())
    texts = ["noop; noop; noop; noop; noop", "inc 0 0; write 1 0", "halt"]
    assert hard(texts, held_out(task, 0).test, task) == [False, True, False]


def test_a_verdict_is_by_the_readings_of_the_task():
    """2 mod 0 is 0, or 2; a halt stops, or does not."""
    cases = [
        ("inc 0 1; inc 1 1; mod 1 2 1; write 0 1", {"mod_by_zero": "zero"}, {"mod_by_zero": "dividend"}),
        ("inc 0 1; write 0 1; halt; write 0 0", {"halting": "freeze"}, {"halting": "printed"}),
    ]
    for text, one, other in cases:
        tasks = [
            load_task(TaskConfig("small", 5, 3, 4, 4, program=text, check={"memory": [0]}), MachineConfig(**of))
            for of in (one, other)
        ]
        for task, foreign in (tasks, tasks[::-1]):
            unseen = held_out(task, 0)
            assert hard([text], unseen.test, task) == [True]
            assert hard([text], unseen.test, replace(task, machine=foreign.machine)) == [False]


def test_a_jump_to_a_registers_word_is_one_in_the_text_too():
    """Register 2 holds 3, so that the jump leaves out what would set register 1 to 0."""
    config = TaskConfig(
        "value", 4, 3, 4, 3, program="inc 0 1; write 0 1; noop", start_registers={2: 3}, check={"memory": [0]}
    )
    task = load_task(config, MachineConfig(jump_target="value"))
    texts = ["inc 0 1; jump 0 2; zero 1; write 0 1", "inc 0 1; jump 0 1; zero 1; write 0 1"]
    assert hard(texts, held_out(task, 0).test, task) == [True, False]


# --- checked registers

# Cell 0 and register 1 become 1; the other program leaves the cell right and the register 0.
BOTH = TaskConfig(
    "both", base=5, registers=2, lines=3, steps=3, program="inc 0 1; write 0 1; noop",
    check={"memory": [0], "registers": [1]},
)  # fmt: skip
FORGETS = "inc 0 1; write 0 1; zero 1"


@pytest.mark.parametrize("engine", ["eager", "fused"])
@pytest.mark.parametrize("text, right", [("inc 0 1; write 0 1", True), (FORGETS, False)])
def test_right_in_memory_and_wrong_in_a_checked_register_is_neither_fit_nor_soft_nor_hard(
    tmp_path, engine, text, right
):
    (tmp_path / "start.asm").write_text(text.replace("; ", "\n"))
    start = {"task": BOTH, "init": str(tmp_path / "start.asm"), "gamma": 0.0, "optimizer": OptimizerConfig(updates=0)}
    (row,) = rows(config("tune", engine=engine, **start))
    measures = [row[f"recovered_{measure}"] for measure in ("fit", "soft", "hard")]
    assert measures == [right] * 3 and row["status"] == ("recovered" if right else "exhausted")
    (searched,) = rows(config("local_search", **start | {"optimizer": OptimizerConfig(updates=1)}))
    assert [searched[f"recovered_{measure}"] for measure in ("fit", "soft", "hard")] == [right] * 3


def test_registers_that_are_not_checked_may_hold_anything():
    task = load_task(replace(BOTH, check={"memory": [0]}), MachineConfig())
    assert hard([FORGETS], held_out(task, 0).test, task) == [True]


# --- what holds on validation: text and soft machine, each program by itself


def logits_of(*texts: str, task: Task = MAP_INC) -> torch.Tensor:
    """Certain weights of these programs, a lane each."""
    lanes = [compile_program(fit(parse(text), task.sizes), task.sizes, task.machine, gamma=0.0, epsilon=1e-6, seed=0,
                             restarts=[0], dtype=torch.float64) for text in texts]  # fmt: skip
    return torch.cat(lanes)


def answering(examples: Examples, task: Task, right: bool):
    """An engine that leaves the right words in every lane, or everywhere the word after."""

    def engine(logits, state, sizes, machine, steps):
        words = torch.from_numpy(examples.final_memory + (not right)) % sizes.base
        memory = torch.nn.functional.one_hot(words, sizes.base).to(logits)[None].expand(len(logits), -1, -1, -1)
        return Run(memory, state.registers, torch.zeros(*state.halted.shape, steps).to(logits))

    return engine


@pytest.mark.parametrize(
    "text, soft_is_right, holds",
    [
        (LOOP, True, True),
        (LOOP, False, False),
        (LOOP.replace("inc 2 2", "dec 2 2"), True, False),
    ],
)
def test_what_holds_is_right_as_text_and_on_the_soft_machine(text, soft_is_right, holds):
    examples = held_out(MAP_INC, 0).validation
    validation = Validation(MAP_INC, examples, answering(examples, MAP_INC, soft_is_right))
    assert validation.holds(logits_of(text), torch.tensor([True])).tolist() == [holds]


def test_only_lanes_that_fit_are_looked_at():
    examples = held_out(MAP_INC, 0).validation
    validation = Validation(MAP_INC, examples, answering(examples, MAP_INC, True))
    both = logits_of(LOOP, LOOP)
    assert validation.holds(both, torch.tensor([False, True])).tolist() == [False, True]


@pytest.mark.parametrize("texts, fits, holds", [
    ((DEC, LOOP), (False, True), [False, True]), ((LOOP, DEC), (False, True), [False, False]),
    ((DEC, LOOP, DEC, LOOP), (True, True, False, True), [False, True, False, True]),
    ((LOOP, DEC, LOOP), (True, True, False), [True, False, False]),
])  # fmt: skip
def test_lanes_hold_by_their_own_text_and_their_own_soft_machine(texts, fits, holds):
    validation = Validation(MAP_INC, held_out(MAP_INC, 0).validation, load("eager", 1))
    assert validation.holds(logits_of(*texts), torch.tensor(fits)).tolist() == holds


@pytest.mark.parametrize("change", [
    ("jump 3 line_0", "jump 3 line_1"), ("inc 2 2", "dec 2 2"), ("read 1 2", "read 0 2"), ("write 1 2", "write 1 1"),
    ("inc 1 1", "inc 1 2"),
])  # fmt: skip
def test_two_programs_that_differ_in_one_place_have_verdicts_of_their_own(change):
    """Opcode, source, destination, label: the verdict on the first is remembered, and not taken for the other's."""
    examples = held_out(MAP_INC, 0).validation
    validation = Validation(MAP_INC, examples, answering(examples, MAP_INC, True))
    other = LOOP.replace(*change).replace("inc 2 2", "line_1: inc 2 2", 1 if "line_1" in change[1] else 0)
    fits = torch.tensor([True, True])
    for _ in range(2):
        assert validation.holds(logits_of(LOOP, other), fits).tolist() == [True, False]
        assert validation.holds(logits_of(other, LOOP), fits).tolist() == [False, True]


def test_soft_is_about_every_example_of_every_restart():
    """More restarts than run at a time; one of them does something else."""
    examples = held_out(MAP_INC, 0).test
    texts = [LOOP] * 20
    texts[17] = LOOP.replace("inc 2 2", "dec 2 2")
    expected = [text == LOOP for text in texts]
    assert soft(logits_of(*texts), examples, MAP_INC, load("eager", 1)).tolist() == expected
    wrong = one_wrong(examples, base=6)
    assert not soft(logits_of(*texts), wrong, MAP_INC, load("eager", 1)).any()


def test_measures_of_restarts_stay_with_their_restarts():
    wrong = LOOP.replace("inc 2 2", "dec 2 2")
    texts = [wrong, LOOP, wrong]
    found = measure(logits_of(*texts), texts, MAP_INC, held_out(MAP_INC, 0), load("eager", 1))
    assert [one[:3] for one in found] == [(False, False, False), (True, True, True), (False, False, False)]
    # The text is what hard reads, the weights what soft runs.
    crossed = measure(logits_of(wrong), [LOOP], MAP_INC, held_out(MAP_INC, 0), load("eager", 1))
    assert (crossed[0].soft, crossed[0].hard) == (False, True)


# --- local search


def test_a_change_that_leaves_as_many_words_right_is_accepted():
    """All words are right from the start and nothing is ever accepted, so that every such change is one of equals."""
    task = load_task(replace(COPY, lines=4, steps=4), MachineConfig())
    unseen = held_out(task, 0)
    never = unseen.validation._replace(final_memory=(unseen.validation.final_memory + 1) % 5)
    judges = [Judge(task, training_examples(task, unseen, 0, restart, 16), never) for restart in range(4)]
    start = fit(parse("write 0 1; halt"), task.sizes)
    ended = local_search([start] * 4, judges, 60, [np.random.default_rng(restart) for restart in range(4)])
    for judge, searched in zip(judges, ended, strict=True):
        assert searched.fit and not searched.found and searched.programs == 60
        assert judge.right(encode([searched.program], 4))[0] == judge.words
        assert format_program(searched.program) != format_program(start)

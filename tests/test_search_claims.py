"""The program that a search ends with, and the templates that synthesis keeps."""

from __future__ import annotations

import numpy as np
import pytest

from neurocomp.config import SynthesisConfig, TaskConfig
from neurocomp.language import interpreter
from neurocomp.language.assembly import Program, fit, parse
from neurocomp.language.executor import encode, execute
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.search.by_length import enumerate_programs
from neurocomp.search.judge import Judge, first_right
from neurocomp.search.local_search import local_search
from neurocomp.search.space import changed, random_code
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.equivalence import Functions
from neurocomp.synthesis.lowering import room_of
from neurocomp.synthesis.synthesizer import as_printed, space_of, synthesize
from neurocomp.synthesis.templates import Candidate, Templates
from neurocomp.synthesis.terms import Term, parse_term
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import Task, load_task

SMALL = TaskConfig("small", 4, 3, 3, 3, program="inc 0 1; write 0 1; halt", check={"memory": [0]})


def load(config: TaskConfig = SMALL, **machine) -> Task:
    return load_task(config, MachineConfig(**machine))


def judge(task: Task, stop: str = "validated", restart: int = 0) -> Judge:
    unseen = held_out(task, 0)
    return Judge(task, training_examples(task, unseen, 0, restart, 8), unseen.validation if stop != "fit" else None)


def fitted(text: str, task: Task) -> Program:
    return fit(parse(text), task.sizes)


# --- searches


def test_of_equally_good_programs_the_first_is_kept_over_all_blocks():
    """None is right. `noop` and `zero 1` leave as many words as each other; `inc 0 2` comes in another block."""
    task = load()
    texts = ["noop", "zero 1", "inc 0 2", "zero 2"]
    code = encode([fitted(text, task) for text in texts], 3)
    for blocks in ([code], [code[:2], code[2:]], [code[:1], code[1:2], code[2:]]):
        ended = first_right(blocks, judge(task))
        assert ended.program.instructions == fitted("noop", task).instructions and ended.programs == 4


def test_with_stop_fit_the_first_program_that_fits_is_accepted():
    task = load()
    right = fitted("inc 0 1; write 0 1; halt", task)
    one, other = judge(task, "fit"), judge(task)
    wrong_elsewhere = other.validation
    assert wrong_elsewhere is not None
    never = Judge(task, other.training, wrong_elsewhere._replace(final_memory=wrong_elsewhere.final_memory + 1))
    code = encode([fitted("noop", task), right], 3)
    assert first_right([code], one)[1:4] == (True, True, 2)
    assert first_right([code], never)[1:4] == (True, False, 2)


def test_of_a_block_the_program_that_holds_is_taken_and_not_the_first_that_fits():
    """On training only examples with a 1 in cell 1: a constant fits too, a copy holds on validation."""
    task = load(TaskConfig("copy", 4, 3, 3, 3, program="inc 0 0; read 0 1; write 2 1", check={"memory": [0]}))
    given = judge(task)
    ones = given.training.memory.copy()
    ones[:, 1] = 1
    final = given.training.final_memory.copy()
    final[:, 0] = 1
    training = given.training._replace(memory=ones, final_memory=final)
    constant, copy = fitted("inc 0 1; write 2 1", task), fitted("inc 0 0; read 0 1; write 2 1", task)
    ended = first_right([encode([constant, copy, constant], 3)], Judge(task, training, given.validation))
    assert (ended.program.instructions, ended.found, ended.programs) == (copy.instructions, True, 2)


@pytest.mark.parametrize("budget", [1, 2, 17])
def test_local_search_executes_as_many_programs_as_it_may(budget):
    task = load()
    given = judge(task)
    never = Judge(task, given.training, given.training._replace(final_memory=given.training.final_memory + 1))
    start = fitted("noop", task)
    ended = local_search([start, None], [never, never], budget, [np.random.default_rng(seed) for seed in (0, 1)])
    assert [one.programs for one in ended] == [budget] * 2
    if budget == 1:
        assert ended[0].program.instructions == start.instructions and not ended[0].fit


def test_every_line_is_changed():
    code = random_code(3000, Sizes(4, 3, 5), np.random.default_rng(0))
    now = changed(code, np.random.default_rng(1).random((3000, 3)), Sizes(4, 3, 5), "line")
    counts = (now != code).any(2).sum(0)
    assert counts.sum() == 3000 and (abs(counts - 600) < 120).all()


def test_enumeration_spends_its_budget_over_all_lengths():
    """Nothing is right; of 300 programs those of one line are the first."""
    task = load()
    given = judge(task)
    never = Judge(task, given.training._replace(final_memory=given.training.final_memory + 4), given.validation)
    ended = enumerate_programs(never, 300, np.random.default_rng(0))
    assert ended.programs == 300 and not ended.fit


@pytest.mark.parametrize("halting", ["freeze", "printed"])
def test_the_executor_is_the_interpreter_for_both_readings_of_halt(halting):
    texts = ["inc 0 0; halt; inc 1 1", "loop: inc 0 0; jump 2 loop", "halt", "inc 0 0"]
    code = encode([parse(text) for text in texts], 3)
    left = execute(code, np.zeros((1, 4), int), np.zeros((1, 3), int), base=4, steps=7, halting=halting)
    for text, registers in zip(texts, left.registers[:, 0].tolist(), strict=True):
        program = fit(parse(text), Sizes(4, 3, 3))
        assert registers == list(interpreter.run(program, [0] * 4, [0] * 3, base=4, steps=7, halting=halting).registers)


def test_examples_of_one_program_are_not_those_of_another():
    code = encode([parse("inc 0 0"), parse("inc 0 0")], 1)
    own = np.array([[[1]], [[3]]])
    left = execute(code, np.zeros((2, 1, 5), int), own, base=5, steps=1)
    assert left.registers.ravel().tolist() == [2, 4]


# --- templates


def candidate(text: str, score: float, tried: int) -> Candidate:
    return Candidate(parse_term(text), 1, score, tried, 0.0)


def test_templates_are_ranked_by_score_and_then_by_turn():
    kept = Templates(3)
    for one in (candidate("map(elem)", 0.5, 1), candidate("iterate(elem)", 0.9, 2), candidate("store(0, 1)", 0.5, 3),
                candidate("loop(store(index, 0))", 0.4, 4), candidate("map(inc(elem))", 0.5, 5)):  # fmt: skip
        kept.add(one)
    assert [one.tried for one in kept.ranked()] == [2, 1, 3]


def test_a_better_candidate_of_a_skeleton_takes_its_place_and_an_equal_one_does_not():
    kept = Templates(2)
    for one in (candidate("map(elem)", 0.5, 1), candidate("map(inc(elem))", 0.5, 2), candidate("map(index)", 0.6, 3)):
        kept.add(one)
        assert [found.tried for found in kept.ranked()] == [3 if one.tried == 3 else 1]


# --- what synthesis may use, and what it knows


def test_a_checked_register_is_no_scratch():
    task = load(TaskConfig("set", 5, 3, 4, 6, program="read 0 1; inc 1 1; halt", check={"registers": [1]}))
    assert room_of(task).zeros == (0, 2)
    unseen = held_out(task, 0)
    found = synthesize(task, training_examples(task, unseen, 0, 0, 16), SynthesisConfig()).found[0]
    assert (found.template, found.exact) == ("set(r1, inc(read(0)))", True)


@pytest.mark.parametrize("mod_by_zero", ["zero", "dividend"])
def test_spaces_of_both_readings_of_mod_are_apart(mod_by_zero):
    """x mod (x - x) is 0, or x: only with one of them is mod(elem, sub(elem, elem)) the word 0."""
    functions = space_of(load(mod_by_zero=mod_by_zero), SynthesisConfig()).functions

    def function(term: Term) -> int:
        inner = [np.array([function(argument)]) for argument in term.arguments]
        return int(functions.applied(CONSTRUCTS[term.name], *inner, True)[0][0]) if inner else functions.of_leaf(term)

    alike = function(parse_term("mod(elem, sub(elem, elem))"))
    assert alike == function(parse_term("0" if mod_by_zero == "zero" else "elem"))


def test_words_of_more_variables_than_are_sampled_stay_apart():
    """Six variables in base 6: no sample holds their 46,656 combinations, so that equal values prove nothing."""
    functions = Functions(6, "zero")
    words = [functions.of_leaf(Term(f"r{index}")) for index in range(1, 7)]
    low = words[0]
    for other in words[1:]:
        low = functions.of_construct(CONSTRUCTS["min"], (low, other))
    assert len(low.variables) == 6 and not functions.complete(low.variables)
    assert functions.complete(words[0].variables) and functions.complete(words[0].variables | words[1].variables)


def test_right_on_some_examples_is_not_exact():
    """Half of the examples ask for something else than map(inc(elem)) leaves."""
    task = load(TaskConfig("maps", 5, 4, 5, 10, program="loop: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 3 loop",
                           check={"memory": ["0..1"]}))  # fmt: skip
    examples = training_examples(task, held_out(task, 0), 0, 0, 8)
    wrong = examples.final_memory.copy()
    wrong[::2, 0] = (wrong[::2, 0] + 1) % 5
    for given, exact in ((examples, True), (examples._replace(final_memory=wrong), False)):
        for padding in ("end", "spread"):
            found = as_printed("map(inc(elem))", task, given, SynthesisConfig(padding=padding))
            assert found.exact is exact and (found.score == 1) is exact


def test_a_restart_goes_on_with_its_own_random_numbers_when_others_have_left():
    """Restart 0 is right at once; restart 1 never is, and needs more numbers than are drawn at a time."""
    task = load()
    unseen = held_out(task, 0)
    never = unseen.validation._replace(final_memory=unseen.validation.final_memory + 1)
    judges = [judge(task), Judge(task, judge(task, restart=1).training, never)]
    starts = [fitted("inc 0 1; write 0 1; halt", task), None]
    together = local_search(starts, judges, 700, [np.random.default_rng(seed) for seed in (0, 1)])
    (alone,) = local_search(starts[1:], judges[1:], 700, [np.random.default_rng(1)])
    assert together[0].programs == 1 and together[1].programs == 700
    timeless = {"seconds": 0, "core_seconds": 0}
    assert together[1]._replace(**timeless) == alone._replace(**timeless)

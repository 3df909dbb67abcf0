"""Synthesis under other readings, with registers and primitives; and the ways in which it ends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from neurocomp.config import SynthesisConfig, TaskConfig
from neurocomp.errors import UserError
from neurocomp.language.assembly import parse
from neurocomp.language.executor import execute
from neurocomp.machine_config import MachineConfig
from neurocomp.synthesis import synthesizer as search
from neurocomp.synthesis.compiled.functions import WordFunctions
from neurocomp.synthesis.language import LANGUAGE
from neurocomp.synthesis.lowering import lower
from neurocomp.synthesis.padding import pad
from neurocomp.synthesis.readable import Space
from neurocomp.synthesis.synthesizer import right_examples, synthesize, validated
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.task import load_task
from tests.test_synthesis_language import DOUBLING
from tests.test_synthesis_search import drawn, programs_of, shipped, tabled


def test_halting_as_printed_is_part_of_the_search():
    """Eleven steps take the reference twice through its 5 lines, halt or not; what is found stops by itself."""
    task = shipped("inc_value", "machine.halting=printed", "task.steps=11")
    synthesis = synthesize(task, drawn(task), SynthesisConfig(constructs=["store"]))
    assert synthesis.found[0].template == "store(0, inc(inc(read(0))))" and synthesis.found[0].exact
    assert synthesis.found[0].program == parse("read 0 1; inc 1 1; inc 1 1; write 0 1; end: jump 0 end")


@pytest.mark.parametrize("mod_by_zero, template", [("zero", "map(0)"), ("dividend", "map(elem)")])
def test_mod_by_zero_is_part_of_the_search(mod_by_zero, template):
    task = shipped("parity", "task.start_registers={6: 0}", f"machine.mod_by_zero={mod_by_zero}")
    found = synthesize(task, drawn(task), SynthesisConfig(constructs=["map"])).found
    assert found[0].template == template and found[0].exact


def test_jumps_to_a_register_are_refused():
    task = shipped("map_inc", "task.base=5", "machine.jump_target=value")
    with pytest.raises(UserError, match="jump_target=value has no labels to lower loops to; expected line, operand"):
        synthesize(task, drawn(task), SynthesisConfig())


def test_checked_registers_are_set():
    text = "read 0 1; dec 1 1; halt"
    config = TaskConfig("register", base=5, registers=3, lines=4, steps=9, program=text, check={"registers": [1]})
    task = load_task(config, MachineConfig())
    synthesis = synthesize(task, drawn(task), SynthesisConfig())
    assert synthesis.found[0].template == "set(r1, dec(read(0)))" and synthesis.found[0].exact


def test_a_new_primitive_is_built_with():
    rows = ["m0,m1,m0_final,m1_final"] + [f"{a},{b},{2 * a % 5},{2 * b % 5}" for a in range(5) for b in range(5)]
    task = tabled("\n".join(rows), steps=10, lines=5, registers=4)
    synthesis = synthesize(task, drawn(task), SynthesisConfig(), language=DOUBLING)
    assert [found.template for found in synthesis.found] == ["map(double(elem))"]
    assert right_examples(synthesis.found[0].program, held_out(task, 0).test, task) == 12


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_task_without_a_program_is_solved_from_its_file():
    rows = ["m0,m1,m0_final,m1_final"] + [f"{a},{b},{(a + 1) % 4},{(b + 1) % 4}" for a in range(4) for b in range(4)]
    synthesis = synthesize(task := tabled("\n".join(rows), 10, 5, 4), drawn(task), SynthesisConfig())
    assert synthesis.found[0].template == "map(inc(elem))" and synthesis.found[0].exact


def test_the_budget_of_programs_is_kept_to_the_program():
    task = shipped("fib")
    for budget in (1, 7, 1500):
        synthesis = synthesize(task, drawn(task), SynthesisConfig(candidates=budget))
        assert (synthesis.tried, synthesis.ended) == (budget, "candidates")
        assert synthesis.executions == 16 * budget and 1 <= synthesis.distinct <= budget
        assert 1 <= len(synthesis.found) <= 4


def test_with_validation_the_search_goes_on_to_a_program_that_is_right_there_too():
    """One example does not tell inc from a constant; what is tried ends with the program that is taken."""
    task, config = shipped("inc"), SynthesisConfig(validation=True)
    unseen = held_out(task, 0)
    examples = training_examples(task, unseen, 0, 0, 1)
    accept = validated(task, examples, unseen, config)
    hasty = synthesize(task, examples, config).found[0]
    careful = synthesize(task, examples, config, accept=accept)
    assert right_examples(hasty.program, unseen.validation, task) < len(unseen.validation.memory)
    assert right_examples(careful.found[0].program, unseen.validation, task) == len(unseen.validation.memory)
    assert careful.ended == "exact" and careful.tried == careful.found[0].candidates > hasty.candidates
    assert validated(task, examples, unseen, SynthesisConfig()) is None


def test_the_budget_of_seconds_ends_the_search_with_what_it_has():
    task = shipped("fib", "task.lines=9")  # a space that no other test has filled
    synthesis = synthesize(task, drawn(task), SynthesisConfig(seconds=0.3))
    assert synthesis.ended == "seconds" and synthesis.found and 0.3 <= synthesis.seconds < 3


def test_an_interrupted_search_keeps_what_it_found():
    task, told = shipped("fib"), []

    def interrupt(tried: int) -> None:
        told.append(tried)
        if sum(told) > 2000:
            raise KeyboardInterrupt

    synthesis = synthesize(task, drawn(task), SynthesisConfig(), interrupt)
    assert synthesis.ended == "interrupted" and synthesis.found and synthesis.tried == sum(told)


def test_a_search_after_an_interrupted_one_misses_nothing(monkeypatch):
    """Ctrl-C while programs are made leaves a space that cannot go on; the next search begins a new one."""
    task = shipped("map_inc", "task.lines=6")
    whole = synthesize(task, drawn(task), SynthesisConfig(constructs=["store", "loop", "if"]))
    search._space.cache_clear()
    apply, calls = WordFunctions.applied, itertools.count()

    def interrupt(self, *arguments):
        if next(calls) == 60:
            raise KeyboardInterrupt
        return apply(self, *arguments)

    monkeypatch.setattr(WordFunctions, "applied", interrupt)
    config = SynthesisConfig(constructs=["store", "loop", "if"])
    assert synthesize(task, drawn(task), config).ended == "interrupted"
    again = synthesize(task, drawn(task), config)
    assert (again.tried, again.ended) == (whole.tried, whole.ended)


def test_distinct_behaviors_are_counted():
    """All cells of fib are checked, so a behavior is what a program leaves in memory."""
    task = shipped("fib", "task.registers=6")
    synthesis = synthesize(task, drawn(task), SynthesisConfig(candidates=400, constructs=["map"]))
    room = search.room_of(task)
    terms = programs_of(Space(LANGUAGE.chosen(["map"]), room, "zero", (), ()), 7)[:400]
    code = np.stack([pad(lower(term, room), 7) for term in terms])
    final = execute(code, drawn(task).memory, drawn(task).registers, base=5, steps=31)
    assert synthesis.distinct == len({words.tobytes() for words in final.memory}) < len(terms) == 400

"""Dropping lines that do not matter, and counting edits between programs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocomp.language.assembly import NOOP, Program, fit, format_program, load_program, parse
from neurocomp.language.edits import edit_distance, levenshtein
from neurocomp.machine_config import MachineConfig
from neurocomp.tasks.examples import held_out
from neurocomp.tasks.shortening import length, shortened, shorter
from neurocomp.tasks.task import load_task
from neurocomp.tasks.verification import right_programs
from tests.strategies import programs
from tests.test_tasks import plain, shipped


def shortest(one: Program, **task) -> Program:
    """The program without the lines that it is right without, in a task that it is right in."""
    loaded = load_task(plain(**task), MachineConfig())
    test = held_out(loaded, seed=0).test
    assert right_programs([one], test, loaded) == [True]
    return shortened([one], test, loaded)[0]


# r0 is 0 to 3 and r1 is 0: cell 0 is to hold one more than r0.
ONE_MORE = {"program": "inc 0 0; write 1 0", "start_registers": {0: "0..3"}, "check": {"memory": [0]}}


@pytest.mark.parametrize(
    "text, lines",
    [
        ("inc 0 0; write 1 0", 2),
        ("inc 0 0; write 1 0; halt", 2),  # three steps on three lines: there is no fourth step that a halt prevents
        ("inc 0 0; write 1 0; zero 1", 2),
        ("zero 1; inc 0 0; write 1 0", 2),
        ("inc 0 0; inc 0 0; write 1 0", 3),
    ],
)
def test_a_line_that_does_not_matter_goes(text, lines):
    task = ONE_MORE | ({"program": text} if lines == 3 else {})
    assert length(shortest(parse(text), **task)) == lines


def test_a_line_that_takes_a_step_that_matters_becomes_a_noop():
    """Without its first line the program would add 1 twice in four steps."""
    program = parse("jump 1 on; zero 0; on: inc 0 0; write 1 0")
    found = shortest(program, **ONE_MORE | {"lines": 4, "steps": 4})
    assert found == parse("noop; inc 0 0; write 1 0")


def test_the_jump_back_to_the_first_line_from_the_last_does_not_matter():
    task = load_task(shipped("map_inc"), MachineConfig())
    (found,) = shortened([load_program("map_inc")], held_out(task, seed=0).test, task)
    assert found == parse("read 1 2; inc 2 2; write 1 2; inc 1 1")


def test_what_is_tried_are_deletions_with_jumps_that_go_where_they_went_then_noops():
    program = parse("noop; jump 0 on; on: inc 1 1")
    assert list(shorter(program)) == [
        parse("jump 0 on; on: inc 1 1"),
        parse("noop; inc 1 1"),
        parse("on: noop; jump 0 on"),  # the line after the last is the first
        parse("noop; noop; inc 1 1"),
        parse("noop; jump 0 on; on: noop"),
    ]
    assert list(shorter(parse("inc 1 1"))) == [Program((NOOP,))] and list(shorter(Program((NOOP,)))) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(programs(5, 2, 3), min_size=1, max_size=4), st.integers(1, 7))
def test_what_is_left_is_right_and_no_line_of_it_can_go(several, steps):
    for program in several:
        given = plain(program=format_program(program), steps=steps, check={"memory": [0, 1], "registers": [0]})
        task = load_task(given, MachineConfig())
        test = held_out(task, seed=0).test
        (found,) = shortened([program], test, task)
        assert right_programs([found], test, task) == [True] and length(found) <= length(program)
        assert not any(right_programs(list(shorter(found)), test, task))


def test_programs_are_shortened_side_by_side_as_alone():
    task = load_task(plain(**ONE_MORE), MachineConfig())
    several = [parse(text) for text in ("inc 0 0; write 1 0; zero 1", "inc 0 0; write 1 0", "noop; inc 0 0; write 1 0")]
    test = held_out(task, seed=0).test
    assert shortened(several, test, task) == [shortened([program], test, task)[0] for program in several]
    assert shortened([], test, task) == []


@pytest.mark.parametrize(
    "one, other, edits", [("kitten", "sitting", 3), ("flaw", "lawn", 2), ("", "abc", 3), ("abc", "", 3), ("", "", 0)]
)
def test_the_distances_that_textbooks_give(one, other, edits):
    assert levenshtein(one, other) == edits


@given(*[st.text("ab", max_size=6)] * 3)
def test_it_is_a_distance(one, other, third):
    there = levenshtein(one, other)
    assert there == levenshtein(other, one) and (there == 0) == (one == other)
    assert there <= levenshtein(one, third) + levenshtein(third, other)


@pytest.mark.parametrize(
    "one, other, edits",
    [
        ("inc 1 1; inc 2 2", "dec 1 1; inc 2 2", 1),
        ("read 1 2", "inc 2 2", 2),
        ("inc 1 1; jump 3 a; a: noop", "inc 1 1; noop", 3),
        ("noop; a: jump 0 a", "a: noop; jump 0 a", 1),  # another line
        ("a: jump 0 a; add 1 2 3", "b: jump r0 b; add r1 2 3", 0),  # names of lines are no part of a program
        ("inc 0 0", "noop", 3),
    ],
)
def test_edits_are_counted_in_opcodes_and_operands(one, other, edits):
    assert edit_distance(parse(one), parse(other)) == edits


def test_map_dec_is_one_edit_from_map_inc_at_any_number_of_lines():
    task = load_task(shipped("map_inc"), MachineConfig())
    first, second = (fit(load_program(name), task.sizes) for name in ("map_inc", "map_dec"))
    assert edit_distance(first, second) == 1

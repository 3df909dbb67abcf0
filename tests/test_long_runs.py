"""Subleq for millions of steps: the same as the oracle, nothing kept of a step, words that grow are stopped."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.memorizer import interpreter, long_runs
from neurocomp.memorizer.long_runs import run
from neurocomp.memorizer.subleq import HALT, Instruction, Program, parse

LIMITS = LimitsConfig(8, 1e13)
FOREVER = parse("[4] = 1\n[5] = -1\non: 4 1 next\n5 3 next\n2 2 on")
DOUBLING = parse("again: 1 1 next\n0 1 next\n1 0 again\n2 2 again")  # word 0 is doubled in three steps


@st.composite
def runs(draw) -> tuple[list[tuple[int, int, int]], list[int], int]:
    """Operands that may go on for ever, end, or leave its instructions; words beyond 64 bits; a number of steps."""
    last, address = draw(st.integers(1, 6)), st.integers(0, 3)
    operands = st.tuples(address, address, st.integers(0, last + 1))
    lines = draw(st.lists(operands, min_size=last, max_size=last))
    words = draw(st.lists(st.integers(-(2**70), 2**70) | st.integers(-3, 3), min_size=4, max_size=4))
    return lines, words, draw(st.integers(0, 200))


@given(runs(), st.sampled_from((1, 2, 7, 1 << 16)))
def test_a_long_run_ends_as_the_oracle_says_whatever_its_blocks(case, block):
    lines, words, steps = case
    program = Program((HALT, *(Instruction(*line) for line in lines)))  # beartype draws at random what it looks at
    told: list[interpreter.Step] = []
    expected = interpreter.run(program, words, steps)
    usual, long_runs.BLOCK = long_runs.BLOCK, block
    try:
        silent, telling = run(program, words, steps, LIMITS), run(program, words, steps, LIMITS, told.append)
    finally:
        long_runs.BLOCK = usual
    assert silent == telling == (expected.memory, len(expected.steps), expected.outcome)
    assert tuple(told) == expected.steps


def test_nothing_is_kept_of_a_step():
    tracemalloc.start()
    end = run(FOREVER, interpreter.start_memory(FOREVER, 16), 300_000, LIMITS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert end == ((0, -100_000, 0, 100_000, 1, -1, *[0] * 10), 300_000, "limit") and peak < 100_000


def test_words_that_grow_without_end_are_stopped_by_either_limit():
    stopped = "^stopped after 65,536 steps: its words take more than --memory-gb=1e-06; fewer steps, or a larger --m"
    with pytest.raises(UserError, match=stopped):
        run(DOUBLING, [3, 0, 0], 10**6, LimitsConfig(1e-6, 1e13))
    with pytest.raises(
        UserError,
        match=r"^stopped after 131,072 steps: with words of up to 32,770 bits they took "
        r"\S+ operations, more than --work=2e\+07$",
    ):
        run(DOUBLING, [3, 0, 0], 10**6, LimitsConfig(8, 2e7))


def test_the_command_prints_a_trace_as_it_goes_and_names_the_length_of_long_words(command, tmp_path):
    (tmp_path / "double.subleq").write_text("again: 1 1 next\n0 1 next\n1 0 again\n2 2 again")
    answer = command("subleq", "exec", "double.subleq", "--memory=3", "--steps=60000", "--size=3")
    assert answer.out.splitlines()[0] == "memory     (about 4,517 digits) (-about 4,516 digits) 0"
    refused = command("subleq", "exec", "double.subleq", "--memory=3", "--steps=200000", "--size=3", "--memory-gb=1e-6")
    assert refused.code == 2 and refused.err.startswith("neurocomp: stopped after ") and refused.err.count("\n") == 1

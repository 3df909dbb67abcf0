"""Words that searches count, make and run: small cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from neurocomp.config import SynthesisConfig, TaskConfig
from neurocomp.language import interpreter
from neurocomp.language.assembly import parse
from neurocomp.language.executor import Final, decode, encode, execute
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.search.judge import count_right
from neurocomp.synthesis.language import LANGUAGE
from neurocomp.synthesis.lowering import Room
from neurocomp.synthesis.readable import Space
from neurocomp.synthesis.score import loops_in, scores
from neurocomp.synthesis.synthesizer import right_examples, synthesize
from neurocomp.tasks.examples import held_out, training_examples
from neurocomp.tasks.outcomes import expected_words, right_words
from neurocomp.tasks.task import Examples, Task, load_task
from tests.test_tasks import plain


def task(**changes) -> Task:
    return load_task(plain(**changes), MachineConfig())


# --- words of one operation twice


def test_an_operation_on_a_word_and_itself_is_enumerated():
    space = Space(LANGUAGE.chosen(["map", "add"]), Room(Sizes(5, 4, 5), (0, 1, 2, 3)), "zero", (), ())
    texts = {str(term) for batch in space.batches() if batch for term in batch.terms}
    assert "map(add(elem, elem))" in texts and "map(add(index, elem))" in texts or "map(add(elem, index))" in texts
    assert not {"map(add(index, elem))", "map(add(elem, index))"} <= texts  # these two are one


def test_doubling_is_found():
    doubled = task(program="loop: read 1 0; add 0 0 0; write 1 0; inc 1 1; jump 2 loop", registers=3, lines=5, steps=10,
                   check={"memory": ["0..1"]})  # fmt: skip
    examples = training_examples(doubled, held_out(doubled, 0), 0, 0, 16)
    found = synthesize(doubled, examples, SynthesisConfig(constructs=["map", "add"])).found
    assert (found[0].template, found[0].exact) == ("map(add(elem, elem))", True)


# --- what counts

EXAMPLES = Examples(
    memory=np.array([[0, 0, 0, 0, 0], [1, 1, 0, 0, 0]]),
    registers=np.array([[0, 0], [0, 1]]),
    final_memory=np.array([[1, 4, -1, -1, -1], [2, 3, -1, -1, -1]]),
    final_registers=np.array([[-1, 0], [-1, 2]]),
)


def final(*memory: list[list[int]], registers: tuple[int, int] = (0, 0)) -> Final:
    words = np.array(memory)
    left = np.broadcast_to(np.array([[0, word] for word in registers]), (len(words), 2, 2))
    return Final(words, left, np.zeros((len(words), 2), bool))


def test_checked_cells_come_before_checked_registers_and_nothing_else_counts():
    given = task(check={"memory": [1], "registers": [1]})
    left = final([[0, 4, 0, 0, 0], [0, 3, 0, 0, 0]], [[1, 0, 0, 0, 0], [2, 0, 0, 0, 0]], registers=(0, 1))
    assert expected_words(EXAMPLES, given).tolist() == [[4, 0], [3, 2]]
    right = right_words(left, EXAMPLES, given).tolist()
    assert right == [[[True, True], [True, False]], [[False, True], [False, False]]]


def test_only_all_words_right_is_a_score_of_1():
    """Structure and whole examples do not make up for a wrong word: 0.7 x 3/4 + 0.1 x 1/2 + 0.2."""
    given = task(check={"memory": [0, 1]})
    left = final([[1, 4, 0, 0, 0], [2, 0, 0, 0, 0]], [[1, 4, 0, 0, 0], [2, 3, 0, 0, 0]])
    assert scores(left, np.array([True, True]), EXAMPLES, given).tolist() == pytest.approx(
        [0.7 * 3 / 4 + 0.05 + 0.2, 1]
    )


def test_right_examples_are_right_in_memory_and_registers():
    given = load_task(
        TaskConfig("both", 5, 2, 2, 2, program="inc 0 1; write 0 1", check={"memory": [0], "registers": [1]}),
        MachineConfig(),
    )
    unseen = held_out(given, 0)
    texts = ("inc 0 1; write 0 1", "inc 0 0; noop", "inc 0 1; noop", "zero 1; write 0 0")
    found = [right_examples(parse(text), unseen.test, given) for text in texts]
    assert found[0] == len(unseen.test.memory) and found[1:] != found[:1] * 3
    words = count_right(encode([parse(text) for text in texts], 2), unseen.test, given)
    ones, zeros = ((unseen.test.memory[:, 0] == word).sum() for word in (1, 0))
    count = len(unseen.test.memory)
    assert words.tolist() == [2 * count, ones, count + ones, 0] and zeros < count


def test_a_loop_is_a_jump_back_and_not_one_ahead():
    texts = ("jump 0 end; noop; end: noop", "noop; back: noop; jump 0 back", "noop; noop; self: jump 0 self", "noop")
    assert loops_in(encode([parse(text) for text in texts], 3)).tolist() == [False, True, False, False]


# --- the executor


@pytest.mark.parametrize("target, line", [(3, 0), (4, 1), (7, 1), (9, 0), (300, 0), (301, 1), (302, 2)])
def test_a_jump_far_beyond_the_last_line_wraps(target, line):
    """Three lines; the jump is line 0, so that line 0 jumps on for ever, line 1 counts one up, line 2 two registers."""
    code = encode([parse("start: jump 0 start; inc 1 1; inc 2 2")], 3)
    code[0, 0, 4] = target
    left = execute(code, np.zeros((1, 5), int), np.zeros((1, 3), int), base=5, steps=2)
    assert left.registers[0, 0].tolist() == [0, int(line == 1), int(line == 2)]
    program = decode(code[0])
    assert interpreter.run(program, [0] * 5, [0] * 3, base=5, steps=2).registers == tuple(left.registers[0, 0])


def test_a_halt_is_told_whether_it_freezes_or_not():
    code = encode([parse("halt; inc 0 0"), parse("noop; inc 0 0")], 2)
    for halting, registers in (("freeze", [0, 1]), ("printed", [1, 1])):
        left = execute(code, np.zeros((1, 3), int), np.zeros((1, 1), int), base=3, steps=2, halting=halting)
        assert left.halted[:, 0].tolist() == [True, False] and left.registers[:, 0, 0].tolist() == registers

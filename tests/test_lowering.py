"""Lowering overwrites no word that is still needed. The words at the end are worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from neurocomp.language.executor import decode
from neurocomp.language.interpreter import run
from neurocomp.machine_config import Sizes
from neurocomp.synthesis.assembler import Room
from neurocomp.synthesis.grammar import parse
from neurocomp.synthesis.lowering import lower


@pytest.mark.parametrize("registers", [4, 9])
@pytest.mark.parametrize(
    "text, end",
    [
        ("map(add(inc(elem), elem), 2)", "1 3 1 1 2 4"),  # 2 x + 1
        ("map(add(elem, inc(elem)), 2)", "1 3 1 1 2 4"),
        ("map(sub(inc(elem), elem), 2)", "1 1 1 1 2 4"),
        ("map(max(dec(elem), elem), 2)", "3 1 5 1 2 4"),
        ("map(add(elem, sub(elem, inc(elem))), 2)", "2 0 5 1 2 4"),  # x - 1
        ("iterate(sub(inc(elem), dec(elem)), 2)", "3 2 2 2 2 4"),
        ("iterate(index, 2)", "3 0 1 2 2 4"),
    ],
)
def test_element_and_index_are_kept_until_their_last_use(text, end, registers):
    zeros = tuple(range(registers))
    program = decode(np.array(lower(parse(text), Room(Sizes(6, registers, 20), zeros)).rows))
    outcome = run(program, [3, 1, 0, 1, 2, 4], [0] * registers, base=6, steps=80)
    assert outcome.halted and " ".join(map(str, outcome.memory)) == end

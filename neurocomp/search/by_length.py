"""method=enumerate: all programs of one line, then of two, and so on; the rest of the machine's lines are noops.

Two kinds of programs are merged, and no behavior is lost:
- Instructions that do the same in *every* state (`add 1 2 3` and `add 2 1 3`; `sub 1 1 3` and `zero 3`; a jump to the
  next line and noop). One can stand for the other on that line of any program: no run will differ.
- Programs that end in a noop: they were enumerated among the shorter ones.
Longer fragments are not merged. Two fragments that agree from the start states may differ from others, which they
meet too because the counter wraps and jumps lead back. Even two that agree in all states may differ in a program: a
jump may enter one in its middle, and T may end the run there.

Each restart takes the programs of a length in an order of its own, because the space is far larger than any budget:
in one fixed order, 100 restarts would all see the same first programs.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from neurocomp.language.assembly import NOOP, slots
from neurocomp.language.isa import COLUMN, INDEX, OPCODES, CodeRow, compute
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.search.judge import Judge, Searched, first_right
from neurocomp.search.space import FIELDS, bounds, used_fields

BLOCK = 256  # programs that are executed at a time
DRAWN = 1 << 18  # programs that are drawn at a time
NOTHING = (NOOP.opcode,)  # the meaning of an instruction that only takes a step


def enumerate_programs(judge: Judge, budget: int, rng: np.random.Generator, limit: float | None = None) -> Searched:
    """The first of at most `budget` programs that is accepted, else the first that leaves the most words right.

    `limit` ends it as it ends `first_right`. The list of instructions is made before, once for all restarts.
    """
    machine = judge.task.machine
    lines = instructions(judge.task.sizes, machine.halting, machine.mod_by_zero, machine.jump_target)
    return first_right(by_length(lines, budget, rng), judge, limit)


def by_length(lines: tuple[np.ndarray, ...], budget: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Blocks of different programs [P, L, 5], the shortest first, `budget` programs at most.

    `lines` holds for each line the instructions [I, 5] to choose from; the first of them is noop.
    """
    noops = np.stack([choices[0] for choices in lines])
    for length in range(1, len(lines) + 1):
        # The last line is not a noop, else the program would be a shorter one. Only the program of nothing but noops
        # has no shorter one: it counts among those of one line.
        lowest = np.array([0] * length if length == 1 else [0] * (length - 1) + [1])
        counts = np.array([len(choices) for choices in lines[:length]]) - lowest
        for chosen in distinct(counts, budget, rng):
            budget -= len(chosen)
            for first in range(0, len(chosen), BLOCK):
                block = chosen[first : first + BLOCK] + lowest
                code = np.repeat(noops[None], len(block), axis=0)
                for line in range(length):
                    code[:, line] = lines[line][block[:, line]]
                yield code
        if not budget:
            return


def distinct(counts: np.ndarray, most: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Different rows of indices [P, len(counts)], each index below its count, in random order, at most `most` rows.

    They come in parts, so that each row that was drawn is kept as one number of 8 bytes: its place in the order of
    all rows.
    """
    total = math.prod(counts.tolist())
    if total <= most:
        order = rng.permutation(total)
        for first in range(0, total, DRAWN):
            yield np.stack(np.unravel_index(order[first : first + DRAWN], counts), axis=1)
        return
    seen, left = np.empty(0, dtype=np.int64), most
    while left:
        # The rows do not depend on the size of the parts, because the generator makes one number after the other.
        rows = rng.integers(0, counts, size=(min(most, max(DRAWN, len(seen) // 16)), len(counts)))
        places = np.asarray(np.ravel_multi_index(tuple(rows.T), counts))
        first = np.sort(np.unique(places, return_index=True)[1])
        new = first[~_contains(seen, places[first])][:left]
        left -= len(new)
        seen = np.concatenate([seen, places[new]])
        seen.sort()
        yield rows[new]


def _contains(sorted_numbers: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Which of `numbers` [N] are among `sorted_numbers`, as booleans [N]."""
    if not len(sorted_numbers):
        return np.zeros(len(numbers), dtype=bool)
    places = np.searchsorted(sorted_numbers, numbers)
    return sorted_numbers[np.minimum(places, len(sorted_numbers) - 1)] == numbers


@functools.lru_cache(maxsize=16)
def instructions(sizes: Sizes, halting: str, mod_by_zero: str, jump_target: str) -> tuple[np.ndarray, ...]:
    """For each line the instructions [I, 5] with different effects there: noop first, then in `isa`'s order."""
    machine = MachineConfig(halting=halting, mod_by_zero=mod_by_zero, jump_target=jump_target)
    raw = every_instruction(sizes, jump_target)
    meanings = [meaning(row, sizes, machine) for row in raw]
    lines = []
    for line in range(sizes.lines):
        following = (line + 1) % sizes.lines
        kept: dict[tuple, np.ndarray] = {NOTHING: raw[-1]}
        for row, means in zip(raw, meanings, strict=True):
            to_a_line = row[COLUMN.opcode] == INDEX["jump"] and jump_target != "value"
            to_the_next = to_a_line and row[COLUMN.target] == following
            kept.setdefault(NOTHING if to_the_next else means, row)
        lines.append(np.stack(list(kept.values())))
    return tuple(lines)


def every_instruction(sizes: Sizes, jump_target: str) -> np.ndarray:
    """All instructions [I, 5] with every operand, unused slots 0; noop is the last."""
    high, used = bounds(sizes), used_fields(jump_target)
    rows = []
    for opcode in sorted(range(len(OPCODES)), key=lambda index: index == INDEX[NOOP.opcode]):
        values = [range(high[field]) if used[opcode, field] else [0] for field in range(1, len(FIELDS))]
        rows += [CodeRow(opcode, *operands) for operands in itertools.product(*values)]
    return np.array(rows)


def meaning(row: np.ndarray, sizes: Sizes, machine: MachineConfig) -> tuple:
    """The effect of an instruction, in a form that is equal for instructions that do the same in every state.

    A computed word is a function of the registers that it depends on. With halting=printed a halt stops nothing and
    leaves all words as they are.
    """
    fields = CodeRow(*row.tolist())
    opcode = OPCODES[fields.opcode]
    if opcode.result is None:
        if opcode.name == "halt" and machine.halting == "printed":
            return NOTHING
        return opcode.name, *(getattr(fields, operand.slot) for operand in slots(opcode, machine.jump_target))
    words = range(sizes.base)
    table = np.array([[compute(opcode, x, y, sizes.base, machine.mod_by_zero) for y in words] for x in words])
    sources, function = _dependence(fields.first, fields.second, table)
    if sources == (fields.third,) and function == tuple(words):
        return NOTHING
    return "compute", fields.third, sources, function


def _dependence(first: int, second: int, table: np.ndarray) -> tuple[tuple[int, ...], tuple]:
    """The registers that a computed word depends on, in order, and the word for each of their values.

    `table` [b, b] holds the word for each two words in the registers `first` and `second`.
    """
    if first == second:  # both operands are the same word: off the diagonal there is nothing to see
        table = np.repeat(table.diagonal()[:, None], len(table), axis=1)
    if first > second:
        first, second, table = second, first, table.T
    on_first, on_second = (table != table[:1]).any(), (table != table[:, :1]).any()
    if on_first and on_second:
        return (first, second), tuple(table.ravel().tolist())
    if on_first:
        return (first,), tuple(table[:, 0].tolist())
    return ((second,), tuple(table[0].tolist())) if on_second else ((), (int(table[0, 0]),))

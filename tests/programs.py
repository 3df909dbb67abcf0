"""The programs that every stage is tested on: what each starts from, and what it must leave.

All final states are worked by hand from the meaning of the opcodes (fib's 1 2 3 5 8 is the known sequence). They
were never computed by the code under test. Base, registers and lines differ within a case wherever the program
allows it, so that a swapped axis fails.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from neurocomp.language.assembly import Program, load_program, parse, shipped_programs
from neurocomp.machine_config import Sizes


class Case(NamedTuple):
    """`program` is a shipped name or text; `readings` are machine settings other than the defaults."""

    title: str
    program: str
    memory: tuple[int, ...]
    registers: tuple[int, ...]
    steps: int
    final_memory: tuple[int, ...]
    final_registers: tuple[int, ...]
    halted_after: int | None
    readings: dict[str, Any]

    @property
    def base(self) -> int:
        return len(self.memory)

    @property
    def executed(self) -> int:
        """How many steps the run takes: after a halt no more follow, unless halting is as printed."""
        if self.halted_after is None or self.readings.get("halting") == "printed":
            return self.steps
        return self.halted_after

    @property
    def parsed(self) -> Program:
        jump_target = self.readings.get("jump_target", "line")
        shipped = self.program in shipped_programs()
        return load_program(self.program) if shipped else parse(self.program, jump_target=jump_target)

    @property
    def sizes(self) -> Sizes:
        return Sizes(self.base, len(self.registers), len(self.parsed))


def case(
    title: str,
    program: str,
    start: tuple[str, str],
    steps: int,
    end: tuple[str, str],
    halted_after: int | None = None,
    **readings: str,
) -> Case:
    """A case whose start and end are written as (memory, registers)."""
    words = [tuple(int(word) for word in text.split()) for text in (*start, *end)]
    return Case(title, program, words[0], words[1], steps, words[2], words[3], halted_after, readings)


M = "3 1 4 1 5 2 6"
R = "2 5 0 6"

OPCODE_CASES = [
    case("halt", "halt", (M, R), 3, (M, R), halted_after=1),
    case("zero", "zero 3", (M, R), 1, (M, "2 5 0 0")),
    case("inc", "inc 1 2", (M, R), 1, (M, "2 5 6 6")),
    case("inc_wraps", "inc 3 1", (M, R), 1, (M, "2 0 0 6")),
    case("dec", "dec 0 2", (M, R), 1, (M, "2 5 1 6")),
    case("dec_wraps", "dec 2 0", (M, R), 1, (M, "6 5 0 6")),
    case("add", "add 0 0 2", (M, R), 1, (M, "2 5 4 6")),
    case("add_wraps", "add 0 3 2", (M, R), 1, (M, "2 5 1 6")),
    case("sub", "sub 1 0 2", (M, R), 1, (M, "2 5 3 6")),
    case("sub_wraps", "sub 0 1 2", (M, R), 1, (M, "2 5 4 6")),
    case("min", "min 1 0 2", (M, R), 1, (M, "2 5 2 6")),
    case("max", "max 0 1 2", (M, R), 1, (M, "2 5 5 6")),
    case("mod", "mod 1 0 2", (M, R), 1, (M, "2 5 1 6")),
    case("mod_of_a_smaller_word", "mod 0 1 3", (M, R), 1, (M, "2 5 0 2")),
    case("mod_by_zero_is_zero", "mod 1 2 3", (M, R), 1, (M, "2 5 0 0"), mod_by_zero="zero"),
    case("mod_by_zero_is_the_dividend", "mod 1 2 3", (M, R), 1, (M, "2 5 0 5"), mod_by_zero="dividend"),
    case("read", "read 0 2", (M, R), 1, (M, "2 5 4 6")),
    case("write", "write 1 3", (M, R), 1, ("3 1 4 1 5 6 6", R)),
    case("noop", "noop", (M, R), 1, (M, R)),
    case("destination_is_a_source", "add 1 0 1", (M, R), 1, (M, "2 0 0 6")),
    case("jump_on_zero", "jump 2 end; inc 0 0; end: inc 1 1", (M, R), 2, (M, "2 6 0 6")),
    case("no_jump_otherwise", "jump 0 end; inc 0 0; end: inc 1 1", (M, R), 2, (M, "3 5 0 6")),
    case("counter_wraps", "inc 0 0; inc 1 1", (M, R), 3, (M, "4 6 0 6")),
    case("label_after_the_last_line", "inc 0 0; jump 2 end; inc 1 1; end:", (M, R), 3, (M, "4 5 0 6")),
    case("halt_freezes", "inc 0 0; halt; inc 1 1", (M, R), 5, (M, "3 5 0 6"), halted_after=2, halting="freeze"),
    case("halt_as_printed", "inc 0 0; halt; inc 1 1", (M, R), 5, (M, "4 6 0 6"), halted_after=2, halting="printed"),
    # jump_target=operand needs as many registers as lines, jump_target=value a base of as many as lines
    case("operand_jump", "loop: inc 1 1; jump 0 loop; noop", (M, "0 5 3"), 3, (M, "0 0 3"), jump_target="operand"),
    case(
        "value_jump_on_zero",
        "jump 0 1; inc 2 2; inc 2 2; dec 2 2",
        ("2 0 3 1", "0 3 1"),
        2,
        ("2 0 3 1", "0 3 0"),
        jump_target="value",
    ),
    case(
        "no_value_jump_otherwise",
        "jump 0 1; inc 2 2; inc 2 2; dec 2 2",
        ("2 0 3 1", "1 3 1"),
        2,
        ("2 0 3 1", "1 3 2"),
        jump_target="value",
    ),
]

SHIPPED_CASES = [
    case("inc", "inc", ("2 0 4 1 3 0", "0 0"), 6, ("1 0 4 1 3 0", "0 1"), halted_after=5),
    case("map_inc", "map_inc", ("3 5 0 1 2 4", "0 0 0 0"), 20, ("4 0 1 2 2 4", "0 4 2 0")),
    case("map_inc_meets_cell_0_again", "map_inc", ("0 1 2 3", "0 0 0 0"), 25, ("2 2 3 0", "0 1 2 0")),
    case("map_dec", "map_dec", ("3 5 0 1 2 4", "0 0 0 0"), 20, ("2 4 5 0 2 4", "0 4 0 0")),
    case("reduce", "reduce", ("3 4 2 7 1 0 0 0 0 8", "0 0 0 0 0 0"), 21, ("3 4 2 9 1 0 0 0 0 8", "0 9 2 3 2 9")),
    case("reduce_mod_5", "reduce", ("3 4 2 0 1", "0 0 0 0 0 0"), 21, ("3 4 2 4 1", "0 4 2 3 2 4")),
    case("parity", "parity", ("3 6 5 2 4 1 0 7", "0 0 0 0 3 0 2"), 28, ("1 0 1 0 4 1 0 7", "0 0 2 4 3 7 2")),
    case("parity_without_R6", "parity", ("3 6 5 2 4 1 0 7", "0 0 0 0 1 0 0"), 14, ("0 0 5 2 4 1 0 7", "0 0 6 2 1 7 0")),
    case(
        "parity_without_R6_dividend",
        "parity",
        ("3 6 5 2 4 1 0 7", "0 0 0 0 1 0 0"),
        14,
        ("3 6 5 2 4 1 0 7", "0 6 6 2 1 7 0"),
        mod_by_zero="dividend",
    ),
    case("fib", "fib", ("4 4 4 4 4 4 4 4 4", "0 0 0 0 0"), 31, ("1 2 3 5 8 4 4 4 4", "0 5 8 5 0")),
    case("fib_mod_5", "fib", ("4 0 2 1 3", "0 0 0 0 0"), 31, ("1 2 3 0 3", "0 0 3 0 0")),
    case("cond_divides", "cond", ("1 2 5 3 4 6 7 0", "0 7 6 3 2 0"), 4, ("1 2 0 3 4 6 7 0", "0 0 6 3 2 0")),
    case("cond_does_not_divide", "cond", ("1 2 5 3 4 6 7 0", "0 6 7 3 2 0"), 4, ("1 2 5 3 4 6 7 0", "0 5 7 3 2 0")),
    case("access", "access", ("3 5 0 6 2 1 4", "0 0"), 5, ("6 5 0 6 2 1 4", "0 6"), halted_after=4),
    case("swap", "swap", ("4 2 5 1 3 0", "0 0 0 0 0"), 7, ("4 2 3 1 5 0", "0 4 2 3 5")),
    case("swap_with_itself", "swap", ("3 3 5 1 2 0", "0 0 0 0 0"), 7, ("3 3 5 1 2 0", "0 3 3 1 1")),
    # nodes 3 -> 2 -> 1 -> 4, whose values are 9 0 7 5; k is 3, 1 and 4
    case(
        "list_k",
        "list_k",
        ("3 4 1 2 3 3 7 0 9 5", "0 0 0 0 5"),
        19,
        ("7 4 1 2 3 3 7 0 9 5", "0 7 0 0 5"),
        halted_after=16,
    ),
    case(
        "list_k_1",
        "list_k",
        ("3 4 1 2 3 1 7 0 9 5", "0 0 0 0 5"),
        19,
        ("9 4 1 2 3 1 7 0 9 5", "0 9 0 0 5"),
        halted_after=8,
    ),
    case("list_k_4", "list_k", ("3 4 1 2 3 4 7 0 9 5", "0 0 0 0 5"), 19, ("5 4 1 2 3 4 7 0 9 5", "0 5 0 0 5")),
    case("reverse", "reverse", ("3 5 2 0 7 1 6 4", "0 0 0 0 5 1"), 15, ("3 5 2 2 5 3 6 4", "0 3 2 0 2 1")),
    case(
        "sort_descending",
        "sort_descending",
        ("1 3 2 0 5 6 7 4", "0 0 0 0 2 0 0 0"),
        50,
        ("3 2 1 0 5 6 7 4", "0 1 3 1 0 0 0 2"),
        halted_after=39,
    ),
    case("loop_noop", "loop_noop", ("5 4 3 2 1 0", "0 0 0 0 0"), 12, ("5 4 3 2 1 0", "0 0 0 3 0")),
]

CASES = OPCODE_CASES + SHIPPED_CASES

each_case = pytest.mark.parametrize("case", [pytest.param(c, id=f"{i}-{c.title}") for i, c in enumerate(CASES)])

"""High-level programs: their text, their meaning, and that their assembly does the same."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from neurocomp.errors import UserError
from neurocomp.language.assembly import load_program
from neurocomp.language.assembly import parse as parse_assembly
from neurocomp.language.executor import decode
from neurocomp.language.interpreter import run
from neurocomp.machine_config import READINGS, Sizes
from neurocomp.synthesis.assembler import DoesNotFit, Lowered, Room
from neurocomp.synthesis.construct import WORD, Construct
from neurocomp.synthesis.constructs import CONSTRUCTS
from neurocomp.synthesis.grammar import parse, weight
from neurocomp.synthesis.language import LANGUAGE, Language
from neurocomp.synthesis.lowering import lower
from neurocomp.synthesis.meaning import rounds
from neurocomp.synthesis.padding import pad
from neurocomp.synthesis.terms import Term, parse_term, terms_in
from neurocomp.synthesis.world import World
from tests.templates import statements

BASE, REGISTERS, LINES, STEPS, MOMENTS = 5, 40, 400, 700, 40
NAMED = (8, 9, 10)  # the registers that random programs name; the others start at 0
ROOM = Room(Sizes(BASE, REGISTERS, LINES), tuple(i for i in range(REGISTERS) if i not in NAMED))
WORD_LIST = st.lists(st.integers(0, BASE - 1), min_size=BASE, max_size=BASE)
STARTS = st.tuples(WORD_LIST, st.lists(st.integers(0, BASE - 1), min_size=3, max_size=3))
MOD_BY_ZERO = st.sampled_from(READINGS["mod_by_zero"])


def room(base: int, registers: int, lines: int, inputs: tuple[int, ...] = (), halting: str = "freeze") -> Room:
    """A machine whose registers start at 0, but for the inputs."""
    return Room(Sizes(base, registers, lines), tuple(i for i in range(registers) if i not in inputs), halting)


def memory_after(text: str, memory: str, registers: str = "", language: Language = LANGUAGE) -> str:
    """The words that a program leaves when it ends, by its meaning alone."""
    words = [int(word) for word in memory.split()]
    world = World(len(words), words, [int(word) for word in registers.split()])
    list(rounds(parse(text, language), world, language))
    return " ".join(map(str, world.memory))


def registers_of(start: tuple[list[int], list[int]]) -> list[int]:
    registers = [0] * REGISTERS
    registers[8:11] = start[1]
    return registers


# --- meaning


@pytest.mark.parametrize(
    "text, start, end",
    [
        ("store(0, read(inc(read(0))))", "2 0 4 1 3 0", "1 0 4 1 3 0"),
        ("store(read(0), 5)", "2 0 4 1 3 0", "2 0 5 1 3 0"),
        ("map(inc(elem), 2)", "3 5 0 1 2 4", "4 0 1 1 2 4"),
        ("map(sub(elem, index), 3)", "3 5 0 1 2 4", "3 4 4 4 2 4"),
        ("map(r1, r0)", "3 5 0 1 2 4", "4 4 0 1 2 4"),
        ("iterate(inc(elem), 3)", "3 5 0 1 2 4", "3 4 5 0 1 4"),
        ("update(mod(elem, 2), 0, 4)", "3 5 0 1 2 4", "0 0 0 0 2 4"),
        ("reduce(add, 0, 2)", "3 4 2 0 1 0", "3 4 2 3 1 0"),
        ("reduce(max, 1, 3)", "3 5 0 1 2 4", "3 5 0 1 5 4"),
        ("reduce(sub, 5, r0)", "3 5 0 1 2 4", "3 5 3 1 2 4"),
        ("loop(store(index, index), 4)", "3 5 0 1 2 4", "0 1 2 3 4 4"),
        ("loop(seq(store(5, add(elem, read(5))), store(index, 0)), 4)", "1 2 0 1 0 0", "0 0 0 0 0 4"),
        ("loop(map(inc(elem), 1), 2)", "3 5 0 1 2 4", "0 2 0 1 2 4"),
        ("if(read(2), store(0, 1))", "3 5 0 1 2 4", "3 5 0 1 2 4"),
        ("if(read(2), store(0, 1), store(1, 1))", "3 5 0 1 2 4", "3 1 0 1 2 4"),
        ("if(read(3), store(0, 1), store(1, 1))", "3 5 0 1 2 4", "1 5 0 1 2 4"),
        ("unless(read(2), store(0, 1))", "3 5 0 1 2 4", "1 5 0 1 2 4"),
        ("seq(store(0, 1), store(1, read(0)), noop)", "3 5 0 1 2 4", "1 1 0 1 2 4"),
        ("put(inc(read(0)), max(read(0), 4))", "3 5 0 1 2 4", "3 5 0 1 4 4"),
    ],
)
def test_meaning_worked_by_hand(text, start, end):
    assert memory_after(text, start, "1 4") == end


def test_set_changes_a_register():
    world = World(6, [3, 5, 0, 1, 2, 4], [1, 4])
    assert list(rounds(parse("set(r1, inc(read(0)))"), world)) == []
    assert world.registers == [1, 4] and parse("noop") == Term("noop")


def test_a_loop_that_never_ends_goes_round_and_round():
    world = World(3, [0, 0, 0], [])
    moments = [list(world.memory) for _ in islice(rounds(parse("map(inc(elem))"), world), 5)]
    assert moments == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1]]


def test_a_bound_at_the_last_cell_never_ends():
    """The index after the last cell is 0 again, and 0 is not above the bound; the assembly sees it so too."""
    world = World(3, [0, 0, 0], [])
    assert len(list(islice(rounds(parse("map(inc(elem), 2)"), world), 9))) == 9


# --- assembly


def meant(term: Term, memory: list[int], registers: list[int], mod_by_zero: str, language: Language = LANGUAGE):
    """Memory as each round of a loop begins, then at the end, as far as `MOMENTS`; and the world after that."""
    world = World(BASE, list(memory), list(registers), mod_by_zero)
    moments = [tuple(world.memory) for _ in islice(rounds(term, world, language), MOMENTS)]
    return (moments if len(moments) == MOMENTS else [*moments, tuple(world.memory)]), world


def happened(lowered: Lowered, memory: list[int], registers: list[int], mod_by_zero: str):
    """The same for the assembly: memory each time control comes to the head of a loop, then after the halt."""
    heads = {head for head, _ in lowered.loops}
    moments, before = [], [tuple(memory)]

    def trace(step, line, instruction, memory, registers):
        if line in heads:
            moments.append(before[0])
        before[0] = memory

    program = decode(np.array(lowered.rows))
    outcome = run(program, memory, registers, base=BASE, steps=STEPS, mod_by_zero=mod_by_zero, trace=trace)
    return moments + [outcome.memory] * outcome.halted, outcome


@settings(max_examples=200)
@given(statements(), STARTS, MOD_BY_ZERO, st.integers(1, 9))
def test_assembly_leaves_in_memory_what_the_program_means(term, start, mod_by_zero, zeros):
    """At every moment a round of a loop begins, so of programs that never end too; and at the end of the others.

    With few registers where the program fits them: then registers are used again, and loops set theirs to 0.
    """
    try:
        lowered = lower(parse(str(term)), Room(ROOM.sizes, ROOM.zeros[:zeros]))
    except DoesNotFit:
        lowered = lower(parse(str(term)), ROOM)
    registers = registers_of(start)
    expected, world = meant(term, start[0], registers, mod_by_zero)
    found, outcome = happened(lowered, start[0], registers, mod_by_zero)
    shared = min(len(expected), len(found))
    assert found[:shared] == expected[:shared]
    assert shared == MOMENTS or len(found) == len(expected) or not outcome.halted
    if outcome.halted and len(expected) == len(found) < MOMENTS:
        assert outcome.registers[8] == world.registers[8]


def test_random_programs_use_the_whole_language():
    """A construct that is added to the table has to be added to the programs that its lowering is tested with."""
    drawn: set[str] = set()

    @settings(max_examples=70, database=None, derandomize=True, phases=[Phase.generate])
    @given(statements())
    def draw(term):
        drawn.update(inner.name for inner in terms_in(term))

    draw()
    assert drawn >= set(CONSTRUCTS)


@pytest.mark.parametrize("padding", ["end", "start", "spread", "loop"])
@given(statements(ends=True), STARTS, st.integers(0, 9), st.integers(0, 12))
def test_padding_does_not_change_what_a_program_does(padding, term, start, free, noops):
    lowered = lower(term, ROOM)
    lines = len(lowered.rows) + free
    padded = decode(pad(lowered, lines, padding, noops))
    assert len(padded) == lines
    kept = [i.opcode for i in padded.instructions if i.opcode != "noop"]
    assert kept == [i.opcode for i in decode(np.array(lowered.rows)).instructions if i.opcode != "noop"]
    plain, changed = (
        run(program, start[0], registers_of(start), base=BASE, steps=30 * STEPS)
        for program in (decode(np.array(lowered.rows)), padded)
    )
    if plain.halted:
        assert changed[:2] == plain[:2] and changed.halted


@pytest.mark.parametrize(
    "padding, noops, expected",
    [
        ("end", None, "loop: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 0 loop; noop; noop; noop"),
        ("start", None, "noop; noop; noop; loop: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 0 loop"),
        ("loop", None, "loop: read 1 2; inc 2 2; write 1 2; inc 1 1; noop; noop; noop; jump 0 loop"),
        ("spread", None, "noop; loop: read 1 2; noop; inc 2 2; write 1 2; noop; inc 1 1; jump 0 loop"),
        ("loop", 1, "loop: read 1 2; inc 2 2; write 1 2; inc 1 1; noop; jump 0 loop; noop; noop"),
        ("start", 0, "loop: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 0 loop; noop; noop; noop"),
        ("start", 99, "noop; noop; noop; loop: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 0 loop"),
    ],
)
def test_noops_stand_where_they_should(padding, noops, expected):
    lowered = lower(parse("map(inc(elem))"), room(6, 4, 8))
    assert decode(pad(lowered, 8, padding, noops)) == parse_assembly(expected)


@pytest.mark.parametrize(
    "text, inputs, lines, registers",
    [
        ("store(0, read(inc(read(0))))", (), 4, 2),  # the paper's inc without its halt
        ("map(inc(elem))", (), 5, 3),  # map of Listing 1
        ("reduce(add, 0, 2)", (), 9, 4),  # reduce of Listing 1, its element and its test in one register
        ("map(mod(elem, r6), r4)", (4, 6), 7, 2),  # filter_loop of the appendix, which has an index and a word
        ("seq(store(0, 1), iterate(inc(elem)))", (), 7, 4),
    ],
)
def test_programs_take_no_more_than_they_have_to(text, inputs, lines, registers):
    """Lines and registers (beside inputs) counted in the paper's programs, or by hand."""
    machine = Room(Sizes(6, 9, lines), tuple(i for i in range(9) if i not in inputs)[:registers])
    assert len(lower(parse(text), machine).rows) == lines
    with pytest.raises(DoesNotFit, match=f"needs {lines} lines, the machine has {lines - 1}$"):
        lower(parse(text), machine._replace(sizes=Sizes(6, 9, lines - 1)))
    with pytest.raises(DoesNotFit, match=f"needs {registers} registers that start at 0 .*, there are {registers - 1}"):
        lower(parse(text), machine._replace(zeros=machine.zeros[:-1]))


def test_lowered_inc_is_the_papers():
    lowered = lower(parse("store(0, read(inc(read(0))))"), room(6, 5, 5))
    assert decode(pad(lowered, 5)) == load_program("inc")


def test_missing_lines_and_registers_are_told_together():
    needs = "needs 9 lines, the machine has 8; and 4 registers that start at 0 and that it does not name, there are 3"
    with pytest.raises(DoesNotFit, match=needs):
        lower(parse("reduce(add, 0, 2)"), room(6, 3, 8))


@pytest.mark.parametrize(
    "text, expected",
    [("map(7)", "there is no word 7 in base 6"), ("map(r9)", "there is no register r9, the machine has 5")],
)
def test_what_the_machine_does_not_have_is_told(text, expected):
    with pytest.raises(DoesNotFit, match=expected):
        lower(parse(text), room(6, 5, 9))


def test_where_a_halt_does_not_freeze_a_program_stops_by_jumping_to_itself():
    rows = lower(parse("store(0, inc(read(0)))"), room(6, 5, 5, halting="printed")).rows
    assert decode(np.array(rows)) == parse_assembly("read 0 1; inc 1 1; write 0 1; end: jump 0 end")


def test_a_program_that_fills_all_lines_starts_over():
    lowered = lower(parse("store(0, inc(read(0)))"), room(6, 5, 3))
    outcome = run(decode(np.array(lowered.rows)), [3, 0, 0, 0, 0, 0], [0] * 5, base=6, steps=6)
    assert outcome.memory[0] == 5


# --- text


@given(statements())
def test_formatting_and_parsing_give_the_same_program(term):
    assert parse(str(term)) == term == parse_term(str(term).replace(" ", "").replace("(", " ( "))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", 'template "": the end, expected a name or a number'),
        ("map(inc(elem)", 'the end, expected "," or ")"'),
        ("map(inc(elem)))", '")" at character 15, expected nothing more'),
        ("map(inc elem)", '"elem" at character 9, expected "," or ")"'),
        ("map(inc(+))", '"+" at character 9, expected a name, a number'),
        ("map()", '")" at character 5, expected a name or a number'),
        ("map(" + "inc(" * 60 + "elem" + ")" * 61, "expected at most 50 terms in each other"),
        ("mup(inc(elem))", 'unknown statement "mup", expected one of store, map'),
        ("mup(inc(elem))", 'did you mean "map"?'),
        ("map(inc(elm))", 'unknown word "elm"'),
        ("map(inc(elm))", 'did you mean "elem"?'),
        ("map(store(0, 0))", '"store" is no word, expected a number'),
        ("inc(0)", '"inc" is no statement'),
        ("elem", 'unknown statement "elem"'),
        ("store(0)", 'store takes address, word, got 1 in "store(0)"'),
        ("noop(0)", 'noop takes nothing, got 1 in "noop(0)"'),
        ("seq(noop)", "seq takes statement*, got 1"),
        ("store(elem, 0)", '"elem" is a word of loops, and there is no loop around it'),
        ("loop(store(elem, 0))", '"elem" as an address in a loop, expected a number, a register such as r4, or index'),
        ("reduce(inc, 0, 1)", '"inc", expected one of add, sub, min, max, mod'),
        ("reduce(add, elem, 1)", '"elem", expected a number or a register such as r4'),
        ("map(elem, inc(1))", '"inc(1)", expected a number or a register'),
        ("map(elem, 1(2))", '"1(2)", expected 1 alone'),
        ("set(0, 1)", '"0", expected a register such as r4'),
        ("seq(set(r1, 2), store(0, r1))", "r1 is set and read, expected a register that is not set, or a cell"),
        ("seq(map(elem), noop)", '"map(elem)" never ends, and something follows it; expected a loop with a bound'),
        ("loop(if(elem, map(0)))", "never ends, and something follows it"),
        ("3(elem)", 'unknown statement "3"'),
    ],
)
def test_mistakes_are_told_in_one_line(text, expected):
    with pytest.raises(UserError) as raised:
        parse(text)
    assert expected in str(raised.value)
    assert str(raised.value).startswith('template "') and "\n" not in str(raised.value)


def test_weights_add_up():
    assert weight(parse("map(inc(elem))")) == 3
    assert weight(parse("store(0, read(inc(read(0))))")) == 6
    assert weight(parse("reduce(add, 0, 2)")) == 6  # numbers weigh their size + 1


# --- the table


def test_a_new_primitive_is_one_row():
    """It is parsed, has a meaning, is lowered, and programs are built with it (test_synthesis_budgets)."""
    assert memory_after("map(double(elem), 2)", "3 5 0 1 2 4", language=DOUBLING) == "0 4 0 1 2 4"
    lowered = lower(parse("map(double(elem))", DOUBLING), room(6, 3, 5), DOUBLING)
    assembly = "loop: read 1 2; add 2 2 2; write 1 2; inc 1 1; jump 0 loop"
    assert decode(np.array(lowered.rows)) == parse_assembly(assembly)
    assert DOUBLE in DOUBLING.chosen(None) and DOUBLE in DOUBLING.chosen(["map", "double"])
    assert DOUBLE not in DOUBLING.chosen(["map", "inc"]) and DOUBLE not in LANGUAGE.chosen(None)


DOUBLE = Construct(
    "double", WORD, (WORD,), 1, (1,),
    meaning=lambda world, x: 2 * x % world.base,
    lower=lambda assembler, to, x: assembler.emit("add", x, x, to=to),
)  # fmt: skip
DOUBLING = Language(constructs=(*CONSTRUCTS.values(), DOUBLE))


def test_naming_constructs_restricts_their_kind_only():
    scalars = {"inc", "dec", "add", "sub", "min", "max", "mod", "read"}
    assert {row.name for row in LANGUAGE.chosen(["map", "reduce", "loop"])} == {"map", "reduce", "loop"} | scalars
    assert {row.name for row in LANGUAGE.chosen(["map", "inc"])} == {"map", "inc"}
    assert {row.name for row in LANGUAGE.chosen("map")} == {"map"} | scalars
    default = {row.name for row in LANGUAGE.chosen(None)}
    assert set(CONSTRUCTS) - default == {"exchange", "noop", "put"}
    assert {row.name for row in LANGUAGE.chosen(["inc"])} == (default - scalars) | {"inc"}


@pytest.mark.parametrize(
    "names, expected",
    [
        (["mup"], 'unknown construct "mup", expected some of inc, dec, .*; did you mean "map"'),
        ([3], 'unknown construct "3"'),
        ([["map"]], "unknown construct \"\\['map'\\]\""),
        ([], "expected a list such as"),
        (7, "synthesis.constructs=7: expected a list such as"),
    ],
)
def test_unknown_constructs_are_refused(names, expected):
    with pytest.raises(UserError, match=expected):
        LANGUAGE.chosen(names)

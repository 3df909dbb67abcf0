"""Text to program and back, and what the parser says about mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.errors import UserError
from neurocomp.language.assembly import (
    AssemblyError,
    Instruction,
    Program,
    fit,
    format_instruction,
    format_program,
    load_program,
    parse,
    shipped_programs,
)
from neurocomp.language.isa import OPCODES
from neurocomp.machine_config import READINGS, Sizes
from tests.programs import each_case
from tests.strategies import programs

MAP_INC = (
    Instruction("read", first=1, third=2),
    Instruction("inc", first=2, third=2),
    Instruction("write", first=1, second=2),
    Instruction("inc", first=1, third=1),
    Instruction("jump", first=3, target=0),
)


def mistakes(text, jump_target="line"):
    with pytest.raises(AssemblyError) as error:
        parse(text, "my.asm", jump_target)
    return str(error.value).splitlines()


def test_operands_fill_their_slots():
    assert load_program("map_inc").instructions == MAP_INC
    assert parse("max 3 4 5").instructions == (Instruction("max", first=3, second=4, third=5),)
    assert parse("zero 7").instructions == (Instruction("zero", third=7),)
    assert parse("jump 1 2", jump_target="value").instructions == (Instruction("jump", first=1, second=2),)


@pytest.mark.parametrize(
    "text",
    [
        "map_loop:\n  read 1 2\n  inc 2 2\n  write 1 2\n  inc 1 1\n  jump 3 map_loop\n",
        "map_loop: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 3 map_loop",
        "a:b:\n\nread r1 r2;;inc r2 2 # 1 more; noop\r\nc : write 1\t2;inc 1 1\n# end\njump 3 b;",
    ],
)
def test_the_same_program_in_other_words(text):
    assert parse(text) == load_program("map_inc")


def test_labels_are_for_the_reader_only():
    named, other = parse("loop: noop; jump 1 loop; end:"), parse("again: noop; jump 1 again")
    assert (named.labels, other.labels) == ({0: "loop", 2: "end"}, {0: "again"})
    assert named == other and hash(named) == hash(other)
    assert parse("first: second: noop; jump 0 second").labels == {0: "first"}


def test_a_program_knows_how_many_registers_it_needs():
    assert [parse(text).registers for text in ("noop", "zero 0", "read 0 3; inc 1 1", "a: jump 5 a")] == [1, 1, 4, 6]


def test_format_prints_the_layout_of_the_paper():
    text = "  inc 2 2\nloop:\n  add 1 2 2\n  jump 4 loop\n  jump 0 end\nend:"
    assert format_program(parse(text)) == text
    assert format_program(parse(text), one_line=True) == "inc 2 2; loop: add 1 2 2; jump 4 loop; jump 0 end; end:"
    assert format_program(parse("inc 1 1\nhalt")) == "inc 1 1\nhalt"


def test_lines_that_nobody_named_get_a_name_of_their_own():
    program = Program((Instruction("jump", first=0, target=1), Instruction("jump", first=1, target=2)), {0: "line_1"})
    assert format_program(program, one_line=True) == "line_1: jump 0 line_1_; line_1_: jump 1 line_2; line_2:"


@given(st.data(), st.sampled_from(READINGS["jump_target"]), st.booleans(), st.integers(1, 7))
def test_parse_of_format_is_the_program(data, jump_target, one_line, lines):
    program = data.draw(programs(9, 12, lines, jump_target, trailing=True))
    text = format_program(program, one_line, jump_target)
    again = parse(text, jump_target=jump_target)
    assert again == program
    assert program.labels.items() <= again.labels.items()
    assert ("\n" not in text) or not one_line
    assert format_program(again, one_line, jump_target) == text


@each_case
def test_parse_of_format_is_the_program_of_the_table(case):
    jump_target = case.readings.get("jump_target", "line")
    for one_line in (False, True):
        assert parse(format_program(case.parsed, one_line, jump_target), jump_target=jump_target) == case.parsed


@given(st.lists(st.sampled_from([*"\n\n;:#, r013a_²٣", "add ", "jump ", "zero ", "loop"])))
def test_any_text_is_a_program_or_a_list_of_mistakes(pieces):
    text = "".join(pieces)
    try:
        assert len(parse(text)) > 0
    except AssemblyError as error:
        rows = str(error).split("\n")
        lines = [int(row.removeprefix("<program>:").split(":")[0]) for row in rows]
        assert lines == sorted(lines) and 1 <= lines[0] and lines[-1] <= max(1, len(text.splitlines()))


def test_all_mistakes_are_told_at_once():
    text = "add 1 2\nloop: inc 1 loop\nnoop\nlopo: loop: ad 1 2 3; jump x loopp\n3: halt 1"
    opcodes = ", ".join(opcode.name for opcode in OPCODES)
    register = "expected a register from 0 to 9999, such as 3 or r3"
    assert mistakes(text) == [
        'my.asm:1: add takes 3 registers (x y dst), got 2 in "add 1 2"',
        f'my.asm:2: label "loop" as dst in "inc 1 loop", {register}',
        'my.asm:4: label "loop:" is defined twice, expected a new name',
        f'my.asm:4: unknown opcode "ad" in "ad 1 2 3", expected one of {opcodes}; did you mean "add"?',
        f'my.asm:4: "x" as test in "jump x loopp", {register}',
        'my.asm:4: no label "loopp:" for "jump x loopp", expected one of loop, lopo; did you mean "loop"?',
        'my.asm:5: "3:" is not a label, expected a letter or _, then letters, digits or _',
        'my.asm:5: halt takes no registers, got 1 in "halt 1"',
    ]


@pytest.mark.parametrize(
    "text, mistake",
    [
        ("", 'my.asm:1: no instructions here, expected at least one, such as "noop"'),
        ("# nothing\nend:", 'my.asm:1: no instructions here, expected at least one, such as "noop"'),
        ("zero", 'my.asm:1: zero takes 1 register (dst), got 0 in "zero"'),
        ("\njump 3", 'my.asm:2: jump takes a register and a label (test label), got 1 in "jump 3"'),
        ("jump 3 0", 'my.asm:1: no label "0:" for "jump 3 0", this program has no labels'),
        ("inc 1 12345", '"12345" as dst in "inc 1 12345", expected a register from 0 to 9999, such as 3 or r3'),
        ("inc -1 1", '"-1" as src in "inc -1 1", expected a register from 0 to 9999, such as 3 or r3'),
        ("add 1, 2, 3", '"1," as x in "add 1, 2, 3", expected a register'),
        ("NOOP", '; did you mean "noop"?'),
    ],
)
def test_a_mistake_says_what_is_accepted(text, mistake):
    assert mistake in mistakes(text)[0]


def test_value_jumps_refuse_labels():
    first, second, third = mistakes("loop: inc 1 1\njump 1 loop\njump 1", "value")
    accepted = "a jump goes to the line in its second register (jump test register)"
    assert first == f'my.asm:1: label "loop:" is refused with jump_target=value, {accepted}'
    assert second.startswith('my.asm:2: "loop" as register in "jump 1 loop", expected a register')
    assert third == 'my.asm:3: jump takes 2 registers (test register), got 1 in "jump 1"'


@pytest.mark.parametrize("opcode", OPCODES, ids=lambda opcode: opcode.name)
def test_every_opcode_says_what_it_takes(opcode):
    assert mistakes(f"{opcode.name} 1 2 3 4")[0].startswith(f"my.asm:1: {opcode.name} takes ")


def test_fit_pads_with_noops():
    program = fit(load_program("map_inc"), Sizes(10, 4, 7))
    assert program.instructions == (*MAP_INC, Instruction("noop"), Instruction("noop"))
    assert fit(program, Sizes(10, 4, 7)) == program


def test_fit_moves_the_label_after_the_last_line():
    program = parse("start: inc 1 1; jump 0 end; end:")
    padded, full = fit(program, Sizes(9, 3, 4)), fit(program, Sizes(9, 3, 2))
    assert (padded.instructions[1].target, padded.labels) == (2, {0: "start", 2: "end"})
    assert (full.instructions[1].target, full.labels) == (0, {0: "start"})


def test_fit_names_the_lines_that_do_not_fit():
    with pytest.raises(UserError) as error:
        fit(parse("a: zero 1 # one\n\nadd 3 1 4\njump 1 a"), Sizes(9, 3, 2), "my.asm")
    assert str(error.value).splitlines() == [
        'my.asm:3: "add 3 1 4" uses register 3, expected 0 to 2',
        'my.asm:3: "add 3 1 4" uses register 4, expected 0 to 2',
        'my.asm:4: "jump 1 a" is one too many, the program has 3 lines, expected at most 2',
    ]
    with pytest.raises(UserError, match='<program>:1: "jump 1 4" uses register 4'):
        fit(parse("jump 1 4", jump_target="value"), Sizes(9, 3, 2))


def test_a_program_without_a_file_names_its_own_lines():
    program = Program((Instruction("noop"), Instruction("zero", third=4)))
    with pytest.raises(UserError, match='^init=mine: program line 1 "zero 4" uses register 4, expected 0 to 2$'):
        fit(program, Sizes(9, 3, 2), "init=mine")
    padded = fit(parse("# padded\nzero 2"), Sizes(9, 3, 2))
    with pytest.raises(UserError, match='my.asm:2: "zero 2" uses .*\nmy.asm: program line 1 "noop" is one too many'):
        fit(padded, Sizes(9, 2, 1), "my.asm")


def test_mistakes_of_the_text_and_of_the_sizes_are_told_together(tmp_path):
    text = "a: zero 7\nad 1 2 3\n\nadd 3 x 1; jump 1 b"
    with pytest.raises(AssemblyError) as error:
        parse(text, "my.asm", sizes=Sizes(9, 3, 3))
    rows = str(error.value).splitlines()
    assert [row.split(",")[0] for row in rows] == [
        'my.asm:1: "zero 7" uses register 7',
        'my.asm:2: unknown opcode "ad" in "ad 1 2 3"',
        'my.asm:4: "x" as y in "add 3 x 1"',
        'my.asm:4: no label "b:" for "jump 1 b"',
        'my.asm:4: "add 3 x 1" uses register 3',
        'my.asm:4: "jump 1 b" is one too many',
    ]
    (tmp_path / "my.asm").write_text("noop\nzero 3")
    with pytest.raises(AssemblyError, match='my.asm:2: "zero 3" uses register 3, expected 0 to 2'):
        load_program(tmp_path / "my.asm", sizes=Sizes(9, 3, 2))
    assert load_program("map_inc", sizes=Sizes(9, 4, 7)) == load_program("map_inc")


def test_shipped_programs_load_by_name_and_say_what_they_do():
    names = [
        "access",
        "cond",
        "fib",
        "inc",
        "list_k",
        "loop_noop",
        "map_dec",
        "map_inc",
        "parity",
        "reduce",
        "reverse",
        "sort_descending",
        "swap",
    ]
    assert shipped_programs() == names
    assert [len(load_program(name)) for name in names] == [4, 5, 7, 5, 9, 4, 5, 5, 7, 9, 5, 16, 7]
    assert [load_program(name).registers for name in names] == [2, 5, 5, 2, 5, 5, 4, 4, 7, 6, 5, 8, 5]


def test_programs_load_by_path(tmp_path):
    path = tmp_path / "my.asm"
    path.write_bytes(b"\xef\xbb\xbfloop: inc 1 1\r\n  jump 0 loop # \xe2\x86\xaa\r\n")
    assert load_program(str(path)) == load_program(path) == parse("loop: inc 1 1; jump 0 loop")
    path.write_bytes(b"ad 1 2 3")
    with pytest.raises(AssemblyError, match=r'my\.asm:1: unknown opcode "ad"'):
        load_program(path)
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match="not UTF-8"):
        load_program(path)


@pytest.mark.parametrize(
    "given, message",
    [
        ("map_icn", 'no program "map_icn", expected one of access, cond, fib, .*did you mean "map_inc"'),
        ("none/map_inc.asm", 'none/map_inc.asm: cannot be read .No such file or directory.; did you mean "map_inc"'),
        ("/", "/: is a folder, expected a file"),
    ],
)
def test_unknown_programs_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        load_program(given)


def test_instructions_print_with_the_names_of_lines():
    jump = Instruction("jump", first=3, target=4)
    assert format_instruction(jump, {4: "end"}) == "jump 3 end"
    assert format_instruction(jump, {}) == "jump 3 line_4"

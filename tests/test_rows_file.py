"""Claims about reading a results file: a damaged line is named, a whole one counts, and two readers read the same."""

from __future__ import annotations

import csv
import io
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.errors import UserError
from neurocomp.results import rows_file
from neurocomp.results.columns import RESTARTS
from neurocomp.results.row_lines import Damaged, Layout, read_carefully
from neurocomp.results.row_scan import read_plainly
from neurocomp.results.rows_file import read_file
from neurocomp.results.writer import CellWriter
from tests.cells import YAML, row


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "cell.csv"
    with CellWriter(path, YAML) as cell:
        cell.append([row(restart) for restart in range(4)])
        cell.append([row(restart, program='say "a, b"') for restart in range(4, 6)])
    return path


def restarts(path) -> list[int]:
    return read_file(path, RESTARTS).rows["restart"].tolist()


def change(path, line: int, old: bytes, new: bytes) -> bytes:
    lines = path.read_bytes().splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_bytes(b"".join(lines))
    return path.read_bytes()


COLUMNS = len(RESTARTS.columns)
HEADER = "not a results file of neurocomp"
DAMAGED = [
    (3, b"map_inc,", b'"map_inc,', 'has a stray ", expected fields that are quoted whole or not at all'),
    (3, b",loop", b',"loop', 'has a stray ", expected fields that are quoted whole or not at all'),
    (3, b"loop:", b'lo"op:', 'has a stray ", expected fields that are quoted whole or not at all'),
    (6, b'""a', b'"a', 'has text after a closing ", expected a comma'),
    (3, b",0.3,1,", b",0.3,1.0,", 'restart is "1.0", expected a whole number'),
    (3, b",0.3,1,", b",0.3,01,", 'restart is "01", expected a whole number'),
    (3, b",0.3,1,", b",0.3,,", 'restart is "", expected a number where status is "recovered"'),
    (3, b",0.3,1,", b",0.3,9,", "restart is 9, expected one of its batch 0-3"),
    (3, b",0.3,1,7,", b",0.3,1,lucky,", 'seed is "lucky", expected a whole number'),
    (3, b",0.3,1,7,", b",0.3,1,%d," % 2**63, f'seed is "{2**63}", expected a whole number below 2^63'),
    (3, b",1000,", b",1E+03,", 'updates is "1E+03", expected a whole number'),
    (3, b",1e-07,", b",1.00E-07,", 'margin is "1.00E-07", expected a number'),
    (3, b",0.1,", b",0;1,", 'coverage is "0;1", expected a number'),
    (3, b",0.3,", b",much,", 'gamma is "much", expected a number'),
    (3, b",true,", b",yes,", 'recovered_fit is "yes", expected true or false'),
    (3, b",0-3,", b",Mar 00,", 'batch is "Mar 00", expected two numbers such as 0-99'),
    (3, b",0.3,", b",0.3,0,", f"has {COLUMNS + 1} fields, its header {COLUMNS}"),
    (3, b",0.3,", b",0,3,", f"has {COLUMNS + 1} fields, its header {COLUMNS}"),
    (3, b"loop", b"lo\0p", "has a NUL byte, expected text"),
    (3, b"loop", b"lo\rp", "has a carriage return in the middle, expected a row"),
    (3, b"loop", b"l\xffop", "is not UTF-8 text (byte 98)"),
    (3, b"0123456789abcdef", b"0123456789abcdee",
     'config_hash is "0123456789abcdee", expected "0123456789abcdef" as in line 2: it is a row of another cell'),
    (1, b"restart", b"restert", f"{HEADER} (its header lacks restart)"),
    (1, b"recovered_soft", b"recovered_sift",
     f'{HEADER} (its header has "recovered_sift" where "recovered_soft" is expected)'),
    (1, b"coverage", b"########", f'{HEADER} (its header has "########" where "coverage" is expected)'),
    (1, b"coverage", b"", f"{HEADER} (its header has a column without a name)"),
    (1, b"coverage", b"task", f'{HEADER} (its header has "task" twice)'),
    (1, b"task", b'"task', f'{HEADER} (has a stray ", expected fields that are quoted whole or not at all)'),
]  # fmt: skip


@pytest.mark.parametrize("line, old, new, message", DAMAGED)
def test_a_damaged_line_is_named_and_the_file_left_alone(path, line, old, new, message):
    content = change(path, line, old, new)
    for _ in range(2):
        with pytest.raises(UserError) as error:
            read_file(path, RESTARTS)
        assert str(error.value) == f"{path}:{line}: {message}"
        with pytest.raises(UserError, match="cell.csv:"), CellWriter(path, YAML):
            pass
        assert path.read_bytes() == content


def test_a_blank_line_and_semicolons_are_named(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\n", b"\n\n", 3))
    with pytest.raises(UserError, match="cell.csv:2: is blank, expected a row"):
        read_file(path, RESTARTS)
    path.write_bytes(content.replace(b",", b";"))
    with pytest.raises(UserError, match='cell.csv:1: .*its columns are separated by ";", expected ","'):
        read_file(path, RESTARTS)


def test_a_quote_damages_its_own_line_alone(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b"map_inc", b'"map_inc'), *lines[4:]]))
    with pytest.raises(UserError, match="cell.csv:4:"):
        read_file(path, RESTARTS)
    path.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    assert restarts(path) == [0, 1, 3, 4, 5]


def saved(path, **how) -> None:
    """As programs for tables save it."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    text = io.StringIO()
    csv.writer(text, **how).writerows(rows)
    path.write_text(text.getvalue(), newline="")


@pytest.mark.parametrize("how", [{"lineterminator": "\r\n"}, {"quoting": csv.QUOTE_ALL, "lineterminator": "\n"},
                                 {"quoting": csv.QUOTE_ALL, "lineterminator": "\r\n"}])  # fmt: skip
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("upper", [False, True])
def test_what_a_spreadsheet_saves_with_the_same_values_reads_the_same_and_goes_on(path, how, mark, upper):
    before = read_file(path, RESTARTS).rows
    saved(path, **how)
    content = mark + path.read_bytes()
    if upper:
        content = content.replace(b"true", b"TRUE").replace(b"false", b"FALSE")
    path.write_bytes(content)
    pd.testing.assert_frame_equal(read_file(path, RESTARTS).rows, before)
    with CellWriter(path, YAML) as cell:
        cell.append([row(6)])
    assert path.read_bytes().startswith(content) and restarts(path) == list(range(7))


def test_rows_that_stand_twice_count_once_and_it_is_said(path):
    content = path.read_bytes()
    path.write_bytes(content + content)
    found = read_file(path, RESTARTS)
    assert found.notes == [
        f"{path}:8: the header stands here again; passed over",
        f"{path}: 6 rows repeat restarts that stand further up (line 9 has that of line 2); "
        "each restart is counted once",
    ]
    assert found.problems == []


def test_rows_of_one_restart_with_other_verdicts_are_a_problem_and_the_first_counts(path):
    lines = path.read_bytes().splitlines(keepends=True)
    other = lines[2].replace(b",true,true,true,", b",true,false,true,").replace(b",2.5,", b",9.5,")
    path.write_bytes(b"".join([*lines, other]))
    found = read_file(path, RESTARTS)
    assert found.problems == [f"{path}:8: restart 1 is unlike that of line 3 in recovered_soft, wall_s; line 3 counts"]
    path.write_bytes(b"".join([*lines, lines[2].replace(b",2.5,", b",9.5,")]))
    assert read_file(path, RESTARTS).problems == []


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    for name, reason in [
        ("pipe", "is not a regular file, expected a file"),
        ("folder", "is a folder, expected a file"),
        ("loop", "cannot be read (Too many levels of symbolic links)"),
        ("none", "cannot be read (No such file or directory)"),
    ]:
        with pytest.raises(UserError) as error:
            read_file(tmp_path / f"{name}.csv", RESTARTS)
        assert str(error.value) == f"{tmp_path / name}.csv: {reason}"


def test_a_line_without_end_is_refused_before_the_file_is_read(path):
    os.truncate(path, 10**12)  # a terabyte of nothing
    with pytest.raises(UserError) as error:
        read_file(path, RESTARTS)
    assert str(error.value) == f"{path}:8: has no end within 1,048,576 bytes, expected a row"


def test_only_a_file_that_has_not_changed_for_a_while_is_known_by_its_times(path, monkeypatch):
    assert rows_file._state(path) != rows_file._state(path)  # another change may come at the same time
    changed = path.stat().st_ctime
    monkeypatch.setattr(rows_file.time, "time", lambda: changed + 2.5)
    assert rows_file._state(path) == rows_file._state(path)


def test_a_file_that_is_read_again_after_a_change_is_read_anew(path):
    first = read_file(path, RESTARTS)
    frame = first.rows
    frame.loc[0, ["task", "restart"]] = ["changed by a reader", 77]
    assert read_file(path, RESTARTS).rows["task"][0] == "map_inc" and read_file(path, RESTARTS).rows["restart"][0] == 0
    stat, content = path.stat(), path.read_bytes()
    path.write_bytes(content.replace(b"map_inc", b"map_dec"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert read_file(path, RESTARTS).rows["task"][0] == "map_dec"


# --- the fast reader and the careful one

ODD = [
    "0", "7", "12", "007", "-1", "+3", "3.0", "1e3", "1E+03", "0.30", ".5", "5.", ".", "-", "e", "1e999", "nan", "inf",
    "-inf", "NaN", "1_0", " 1", str(2**63 - 1), str(2**63), "9" * 18, "true", "TRUE", "True", "tRUE", "false", "0-9",
    "0-09", "a", "", '""', '"a,b"', '"', 'a"b', '"a""b"', '"""', "é", "\ufeff", "\x85", "\u2028", "\f", "\0", "\r",
    "x" * 600, "1" * 600,
]  # fmt: skip
FIELDS = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n"), max_size=4)
KINDS = ("integer", "float", "boolean", "batch", "text", "integer")
LAYOUT = Layout(("n", "x", "b", "batch", "t", "schema"), KINDS, 5, tuple(range(6)))
GOOD = st.tuples(
    st.integers(0, 10**18 - 1).map(str) | st.just(""),
    st.floats().map(str) | st.just(""),
    st.sampled_from(["true", "false", ""]),
    st.sampled_from(["0-3", "4-4", ""]),
    st.sampled_from(["", "map", '"a, b"', "é"]),
    st.sampled_from(["0", "1", "1", ""]),
)
LINE = st.builds(",".join, GOOD)
ODD_LINE = st.lists(FIELDS, min_size=5, max_size=7).map(",".join) | st.sampled_from(["", "n,x,b,batch,t,schema"])
ANY_LINE = LINE | LINE | ODD_LINE


def outcome(read):
    """The values as text (NaN equals itself), or the message."""
    try:
        return [(column.empty.tolist(), [repr(value) for value in column.values.tolist()]) for column in read()]
    except Damaged as damage:
        return str(damage)


@given(st.lists(LINE, min_size=1, max_size=30), st.sampled_from(["\n", "\r\n"]))
def test_plain_lines_are_read_at_once_and_as_line_by_line(lines, end):
    block = "".join(line + end for line in lines).encode()
    columns = read_plainly(block, LAYOUT)
    assert columns is not None
    assert outcome(lambda: columns) == outcome(lambda: read_carefully(block, LAYOUT, 2)[0])
    assert [column.values.dtype for column in columns] == [np.int64, np.float64, bool, object, object, np.int64]


@given(st.lists(ANY_LINE, min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]), st.integers(1, 40))
def test_whatever_is_read_at_once_reads_the_same_line_by_line(lines, end, times):
    block = "".join(line + end for line in lines * times).encode()
    columns = read_plainly(block, LAYOUT)
    if columns is not None:
        assert outcome(lambda: columns) == outcome(lambda: read_carefully(block, LAYOUT, 2)[0])


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("field", ODD)
def test_one_odd_field_among_plain_ones_reads_the_same_line_by_line(field, place):
    lines = [[f"{n}", f"{n / 8}", ("true", "false")[n % 2], f"{n}-{n}", f"t{n}", f"{n % 2}"] for n in range(12)]
    lines[5][place] = field
    block = "".join(",".join(line) + "\n" for line in lines).encode()
    columns = read_plainly(block, LAYOUT)
    assert columns is not None or field
    if columns is not None:
        assert outcome(lambda: columns) == outcome(lambda: read_carefully(block, LAYOUT, 2)[0])


@given(st.lists(st.text("019.e+-", min_size=1, max_size=7) | st.floats().map(str) | st.decimals(0, 1).map(str)
                | st.sampled_from(["nan", "inf", "-inf", "+inf", "-nan"]), min_size=1, max_size=4))  # fmt: skip
def test_numbers_are_read_at_once_if_line_by_line_takes_them(numbers):
    block = "".join(f"1,{number},true,0-9,t,1\n" for number in numbers).encode()
    columns = read_plainly(block, LAYOUT)
    careful = outcome(lambda: read_carefully(block, LAYOUT, 2)[0])
    assert (outcome(lambda: columns) == careful) if columns is not None else isinstance(careful, str)


def test_quotes_are_part_of_no_field_that_stands_again():
    """`a,1` in quotes is one field; without them in the line below, it is two, and the line has one too many."""
    first = b'1,1.0,true,0-9,"a,1",1\n'
    columns = read_plainly(first + b"1,1.0,true,0-9,a,1\n", LAYOUT)
    assert columns is not None and columns[4].values.tolist() == ["a,1", "a"]
    assert read_plainly(first + b"1,1.0,true,0-9,a,1,1\n", LAYOUT) is None


@given(st.integers(64, 2000))
def test_the_size_of_a_block_changes_nothing(tmp_path_factory, size):
    path = tmp_path_factory.mktemp("blocks") / "cell.csv"
    with CellWriter(path, YAML) as cell:
        cell.append([row(restart, template='a, "b"' if restart % 3 else None) for restart in range(20)])
    path.write_bytes(path.read_bytes() + b"torn")
    whole = read_file(path, RESTARTS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("neurocomp.results.rows_file.BLOCK", size)
        (path.parent / "copy.csv").write_bytes(path.read_bytes())  # another name: not the file that was read last
        parts = read_file(path.parent / "copy.csv", RESTARTS)
    pd.testing.assert_frame_equal(parts.rows, whole.rows)
    assert parts.end == whole.end and len(parts.notes) == len(whole.notes) == 1

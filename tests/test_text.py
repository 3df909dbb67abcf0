"""What a line is, what a number is, what may be shown; and files that are read and written whole."""

from __future__ import annotations

import math
import os

import pytest

from neurocomp.errors import UserError
from neurocomp.files import atomic_write, read_text, remove_leftovers
from neurocomp.text import first_lines, json_text, lines, visible, whole_number


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("a\nb\r\nc\rd\n", ["a", "b", "c", "d"]),
        ("a\x0cb\x85c\u2028d\u2029e\x1cf\x0bg\n", ["a\x0cb\x85c\u2028d\u2029e\x1cf\x0bg"]),
        ("a\n\n", ["a", ""]),
    ],
)
def test_only_newlines_and_carriage_returns_end_a_line(text, expected):
    assert lines(text) == expected


@pytest.mark.parametrize("text, number", [
    ("0", 0), ("-3", -3), ("+4", 4), (" 12\t", 12), ("9" * 4300, int("9" * 4300)),
    ("", None), ("1_000", None), ("\uff13", None), ("\u0663", None), ("3.0", None), ("1e3", None), ("0x10", None),
    ("9" * 4301, None), ("--3", None), ("\n3", None),
])  # fmt: skip
def test_whole_numbers_are_of_ascii_digits(text, number):
    assert whole_number(text) == number


def test_what_could_act_on_a_terminal_is_written_out():
    assert visible("a\x1b[31mb\x07\x9bc\u202ed\u2028e\nf\ud800") == (r"a\x1b[31mb\x07\x9bc\u202ed\u2028e\nf\ud800")
    assert visible("naïve 程序 +-=|") == "naïve 程序 +-=|"


def test_the_first_twenty_messages_and_how_many_more():
    assert first_lines(["a", "b", "a"]) == ["a", "b"]
    assert first_lines(str(number) for number in range(20)) == [str(number) for number in range(20)]
    shown = first_lines(str(number) for number in range(1022))
    assert shown[:20] == [str(number) for number in range(20)]
    assert shown[20:] == ["... and 1,002 more"]


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    for name, message in {
        "pipe": "is not a regular file, expected a file",
        ".": "is a folder, expected a file",
        "none": "cannot be read (No such file or directory)",
        "latin": "not UTF-8 text (byte 4)",
    }.items():
        path = tmp_path / name
        with pytest.raises(UserError) as error:
            read_text(path)
        assert str(error.value) == f"{path}: {message}"


def test_a_byte_order_mark_is_not_text(tmp_path):
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfa\r\n")
    assert read_text(tmp_path / "bom") == "a\r\n"


def test_a_file_is_replaced_whole_and_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    atomic_write(tmp_path / "link", "text")
    atomic_write(tmp_path / "file", b"bytes")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == b"bytes"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_leftovers_of_killed_writers_go_and_nothing_else(tmp_path):
    for name in (".a[1].csv.77.tmp", ".a1.csv.77.tmp", ".b.csv.77.tmp", "a[1].csv", ".a[1].csv.tmp"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "a[1].csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".a1.csv.77.tmp",
        ".a[1].csv.tmp",
        ".b.csv.77.tmp",
        "a[1].csv",
    ]


def test_a_number_that_is_not_finite_is_null_in_json():
    given = {"loss": math.nan, "rates": (math.inf, [-math.inf, 0.5]), "n": 3, "text": "NaN", "none": None, "yes": True}
    expected = '{"loss": null, "rates": [null, [null, 0.5]], "n": 3, "text": "NaN", "none": null, "yes": true}'
    assert json_text(given) == expected

"""Tables are folded to a terminal; in a pipe each row is one line of plain text."""

from __future__ import annotations

import re

import pytest

from cli.tables import _folded
from tests.cells import write_cell
from tests.conftest import ROOT
from tests.terminals import neurocomp, printed

LONG = {"optimizer": {"updates": 1000}, "name": "a_rather_long_name_of_an_experiment"}


@pytest.fixture
def folder(tmp_path):
    """Three cells with a long name; one of them has half of its restarts."""
    cells = tmp_path / "results" / "mine"
    write_cell(cells, "map_inc", "loop_noop", 100, LONG, soft=100, hard=0, fit=100, general=0)
    write_cell(cells, "map_dec", "map_inc", 100, LONG, soft=19, hard=17, fit=21, general=17)
    path = write_cell(cells, "fib", "random", 50, LONG, soft=3, hard=1, fit=2, general=0)
    path.with_suffix(".yaml").write_text("restarts: 100\nname: a_rather_long_name_of_an_experiment\n")
    return cells


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_no_line_of_a_table_is_wider_than_the_terminal_and_no_word_is_lost(folder, columns):
    lines = neurocomp("show", "--results", str(folder), columns=columns).splitlines()
    paths = [line for line in lines if line.startswith(str(folder))]
    assert sorted(paths) == sorted(map(str, folder.glob("*.csv")))  # whole, once, below the table
    assert all(len(line.rstrip()) <= columns for line in lines if line not in paths)
    table = "\n".join(line for line in lines if line not in paths)
    for word in ("fib", "incomplete", "50/100", "100.0", "(96.3-100.0)", "(12.5-27.8)", "17.0", "updates", "general"):
        assert word in table, word
    assert "mine/" not in table


def test_numbers_end_below_each_other_and_the_header_says_what_they_are(folder):
    text = neurocomp("show", "--results", str(folder), columns=200)
    header, _, *rows = [line for line in text.splitlines() if line.strip() and not line.startswith("/")]
    place = header.index("hard %") + len("hard %")
    assert sorted(row[:place].split()[-1] for row in rows) == ["0.0", "17.0", "2.0"]
    assert all(row[place] == " " for row in rows)


def test_in_a_pipe_a_cell_is_one_line_of_plain_text_with_its_path(folder, command):
    lines = command("show", "--results", str(folder)).out.splitlines()
    assert len(lines) == 4 and lines[0].split()[:3] == ["experiment", "task", "init"]
    assert {line.split()[-1] for line in lines[1:]} == {str(path) for path in folder.glob("*.csv")}
    assert all(line.isascii() and "\x1b" not in line for line in lines)


def test_colors_are_left_out_where_the_environment_says_so(folder):
    words = ["-c", "from neurocomp.cli.main import main; main()", "show", "--results", str(folder)]
    assert re.search(r"\x1b\[[0-9;]*m", printed(words, 80))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", printed(words, 80, NO_COLOR="1"))
    dumb = printed(words, 80, TERM="dumb")
    assert dumb.isascii() and "\x1b" not in dumb and len(dumb.splitlines()) == 4


def test_what_a_name_holds_is_shown_as_text(tmp_path):
    write_cell(tmp_path / "results", "inc", "random", 4, {"name": "[red]x[/red] \x1b[2J"}, soft=1)
    text = printed(["-c", "from neurocomp.cli.main import main; main()", "show", "--results", str(tmp_path)], 200)
    assert "[red]x[/red] \\x1b[2J" in text and "\x1b[2J" not in text


def test_a_table_of_a_paper_is_folded_and_its_formats_are_as_they_are_in_a_pipe(folder, command):
    piped = command("table", "table1", "--results", str(folder)).out
    assert piped.startswith("table1, metric soft") and "| init=map_inc" in piped.replace("|:", "| ")
    text = neurocomp("table", "table1", "--results", str(folder))
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines()) and "|" not in text
    assert "(12.5-27.8)" in text and "published" in text
    markdown = neurocomp("table", "table1", "--results", str(folder), "--format", "md")
    assert markdown.strip() == piped.strip()


def test_columns_that_are_the_same_in_all_rows_are_said_once_where_a_table_is_too_wide(folder):
    narrow = neurocomp("show", "--results", str(folder))
    said = " ".join(narrow.partition("\n\n")[0].split())
    assert said.startswith(
        "in all rows: experiment a_rather_long_name_of_an_experiment, method tune, gamma 0.3, seed 0"
    )
    assert narrow.count("a_rather_long_name_of_an_experiment") == 1
    assert "in all rows" not in neurocomp("show", "--results", str(folder), columns=200)
    text = neurocomp("table", "memorization", "--results", str(ROOT / "results" / "memorization"))
    assert "in all rows" not in text and text.count("programs=128 ") == 2  # the columns that follow have their rows


def test_two_cells_are_compared_in_a_table(folder):
    text = neurocomp("compare", "map_dec", "fib-random", "--results", str(folder))
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines() if not line.startswith("/"))
    assert "19.0 (12.5-27.8)" in text and "19/100" in text and "difference +13.0 points" in text
    assert text.count(str(folder)) == 2


@pytest.mark.parametrize(
    "text, width, folded",
    [
        ("local_search", 8, "local_\nsearch"),
        ("71.0% (61.5-79.0) / 19 / +52.0 !", 17, "71.0% (61.5-79.0)\n/ 19 / +52.0 !"),
        ("complete, 2 at limit", 9, "complete,\n2 at\nlimit"),
        ("unbreakable", 4, "unbreakable"),
        ("", 4, ""),
    ],
)
def test_texts_go_on_in_the_next_line_between_words(text, width, folded):
    assert _folded(text, width) == folded

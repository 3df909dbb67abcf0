"""Nothing that a file says acts on the terminal, or does anything in a spreadsheet, in Markdown or in LaTeX."""

from __future__ import annotations

import pytest

from neurocomp.config import LimitsConfig, RunConfig, TaskConfig
from neurocomp.errors import UserError
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.report.grid import Grid, Table, draw
from neurocomp.tasks.initialization import init_name
from neurocomp.text import is_formula, visible_lines
from tests.cells import write_cell

ESCAPE = "\x1b[2J"
EVIL = "=HYPERLINK(1)", "a|b", "`code`", "<script>", "[x](javascript:1)", ESCAPE


def table(*names: str) -> Table:
    entries = [{"row": name, "n": -1, "text": name} for name in names]
    texts = {(name, name): name for name in names}
    full = {(row, column): row for row in names for column in names} if names else texts
    return Table(
        "evil",
        ("row", "n", "text"),
        entries,
        [
            Grid("caption _ ^ ~ \\ {} $ & % # " + ESCAPE, full, ["<note>"]),
        ],
    )


@pytest.mark.parametrize("format", ["csv", "md", "latex"])
def test_no_format_lets_control_characters_through(format):
    text = draw(table(*EVIL), format)
    assert text.replace("\n", "").isprintable() and "[2J" in text


def test_a_cell_that_a_spreadsheet_would_compute_begins_with_an_apostrophe():
    lines = draw(table("=HYPERLINK(1)", "+cmd", "@x", "-2+3", "-2.5", "-", "\ttab", "plain"), "csv").splitlines()
    assert lines == [
        "row,n,text", "'=HYPERLINK(1),-1,'=HYPERLINK(1)", "'+cmd,-1,'+cmd", "'@x,-1,'@x", "'-2+3,-1,'-2+3",
        "-2.5,-1,-2.5", "-,-1,-", "'\\ttab,-1,'\\ttab", "plain,-1,plain",
    ]  # fmt: skip


def test_markdown_cells_and_heads_stay_cells_and_heads():
    (head, _, *rows) = [line for line in draw(table(*EVIL), "md").splitlines() if line.startswith("|")]
    unescaped = [line.replace(r"\|", "").count("|") for line in (head, *rows)]
    assert set(unescaped) == {len(EVIL) + 2}
    for line in (head, *rows):
        assert r"a\|b" in head and r"\`code\`" in head and r"\<script>" in head and r"[x]\(javascript" in head, line
        assert "<script>" not in line.replace(r"\<", "")


def test_latex_escapes_what_is_special_in_captions_as_in_cells():
    text = draw(table("a_b$"), "latex")
    assert r"caption \_ \textasciicircum{} \textasciitilde{} \textbackslash{} \{\} \$ \& \% \#" in text
    assert r"a\_b\$" in text


def test_a_formula_is_text_that_is_no_number():
    texts = ("=1", "+a", "-a", "@", "\t", "-1", "+1e5", "-inf", "-", "", "a=1")
    assert [text for text in texts if is_formula(text)] == ["=1", "+a", "-a", "@", "\t"]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "a|b", "-x", "a\x1b[2J", "a/b", "a,b", "<b>", "\u202ee", "a" * 101])
def test_a_tasks_name_is_plain(name):
    with pytest.raises(UserError, match=r"expected letters, digits, spaces and _ \. \+ -, a letter, digit or _ first$"):
        TaskConfig(name=name, base=2, registers=1, lines=1, steps=1)
    assert TaskConfig(name="Größe 2.1_a-b+c", base=2, registers=1, lines=1, steps=1).name


def test_a_program_that_rows_name_is_no_formula():
    task = TaskConfig(name="t", base=2, registers=1, lines=1, steps=1)
    with pytest.raises(UserError, match="^init==1.asm: rows name it, so expected a file name that does not begin with"):
        init_name(RunConfig(task, init="=1.asm"))
    with pytest.raises(UserError, match=r"^include=\[@a\]: rows name it, so expected a name that does not begin with"):
        MemorizerConfig(include=["@a"], limits=LimitsConfig())


def test_show_and_compare_show_control_characters_written_out(command, tmp_path):
    for init in ("map_inc", f"in{ESCAPE}it"):
        write_cell(tmp_path / "results" / "runs", "inc", init, n=2, soft=1)
    shown = command("show")
    assert shown.code == 0 and ESCAPE not in shown.out and r"in\x1b[2Jit" in shown.out
    assert visible_lines("a\x1b\nb\tc") == "a\\x1b\nb\\tc"

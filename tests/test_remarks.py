"""A remark and a bar of progress on one terminal: each line of stderr begins on a line of its own."""

from __future__ import annotations

from neurocomp.text import say
from tests.terminals import last_lines, printed


def screen(code: str) -> list[str]:
    """The lines that a terminal shows of what this Python code prints on stderr."""
    return last_lines(printed(["-c", code], columns=60))


BAR = """
from neurocomp import progress_line
from neurocomp.text import say
progress_line.rate_text = lambda rate, units: ""
progress_line.DRAWN_EVERY = 0
with progress_line.ProgressLine("cell", 2, "restarts") as line:
    line.advance()
    say(["a remark"])
    say(["another"], prefix="")
    line.advance()
"""


def test_a_remark_stands_above_the_bar_and_the_bar_goes_on():
    *remarks, line = screen(BAR)
    assert remarks == ["neurocomp: a remark", "another"] and line.startswith("cell 2/2, 00:00 left")


def test_without_a_bar_its_library_is_not_imported(capsys):
    code = "import sys; from neurocomp.text import say; say(['a remark']); raise SystemExit('tqdm' in sys.modules)"
    assert screen(code) == ["neurocomp: a remark"]
    say(["x" * 2000, "\x1b[2J"])
    assert capsys.readouterr().err == f"neurocomp: {'x' * 497} ... {'x' * 497}\nneurocomp: \\x1b[2J\n"

"""A remark and a bar of progress on one terminal: each line of stderr begins on a line of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios

from neurocomp.text import say


def screen(code: str) -> list[str]:
    """The lines that a terminal shows of what this Python code prints on stderr."""
    here, there = pty.openpty()
    termios.tcsetwinsize(there, (24, 60))
    subprocess.run([sys.executable, "-c", code], stdout=there, stderr=there, check=True, timeout=120,
                   env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    os.close(there)
    printed = b""
    while part := _part(here):
        printed += part
    os.close(here)
    return [_overwritten(line) for line in printed.decode().removesuffix("\r\n").split("\r\n")]


def _part(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # nobody writes there any more
        return b""


def _overwritten(line: str) -> str:
    """What stays of a line when each return begins it anew."""
    shown = ""
    for text in line.split("\r"):
        shown = text + shown[len(text) :]
    return shown.rstrip()


BAR = """
import sys
from tqdm import tqdm
from neurocomp.text import say
with tqdm(total=2, desc="cell", bar_format="{desc} {n_fmt}/{total_fmt}") as bar:
    bar.update()
    say(["a remark"])
    say(["another"], prefix="")
    bar.update()
    bar.refresh()
"""


def test_a_remark_stands_above_the_bar_and_the_bar_goes_on():
    assert screen(BAR) == ["neurocomp: a remark", "another", "cell 2/2"]


def test_without_a_bar_its_library_is_not_imported(capsys):
    code = "import sys; from neurocomp.text import say; say(['a remark']); raise SystemExit('tqdm' in sys.modules)"
    assert screen(code) == ["neurocomp: a remark"]
    say(["x" * 2000, "\x1b[2J"])
    assert capsys.readouterr().err == f"neurocomp: {'x' * 497} ... {'x' * 497}\nneurocomp: \\x1b[2J\n"

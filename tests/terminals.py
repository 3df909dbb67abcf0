"""Commands on a terminal of so many columns: what they print there, as a person would see it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
MAIN = "from neurocomp.cli.main import main; raise SystemExit(main())"


def printed(arguments: list[str], columns: int, **environment: str) -> str:
    """All that `python arguments` prints on a terminal, escapes included."""
    here, there = pty.openpty()
    termios.tcsetwinsize(there, (40, columns))
    given = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    given |= {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color"} | environment
    process = subprocess.Popen([sys.executable, *arguments], stdin=there, stdout=there, stderr=there, env=given)
    os.close(there)
    text = b""
    while part := _part(here):
        text += part
    os.close(here)
    assert process.wait(120) == 0, text.decode()
    return text.decode().replace("\r\n", "\n")


def neurocomp(*words: str, columns: int = 80, **environment: str) -> str:
    """What a command prints, without what only colors it."""
    return ESCAPES.sub("", printed(["-c", MAIN, *words], columns, **environment))


def last_lines(text: str) -> list[str]:
    """The lines that stay on the screen when each return begins one anew."""
    return [_overwritten(line) for line in text.removesuffix("\n").split("\n")]


def _overwritten(line: str) -> str:
    shown = ""
    for text in line.split("\r"):
        shown = text + shown[len(text) :]
    return shown.rstrip()


def _part(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # nobody writes there any more
        return b""

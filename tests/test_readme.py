"""The README's first steps, word for word but for smaller numbers: every command and the Python block run."""

from __future__ import annotations

import re
import shlex

from tests.conftest import ROOT

FIRST_STEPS = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## One program, one run\n")[1].split("\n## ")[0]
SMALLER = ["restarts=2", "optimizer.updates=12"]


def shortened(line: str) -> list[str]:
    """The arguments of a command line; of a run that is not of a single restart, in a smaller version."""
    _, *words = shlex.split(line)
    single = any(word.startswith("only=") for word in words)
    return words + SMALLER if words[0] == "run" and not single else words


def test_the_commands_of_the_first_steps_run(command):
    lines = re.findall(r"^    (?:\$ )?(neurocomp .*)$", FIRST_STEPS, re.MULTILINE)
    assert {line.split()[1] for line in lines} >= {"run", "show", "exec", "compile", "decompile"}
    for line in lines:
        answer = command(*shortened(line))
        assert answer.code == 0, f"{line}\n{answer.err}"
        assert answer.out or answer.err


def test_the_python_of_the_first_steps_runs(command, capsys):
    (block,) = re.findall(r"^```python\n(.*?)^```$", FIRST_STEPS, re.MULTILINE | re.DOTALL)
    assert "restarts=20" in block
    exec(compile(block.replace("restarts=20", "restarts=2"), "README.md", "exec"), {})
    assert "inc 1 1" in capsys.readouterr().out

"""`neurocomp COMMAND ...`: which command it is, and what the shell sees of errors. Nothing here imports torch."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import NamedTuple

from neurocomp import __version__
from neurocomp.config import UserError, did_you_mean
from neurocomp.text import first_lines, lines, visible


class Command(NamedTuple):
    """Where a command lives, what it does, and an example to copy."""

    module: str
    function: str
    summary: str
    example: str


COMMANDS = {
    "run": Command("run", "main", "tune programs (or search): a cell, or a grid", "run task=map_inc init=map_inc"),
    "synth": Command("synth", "main", "programs that explain a task's examples", "synth task=reduce"),
    "table": Command("table", "main", "recovery rates with intervals, from results", "table table1"),
    "plot": Command("plot", "main", "the same as figures", "plot table1"),
    "show": Command("show", "main", "which cells there are, and what they recovered", "show"),
    "compare": Command("compare", "main", "two cells: rates, intervals, p-value", "compare 5862796e8e 239a89e78c"),
    "exec": Command("exec", "main", "run a program on ints", "exec map_inc --memory 3,5,2,9,4 --steps 15"),
    "subleq": Command("subleq", "main", "the same in subleq, or by a network", "subleq exec add --memory 3,4"),
    "compile": Command("compile", "compile_main", "a program to weights", "compile map_inc --out w.safetensors"),
    "decompile": Command("compile", "decompile_main", "weights to a program", "decompile w.safetensors"),
    "bench": Command("bench", "main", "what an update costs with each engine", "bench --engines eager,fused"),
}


class Stop(BaseException):
    """An error that no other cell would escape (a full disk, a closed pipe); it passes through Hydra's handlers."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 (something failed), 2 (the user's mistake) or 130 (interrupted)."""
    try:
        code = dispatch([with_home(word) for word in (sys.argv[1:] if argv is None else argv)])
        sys.stdout.flush()
        return code
    except UserError as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt:
        return _complain("interrupted; the same command again goes on from the last finished chunk", 130)
    except (OSError, Stop) as error:
        return _environment(error)


def with_home(word: str) -> str:
    """`--out=~/x` with the folder that `~` stands for: the shell replaces it only where a word begins with it."""
    flag, equals, path = word.partition("=")
    return flag + equals + os.path.expanduser(path) if flag.startswith("--") else word


def dispatch(argv: list[str]) -> int:
    """Call what the first argument names."""
    name, rest = (argv[0], argv[1:]) if argv else ("", [])
    if name in ("-h", "--help", "help"):
        print(usage())
        return 0
    if name == "--version":
        print(f"neurocomp {__version__}")
        return 0
    if name in ("-sc", "--shell-completion"):
        return importlib.import_module("neurocomp.cli.completion").main(rest)
    if name in COMMANDS:
        command = COMMANDS[name]
        return getattr(importlib.import_module(f"neurocomp.cli.{command.module}"), command.function)(rest)
    if not name:
        print(usage(), file=sys.stderr)
        return 2
    hint = f"; did you mean: neurocomp run {name}" if "=" in name else did_you_mean(name, list(COMMANDS))
    raise UserError(f'there is no command "{name}"; the commands are {", ".join(COMMANDS)}{hint}')


def usage() -> str:
    """The text of --help."""
    lines = [f"  {name:<11}{command.summary:<50}neurocomp {command.example}" for name, command in COMMANDS.items()]
    return "\n".join([
        "neurocomp: compile programs into differentiable machines, tune them, decompile them, count recoveries.",
        "",
        "usage: neurocomp COMMAND ...    (neurocomp COMMAND --help says more)",
        "",
        *lines,
        "",
        'Tab completion for bash:  eval "$(neurocomp -sc install=bash)"',
    ])  # fmt: skip


def _environment(error: BaseException) -> int:
    """The exit code for a full disk or a closed pipe; any other OSError is a bug, or at least worth a traceback."""
    cause = error.__cause__ if isinstance(error, Stop) else error
    if isinstance(cause, BrokenPipeError):
        # Whoever read our output has left; the interpreter's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
        where = f" ({cause.filename})" if cause.filename else ""
        return _complain(f"the disk is full{where}; make room and give the same command again to go on", 1)
    raise error


def _complain(message: str, code: int) -> int:
    for line in first_lines(lines(message)):
        print(f"neurocomp: {visible(line)}", file=sys.stderr)
    return code

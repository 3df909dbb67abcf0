"""`neurocomp COMMAND ...`: which command it is, and what the shell sees of errors. Nothing here imports torch."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import NamedTuple

from neurocomp import __version__
from neurocomp.cli.environment import (
    OF_WRITING,
    Stop,
    Terminated,
    ending_on_signals,
    flushed,
    is_refusal,
    is_shortage,
    open_streams,
    refusal,
    shortage,
)
from neurocomp.errors import UserError, did_you_mean
from neurocomp.text import say


class Command(NamedTuple):
    """Where a command lives, what it does, and an example to copy."""

    module: str
    function: str
    summary: str
    example: str


COMMANDS = {
    "run": Command("run", "main", "tune programs (or search): a cell, or a grid", "run task=map_inc init=map_inc"),
    "readings": Command("readings", "main", "search what the paper leaves open", "readings settings=40 screen=8"),
    "synth": Command("synth", "main", "programs that explain a task's examples", "synth task=reduce"),
    "learn": Command("learn", "main", "abstractions from the solutions of a corpus", "learn corpus --out library.yaml"),
    "solve": Command("solve", "main", "the shortest program, or proof of none (SAT)", "solve task=inc"),
    "table": Command("table", "main", "recovery rates with intervals, from results", "table table1"),
    "plot": Command("plot", "main", "the same as figures", "plot table1"),
    "report": Command("report", "main", "the same as a page to look at", "report results/table1"),
    "export": Command("export", "main", "loss curves for TensorBoard", "export tensorboard results/curves"),
    "show": Command("show", "main", "which cells there are, and what they recovered", "show"),
    "compare": Command("compare", "main", "two cells: rates, intervals, p-value", "compare 5862796e8e 239a89e78c"),
    "exec": Command("exec", "main", "run a program on ints", "exec map_inc --memory 3,5,2,9,4 --steps 15"),
    "trace": Command("trace", "main", "the soft machine step by step", "trace map_inc --memory 3,5,2 --steps 15"),
    "subleq": Command("subleq", "main", "the same in subleq, or by a network", "subleq exec add --memory 3,4"),
    "compile": Command("compile", "compile_main", "a program to weights", "compile map_inc --out w.safetensors"),
    "decompile": Command("compile", "decompile_main", "weights to a program", "decompile w.safetensors"),
    "bench": Command("bench", "main", "what an update costs with each engine", "bench --engines eager,fused"),
}


RESUMABLE = (["run"], ["readings"], ["learn"])
DEBUG = "NEUROCOMP_DEBUG"
"""An environment variable, because a job may run in another process; --verbose sets it."""


def main(argv: list[str] | None = None) -> int:
    """Run one command. The exit code is 0, 1 (something failed, or the machine refused), 2 (the user's mistake), 130
    (interrupted), or 128 + N (ended by signal N).
    """
    open_streams()
    given = [with_home(word) for word in (sys.argv[1:] if argv is None else argv)]
    with ending_on_signals():
        try:
            os.getcwd()
            code = dispatch(given)
        except UserError as error:
            code = _complain(2, *error.messages, more=error.more)
        except Terminated as error:
            code = _complain(error.code, f"ended by {error}{_rest_of(given)}")
        except KeyboardInterrupt:
            code = _complain(130, f"interrupted{_rest_of(given)}")
        except (OSError, Stop, MemoryError, RuntimeError) as error:
            code = _refused(error, given)
        lost = flushed()
        return code if lost is None else _stdout_lost(lost, code)


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
    return "\n".join(
        [
            "neurocomp: compile programs into differentiable machines, tune them, decompile them, count recoveries.",
            "",
            "usage: neurocomp COMMAND ...    (neurocomp COMMAND --help says more)",
            "",
            *lines,
            "",
            'Tab completion for bash:  eval "$(neurocomp -sc install=bash)"',
        ]
    )


def _rest_of(given: list[str]) -> str:
    """What becomes of a command that was ended before its end."""
    return "; the same command again goes on from what was last saved" if given[:1] in RESUMABLE else ""


def _refused(error: BaseException, given: list[str]) -> int:
    """The exit code where the machine refused something. Any other error is a bug and is raised again."""
    cause = error.__cause__ if isinstance(error, Stop) and error.__cause__ else error
    if os.environ.get(DEBUG) or not (is_refusal(cause) or is_shortage(cause)):
        raise error
    rest = "; rows so far are safe, and the same command goes on from there" if given[:1] in RESUMABLE else ""
    if not isinstance(cause, OSError):
        return _complain(1, shortage(cause) + rest)
    file = cause.filename or (str(error) if isinstance(error, Stop) else "")
    if isinstance(cause, BrokenPipeError) or (not file and cause.errno in OF_WRITING):
        return _stdout_lost(cause, 1)
    if not file and not _directory_is_there():
        return _complain(2, "the current directory is not there any more; cd to one that is")
    return _complain(1, refusal(cause, file) + rest)


def _directory_is_there() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _stdout_lost(error: OSError, code: int) -> int:
    """Who reads our output may leave, which needs no word; that it cannot be written otherwise is said."""
    if isinstance(error, BrokenPipeError):
        return code or 1
    return _complain(code or 1, f"{refusal(error)}; what was to be printed is lost")


def _complain(code: int, *messages: str, more: int = 0) -> int:
    with contextlib.suppress(OSError):  # nobody can be told
        say(messages, more=more)
    return code

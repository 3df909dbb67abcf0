"""`neurocomp -sc ...`: Hydra's shell completion, with the command between the program's name and the overrides."""

from __future__ import annotations

import os
import re
from pathlib import Path

from neurocomp.cli.main import COMMANDS
from neurocomp.language.assembly import shipped_programs
from neurocomp.memorizer import subleq
from neurocomp.tasks import corpus

OF_CORPUS = f"task={corpus.FOLDER}/"  # Hydra completes no names of folders within a group


def main(argv: list[str]) -> int:
    """Install or uninstall completion (`install=bash`), or answer the shell that asks (`query=bash`)."""
    if not any(argument.startswith("query=") for argument in argv):
        return _hydra(argv)
    command, rest = split(os.environ.get("COMP_LINE", ""))
    if rest is None:
        print(" ".join(name for name in COMMANDS if name.startswith(command)))
    elif command in ("run", "learn") and rest.rpartition(" ")[2].startswith(OF_CORPUS):
        _offer([f"{OF_CORPUS}{name}" for name in corpus.tasks()], rest)
    elif command == "learn" and corpus.FOLDER.startswith(rest):
        _offer([corpus.FOLDER], rest)
    elif command in ("run", "learn"):
        # With -m Hydra offers keys even while a group that must be chosen (task) is not.
        os.environ["COMP_LINE"] = f"neurocomp -m {rest.removeprefix(f'{corpus.FOLDER} ')}"
        return _hydra(argv)
    elif command in ("exec", "compile", "trace"):
        _offer(shipped_programs(), rest)
    elif command == "subleq":
        _offer(subleq.shipped() if rest.startswith("exec ") else ["exec"], rest)
    elif command == "report":
        _offer(sorted({str(path.parent) for path in Path("results").glob("*/*.csv")}), rest)
    return 0


def _offer(names: list[str], rest: str) -> None:
    """Those that begin with the word that is being typed."""
    word = rest.rpartition(" ")[2]
    print(" ".join(name for name in names if name.startswith(word)))


def split(line: str) -> tuple[str, str | None]:
    """The command in a command line and what follows it, None while the command itself is being typed."""
    words = re.fullmatch(r"\s*\S+\s+(\S*)(?:\s+(.*))?", line, re.DOTALL)
    return (words[1], words[2]) if words else ("", None)


def _hydra(argv: list[str]) -> int:
    from neurocomp.cli.machines import DIFFERENTIABLE
    from neurocomp.cli.run import call_hydra

    call_hydra(["-sc", *argv], DIFFERENTIABLE.tree)
    return 0

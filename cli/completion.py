"""`neurocomp -sc ...`: what a shell completes: names of keys by Hydra, all else by the commands' own parsers."""

from __future__ import annotations

import argparse
import importlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from neurocomp.cli.main import COMMANDS
from neurocomp.language.assembly import shipped_programs
from neurocomp.memorizer import subleq
from neurocomp.tasks import corpus

OF_CORPUS = f"task={corpus.FOLDER}/"
WITH_KEYS = ("run", "learn", "synth", "solve", "bench")  # these take KEY=VALUE as `neurocomp run` does
INITS = ("random", "synth", "reference")  # besides programs
FILES: list[str] = []  # nothing is offered, so that the shell completes names of files

# The options of commands whose modules take seconds to import, or whose parser is Hydra's.
RUN = ("--help", "--multirun", "-m", "--config-dir", "--cfg", "--json", "--verbose", "--hydra-help")
OPTIONS = {"run": RUN, "learn": ("--help", "--rounds", "--out", "--held-out", "--config-dir", "--verbose")}
OPTION_VALUES = {"--cfg": ["job"], "--config-dir": FILES, "--out": FILES, "--rounds": FILES, "--held-out": FILES}


def main(argv: list[str]) -> int:
    """Install or uninstall completion (`install=bash`), or answer the shell that asks (`query=bash`)."""
    if not any(argument.startswith("query=") for argument in argv):
        return _hydra(argv)
    command, rest = split(os.environ.get("COMP_LINE", ""))
    if rest is None:
        _offer([*COMMANDS, "--help", "--version"] if command.startswith("-") else list(COMMANDS), command)
    elif command in COMMANDS:
        *before, word = rest.split(" ")
        names = _names(command, [one for one in before if one], word)
        if names is None:
            # With -m Hydra offers keys even while a group that must be chosen (task) is not.
            keys = [one for one in before if "=" in one and not one.startswith("-")]
            os.environ["COMP_LINE"] = " ".join(["neurocomp", "-m", *keys, word])
            return _hydra(argv)
        _offer(names, word)
    return 0


def split(line: str) -> tuple[str, str | None]:
    """The command in a command line and what follows it, None while the command itself is being typed."""
    words = re.fullmatch(r"\s*\S+\s+(\S*)(?:\s+(.*))?", line, re.DOTALL)
    return (words[1], words[2]) if words else ("", None)


def _offer(names: Sequence[str], word: str) -> None:
    """Those that begin with the word that is being typed."""
    print(" ".join(name for name in names if name.startswith(word)))


def _names(command: str, before: Sequence[str], word: str) -> Sequence[str] | None:
    """What may stand where this word is being typed, after those before it; None where Hydra knows."""
    options = _options(command)
    flag, equals, _ = word.partition("=")
    if equals and flag in options:
        return [f"{flag}={value}" for value in _values(command, flag, options[flag])]
    if before and before[-1] in options and _takes_value(before[-1], options):
        return _values(command, before[-1], options[before[-1]])
    if word.startswith("-"):
        return list(options)
    if command == "readings":
        return _of_readings(word)
    if command in WITH_KEYS:
        return _with_keys(command, before, word)
    return _positional(command, before, word, options)


Options = dict[str, argparse.Action | None]


def _options(command: str) -> Options:
    """Each option with what its parser knows of it, None where it is not asked."""
    if command in OPTIONS:
        return dict.fromkeys(OPTIONS[command])
    return {text: action for action in _parser(command)._actions for text in action.option_strings}


def _parser(command: str) -> argparse.ArgumentParser:
    module = importlib.import_module(f"neurocomp.cli.{COMMANDS[command].module}")
    name = {"compile": "_compile_parser", "decompile": "_decompile_parser"}.get(command, "_parser")
    return getattr(module, name)()


def _takes_value(option: str, options: Options) -> bool:
    action = options[option]
    return option in OPTION_VALUES if action is None else action.nargs != 0


def _values(command: str, option: str, action: argparse.Action | None) -> Sequence[str]:
    """The values of an option."""
    if action is None:
        return OPTION_VALUES.get(option, FILES)
    if action.choices is not None:
        return [str(choice) for choice in action.choices]
    own: dict[str, Callable[[], Sequence[str]]] = {
        "--results": _folders, "--where": _conditions, "--sort": _columns, "--engines": _engines, "--restarts": _cells,
    }  # fmt: skip
    return own[option]() if option in own else FILES


def _positional(command: str, before: Sequence[str], word: str, options: Options) -> Sequence[str]:
    """The names for the next argument that is no option."""
    if command == "subleq":
        return subleq.shipped() if "exec" in before else ["exec"]
    if command in ("exec", "compile", "trace"):
        return shipped_programs()
    if command == "report":
        return _folders()
    if command == "compare":
        return _cells()
    if command == "export" and "tensorboard" in before:
        return _folders()
    valued = {option for option in options if _takes_value(option, options)}
    given = [one for last, one in zip(["", *before], before, strict=False)
             if not one.startswith("-") and last not in valued]  # fmt: skip
    places = [action for action in _parser(command)._actions if not action.option_strings]
    if len(given) >= len(places):
        return FILES
    return [str(choice) for choice in places[len(given)].choices or FILES]


# --- KEY=VALUE


def _with_keys(command: str, before: Sequence[str], word: str) -> Sequence[str] | None:
    """Values of keys and groups; the memorizer's keys where its experiment is chosen. None: names of keys."""
    from neurocomp.cli.keys import machine_keys, memorizer_keys
    from neurocomp.cli.machines import memorizer_experiments

    key, equals, value = word.partition("=")
    known = [*machine_keys(), *memorizer_keys()]
    if command == "run" and "--help" in before:
        return [one.name for one in known]
    if command == "learn" and corpus.FOLDER.startswith(word):
        return [corpus.FOLDER]
    if word.startswith(OF_CORPUS):
        return [f"{OF_CORPUS}{name}" for name in corpus.tasks()]
    experiments = memorizer_experiments()
    is_memorizer = any(one.startswith("experiment=") and one.partition("=")[2] in experiments for one in before)
    if not equals:
        return [f"{one.name}=" for one in memorizer_keys()] if is_memorizer else None
    keys = memorizer_keys() if is_memorizer else machine_keys()
    values = {one.name: _key_values(one.default, one.others) for one in keys} | _groups(before, is_memorizer)
    if not is_memorizer:
        values["init"] = [*INITS, *shipped_programs()]
        values["experiment"] = [*values["experiment"], *experiments]
    done = value.rpartition(",")[0]  # of a grid, what is typed already
    return [f"{key}={done}{',' * bool(done)}{one}" for one in values.get(key, FILES)]


def _key_values(default: str | None, others: Sequence[str]) -> list[str]:
    if default in ("true", "false"):
        return ["true", "false"]
    return [default, *others] if default is not None and others else []


def _groups(before: Sequence[str], is_memorizer: bool) -> dict[str, list[str]]:
    """The options of each group, those of --config-dir among them."""
    if is_memorizer:
        return {}
    from neurocomp.cli.compose import groups

    folders = [one.partition("=")[2] for one in before if one.startswith("--config-dir=")]
    folders += [after for one, after in zip(before, before[1:], strict=False) if one == "--config-dir"]
    directory = folders[-1] if folders and Path(folders[-1]).is_dir() else None
    return groups(argparse.Namespace(config_dir=directory))


def _of_readings(word: str) -> Sequence[str]:
    from neurocomp.cli.keys import readings_keys

    key, equals, _ = word.partition("=")
    if not equals:
        return [f"{one.name}=" for one in readings_keys()]
    return [f"{key}={value}" for one in readings_keys() if one.name == key
            for value in _key_values(one.default, one.others)]  # fmt: skip


# --- what there is


def _folders() -> list[str]:
    return sorted({str(path.parent) for path in Path("results").glob("*/*.csv")})


def _cells() -> list[str]:
    return sorted(path.stem for path in Path("results").glob("*/*.csv") if path.with_suffix(".yaml").exists())


def _conditions() -> list[str]:
    from neurocomp.memorizer.report.cells import MemorizerCell
    from neurocomp.report.cells import Cell
    from neurocomp.report.where import known_names

    return [f"{name}=" for name in known_names(Cell, MemorizerCell)]


def _columns() -> list[str]:
    from neurocomp.cli.show import COLUMNS

    return [*COLUMNS, *(f"-{name}" for name in COLUMNS)]


def _engines() -> list[str]:
    from neurocomp.config import ENGINES

    return [*(name for name in ENGINES if name != "auto"), "jax"]


def _hydra(argv: list[str]) -> int:
    from neurocomp.cli.machines import DIFFERENTIABLE
    from neurocomp.cli.run import call_hydra

    call_hydra(["-sc", *argv], DIFFERENTIABLE.tree)
    return 0

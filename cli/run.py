"""`neurocomp run`: a command line for Hydra -> checked cells -> one job each -> a summary of their rows."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from neurocomp.cli.compose import Cell, compose_cells, groups, searched_directory, to_config
from neurocomp.cli.errors import translated
from neurocomp.cli.main import Stop
from neurocomp.cli.run_help import help_text
from neurocomp.cli.trees import CONFIG_NAME, MACHINE, MEMORIZER, Tree, memorizer_experiments, tree_of
from neurocomp.config import RunConfig, UserError
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.results import CellLocked
from neurocomp.text import visible, visible_lines

Config = RunConfig | MemorizerConfig

DEBUG = "NEUROCOMP_DEBUG"
JSON = "NEUROCOMP_JSON"
"""Environment variables, because a job may run in another process; --verbose and --json set them."""


def main(argv: list[str]) -> int:
    """Check every cell, run them, print what came of them; 1 if any cell failed or is incomplete."""
    arguments, flags = parse(argv)
    if arguments.help:
        print(help_text(groups(arguments), memorizer_experiments(arguments.config_dir)))
        return 0
    if arguments.hydra_help or arguments.cfg or arguments.info:
        return show(arguments, flags)
    cells = compose_cells(arguments)
    check(cells)
    call_hydra([*flags, *arguments.overrides], tree_of(arguments.overrides, arguments.config_dir))
    kept = [cell for cell in cells if cell.config.only is None and not searches_readings(cell.config)]
    return summarize(kept, arguments.json)


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The arguments as Hydra understands them, and the flags among them that are for Hydra.

    Hydra itself wants its flags before or after all overrides; here they may be anywhere.
    """
    parser = get_args_parser()
    parser.prog = "neurocomp run"
    parser.error = _usage_error
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_intermixed_args(argv)
    for given, flag in ((arguments.config_path, "--config-path"), (arguments.config_name, "--config-name"),
                        (arguments.experimental_rerun, "--experimental-rerun")):  # fmt: skip
        if given is not None:
            raise UserError(f"{flag} is not supported; files of your own are found with --config-dir DIR")
    if arguments.verbose:
        os.environ[DEBUG] = "1"
    os.environ[JSON] = "1" if arguments.json else ""
    flags = [word for word in argv if word not in (*arguments.overrides, "--json", "--verbose")]
    return arguments, _in_tree(arguments, flags)


def _in_tree(arguments: argparse.Namespace, flags: list[str]) -> list[str]:
    """The flags with --config-dir as Hydra is to see it: the folder of the memorizer in it, if that is what runs."""
    folder = tree_of(arguments.overrides, arguments.config_dir).folder
    if arguments.config_dir is None or not folder:
        return flags
    others = [word for word in flags if word != arguments.config_dir and not word.startswith(("--config-dir", "-cd"))]
    own = os.path.join(arguments.config_dir, folder)
    return [*others, f"--config-dir={own}"] if os.path.isdir(own) else others


def show(arguments: argparse.Namespace, flags: list[str]) -> int:
    """Hydra's answers about the configuration; of a grid, about its first cell."""
    overrides = list(arguments.overrides)
    if arguments.cfg:
        cells = compose_cells(arguments)
        if cells[1:] or (cells and arguments.multirun):
            print(f"# the first of {len(cells)} cells")
            overrides = cells[0].overrides
            flags = [flag for flag in flags if flag not in ("-m", "--multirun")]
    call_hydra([*flags, *overrides], tree_of(arguments.overrides, arguments.config_dir))
    return 0


def pipeline_of(config: Config) -> ModuleType:
    """What runs such a cell: the module with check, cell_path, run_cell, record_failure and describe."""
    name = "neurocomp.pipeline" if isinstance(config, RunConfig) else "neurocomp.memorizer.pipeline"
    return importlib.import_module(name)


def searches_readings(config: Config) -> bool:
    """Whether it is no cell at all, but the search over readings."""
    return isinstance(config, RunConfig) and config.readings.settings > 0


def check(cells: list[Cell]) -> None:
    """Load each cell's task and program and fit their sizes; UserError lists all that is wrong, once each."""
    problems = []
    for cell in cells:
        pipeline = pipeline_of(cell.config)
        try:
            pipeline.check(cell.config, cell.directory)
        except UserError as error:
            of_cell = f"{pipeline.describe(cell.config)}: " if cells[1:] else ""
            problems += [of_cell + line for line in str(error).splitlines()]
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


def call_hydra(argv: list[str], tree: Tree = MACHINE) -> None:
    """Hand over to Hydra, which reads sys.argv; it runs a job in each cell."""
    sys.argv = ["neurocomp", *argv]
    with translated():
        machine_job() if tree == MACHINE else memorizer_job()


@hydra.main(version_base="1.3", config_path=MACHINE.module, config_name=CONFIG_NAME)
def machine_job(composed: DictConfig) -> None:
    """One cell of the differentiable machine."""
    run_job(composed)


@hydra.main(version_base="1.3", config_path=MEMORIZER.module, config_name=CONFIG_NAME)
def memorizer_job(composed: DictConfig) -> None:
    """One cell of the memorizer."""
    run_job(composed)


def run_job(composed: DictConfig) -> None:
    """One cell. What goes wrong in it is reported and recorded, so that the other cells run under any launcher."""
    config, directory = to_config(composed), searched_directory(HydraConfig.get())
    pipeline = pipeline_of(config)
    with _ending_the_grid():
        try:
            if searches_readings(config):
                from neurocomp import readings

                readings.search(config)
                ranked = f"neurocomp table readings --results {config.results}/{config.name} ranks what was measured"
                print(visible(ranked))
                return
            row = pipeline.run_cell(config, directory)
        except CellLocked as error:
            return _report(config, error)
        except Exception as error:
            if _hopeless(error):
                raise
            _report(config, error)
            if config.only is not None:
                raise SystemExit(1) from None
            with contextlib.suppress(UserError, CellLocked):  # a file that cannot be written to keeps its rows
                pipeline.record_failure(config, directory, error)
            return
        if isinstance(row, dict):  # of the one restart that `only` asks for
            lines = (f"{key}: {visible(str(row[key]))}" for key in row)
            print(json.dumps(row) if os.environ.get(JSON) else "\n".join(lines))


@contextlib.contextmanager
def _ending_the_grid() -> Iterator[None]:
    """Inside, an error that the other cells would not escape becomes Stop, which Hydra does not catch."""
    try:
        yield
    except OSError as error:
        if _hopeless(error):
            raise Stop from error
        raise


def _hopeless(error: Exception) -> bool:
    """Whether the disk is full, or nobody reads our output any more."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EPIPE)


def summarize(cells: list[Cell], as_json: bool) -> int:
    """Print what the rows of each cell say; 1 if a restart is missing in any of them."""
    from neurocomp.report import cells as tuned
    from neurocomp.report import memorized

    lines, problems = [], []
    report: Any = tuned if not cells or isinstance(cells[0].config, RunConfig) else memorized
    # Overrides that come to the same cell (gamma means nothing to random weights) have one line.
    paths = {pipeline_of(cell.config).cell_path(cell.config, cell.directory): cell.config for cell in cells}
    for path, config in paths.items():
        measured = report.read_cell(path) if path.exists() else None
        if measured:
            lines.append(report.summary_line(measured))
        done = set(measured.rows["restart"]) & set(range(config.restarts)) if measured else set()
        if len(done) < config.restarts:
            state = "failed" if measured and measured.has_failed_rows else "incomplete"
            described = pipeline_of(config).describe(config)
            problems.append(f"{described}: {state}, {len(done)} of {config.restarts} restarts are there")
    if as_json:
        print("".join(json.dumps(line) + "\n" for line in lines), end="")
    elif lines:
        print(visible_lines(report.format_summary(lines)))
    for problem in problems:
        print(f"neurocomp: {visible(problem)}", file=sys.stderr)
    return 1 if problems else 0


def _report(config: Config, error: Exception) -> None:
    """One line on stderr, or the traceback if it was asked for."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    message = " ".join(str(error).split())
    kind = "" if isinstance(error, (UserError, CellLocked)) else f"{type(error).__name__}: "
    hint = "" if os.environ.get(DEBUG) or not kind else " (--verbose shows the traceback)"
    described = visible(f"{pipeline_of(config).describe(config)}: {kind}{message}{hint}")
    print(f"neurocomp: {described}", file=sys.stderr)


def _usage_error(message: str) -> NoReturn:
    raise UserError(f"{message}; neurocomp run --help lists what there is")

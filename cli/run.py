"""`neurocomp run`: a command line for Hydra -> checked cells -> one job each -> a summary of their rows."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import math
import os
import statistics
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from neurocomp.cli.compose import Cell, Request, compose_request, existing, groups, searched_directory, to_config
from neurocomp.cli.environment import Stop, is_refusal, is_shortage, shortage
from neurocomp.cli.errors import translated
from neurocomp.cli.main import DEBUG
from neurocomp.cli.run_help import help_text, key_help
from neurocomp.cli.trees import CONFIG_NAME, MACHINE, MEMORIZER, Tree, memorizer_experiments
from neurocomp.config import RunConfig
from neurocomp.errors import UserError
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.results.writer import CellLocked
from neurocomp.text import json_text, say, visible, visible_lines

Config = RunConfig | MemorizerConfig

JSON = "NEUROCOMP_JSON"
"""An environment variable, because a job may run in another process; --json sets it."""


def main(argv: list[str]) -> int:
    """Check every cell, run them, print what came of them; 1 if any cell failed or is incomplete."""
    arguments = parse(argv)
    if arguments.help:
        own = arguments.overrides
        print(key_help(own) if own else help_text(groups(arguments), memorizer_experiments(arguments.config_dir)))
        return 0
    if arguments.hydra_help:
        call_hydra([*hydra_flags(arguments), *arguments.overrides])
        return 0
    request = compose_request(arguments)
    if arguments.cfg or arguments.info:
        return show(arguments, request)
    cells = request.cells
    check(cells)
    if request.is_grid:  # Hydra's own account of itself fails where a group is swept over
        logging.getLogger("hydra._internal.hydra").setLevel(logging.INFO)
    call_hydra([*hydra_flags(arguments, request.tree), *request.overrides], request.tree)
    kept = (
        []
        if request.is_sampled
        else [cell for cell in cells if cell.config.only is None and not searches_readings(cell.config)]
    )
    return summarize(kept, arguments.json)


def parse(argv: list[str]) -> argparse.Namespace:
    """The arguments as Hydra understands them; its flags may stand anywhere between the overrides."""
    parser = get_args_parser()
    parser.prog = "neurocomp run"
    parser.error = _usage_error
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_intermixed_args(argv)
    for given, flag in (
        (arguments.config_path, "--config-path"),
        (arguments.config_name, "--config-name"),
        (arguments.experimental_rerun, "--experimental-rerun"),
    ):
        if given is not None:
            raise UserError(f"{flag} is not supported; files of your own are found with --config-dir DIR")
    if arguments.verbose:
        os.environ[DEBUG] = "1"
    os.environ[JSON] = "1" if arguments.json else ""
    return arguments


def hydra_flags(arguments: argparse.Namespace, tree: Tree = MACHINE) -> list[str]:
    """The flags that are for Hydra, with --config-dir as it is to see it: below that, the memorizer has a folder."""
    flags = [
        f"--{name.replace('_', '-')}"
        for name in ("multirun", "run", "resolve", "hydra_help")
        if getattr(arguments, name)
    ]
    flags += [f"--{name}={value}" for name in ("cfg", "package", "info") if (value := getattr(arguments, name))]
    if (directory := existing(arguments.config_dir)) is not None:
        own = os.path.join(directory, tree.folder) if tree.folder else directory
        flags += [f"--config-dir={own}"] if os.path.isdir(own) else []
    return flags


def show(arguments: argparse.Namespace, request: Request) -> int:
    """Hydra's answers about the configuration; of a grid, about its first cell."""
    overrides = request.overrides
    if request.cells[1:] or arguments.multirun:
        print(f"# the first of {len(request.cells)} cells")
        if not request.is_sampled:
            overrides = [*(word for word in overrides if word.startswith("hydra")), *request.cells[0].overrides]
        arguments.multirun = False
    call_hydra([*hydra_flags(arguments, request.tree), *overrides], request.tree)
    return 0


def pipeline_of(config: Config) -> ModuleType:
    """What runs such a cell: the module with check, cell_path, complete, replay, record_failure and describe."""
    name = "neurocomp.pipeline" if isinstance(config, RunConfig) else "neurocomp.memorizer.pipeline"
    return importlib.import_module(name)


def searches_readings(config: Config) -> bool:
    """Whether it is no cell at all, but the search over readings."""
    return isinstance(config, RunConfig) and config.readings.settings > 0


def check(cells: list[Cell]) -> None:
    """Load each cell's task and program and fit their sizes; UserError lists all that is wrong, once each."""
    problems, more = [], 0
    for cell in cells:
        pipeline = pipeline_of(cell.config)
        try:
            pipeline.check(cell.config, cell.directory)
        except UserError as error:
            of_cell = f"{pipeline.describe(cell.config)}: " if cells[1:] else ""
            problems += [of_cell + message for message in error.messages]
            more += error.more
    if problems:
        raise UserError(*problems, more=more)


def call_hydra(argv: list[str], tree: Tree = MACHINE) -> None:
    """Hand over to Hydra, which reads sys.argv; it runs a job in each cell."""
    sys.argv = ["neurocomp", *argv]
    with translated():
        machine_job() if tree == MACHINE else memorizer_job()


@hydra.main(version_base="1.3", config_path=MACHINE.module, config_name=CONFIG_NAME)
def machine_job(composed: DictConfig) -> float:
    """One cell of the differentiable machine."""
    return run_job(composed)


@hydra.main(version_base="1.3", config_path=MEMORIZER.module, config_name=CONFIG_NAME)
def memorizer_job(composed: DictConfig) -> float:
    """One cell of the memorizer."""
    return run_job(composed)


def run_job(composed: DictConfig) -> float:
    """One cell, and the rate that its restarts reached, for sweepers that look for the best.

    What goes wrong in a cell is reported and recorded, so that the other cells run under any launcher.
    """
    job = HydraConfig.get()
    # Paths mean what they mean where the command was given, whatever folder Hydra has changed to.
    with contextlib.chdir(job.runtime.cwd) if job.job.chdir else contextlib.nullcontext():
        return _run_cell(to_config(composed), searched_directory(job))


def _run_cell(config: Config, directory: Path | None) -> float:
    """The share of its restarts that reached what `measure` names; not a number where the cell failed."""
    pipeline = pipeline_of(config)
    with _ending_the_grid(pipeline, config, directory):
        try:
            if isinstance(config, RunConfig) and searches_readings(config):
                from neurocomp.readings import screening as readings

                readings.search(config)
                ranked = f"neurocomp table readings --results {config.results}/{config.name} ranks what was measured"
                print(visible(ranked))
                return math.nan
            if config.only is not None:
                row = pipeline.replay(config, directory)
                lines = (f"{key}: {visible(str(row[key]))}" for key in row)
                print(json_text(row) if os.environ.get(JSON) else "\n".join(lines))
                return math.nan
            return _rate(config, pipeline.complete(config, directory))
        except CellLocked as error:
            _report(config, error)
            if searches_readings(config):
                raise SystemExit(1) from None
            return math.nan
        except Exception as error:
            if is_refusal(error):
                raise
            _report(config, error)
            if config.only is not None or searches_readings(config):
                raise SystemExit(1) from None
            with contextlib.suppress(UserError, CellLocked):  # a file that cannot be written to keeps its rows
                pipeline.record_failure(config, directory, error)
            return math.nan


def _rate(config: Config, path: Path) -> float:
    """The rate of the cell by `measure`; of a memorizer's cell, the mean accuracy of its trainings."""
    if isinstance(config, RunConfig):
        from neurocomp.report.cells import read_cell

        rate = read_cell(path, details=False).rate(config.measure)
        return math.nan if rate is None else rate
    from neurocomp.memorizer.report import cells as memorized

    accuracies = memorized.read_cell(path).rows["accuracy"].dropna().tolist()
    return statistics.mean(accuracies) if accuracies else math.nan


@contextlib.contextmanager
def _ending_the_grid(pipeline: ModuleType, config: Config, directory: Path | None) -> Iterator[None]:
    """Inside, an error that the other cells would not escape becomes Stop, which Hydra does not catch."""
    try:
        yield
    except OSError as error:
        if is_refusal(error):
            raise Stop(pipeline.cell_path(config, directory)) from error
        raise


def summarize(cells: list[Cell], as_json: bool) -> int:
    """Print what the rows of each cell say; 1 if a restart is missing in any of them."""
    from neurocomp.memorizer.report import cells as memorized
    from neurocomp.report import cells as tuned

    lines, problems = [], []
    report: Any = tuned if not cells or isinstance(cells[0].config, RunConfig) else memorized
    # Overrides that come to the same cell (gamma means nothing to random weights) have one line.
    paths = {pipeline_of(cell.config).cell_path(cell.config, cell.directory): cell.config for cell in cells}
    for path, config in paths.items():
        measured = report.read_cell(path, details=False) if path.exists() else None
        if measured:
            lines.append(report.summary_line(measured))
        done = measured.count_below(config.restarts) if measured else 0
        if done < config.restarts:
            state = "failed" if measured and measured.has_failed_rows else "incomplete"
            described = pipeline_of(config).describe(config)
            problems.append(f"{described}: {state}, {done} of {config.restarts} restarts are there")
    if as_json:
        print("".join(json_text(line) + "\n" for line in lines), end="")
    elif lines:
        print(visible_lines(report.format_summary(lines)))
    for problem in problems:
        say([problem])
    return 1 if problems else 0


def _report(config: Config, error: Exception) -> None:
    """One line on stderr, or the traceback if it was asked for."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    message = shortage(error) if is_shortage(error) else " ".join(str(error).split())
    kind = "" if isinstance(error, (UserError, CellLocked)) or is_shortage(error) else f"{type(error).__name__}: "
    hint = "" if os.environ.get(DEBUG) or not kind else " (--verbose shows the traceback)"
    say([f"{pipeline_of(config).describe(config)}: {kind}{message}{hint}"])


def _usage_error(message: str) -> NoReturn:
    raise UserError(f"{message}; neurocomp run --help lists what there is")

"""`neurocomp run`: a command line for Hydra -> checked cells -> one job each -> a summary of their rows."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from neurocomp.cli.compose import Cell, Request, compose_request, existing, groups, searched_directory, to_config
from neurocomp.cli.environment import Stop, is_refusal, is_shortage, shortage
from neurocomp.cli.errors import translated
from neurocomp.cli.launchers import launched
from neurocomp.cli.machines import DIFFERENTIABLE, Config, Tree, machine_of, memorizer_experiments
from neurocomp.cli.main import DEBUG
from neurocomp.cli.pools import make_pool, sweep, with_workers
from neurocomp.cli.run_help import help_text, key_help
from neurocomp.cli.tables import print_rows
from neurocomp.config import RunConfig
from neurocomp.errors import UserError
from neurocomp.job import Job, complete, record_failure, replay
from neurocomp.progress_line import keep_lock_in_process
from neurocomp.report.cells import Report
from neurocomp.results.writer import CellLocked
from neurocomp.text import json_text, say, visible

JSON = "NEUROCOMP_JSON"
"""An environment variable, because a job may run in another process; --json sets it."""


def main(argv: list[str]) -> int:
    """Check every cell, run them, print what came of them; 1 if any cell failed or is incomplete."""
    arguments = parse(argv)
    if "experiment=readings" in arguments.overrides:
        return call_readings(arguments)
    if arguments.help:
        own = arguments.overrides
        print(key_help(own) if own else help_text(groups(arguments), memorizer_experiments(arguments.config_dir)))
        return 0
    if arguments.hydra_help:
        call_hydra([*hydra_flags(arguments), *arguments.overrides], DIFFERENTIABLE.tree)
        return 0
    request = compose_request(arguments)
    if arguments.cfg or arguments.info:
        return show(arguments, request)
    cells = with_workers(request.cells)
    report = machine_of(cells[0].config).report()
    jobs, finished = check(cells, report)
    missing = [job for job in jobs if job.path not in finished]
    whole = True
    if request.asks_hydra or request.is_sampled:
        if cells[0].config.workers is not None:
            raise UserError(
                f"workers={cells[0].config.workers}: with a launcher or sweeper of Hydra's, expected either"
            )
        if request.is_grid:  # Hydra's own account of itself fails where a group is swept over
            logging.getLogger("hydra._internal.hydra").setLevel(logging.INFO)
        flags = hydra_flags(arguments, request.tree)
        debug = bool(os.environ.get(DEBUG))
        whole = launched(lambda: call_hydra([*flags, *request.overrides], request.tree), debug)
    elif cells[0].config.workers is not None and missing:
        try:
            sweep(missing, make_pool(cells[0]), _report)
        except OSError as error:
            raise Stop(error.filename or "") from error
    else:
        for job in missing:
            run(job)
    kept = [] if request.is_sampled else [job for job in jobs if job.only is None]
    code = summarize(kept, finished, report, arguments.json)
    return code if whole else 1


def call_readings(arguments: argparse.Namespace) -> int:
    """What `experiment=readings` was before it became a command."""
    from neurocomp.cli import readings

    words = readings.renamed(arguments.overrides)
    say(
        [f"neurocomp run experiment=readings is a command of its own now: neurocomp {' '.join(['readings', *words])}"],
        prefix="",
    )
    return readings.main([*words, *([f"--cfg={arguments.cfg}"] if arguments.cfg else [])])


def parser() -> argparse.ArgumentParser:
    """Hydra's own parser, and two flags more."""
    parser = get_args_parser()
    parser.prog = "neurocomp run"
    parser.error = _usage_error
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    return parser


def parse(argv: list[str]) -> argparse.Namespace:
    """The arguments as Hydra understands them; its flags may stand anywhere between the overrides."""
    arguments = parser().parse_intermixed_args(argv)
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


def hydra_flags(arguments: argparse.Namespace, tree: Tree = DIFFERENTIABLE.tree) -> list[str]:
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


Lines = dict[Path, dict[str, Any]]  # summaries of cells, by the file of their rows


def check(cells: list[Cell], report: Report) -> tuple[list[Job], Lines]:
    """Load each cell's task and program and fit their sizes; UserError lists all that is wrong, once each.

    Overrides that come to the same cell (gamma means nothing to random weights) are one job. A cell in which nothing
    is to be done or said has its summary already: its file is not read again.
    """
    jobs, finished, problems, more = {}, {}, [], 0
    for cell in cells:
        machine = machine_of(cell.config)
        try:
            job = machine.check(cell.config, cell.directory)
            jobs.setdefault((job.path, job.only), job)
            if line := _finished(job, report):
                finished[job.path] = line
        except UserError as error:
            of_cell = f"{machine.describe(cell.config)}: " if cells[1:] else ""
            problems += [of_cell + message for message in error.messages]
            more += error.more
    if problems:
        raise UserError(*problems, more=more)
    return list(jobs.values()), finished


def _finished(job: Job, report: Report) -> dict[str, Any] | None:
    """The summary of a cell that has all its restarts, and nothing odd; else None."""
    if job.only is not None or job.wants_extras or not job.path.exists():
        return None
    cell = report.read_cell(job.path, details=False)
    whole = cell.count_below(job.restarts) == job.restarts and (cell.requested or 0) >= job.restarts
    return cell.summary_line() if whole and not cell.notes and not cell.problems else None


def run(job: Job) -> None:
    """Run one cell, or one restart of it. What goes wrong is said and recorded, so that the other cells run.

    What the operating system refuses becomes Stop: the other cells would not escape it.
    """
    try:
        if job.only is None:
            complete(job)
        else:
            print_row(replay(job))
    except Exception as error:
        if is_refusal(error):
            raise Stop(job.path) from error
        _report(job, error)
        if job.only is not None:
            raise SystemExit(1) from None
        if not isinstance(error, CellLocked):
            with contextlib.suppress(UserError, CellLocked):  # a file that cannot be written to keeps its rows
                record_failure(job, error)


def print_row(row: dict) -> None:
    """One restart, as JSON or a line for each column."""
    if os.environ.get(JSON):
        print(json_text(row))
    else:
        print("\n".join(f"{key}: {visible(str(value))}" for key, value in row.items()))


def call_hydra(argv: list[str], tree: Tree) -> None:
    """Hand over to Hydra, which reads sys.argv; it runs a job in each cell."""
    sys.argv = ["neurocomp", *argv]
    with translated():
        hydra.main(tree.module, tree.first, version_base="1.3")(run_job)()


def run_job(composed: DictConfig) -> float:
    """One cell under a launcher of Hydra's, and what its restarts reached, for sweepers that look for the best."""
    hydra_config = HydraConfig.get()
    keep_lock_in_process()
    # Paths mean what they mean where the command was given, whatever folder Hydra has changed to.
    with contextlib.chdir(hydra_config.runtime.cwd) if hydra_config.job.chdir else contextlib.nullcontext():
        return objective(to_config(composed), searched_directory(hydra_config))


def objective(config: Config, directory: Path | None) -> float:
    """Run a cell, and return what its restarts reached; not a number where nothing was measured."""
    machine = machine_of(config)
    job = machine.check(config, directory)
    run(job)
    if job.only is not None or not job.path.exists():
        return math.nan
    measure = config.measure if isinstance(config, RunConfig) else ""
    reached = machine.report().read_cell(job.path, details=False).reached(measure)
    return math.nan if reached is None else reached


def summarize(jobs: list[Job], finished: Lines, report: Report, as_json: bool) -> int:
    """Print what the rows of each cell say; 1 if a restart is missing in any of them."""
    lines, problems = [], []
    for job in jobs:
        if line := finished.get(job.path):
            lines.append(line)
            continue
        measured = report.read_cell(job.path, details=False) if job.path.exists() else None
        if measured:
            lines.append(measured.summary_line())
        done = measured.count_below(job.restarts) if measured else 0
        if done < job.restarts:
            state = "failed" if measured and measured.has_failed_rows else "incomplete"
            problems.append(f"{job.describe()}: {state}, {done} of {job.restarts} restarts are there")
    if as_json:
        print("".join(json_text(line) + "\n" for line in lines), end="")
    elif lines:
        print_rows([report.shown(line) for line in lines])
    for problem in problems:
        say([problem])
    return 1 if problems else 0


def _report(job: Job, error: Exception) -> None:
    """One line on stderr, or the traceback if it was asked for."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    message = shortage(error) if is_shortage(error) else " ".join(str(error).split())
    kind = "" if isinstance(error, (UserError, CellLocked)) or is_shortage(error) else f"{type(error).__name__}: "
    hint = "" if os.environ.get(DEBUG) or not kind else " (--verbose shows the traceback)"
    say([f"{job.describe()}: {kind}{message}{hint}"])


def _usage_error(message: str) -> NoReturn:
    raise UserError(f"{message}; neurocomp run --help lists what there is")

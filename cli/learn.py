"""`neurocomp learn`: abstractions from the solutions of a corpus of tasks, as a library for synthesis."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurocomp.cell_limits import check_cell
from neurocomp.cli.arguments import Parser, whole
from neurocomp.cli.compose import Cell, compose_request
from neurocomp.cli.main import DEBUG
from neurocomp.cli.pools import make_pool, with_workers
from neurocomp.cli.tables import print_rows
from neurocomp.config import RunConfig
from neurocomp.errors import UserError, check_at_least
from neurocomp.files import atomic_write, check_writable, read_text, remove_leftovers
from neurocomp.learning.compression import CompressionFailed, check_installed
from neurocomp.learning.report import report
from neurocomp.learning.rounds import learn
from neurocomp.learning.searches import Searches
from neurocomp.learning.solving import Problem
from neurocomp.readings.measuring import ThisProcess
from neurocomp.results.lock import CellLocked, Lock
from neurocomp.sweep import WorkerLost
from neurocomp.synthesis.language import Language
from neurocomp.synthesis.library import language_of, library_text
from neurocomp.synthesis.lowering import room_of
from neurocomp.tasks import corpus
from neurocomp.tasks.task import load_task
from neurocomp.text import say, visible_lines
from neurocomp.workers.pool import OtherCode

DESCRIPTION = """\
Solve training tasks by synthesis (wake), give names to what their programs have in common (sleep), and begin again with
these abstractions, while that saves candidates on the training tasks. CORPUS is `corpus`, the shipped one, or names of
tasks as in neurocomp run: task=a,b or 'task=glob(mine/*)'. Nothing is learned from held-out tasks: those of the shipped
corpus, and those of --held-out; they are measured at the end, without and with what was learned.

A program counts as a solution if it is right on its training examples, on test examples and at general sizes, after the
task's steps and after twice as many. Overrides are those of neurocomp run (synthesis.candidates, examples, seed,
workers, ...); the defaults here are examples=32 and synthesis.seconds=3600. With synthesis.library=FILE learning begins
with the abstractions of that file. Needs stitch (pip install 'neurocomp[learn]').

Every search is kept in a folder beside the output. The same command again goes on where it stopped.
"""
EPILOG = """\
examples:
  neurocomp learn corpus --rounds 2 --out library.yaml
  neurocomp learn corpus synthesis.candidates=20000 workers=2
  neurocomp learn --config-dir my_tasks 'task=glob(lists/*)' --held-out 'glob(tests/*)' --out lists.yaml
  neurocomp synth task=corpus/prefix_sum synthesis.library=library.yaml
"""
DEFAULTS = {"examples": "32", "synthesis.seconds": "3600"}
OF_CORPUS = f"{corpus.FOLDER}/"


def main(argv: Sequence[str]) -> int:
    """Exit code 0 also when nothing was learned; 1 where stitch or a worker failed: all searches are kept."""
    args = _parser().parse_intermixed_args(argv)
    if args.verbose:
        os.environ[DEBUG] = "1"
    check_at_least("--rounds", args.rounds, 1)
    out = Path(args.out)
    check_installed()
    check_writable(out)
    cells, problems = _problems(args)
    start = _start(cells[0])
    folder = out.parent / f"{out.name}.searches"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with Lock(folder / "learn"):
            remove_leftovers(out)
            return _learned(args, out, folder, problems, start, cells[0])
    except OtherCode as error:
        raise UserError(f"workers: {error}") from None
    except (CellLocked, WorkerLost) as error:
        say([str(error)])
    except CompressionFailed as error:
        say([f"{error}; the searches are kept in {folder}, and the same command goes on from there"])
    return 1


def _learned(
    args: argparse.Namespace, out: Path, folder: Path, problems: list[Problem], start: Language, cell: Cell
) -> int:
    """Learn, write what was learned after each round, and print the report."""
    written = folder / "written.yaml"
    _check_ours(out, written)

    def keep(language: Language) -> None:
        text = library_text(language)
        atomic_write(written, text)  # first, so that a library which this command wrote is always known as such
        atomic_write(out, text)

    pool = ThisProcess() if cell.config.workers is None else make_pool(cell)
    try:
        learned = learn(problems, start, args.rounds, Searches(folder, pool), keep)
    finally:
        pool.close()
    said = report(learned)
    print(visible_lines(f"{said.abstractions}\n"))
    print_rows(said.tasks)
    print(visible_lines(f"\n{said.sums}"))
    if learned.weights:
        print(visible_lines(f"{out}: {len(learned.weights)} abstractions; neurocomp synth synthesis.library={out}"))
    return 0


def _check_ours(out: Path, written: Path) -> None:
    """Raise UserError where the output is a file that this command did not write, or that was edited since."""
    if os.path.lexists(out) and not (written.exists() and read_text(written) == read_text(out)):
        raise UserError(f"--out {out}: is there, and is not as neurocomp learn left it; expected another file")


def _start(cell: Cell) -> Language:
    assert isinstance(cell.config, RunConfig)
    language = language_of(cell.config.synthesis.library, cell.directory)
    language.chosen(cell.config.synthesis.constructs)
    return language


def _problems(args: argparse.Namespace) -> tuple[list[Cell], list[Problem]]:
    """The tasks as cells, and what is to be solved. Raises UserError for whatever is wrong with one of them."""
    words = [word for word in args.corpus if word != corpus.FOLDER]
    given = {word.partition("=")[0] for word in words}
    words += [f"{key}={value}" for key, value in DEFAULTS.items() if key not in given]
    if ("task" in given) == (corpus.FOLDER in args.corpus):
        raise UserError("learn: expected tasks to learn from, corpus or names such as 'task=glob(mine/*)'")
    shipped = [f"{OF_CORPUS}{name}" for name in [*corpus.training(), *corpus.held_out()]]
    chosen = words if "task" in given else [f"task={','.join(shipped)}", *words]
    cells = _cells(chosen, args.config_dir)
    others = [word for word in words if not word.startswith("task=")]
    tested = _cells([f"task={args.held_out}", *others], args.config_dir) if args.held_out else []
    held_out = {_name(cell) for cell in tested} | {f"{OF_CORPUS}{name}" for name in corpus.held_out()}
    cells = [cell for cell in cells if _name(cell) not in {_name(other) for other in tested}] + tested
    problems = [_problem(cell, _name(cell) in held_out) for cell in with_workers(cells)]
    if all(problem.held_out for problem in problems):
        raise UserError("learn: all of these tasks are held-out, expected some to learn from")
    return cells, problems


def _cells(words: list[str], config_dir: str | None) -> list[Cell]:
    """A cell for each task."""
    cells = compose_request(argparse.Namespace(overrides=words, config_dir=config_dir, multirun=True)).cells
    names = [_name(cell) for cell in cells]
    if len(set(names)) < len(names):
        raise UserError(f"{' '.join(words)}: more than one cell of a task, expected a grid of tasks alone")
    return cells


def _name(cell: Cell) -> str:
    """The task as it is chosen on a command line."""
    chosen = [word.removeprefix("task=") for word in cell.overrides if word.startswith("task=")]
    return chosen[0] if chosen else str(getattr(cell.config, "name", ""))


def _problem(cell: Cell, held_out: bool) -> Problem:
    config: Any = cell.config
    if not isinstance(config, RunConfig):
        raise UserError("learn: cells of the memorizer, expected tasks such as 'task=glob(mine/*)'")
    task = load_task(config.task, config.machine, cell.directory, config.limits)
    check_cell(replace(config, method="synthesize", restarts=1), task, "executor", "cpu")
    room_of(task)  # a machine without labels has none
    synthesis = replace(config.synthesis, library=None)
    return Problem(_name(cell), task, config.seed, config.examples, synthesis, held_out)


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp learn",
        usage="neurocomp learn CORPUS [KEY=VALUE ...] [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("corpus", nargs="*", metavar="CORPUS", help="corpus or task=..., and overrides as in neurocomp run")
    add(
        "--rounds",
        type=whole,
        default=3,
        metavar="N",
        help="stop after N rounds (default: 3), or when nothing is gained",
    )
    add("--out", default="library.yaml", metavar="FILE", help="where the library goes (default: library.yaml)")
    add("--held-out", metavar="TASKS", help="tasks that are measured and not learned from: a,b or 'glob(tests/*)'")
    add("--config-dir", metavar="DIR", help="look for groups (DIR/task/...) and for the files they name here too")
    add("--verbose", action="store_true", help="show the traceback of an error")
    return parser

"""`neurocomp solve`: the shortest program that does a task, by a SAT solver, or the proof that there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurocomp.cli.arguments import Parser
from neurocomp.config import RunConfig
from neurocomp.errors import UserError
from neurocomp.language.assembly import fit, format_program
from neurocomp.language.executor import decode, encode
from neurocomp.limits import estimates
from neurocomp.limits.checking import check
from neurocomp.progress_line import ProgressLine
from neurocomp.search.judge import Judge
from neurocomp.search.solver.cegis import Answer
from neurocomp.search.solver.process import Ended, SolverProcess, check_installed
from neurocomp.seeding import SHARED
from neurocomp.tasks.examples import HeldOut, few_inputs, held_out, training_examples
from neurocomp.tasks.initialization import initial_program
from neurocomp.tasks.task import Task, load_task
from neurocomp.tasks.verification import verdicts
from neurocomp.text import json_text, visible, visible_lines, whole_number

DESCRIPTION = """\
Find a program that is right on training examples of a task, one line longer at a time until there is one, or prove
that there is none of these lengths. Overrides are those of neurocomp run (task, seed, examples, limit, machine.*,
task.*). With init=PROGRAM the program that is found is the one in which the fewest fields of that are changed. limit=60
ends the search at each length after 60 seconds of a core. Programs that are right on the training examples and wrong on
validation examples are passed over (optimizer.stop=fit: accepted). Needs python-sat (pip install 'neurocomp[solver]').
"""
EPILOG = """\
examples:
  neurocomp solve task=inc
  neurocomp solve task=map_inc --lines 3..5 limit=60
  neurocomp solve task=map_dec init=map_inc
  neurocomp solve task=map_inc --lines 3 --json
"""


class Solved(NamedTuple):
    """What came of one length."""

    task: Task
    ended: Ended

    @property
    def lines(self) -> int:
        """The length."""
        return self.task.sizes.lines

    @property
    def outcome(self) -> str:
        """`found`, `none` (proved), `limit` or `died`."""
        answer = self.ended.answer
        return "found" if answer.found else self.ended.cut or answer.proved


def main(argv: Sequence[str]) -> int:
    """Exit code 0 if a program was found or proved not to exist, 1 if that is not known."""
    args = _parser().parse_intermixed_args(argv)
    check_installed("neurocomp solve")
    from neurocomp.cli.compose import one_cell

    _, config, directory = one_cell(args.overrides, args.config_dir, "solve")
    if not isinstance(config, RunConfig):
        raise UserError(f"{' '.join(args.overrides)}: a cell of the memorizer, solve takes a task such as task=map_inc")
    task = load_task(config.task, config.machine, directory, config.limits)
    lengths = _lengths(args.lines, task.sizes.lines)
    for lines in lengths:
        _check_size(config, task, lines)
    tasks = [of_length(task, lines) for lines in lengths]
    starts = [_start(config, shorter, directory) for shorter in tasks]
    unseen = held_out(task, config.seed)
    training = training_examples(task, unseen, config.seed, SHARED, config.examples, stream="solver")
    validation = unseen.validation if config.optimizer.stop == "validated" else None
    with SolverProcess(config.limits.memory_bytes) as solver:
        for shorter, start in zip(tasks, starts, strict=True):
            title = f"{task.name}, {shorter.sizes.lines} lines"
            with ProgressLine(title, None, "programs tried", limit=config.limit, delay=3, stays=False) as line:
                ended = solver.ask(Judge(shorter, training, validation), start, config.limit, _hearing(line))
            solved = Solved(shorter, ended)
            print(json_text(_object(solved, unseen)) if args.json else visible_lines(_text(solved, unseen)), flush=True)
            if solved.outcome != "none":
                break
    if remark := few_inputs(task, counted=False):
        print(visible(remark), file=sys.stderr)
    return 0 if solved.outcome in ("found", "none") else 1


def of_length(task: Task, lines: int) -> Task:
    """The task on a machine of so many lines, at its general sizes too; its own program may be longer."""
    general = of_length(task.general, lines) if task.general else None
    return replace(task, sizes=task.sizes._replace(lines=lines), general=general)


def _lengths(given: str | None, usual: int) -> range:
    """`3..6` as the lengths 3, 4, 5 and 6; `3` as itself; without either, all up to the machine's."""
    if given is None:
        return range(1, usual + 1)
    first, dots, last = given.partition("..")
    ends = [whole_number(end) for end in (first, last if dots else first)]
    if any(end is None or not 1 <= end <= 1000 for end in ends) or ends[0] > ends[1]:  # type: ignore[operator]
        raise UserError(f"--lines {visible(given)}: expected a length such as 4, or a range such as 3..6")
    return range(ends[0], ends[1] + 1)  # type: ignore[operator,arg-type]


def _check_size(config: RunConfig, task: Task, lines: int) -> None:
    names = {"base": "task.base", "registers": "task.registers", "lines": "--lines", "steps": "task.steps",
             "examples": "examples"}  # fmt: skip
    base, registers, _ = task.sizes
    check(config.limits, estimates.solver, names, base=base, registers=registers, lines=lines, steps=task.steps,
          examples=config.examples)  # fmt: skip


def _start(config: RunConfig, task: Task, directory: Path | None) -> np.ndarray | None:
    """What is to be repaired, as code [L, 5]; None for a search from nothing."""
    if config.init == "random":
        return None
    if config.init == "synth":
        raise UserError("init=synth: solve repairs one program, expected its name or a path, or init=random for none")
    program = initial_program(config.init, task, directory)
    return None if program is None else encode([fit(program, task.sizes, f"init={config.init}")], task.sizes.lines)[0]


def _hearing(line: ProgressLine) -> Callable[[Answer | None], None]:
    """What tells the line how far a search is; it is called several times a second."""

    def hear(answer: Answer | None) -> None:
        if answer is not None:
            line.done = answer.tried
            line.tell("" if answer.away is None else f"{answer.away} or more fields away")
        line.tick()

    return hear


def _object(solved: Solved, unseen: HeldOut) -> dict[str, Any]:
    answer = solved.ended.answer
    return {
        "task": solved.task.name, "lines": solved.lines, "outcome": solved.outcome,
        "program": _program(solved, one_line=True) if answer.found else None,
        "fields_changed": answer.away if answer.found else None, "proved": answer.proved or None,
        "tried": answer.tried, "examples": answer.examples, "core_seconds": round(solved.ended.core_seconds, 4),
        **_verdicts(solved, unseen),
    }  # fmt: skip


def _verdicts(solved: Solved, unseen: HeldOut) -> dict[str, bool | None]:
    """Whether what was found is right on test examples, and on the task's general sizes."""
    if not solved.ended.answer.found:
        return {"hard": None, "general": None}
    text = _program(solved, one_line=True)
    return verdicts([text], solved.task, unseen)[text]._asdict()


def _program(solved: Solved, one_line: bool = False) -> str:
    code, jump_target = solved.ended.answer.code, solved.task.machine.jump_target
    assert code is not None
    return format_program(decode(code, jump_target), one_line=one_line, jump_target=jump_target)


def _text(solved: Solved, unseen: HeldOut) -> str:
    answer, seconds = solved.ended.answer, f"{solved.ended.core_seconds:.1f} s of a core"
    length = f"{solved.lines} line{'' if solved.lines == 1 else 's'}"
    tried = f"{answer.tried} program{'' if answer.tried == 1 else 's'} tried"
    if solved.outcome == "none":
        return f"{length}: there is no such program (proved in {seconds}, {tried})"
    if not answer.found:
        why = "limit" if solved.outcome == "limit" else "the solver's process died, as where its memory is used up"
        near = "" if answer.away is None else f"; none is fewer than {answer.away} fields away"
        return f"{length}: undecided ({why}, after {seconds}, {tried}{near})"
    away = ""
    if answer.away is not None:
        away = f", {answer.away} field{'' if answer.away == 1 else 's'} changed (proved to be the fewest)"
    right = {name: "-" if is_right is None else "yes" if is_right else "no" for name, is_right in
             _verdicts(solved, unseen).items()}  # fmt: skip
    judged = f"right on test examples: {right['hard']}, at general sizes: {right['general']}"
    return f"{length}: found in {seconds}, {tried}{away}; {judged}\n\n{_program(solved)}"


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp solve",
        usage="neurocomp solve task=TASK [KEY=VALUE ...] [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("overrides", nargs="*", metavar="KEY=VALUE", help="as in neurocomp run: task=fib seed=1 init=map_inc")
    add("--lines", metavar="N|N..M", help="the lengths to try, shortest first (default: 1 to the task's lines)")
    add("--json", action="store_true", help="an object a line, one for each length")
    add("--config-dir", metavar="DIR", help="look for groups (DIR/task/...) and for the files they name here too")
    return parser

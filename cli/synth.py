"""`neurocomp synth`: the lightest programs that explain a task's examples, or the best near misses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from neurocomp.cell_limits import check_cell
from neurocomp.cli.arguments import Parser, whole
from neurocomp.config import RunConfig, SynthesisConfig
from neurocomp.errors import UserError, check_at_least
from neurocomp.language.assembly import format_program, parse
from neurocomp.progress_line import ProgressLine
from neurocomp.seeding import SHARED
from neurocomp.synthesis.language import Language
from neurocomp.synthesis.library import language_of
from neurocomp.synthesis.synthesizer import Found, Synthesis, as_printed, right_examples, synthesize, validated
from neurocomp.synthesis.terms import parse_term
from neurocomp.tasks.examples import HeldOut, few_inputs, held_out, training_examples
from neurocomp.tasks.task import Examples, Task, load_task
from neurocomp.text import json_text, visible, visible_lines

DESCRIPTION = """\
Search the high-level language for the lightest program that is right on training examples of a task: those that
init=synth has, with the same seed. Overrides are those of neurocomp run (task, seed, examples, machine.*, task.*); the
search is bounded by synthesis.candidates and synthesis.seconds. What was found is printed, parsed again, and run in
the exact interpreter on test examples. Where nothing is right, what is shown are the best near misses. With
synthesis.library=FILE programs are built from the abstractions of that file too, and are printed with their names.
"""
EPILOG = """\
examples:
  neurocomp synth task=reduce
  neurocomp synth task=fib --top 10
  neurocomp synth task=map_inc synthesis.constructs=[map,loop,inc,add] --json
  neurocomp synth task=corpus/prefix_sum synthesis.library=library.yaml --expand
  neurocomp synth task=fib synthesis.padding=spread --template "map(inc(elem))"
"""
ENDED = {
    "space": "all programs of the language that fit were tried",
    "candidates": "synthesis.candidates={0.candidates} were tried",
    "seconds": "synthesis.seconds={0.seconds:g} are over",
    "interrupted": "interrupted",
}


class Judged(NamedTuple):
    """A program that was found, its assembly on one line, and on how many of how many examples that is right.

    `expansion` is the program without abstractions, if that is to be shown.
    """

    found: Found
    expansion: str | None
    program: str
    verified: int
    tests: int
    general: int | None


def main(argv: Sequence[str]) -> int:
    """Exit code 0 also when nothing is right; 130 when Ctrl-C ended the search, after what it had found."""
    args = _parser().parse_intermixed_args(argv)
    if args.top is not None:
        check_at_least("--top", args.top, 1)
    from neurocomp.cli.compose import one_cell

    _, config, directory = one_cell(args.overrides, args.config_dir, "synth")
    if not isinstance(config, RunConfig):
        raise UserError(f"{' '.join(args.overrides)}: a cell of the memorizer, synth takes a task such as task=map_inc")
    task = load_task(config.task, config.machine, directory, config.limits)
    language = language_of(config.synthesis.library, directory)
    shown = language if args.expand else None
    check_cell(replace(config, method="synthesize", restarts=1), task, "executor", "cpu")
    unseen = held_out(task, config.seed)
    examples = training_examples(task, unseen, config.seed, SHARED, config.examples, stream="synthesis")
    settings = replace(config.synthesis, templates=args.top or config.synthesis.templates)
    if args.template is not None:
        _show([as_printed(args.template, task, examples, settings, language)], task, unseen, shown, args.json)
        return 0
    accept = validated(task, examples, unseen, settings, language)
    synthesis = _synthesize(task, examples, settings, language, accept)
    _show(synthesis.found, task, unseen, shown, args.json)
    if remark := few_inputs(task, counted=False):
        print(visible(remark), file=sys.stderr)
    summary = f"{task.name}: {_outcome(synthesis, settings, config.examples)}\n{_effort(synthesis)}"
    print(visible_lines(summary), file=sys.stderr if args.json else sys.stdout)
    return 130 if synthesis.ended == "interrupted" else 0


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp synth",
        usage="neurocomp synth task=TASK [KEY=VALUE ...] [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("overrides", nargs="*", metavar="KEY=VALUE", help="as in neurocomp run: task=fib seed=1 synthesis.seconds=10")
    add("--top", type=whole, metavar="N", help="show up to N programs (default: synthesis.templates)")
    add("--template", metavar="TEXT", help="judge this high-level program instead of searching")
    add("--expand", action="store_true", help="show programs without abstractions too: each name as what it stands for")
    add("--json", action="store_true", help="an object a line; the summary goes to stderr")
    add("--config-dir", metavar="DIR", help="look for groups (DIR/task/...) and for the files they name here too")
    return parser


def _synthesize(
    task: Task, examples: Examples, settings: SynthesisConfig, language: Language, accept: Callable[[str], bool] | None
) -> Synthesis:
    """The search, with its progress on stderr if it takes more than some seconds."""
    title, total, limit = f"synth {task.name}", settings.candidates, settings.seconds
    with ProgressLine(title, total, "programs", limit=limit, delay=3, stays=False) as bar:
        return synthesize(task, examples, settings, bar.advance, language=language, accept=accept)


def _show(found: list[Found], task: Task, unseen: HeldOut, language: Language | None, as_json: bool) -> None:
    for number, one in enumerate([_judge(one, task, unseen, language) for one in found], start=1):
        print(json_text(_object(one)) if as_json else visible_lines(_readable(number, one, unseen)))


def _judge(found: Found, task: Task, unseen: HeldOut, language: Language | None) -> Judged:
    """Print the program, parse what was printed, and run that on the test examples and on the general ones."""
    jump_target = task.machine.jump_target
    text = format_program(found.program, one_line=True, jump_target=jump_target)
    program = parse(text, jump_target=jump_target)
    verified = right_examples(program, unseen.test, task)
    general = right_examples(program, unseen.general, task.general) if task.general and unseen.general else None
    expansion = str(language.expand(parse_term(found.template))) if language else None
    return Judged(found, expansion, text, verified, len(unseen.test.memory), general)


def _object(judged: Judged) -> dict:
    found = judged.found._asdict() | {"program": judged.program}
    found |= {} if judged.expansion is None else {"expansion": judged.expansion}
    return found | {"verified": judged.verified, "tests": judged.tests, "general": judged.general}


def _readable(number: int, judged: Judged, unseen: HeldOut) -> str:
    found = judged.found
    kind = "exact" if found.exact else f"score {found.score:.3f}"
    met = f", candidate {found.candidates:,} after {found.seconds:.2f} s" if found.candidates else ""
    tests = f"right on {judged.verified} of {judged.tests} test examples"
    if judged.general is not None and unseen.general:
        tests += f", {judged.general} of {len(unseen.general.memory)} general ones"
    assembly = format_program(found.program).replace("\n", "\n      ")
    expansion = "" if judged.expansion is None else f"     = {judged.expansion}\n"
    facts = f"     {kind}, weight {found.weight}{met}; {tests}\n"
    return f"{number:>3}  {found.template}\n{expansion}{facts}      {assembly}\n"


def _outcome(synthesis: Synthesis, settings: SynthesisConfig, examples: int) -> str:
    """The outcome of the search, in words."""
    if synthesis.ended == "exact":
        number = sum(found.exact for found in synthesis.found)
        return f"{number} program{'s are' if number > 1 else ' is'} right on all {examples} training examples"
    reason = ENDED[synthesis.ended].format(settings)
    rest = "; these are the best near misses" if synthesis.found else ""
    return f"no program is right on all {examples} training examples ({reason}){rest}"


def _effort(synthesis: Synthesis) -> str:
    """The work of the search and its speed: as a whole, and of executing programs alone."""
    tried = f"tried {synthesis.tried:,} programs ({synthesis.distinct:,} behaviors; {synthesis.skipped:,} did not fit)"
    speed = f"{synthesis.seconds:.2f} s, {synthesis.tried / max(synthesis.seconds, 1e-9):,.0f} programs/s"
    runs = f"{synthesis.executions / max(synthesis.executing, 1e-9):,.0f} executions/s"
    return f"{tried} in {speed}; {synthesis.executions:,} executions at {runs}"

"""`neurocomp exec`: run an assembly program, exactly on ints or softly as compiled weights."""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from neurocomp.cli.arguments import Parser, whole
from neurocomp.cli.limiting import add_limits, limits_of
from neurocomp.cli.words import listed, spaced
from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError, check_at_least, did_you_mean
from neurocomp.files import read_text
from neurocomp.language.assembly import (
    Instruction,
    Program,
    fit,
    format_instruction,
    load_program,
    unreached_remark,
)
from neurocomp.language.interpreter import Trace, run
from neurocomp.limits import estimates
from neurocomp.limits.checking import OPTIONS, check, most
from neurocomp.machine_config import READINGS, MachineConfig, Sizes, check_jump_target
from neurocomp.text import elided, json_text, lines, say, whole_number

if TYPE_CHECKING:
    from neurocomp.compilation.soft_run import Watch
    from neurocomp.machine.state import State

EPILOG = """\
examples:
  neurocomp exec map_inc --memory 3,5,2,9,4 --steps 15
  neurocomp exec my.asm --start 0,0,2 --trace
  neurocomp exec fib --inputs inputs.jsonl
where each line of inputs.jsonl is an object such as {"memory": [3, 5], "registers": [0, 2]}
"""

UNCERTAIN = "neurocomp: not certain: the margin fell to {margin:.4f}, so --machine=exact may give other words"


class Start(NamedTuple):
    """The given start words of a run: words left out at the end are 0."""

    memory: tuple[int, ...]
    registers: tuple[int, ...]


def main(argv: list[str]) -> int:
    args = _parsed(argv)
    machine = MachineConfig(halting=args.halting, mod_by_zero=args.mod_by_zero, jump_target=args.jump_target)
    room = Sizes(args.base, args.registers or sys.maxsize, args.lines or sys.maxsize)
    program = load_program(args.file, args.jump_target, room)
    if args.halting == "freeze" and (remark := unreached_remark(program, args.file, args.jump_target)):
        say([remark])
    given = Start(listed(args.memory, "--memory"), listed(args.start, "--start"))
    inputs = None if args.inputs is None else _numbered_lines(args.inputs, limits_of(args))

    def starts() -> Iterator[tuple[str, Start]]:  # parsed anew each time: only the text of all lines is kept
        if inputs is None:
            yield "", given
        for where, line in inputs or ():
            yield where, _read_input(line, given, where)

    sizes = sizes_for(args, program, itertools.chain([given], (start for _, start in starts())))
    _check(args, sizes, 1 if inputs is None else len(inputs))
    program = fit(program, sizes, args.file)
    if args.machine == "soft":
        check_jump_target(args.jump_target, sizes)
    for where, start in itertools.chain([("", given)], starts()):
        filled(start, sizes, where)  # mistakes in any of them are told before the first runs
    _print_runs(program, sizes, machine, (filled(start, sizes, where) for where, start in starts()), args)
    return 0


def _parsed(argv: list[str]) -> argparse.Namespace:
    """The options, if each is possible by itself."""
    args = _parser().parse_args(argv)
    check_at_least("--steps", args.steps, 0)
    check_sizes(args)
    return args


def check_sizes(args: argparse.Namespace) -> None:
    """Raise UserError unless the sizes that are given are sizes of a machine."""
    for option, least in {"base": 2, "registers": 1, "lines": 1}.items():
        if (size := getattr(args, option)) is not None:
            check_at_least(f"--{option}", size, least)


def _print_runs(
    program: Program, sizes: Sizes, machine: MachineConfig, starts: Iterable[Start], args: argparse.Namespace
) -> None:
    as_json = args.json or args.inputs is not None
    stream = sys.stderr if as_json else sys.stdout
    trace = _tracer(program, stream) if args.trace else None
    watch = _watch(stream) if args.trace and args.machine == "soft" else None
    for start in starts:
        result = _execute(program, sizes, machine, start, args, trace, watch)
        print(json_text(result) if as_json else _readable(result))
        if not result.get("certain", True):
            print(UNCERTAIN.format(margin=result["margin"]), file=sys.stderr)


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp exec",
        description="Run an assembly program. Words that are not given are 0.",
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("file", metavar="FILE.asm", help="an assembly file, or the name of a shipped program such as map_inc")
    add("--base", type=whole, default=10, help="words are 0..base-1, memory has base cells (default: 10)")
    add("--registers", type=whole, metavar="N", help="how many (default: as many as the program and start use)")
    add("--start", default="", metavar="0,0,2", help="start registers")
    add("--lines", type=whole, metavar="N", help="pad the program with noops to N lines (default: its own length)")
    add("--memory", default="", metavar="3,5,2", help="start memory")
    add("--steps", type=whole, default=1000, metavar="N", help="stop after N steps at the latest (default: 1000)")
    add("--inputs", metavar="FILE.jsonl", help="run once for each line; what a line leaves out is --memory and --start")
    add("--machine", choices=("exact", "soft"), default="exact", help="ints, or compiled weights (default: exact)")
    shown = "print each step (on stderr when the answer is JSON); of the soft machine probabilities too"
    add("--trace", action="store_true", help=shown)
    add("--json", action="store_true", help="answer in JSON, on one line")
    for option in ("halting", "mod_by_zero", "jump_target"):
        choices = READINGS[option]
        help_ = f"reading of the paper (default: {choices[0]})"
        add(f"--{option.replace('_', '-')}", choices=choices, default=choices[0], help=help_)
    add_limits(parser)
    return parser


def _check(args: argparse.Namespace, sizes: Sizes, inputs: int) -> None:
    """Raise UserError where the runs would take more than the options allow."""
    names = {"base": "--base", "registers": "--registers", "lines": "--lines", "steps": "--steps", "inputs": "--inputs"}
    estimate = partial(estimates.soft_run if args.machine == "soft" else estimates.exact, printed=int(args.trace))
    check(limits_of(args), estimate, names, lifted_by=OPTIONS, steps=args.steps, inputs=inputs, **sizes._asdict())


def _numbered_lines(path: str, limits: LimitsConfig) -> list[tuple[str, str]]:
    """The lines of a JSON lines file that are not empty, each with `file:line: ` to begin a complaint about it."""
    largest = most(limits, estimates.BYTE_OF_INPUTS, OPTIONS[0])
    numbered = enumerate(lines(read_text(Path(path), largest)), start=1)
    return [(f"{path}:{number}: ", line) for number, line in numbered if line.strip()]


def _read_input(line: str, default: Start, where: str) -> Start:
    accepted = 'expected an object such as {"memory": [3, 5], "registers": [0, 2]}'
    try:
        # An object comes as its pairs, so that a key that is given twice is noticed.
        given = json.loads(line, object_pairs_hook=tuple, parse_int=_json_number, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}not JSON ({getattr(error, 'msg', error)}), {accepted}") from None
    if not isinstance(given, tuple):
        raise UserError(f"{where}got {elided(line.strip(), 80)}, {accepted}")
    words: dict[str, tuple[int, ...]] = {}
    for key, value in given:
        if key not in Start._fields:
            raise UserError(f'{where}unknown key "{key}", {accepted}{did_you_mean(key, list(Start._fields))}')
        if key in words:
            raise UserError(f'{where}"{key}" is given twice, {accepted}')
        if not isinstance(value, list) or not all(type(word) is int for word in value):
            raise UserError(f'{where}"{key}" is {elided(json.dumps(value), 80)}, expected a list of whole numbers')
        words[key] = tuple(value)
    return default._replace(**words)


def _json_number(digits: str) -> int | str:
    """A number of ten thousand digits stays text, which is refused where a number is expected."""
    number = whole_number(digits)
    return digits if number is None else number


def sizes_for(args: argparse.Namespace, program: Program, starts: Iterable[Start]) -> Sizes:
    """The sizes given, and otherwise the smallest that the program and all starts fit in."""
    registers, lines = args.registers, args.lines
    if registers is None:
        registers = max(program.registers, *(len(start.registers) for start in starts))
    if lines is None:
        lines = len(program)
    return Sizes(args.base, registers, lines)


def filled(start: Start, sizes: Sizes, where: str) -> Start:
    """The start with a word for every cell and register. UserError at words that the machine has no place for."""
    filled = []
    for name, words, size in zip(Start._fields, start, (sizes.base, sizes.registers), strict=True):
        if len(words) > size:
            raise UserError(f"{where}{len(words)} words for {name}, expected at most {size}")
        for index, word in enumerate(words):
            if not 0 <= word < sizes.base:
                raise UserError(f"{where}{name} {index} is {word}, expected 0 to {sizes.base - 1} in base {sizes.base}")
        filled.append(words + (0,) * (size - len(words)))
    return Start(*filled)


def _execute(
    program: Program,
    sizes: Sizes,
    machine: MachineConfig,
    start: Start,
    args: argparse.Namespace,
    trace: Trace | None,
    watch: Watch | None,
) -> dict:
    """The outcome of one run, with the keys of the JSON answer."""
    if args.machine == "soft":
        return _execute_softly(program, sizes, machine, start, args.steps, trace, watch)
    outcome = run(
        program,
        start.memory,
        start.registers,
        base=sizes.base,
        steps=args.steps,
        halting=machine.halting,
        mod_by_zero=machine.mod_by_zero,
        jump_target=machine.jump_target,
        trace=trace,
    )
    return _result(*outcome)


def _execute_softly(
    program: Program,
    sizes: Sizes,
    machine: MachineConfig,
    start: Start,
    most: int,
    trace: Trace | None,
    watch: Watch | None,
) -> dict:
    from neurocomp.compilation.soft_run import CERTAIN, run_soft  # torch takes seconds to import: exact runs do without

    memory, registers, steps, halted, margin = run_soft(
        program, sizes, machine, start.memory, start.registers, most, trace, watch
    )
    if not math.isfinite(margin):
        raise UserError(f"the soft machine has no words left after {steps} steps: expected fewer --steps")
    return _result(memory, registers, steps, halted) | {"margin": float(margin), "certain": margin >= CERTAIN}


def _watch(stream: TextIO) -> Watch:
    """Prints what a soft step changed, as probabilities."""
    from neurocomp.cli.trace_lines import change_lines

    def watch(before: State, after: State) -> None:
        for line in change_lines(before, after):
            print(line, file=stream)

    return watch


def _result(memory: Sequence[int], registers: Sequence[int], steps: int, halted: bool) -> dict:
    words = {"memory": [int(word) for word in memory], "registers": [int(word) for word in registers]}
    return words | {"steps": int(steps), "halted": bool(halted)}


def _readable(result: dict) -> str:
    lines = [f"{name:<10} {spaced(result[name])}" for name in Start._fields]
    lines.append(f"{'steps':<10} {result['steps']}, {'halted' if result['halted'] else 'not halted'}")
    if "margin" in result:
        lines.append(f"{'margin':<10} {result['margin']:.4f}")
    return "\n".join(lines)


def _tracer(program: Program, stream) -> Trace:
    """A trace that prints a line for each step."""
    texts = [format_instruction(instruction, program.labels) for instruction in program.instructions]
    width = max(len(text) for text in texts)

    def trace(step: int, line: int, instruction: Instruction, memory: Sequence[int], registers: Sequence[int]) -> None:
        text = format_instruction(instruction, program.labels)
        state = f"registers {spaced(registers)}  memory {spaced(memory)}"
        print(f"step {step:<4} line {line:<3} {text:<{width}}  {state}", file=stream)

    return trace

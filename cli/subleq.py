"""`neurocomp subleq exec`: run a subleq program on ints, or let a network that memorized it drive the machine."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neurocomp.cli.arguments import Parser, whole
from neurocomp.cli.limiting import add_limits, limits_of
from neurocomp.cli.words import listed, spaced
from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError, check_at_least, did_you_mean
from neurocomp.limits import estimates, network_estimates
from neurocomp.limits.checking import OPTIONS, check, power
from neurocomp.memorizer import interpreter, long_runs
from neurocomp.memorizer.subleq import Instruction, Program, load_program, program_label, shipped
from neurocomp.text import json_text

if TYPE_CHECKING:
    from neurocomp.memorizer.saving import Kept

SIZE = 256
DIGITS = 4300  # a longer word is shown to people by its length alone, as Python does
SHOWN = 16  # words of the memory that are shown to people even if they are 0

EXEC_EPILOG = """\
examples:
  neurocomp subleq exec add --memory 3,4
  neurocomp subleq exec multiply --memory 6,7 --trace
  neurocomp subleq exec my.subleq --memory 5 --steps 5000 --json
  neurocomp subleq exec add --memory 3,4 --checkpoint results/real_programs/CELL.weights/0.safetensors
where `neurocomp run experiment=real_programs` writes such weights. The first lines of a program say which words it
needs; a run that was still going on after --steps ends as `limit`, and one whose next instruction is not there as
`missing`.
"""


class Answer(NamedTuple):
    """A run: how many steps, and where it ended; `exact` if it was compared."""

    steps: int
    memory: tuple[int, ...]
    outcome: str
    exact: bool | None


def main(argv: list[str]) -> int:
    args = _parser().parse_args(argv)
    sys.set_int_max_str_digits(0)  # words are as large as a run makes them
    check_at_least("--steps", args.steps, 0)
    if args.size is not None:
        check_at_least("--size", args.size, 1)
    given, limits = listed(args.memory, "--memory"), limits_of(args)
    answer = (_exact if args.checkpoint is None else _driven)(args, given, limits)
    print(_as_json(answer, args, limits) if args.json else _readable(answer, args))
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp subleq",
        description="Programs of one instruction, A B C: subtract word A from word B; unless it is > 0 go to C.",
        epilog="example: neurocomp subleq exec add --memory 3,4\n(neurocomp subleq exec --help says more)",
    )
    command = parser.add_subparsers(metavar="COMMAND", dest="COMMAND", required=True).add_parser(
        "exec",
        help="run a program on ints, or as a network memorized it",
        description="Run a subleq program. Words that neither the program nor --memory gives are 0.",
        epilog=EXEC_EPILOG,
    )
    add = command.add_argument
    add(
        "program",
        metavar="PROGRAM",
        help=f"a file, or one of {', '.join(shipped())}; with --checkpoint the name of "
        "a program in it, or the file that it was memorized from",
    )
    add("--memory", default="", metavar="3,4", help="the words from address 0 on")
    add("--steps", type=whole, default=1000, metavar="N", help="stop after N steps at the latest (default: 1000)")
    add("--size", type=whole, metavar="K", help=f"how many words of data memory (default: {SIZE}, or the checkpoint's)")
    add("--checkpoint", metavar="FILE", help="weights that run save_weights=true kept: the network says what to do")
    add("--trace", action="store_true", help="print each step (on stderr with --json)")
    add("--json", action="store_true", help="answer in JSON, on one line")
    add_limits(command)
    return parser


def _exact(args: argparse.Namespace, given: tuple[int, ...], limits: LimitsConfig) -> Answer:
    """The exact run of a program that is shipped, or in a file."""
    size = args.size or SIZE
    _check(limits, network_estimates.subleq, size, args.steps)
    program = load_program(args.program, size)
    start = _start(program, size, given)
    numbers = itertools.count(1)

    def tell(step: interpreter.Step) -> None:
        _print_step(next(numbers), _flat_step(step), args)

    end = long_runs.run(program, start, args.steps, limits, tell if args.trace else None)
    return Answer(end.steps, end.memory, end.outcome, None)


def _check(limits: LimitsConfig, estimate: Callable[..., estimates.Need], size: int, steps: int) -> None:
    check(limits, estimate, {"size": "--size", "steps": "--steps"}, lifted_by=OPTIONS, size=size, steps=steps)


def _driven(args: argparse.Namespace, given: tuple[int, ...], limits: LimitsConfig) -> Answer:
    """The run that a network drives, with no other instruction memory; the interpreter's is what it is compared to."""
    import numpy as np  # late: exact runs do without these
    import torch

    from neurocomp.devices import torch_threads
    from neurocomp.memorizer.execution import drive, fetcher
    from neurocomp.memorizer.saving import load_network

    kept = load_network(Path(args.checkpoint), limits)
    size = _size_of(kept, args)
    _check(limits, network_estimates.driven, size, args.steps)
    name, known = _memorized(kept, args, size)
    number, start = list(kept.programs).index(name), _start(known, size, given)
    fetch = fetcher(kept.network, kept.sizes, kept.numbers, torch.device("cpu"))
    with torch_threads(1):  # one instruction at a time: more threads would only wait for each other
        (run,) = drive(fetch, np.array([number]), np.array([kept.programs[name]]), [start], args.steps)
    exact = None
    if known is not None:
        other = interpreter.run(known, start, args.steps)
        exact = (_flat(other), other.memory, other.outcome) == (run.steps, run.final, run.outcome)
    for number, step in enumerate(run.steps if args.trace else (), start=1):
        _print_step(number, step, args)
    return Answer(len(run.steps), run.final, run.outcome, exact)


def _size_of(kept: Kept, args: argparse.Namespace) -> int:
    """The words of data memory that the network knows. UserError if it memorized no subleq, or --size is another."""
    if kept.language != "subleq":
        raise UserError(
            f"{args.checkpoint}: it memorized {kept.language} programs, expected subleq; how many of their runs are "
            "exact stands in the rows of neurocomp run, and neurocomp exec runs assembly"
        )
    size = kept.sizes[0]
    if args.size not in (None, size):
        raise UserError(
            f"{args.checkpoint}: its network has fields A, B, C of {spaced(kept.sizes)} classes, "
            f"--size={args.size} needs {args.size} {args.size} {kept.sizes[2]}"
        )
    return size


def _memorized(kept: Kept, args: argparse.Namespace, size: int) -> tuple[str, Program | None]:
    """The program that is asked for, by name or as the file it was memorized from: its name in the checkpoint, and it.

    It is None if it was drawn, in a checkpoint of an older version. Raises UserError at a file with another program.
    """
    is_name = args.program in shipped() or not Path(args.program).is_file()
    given = None if is_name else load_program(args.program, size)
    if kept.whole is None:
        return _of_an_older_version(kept, args, size, given)
    programs = {
        name: Program(tuple(Instruction(*row) for row in one.table.tolist()), one.data)
        for name, one in kept.whole.items()
    }
    name = args.program if given is None else program_label(args.program)
    if given is not None:
        same = [other for other, program in programs.items() if difference(given, program) is None]
        if not same:
            closest = programs.get(name)
            why = difference(given, closest) if closest else f"expected one of {', '.join(programs)}"
            raise UserError(f"{args.program}: not a program that {args.checkpoint} memorized: {why}")
        name = name if name in same else same[0]
    return _known(name, programs, args), programs[name]


def _known(name: str, programs: Mapping[str, Any], args: argparse.Namespace) -> str:
    if name not in programs:
        raise UserError(
            f"{args.checkpoint}: no program {name} in it, expected one of {', '.join(programs)}"
            + did_you_mean(name, list(programs))
        )
    return name


def _of_an_older_version(
    kept: Kept, args: argparse.Namespace, size: int, given: Program | None
) -> tuple[str, Program | None]:
    """The same where only the lengths of programs were kept: a program that was not drawn needs its text."""
    known = given or (load_program(args.program, size) if args.program in shipped() else None)
    name = _known(program_label(args.program), kept.programs, args)
    if known is None and not DRAWN.fullmatch(name):
        raise UserError(
            f"{args.checkpoint}: an older version wrote it, without the data words of {name}; "
            f"expected the file that {name} was memorized from instead of its name"
        )
    if known is not None and len(known) != kept.programs[name]:
        raise UserError(
            f"{args.program}: not the {name} that {args.checkpoint} memorized: it has {len(known) - 1} "
            f"instructions, there {kept.programs[name] - 1}"
        )
    return name, known


DRAWN = re.compile(r"random-[0-9]+")  # the names of programs that were drawn


def difference(given: Program, memorized: Program) -> str | None:
    """The first difference of a program from the memorized one; None if they agree. Instruction 0 never runs."""
    if len(given) != len(memorized):
        return f"it has {len(given) - 1} instructions, there {len(memorized) - 1}"
    for number, pair in enumerate(zip(given.instructions, memorized.instructions, strict=True)):
        if number and pair[0] != pair[1]:
            return f"its instruction {number} is {spaced(pair[0])}, there {spaced(pair[1])}"
    addresses = [
        address
        for address in {**given.data, **memorized.data}
        if given.data.get(address, 0) != memorized.data.get(address, 0)
    ]
    if addresses:
        words = [program.data.get(min(addresses), 0) for program in (given, memorized)]
        return f"its word [{min(addresses)}] is {words[0]}, there {words[1]}"
    return None


def _start(program: Program | None, size: int, given: tuple[int, ...]) -> list[int]:
    if len(given) > size:
        raise UserError(f"--memory: {len(given)} words, expected at most {size} (--size)")
    return interpreter.start_memory(program or Program(()), size, given)


def _flat(run: interpreter.Run) -> tuple[tuple[int, ...], ...]:
    return tuple(map(_flat_step, run.steps))


def _flat_step(step: interpreter.Step) -> tuple[int, ...]:
    return step.line, *step.instruction, step.written


def _print_step(number: int, step: tuple[int, ...], args: argparse.Namespace) -> None:
    """A line for (line, A, B, C, word written)."""
    line, a, b, c, written = step
    text = f"step {number:<4} instruction {line:<3} {f'{a} {b} {c}':<11}  [{b}] = {_word(written)}"
    print(text, file=sys.stderr if args.json else sys.stdout)


def _word(word: int) -> str:
    """The word, or how long it is: to write out millions of digits takes longer than to compute them."""
    digits = int(abs(word).bit_length() * 0.30103) + 1
    return str(word) if digits <= DIGITS else f"({'-' * (word < 0)}about {digits:,} digits)"


def _as_json(answer: Answer, args: argparse.Namespace, limits: LimitsConfig) -> str:
    # Python writes out a number of n digits of 30 bits in about n^2 operations.
    if (cost := sum((word.bit_length() // 30) ** 2 for word in answer.memory)) > limits.work:
        raise UserError(
            f"--json: to write out words of millions of digits would take about {power(cost)} operations, "
            f"more than {OPTIONS[1]}={limits.work:g}; without --json their lengths are shown"
        )
    found: dict[str, Any] = {"memory": answer.memory, "steps": answer.steps, "outcome": answer.outcome}
    return json_text(found if args.checkpoint is None else found | {"exact": answer.exact})


def _readable(answer: Answer, args: argparse.Namespace) -> str:
    ends = {
        "halted": "halted",
        "limit": f"limit: it had not halted after --steps={args.steps}",
        "missing": "missing: the instruction that would be next is not there",
    }
    lines = [f"memory     {' '.join(map(_word, answer.memory[:SHOWN]))}"]
    lines += [
        f"           [{address}] = {_word(word)}"
        for address, word in enumerate(answer.memory)
        if address >= SHOWN and word
    ]
    lines.append(f"steps      {answer.steps}, {ends[answer.outcome]}")
    if args.checkpoint is not None:
        nothing = "not known: there is no text of this program to compare with (name the file that it came from)"
        lines.append(f"exact      {({True: 'yes', False: 'no', None: nothing})[answer.exact]}")
    return "\n".join(lines)

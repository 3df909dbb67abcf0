"""`neurocomp trace`: what the soft machine does, step by step, as probabilities, beside the exact run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocomp import foreign
from neurocomp.cli.arguments import Parser, whole
from neurocomp.cli.exec import Start, check_sizes, filled, sizes_for
from neurocomp.cli.limiting import add_limits, limits_of
from neurocomp.cli.outputs import check_out, write_to
from neurocomp.cli.words import listed
from neurocomp.errors import UserError, check_at_least
from neurocomp.files import atomic_write, read_bytes
from neurocomp.language.assembly import fit, load_program
from neurocomp.limits import estimates
from neurocomp.limits.checking import OPTIONS, check, most
from neurocomp.machine_config import READINGS, MachineConfig, Sizes, check_jump_target
from neurocomp.text import json_text

if TYPE_CHECKING:
    from neurocomp.compilation.soft_trace import SoftTrace
    from neurocomp.shapes import Tensor

EPILOG = """\
examples:
  neurocomp trace map_inc --base 6 --memory 3,5,2 --steps 15
  neurocomp run task=fib init=map_inc only=3 save_weights=true
  neurocomp trace results/runs/CELL.weights/3.safetensors --steps 31
  neurocomp trace w.safetensors --memory 3,5,2 --steps 15 --json
  neurocomp trace fib --base 5 --steps 31 --html trace.html

Each step: where the counter is, the opcode there, and what changed: the three likeliest of each with probabilities, and
the entropy in bits. A program runs as weights without noise; `neurocomp compile --gamma` makes others.
"""


def main(argv: list[str]) -> int:
    args = _parser().parse_args(argv)
    check_at_least("--steps", args.steps, 1)
    if args.html is not None:
        check_out(args.html, "--html")
    machine = MachineConfig(**{name: value for name in READINGS if (value := getattr(args, name)) is not None})
    given = Start(listed(args.memory, "--memory"), listed(args.start, "--start"))
    logits, sizes, machine = _weights(args, machine, given)
    start = filled(given, sizes, "")

    from neurocomp.cli.trace_lines import as_dict, as_lines
    from neurocomp.compilation.soft_trace import trace_softly

    traced = trace_softly(logits, sizes, machine, *start, args.steps)
    _check_finite(traced)
    if args.html is not None:
        _write_page(args, logits, sizes, machine, traced)
    elif args.json:
        facts: dict[str, Any] = {**sizes._asdict(), **vars(machine)}
        print(json_text(facts | as_dict(traced, machine.jump_target)))
    else:
        print("\n".join(as_lines(traced, machine.jump_target)))
    return 0


def _check_finite(traced: SoftTrace) -> None:
    """Raise UserError where a printed law has let the numbers grow beyond what there is."""
    if (number := traced.lost_at) is not None:
        raise UserError(f"the soft machine has no words left after {number} steps: expected fewer --steps")


def _write_page(
    args: argparse.Namespace, logits: Tensor, sizes: Sizes, machine: MachineConfig, traced: SoftTrace
) -> None:
    """The trace as a page."""
    from neurocomp.report.page.traces import phase, trace_page_data
    from neurocomp.report.page.write import page_text

    data = trace_page_data(f"{args.file}, {args.steps} steps", phase("", logits, sizes, machine, [traced]), sizes)
    write_to(args.html, lambda path: atomic_write(path, page_text(data)), "--html")


def _weights(args: argparse.Namespace, machine: MachineConfig, given: Start) -> tuple[Tensor, Sizes, MachineConfig]:
    """The packed logits of the file or program, their sizes, and the machine with their jump_target."""
    path, largest = Path(args.file), most(limits_of(args), estimates.BYTE_OF_WEIGHTS, OPTIONS[0])
    if path.is_file() and foreign.is_safetensors(read_bytes(path, largest)):
        for option in ("base", "registers", "lines", "jump_target"):
            if getattr(args, option) is not None:
                flag = option.replace("_", "-")
                raise UserError(f"--{flag}: {args.file} has its own; only a program needs it")
        from neurocomp.compilation.weights_file import load_weights

        logits, sizes, own = load_weights(path, largest)
        machine.jump_target = own.jump_target
        _check(args, sizes)
        return logits, sizes, machine
    args.base = 10 if args.base is None else args.base
    check_sizes(args)
    room = Sizes(args.base, args.registers or sys.maxsize, args.lines or sys.maxsize)
    program = load_program(args.file, machine.jump_target, room)
    sizes = sizes_for(args, program, [given])
    check_jump_target(machine.jump_target, sizes)
    _check(args, sizes)
    from neurocomp.compilation.compiler import exact_weights

    return exact_weights(fit(program, sizes, args.file), sizes, machine), sizes, machine


def _check(args: argparse.Namespace, sizes: Sizes) -> None:
    """Raise UserError where the run would take more than the options allow."""
    names = {"base": "--base", "registers": "--registers", "lines": "--lines", "steps": "--steps"}
    check(limits_of(args), estimates.soft_trace, names, lifted_by=OPTIONS, steps=args.steps, **sizes._asdict())


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp trace",
        description="Run weights, or a program as weights, on the soft machine, and print what it does at each step as "
        "probabilities, beside the exact run of the decompiled program. Words that are not given are 0.",
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("file", metavar="FILE", help="weights (.safetensors), an assembly file, or a shipped program such as map_inc")
    add("--memory", default="", metavar="3,5,2", help="start memory")
    add("--start", default="", metavar="0,0,2", help="start registers")
    add("--steps", type=whole, default=20, metavar="N", help="how many (default: 20)")
    add("--base", type=whole, metavar="B", help="of a program: words are 0..B-1 (default: 10)")
    add("--registers", type=whole, metavar="N", help="of a program: how many (default: as many as it and --start use)")
    add("--lines", type=whole, metavar="N", help="of a program: pad it with noops to N lines (default: its own length)")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="all probabilities as one JSON object")
    shown.add_argument("--html", type=Path, metavar="FILE", help="write a page to look at, instead of printing")
    for option, choices in READINGS.items():
        add(f"--{option.replace('_', '-')}", choices=choices, help=f"reading of the paper (default: {choices[0]})")
    add_limits(parser)
    return parser

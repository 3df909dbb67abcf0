"""`neurocomp compile` and `neurocomp decompile`: assembly text to a file of weights (Eq. 3), and back."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from neurocomp import foreign
from neurocomp.cli.arguments import Parser, real, whole
from neurocomp.cli.limiting import add_limits, limits_of
from neurocomp.cli.outputs import check_out, writing
from neurocomp.config import RunConfig
from neurocomp.errors import UserError, check_at_least
from neurocomp.files import read_bytes
from neurocomp.language.assembly import Program, fit, format_program, is_assembly, load_program, unreached_remark
from neurocomp.limits import estimates
from neurocomp.limits.checking import OPTIONS, Most, check, most
from neurocomp.machine_config import READINGS, MachineConfig, Sizes, check_jump_target
from neurocomp.text import json_text, say, visible

if TYPE_CHECKING:
    from neurocomp.shapes import Tensor


def compile_main(argv: list[str]) -> int:
    args = _parsed(argv)
    program, sizes = _program(args)

    import torch  # late: help does not wait for it

    from neurocomp.compilation.compiler import compile_program
    from neurocomp.compilation.weights_file import save_weights

    machine = MachineConfig(jump_target=args.jump_target)
    (logits,) = compile_program(
        program,
        sizes,
        machine,
        gamma=args.gamma,
        epsilon=args.epsilon,
        seed=args.seed,
        restarts=[args.restart],
        dtype=torch.float32,
    )
    with writing(Path(args.out)):
        save_weights(Path(args.out), logits, sizes, machine)
    whole = f"{sizes.lines} lines, {sizes.registers} registers, base {sizes.base}, gamma {args.gamma:g}"
    print(f"{visible(args.out)}: {whole}")
    if remark := _noise_remark(program, logits, sizes, machine):
        print(f"neurocomp: with --gamma={args.gamma:g} {remark}", file=sys.stderr)
    return 0


def _parsed(argv: list[str]) -> argparse.Namespace:
    """The options, if each is possible by itself and the weights can be written."""
    args = _compile_parser().parse_args(argv)
    check_at_least("--gamma", args.gamma, 0)
    check_at_least("--base", args.base, 2)
    for option, least in {"seed": 0, "restart": 0, "registers": 1, "lines": 1}.items():
        if (given := getattr(args, option)) is not None:
            check_at_least(f"--{option}", given, least)
    if not 0 < args.epsilon < 1:
        raise UserError(f"--epsilon={args.epsilon}: expected a number in (0, 1)")
    check_out(Path(args.out))
    return args


def _program(args: argparse.Namespace) -> tuple[Program, Sizes]:
    """The program, padded to the machine's lines, and the sizes: those given, else the smallest that hold it."""
    limits = limits_of(args)
    room = Sizes(args.base, args.registers or sys.maxsize, args.lines or sys.maxsize)
    program = load_program(args.file, args.jump_target, room)
    if remark := unreached_remark(program, args.file, args.jump_target):
        say([remark])
    registers = program.registers if args.registers is None else args.registers
    lines = len(program) if args.lines is None else args.lines
    sizes = Sizes(args.base, registers, lines)
    check_jump_target(args.jump_target, sizes)
    fitted = fit(program, sizes, args.file)
    names = {"lines": "--lines", "registers": "--registers"}
    check(limits, partial(estimates.weights, restarts=1), names, lifted_by=OPTIONS, registers=registers, lines=lines)
    return fitted, sizes


def _noise_remark(program: Program, logits: Tensor, sizes: Sizes, machine: MachineConfig) -> str | None:
    """Which lines the noise changed, in words; from gamma 1 on it may."""
    from neurocomp.compilation.decompiler import decompile

    found = decompile(logits, sizes, machine).program.instructions
    others = [line for line in range(sizes.lines) if found[line] != program.instructions[line]]
    which = f"{len(others)} of {sizes.lines} lines (the first is line {others[0]})" if others else ""
    return f"the noise outweighs {which}: decompile prints another program" if others else None


def decompile_main(argv: list[str]) -> int:
    args = _decompile_parser().parse_args(argv)
    largest = most(limits_of(args), estimates.BYTE_OF_WEIGHTS, OPTIONS[0])
    _check_is_weights(Path(args.file), largest)

    from neurocomp.compilation.decompiler import decompile
    from neurocomp.compilation.weights_file import load_weights

    logits, sizes, machine = load_weights(Path(args.file), largest)
    program, margins, margin = decompile(logits, sizes, machine)
    text = format_program(program, one_line=args.json, jump_target=machine.jump_target)
    if args.json:
        print(json_text({"program": text, "margin": margin, "margins": margins, **sizes._asdict()}))
        return 0
    print(f"# base {sizes.base}, {sizes.registers} registers, {sizes.lines} lines; smallest margin {margin:.3f}")
    remaining = iter(margins)
    for line in text.splitlines():
        is_label = line.rstrip().endswith(":")
        print(line if is_label else f"{line:<24}# {next(remaining):.3f}")
    return 0


def _check_is_weights(path: Path, largest: Most) -> None:
    """Raise UserError that says what a file seems to be instead."""
    data = read_bytes(path, largest)
    text = "" if foreign.binary(data) else data.decode("utf-8-sig", errors="replace")
    what = "assembly: neurocomp compile makes weights of it" if is_assembly(text) else foreign.other_text(text)
    if what or (foreign.binary(data) and not foreign.is_safetensors(data)):
        raise UserError(f"{path}: not a file of weights (safetensors); it seems to be {what or foreign.binary(data)}")


def _compile_parser() -> Parser:
    parser = Parser(
        prog="neurocomp compile",
        description="Compile assembly to weights: W = log(onehot + gamma u + eps).",
        epilog="example: neurocomp compile map_inc --out w.safetensors --base 6 --registers 5 --lines 6 --gamma 0.3",
    )
    add = parser.add_argument
    add("file", metavar="FILE.asm", help="an assembly file, or the name of a shipped program such as map_inc")
    add("--out", required=True, metavar="W.safetensors", help="where the weights go")
    add("--base", type=whole, default=10, help="words are 0..base-1 (default: 10)")
    add("--registers", type=whole, metavar="N", help="default: as many as the program uses")
    add("--lines", type=whole, metavar="N", help="pad with noops to N lines (default: the program's own length)")
    add("--gamma", type=real, default=0.0, help="magnitude of the noise (default: 0)")
    add("--epsilon", type=real, default=RunConfig.epsilon, help="keeps the logarithm finite (default: %(default)g)")
    add("--seed", type=whole, default=0, help="seed of the noise (default: 0)")
    add("--restart", type=whole, default=0, help="which restart's noise (default: 0)")
    choices = READINGS["jump_target"]
    add("--jump-target", choices=choices, default=choices[0], help=f"reading of the paper (default: {choices[0]})")
    add_limits(parser)
    return parser


def _decompile_parser() -> Parser:
    parser = Parser(
        prog="neurocomp decompile",
        description="Print the likeliest program of a file of weights; beside each line its margin, the smallest "
        "probability among the opcode and the operands that it uses.",
        epilog="example: neurocomp decompile w.safetensors > program.asm; neurocomp exec program.asm",
    )
    parser.add_argument("file", metavar="W.safetensors", help="written by compile or by run save_weights=true")
    parser.add_argument("--json", action="store_true", help="program, margin, margins and sizes as one JSON object")
    add_limits(parser, work=False)
    return parser

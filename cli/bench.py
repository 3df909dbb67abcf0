"""`neurocomp bench`: what an update costs with each engine, on the shape given, and how that grows."""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from neurocomp.cli.arguments import Parser, whole
from neurocomp.cli.machines import Config
from neurocomp.cli.outputs import check_out, writing
from neurocomp.cli.tables import print_rows
from neurocomp.config import RunConfig
from neurocomp.errors import UserError, check_at_least, check_choice
from neurocomp.files import atomic_write, read_bytes
from neurocomp.limits import estimates
from neurocomp.limits.checking import check
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.results.columns import BENCHMARK
from neurocomp.text import json_text, whole_number

if TYPE_CHECKING:
    from neurocomp.bench.measure import Figures, Gain

# The shape without overrides; one that names a task gets that task's own sizes.
SHAPE = {"task.base": 6, "task.registers": 6, "task.lines": 6, "task.length": 3}

DESCRIPTION = """\
Time one update of all restarts, as a run makes it: forward, loss, backward and Adam; nobody is judged, nobody leaves.
Overrides are those of `neurocomp run`; without a task it is map_inc at base, registers and lines 6, length 3 (15
steps), 100 restarts and 16 examples. Engines alternate in one process after a warm-up, each on the number of threads
that suits it best (or threads=N); with --threads 1,2 each on one and on two, which alternate as well. A turn is alike
for all: 0.02 s that are not timed, then 0.1 s that are, or three updates if those take longer. Times are medians of all
updates that were timed, with the quartiles. gflops counts the arithmetic of the equations once, the backward as twice
the forward, the same for every engine; beside it a large product of matrices in PyTorch, on the same threads.
Peak memory is that of a process of its own, Python and PyTorch included (on CUDA: of the tensors on the device).
With --search it times the searches over raw programs instead, in turns too: programs a second of one core, in which a
restart that finds a program ends; local_search takes all restarts side by side, the others one.
With --synthesis it times the enumeration of synthesis, over synthesis.candidates programs of the task's language: the
compiled one beside the readable one it is tested against, which makes 200,000 at most, each turn in a new process.
"""
EPILOG = """\
examples:
  neurocomp bench
  neurocomp bench task.base=10 task.registers=10 task.lines=10 task.steps=30 examples=32
  neurocomp bench --engines eager,fused,jax --json          (jax needs: pip install 'neurocomp[jax]')
  neurocomp bench --engines fused --threads 1,2
  neurocomp bench device=cuda
  neurocomp bench experiment=memorization programs=16       (the memorizer, beside a plain loop over the same encoder)
  neurocomp bench --search task=map_inc
  neurocomp bench --synthesis task=reduce synthesis.candidates=5000000 --rounds 1
  neurocomp bench --scaling --out results/benchmarks        (scaling.csv and scaling.svg)
"""


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_intermixed_args(argv)
    check_at_least("--rounds", args.rounds, 1)
    config, threads = _config(args.overrides), _counts(args.threads)
    if args.out:
        for name in _outputs(config, args):
            check_out(args.out / name)
    if isinstance(config, MemorizerConfig):
        return _memorizer(config, args)
    if config.init == "synth" and not args.synthesis:
        raise UserError("init=synth: a benchmark synthesizes nothing; expected a program, or random")
    if args.search or args.synthesis:
        return _searches(config, args)
    if config.method != "tune":
        given = f"method={config.method}"
        raise UserError(f"{given}: expected tune, whose updates it times; see --search and --synthesis for others")
    from neurocomp.bench.one_update import plan_for, runnable

    if threads and config.threads:
        raise UserError(f"threads={config.threads}: expected either that or --threads {args.threads}, not both")
    engines = list(dict.fromkeys(args.engines.split(","))) if args.engines else runnable(config)
    check(config.limits, partial(estimates.benchmark, engines=len(engines)), {"rounds": "--rounds"}, rounds=args.rounds)
    for engine in engines:
        plan_for(config, engine)
    if args.scaling:
        _scaling(config, engines, args)
    else:
        _updates(config, engines, threads, args)
    return 0


def _outputs(config: RunConfig | MemorizerConfig, args: argparse.Namespace) -> tuple[str, ...]:
    """The files that --out is for."""
    if isinstance(config, MemorizerConfig):
        return ("memorizer.csv",)
    if args.search or args.synthesis:
        return ("searches.csv",) if args.search else ("synthesis.csv",)
    return ("scaling.csv", "scaling.svg") if args.scaling else ("updates.csv",)


def _counts(given: str | None) -> list[int]:
    """Numbers of threads; raises UserError if they are none."""
    counts = [whole_number(count) for count in given.split(",")] if given is not None else []
    if not all(counts) or any(count < 1 for count in counts if count):
        raise UserError(f'--threads "{given}": expected numbers from 1, by commas, such as 1,2')
    return [count for count in counts if count]


def _config(overrides: list[str]) -> Config:
    """The shape, then what was asked for: of two overrides of one key the last one holds."""
    from neurocomp.cli.compose import one_cell

    if any(override.startswith(("task=", "experiment=")) for override in overrides):
        return one_cell(overrides, command="bench").config
    shape = [f"{key}={value}" for key, value in SHAPE.items()]
    return one_cell(["task=map_inc", *shape, *overrides], command="bench").config


def _memorizer(config: MemorizerConfig, args: argparse.Namespace) -> int:
    """Its training beside a plain loop."""
    from neurocomp.memorizer import bench as memorizer

    options = ("threads", "scaling", "search", "synthesis")
    if given := next((f"--{option}" for option in options if getattr(args, option)), None):
        raise UserError(f"{given}: not for the memorizer; expected threads=N, and sizes as overrides")
    engines = list(dict.fromkeys((args.engines or ",".join(memorizer.ENGINES)).split(",")))
    for engine in engines:
        check_choice("--engines", engine, memorizer.ENGINES)
    check(config.limits, partial(estimates.benchmark, engines=len(engines)), {"rounds": "--rounds"}, rounds=args.rounds)
    measured = [asdict(line) for line in memorizer.measure(config, engines, args.rounds)]
    if args.out:
        _append(args.out / "memorizer.csv", measured)
    if args.json:
        print("".join(json_text(line) + "\n" for line in measured), end="")
    else:
        print_rows([{key: str(value) for key, value in line.items()} for line in measured])
    return 0


def _searches(config: RunConfig, args: argparse.Namespace) -> int:
    """The searches over raw programs, or synthesis."""
    from neurocomp.bench import searches, synthesis

    option, measure = ("--search", searches.measure) if args.search else ("--synthesis", synthesis.measure)
    if args.engines:
        raise UserError(f"--engines {args.engines}: {option} times all searches, and no engine")
    check(config.limits, partial(estimates.benchmark, engines=4), {"rounds": "--rounds"}, rounds=args.rounds)
    measured = [asdict(line) for line in measure(config, args.rounds)]
    if args.out:
        _append(args.out / _outputs(config, args)[0], [line | {"device": "cpu"} for line in measured])
    if args.json:
        print("".join(json_text(line) + "\n" for line in measured), end="")
    else:
        print_rows([{key: str(value) for key, value in line.items()} for line in measured])
    return 0


def _updates(config: RunConfig, engines: list[str], threads: list[int], args: argparse.Namespace) -> None:
    from neurocomp.bench.measure import measure

    measured, gains = measure(config, engines, args.rounds, threads)
    if args.out:
        _append(args.out / "updates.csv", [asdict(line) for line in measured])
    if args.json:
        for line in measured:
            print(json_text(asdict(line)))
    else:
        print_rows([_shown(line) for line in measured], title=_title(measured[0]))
        print("\n".join(map(_told, gains)), end="\n" * bool(gains))


def _scaling(config: RunConfig, engines: list[str], args: argparse.Namespace) -> None:
    from neurocomp.bench.scaling import can_plot, scaling

    rows, writer = [], None
    for row in scaling(config, engines, args.rounds):
        rows.append(row)
        if args.json:
            print(json_text(row), flush=True)
        elif not args.out:
            writer = writer or csv.DictWriter(sys.stdout, row, lineterminator="\n")
            if len(rows) == 1:
                writer.writeheader()
            writer.writerow(row)
            sys.stdout.flush()
    if args.out:
        _append(args.out / "scaling.csv", [row | {"device": config.device} for row in rows])
        if can_plot():
            from neurocomp.report.plots import save
            from neurocomp.report.scaling_figure import scaling_figure

            with writing(args.out / "scaling.svg"):
                save(scaling_figure(args.out, f"neurocomp plot scaling --results {args.out}"), args.out / "scaling.svg")
        else:
            print("neurocomp: no plot: matplotlib is not installed; pip install 'neurocomp[plot]'", file=sys.stderr)


def _append(path: Path, rows: Iterable[dict]) -> None:
    """Rows after those that the file holds, with the day, what measured them, and which code."""
    import torch

    from neurocomp.bench.measure import describe_machine
    from neurocomp.results.provenance import provenance

    code = provenance()
    date = dict(zip(BENCHMARK, [datetime.date.today().isoformat()], strict=True))
    origin = {"torch": torch.__version__, "commit": code.commit, "dirty": code.dirty}
    lines = [date | row | {"machine": describe_machine(row["device"].partition(":")[0])} | origin for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, lines[0], lineterminator="\n")
    there = read_bytes(path, most=None) if path.exists() else b""
    if not there:
        writer.writeheader()
    writer.writerows(lines)
    with writing(path):
        atomic_write(path, there + text.getvalue().encode())


def _title(of: Figures) -> str:
    """What was measured."""
    return (
        f"{of.restarts} restarts (chunks of {of.chunk}), {of.examples} examples, {of.steps} steps, "
        f"base {of.base}, {of.registers} registers, {of.lines} lines, {of.precision}, {of.device}"
    )


def _shown(line: Figures) -> dict[str, str]:
    return {
        "engine": line.engine,
        "threads": str(line.threads),
        "ms/update": f"{line.ms_per_update:.2f}",
        "(quartiles)": f"({line.ms_low:.2f} - {line.ms_high:.2f})",
        "restarts/s": f"{line.restart_updates_per_s:.0f}",
        "GFLOP/s": f"{line.gflops:.2f}",
        "matmul": f"{line.matmul_gflops:.1f}",
        "peak MB": f"{line.peak_memory_mb:.0f}",
        "ms alone": f"{line.ms_one_restart:.3f}",
        "ratio": f"{line.ratio:.1f}",
    }


def _told(gain: Gain) -> str:
    return (
        f"{gain.engine}: {gain.threads} threads are {gain.times:.2f} times as fast as {gain.fewest} in turns side by "
        f"side, a product of matrices {gain.times_matmul:.2f} times"
    )


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp bench",
        usage="neurocomp bench [overrides] [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("overrides", nargs="*", metavar="KEY=VALUE", help="as in neurocomp run: restarts=10 task.base=10 threads=1")
    add("--engines", metavar="LIST", help="of eager, fused, jax, by commas (default: all of this project that can run)")
    add("--json", action="store_true", help="an object a line")
    either = parser.add_mutually_exclusive_group().add_argument
    either("--threads", metavar="LIST", help="each engine on so many threads, such as 1,2 (jax on all cores)")
    either("--scaling", action="store_true", help="how the cost grows with each size, as CSV")
    either("--search", action="store_true", help="programs a second of the searches over raw programs")
    either("--synthesis", action="store_true", help="programs a second of synthesis")
    add("--out", type=Path, metavar="DIR", help="append to updates.csv (scaling, searches, synthesis) in this folder")
    add("--rounds", type=whole, default=10, metavar="N", help="turns of each engine (default: 10)")
    return parser

"""`neurocomp readings`: search what the paper leaves open for the setting that comes closest to its Table 1."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import yaml

from neurocomp.cli.arguments import Parser
from neurocomp.cli.compose import one_cell
from neurocomp.cli.keys import readings_keys
from neurocomp.cli.machines import READINGS
from neurocomp.cli.main import DEBUG
from neurocomp.cli.run_help import described
from neurocomp.errors import UserError
from neurocomp.readings.config import ReadingsConfig
from neurocomp.text import say, visible

EPILOG = """\
examples:
  neurocomp readings
  neurocomp readings settings=40 screen=8 confirm=1 name=short_search
  neurocomp readings workers=2 settings=1000 seconds=1e5
  neurocomp table readings --results results/short_search

The same command again goes on where it stopped. Needs optuna (pip install 'neurocomp[readings]').

keys (KEY=VALUE), with their defaults:
"""


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_args(argv)
    if args.verbose:
        os.environ[DEBUG] = "1"
    cell = one_cell(args.overrides, command="readings", tree=READINGS, such_as="settings=40")
    config: object = cell.config
    assert isinstance(config, ReadingsConfig)
    if args.cfg:
        print(yaml.safe_dump(dataclasses.asdict(config), sort_keys=False), end="")
        return 0
    from neurocomp.cli.pools import make_pool
    from neurocomp.readings.measuring import ThisProcess
    from neurocomp.readings.screening import search
    from neurocomp.results.writer import CellLocked
    from neurocomp.sweep import WorkerLost
    from neurocomp.workers.pool import OtherCode

    if config.workers is not None and config.threads is None:
        config = dataclasses.replace(config, threads=1)
    try:
        search(config, ThisProcess if config.workers is None else lambda: make_pool(cell))
    except OtherCode as error:
        raise UserError(f"workers: {error}") from None
    except (CellLocked, WorkerLost) as error:
        say([str(error)])
        return 1
    print(visible(f"neurocomp table readings --results {config.results}/{config.name} ranks what was measured"))
    return 0


def renamed(overrides: list[str]) -> list[str]:
    """The overrides of `neurocomp run experiment=readings ...`, as it was called before, for this command."""
    kept = (word for word in overrides if not word.startswith(("experiment=", "task=")))
    return [word.removeprefix("readings.") for word in kept]


def _parser() -> Parser:
    parser = Parser(
        prog="neurocomp readings",
        usage="neurocomp readings [options] [KEY=VALUE ...]",
        description="Try settings of what the paper leaves open on the 20 tuned cells of Table 1, and measure "
        "the closest ones again. Rows go to results/NAME/.",
        epilog=EPILOG + "\n".join(map(described, readings_keys())),
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="keys to set, see below")
    parser.add_argument("--cfg", choices=("job",), help="show the configuration instead of running it")
    parser.add_argument("--verbose", action="store_true", help="show the traceback of an error")
    return parser

"""The text of `neurocomp run --help`: what to type, the groups with their options, the keys with their defaults."""

from __future__ import annotations

import textwrap

from neurocomp.cli.keys import Key, machine_keys, memorizer_keys, selected
from neurocomp.errors import UserError, did_you_mean
from neurocomp.tasks import corpus

WIDTH = 100

INTRODUCTION = """\
neurocomp run: k restarts of one task from one initialization (one cell of a table), by default tuned.

  neurocomp run task=map_inc init=map_inc gamma=0.3 restarts=100 seed=0
  neurocomp run -m task=map_inc,map_dec gamma=0.1,0.3     a grid: every combination is a cell
  neurocomp run experiment=table1                         a whole table
  neurocomp run task=fib init=synth                       tune what program synthesis finds
  neurocomp run task=fib method=local_search              as many executions without gradients
  neurocomp run task=parity method=annealing limit=2      2 s of a core a restart, without gradients
  neurocomp run task=map_inc init=map_inc only=17         restart 17 of the 100 again
  neurocomp run --config-dir DIR task=mine                a task of your own, DIR/task/mine.yaml

The same command again goes on where it stopped. `init` is random, synth (what synthesis finds), loop_noop, a shipped
program (map_inc, ...), reference (the task's own) or a path to an .asm file. `method` is tune, synthesize (no tuning),
random_search, enumerate, local_search, annealing or solver; only tune, local_search, annealing and solver start from
an `init`.
Results go to results/NAME/."""

MEMORIZER = """\
The memorizer: a network that learns programs by heart and then drives a subleq machine; a cell is some trainings.
It is what runs if `experiment` is one of its own; none of the groups and keys above are its.

  neurocomp run experiment=memorization programs=16       random programs until all is known (5 trainings)
  neurocomp run experiment=memorization                   a whole table: programs=16,32,64,128
  neurocomp run experiment=memorization programs=16 training.label_smoothing=0.05 training.check=1
  neurocomp run experiment=memorization programs=16 device=cuda precision=bfloat16

neurocomp table memorization and neurocomp table soft_programs draw its rows."""

FLAGS = """\
Flags
  --help KEY ...     what these keys mean: --help gamma, --help optimizer.
  -m, --multirun     run a grid
  --config-dir DIR   look for groups (DIR/task/...) and for the files they name here too
  --cfg job          show the configuration instead of running it
  --json             print the summary as JSON lines
  --verbose          show the traceback of a cell that fails
  --hydra-help       Hydra's own flags"""


def help_text(groups: dict[str, list[str]], memorizer_experiments: list[str]) -> str:
    """The whole text; `groups` are the options of each group of the first machine."""
    options = [f"  {group:<12} {', '.join(names)}" for group, names in sorted(groups.items())]
    more = f"  {'':<12} or {corpus.FOLDER}/NAME, {len(corpus.tasks())} tasks: see docs/corpus.md"
    parts = [INTRODUCTION, "", "Groups (group=option)", *options, more, "", "Keys (key=value), with their defaults"]
    parts += [*map(described, machine_keys()), "", MEMORIZER, ""]
    parts += [f"Its experiments (experiment=NAME)\n  {', '.join(memorizer_experiments)}", ""]
    return "\n".join([*parts, "Its keys, with their defaults", *map(described, memorizer_keys()), "", FLAGS])


def key_help(words: list[str]) -> str:
    """The keys of these names alone, of both machines; UserError at a name that is no key."""
    machine, memorizer = machine_keys(), memorizer_keys()
    known = [key.name for key in (*machine, *memorizer)]
    for word in words:
        if not selected([*machine, *memorizer], [word]):
            raise UserError(
                f"--help {word}: there is no such key{did_you_mean(word, known)}; neurocomp run --help lists them all"
            )
    own, other = selected(machine, words), selected(memorizer, words)
    title = ["The memorizer's:"] if own and other else []
    return "\n".join([*map(described, own), *title, *map(described, other)])


def described(key: Key) -> str:
    """A key with its default and its other values, and below it what it means."""
    others = f"    or {', '.join(key.others)}" if key.others else ""
    meaning = textwrap.wrap(key.meaning, width=WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join([f"  {key.assignment}{others}", *meaning])

"""What a search over readings varies: the values of each key, the shipped setting, and those that are tried first.

`steps`, `registers` and `lines` are the task's own, or larger. `beyond` says what the cells behind a task's list start
as, and `list_words` whether the words of lists are any or 0 to 2 (inc has no list; parity of bits keeps bits).
`loop_noop` is what the row of that name starts from: the appendix's loop as it is compiled (skeleton), the same where
noop lines, those that pad any program included, are left open, or the task's own program (reference).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurocomp.config import ObjectiveConfig, OptimizerConfig, RunConfig
from neurocomp.machine_config import READINGS
from neurocomp.results.columns import SETTINGS

Setting = dict[str, Any]

Cell = tuple[str, str]  # a row of Table 1 and a task

# Of the readings of equations, all but a jump to the line that a register says (jump_target=value).
# `updates` are any from 20 to 600: they follow from the learning rate and the budget.
SPACE: dict[str, Sequence[Any]] = {
    "loss": ("log", "softmax"),
    "registers_supervised": (False, True),
    "efficiency": (0.0, 0.01, 0.1),
    **{name: tuple(choice for choice in choices if choice != "value") for name, choices in READINGS.items()},
    "learning_rate": (0.01, 0.03, 0.1, 0.3, 1.0),
    "updates": range(20, 601),
    "examples": (1, 2, 3, 4, 8, 16),
    "hold": (1, 10),
    "gamma": (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4),
    "base": (4, 5, 6, 8, 11),
    "length": (1, 2, 3),
    "fib_length": (2, 3, 4, 5),
    "registers": ("own", 7, 9),
    "lines": ("own", 9, 11, 12),
    "check": ("listed", "all"),
    "inc": ("next", "next_in_20_steps", "value"),
    "parity": ("each", "each_of_bits", "each_of_listed_bits", "each_without_modulus", "of_bits"),
    "steps": ("own", 24, 32, 40),
    "beyond": ("random", "zero"),
    "list_words": ("all", "small"),
    "loop_noop": ("skeleton", "open", "reference"),
    "fresh": (False, True),
}

# The keys that older files lack: what their settings had is the default.
LATER = ("steps", "beyond", "list_words", "loop_noop", "fresh")

# How far Adam can travel at most, in logits: learning rate x updates. The search varies it in place of the updates.
BUDGETS = (1.5, 3.0, 4.0, 8.0, 16.0, 30.0)

# The shipped setting, but for fewer updates; sizes and variants of tasks are those of their files.
DEFAULTS: Setting = {
    "loss": ObjectiveConfig.loss,
    "registers_supervised": ObjectiveConfig.registers,
    "efficiency": ObjectiveConfig.efficiency,
    **{name: choices[0] for name, choices in READINGS.items()},
    "learning_rate": OptimizerConfig.learning_rate,
    "updates": 300,
    "examples": RunConfig.examples,
    "hold": OptimizerConfig.hold,
    "gamma": RunConfig.gamma,
    "base": 6,
    "length": 3,
    "fib_length": 5,
    "registers": "own",
    "lines": "own",
    "check": "listed",
    "inc": "next",
    "parity": "each",
    "steps": "own",
    "beyond": "random",
    "list_words": "all",
    "loop_noop": "skeleton",
    "fresh": RunConfig.fresh,
}

SMALL = {"jump_target": "operand", "length": 1}

# What a search by hand had found: the closest by fit, the same on a machine of one size, and with the appendix's loop.
CLOSEST = {
    "loss": "softmax", "learning_rate": 0.01, "updates": 400, "hold": 1, "gamma": 0.001, "base": 11, "length": 1,
    "fib_length": 4, "lines": 9, "parity": "each_of_listed_bits", "steps": 40, "loop_noop": "reference",
}  # fmt: skip
ONE_SIZE = CLOSEST | {"jump_target": "operand", "updates": 275, "lines": 11}
OPEN_LOOP = CLOSEST | {"loop_noop": "open"}

# The shipped setting, what differs from it in the loss and in the number of examples, what smaller searches of
# the same kind had found (their best by fit, by both measures, and by soft), and what was found by hand.

FIRST = (
    {},
    {"loss": "softmax"},
    {"examples": 1},
    {"loss": "softmax", "examples": 1},
    {"examples": 3, "length": 1},
    SMALL | {"efficiency": 0.01, "examples": 3, "gamma": 0.2, "registers": 9, "inc": "next_in_20_steps"},
    SMALL | {"efficiency": 0.01, "examples": 4, "inc": "next_in_20_steps"},
    SMALL | {"mod_by_zero": "dividend", "examples": 3, "inc": "value", "parity": "of_bits"},
    CLOSEST,
    ONE_SIZE,
    OPEN_LOOP,
)

MEASURES = ("fit", "soft")

# The most telling cells first, so that a hopeless setting is given up early.
ORDER: tuple[Cell, ...] = tuple(
    (row, task)
    for task, rows in {
        "map_inc": ("optimization", "init=loop_noop", "init=map_inc", "init=map_dec"),
        "parity": ("optimization", "init=map_inc", "init=loop_noop", "init=map_dec"),
        "map_dec": ("optimization", "init=loop_noop", "init=map_inc", "init=map_dec"),
        "reduce": ("optimization", "init=loop_noop"),
        "inc": ("optimization", "init=loop_noop"),
        "fib": ("optimization", "init=loop_noop", "init=map_inc", "init=map_dec"),
    }.items()
    for row in rows
)

COLUMNS = (*SETTINGS, "task", "n", *MEASURES, "seconds", "seed")

"""What a search over readings varies: every setting, the shipped one, and those that are tried first."""

from __future__ import annotations

from typing import Any

from neurocomp.config import ObjectiveConfig, OptimizerConfig, RunConfig
from neurocomp.machine_config import READINGS
from neurocomp.results.columns import SETTINGS

Setting = dict[str, Any]

Cell = tuple[str, str]  # a row of Table 1 and a task

# Of the readings of equations, all but a jump to the line that a register says (jump_target=value).
SPACE: dict[str, tuple] = {
    "loss": ("log", "softmax"),
    "registers_supervised": (False, True),
    "efficiency": (0.0, 0.01, 0.1),
    **{name: tuple(choice for choice in choices if choice != "value") for name, choices in READINGS.items()},
    "learning_rate": (0.01, 0.03, 0.1, 0.3, 1.0),
    "updates": (100, 300),
    "examples": (1, 2, 3, 4, 8, 16),
    "hold": (1, 10),
    "gamma": (0.1, 0.2, 0.3, 0.4),
    "base": (4, 5, 6, 8),
    "length": (1, 2, 3),
    "fib_length": (2, 3, 5),
    "registers": ("own", 7, 9),
    "lines": ("own", 9, 12),
    "check": ("listed", "all"),
    "inc": ("next", "next_in_20_steps", "value"),
    "parity": ("each", "each_of_bits", "each_without_modulus", "of_bits"),
}

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
}

# The shipped setting, what differs from it in the loss and in the number of examples, and what smaller searches of
# the same kind had found (their best by fit, by both measures, and by soft).
SMALL = {"jump_target": "operand", "length": 1}

FIRST = (
    {},
    {"loss": "softmax"},
    {"examples": 1},
    {"loss": "softmax", "examples": 1},
    {"examples": 3, "length": 1},
    SMALL | {"efficiency": 0.01, "examples": 3, "gamma": 0.2, "registers": 9, "inc": "next_in_20_steps"},
    SMALL | {"efficiency": 0.01, "examples": 4, "inc": "next_in_20_steps"},
    SMALL | {"mod_by_zero": "dividend", "examples": 3, "inc": "value", "parity": "of_bits"},
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

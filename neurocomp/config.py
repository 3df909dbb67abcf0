"""What a run is made of, as plain dataclasses: Hydra's schemas and the arguments of everything below.

A default that belongs to the tool lives here, a default that belongs to a task in its YAML file. Ranges are
checked in `__post_init__`; Hydra checks types. (Frozen dataclasses would reject every Hydra override.)
"""

from __future__ import annotations

import difflib
import functools
import math
import numbers
import os
import re
import types
from collections.abc import Collection
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, NamedTuple, Optional, TypeVar, Union, get_args, get_origin, get_type_hints

from neurocomp.text import visible

LARGEST = 2**63 - 1  # of the integers in a results file


class UserError(ValueError):
    """A mistake in what the user gave: printed as it is, without a traceback, exit code 2."""


def did_you_mean(given: str, known: Collection[str]) -> str:
    """`; did you mean "x"?` or nothing, to be appended to a message about an unknown name."""
    if not known or len(known) > 1000 or len(str(given)) > 100:  # comparing them all would take seconds
        return ""
    close = difflib.get_close_matches(str(given), known, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def check_choice(name: str, given: str, choices: tuple[str, ...]) -> None:
    """Raise UserError unless `given` is one of `choices`."""
    if given not in choices:
        accepted = ", ".join(choices)
        raise UserError(f'{name}={given}: expected one of {accepted}{did_you_mean(given, list(choices))}')


def check_at_least(name: str, given: float, least: float) -> None:
    """Raise UserError unless `given` is a finite number not below `least`, and as an integer fits into 64 bits."""
    if isinstance(given, int) and given > LARGEST:
        raise UserError(f"{name}={given}: expected a number <= {LARGEST}")
    if given < least or isinstance(given, float) and not math.isfinite(given):  # a long int is no float
        raise UserError(f"{name}={given}: expected a number >= {least}")


def check_folder(name: str, given: str) -> None:
    """Raise UserError unless `given` can only be one folder below `results`: no path, nothing hidden or invisible."""
    unsafe = "/" in given or "\\" in given or given[:1] in (".", "~") or visible(given) != given or not given.strip()
    if unsafe or len(given.encode()) > 200:
        raise UserError(f"{name}={visible(given)}: expected the name of one folder below results, such as mine")


def check_text(name: str, given: str) -> None:
    """Raise UserError unless `given` is text on one line that is not blank."""
    if not given.strip() or visible(given) != given:
        raise UserError(f"{name}={visible(given)}: expected text on one line")


def with_home(name: str, path: str) -> str:
    """A path with `~` as the folder that it stands for. Raises UserError if it stands for none."""
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise UserError(f"{name}={path}: {path.partition('/')[0]} is no folder that is known here, expected its path")
    return found


Config = TypeVar("Config")

EXPECTED = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def checked(config: Config, prefix: str = "") -> Config:
    """The configuration as it would be had it been made of these values just now, each of its declared type.

    Values may have been set since it was made. Numbers of NumPy become Python's. A number that only lacks the last
    bits of a short decimal, as sums of steps do, becomes that decimal. Raises UserError.
    """
    hints = _hints(type(config))
    for key in vars(config):
        if key not in hints:
            raise UserError(f"{prefix}{key}: there is no such key{did_you_mean(key, list(hints))}")
    values = {key: _checked_value(prefix + key, getattr(config, key), hint) for key, hint in hints.items()}
    return type(config)(**values)


@functools.cache
def _hints(config_class: type) -> dict[str, Any]:
    hints = get_type_hints(config_class)
    return {each.name: hints[each.name] for each in fields(config_class)}  # type: ignore[arg-type]


def _checked_value(key: str, value: Any, hint: Any) -> Any:
    """The value as its type has it; UserError if it is of another one."""
    if get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if is_dataclass(hint):
        if type(value) is not hint:
            raise UserError(f"{key}={value}: expected a {getattr(hint, '__name__', hint)}")
        return checked(value, f"{key}.")
    value = value.item() if hasattr(value, "item") and hint in EXPECTED else value  # NumPy's
    fits = {int: numbers.Integral, float: numbers.Real}.get(hint, hint)
    if hint in EXPECTED and (not isinstance(value, fits) or isinstance(value, bool) and hint is not bool):
        raise UserError(f"{key}={value}: expected {EXPECTED[hint]}")
    return short_decimal(float(value)) if hint is float else value


def short_decimal(value: float) -> float:
    """0.3 for 0.30000000000000004, which 0.1 + 0.2 gives; numbers that are near no short decimal stay as they are."""
    rounded = float(f"{value:.12g}")
    return rounded if abs(rounded - value) <= 4 * math.ulp(value) else value


class Sizes(NamedTuple):
    """What a machine is made of: base b (also the number of memory cells), registers R, program lines L."""

    base: int
    registers: int
    lines: int


@dataclass
class MachineConfig:
    """The readings of the paper's equations (first choice = default)."""

    writeback: str = "gated"
    memory_law: str = "normalized"
    jump_law: str = "normalized"
    jump_target: str = "line"
    controller: str = "softmax_of_mix"
    halting: str = "freeze"
    mod_by_zero: str = "zero"

    def __post_init__(self):
        for key, choices in READINGS.items():
            check_choice(f"machine.{key}", getattr(self, key), choices)


READINGS = {
    "writeback": ("gated", "printed"),
    "memory_law": ("normalized", "printed"),
    "jump_law": ("normalized", "printed"),
    "jump_target": ("line", "operand", "value"),
    "controller": ("softmax_of_mix", "mix_of_softmax"),
    "halting": ("freeze", "printed"),
    "mod_by_zero": ("zero", "dividend"),
}


@dataclass
class ObjectiveConfig:
    """Eq. 12: the weight of the efficiency loss, and whether the reference's final registers are supervised too.

    Eq. 10 says cross-entropy "between a predicted tensor P and labels". `loss` says of what: log takes the rows of P
    as the probabilities that they are, softmax as logits (what a library's softmax cross-entropy does with P).
    """

    registers: bool = False
    efficiency: float = 0.0
    loss: str = "log"

    def __post_init__(self):
        check_at_least("objective.efficiency", self.efficiency, 0)
        check_choice("objective.loss", self.loss, ("log", "softmax"))


@dataclass
class OptimizerConfig:
    """Adam over the batch of restarts; `clip` bounds each restart's gradient norm (null: no clipping).

    A restart is done when what `stop` asks for holds after `hold` updates in a row: soft and hard recovery on
    validation (validated), or fit, the soft machine's words on its own training examples.
    """

    learning_rate: float = 0.1
    updates: int = 1000
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip: Optional[float] = None
    hold: int = 10
    stop: str = "validated"

    def __post_init__(self):
        check_choice("optimizer.stop", self.stop, ("validated", "fit"))
        check_at_least("optimizer.updates", self.updates, 0)
        check_at_least("optimizer.hold", self.hold, 1)
        for name in ("learning_rate", "epsilon") + (("clip",) if self.clip is not None else ()):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise UserError(f"optimizer.{name}={value}: expected a number > 0")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"optimizer.{name}={getattr(self, name)}: expected a number in [0, 1)")


SEARCHES = ("random_search", "local_search", "enumerate")
METHODS = ("tune", "synthesize", *SEARCHES)
MEASURES = ("soft", "hard", "fit", "general")


@dataclass
class SynthesisConfig:
    """The search over algorithm templates: what may be built, how long to look, which near misses to keep.

    `constructs` names those to use (null: all but put and noop). The search ends at `candidates` programs or after
    `seconds`, whichever comes first. `templates` are kept when nothing is exact; `padding` says where no-ops go,
    `noops` how many (null: as many as the lines leave). `allocation` spends restarts on templates: in turn (even), or
    all on the one that did best in `selection` restarts of another seed (best).
    """

    constructs: Any = None
    candidates: int = 200_000
    seconds: float = 60.0
    templates: int = 4
    padding: str = "end"
    noops: Optional[int] = None
    allocation: str = "even"
    selection: int = 20

    def __post_init__(self):
        for name in ("candidates", "templates", "selection"):
            check_at_least(f"synthesis.{name}", getattr(self, name), 1)
        if not math.isfinite(self.seconds) or self.seconds <= 0:
            raise UserError(f"synthesis.seconds={self.seconds}: expected a number > 0")
        if self.noops is not None:
            check_at_least("synthesis.noops", self.noops, 0)
        check_choice("synthesis.padding", self.padding, ("end", "start", "spread", "loop"))
        check_choice("synthesis.allocation", self.allocation, ("even", "best"))


@dataclass
class SearchConfig:
    """The budget of a search baseline's restart: `budget` times what the updates of one tuned restart may execute.

    That is `budget` x `optimizer.updates` programs on `examples` examples each. What tuning runs backward comes on
    top and is recorded apart; what either of them runs on validation examples is not counted.
    """

    budget: float = 1.0

    def __post_init__(self):
        if not math.isfinite(self.budget) or self.budget <= 0:
            raise UserError(f"search.budget={self.budget}: expected a number > 0")


@dataclass
class ReadingsConfig:
    """The search over what the paper leaves open (`readings.py`); 0 settings: no search.

    Every setting is screened with `screen` restarts in each of the 20 tuned cells, until `settings` of them or
    `seconds` are spent; then the `confirm` best by each measure are measured with `restarts` restarts of seed+1.
    """

    settings: int = 0
    screen: int = 16
    confirm: int = 3
    seconds: float = 7200.0

    def __post_init__(self):
        check_at_least("readings.settings", self.settings, 0)
        check_at_least("readings.screen", self.screen, 1)
        check_at_least("readings.confirm", self.confirm, 0)
        check_at_least("readings.seconds", self.seconds, 0)


@dataclass
class LimitsConfig:
    """What a request may take at most, as `limits.py` estimates it before anything is allocated or begun.

    `memory_gb` are 10^9 bytes; `work` are elementary operations, about a nanosecond of one core each: 10^14 are 28
    hours. They are no part of what a cell is, and are set on the command line or from Python alone: never by a file.
    """

    memory_gb: float = 8.0
    work: float = 1e14

    def __post_init__(self):
        for name in ("memory_gb", "work"):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise UserError(f"limits.{name}={value}: expected a number > 0")


# A task's name stands in rows, which spreadsheets open, and in tables and figures.
TASK_NAME = re.compile(r"(\w[\w.+ -]{0,99})?")


@dataclass
class TaskConfig:
    """A task file as written: expressions in `length` and `base` are still text (tasks.py evaluates them)."""

    name: str
    base: int
    registers: Any
    lines: Any
    steps: Any
    length: Optional[int] = None
    program: Optional[str] = None
    examples: Optional[str] = None
    memory: Any = "random"
    start_registers: Any = field(default_factory=dict)
    check: Any = field(default_factory=dict)
    general: Any = None

    def __post_init__(self):
        if not TASK_NAME.fullmatch(str(self.name)):
            given = f'task.name="{self.name}"'
            raise UserError(f"{given}: expected letters, digits, spaces and _ . + -, a letter, digit or _ first")
        for key in ("program", "examples"):
            if isinstance(path := getattr(self, key), str):
                setattr(self, key, with_home(f"task.{key}", path))
        check_at_least("task.base", self.base, 2)
        if self.length is not None:
            check_at_least("task.length", self.length, 1)


@dataclass
class RunConfig:
    """One cell of a table: k restarts of one task from one initialization by one method.

    `init` means nothing to the methods that start from no program (synthesize, random_search, enumerate), and gamma
    nothing to any but tune: whatever is given, it is the same cell. `measure` is the rate that is reported to a
    sweeper which looks for the best cell.
    """

    task: TaskConfig
    machine: MachineConfig = field(default_factory=MachineConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    readings: ReadingsConfig = field(default_factory=ReadingsConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    init: str = "random"
    method: str = "tune"
    gamma: float = 0.3
    epsilon: float = 1e-6
    restarts: int = 100
    seed: int = 0
    examples: int = 16
    chunk: int = 100
    engine: str = "auto"
    device: str = "cpu"
    precision: str = "float32"
    threads: Optional[int] = None
    only: Optional[int] = None
    save_curves: bool = False
    save_weights: bool = False
    measure: str = "soft"
    name: str = "runs"
    results: str = "results"

    def __post_init__(self):
        check_choice("measure", self.measure, MEASURES)
        check_folder("name", self.name)
        check_text("results", self.results)
        check_text("init", self.init)
        self.init, self.results = with_home("init", self.init), with_home("results", self.results)
        check_choice("method", self.method, METHODS)
        check_choice("engine", self.engine, ("auto", "eager", "fused"))
        check_choice("precision", self.precision, ("float32", "float64"))
        check_at_least("gamma", self.gamma, 0)
        if not 0 < self.epsilon < 1:
            raise UserError(f"epsilon={self.epsilon}: expected a number in (0, 1)")
        for key in ("restarts", "examples", "chunk"):
            check_at_least(key, getattr(self, key), 1)
        check_at_least("seed", self.seed, 0)
        if self.readings.settings and self.seed == LARGEST:
            raise UserError(f"seed={self.seed}: readings are confirmed with seed + 1; expected a number < {LARGEST}")
        if self.threads is not None:
            check_at_least("threads", self.threads, 1)
        if self.only is not None:
            check_at_least("only", self.only, 0)


def check_jump_target(jump_target: str, sizes: Sizes) -> None:
    """Raise UserError unless what selects the line of a jump has as many places as there are lines."""
    if jump_target == "operand" and sizes.registers != sizes.lines:
        given = f"got {sizes.registers} and {sizes.lines}"
        raise UserError(f"jump_target=operand needs as many registers as lines, {given}")
    if jump_target == "value" and sizes.base != sizes.lines:
        raise UserError(f"jump_target=value needs base = lines, got {sizes.base} and {sizes.lines}")

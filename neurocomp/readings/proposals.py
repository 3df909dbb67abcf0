"""Which setting is measured next: those given, then random ones, then what a model of the measured ones proposes.

The model is optuna's tree-structured Parzen estimator: it compares how often each value occurs among the best tenth of
the settings and among the others. Numbers are taken in turn for fit and for soft. A setting that was given up early
counts with the error that it has in the cells that were measured. What is proposed depends on (seed, number, rows so
far) alone.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from neurocomp.errors import UserError
from neurocomp.readings.scores import estimates
from neurocomp.readings.settings_file import settings_of
from neurocomp.readings.space import BUDGETS, DEFAULTS, FIRST, MEASURES, SPACE, Setting
from neurocomp.seeding import generator

RANDOM = 24  # settings of lower numbers are given or drawn at random
ASKED = 100  # proposals of the model, after which a setting is drawn at random: all were known, or cannot be

# What the search varies: the values of each key, but for the updates those of the budget.
VALUES: dict[str, Sequence[Any]] = {key: BUDGETS if key == "updates" else values for key, values in SPACE.items()}

Point = dict[str, int]  # a setting as the places of its values in VALUES


def check_installed() -> None:
    """Raise UserError, which says what to install, unless there is optuna."""
    if importlib.util.find_spec("optuna") is None:
        raise UserError("readings: needs optuna, which is not installed; pip install 'neurocomp[readings]'")


def propose(number: int, rows: list[dict], seed: int, at_work: Collection[Setting] = ()) -> Setting:
    """The setting of this number: none that is in the rows or at work."""
    known = [*settings_of(rows).values(), *at_work]
    proposed = itertools.chain((DEFAULTS | given for given in FIRST), _drawn(number, rows, seed))
    return next(setting for setting in proposed if setting not in known and runs(setting))


def runs(setting: Setting) -> bool:
    """Whether the setting has its 20 cells: lists must fit, a checked memory must be all list, and a list's length must
    make a difference.
    """
    is_listed = setting["check"] == "listed"
    return setting["length"] <= setting["base"] and (
        is_listed or (setting["parity"] != "of_bits" and setting["steps"] == "own")
    )


def setting_of(point: Point) -> Setting:
    """The setting at a point: as many updates as its budget allows at its learning rate."""
    setting = {key: values[point[key]] for key, values in VALUES.items()}
    updates = round(setting["updates"] / setting["learning_rate"])
    return setting | {"updates": min(max(updates, SPACE["updates"][0]), SPACE["updates"][-1])}


def point_of(setting: Setting) -> Point:
    """The point of a setting: its budget is the nearest one, in ratio."""
    budget = math.log(setting["learning_rate"] * setting["updates"])
    nearest = min(BUDGETS, key=lambda one: abs(math.log(one) - budget))
    return {key: values.index(nearest if key == "updates" else setting[key]) for key, values in VALUES.items()}


def _drawn(number: int, rows: list[dict], seed: int) -> Iterator[Setting]:
    """Settings of this number without end: where the model has a say, the first are its own."""
    rng = generator(seed, number, "reading")
    if number >= RANDOM and rows:
        measure = MEASURES[number % len(MEASURES)]
        yield from itertools.islice(_modelled(rows, measure, int(rng.integers(2**32))), ASKED)
    while True:
        yield setting_of({key: int(rng.integers(len(values))) for key, values in VALUES.items()})


def _modelled(rows: list[dict], measure: str, seed: int) -> Iterator[Setting]:
    """What the model proposes for this measure, one after the other; those that were not taken count as being tried."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kinds = {key: _distribution(values) for key, values in VALUES.items()}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(n_startup_trials=1, seed=seed))
    errors = estimates(rows, measure)
    for number, setting in sorted(settings_of(rows).items()):
        point = point_of(setting)
        study.add_trial(optuna.create_trial(params=point, distributions=kinds, value=errors[number]))
    while True:
        yield setting_of(study.ask(kinds).params)


def _distribution(values: Sequence[Any]) -> Any:
    """Places in a list of numbers, which are in order, are near one another; those of other values are names."""
    import optuna

    if all(type(value) in (int, float) for value in values):
        return optuna.distributions.IntDistribution(0, len(values) - 1)
    return optuna.distributions.CategoricalDistribution(range(len(values)))

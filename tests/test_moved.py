"""What has moved: the old place of a module or a name is an error that says the new one."""

from __future__ import annotations

import importlib

import pytest

from neurocomp.moved import MODULES


@pytest.mark.parametrize("old, new", MODULES.items())
def test_a_module_that_moved_says_where_it_is(old, new):
    importlib.import_module(f"neurocomp.{new}")
    with pytest.raises(ModuleNotFoundError) as error:
        importlib.import_module(f"neurocomp.{old}")
    assert str(error.value) == f"neurocomp.{old} is neurocomp.{new} now"


@pytest.mark.parametrize("old, name, new", [
    ("config", "checked", "errors"), ("config", "short_decimal", "errors"),
    ("config", "ReadingsConfig", "readings.config"), ("pipeline", "replay", "job"),
    ("pipeline", "record_failure", "job"), ("memorizer.pipeline", "replay", "job"),
    ("tasks", "load_task", "tasks.task"),
    ("tasks", "held_out", "tasks.examples"), ("tuning", "tune", "tuning.lanes"),
    ("results", "CellWriter", "results.writer"),
    ("results", "config_hash", "results.identity"), ("readings", "search", "readings.screening"),
    ("readings", "read", "readings.settings_file"), ("limits", "check", "limits.checking"),
    ("report.cells", "rate_columns", "report.rates"), ("memorizer.soft", "PROMPTS", "memorizer.soft_dataset"),
])  # fmt: skip
def test_a_name_that_moved_says_where_it_is(old, name, new):
    module = importlib.import_module(f"neurocomp.{old}")
    with pytest.raises(ImportError) as error:
        getattr(module, name)
    assert str(error.value) == f"neurocomp.{old}.{name} is neurocomp.{new}.{name} now"


def test_a_name_that_never_was_is_the_usual_error():
    module = importlib.import_module("neurocomp.tasks")
    with pytest.raises(AttributeError, match="^module neurocomp.tasks has no attribute nothing$"):
        module.nothing  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match="^No module named 'neurocomp.nothing'$"):
        importlib.import_module("neurocomp.nothing")

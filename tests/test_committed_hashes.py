"""The configuration of every committed cell still has the hash in its name, so that its rows are found."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch
import yaml

from neurocomp import plan
from neurocomp.config import RunConfig
from neurocomp.memorizer import plan as memorizer_plan
from neurocomp.memorizer import soft_dataset
from neurocomp.memorizer.config import MemorizerConfig
from neurocomp.results.writer import RESTARTS
from tests.jobs import job_of

ROOT = Path(__file__).parents[1]
CELLS = sorted((ROOT / "results").rglob("*.yaml"))
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def config_of(given: dict, kind: type) -> Any:
    """The dataclass with what a file says; what came later has its default."""
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    values = {
        key: config_of(value, hints[key]) if is_dataclass(hints[key]) else value
        for key, value in given.items()
        if key in known
    }
    if values.get("engine") in ("executor", "torch"):  # what methods that tune nothing write there
        values["engine"] = "auto"
    return kind(**values)


@pytest.mark.parametrize("folder", sorted({cell.parent.name for cell in CELLS}))
def test_committed_cells_keep_their_hashes(folder, monkeypatch):
    monkeypatch.chdir(ROOT)
    for module in (plan, memorizer_plan):  # some rows were made on a GPU
        monkeypatch.setattr(module, "checked_device", lambda name, workers: torch.device(name))
    of_folder = [cell for cell in CELLS if cell.parent.name == folder]
    assert of_folder
    for cell in of_folder:
        given = yaml.load(cell.read_text(), Loader=LOADER)
        tuned = isinstance(given["task"], dict)
        config = config_of(given, RunConfig if tuned else MemorizerConfig)
        with monkeypatch.context() as patched:
            if "contents" in given and given["soft"]["data"] == "sst2":  # the texts are not here, but their hash is
                said = given["contents"] | {"vocabulary_file": given["soft"]["vocabulary_file"]}
                patched.setattr(soft_dataset, "check", lambda config, said=said: said)
            job = job_of(config)
        assert (job.failed_row("")["config_hash"], job.path.stem) == (given["config_hash"], cell.stem), cell


def test_the_new_column_comes_last():
    """Files begun by an older version have the columns before it in the same order."""
    header = next((ROOT / "results" / "table1").glob("*.csv")).read_text().splitlines()[0].split(",")
    assert list(RESTARTS.columns[: len(header)]) == header and "tests_trained" in RESTARTS.integers

"""The results of restarts as values."""

from __future__ import annotations

from neurocomp import job as jobs
from neurocomp.config import OptimizerConfig
from tests.jobs import job_of
from tests.test_sweep import config


def test_rows_of_a_batch_come_in_order_however_long_each_restart_took(tmp_path, monkeypatch):
    """Restarts that end first are first in what tuning yields; a batch as a value has them by number."""
    monkeypatch.setattr("neurocomp.methods.tune.SECONDS_UNSAVED", 0.0)
    optimizer = OptimizerConfig(updates=150, hold=2)
    job = job_of(config(tmp_path, restarts=12, chunk=12, gamma=0.6, optimizer=optimizer, save_curves=True))
    as_they_finish = [restart for made in job.rows([range(12)], progress=False) for restart in made.restarts]
    assert sorted(as_they_finish) == list(range(12)) != as_they_finish
    made = jobs.produce(job, range(12))
    assert made.restarts == list(range(12)) and made.curves.keys() == set(range(12))

"""method=synthesize: each restart is a search on examples of its own."""

from __future__ import annotations

import pytest

from neurocomp.language.assembly import parse
from neurocomp.plan import make_plan
from neurocomp.tasks.examples import held_out, training_examples
from tests import test_init_synth
from tests.test_init_synth import Synthesizer, config, run

finding = test_init_synth.finding


def test_each_restart_of_synthesize_searches_on_its_own_examples(finding, tmp_path):
    synthesizer = finding({"map_inc": True})
    given = config(tmp_path, method="synthesize", init="map_dec", restarts=3)
    cell = run(given)
    plan = make_plan(given)
    for restart, asked in enumerate(synthesizer.asked):
        own = training_examples(plan.task, held_out(plan.task, 0), 0, restart, 4)
        assert all((one == other).all() for one, other in zip(asked, own, strict=True))
    assert len(synthesizer.asked) == 3 and cell.path.name.startswith("map_inc-synthesize-g0-s0-")
    for row in cell.rows.to_dict("records"):
        assert (row["init"], row["method"], row["template"], row["status"]) == (
            "none",
            "synthesize",
            "like map_inc",
            "recovered",
        )
        assert row["synthesized"] and row["recovered_fit"] and row["recovered_soft"] and row["recovered_general"]
        assert (row["gamma"], row["updates"], row["executions"], row["backward_executions"]) == (0, 0, 16_000, 0)
        assert parse(row["program"]).instructions == plan.task.reference.instructions


def test_a_solution_of_the_examples_that_is_wrong_elsewhere_is_not_recovered(finding, tmp_path):
    finding({"map_dec": True})
    rows = run(config(tmp_path, method="synthesize", restarts=2)).rows
    assert rows["synthesized"].all() and rows["recovered_fit"].all()
    assert not rows["recovered_hard"].any() and not rows["recovered_soft"].any()
    assert set(rows["status"]) == {"exhausted"}


def test_synthesize_that_finds_nothing_is_a_row_too(finding, tmp_path):
    finding({})
    (row,) = run(config(tmp_path, method="synthesize", restarts=1)).rows.to_dict("records")
    assert row["status"] == "exhausted" and not row["synthesized"] and row["program"] == ""
    assert not row["recovered_hard"] and not row["recovered_general"]


def test_synthesize_keeps_every_finished_restart(finding, tmp_path):
    given = config(tmp_path, method="synthesize", restarts=5)
    calls = finding({"map_inc": True})

    class Interrupted(Synthesizer):
        def __call__(self, *arguments, **options):
            if len(self.asked) == 3:
                raise KeyboardInterrupt
            return super().__call__(*arguments, **options)

    calls.__class__ = Interrupted
    with pytest.raises(KeyboardInterrupt):
        run(given)
    calls.__class__ = Synthesizer
    assert run(given).n == 5 and len(calls.asked) == 5

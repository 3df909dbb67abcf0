"""The arena's figures say what the rows say: curves are read back and held against shares worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from cli.plot import main
from neurocomp.errors import UserError
from neurocomp.report import plots
from neurocomp.report.cells import read_cells
from neurocomp.report.success import profile
from tests.cells import write_race


def lines(panel) -> dict[str, list]:
    """The points of each curve, by method; a curve without a name in the legend is `pale`."""
    named = [(str(line.get_label()), line.get_xydata().tolist()) for line in panel.lines]
    return {"pale" if name.startswith("_") else name: points for name, points in named}


def test_a_curve_goes_up_at_each_time_to_success_and_stops_at_the_limit(tmp_path):
    write_race(tmp_path, "annealing", [2.0, 0.5, None, None], limit=10)
    write_race(tmp_path, "solver", [None] * 4, init="none", limit=60)
    figure = plots.draw("arena", read_cells(tmp_path), "hard")
    (panel,) = figure.axes
    assert panel.get_title() == "inc" and panel.get_xscale() == "log"
    assert lines(panel) == {
        "annealing": [[0.1, 0], [0.5, 25], [2, 50], [10, 50]],
        "solver": [[0.1, 0], [60, 0]],
    }
    assert "hard" in figure.get_supylabel() and "pale" not in figure.get_supxlabel()


def test_without_a_limit_a_curve_stops_where_its_last_restart_ended(tmp_path):
    """The one that was not solved ended after 5 s, out of programs."""
    write_race(tmp_path, "local_search", [0.5, None], limit=None)
    write_race(tmp_path, "synthesize", [0.5, 0.25], init="none", limit=None)
    (panel,) = plots.draw("arena", read_cells(tmp_path), "hard").axes
    curves = lines(panel)
    assert curves["local_search"][-1] == [5, 50] and curves["synthesize"][-1] == [0.5, 100]


def test_restarts_with_another_limit_have_a_curve_of_their_own(tmp_path):
    write_race(tmp_path, "annealing", [0.5, None], limit=10)
    write_race(tmp_path, "annealing", [0.5, 20.0], limit=60)
    figure = plots.draw("arena", read_cells(tmp_path), "hard")
    (panel,) = figure.axes
    assert lines(panel) == {
        "annealing": [[0.1, 0], [0.5, 50], [10, 50]],
        "pale": [[0.1, 0], [0.5, 50], [20, 100], [60, 100]],
    }
    assert not figure.legends and figure.get_supylabel().endswith(", annealing")
    assert "pale" in figure.get_supxlabel()


def test_restarts_from_nothing_are_shown_unless_there_are_none(tmp_path):
    write_race(tmp_path, "annealing", [0.5], init="map_dec", task="fib")
    write_race(tmp_path, "annealing", [0.5], init="map_dec")
    titles = [panel.get_title() for panel in plots.draw("arena", read_cells(tmp_path), "hard").axes]
    assert titles == ["inc from map_dec", "fib from map_dec"]
    write_race(tmp_path, "annealing", [0.5], task="fib")
    assert [panel.get_title() for panel in plots.draw("arena", read_cells(tmp_path), "hard").axes] == ["fib"]


def test_there_are_no_panels_that_have_no_task(tmp_path):
    for task in ("inc", "map_inc", "map_dec", "fib"):
        write_race(tmp_path, "annealing", [0.5], task=task)
    panels = plots.draw("arena", read_cells(tmp_path), "hard").axes
    assert len(panels) == 4


def test_learners_are_drawn_by_soft_alone(tmp_path):
    write_race(tmp_path, "learner", [0.5], init="none", config={"learner": {"kind": "dnc"}})
    write_race(tmp_path, "annealing", [0.5])
    drawn = {
        metric: set(lines(plots.draw("arena", read_cells(tmp_path), metric).axes[0])) for metric in ("soft", "hard")
    }
    assert drawn == {"soft": {"annealing", "learner dnc"}, "hard": {"annealing"}}


# --- the profile


def test_a_profile_is_the_mean_over_tasks_with_the_bootstrap_of_each():
    """Of task A, 1 of 2 is solved within 1 s: of two that are drawn anew, 0, 1, 2 with probability 1/4, 1/2, 1/4.

    All 3 of task B are, so that the mean is .75, and of the drawn ones .5, .75 or 1: the interval is .5 to 1. At 0.1 s
    none is solved, at 9 s all are.
    """
    found = profile([np.array([0.5, 2.0]), np.array([0.5, 0.6, 0.7])], np.array([0.1, 1.0, 9.0]))
    assert found.share.tolist() == [0, 0.75, 1]
    assert found.low.tolist() == pytest.approx([0, 0.5, 1]) and found.high.tolist() == pytest.approx([0, 1, 1])


def test_a_task_counts_as_much_with_20_restarts_as_with_100():
    found = profile([np.full(20, 0.5), np.full(100, np.inf)], np.array([1.0]))
    assert found.share.tolist() == [0.5]


def test_the_band_of_one_task_is_that_of_the_binomial():
    """30 of 100 drawn anew: 21 to 39 between the 2.5 and 97.5 % points of the binomial distribution."""
    found = profile([np.array([0.5] * 30 + [np.inf] * 70)], np.array([1.0]))
    assert found.low[0] == pytest.approx(0.21, abs=0.011) and found.high[0] == pytest.approx(0.39, abs=0.011)


def test_a_panel_has_the_tasks_that_all_its_methods_have(tmp_path):
    for task, found in (("inc", [0.5, 0.5]), ("fib", [None, None]), ("reduce", [0.5, None])):
        write_race(tmp_path, "annealing", found, task=task)
    write_race(tmp_path, "solver", [0.5, None], init="none", limit=60)
    write_race(tmp_path, "solver", [0.5, 0.5], init="none", task="fib", limit=20)
    write_race(tmp_path, "annealing", [0.5], init="map_dec")
    figure = plots.draw("arena_profile", read_cells(tmp_path), "hard")
    nothing, map_dec = figure.axes
    assert nothing.get_title() == "from nothing\ninc, fib; not all methods have reduce"
    assert map_dec.get_title() == "from map_dec\ninc"
    curves = lines(nothing)
    assert curves["annealing"][0] == [0.1, 0] and curves["annealing"][-1] == pytest.approx([10, 50])
    assert curves["solver"][-1] == pytest.approx([20, 75])  # up to the shorter of the two limits
    assert len(nothing.collections) == 2


def test_a_profile_takes_the_cell_with_most_restarts(tmp_path):
    write_race(tmp_path, "annealing", [0.5, 0.5, 0.5, None], limit=10)
    write_race(tmp_path, "annealing", [0.5, 20.0], limit=60)
    (panel,) = plots.draw("arena_profile", read_cells(tmp_path), "hard").axes
    assert lines(panel)["annealing"][-1] == pytest.approx([10, 75])


def test_methods_without_a_common_task_have_no_curve(tmp_path):
    write_race(tmp_path, "annealing", [0.5])
    write_race(tmp_path, "solver", [0.5], init="none", task="fib")
    (panel,) = plots.draw("arena_profile", read_cells(tmp_path), "hard").axes
    assert panel.get_title() == "from nothing\nno task in common; not all methods have inc, fib" and not panel.lines


# --- the command


@pytest.mark.parametrize("name", ["arena", "arena_profile"])
def test_figures_of_the_arena_are_by_hard_unless_another_measure_is_named(name, tmp_path, monkeypatch):
    drawn, draw = [], plots.draw
    monkeypatch.setattr(
        plots, "draw", lambda name, cells, metric, command: drawn.append(metric) or draw(name, cells, metric)
    )
    write_race(tmp_path, "annealing", [0.5])
    for metric in ([], ["--metric", "soft"]):
        assert main([name, "--results", str(tmp_path), "--out", str(tmp_path / "a.png"), *metric]) == 0
    assert drawn == ["hard", "soft"]


@pytest.mark.parametrize("name", ["arena", "arena_profile"])
def test_without_cells_there_is_nothing_to_draw(name, tmp_path):
    with pytest.raises(UserError, match="there is nothing to draw"):
        main([name, "--results", str(tmp_path), "--out", str(tmp_path / "a.png")])


def test_times_below_the_axis_are_solved_where_it_begins(tmp_path):
    """A find in 0 s, as rounded in the file, has no place on a logarithmic axis."""
    write_race(tmp_path, "annealing", [0.0, 0.0002, 0.5, None])
    (panel,) = plots.draw("arena", read_cells(tmp_path), "hard").axes
    assert lines(panel)["annealing"] == [[0.001, 50], [0.5, 75], [10, 75]]

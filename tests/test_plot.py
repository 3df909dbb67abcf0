"""The figures say what the rows say (texts, lines, bars are read back), and the same rows give the same file."""

from __future__ import annotations

import shlex
import sys

import pytest

pytest.importorskip("matplotlib")

from cli.plot import FIGURES, main
from neurocomp.errors import UserError
from neurocomp.report import plots
from neurocomp.report.cells import read_cells
from tests.cells import write_cell


@pytest.fixture
def directory(tmp_path):
    """fib from random weights (at updates 0, 10 and 20) and from itself; inc from a program under two gammas."""
    folder = tmp_path / "table1"
    write_cell(folder, "fib", "random", 4, soft=3, hard=1)
    write_cell(folder, "fib", "map_inc", 4, soft=0)
    return folder


@pytest.fixture
def gammas(tmp_path):
    folder = tmp_path / "gamma"
    for value, count in ((0.05, 3), (0.3, 1), (1.0, 0)):
        write_cell(folder, "fib", "fib", 4, {"gamma": value, "config_hash": f"{value}"}, soft=count)
    write_cell(folder, "fib", "map_inc", 4, {"gamma": 0.3}, soft=2)
    return folder


def test_the_heat_map_says_rates_intervals_and_what_excludes_each_other(directory):
    figure = plots.draw("table1", read_cells(directory), "soft")
    left, right = (axes for axes in figure.axes if axes.get_title())
    # 3 of 4 is 75 (30-95), and 4 of 100 published is 2-10; 0 of 4 goes up to 49, and 26 of 100 is 18-35.
    assert {text.get_text() for text in left.texts} == {"75", "30-95", "0", "0-49"}
    assert {text.get_text() for text in right.texts} == {"+71 !", "4", "-26", "26"}
    assert left.images[0].get_clim() == (0, 100) and right.images[0].get_clim() == (-100, 100)
    tasks = ["inc", "map_inc", "map_dec", "reduce", "parity", "fib"]
    assert [label.get_text() for label in right.get_xticklabels()] == tasks
    rows = ["optimization", "synthesis", "both", "init=map_inc", "init=map_dec", "init=loop_noop"]
    assert [label.get_text() for label in left.get_yticklabels()] == rows
    assert [label.get_text() for label in right.get_yticklabels()] == ["optimization", "init=map_inc"]
    assert left.get_title() == "measured" and right.get_title() == "measured - published"
    assert "soft" in figure.get_suptitle() and "k = 4" in figure.get_suptitle()


def test_recovery_curves_are_shares_over_updates_with_bands(directory):
    figure = plots.draw("recovery", read_cells(directory), "soft")
    (panel,) = figure.axes
    curves = {line.get_label(): line.get_xydata().tolist() for line in panel.lines}
    assert curves["optimization"] == [[0, 25], [10, 50], [20, 75], [1000, 75]]
    assert curves["init=map_inc"] == [[0, 0], [1000, 0]]
    marks = [line.get_xydata().tolist() for line in panel.lines if line.get_marker() != "None"]
    assert marks == [[[1000, 75]], [[1000, 0]]]
    assert "soft and hard together" in figure.get_supxlabel() and "soft alone" in figure.get_supxlabel()
    assert len(panel.collections) == 2 and panel.get_title() == "fib"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["optimization", "init=map_inc"]


def test_gamma_curves_have_a_panel_a_task_and_bars(gammas):
    figure = plots.draw("gamma", read_cells(gammas), "soft")
    (panel,) = figure.axes
    own, other = panel.containers
    assert own.lines[0].get_xydata().tolist() == [[0.05, 75], [0.3, 25], [1, 0]]
    assert other.lines[0].get_xydata().tolist() == [[0.3, 50]]
    low, high = own.lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((30.06, 95.44), abs=0.05)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["the task's own program", "init=map_inc"]


def test_gamma_shows_soft_and_hard_beside_each_other(gammas, tmp_path):
    write_cell(gammas, "inc", "inc", 4, {"gamma": 0.3}, soft=3, hard=1)
    figure = plots.draw("gamma", [cell for cell in read_cells(gammas) if cell.facts["task"] == "inc"], "soft, hard")
    (panel,) = figure.axes
    assert [container.lines[0].get_xydata().tolist() for container in panel.containers] == [[[0.3, 75]], [[0.3, 25]]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["soft", "hard"]


def test_one_line_alone_has_no_legend_and_is_named_at_the_axis(directory):
    cells = [cell for cell in read_cells(directory) if cell.facts["init"] == "random"]
    figure = plots.draw("recovery", cells, "soft")
    assert figure.legends == [] and figure.get_supylabel().endswith(", optimization")


def test_a_panel_in_which_nothing_was_recovered_says_so(directory):
    cells = [cell for cell in read_cells(directory) if cell.facts["init"] == "map_inc"]
    (panel,) = plots.draw("recovery", cells, "soft").axes
    assert [text.get_text() for text in panel.texts] == ["none recovered"]


def test_without_published_numbers_there_is_no_panel_of_differences(tmp_path):
    write_cell(tmp_path / "table1", "fib", "random", 4, soft=None)
    figure = plots.draw("table1", read_cells(tmp_path), "soft")
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["measured"]


def footer(figure) -> str:
    return " ".join(figure.texts[-1].get_text().split())


def test_the_footer_says_measure_k_date_commit_and_command(directory, gammas, tmp_path):
    assert footer(plots.draw("table1", read_cells(directory), "hard", "neurocomp plot table1")) == (
        "measure: hard · k = 4 · rows undated · commit c0ffee · neurocomp plot table1"
    )
    for number, day in enumerate(("2026-11-20", "2026-11-26")):
        write_cell(tmp_path / "new", "fib", "map_dec", 4 + number, {
            "seed": number, "config_hash": str(number), "date": f"{day}T10:00:00Z", "commit": f"{number}234567890",
            "dirty": True, "task": "fib", "gamma": number + 0.5}, soft=1)  # fmt: skip
    assert footer(plots.draw("gamma", read_cells(tmp_path / "new"), "soft", "x")) == (
        "measure: soft · k = 4 to 5 · 2026-11-20 to 2026-11-26 · commits 0234567, 1234567 (changed) · x"
    )


def test_the_footers_command_draws_the_same_figure(directory, tmp_path, monkeypatch):
    commands, sign = [], plots.sign
    monkeypatch.setattr(plots, "sign", lambda *words: commands.append(words[-1]) or sign(*words))
    words = ["--results", str(directory), "--metric", "hard", "--where", "init=random", "--where", "gamma<0.5"]
    assert main(["table1", *words, "--out", str(tmp_path / "a.png")]) == 0
    assert shlex.split(commands[0])[:3] == ["neurocomp", "plot", "table1"]
    assert main([*shlex.split(commands[0])[2:], "--out", str(tmp_path / "b.png")]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("name", ["table1", "recovery", "gamma"])
def test_axes_are_labeled(name, directory, gammas):
    figure = plots.draw(name, read_cells(gammas if name == "gamma" else directory), "soft")
    texts = [figure.get_supxlabel(), figure.get_supylabel()]
    if name == "table1":
        texts = [axes.get_ylabel() for axes in figure.axes if not axes.get_title()]
    assert len(texts) == 2 and all(texts) and any("%" in text for text in texts)


@pytest.mark.parametrize("name", sorted(FIGURES.keys() - {"scaling"}))
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_rows_give_the_same_file(name, suffix, directory, gammas, tmp_path, capsys, monkeypatch):
    source = gammas if name == "gamma" else directory
    files = []
    for attempt, year in enumerate(("2001", "2002")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", f"{int(year) * 10**6}")  # as if drawn another day
        out = tmp_path / f"{attempt}.{suffix}"
        assert main([name, "--results", str(source), "--out", str(out)]) == 0
        files.append(out.read_bytes())
    assert files[0] == files[1]
    assert files[0].startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix])
    assert capsys.readouterr().err.splitlines()[-1] == f"wrote {out}"


def test_the_users_own_style_changes_nothing(directory, tmp_path):
    import matplotlib

    def drawn(name):
        assert main(["table1", "--results", str(directory), "--out", str(tmp_path / name)]) == 0
        return (tmp_path / name).read_bytes()

    plain = drawn("plain.png")
    with matplotlib.rc_context({"font.size": 30, "figure.facecolor": "red"}):
        assert drawn("styled.png") == plain
        assert matplotlib.rcParams["font.size"] == 30


def test_the_file_is_results_figures_name_png_unless_said_otherwise(directory, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    directory.rename(tmp_path / "results" / "table1")
    assert main(["recovery"]) == 0
    assert (tmp_path / "results" / "figures" / "recovery.png").exists()
    assert capsys.readouterr().err.splitlines() == ["read results/table1", "wrote results/figures/recovery.png"]


def test_where_chooses_among_configurations(directory, tmp_path):
    write_cell(directory, "fib", "random", 4, {"config_hash": "other", "seed": 5}, soft=1)
    out = ["--results", str(directory), "--out", str(tmp_path / "a.png")]
    for name in ("table1", "recovery"):
        with pytest.raises(UserError, match="optimization, fib:\n.*seed=0"):
            main([name, *out])
        assert main([name, *out, "--where", "seed=0"]) == 0


@pytest.mark.parametrize(
    "argv, message",
    [
        (["table1", "--out", "a.jpg"], "--out a.jpg: expected a name that ends in .png, .svg, .pdf"),
        (["recovery", "--metric", "hard"], "not a metric"),
        (["gamma", "--results", "typo"], "there is no such directory"),
        (["gamma", "--results", "."], "there is nothing to draw"),
        (["recovery", "--results", "."], "there is nothing to draw"),
    ],
)
def test_mistakes_are_explained(argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        main(argv)


def test_without_matplotlib_it_says_what_to_install(directory, monkeypatch):
    monkeypatch.delitem(sys.modules, "neurocomp.report.plots")
    monkeypatch.delattr("neurocomp.report.plots")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=r"pip install 'neurocomp\[plot\]'"):
        main(["table1", "--results", str(directory)])

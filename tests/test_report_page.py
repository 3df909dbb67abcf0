"""`neurocomp report`: what stands in the page, held to the rows; replays; what cannot be shown is said."""

from __future__ import annotations

import csv
import json
import shlex
import shutil

import pytest
import torch

from neurocomp.cli.compose import configure
from neurocomp.compilation.soft_trace import trace_softly
from neurocomp.compilation.weights_file import load_weights
from neurocomp.config import LimitsConfig
from neurocomp.plan import check_config
from neurocomp.report.cells import read_cell, read_cells
from neurocomp.report.page import build
from neurocomp.report.page.build import even_share
from neurocomp.report.page.commands import command_of
from neurocomp.report.page.restarts import restart_numbers, thinned
from neurocomp.report.page.restored import restored
from neurocomp.report.page.write import page_text
from neurocomp.tasks.examples import held_out
from tests.conftest import ROOT
from tests.pages import SEARCHED, TUNED, data_of, make_results


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("pages") / "mine")


@pytest.fixture
def folder(results, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(results, tmp_path / "mine")


def rows_of(folder, stem):
    (path,) = folder.glob(f"{stem}*-??????????.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return path, list(csv.DictReader(file))


def write_rows(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def report(command, folder, *options):
    """The answer and the data of the page."""
    answer = command("report", folder, *options)
    page = folder.parent / "report.html"
    return answer, data_of(page.read_text(encoding="utf-8")) if page.exists() else None


def named(data, stem):
    return next(cell for cell in data["cells"] if cell["name"].startswith(stem))


def test_the_page_has_what_the_rows_say(command, folder):
    answer, data = report(command, folder)
    assert answer.code == 0 and "wrote report.html" in answer.err
    _, rows = rows_of(folder, TUNED)
    cell = named(data, TUNED)
    columns = cell["restarts"]
    for place, row in enumerate(rows):
        assert columns["restart"][place] == int(row["restart"]) and columns["status"][place] == row["status"]
        for measure in ("soft", "hard", "fit", "general"):
            assert columns[measure][place] is (row[f"recovered_{measure}"] == "true")
        assert columns["loss"][place] == pytest.approx(float(row["loss"]), rel=1e-3)
        assert cell["programs"][columns["program"][place]]["text"] == row["program"]
    assert sum(program["count"] for program in cell["programs"]) == len(rows)
    recovered = sum(row["recovered_soft"] == "true" for row in rows)
    assert cell["rates"]["soft"][:2] == [recovered, round(recovered / len(rows), 4)]
    assert cell["recovery"][-1][1] == sum(bool(row["recovered_at"]) for row in rows)
    assert cell["starts"] == ["line_0: read 1 2; dec 2 2; write 1 2; inc 1 1; jump 3 line_0"]
    assert cell["reference"] == "line_0: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 3 line_0"


def test_a_rate_is_of_the_restarts_that_are_there(command, folder):
    path, rows = rows_of(folder, TUNED)
    asked = path.with_suffix(".yaml")
    asked.write_text(asked.read_text().replace("restarts: 12", "restarts: 24"))
    cell = named(report(command, folder, "--restarts", "none")[1], TUNED)
    recovered = sum(row["recovered_hard"] == "true" for row in rows)
    assert (cell["n"], cell["requested"]) == (12, 24) and cell["rates"]["hard"][1] == round(recovered / 12, 4)


def test_the_phases_of_a_trace_are_the_start_and_the_end(command, folder):
    _, data = report(command, folder)
    cell = named(data, TUNED)
    phases = [trace["phases"] for trace in data["traces"] if trace["cell"] == cell["id"]]
    assert phases and all(before["text"] == cell["starts"][0] for before, _ in phases)
    assert any(after["text"] != before["text"] for before, after in phases)


def test_ten_restarts_are_traced_and_each_is_of_the_kind_that_its_row_says(command, folder):
    _, data = report(command, folder)
    assert len(data["traces"]) == 10 and data["untraced"] == []
    for trace in data["traces"]:
        cell = data["cells"][trace["cell"]]
        columns = cell["restarts"]
        place = columns["restart"].index(trace["restart"])
        near = columns["soft"][place] or columns["fit"][place]
        assert trace["kind"] == ("recovered" if columns["hard"][place] else "near" if near else "lost")
        assert trace["phases"][1]["text"] == cell["programs"][columns["program"][place]]["text"]
        saved = cell["task"] == "inc"
        assert trace["origin"] == ("weights that were saved" if saved else "tuned again, equal to its row")


def test_a_trace_is_that_of_the_saved_weights(command, folder):
    """Step by step, in thousandths, on the first test input; the two phases are the same start words."""
    _, data = report(command, folder, "--restarts", "inc-random-g1:3")
    (trace,) = data["traces"]
    path, _ = rows_of(folder, "inc-random")
    logits, sizes, machine = load_weights(path.parent / f"{path.stem}.weights" / "3.safetensors")
    task = check_config(configure(["task=inc"])).task
    test = held_out(task, 0).test
    traced = trace_softly(logits, sizes, machine, test.memory[0].tolist(), test.registers[0].tolist(), task.steps)
    run = trace["phases"][1]["runs"][0]
    assert run["parts_at"] == traced.parts_at and len(run["steps"]) == task.steps
    assert run["memory"] == test.memory[0].tolist() == trace["phases"][0]["runs"][0]["memory"]
    for shown, moment in zip(run["steps"], traced.moments, strict=True):
        assert torch.tensor(shown["memory"]).div(1000).sub(moment.after.memory).abs().max() <= 0.0005 + 1e-9
        assert torch.tensor(shown["line"]).div(1000).sub(moment.counter).abs().max() <= 0.0005 + 1e-9
    assert trace["right"][0]["memory"] == test.final_memory[0].tolist()


@pytest.mark.parametrize("column, value", [("loss", "0.5"), ("updates", "7"), ("recovered_fit", "")])
def test_a_restart_that_comes_out_otherwise_than_its_row_is_not_shown(command, folder, column, value):
    path, rows = rows_of(folder, TUNED)
    rows[4][column] = value
    write_rows(path, rows)
    _, data = report(command, folder, "--restarts", f"{TUNED}:3,4")
    assert [trace["restart"] for trace in data["traces"]] == [3]
    (untraced,) = data["untraced"]
    assert untraced["restart"] == 4
    assert untraced["problem"].startswith(f"tuned again it comes to another row: {column} ")


def test_weights_of_another_program_are_not_shown_as_those_of_a_row(command, folder):
    path, rows = rows_of(folder, "inc-random")
    weights = path.parent / f"{path.stem}.weights"
    other = next(row["restart"] for row in rows if row["program"] != rows[0]["program"])
    shutil.copy(weights / f"{other}.safetensors", weights / "0.safetensors")
    _, data = report(command, folder, "--restarts", "inc-random-g1:0")
    assert data["traces"] == [] and "another program than that of its row" in data["untraced"][0]["problem"]


def test_weights_without_their_task_have_no_trace_and_the_page_says_so(command, folder):
    path, _ = rows_of(folder, "inc-random")
    path.with_suffix(".yaml").unlink()
    answer, data = report(command, folder, "--restarts", "inc-random-g1:0")
    assert answer.code == 0 and data["traces"] == []
    assert "no configuration beside the rows, so the task is not known" in data["untraced"][0]["problem"]
    assert named(data, "inc-random")["command"] is None


def test_a_configuration_of_another_cell_makes_nothing_again(command, folder):
    path, _ = rows_of(folder, TUNED)
    text = path.with_suffix(".yaml").read_text(encoding="utf-8")
    path.with_suffix(".yaml").write_text(
        text.replace("learning_rate: 0.1\n", "learning_rate: 0.2\n", 1), encoding="utf-8"
    )
    _, data = report(command, folder, "--restarts", f"{TUNED}:3")
    assert data["traces"] == [] and "its rows are of configuration" in data["untraced"][0]["problem"]


def test_a_program_that_does_not_parse_is_text_with_a_reason(command, folder):
    path, rows = rows_of(folder, SEARCHED)
    rows[1]["program"] = "increase 1 2"
    write_rows(path, rows)
    answer, data = report(command, folder, "--restarts", "none")
    assert answer.code == 0
    (program,) = [one for one in named(data, SEARCHED)["programs"] if one["text"] == "increase 1 2"]
    assert program["problem"].startswith("program:1: ") and "increase" in program["problem"]


def test_a_damaged_file_is_said_in_the_page_and_by_the_exit_code(command, folder):
    path, rows = rows_of(folder, SEARCHED)
    rows[1]["restart"] = "many"
    write_rows(path, rows)
    answer, data = report(command, folder, "--restarts", "none")
    assert answer.code == 1 and len(data["cells"]) >= 2
    assert any("many" in problem for problem in data["problems"]) and "many" in answer.err


REFUSED = {
    "nowhere": "nowhere: there is no such folder",
    "empty": "empty: no rows in it, expected a folder with those of a run, such as results/table1",
    "mine --restarts map_inc": "--restarts map_inc: expected CELL:3,17, with a part of the cell's name or hash",
    "mine --restarts fib:3": "--restarts fib:3: no cell has this in its name or hash",
    "mine --restarts random_search:1": (
        "--restarts random_search:1: method=random_search has no weights; only method=tune has"
    ),
    "mine --out mine": "--out mine: is a folder, expected a file",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_cannot_be_is_refused_in_a_line_and_nothing_is_written(command, folder, arguments):
    (folder.parent / "empty").mkdir()
    answer = command("report", *arguments.split())
    assert (answer.code, answer.err, answer.out) == (2, f"neurocomp: {REFUSED[arguments]}\n", "")
    assert not (folder.parent / "report.html").exists()


def test_a_restart_that_is_not_there_is_refused_with_the_cell(command, folder):
    answer = command("report", folder, "--restarts", f"{TUNED}:3,99")
    assert answer.code == 2 and f"--restarts {TUNED}:3,99: restart 99 is not among the 12 of" in answer.err


def test_the_command_of_each_cell_of_table_1_stands_for_this_cell():
    cells = read_cells(ROOT / "results" / "table1", details=False)
    assert len(cells) >= 78
    for cell in cells[::5]:
        command = command_of(restored(cell, LimitsConfig()).config, cell.requested or 0)
        _, _, *overrides = shlex.split(command)
        config = configure(overrides)
        assert check_config(config).config_hash == cell.facts["config_hash"], command
        assert (config.restarts, config.name) == (cell.requested, "table1")


def test_many_restarts_are_listed_in_part_and_counted_whole(command, tmp_path, results):
    """30,000 restarts of one cell: 20,000 are listed, and the page says so."""
    path, rows = rows_of(shutil.copytree(results, tmp_path / "many"), SEARCHED)
    for other in path.parent.glob("*.csv"):
        if other != path:
            other.unlink()
    write_rows(
        path,
        [
            rows[number % len(rows)] | {"restart": str(number), "batch": f"{number}-{number}"}
            for number in range(30_000)
        ],
    )
    answer, data = report(command, path.parent)
    assert answer.code == 0, answer.err
    listed = "a page lists 20,000, here the first 20,000 of a cell; counts, rates and distinct programs are of all"
    said = f"10,000 of 30,000 restarts: {listed}"
    assert data["left_out"] == [said] and said in answer.err
    (cell,) = data["cells"]
    assert (cell["n"], cell["left_out"], len(cell["restarts"]["restart"])) == (30_000, 10_000, 20_000)
    assert sum(program["count"] for program in cell["programs"]) == 30_000


def test_a_restart_that_is_asked_for_is_listed_wherever_it_stands(results):
    """Of 12 restarts a page may have 2 here: restart 11 is there all the same, with its program."""
    path, rows = rows_of(results, TUNED)
    numbers = restart_numbers(read_cell(path), 2, [11], LimitsConfig())
    assert numbers["restarts"]["restart"] == [0, 1, 11] and numbers["left_out"] == 9
    assert numbers["programs"][numbers["restarts"]["program"][2]]["text"] == rows[11]["program"]


@pytest.mark.parametrize(
    "counts, total, share", [([5, 5], 20, 5), ([100, 4, 100], 50, 23), ([7] * 9, 3, 1), ([], 3, 0)]
)
def test_an_even_share_is_the_largest_that_fits(counts, total, share):
    assert even_share(counts, total) == share


def test_a_thinned_curve_keeps_its_ends_and_its_losses():
    curve = [2.0 / (update + 1) for update in range(1001)]
    points = thinned(curve)
    assert points[0] == [0, 2.0] and points[-1][0] == 1000 and len(points) <= 61
    assert all(loss == pytest.approx(curve[update], rel=1e-3) for update, loss in points)


def test_no_text_can_end_the_block_of_data_or_be_markup():
    evil = "</script><script>alert(1)</script><!-- & \u2028 \u202e"
    page = page_text({"title": evil})
    assert page.count("<script") == page_text({"title": ""}).count("<script")
    assert "alert(1)</script>" not in page
    assert data_of(page)["title"] == evil.replace("\u2028", "\\u2028").replace("\u202e", "\\u202e")
    assert json.dumps(data_of(page_text({"n": float("nan")}))) == '{"n": null}'


def test_trace_writes_a_page_of_a_program_or_of_weights(command, folder):
    assert (
        command("trace", "map_inc", "--base", "6", "--memory", "3,5,2", "--steps", "15", "--html", "t.html").code == 0
    )
    data = data_of((folder.parent / "t.html").read_text(encoding="utf-8"))
    (phase,) = data["traces"][0]["phases"]
    assert phase["text"] == "line_0: read 1 2; inc 2 2; write 1 2; inc 1 1; jump 3 line_0"
    last, words = phase["runs"][0]["steps"][-1], [4, 0, 3, 0, 0, 0]
    assert last["exact"]["memory"] == words and [row.index(1000) for row in last["memory"]] == words
    path, _ = rows_of(folder, "inc-random")
    weights = path.parent / f"{path.stem}.weights" / "0.safetensors"
    assert command("trace", weights, "--html", "w.html").code == 0
    refused = command("trace", "map_inc", "--html", "nowhere/../mine", "--json")
    assert refused.code == 2 and "not allowed with argument" in refused.err
    refused = command("trace", "map_inc", "--html", "mine")
    assert (refused.code, refused.err) == (2, "neurocomp: --html mine: is a folder, expected a file\n")
    assert read_cell(path).n == 6


def test_a_table_for_whose_places_cells_compete_is_not_drawn_and_the_page_says_why(command, folder):
    """The same task and start with another gamma: no cell is the one that stands in init=map_dec, map_inc."""
    settings = ["restarts=2", "optimizer.updates=3", "gamma=0.1", f"results={folder.parent}", "name=mine"]
    assert command("run", "task=map_inc", "init=map_dec", *settings).code == 0
    _, data = report(command, folder, "--restarts", "none")
    (table,) = data["tables"]
    assert table["problem"].startswith(
        "several configurations compete for a place of it; neurocomp table table1 --results"
    )


def test_a_folder_of_the_memorizers_cells_alone_is_no_mistake_and_an_empty_one_is(command, folder):
    (there, *_) = sorted((ROOT / "results" / "memorization").rglob("*.csv"))
    (folder.parent / "alone").mkdir()
    shutil.copy(there, folder.parent / "alone")
    answer, data = report(command, folder.parent / "alone")
    assert answer.code == 0 and data["cells"] == [] and len(data["memorizer"]["cells"]) == 1
    (folder.parent / "empty").mkdir()
    refused = command("report", "alone", "empty")
    expected = "expected a folder with those of a run, such as results/table1"
    assert refused == (2, "", f"neurocomp: empty: no rows in it, {expected}\n")


def test_a_cell_of_two_folders_is_in_the_page_once(command, folder):
    _, data = report(command, folder.parent, folder, "--restarts", "none", "--out", folder.parent / "report.html")
    page = data or data_of((folder.parent / "report.html").read_text(encoding="utf-8"))
    assert [cell["id"] for cell in page["cells"]] == [0, 1, 2]


def test_of_very_many_cells_a_page_has_the_first(command, folder, monkeypatch):
    monkeypatch.setattr(build, "CELLS", 2)
    _, data = report(command, folder)
    assert data["left_out"] == ["1 of 3 cells: a page has the first 2"]
    assert len(data["cells"]) == 2 and {trace["cell"] for trace in data["traces"]} <= {0, 1}


def test_restarts_of_the_eager_engine_are_traced_only_where_they_are_asked_for(command, folder):
    path, rows = rows_of(folder, TUNED)
    write_rows(path, [row | {"engine": "eager"} for row in rows])
    _, data = report(command, folder)
    assert {data["cells"][trace["cell"]]["task"] for trace in data["traces"]} == {"inc"}
    (left_out,) = data["left_out"]
    assert left_out.startswith("traces of the cells with engine=eager (1): ")

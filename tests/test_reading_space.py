"""What a search over readings varies: settings are cells of `neurocomp run`, and files of older searches are read."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from neurocomp.cli.compose import configure
from neurocomp.errors import UserError
from neurocomp.plan import make_plan
from neurocomp.readings.cells import cell_config, task_config
from neurocomp.readings.config import ReadingsConfig
from neurocomp.readings.settings_file import append, read, settings_of
from neurocomp.readings.space import CLOSEST, DEFAULTS, LATER, ONE_SIZE, OPEN_LOOP, ORDER
from neurocomp.tasks.task import load_task
from tests.conftest import ROOT

COMMITTED = ROOT / "results" / "readings"


def ranges(setting: dict, task: str) -> list[tuple[int, int]]:
    """The words that each memory cell may start with."""
    config = task_config(DEFAULTS | setting, task)
    return list(load_task(config, make_plan(cell(setting, "optimization", task)).config.machine).ranges[: config.base])


def cell(setting: dict, row: str, task: str):
    return cell_config(DEFAULTS | setting, row, task, ReadingsConfig())


@pytest.mark.parametrize(
    "experiment, setting, updates",
    [("table1_paper", CLOSEST, 400), ("table1_paper_one_size", ONE_SIZE, 275),
     ("table1_paper_skeleton", OPEN_LOOP, 400)],
)  # fmt: skip
@pytest.mark.parametrize(
    "row, task, init, file",
    [
        ("optimization", "map_inc", "random", "short_map_inc"), ("init=map_dec", "map_inc", "map_dec", "short_map_inc"),
        ("init=loop_noop", "map_dec", None, "short_map_dec"), ("optimization", "parity", "random", "short_parity"),
        ("init=map_inc", "fib", "map_inc", "short_fib"), ("init=loop_noop", "fib", None, "short_fib"),
        ("optimization", "inc", "random", "inc"), ("init=loop_noop", "reduce", None, "reduce"),
    ],
)  # fmt: skip
def test_what_was_found_by_hand_is_the_cell_of_its_experiment(experiment, setting, updates, row, task, init, file):
    init = init or ("loop_noop" if experiment == "table1_paper_skeleton" else "reference")
    shipped = configure([
        f"experiment={experiment}", "hydra.mode=RUN", f"task={file}", f"init={init}", "seed=101",
        f"optimizer.updates={updates}", "task.general=null",
    ])  # fmt: skip
    ours = replace(cell(setting, row, task), seed=101)
    assert make_plan(ours).config_hash == make_plan(shipped).config_hash


def test_each_key_that_came_later_is_the_key_of_run_that_it_stands_for():
    words = ["task=map_dec", "init=loop_noop", "optimizer.updates=300", "optimizer.stop=fit", "task.general=null"]
    for setting, more in (
        ({"fresh": True}, ["fresh=true"]), ({"steps": 32}, ["task.steps=32"]),
        ({"loop_noop": "open"}, ["noop_lines=open"]), ({"loop_noop": "reference"}, ["init=reference"]),
        ({"beyond": "zero"}, ["task.memory=[random,random,random,0,0,0]"]),
        ({"list_words": "small"}, ["task.memory=[0..2,0..2,0..2]"]),
    ):  # fmt: skip
        shipped, ours = make_plan(configure([*words, *more])), make_plan(cell(setting, "init=loop_noop", "map_dec"))
        assert shipped.config_hash == ours.config_hash, setting
        assert ours.config_hash != make_plan(cell({}, "init=loop_noop", "map_dec")).config_hash, setting


def test_words_of_lists_and_of_the_cells_behind_them():
    small = {"base": 6, "length": 2, "list_words": "small"}
    assert ranges(small, "map_inc") == [(0, 2), (0, 2), (0, 5), (0, 5), (0, 5), (0, 5)]
    assert ranges(small | {"beyond": "zero"}, "map_inc") == [(0, 2), (0, 2), (0, 0), (0, 0), (0, 0), (0, 0)]
    assert ranges(small | {"beyond": "zero"}, "reduce") == [(0, 2), (0, 2), (0, 2), (0, 0), (0, 0), (0, 0)]
    assert ranges(small | {"beyond": "zero"}, "inc") == [(0, 4), (0, 5), (0, 5), (0, 5), (0, 5), (0, 5)]
    bits = small | {"parity": "each_of_bits"}
    assert ranges(bits, "parity") == [(0, 1)] * 6 and ranges(bits, "map_dec") == ranges(small, "map_dec")
    assert ranges(small | {"parity": "each_of_listed_bits"}, "parity") == [(0, 1)] * 2 + [(0, 5)] * 4
    assert ranges(bits | {"beyond": "zero"}, "parity") == [(0, 1)] * 2 + [(0, 0)] * 4
    assert ranges({"base": 4, "fib_length": 5, "beyond": "zero"}, "fib") == [(0, 4)] * 5  # base 5: nothing is behind


@pytest.mark.parametrize("steps, task, expected", [
    ("own", "fib", 31), (24, "fib", 31), (32, "fib", 32), (24, "inc", 24), (40, "reduce", 40), (24, "map_inc", 24),
])  # fmt: skip
def test_a_run_has_the_tasks_own_steps_or_more(steps, task, expected):
    assert make_plan(cell({"steps": steps}, "optimization", task)).task.steps == expected


def test_the_reference_is_the_start_of_the_row_loop_noop_alone():
    reference = {"loop_noop": "reference"}
    assert cell(reference, "init=loop_noop", "fib").init == "reference"
    assert cell(reference, "init=map_inc", "fib").init == "map_inc"
    assert cell(reference, "optimization", "fib").init == "random"


# --- files of an older search


def test_a_committed_file_of_an_older_search_is_read_with_defaults_and_left_alone():
    before = {path: path.read_bytes() for path in sorted(COMMITTED.iterdir())}
    settings = settings_of(read(COMMITTED / "screen-s0.csv"))
    assert len(settings) == 260 and settings[0] == DEFAULTS
    for setting in settings.values():
        assert [setting[key] for key in LATER] == ["own", "random", "all", "skeleton", False]
    assert {row["seed"] for row in read(COMMITTED / "confirmed-s0.csv")} == {1}
    assert {path: path.read_bytes() for path in sorted(COMMITTED.iterdir())} == before


def test_an_older_setting_is_still_the_cells_that_it_was():
    """The hash of setting 5 is that of the cells that are committed in results/table1_paper_first."""
    settings = settings_of(read(COMMITTED / "screen-s0.csv"))
    for row, task in ORDER:
        digest = make_plan(replace(cell(settings[5], row, task), seed=1)).config_hash
        assert list((ROOT / "results" / "table1_paper_first").glob(f"{task}-*-{digest[:10]}.csv"))


def test_columns_are_added_to_an_older_file_and_it_is_kept_as_it_was(tmp_path, capsys):
    path = tmp_path / "confirmed-s0.csv"
    shutil.copy(COMMITTED / path.name, path)
    older, rows = path.read_bytes(), read(path)
    more = [dict(row, setting=999, fresh=True, steps=40) for row in rows[:20]]
    append(path, more)
    added = "begun without steps, beyond, list_words, loop_noop, fresh: these columns are added, the file as it was"
    assert capsys.readouterr().err == f"neurocomp: {path}: {added} is kept in confirmed-s0.csv.before\n"
    assert path.with_name("confirmed-s0.csv.before").read_bytes() == older
    header, first, *_, last = path.read_text().splitlines()
    assert header == older.decode().split("\n")[0] + ",steps,beyond,list_words,loop_noop,fresh"
    assert first == older.decode().split("\n")[1] + ",own,random,all,skeleton,False"
    assert last.startswith("999,") and last.endswith(",40,random,all,skeleton,True")
    assert read(path) == rows + more
    append(path, [dict(row, setting=1000) for row in more])
    assert capsys.readouterr().err == "" and len(list(tmp_path.iterdir())) == 2


def test_older_and_newer_files_are_ranked_side_by_side(command, tmp_path):
    folder = tmp_path / "results" / "readings"
    shutil.copytree(COMMITTED, folder)
    alone = command("table", "readings")
    assert alone.code == 0 and not list(folder.glob("*.before*"))
    append(folder / "confirmed-s1.csv", [dict(row, seed=seed) for row in read(folder / "confirmed-s0.csv")
                                         if row["setting"] == 5 for seed in (2, 3)])  # fmt: skip
    both = command("table", "readings")
    assert both.code == 0 and "Setting 5, confirmed-s1, metric fit, k = 200 restarts a cell." in both.out


@pytest.mark.parametrize("updates", ["19", "601", "30.5", ""])
def test_updates_are_from_20_to_600(updates, tmp_path):
    path = tmp_path / "screen-s0.csv"
    row = dict(setting=0, row="optimization", task="fib", n=4, fit=1, soft=0, seconds=1.0, seed=0) | DEFAULTS
    append(path, [row | {"updates": updates}])
    expected = f'screen-s0.csv:2: updates is "{updates}", expected a whole number from 20 to 600'
    with pytest.raises(UserError, match=expected):
        read(path)


@pytest.mark.parametrize("header", ["{}color", "{}fresh", "steps{}"])
def test_columns_that_no_search_has_had_are_refused(header, tmp_path):
    path = tmp_path / "screen-s0.csv"
    append(path, [])
    columns = path.read_text().strip()
    path.write_text((f"{columns},{header[2:]}" if header.startswith("{}") else columns.replace(",gamma", "")) + "\n")
    before = path.read_bytes()
    for use in (read, lambda path: append(path, [])):
        with pytest.raises(UserError, match="screen-s0.csv: not the rows of this search"):
            use(path)
    assert path.read_bytes() == before

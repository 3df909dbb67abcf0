"""What the cells of a grid share is worked out once, and is for each of them what it would be alone."""

from __future__ import annotations

import copy
import dataclasses
import math

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from neurocomp.caching import KEPT, by_text
from neurocomp.cli.compose import configure
from neurocomp.errors import UserError, checked
from neurocomp.results import rows_file
from neurocomp.results.columns import RESTARTS
from neurocomp.results.configuration_file import Loader, configuration_text, read_configuration
from neurocomp.results.rows_file import read_file
from neurocomp.results.writer import CellWriter
from neurocomp.tasks.task import load_task
from tests.cells import YAML, row

KEYS = st.from_regex(r"[a-z][a-z_0-9]{0,8}", fullmatch=True)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=5))
def test_a_configuration_is_written_section_by_section_as_it_is_as_a_whole(settings):
    assert configuration_text(settings) == yaml.dump(settings, Dumper=yaml.CSafeDumper, sort_keys=False)


OURS = "name: 'mine'\ntask:\n  steps: 5*length\n  check:\n    memory:\n    - 0..length-1\nseed: 3\n"


@pytest.mark.parametrize("text", [
    OURS,
    OURS + "seed: 4\n",  # the last one counts
    OURS.replace("seed: 3", "seed: 3 # of three"),
    OURS.replace("seed: 3\n", "seed: 3"),
    OURS + "note: 'begins here\nand_ends: there'\n",
    OURS + "note: \"begins here\nand_ends: there\"\n",
    OURS + "list: [1,\nmore: 2]\n",
    OURS + "text: |\n  one\n\n  two\nlast: 1\n",
    OURS + "text: plain\n  goes on\nlast: 1\n",
    OURS + "listed:\n- 1\n- a: 2\n  b: 3\n",
    OURS + "yes: 1\nnull: 2\n",
    "# a remark\n" + OURS,
    "---\n" + OURS,
    OURS + "--- \n" + OURS,
    OURS + "...\nmore: 1\n",
    OURS + "one: &a 1\ntwo: *a\n",
    OURS + "one: !!python/object:object {}\n",
    OURS + "one: {\"a\":*b}\n",
    OURS + "  deeper: 1\n",
    OURS + "- 1\n",
    "",
    "just text\n",
    "a: b: c\n",
])  # fmt: skip
def test_a_configuration_is_read_section_by_section_as_it_is_as_a_whole(tmp_path, text):
    path = tmp_path / "cell.yaml"
    path.write_text(text)
    try:
        whole = yaml.load(text, Loader) or {}
        whole = whole if isinstance(whole, dict) else None
    except yaml.YAMLError:
        whole = None
    if whole is None:
        with pytest.raises(UserError, match="not a configuration in YAML"):
            read_configuration(path)
    else:
        assert list(read_configuration(path).items()) == list(whole.items())


def test_a_result_is_kept_for_arguments_that_are_written_alike_and_for_so_many():
    calls = []

    @by_text
    def twice(value):
        calls.append(value)
        return [value, value]

    assert twice({"a": 1}) is twice({"a": 1}) and len(calls) == 1
    assert twice(1) == [1, 1] and twice(1.0)[0].is_integer() and twice(True)[0] is True and len(calls) == 4
    for number in range(2 * KEPT):
        assert twice(number) == [number, number]
    twice(0)
    assert len(calls) > 2 * KEPT  # the first ones are forgotten


def test_a_sound_configuration_is_returned_itself_and_another_is_made_anew():
    config = configure(["task=map_inc", "init=map_dec"])
    assert checked(config) is config
    config.gamma = 0.1 + 0.2
    config.optimizer.updates = 7
    made = checked(config)
    assert made is not config and made.gamma == 0.3 and made.task is config.task and made.optimizer is config.optimizer
    config.gamma = 1  # a whole number where a float is declared
    assert type(checked(config).gamma) is float
    config.optimizer.updates = -1
    with pytest.raises(UserError, match="optimizer.updates=-1"):
        checked(config)


def test_a_task_is_shared_and_knows_nothing_of_what_is_set_later():
    config = configure(["task=map_inc", "init=map_dec"])
    again = copy.deepcopy(config)
    task = load_task(config.task, config.machine)
    assert load_task(again.task, again.machine) is task
    config.machine.halting = "printed"
    assert task.machine.halting == "freeze"
    assert load_task(config.task, config.machine).machine.halting == "printed"
    again.task = dataclasses.replace(again.task, base=9)
    assert load_task(again.task, again.machine).sizes.base == 9


def test_a_task_that_a_file_says_is_read_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = configure(["task=map_inc", "init=map_dec"])
    for name in ("own.asm", "own"):
        config.task.program = name
        for opcode in ("inc", "dec"):
            (tmp_path / name).write_text(f"read 0 1\n{opcode} 1 1\nwrite 0 1\nhalt\n")
            assert load_task(config.task, config.machine).reference.instructions[1].opcode == opcode


def write_rows(path, values):
    """A file of rows, a batch each; a header alone where there are none."""
    with CellWriter(path, YAML) as cell:
        for one in values:
            cell.append([row(**one)])
    if not values:
        path.write_text(",".join(RESTARTS.columns) + "\n")
    return path


VALUES_OF = {
    "restart": st.integers(0, 10**6),
    "template": st.none() | st.sampled_from(["one", "two", "a longer text than most, by far"]),
    "recovered_at": st.none() | st.integers(0, 1000),
    "recovered_soft": st.none() | st.booleans(),
    "wall_s": st.none() | st.floats(allow_nan=True),
}


@given(st.lists(st.fixed_dictionaries(VALUES_OF), max_size=8, unique_by=lambda one: one["restart"]))
def test_columns_say_what_the_table_of_pandas_says(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("rows") / "cell.csv"
    write_rows(path, values)
    found = read_file(path, RESTARTS)
    frame = found.rows
    assert len(found.table) == len(frame) and found.table.names == tuple(frame.columns)
    for name in found.table.names:
        column, series = found.table[name], frame[name]
        assert column.known() == series.dropna().tolist()
        listed = [
            None if value is pd.NA or (isinstance(value, float) and math.isnan(value)) else value for value in series
        ]
        assert column.distinct() == list(dict.fromkeys(listed))
        assert column.first() == next(iter(listed), None)
    odd = [number for number in range(len(values)) if number % 2]
    pd.testing.assert_frame_equal(found.table.take(odd).frame(), frame.iloc[odd].reset_index(drop=True))
    assert list(found.table.without(("loss", "program")).frame()) == [
        name for name in frame if name not in ("loss", "program")
    ]
    with pytest.raises(KeyError):
        found.table["unknown"]


def test_many_short_files_are_read_by_compiled_code_to_the_same_rows(tmp_path, monkeypatch):
    path = tmp_path / "cell.csv"
    write_rows(path, [{"restart": number, "template": "with, a comma" if number % 3 else None} for number in range(20)])
    before = read_file(path, RESTARTS).rows
    monkeypatch.setattr(rows_file, "LARGE", 0)
    rows_file._read.cache_clear()
    compiled = []
    plainly = rows_file._read_plainly
    monkeypatch.setattr(rows_file, "_read_plainly", lambda *given: compiled.append(1) or plainly(*given))
    pd.testing.assert_frame_equal(read_file(path, RESTARTS).rows, before)
    assert compiled

"""Claims about rows on the disk: what a kill, a full disk, a second writer or another version can do to them."""

from __future__ import annotations

import errno
import importlib.metadata
import io
import math
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocomp import __version__, files
from neurocomp.errors import UserError
from neurocomp.results import writer
from neurocomp.results.provenance import made_by
from neurocomp.results.writer import RESTARTS, CellWriter, read_rows
from tests.cells import YAML, failed, row


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table1" / "map_inc.csv"


def write(path, *batches: range) -> None:
    with CellWriter(path, YAML) as cell:
        for batch in batches:
            cell.append([row(restart) for restart in batch])


def restarts(path) -> list[int]:
    return read_rows(path)["restart"].tolist()


def test_values_come_back_as_they_were(path):
    write(path, range(2))
    frame = read_rows(path)
    assert tuple(frame.columns) == RESTARTS.columns
    assert len(path.read_text().splitlines()) == 3
    first, second = (frame.iloc[index] for index in (0, 1))
    assert (first["loss"], first["margin"], first["gamma"]) == (1 / 3, 1e-7, 0.3)
    assert first["recovered_soft"] is not pd.NA and not first["recovered_soft"] and second["recovered_soft"]
    assert first["recovered_general"] is pd.NA and first["recovered_at"] is pd.NA and second["recovered_at"] == 31
    assert (first["program"], first["template"]) == ("loop: inc 1 1; jump 4 loop", "")
    assert (first["batch"], first["schema"]) == ("0-1", 1)
    assert ",true," in path.read_text() and "None" not in path.read_text()


def test_a_diverged_loss_and_numbers_of_numpy_come_back(path):
    numpy = pytest.importorskip("numpy")
    values = {"loss": math.nan, "margin": -math.inf, "recovered_hard": numpy.bool_(True), "updates": numpy.int64(12)}
    with CellWriter(path, YAML) as cell:
        cell.append([row(0, **values)])
    only = read_rows(path).iloc[0]
    assert math.isnan(only["loss"]) and only["margin"] == -math.inf
    assert only["recovered_hard"] and only["updates"] == 12


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\0")), st.floats(allow_nan=False))
def test_any_text_and_any_float_come_back(tmp_path_factory, text, number):
    path = tmp_path_factory.mktemp("results") / "cell.csv"
    with CellWriter(path, YAML) as cell:
        cell.append([row(0, program=text, loss=number), row(1)])
    with CellWriter(path, YAML) as cell:
        cell.append([row(2)])
    frame = read_rows(path)
    assert (frame["program"][0], frame["loss"][0], len(frame)) == (text, number, 3)


def test_a_torn_last_line_is_no_row_and_takes_no_other_along(path, capsys):
    write(path, range(3), range(3, 6))
    whole = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(ends[3], len(whole) + 1):
        path.write_bytes(whole[:length])
        assert restarts(path) == list(range(sum(end <= length for end in ends) - 1)), whole[:length][-40:]
    path.write_bytes(whole[:-40])
    write(path)
    assert capsys.readouterr().err.splitlines() == [
        f"neurocomp: {path}:7: the last line has no end ({len(whole) - 40 - ends[5]} bytes); it is not counted",
        f"neurocomp: {path}: batch 3-5: restart 5 is missing; the other 2 rows are counted",
    ]


def test_a_writer_keeps_what_is_whole_and_owes_what_is_missing(path, capsys):
    write(path, range(3), range(3, 6))
    lines = path.read_bytes().splitlines(keepends=True)
    given = b"".join([*lines[:5], lines[6]])
    path.write_bytes(given)
    capsys.readouterr()
    with CellWriter(path, YAML) as cell:
        assert path.read_bytes() == given
        assert cell.finished == {0, 1, 2, 3, 5}
        assert cell.missing_batches(6, chunk=3) == [[4]]
        cell.append([row(4)])
    said = f"neurocomp: {path}: batch 3-5: restart 4 is missing; the other 2 rows are counted\n"
    assert capsys.readouterr().err == said
    assert path.read_bytes() == given + lines[5].replace(b",3-5,", b",4-4,")
    write(path)
    assert capsys.readouterr().err == ""


def test_a_torn_end_is_put_aside_before_the_first_append_and_not_earlier(path, capsys):
    write(path, range(3))
    whole = path.read_bytes()
    path.write_bytes(whole + b"map_inc,map")
    write(path)
    assert path.read_bytes() == whole + b"map_inc,map"
    capsys.readouterr()
    write(path, range(3, 4))
    aside = path.with_name("map_inc.csv.torn")
    assert aside.read_bytes() == b"map_inc,map"
    assert f"{path}: the end of a row, 11 bytes, is put aside in {aside.name}\n" in capsys.readouterr().err
    assert path.read_bytes().startswith(whole) and restarts(path) == [0, 1, 2, 3]


def test_an_interrupted_rewrite_leaves_the_file_as_it_was(path, monkeypatch):
    write(path, range(3))
    torn = path.read_bytes()[:-9]
    path.write_bytes(torn)
    with CellWriter(path, YAML) as cell:
        monkeypatch.setattr(files.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(OSError):
            cell.append([row(2)])
    assert path.read_bytes() == torn
    assert not list(path.parent.glob(".*.tmp"))


def test_what_killed_writers_left_is_removed_when_the_cell_is_opened_next(path):
    write(path, range(1))
    suffixes = (".csv", ".yaml", ".templates.json", ".curves.csv")
    ours = [path.with_name(f".map_inc{suffix}.77.tmp") for suffix in suffixes]
    other = path.with_name(".map_inc2.csv.77.tmp")
    for left in (*ours, other):
        left.write_text("half")
    files.leftovers_in.cache_clear()  # the next process
    write(path)
    assert [left.exists() for left in (*ours, other)] == [False] * 4 + [True]


@pytest.mark.parametrize(
    "done, restarts, chunk, missing",
    [
        (range(0), 5, 2, [[0, 1], [2, 3], [4]]),
        (range(100), 200, 100, [list(range(100, 200))]),
        (range(50), 100, 100, [list(range(50, 100))]),
        (range(100), 50, 100, []),
        (range(17, 18), 20, 10, [list(range(10)), list(range(10, 17)), [18, 19]]),
    ],
)
def test_only_what_is_missing_is_asked_for(path, done, restarts, chunk, missing):
    with CellWriter(path, YAML) as cell:
        if done:
            cell.append([row(restart) for restart in done])
        assert cell.missing_batches(restarts, chunk) == missing
    with CellWriter(path, YAML) as cell:
        assert cell.missing_batches(restarts, chunk) == missing


def test_a_batch_of_restarts_that_are_not_consecutive_is_refused(path):
    with CellWriter(path, YAML) as cell, pytest.raises(ValueError, match="consecutive"):
        cell.append([row(0), row(2)])


@pytest.mark.parametrize("text", ["one\ntwo", "one\rtwo"])
def test_a_value_with_a_line_break_is_refused_before_anything_is_written(path, text):
    with CellWriter(path, YAML) as cell, pytest.raises(ValueError, match="one line"):
        cell.append([row(0), row(1, program=text)])
    assert not path.exists()


def test_a_failed_row_is_no_finished_restart_and_stays(path):
    with CellWriter(path, YAML) as cell:
        cell.append([failed()])
        assert cell.missing_batches(2, 100) == [[0, 1]]
    write(path, range(2))
    frame = read_rows(path)
    assert frame["status"].tolist() == ["failed", "exhausted", "recovered"]
    assert frame["restart"].isna().tolist() == [True, False, False]


def test_the_configuration_is_that_of_the_most_restarts_asked_for(path):
    write(path, range(1))
    for asked, kept in (("restarts: 20\n", YAML), ("restarts: 200\n", "restarts: 200\n"), (YAML, "restarts: 200\n")):
        with CellWriter(path, asked):
            pass
        assert path.with_suffix(".yaml").read_text() == kept


class Disk(io.FileIO):
    """A disk that has room for 100 more bytes; `stuck`: not even a truncation works."""

    room, stuck = 100, False

    def write(self, data):
        taken = super().write(bytes(data)[: Disk.room])
        Disk.room -= taken
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return taken

    def truncate(self, size=None):
        if Disk.stuck:
            raise OSError(errno.EIO, "Input/output error")
        return super().truncate(size)


@pytest.mark.parametrize("stuck", [False, True])
def test_a_full_disk_costs_only_the_batch_in_flight(path, monkeypatch, stuck):
    with CellWriter(path, YAML) as cell:
        cell.append([row(0), row(1)])
        before = path.read_bytes()
        with monkeypatch.context() as context:
            context.setattr(writer.Path, "open", lambda self, mode, buffering: Disk(self, mode))
            context.setattr(Disk, "room", 100)
            context.setattr(Disk, "stuck", stuck)
            with pytest.raises(OSError):
                cell.append([row(2), row(3)])
        assert len(path.read_bytes()) == len(before) + (100 if stuck else 0)
        assert restarts(path) == [0, 1]
        assert cell.missing_batches(4, 2) == [[2, 3]]
        cell.append([failed()])
        cell.append([row(2), row(3)])
    assert read_rows(path)["restart"].dropna().tolist() == [0, 1, 2, 3]
    assert path.read_bytes().startswith(before)


def test_a_first_batch_that_does_not_fit_leaves_no_file(path, monkeypatch):
    with CellWriter(path, YAML) as cell:
        with monkeypatch.context() as context:
            context.setattr(files.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
            with pytest.raises(OSError):
                cell.append([row(0)])
        assert not path.exists()
        cell.append([row(0)])
    assert restarts(path) == [0]


FOREIGN = {
    "another header": b"name,age\nAda,36\n",
    "no text": b"\x89PNG\r\n\x1a\n\x00\xff\n",
    "one torn word": b"tas",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused_by_name_and_untouched(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UserError, match="map_inc.csv:1: not a results file"):
        read_rows(path)
    with pytest.raises(UserError, match="map_inc.csv:1: not a results file"), CellWriter(path, YAML):
        pass
    assert path.read_bytes() == content
    assert not path.with_suffix(".yaml").exists()


def test_rows_of_a_newer_neurocomp_are_refused_and_untouched(path, monkeypatch):
    write(path, range(2))
    newer = path.read_bytes().replace(b",1,0-1", b",2,0-1")
    path.write_bytes(newer)
    newer_than_ours = r"map_inc.csv:2: written by a newer neurocomp \(schema 2, this one reads up to 1\)"
    with pytest.raises(UserError, match=newer_than_ours):
        read_rows(path)
    with pytest.raises(UserError, match="newer"), CellWriter(path, YAML):
        pass
    assert path.read_bytes() == newer


def test_rows_that_lack_a_later_column_are_read_and_continued(path, capsys):
    write(path, range(2))
    frame = pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns=["coverage", "recovered_fit"])
    frame.assign(schema="0", note="by hand").to_csv(path, index=False)
    before = path.read_bytes()
    old = read_rows(path)
    assert old[["coverage", "recovered_fit"]].isna().to_numpy().all()
    assert old["recovered_soft"].tolist() == [False, True]
    write(path)
    assert path.read_bytes() == before
    capsys.readouterr()
    write(path, range(2, 3))
    both = read_rows(path)
    assert both["schema"].tolist() == [0, 0, 1]
    assert both["restart"].tolist() == [0, 1, 2]
    assert both["recovered_fit"].isna().tolist() == [True, True, False]
    assert both["note"].tolist() == ["by hand", "by hand", ""]
    assert path.with_name("map_inc.csv.before").read_bytes() == before
    now = path.read_bytes().splitlines()
    assert all(new.startswith(old) for new, old in zip(now, before.splitlines(), strict=False))
    added = "begun without recovered_fit, coverage: these columns are added, the file as it was is kept"
    assert capsys.readouterr().err == f"neurocomp: {path}: {added} in map_inc.csv.before\n"


def test_a_row_says_which_code_made_it_and_when(path):
    made = made_by()
    assert made["version"] == __version__ == importlib.metadata.version("neurocomp")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(made["date"])) < timedelta(minutes=1)
    assert len(made["date"]) == len("2026-11-25T12:00:00Z")
    with CellWriter(path, YAML) as cell:
        cell.append([row(0, **made)])
    assert read_rows(path)[["version", "date"]].to_numpy().tolist() == [[made["version"], made["date"]]]

"""Claims about locks where a file system or another user refuses them."""

from __future__ import annotations

import errno
import fcntl

import pytest

from neurocomp.errors import UserError
from neurocomp.results.lock import CellLocked, Lock
from neurocomp.results.writer import check_appendable


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_there_are_no_locks_a_file_stands_for_one(tmp_path, monkeypatch, capsys, number):
    def refuse(*arguments):
        raise OSError(number, "refused")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Lock(tmp_path / "cell.csv"):
        assert "neurocomp: " in capsys.readouterr().err
        with pytest.raises(CellLocked, match="cell is being written by another process"), Lock(tmp_path / "cell.csv"):
            pass
    with Lock(tmp_path / "cell.csv"):
        pass


def test_a_lock_that_is_a_folder_is_named_before_anything_runs(tmp_path):
    (tmp_path / "cell.lock").mkdir()
    with pytest.raises(UserError, match="cell.lock: is a folder, expected a file that can be locked"):
        check_appendable(tmp_path / "cell.csv", str(tmp_path))

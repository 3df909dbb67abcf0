"""What the machine refuses: each case is one line, with the exit code that says whose fault it is."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest

from neurocomp import files, jit, pipeline
from neurocomp.cli import environment
from neurocomp.cli.main import main
from tests.cells import write_cell

INC = ("run", "task=inc", "init=inc", "restarts=2", "examples=4", "optimizer.updates=1")
SAFE = "; rows so far are safe, and the same command goes on from there"


def shell(tmp_path: Path, line: str) -> tuple[int, str]:
    """A command line for bash, where `neurocomp` is this one: its exit code, and what it says on stderr."""
    code = "from neurocomp.cli.main import main; raise SystemExit(main())"
    call, paths = f'neurocomp() {{ "{sys.executable}" -c "{code}" "$@"; }}', os.pathsep.join(sys.path)
    done = subprocess.run(
        ["bash", "-c", f"{call}\n{line}"], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.fixture
def refusing(monkeypatch):
    """Let every job end with this error."""

    def refuse(error: BaseException) -> None:
        def complete(*arguments):
            raise error

        monkeypatch.setattr("neurocomp.cli.run.complete", complete)

    return refuse


@pytest.mark.parametrize(
    "number, reason",
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EFBIG, "the file would be larger than is allowed here"),
        (errno.EIO, "the disk reports an error"),
        (errno.ESTALE, "the network disk has lost the file"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EPERM, "permission denied"),
        (errno.ETIMEDOUT, "Connection timed out"),
    ],
)
def test_what_the_disk_refuses_ends_a_grid_with_one_line(command, refusing, number, reason):
    refusing(OSError(number, os.strerror(number), "rows.csv"))
    grid = ("-m", "seed=1,2") if number in (errno.ENOSPC, errno.ETIMEDOUT) else ()  # of one cell, the others
    answer = command(*INC, *grid)
    assert (answer.code, answer.out, answer.err) == (1, "", f"neurocomp: rows.csv: {reason}{SAFE}\n")


def test_an_error_of_writing_that_names_no_file_is_told_of_the_cell_that_was_written(command, refusing):
    refusing(OSError(errno.EDQUOT, "Disk quota exceeded"))
    answer = command(*INC)
    assert answer.code == 1
    assert answer.err.startswith("neurocomp: results/runs/inc-inc-g0.3-s0-")
    assert answer.err.endswith(f".csv: the disk quota is used up{SAFE}\n")


def test_rows_before_a_full_disk_are_kept_and_the_same_command_goes_on(command, tmp_path, monkeypatch):
    cell = (*INC, "chunk=1", "method=local_search")
    fsync, calls = os.fsync, iter(range(100))

    def full_at_the_fourth(descriptor):
        if next(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as context:
        context.setattr(os, "fsync", full_at_the_fourth)
        first = command(*cell, "restarts=5")
    (path,) = tmp_path.rglob("*.csv")
    before = path.read_text()
    assert first.code == 1 and first.err.endswith(f": the disk is full{SAFE}\n")
    assert 2 <= len(before.splitlines()) < 6
    assert command(*cell, "restarts=5").code == 0
    assert path.read_text().startswith(before) and len(path.read_text().splitlines()) == 6


@pytest.mark.parametrize("error, line", [
    (MemoryError(), "not enough memory"),
    (MemoryError("Unable to allocate 7.28 TiB"), "not enough memory (Unable to allocate 7.28 TiB)"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
     "not enough memory (DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes)"),
])  # fmt: skip
def test_too_little_memory_is_one_line(command, monkeypatch, refusing, error, line):
    def out_of_memory(*arguments):
        raise error

    refusing(error)
    answer = command(*INC)
    assert answer.code == 1
    assert answer.err.splitlines()[0] == f"neurocomp: task=inc init=inc gamma=0.3 seed=0: {line}"
    monkeypatch.setattr("neurocomp.cli.exec.load_program", out_of_memory)
    assert command("exec", "inc") == (1, "", f"neurocomp: {line}\n")


def test_a_bug_is_still_loud(command, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("it broke")

    monkeypatch.setattr("neurocomp.cli.exec.load_program", broken)
    with pytest.raises(RuntimeError, match="it broke"):
        main(["exec", "inc"])


@pytest.mark.parametrize("line, code, said", [
    ("neurocomp exec inc >&-", 1, "standard output: it is closed; what was to be printed is lost"),
    ("neurocomp exec inc >/dev/full", 1, "standard output: the disk is full; what was to be printed is lost"),
    ("PYTHONUNBUFFERED=1 neurocomp exec inc >/dev/full", 1,
     "standard output: the disk is full; what was to be printed is lost"),
    ("neurocomp exec nope.asm >&- <&-", 2, "nope.asm: cannot be read (No such file or directory)"),
    ("neurocomp exec nope.asm 2>&-", 2, None),
    ("neurocomp exec nope.asm 2>/dev/full", 2, None),
    ("mkdir gone; cd gone; rmdir ../gone; neurocomp exec inc", 2,
     "the current directory is not there any more; cd to one that is"),
    ("set -o pipefail; { sleep 1; neurocomp --help; } | true", 1, None),
])  # fmt: skip
def test_streams_that_are_closed_or_full_and_a_directory_that_is_gone(tmp_path, line, code, said):
    found, err = shell(tmp_path, line)
    assert (found, err) == (code, f"neurocomp: {said}\n" if said else "")


def test_rows_do_not_go_where_a_closed_stream_was(tmp_path):
    code, _ = shell(tmp_path, f"neurocomp {' '.join(INC)} method=local_search >&- 2>&- <&-")
    (rows,) = tmp_path.rglob("*.csv")
    assert code == 1
    assert [line.split(",")[0] for line in rows.read_text().splitlines()] == ["task", "inc", "inc"]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_run_as_ctrl_c_does(command, monkeypatch, name):
    number = getattr(signal, name)
    monkeypatch.setattr(
        "neurocomp.cli.run.complete", lambda *_: (os.kill(os.getpid(), number), time.sleep(9))
    )  # it comes soon
    before = signal.signal(number, signal.SIG_DFL)  # nohup has SIGHUP ignored
    try:
        answer = command(*INC)
        assert answer == (
            128 + number,
            "",
            f"neurocomp: ended by {name}; the same command again goes on from what was last saved\n",
        )
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with environment.ending_on_signals():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def double(numbers):
    numbers[0] = 2 * numbers[0]


def compiled_double() -> float:
    numbers = np.ones(1)
    jit.compiled(double, (numba.typeof(numbers),), (Path(__file__),), "double")(numbers)
    return numbers[0]


@pytest.fixture
def homeless(monkeypatch):
    """A user that the system does not know, without HOME, as in a container."""

    def unknown(number):
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    jit._say_once.cache_clear()


def test_without_a_home_kernels_are_compiled_in_every_process(homeless, capsys):
    assert compiled_double() == 2
    assert capsys.readouterr().err == (
        "compiling double: about 20 s, in every process, because there is no cache directory; "
        "NUMBA_CACHE_DIR=DIR names one\n"
    )


def test_a_relative_cache_directory_does_not_count(homeless, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert compiled_double() == 2
    assert not any(tmp_path.iterdir())


def test_compiling_is_said_once_and_not_when_it_is_read_from_the_cache(homeless, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for expected in ("compiling double: about 20 s, once\n", ""):
        assert compiled_double() == 2
        assert capsys.readouterr().err == expected


def test_a_cache_that_is_a_file_is_named(homeless, monkeypatch, tmp_path, capsys):
    (tmp_path / "cache").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    assert compiled_double() == 2
    reason = f"because NUMBA_CACHE_DIR={tmp_path}/cache cannot be written to"
    assert capsys.readouterr().err == f"compiling double: about 20 s, in every process, {reason}\n"


@pytest.mark.parametrize("given", [INC, ("synth", "task=reduce")])
def test_numba_that_must_not_compile_is_refused(command, tmp_path, monkeypatch, given):
    monkeypatch.setattr(jit.numba_config, "DISABLE_JIT", 1)
    from neurocomp.language import executor

    executor._kernel.cache_clear()
    answer = command(*given)
    assert answer == (2, "", "neurocomp: NUMBA_DISABLE_JIT=1: programs are executed by compiled code only; unset it\n")
    assert not any(tmp_path.iterdir())


def test_the_bar_begins_after_compilation(command, monkeypatch):
    events = []
    monkeypatch.setattr(pipeline, "make_ready", lambda *_: events.append("compiled"))

    class Bar(pipeline.Progress):
        def __init__(self, *arguments, **settings):
            events.append("bar")
            super().__init__(*arguments, **settings)

    monkeypatch.setattr(pipeline, "Progress", Bar)
    assert command(*INC).code == 0
    assert events == ["compiled", "bar"]


OUT = [
    ("compile", "inc", "--out"),
    ("table", "table1", "--out"),
    ("plot", "table1", "--out"),
]


@pytest.mark.parametrize("command_line", OUT, ids=lambda words: words[0])
@pytest.mark.parametrize(
    "out, reason",
    [
        ("folder.png", "is a folder, expected a file"),
        ("file/x.png", "cannot be written ({here}/file is not a folder)"),
        (f"{'x' * 300}.png", "cannot be written (File name too long)"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    command, tmp_path, monkeypatch, command_line, out, reason
):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr("neurocomp.cli.selecting.read_cells", lambda *_: pytest.fail("the work began"))
    answer = command(*command_line, out)
    assert answer == (2, "", f"neurocomp: --out {out}: {reason.format(here=tmp_path)}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.parametrize("command_line", OUT, ids=lambda words: words[0])
def test_where_no_file_can_be_made_the_code_is_that_of_a_mistake(command, tmp_path, command_line):
    write_cell(tmp_path / "results" / "table1", "inc", "inc", n=2, soft=1)
    answer = command(*command_line, "/proc/x.png")
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == (
        "neurocomp: --out /proc/x.png: cannot be written (No such file or directory)"
    )


@pytest.mark.parametrize("command_line", OUT, ids=lambda words: words[0])
def test_a_disk_that_is_full_leaves_what_was_there(command, tmp_path, monkeypatch, command_line):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_cell(tmp_path / "results" / "table1", "inc", "inc", n=2, soft=1)
    (tmp_path / "x.png").write_text("before")
    monkeypatch.setattr(os, "fsync", full)
    answer = command(*command_line, "x.png")
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == "neurocomp: --out x.png: cannot be written (the disk is full)"
    assert (tmp_path / "x.png").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "x.png"]


@pytest.mark.parametrize("given, file", [((), "updates.csv"), (("--scaling",), "scaling.csv"),
                                         (("experiment=memorization", "programs=16"), "memorizer.csv")])  # fmt: skip
def test_bench_looks_at_its_folder_before_it_measures(command, tmp_path, given, file):
    (tmp_path / "file").touch()
    answer = command("bench", *given, "--out", "file")
    assert answer == (2, "", f"neurocomp: --out file/{file}: cannot be written ({tmp_path}/file is not a folder)\n")


@pytest.mark.parametrize("asked, name", [("save_curves=true", "curves.csv"), ("save_weights=true", "weights")])
def test_curves_and_weights_that_cannot_be_written_are_refused_before_tuning(command, tmp_path, asked, name):
    assert command(*INC).code == 0
    (rows,) = tmp_path.rglob("*.csv")
    before, place = rows.read_text(), rows.with_suffix(f".{name}")
    if name == "weights":
        place.touch()
    else:
        place.mkdir()
    answer = command(*INC, asked, "restarts=3")
    where = place.relative_to(tmp_path)
    expected = {
        "weights": f"{where}/0.safetensors: cannot be written ({place} is not a folder)",
        "curves.csv": f"{where}: is a folder, expected a file",
    }[name]
    assert (answer.code, answer.err) == (2, f"neurocomp: {expected}\n")
    assert rows.read_text() == before


def test_no_permission_to_write_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(files.UserError) as refused:
        files.check_writable(tmp_path / "new" / "x.csv")
    assert str(refused.value) == f"{tmp_path}/new/x.csv: cannot be written (no permission to write in {tmp_path})"


def test_an_error_of_writing_names_the_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as refused:
        files.atomic_write(tmp_path / "x", "text")
    assert refused.value.filename == str(tmp_path / "x")
    assert not any(tmp_path.iterdir())

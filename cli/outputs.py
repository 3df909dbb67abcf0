"""Where --out goes: whether a file can be written there is checked before the work, and that it was written is said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from neurocomp.cli.environment import reason
from neurocomp.errors import UserError
from neurocomp.files import check_writable
from neurocomp.text import say


def check_out(out: Path, option: str = "--out") -> None:
    """Raise UserError unless a file can be written there."""
    try:
        check_writable(out)
    except UserError as error:
        raise UserError(f"{option} {error}") from None


@contextlib.contextmanager
def writing(out: Path, option: str = "--out") -> Iterator[None]:
    """Inside, what the operating system refuses is a UserError: another place is to be given."""
    try:
        yield
    except BrokenPipeError:  # --out /dev/stdout, whose reader left
        raise
    except OSError as error:
        raise UserError(f"{option} {out}: cannot be written ({reason(error)})") from None


def write_to(out: Path, write: Callable[[Path], object], option: str = "--out") -> None:
    """Let `write` write the file, and say so. Raises UserError where no file can be."""
    check_out(out, option)
    with writing(out, option):
        write(out)
    say([f"wrote {out}"], prefix="")

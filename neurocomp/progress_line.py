"""The one display of progress, a line on stderr: what is done, what recovered, how long it may still take, how fast.

    fib-map_inc-g0.3-s0 37/100, 81% recovered, 00:04 left, 1,042 restart-updates/s ████

Where stderr is no terminal, nothing is shown for a minute; then a line a minute, for the log of a job.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from types import TracebackType

from tqdm import tqdm

from neurocomp.text import say, visible

DRAWN_EVERY, TOLD_EVERY = 0.1, 60.0  # seconds, on a terminal and elsewhere
LEAST_TITLE = 12  # columns that a title keeps on a narrow terminal


class ProgressLine:
    """One line of progress over `total` units, or over an unknown number of them (None).

    `there` of them were done before this command. `limit` bounds the seconds from now on. On a terminal the line is
    drawn after `delay` seconds, and `stays` says whether it is left there in the end.
    """

    def __init__(
        self, title: str, total: int | None, units: str, *, shown: bool = True, there: int = 0,
        limit: float | None = None, delay: float = 0.0, stays: bool = True,
    ):  # fmt: skip
        self.title, self.total, self.units, self.limit = visible(title), total, units, limit
        self.done = self.there = there
        self.finished = self.recovered = 0
        self._stays, self._more = stays, ""
        self._shown, self._on_terminal = shown, stderr_is_terminal()
        self._every = DRAWN_EVERY if self._on_terminal else TOLD_EVERY
        self._began = self._last = time.monotonic()
        self._next = self._began + (delay if self._on_terminal else TOLD_EVERY)
        self._pace: tuple[float, str] | None = None
        self._left: float | None = None
        self._bar: tqdm | None = None

    def __enter__(self) -> ProgressLine:
        self.tick()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def advance(self, count: int = 1) -> None:
        """Count units that are done now."""
        self.done += count
        self.tick()

    def count_recovered(self, recovered: int, finished: int) -> None:
        """Count restarts that finished, and those of them that reached what they were to reach."""
        self.recovered += recovered
        self.finished += finished

    def tell(self, more: str = "", pace: tuple[float, str] | None = None, left: float | None = None) -> None:
        """Say something else too; another rate (a second, of these units) and time left than those of the units."""
        self._more, self._pace, self._left = more, pace, left

    def tick(self) -> None:
        """Show the line, if it is time."""
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + self._every
            self._show()

    def close(self, told_at_last: bool = False) -> None:
        """End the line. On a terminal it shows the last state if it stays; elsewhere that is said where it is asked."""
        if told_at_last and self._shown and not self._on_terminal:
            self._show()
        elif self._bar is not None:
            if self._stays:
                self._show()
            self._bar.close()
            self._bar = None

    def text(self) -> str:
        """The line without its title."""
        of = "" if self.total is None else f"/{self.total:,}"
        recovered = f"{self.recovered / self.finished:.0%} recovered" if self.finished else ""
        parts = [f"{self.done:,}{of}" if self.total is not None else f"{self.done:,} {self.units}"]
        parts += [recovered, self._more, *self._speed()]
        return ", ".join(filter(None, parts))

    def _speed(self) -> list[str]:
        """Time left and rate; the time so far where nothing says how much is left."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate, units = self._pace or ((self.done - self.there) / seconds, self.units)
        left = self._left
        if left is None and self.total is not None and self.done > self.there:
            left = (self.total - self.done) * seconds / (self.done - self.there)
        if self.limit is not None:
            left = min(self.limit - seconds, self.limit if left is None else left)
        ending = f"{tqdm.format_interval(max(0, left))} left" if left is not None else tqdm.format_interval(seconds)
        return [ending, rate_text(rate, units)]

    def _show(self) -> None:
        if not self._on_terminal:
            say([f"{self.title} {self.text()}"], prefix="")
            return
        if self._bar is None:
            layout = "{desc}" if self.total is None else "{desc} {bar}"
            self._bar = tqdm(total=self.total, bar_format=layout, leave=self._stays, dynamic_ncols=True)
        text = self.text()
        room = max(LEAST_TITLE, shutil.get_terminal_size().columns - len(text) - 4)
        title = self.title if len(self.title) <= room else f"{self.title[: room - 3]}..."
        self._bar.n = self.done
        self._bar.set_description_str(f"{title} {text}")


def rate_text(rate: float, units: str) -> str:
    """`1,042 programs/s`; `12.5 s each` where a unit takes more than a second, `28:02 each` where it takes minutes.

    Nothing where nothing is done yet.
    """
    if rate <= 0:
        return ""
    if rate < 0.01:
        return f"{tqdm.format_interval(1 / rate)} each"
    if rate < 1:
        return f"{1 / rate:.3g} s each"
    return f"{rate:,.0f} {units}/s" if rate >= 100 else f"{rate:.3g} {units}/s"


def keep_lock_in_process() -> None:
    """For a process that may be killed: tqdm's own lock is a semaphore, which would be left behind."""
    tqdm.set_lock(threading.RLock())


def stderr_is_terminal() -> bool:
    """Whether a line can be drawn over on stderr."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

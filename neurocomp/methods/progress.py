"""The progress bar of a cell, on stderr: finished and recovered restarts, updates a second, the longest time left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from tqdm import tqdm

from neurocomp.text import seconds_between_bars


class Finished(Protocol):
    """A restart that has finished."""

    @property
    def updates(self) -> int: ...

    @property
    def status(self) -> str: ...


class UpdateReport(Protocol):
    """One update: how many restarts it updated, and those that finished with it."""

    @property
    def lanes(self) -> int: ...

    @property
    def finished(self) -> Sequence[Finished]: ...


class Progress:
    """A bar over the restarts of these batches; it counts the finished ones after every update, or every restart."""

    def __init__(
        self, title: str, batches: Sequence[Sequence[int]], updates: int, shown: bool, limit: float | None = None
    ):
        total = sum(len(batch) for batch in batches)
        self.limit = limit
        self.updates_each = updates + 1
        self.remaining = total * self.updates_each  # updates of single restarts, if none finishes early
        self.made = self.calls = self.finished = self.recovered = 0
        self.began, self.shown = time.perf_counter(), 0.0
        layout = "{desc} {bar:20} {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
        self.every = seconds_between_bars()
        self.bar = tqdm(
            total=total, desc=title, bar_format=layout, disable=not shown or not total, dynamic_ncols=True,
            mininterval=self.every,
        )  # fmt: skip

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception) -> None:
        self.bar.close()

    def after_update(self, report: UpdateReport) -> None:
        """Count one update of several restarts, and the restarts that finished with it."""
        self.calls += 1
        self.made += report.lanes
        self.remaining -= report.lanes + sum(self.updates_each - 1 - restart.updates for restart in report.finished)
        seconds = time.perf_counter() - self.began
        # Where few restarts share an update it costs each of them more, but in all no more than the mean so far.
        unfinished = max(1, self.bar.total - self.finished - len(report.finished))
        left = seconds * self.remaining / min(self.made, self.calls * unfinished)
        if self.limit is not None:
            left = min(left, self.limit * unfinished)
        pace = f", {self.made / seconds:.0f} restart-updates/s, at most {tqdm.format_interval(left)} left"
        self._advance([restart.status == "recovered" for restart in report.finished], pace)
        if seconds - self.shown > self.every:
            self.shown = seconds
            self.bar.refresh()

    def after_restart(self, recovered: bool) -> None:
        """Count a finished restart of a method without updates."""
        self._advance([recovered], "")

    def _advance(self, recovered: list[bool], more: str) -> None:
        self.finished += len(recovered)
        self.recovered += sum(recovered)
        rate = f"{self.recovered / self.finished:.0%}" if self.finished else "-"
        self.bar.set_postfix_str(f"recovered {self.recovered} ({rate}){more}", refresh=False)
        self.bar.update(len(recovered))

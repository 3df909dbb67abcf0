"""The progress of a cell: finished and recovered restarts, updates a second, the longest time left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from neurocomp.progress_line import ProgressLine


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
    """A line over the restarts of these batches; it counts the finished ones after every update, or every restart."""

    def __init__(
        self, title: str, batches: Sequence[Sequence[int]], updates: int, shown: bool, limit: float | None = None
    ):
        self.total = sum(len(batch) for batch in batches)
        self.limit = limit
        self.updates_each = updates + 1
        self.remaining = self.total * self.updates_each  # updates of single restarts, if none finishes early
        self.made = self.calls = self.finished = 0
        self.began = time.perf_counter()
        self.line = ProgressLine(title, self.total, "restarts", shown=shown and self.total > 0)

    def __enter__(self) -> Progress:
        self.line.tick()
        return self

    def __exit__(self, *exception) -> None:
        self.line.close()

    def after_update(self, report: UpdateReport) -> None:
        """Count one update of several restarts, and the restarts that finished with it."""
        self.calls += 1
        self.made += report.lanes
        self.remaining -= report.lanes + sum(self.updates_each - 1 - restart.updates for restart in report.finished)
        seconds = time.perf_counter() - self.began
        # Where few restarts share an update it costs each of them more, but in all no more than the mean so far.
        unfinished = max(1, self.total - self.finished - len(report.finished))
        left = seconds * self.remaining / min(self.made, self.calls * unfinished)
        if self.limit is not None:
            left = min(left, self.limit * unfinished)
        self.line.tell(pace=(self.made / max(seconds, 1e-9), "restart-updates"), left=left)
        self._advance([restart.status == "recovered" for restart in report.finished])

    def after_restart(self, recovered: bool) -> None:
        """Count a finished restart of a method without updates."""
        self._advance([recovered])

    def _advance(self, recovered: list[bool]) -> None:
        self.finished += len(recovered)
        self.line.count_recovered(sum(recovered), len(recovered))
        self.line.advance(len(recovered))

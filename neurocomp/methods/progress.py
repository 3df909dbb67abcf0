"""The progress bar of a cell, on stderr: restarts done, recovered, updates a second, time left at most."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tqdm import tqdm

from neurocomp.tuning.lanes import Told


class Progress:
    """A bar over the restarts of some batches, told after every update, or restart, which of them are done."""

    def __init__(self, title: str, batches: Sequence[Sequence[int]], updates: int, shown: bool):
        total = sum(len(batch) for batch in batches)
        self.updates_each = updates + 1
        self.remaining = total * self.updates_each  # updates of restarts, should all of them go to their end
        self.made = self.calls = self.done = self.recovered = 0
        self.began, self.shown = time.perf_counter(), 0.0
        layout = "{desc} {bar:20} {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
        self.bar = tqdm(total=total, desc=title, bar_format=layout, disable=not shown or not total, dynamic_ncols=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception) -> None:
        self.bar.close()

    def after_update(self, told: Told) -> None:
        """Count one update of some restarts, and those that left with it."""
        self.calls += 1
        self.made += told.lanes
        self.remaining -= told.lanes + sum(self.updates_each - 1 - restart.updates for restart in told.left)
        seconds = time.perf_counter() - self.began
        # An update of the last few costs each of them more than one of many: at most what an update cost so far.
        unfinished = max(1, self.bar.total - self.done - len(told.left))
        left = tqdm.format_interval(seconds * self.remaining / min(self.made, self.calls * unfinished))
        pace = f", {self.made / seconds:.0f} restart-updates/s, at most {left} left"
        self._advance([restart.status == "recovered" for restart in told.left], pace)
        if seconds - self.shown > 0.1:
            self.shown = seconds
            self.bar.refresh()

    def after_restart(self, recovered: bool) -> None:
        """Count a restart of a method that knows no updates."""
        self._advance([recovered], "")

    def _advance(self, recovered: list[bool], more: str) -> None:
        self.done += len(recovered)
        self.recovered += sum(recovered)
        rate = f"{self.recovered / self.done:.0%}" if self.done else "-"
        self.bar.set_postfix_str(f"recovered {self.recovered} ({rate}){more}", refresh=False)
        self.bar.update(len(recovered))

"""The progress bar of a cell, on stderr: restarts done, recovered so far, updates a second, time left at most."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tqdm import tqdm

from neurocomp.tuning import Tuned


class Progress:
    """A bar over the restarts of some batches, told after every update, or restart, which of them are done."""

    def __init__(self, title: str, batches: Sequence[Sequence[int]], updates: int, shown: bool):
        self.sizes = [len(batch) for batch in batches]
        self.updates_a_batch = updates + 1
        self.batch = self.updates_in_batch = self.left_in_batch = 0
        self.done = self.recovered = self.updates = 0
        self.began = time.perf_counter()
        layout = "{desc} {bar:20} {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
        total = sum(self.sizes)
        self.bar = tqdm(total=total, desc=title, bar_format=layout, disable=not shown or not total, dynamic_ncols=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception) -> None:
        self.bar.close()

    def after_update(self, left: list[Tuned]) -> None:
        """Count one update of the current batch, and the restarts that left with it."""
        self.updates += 1
        self.updates_in_batch += 1
        self.left_in_batch += len(left)
        if self.left_in_batch == self.sizes[self.batch]:
            self.batch, self.updates_in_batch, self.left_in_batch = self.batch + 1, 0, 0
        speed = self.updates / (time.perf_counter() - self.began)
        remaining = (len(self.sizes) - self.batch) * self.updates_a_batch - self.updates_in_batch
        time_left = f"at most {tqdm.format_interval(remaining / speed)} left"
        self._advance([restart.status == "recovered" for restart in left], f", {speed:.0f} updates/s, {time_left}")
        if self.updates % 10 == 0:
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

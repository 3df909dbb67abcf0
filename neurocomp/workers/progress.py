"""The progress of a whole sweep on one line of stderr; where there is no terminal, a line a minute."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

from neurocomp.results.made import Made
from neurocomp.text import say

LINE_EVERY = 60.0  # seconds, where there is no terminal
GOOD = ("recovered", "memorized")  # the status of a restart that reached what it was to reach


class SweepProgress:
    """Counts cells and restarts from all workers. Restarts that were there before count as done, not as work."""

    def __init__(self, cells: int, restarts: int, shown: bool):
        self.cells, self.cells_done, self.restarts, self.done = cells, 0, restarts, 0
        self.now, self.good = 0, 0
        self.began = self.told = time.monotonic()
        self.is_terminal, self.shown = sys.stderr.isatty(), shown
        layout = "{bar:20} {desc}"
        self.bar = tqdm(total=restarts, bar_format=layout, disable=not (shown and self.is_terminal), dynamic_ncols=True)

    def opened(self, there: int) -> None:
        """Count restarts of a cell that are in its file already."""
        self.done += there
        self.bar.update(there)

    def made(self, made: Made) -> None:
        """Count restarts that came back from a worker."""
        self.done += len(made.rows)
        self.now += len(made.rows)
        self.good += sum(row["status"] in GOOD for row in made.rows)
        self.bar.update(len(made.rows))
        self.tick()

    def cell_ended(self) -> None:
        self.cells_done += 1

    def tick(self) -> None:
        """Show where the sweep is, if it is time."""
        seconds = time.monotonic()
        if not self.shown or seconds - self.told < (0.2 if self.is_terminal else LINE_EVERY):
            return
        self.told = seconds
        if self.is_terminal:
            self.bar.set_description_str(self.line())
        else:
            say([self.line()], prefix="")

    def line(self) -> str:
        """`cells 3/24, restarts 310/2400, recovered 62% of 300, 45 restarts/s, 00:46 left`."""
        seconds = max(time.monotonic() - self.began, 1e-9)
        parts = [f"cells {self.cells_done:,}/{self.cells:,}", f"restarts {self.done:,}/{self.restarts:,}"]
        if self.now:
            left = tqdm.format_interval((self.restarts - self.done) * seconds / self.now)
            parts += [f"recovered {self.good / self.now:.0%} of {self.now:,}", f"{self.now / seconds:.3g} restarts/s"]
            parts += [f"{left} left"]
        return ", ".join(parts)

    def close(self) -> None:
        """End the bar; the last line stays."""
        if self.shown and not self.is_terminal and self.now:
            say([self.line()], prefix="")
        elif self.is_terminal:
            self.bar.set_description_str(self.line())
        self.bar.close()

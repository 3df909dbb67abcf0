"""The progress of a whole sweep: cells and restarts from all workers on one line."""

from __future__ import annotations

from neurocomp.progress_line import ProgressLine
from neurocomp.results.made import Made

GOOD = ("recovered", "memorized")  # the status of a restart that reached what it was to reach
NO_GOAL = "trained"  # and of one that was to reach nothing: a soft program's training ends after its epochs


class SweepProgress:
    """Counts cells and restarts from all workers. Restarts that were there before count as done, not as work."""

    def __init__(self, cells: int, restarts: int, shown: bool):
        self.cells, self.cells_done = cells, 0
        self.bar = ProgressLine(self._title(), restarts, "restarts", shown=shown)

    def opened(self, there: int) -> None:
        """Count restarts of a cell that are in its file already."""
        self.bar.there += there
        self.bar.advance(there)

    def made(self, made: Made) -> None:
        """Count restarts that came back from a worker."""
        ends = [row["status"] for row in made.rows if row["status"] != NO_GOAL]
        self.bar.count_recovered(sum(end in GOOD for end in ends), len(ends))
        self.bar.advance(len(made.rows))

    def cell_ended(self) -> None:
        self.cells_done += 1
        self.bar.title = self._title()

    def tick(self) -> None:
        """Show where the sweep is, if it is time."""
        self.bar.tick()

    def close(self) -> None:
        """End the line; the last state stays. Where there is no terminal, it is said in the end what was made."""
        self.bar.close(told_at_last=self.bar.done > self.bar.there)

    def _title(self) -> str:
        return f"cells {self.cells_done:,}/{self.cells:,}, restarts"

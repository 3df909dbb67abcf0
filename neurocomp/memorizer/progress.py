"""The progress of a training: updates, accuracy on the latest batches, updates a second."""

from __future__ import annotations

from neurocomp.progress_line import ProgressLine


class Progress:
    """One training's line; `total` updates if it is known how many there will be."""

    def __init__(self, title: str, total: int | None, shown: bool):
        self.line = ProgressLine(title, total, "updates", shown=shown)
        self.accuracy: float | None = None

    def __enter__(self) -> Progress:
        self.line.tick()
        return self

    def __exit__(self, *exception) -> None:
        self.line.close()

    def after_update(self, updates: int, accuracy: float) -> None:
        """Tell how many updates were made, and how much of the latest batch was right; shown is a running mean."""
        self.accuracy = accuracy if self.accuracy is None else 0.9 * self.accuracy + 0.1 * accuracy
        if not self.line.done:
            self.line.done = self.line.there = updates - 1  # those before an interruption
        self.line.tell(f"accuracy {self.accuracy:.1%}")
        self.line.advance(updates - self.line.done)

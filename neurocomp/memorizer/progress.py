"""The progress bar of a training, on stderr: updates, accuracy on the latest batches, updates a second."""

from __future__ import annotations

from tqdm import tqdm

from neurocomp.text import seconds_between_bars


class Progress:
    """One training's bar; `total` updates if it is known how many there will be."""

    def __init__(self, title: str, total: int | None, shown: bool):
        layout = "{desc} {n_fmt}" + ("/{total_fmt} [{elapsed}<{remaining}" if total else " updates [{elapsed}")
        self.bar = tqdm(
            total=total, desc=title, bar_format=layout + ", {rate_fmt}{postfix}]", unit=" updates", disable=not shown,
            mininterval=seconds_between_bars(),
        )  # fmt: skip
        self.accuracy: float | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception) -> None:
        self.bar.close()

    def after_update(self, updates: int, accuracy: float) -> None:
        """Tell how many updates were made, and how much of the latest batch was right; shown is a running mean."""
        self.accuracy = accuracy if self.accuracy is None else 0.9 * self.accuracy + 0.1 * accuracy
        self.bar.set_postfix_str(f"accuracy {self.accuracy:.1%}", refresh=False)
        if not self.bar.n:
            self.bar.initial = updates - 1  # those before an interruption
        self.bar.update(updates - self.bar.n)

"""The world of high-level programs: memory, registers, and the indices of the loops around a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class World:
    """The state that programs read and change. `indices` are those of the loops around, the innermost last."""

    base: int
    memory: list[int]
    registers: list[int]
    mod_by_zero: str = "zero"
    indices: list[int] = field(default_factory=list)

    @property
    def index(self) -> int:
        return self.indices[-1]

    def rounds(self, last: Callable[[], int] | None = None) -> Iterator[None]:
        """The rounds of a loop, at index 0, 1, ..., `last`; without `last` for ever, with 0 after the last cell.

        A loop to the last cell never ends either: the index after it is 0 again, which is not above `last`.
        """
        self.indices.append(0)
        while True:
            yield
            self.indices[-1] = (self.index + 1) % self.base
            if last is not None and self.index > last():
                break
        self.indices.pop()

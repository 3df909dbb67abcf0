"""The door for sizes: what a request would take is compared with the limits before anything is allocated or begun.

A refusal is one line: the size that is to blame, the estimate, the limit, and what lifts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from neurocomp.config import LimitsConfig
from neurocomp.errors import UserError
from neurocomp.limits.estimates import Need

OPTIONS = ("--memory-gb", "--work")

# Sizes that are not to blame for a refusal. A size that is not listed is not to blame if it is 1.
USUAL = {
    "base": 10, "registers": 10, "lines": 10, "steps": 100, "examples": 16, "restarts": 100, "chunk": 100,
    "updates": 1000, "programs": 100, "candidates": 200_000, "seconds": 60, "general_base": 10,
    "general_registers": 10, "general_steps": 100, "rounds": 10, "size": 256, "memory": 256, "length": 256,
    "hidden": 256, "intermediate": 1024, "layers": 4, "heads": 4, "vocabulary": 1000, "tokens": 128, "outputs": 1000,
    "runs": 8, "slots": 16, "width": 16,
}  # fmt: skip
COUNTED = {
    "registers", "lines", "steps", "examples", "restarts", "updates", "programs", "candidates", "seconds", "rounds",
    "inputs", "layers", "heads", "tokens", "runs", "rows", "slots",
}  # fmt: skip


def check(
    limits: LimitsConfig,
    estimate: Callable[..., Need],
    names: Mapping[str, str],
    where: str = "",
    lifted_by: tuple[str, str] = ("limits.memory_gb", "limits.work"),
    **asked: int,
) -> None:
    """Raise UserError, beginning with `where`, if `estimate(**asked)` is over a limit.

    `names` has the key or option of each size on the command line, or key=value where the size is not what was given;
    `lifted_by` are those of the limits.
    The size to blame is the one that takes most off the need when it has its usual value instead.
    """
    need = estimate(**asked)
    if need.memory > limits.memory_gb * 1e9:
        part, key = 0, lifted_by[0]
        took = f"{gigabytes(need.memory)} GB of memory, more than {key}={limits.memory_gb:g}"
        enough = gigabytes(need.memory * 21 // 20).replace(",", "")
    elif need.work > limits.work:
        part, key = 1, lifted_by[1]
        took = f"{power(need.work)} operations ({duration(need.work)} of one core), more than {key}={limits.work:g}"
        enough = power(need.work * 21 // 20)
    else:
        return
    blamed = min(names, key=lambda name: estimate(**asked | {name: min(asked[name], USUAL.get(name, 1))})[part])
    key_of, given, _ = names[blamed].partition("=")
    label = names[blamed] if given else f"{key_of}={short(asked[blamed])}"
    size = key_of.rpartition(".")[2].strip("-")
    less = f"{'fewer' if size in COUNTED else 'a smaller'} {size}"
    raise UserError(f"{where}{label}: would take about {took}; {less}, or {key}={enough}")


class Most(NamedTuple):
    """The size up to which a file is read, in bytes, and the limit that it comes from, if one can be lifted."""

    size: int
    limit: str = ""

    def refusal(self, size: int) -> str | None:
        """The refusal of a file of this size; None if it may be read."""
        of = f" ({self.limit})" if self.limit else ""
        return f"has {size:,} bytes, expected at most {self.size:,}{of}" if size > self.size else None


def most(limits: LimitsConfig, a_byte: int, limit: str = "limits.memory_gb") -> Most:
    """The largest file that can be read where each of its bytes takes `a_byte` bytes of memory."""
    return Most(limits.memory_bytes // a_byte, f"{limit}={limits.memory_gb:g}")


def short(number: int) -> str:
    """The number, or its size where it has many digits."""
    return str(number) if abs(number) < 10**15 else power(number)


def power(number: int) -> str:
    """`1.6e+16`, for ints of any size; always rounded up."""
    digits = max(0, int(number.bit_length() * 0.30103) - 3)
    lead = -(-number // 10**digits)
    while lead >= 100:
        lead, digits = -(-lead // 10), digits + 1
    return f"{lead // 10}.{lead % 10}e+{digits + 1}" if lead >= 10 else f"{lead}e+{digits}"


def gigabytes(memory: int) -> str:
    """`8,200`, two digits of it, rounded up."""
    tenths = -(-memory // 10**8)
    if tenths >= 10**16:
        return power(-(-tenths // 10))
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10}"
    digits = len(str(tenths)) - 2
    return f"{-(-tenths // 10**digits) * 10**digits // 10:,}"


def duration(work: int) -> str:
    """Nanoseconds in words."""
    seconds = work // 10**9
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            count = seconds // length
            return f"{count:,} {unit}" if count < 10**6 else f"{power(count)} {unit}"
    return f"{seconds} seconds"

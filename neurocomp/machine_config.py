"""The sizes of a machine, and how the open questions of its equations are read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from neurocomp.errors import UserError, check_choice


def reading(*choices: str) -> Any:
    """A field with these choices, of which the first is the default."""
    return field(default=choices[0], metadata={"choices": choices})


class Sizes(NamedTuple):
    """What a machine is made of: base b (also the number of memory cells), registers R, program lines L."""

    base: int
    registers: int
    lines: int


@dataclass
class MachineConfig:
    """The readings of the paper's equations."""

    writeback: str = reading("gated", "printed")
    """Eq. 7: `gated` writes a result only as far as the opcode writes a register; `printed` also drains register r3
    when it does not."""
    memory_law: str = reading("normalized", "printed")
    """Eq. 8: `normalized` moves the addressed cell to the new word; `printed` adds the new word at every step."""
    jump_law: str = reading("normalized", "printed")
    """Eq. 9: `normalized` keeps the mass of the program counter at 1; `printed` gives it mass 1 + z(1 - j)."""
    jump_target: str = reading("line", "operand", "value")
    """Eq. 9, which line a jump goes to: `line` has a selector of its own, `operand` reads slot 2 as a line (registers =
    lines), `value` takes the second register's word (base = lines)."""
    controller: str = reading("softmax_of_mix", "mix_of_softmax")
    """Eq. 2: the softmax of the mixed lines, or the mix of the lines' softmaxes."""
    halting: str = reading("freeze", "printed")
    """Eq. 11: `freeze` stops the state with the halting probability; `printed` records a running maximum while the
    state goes on."""
    mod_by_zero: str = reading("zero", "dividend")
    """The word that x mod 0 is: 0, or x."""

    def __post_init__(self):
        for key, choices in READINGS.items():
            check_choice(f"machine.{key}", getattr(self, key), choices)


READINGS: dict[str, tuple[str, ...]] = {each.name: each.metadata["choices"] for each in fields(MachineConfig)}
"""The choices of each reading, the default first."""


def check_jump_target(jump_target: str, sizes: Sizes) -> None:
    """Raise UserError unless what selects the line of a jump has as many places as there are lines."""
    if jump_target == "operand" and sizes.registers != sizes.lines:
        given = f"got {sizes.registers} and {sizes.lines}"
        raise UserError(f"jump_target=operand needs as many registers as lines, {given}")
    if jump_target == "value" and sizes.base != sizes.lines:
        raise UserError(f"jump_target=value needs base = lines, got {sizes.base} and {sizes.lines}")

"""The plan that kernels get beside their data: sizes, readings, and where everything stands in the record of a step."""

from __future__ import annotations

from typing import NamedTuple

from neurocomp.engine.lookup import Lookup
from neurocomp.language.isa import OPCODES
from neurocomp.machine.step import conserves_mass
from neurocomp.machine.weights import packed_width
from neurocomp.machine_config import MachineConfig, Sizes

BLOCK = 4  # the decisions that `fetch` mixes at a time; the packed axis is padded to whole blocks


class Plan(NamedTuple):
    """Sizes, readings as flags, and offsets (in packs) into the record of one step.

    A record is the state before a step, then everything that the step computes and its backward needs. The
    adjoints of a step stand in a record too. Sections of the instruction follow each other as in `weights`.
    """

    base: int
    registers: int
    lines: int
    width: int  # of the packed axis, W
    padded: int  # W in whole blocks
    own_target: bool  # the jump has its own selector over lines
    softmax: bool  # of the mixed logits, else of each line's before they are mixed
    gated: bool
    exact_write: bool  # memory_law=normalized
    exact_jump: bool  # jump_law=normalized
    freeze: bool
    conserves: bool  # mass, so that operand words are divided by theirs
    # Offsets:
    memory_at: int
    registers_at: int
    counter_at: int
    halted_at: int
    instruction_at: int
    x_at: int
    y_at: int
    scales_at: int
    shifts_at: int  # twice, one after the other, so that no index needs to wrap
    output_at: int
    goal_at: int
    size: int  # of a record


def plan(sizes: Sizes, machine: MachineConfig, lookup: Lookup) -> Plan:
    """The plan of a machine, whose operand sums are those of `lookup`."""
    base, registers, lines = sizes
    width = packed_width(sizes, machine)
    padded = -(-width // BLOCK) * BLOCK
    offsets, size = section_offsets(sizes, padded, lookup)
    second = offsets["instruction_at"] + len(OPCODES) + registers
    target = offsets["instruction_at"] + len(OPCODES) + 3 * registers
    return Plan(
        base,
        registers,
        lines,
        width,
        padded,
        own_target=machine.jump_target == "line",
        softmax=machine.controller == "softmax_of_mix",
        gated=machine.writeback == "gated",
        exact_write=machine.memory_law == "normalized",
        exact_jump=machine.jump_law == "normalized",
        freeze=machine.halting == "freeze",
        conserves=conserves_mass(machine),
        **offsets,
        goal_at={"line": target, "operand": second, "value": offsets["y_at"]}[machine.jump_target],
        size=size,
    )


def section_offsets(sizes: Sizes, padded: int, lookup: Lookup) -> tuple[dict[str, int], int]:
    """The offset of each section of a record, and the record's size, in packs.

    The state comes first, from memory to halted: `step_backward` clears everything behind it.
    """
    base, registers, lines = sizes
    sections = {
        "memory": base * base,
        "registers": registers * base,
        "counter": lines,
        "halted": 1,
        "instruction": padded,
        "x": base + len(lookup.x_sums),
        "y": base + len(lookup.y_sums),
        "scales": 2,
        "shifts": 2 * base,
        "output": base,
    }
    offsets, end = {}, 0
    for name, size in sections.items():
        offsets[f"{name}_at"] = end
        end += size
    return offsets, end

"""A soft trace as lines of text, and as the values of a JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from neurocomp.compilation.soft_trace import ExactStep, Moment, SoftTrace, entropy
from neurocomp.language.assembly import format_instruction, format_program
from neurocomp.language.isa import OPCODES
from neurocomp.machine.state import State
from neurocomp.shapes import Float, Tensor

SHOWN = 3  # the likeliest of a distribution
ROUNDED = 6  # digits behind the point in JSON
LEAST = 0.001  # what is shown of a distribution, and what counts as a change of it
NAMES = [opcode.name for opcode in OPCODES]


def as_lines(traced: SoftTrace, jump_target: str) -> Iterator[str]:
    """The program, then for each step the counter, the opcode and what changed; the last line says where they part."""
    yield from format_program(traced.program, jump_target=jump_target).rstrip("\n").splitlines()
    before = traced.start
    for number, (moment, exact) in enumerate(zip(traced.moments, traced.held(), strict=True), start=1):
        yield from step_lines(number, before, moment, exact if number <= len(traced.exact) else None, traced)
        before = moment.after
    parted = traced.parts_at
    yield (
        "soft and exact run have the same words after each step"
        if parted is None
        else f"soft and exact run part at step {parted}"
    )


def step_lines(number: int, before: State, moment: Moment, exact: ExactStep | None, traced: SoftTrace) -> Iterator[str]:
    """A step: where it is, and what it changed. An exact run that has halted stands still."""
    program = traced.program
    at = "halted" if exact is None else format_instruction(program.instructions[exact.line], program.labels)
    line = "" if exact is None else f"{exact.line} "
    counter, opcode = likeliest(moment.counter), likeliest(moment.instruction.opcode, NAMES)
    yield f"step {number}: line {counter}, {opcode}; exact {line}{at}"
    yield from change_lines(before, moment.after, exact)


def change_lines(before: State, after: State, exact: ExactStep | None = None) -> Iterator[str]:
    """A line for each row of registers and memory that a step changed, with the exact run's word; and for a halt."""
    for name, rows, old, words in (
        ("register", after.registers, before.registers, exact and exact.registers),
        ("cell", after.memory, before.memory, exact and exact.memory),
    ):
        for place in changed(rows, old):
            there = "" if words is None else f"; exact {words[place]}"
            yield f"    {name} {place}: {likeliest(rows[place])}{there}"
    if abs(after.halted - before.halted) > LEAST:
        yield f"    halted: {float(after.halted):.3f}"


def changed(rows: Float[Tensor, "N V"], before: Float[Tensor, "N V"]) -> list[int]:
    """The rows that moved by more than LEAST (half the sum of the differences)."""
    return ((rows - before).abs().sum(-1) / 2 > LEAST).nonzero().flatten().tolist()


def likeliest(row: Float[Tensor, "V"], names: Sequence[str] | None = None) -> str:
    """`4 0.52, 3 0.41 (1.32 bits)`: the likeliest few with their probabilities, and the entropy."""
    order = row.argsort(descending=True, stable=True)[:SHOWN].tolist()
    shown = [place for place in order if row[place] > LEAST] or order[:1]
    texts = [f"{names[place] if names else place} {float(row[place]):.3f}" for place in shown]
    return f"{', '.join(texts)} ({entropy(row):.2f} bits)"


def as_dict(traced: SoftTrace, jump_target: str) -> dict[str, Any]:
    """All distributions, rounded; `exact` is null where the exact run has halted."""

    def plain(part: Tensor | None) -> Any:
        return None if part is None else part.round(decimals=ROUNDED).tolist()

    def state(of: State) -> dict[str, Any]:
        return {name: plain(part) for name, part in of._asdict().items()}

    steps = [
        {
            "step": number,
            "line": plain(moment.counter),
            "opcode": dict(zip(NAMES, plain(moment.instruction.opcode), strict=True)),
            "slots": plain(moment.instruction.slots),
            "target": plain(moment.instruction.target),
            **state(moment.after),
            "exact": exact._asdict() if number <= len(traced.exact) else None,
        }
        for number, (moment, exact) in enumerate(zip(traced.moments, traced.held(), strict=True), start=1)
    ]
    text = format_program(traced.program, one_line=True, jump_target=jump_target)
    return {"program": text, "start": state(traced.start), "steps": steps, "parts_at": traced.parts_at}

"""Soft traces and decisions as plain numbers for a page: probabilities in thousandths, so that the page stays small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurocomp import __version__
from neurocomp.compilation.soft_run import likeliest_words
from neurocomp.compilation.soft_trace import ExactStep, Moment, SoftTrace
from neurocomp.language.assembly import Program, format_instruction, format_program, slots
from neurocomp.language.isa import BY_NAME, OPCODES
from neurocomp.machine.state import State
from neurocomp.machine.weights import Selectors, probabilities, unpack
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Tensor

THOUSANDTHS = 1000
LISTED = 4  # the likeliest choices of a decision
NAMES = [opcode.name for opcode in OPCODES]


def phase(
    name: str, logits: Float[Tensor, "L W"], sizes: Sizes, machine: MachineConfig, traced: Sequence[SoftTrace]
) -> dict[str, Any]:
    """One set of weights: its program with the probability of each decision, and its soft traces."""
    return {
        "name": name,
        "text": format_program(traced[0].program, one_line=True, jump_target=machine.jump_target),
        "program": decided(logits, traced[0].program, sizes, machine),
        "runs": [run(one) for one in traced],
    }


def decided(
    logits: Float[Tensor, "L W"], program: Program, sizes: Sizes, machine: MachineConfig
) -> list[list[dict[str, Any]]]:
    """For each line its opcode and the operands that it uses: what is likeliest, how likely, and the next choices."""
    sure = probabilities(unpack(logits.detach().cpu().double(), sizes))
    return [
        [
            _decision("opcode", sure.opcode[line], NAMES),
            *(
                _decision(operand.name, _choice(sure, operand.slot)[line], _names(operand.slot, sizes, machine))
                for operand in slots(BY_NAME[instruction.opcode], machine.jump_target)
            ),
        ]
        for line, instruction in enumerate(program.instructions)
    ]


def _choice(sure: Selectors, slot: str) -> Float[Tensor, "L N"]:
    """The probabilities of what stands in a slot; with jump_target=operand the label stands in the second."""
    if slot == "target":
        return sure.slots[..., 1, :] if sure.target is None else sure.target
    return sure.slots[..., ("first", "second", "third").index(slot), :]


def _names(slot: str, sizes: Sizes, machine: MachineConfig) -> list[str]:
    prefix = "line_" if slot == "target" and machine.jump_target != "value" else ""
    return [f"{prefix}{number}" for number in range(max(sizes.registers, sizes.lines))]


def _decision(what: str, row: Float[Tensor, "N"], names: Sequence[str]) -> dict[str, Any]:
    order = row.argsort(descending=True, stable=True)[:LISTED].tolist()
    shares = thousandths(row)
    shown = [place for place in order if shares[place]] or order[:1]
    return {"what": what, "choices": [[names[place], shares[place]] for place in shown]}


def run(traced: SoftTrace) -> dict[str, Any]:
    """A soft trace: the start, each step, and the step at which soft and exact run part (None if they do not)."""
    held = list(traced.held())
    steps = [_step(place, moment, held[place], traced) for place, moment in enumerate(traced.moments)]
    memory, registers = likeliest_words(traced.start)
    return {"memory": memory, "registers": registers, "start": _state(traced.start), "steps": steps,
            "parts_at": traced.parts_at}  # fmt: skip


def _step(place: int, moment: Moment, exact: ExactStep, traced: SoftTrace) -> dict[str, Any]:
    """What a step does and leaves, the exact run's line (None where it has halted) and words, and where they differ."""
    halted = place >= len(traced.exact)
    memory, registers = likeliest_words(moment.after)
    return {
        "line": thousandths(moment.counter),
        "opcode": thousandths(moment.instruction.opcode),
        **_state(moment.after),
        "exact": {
            "line": None if halted else exact.line,
            "text": "halted" if halted else _instruction(traced.program, exact.line),
            "memory": exact.memory,
            "registers": exact.registers,
        },
        "differs": {
            "memory": [cell for cell, word in enumerate(memory) if word != exact.memory[cell]],
            "registers": [register for register, word in enumerate(registers) if word != exact.registers[register]],
        },
    }


def _instruction(program: Program, line: int) -> str:
    return format_instruction(program.instructions[line], program.labels)


def _state(state: State) -> dict[str, Any]:
    return {"memory": thousandths(state.memory), "registers": thousandths(state.registers),
            "counter": thousandths(state.counter), "halted": thousandths(state.halted)}  # fmt: skip


def thousandths(part: Float[Tensor, "*N"]) -> Any:
    """The numbers in thousandths, rounded to whole ones."""
    return (part.double() * THOUSANDTHS).round().long().tolist()


def trace_page_data(title: str, one: dict[str, Any], sizes: Sizes) -> dict[str, Any]:
    """What a page about one phase alone has."""
    return page_data("trace") | {"title": title, "traces": [{"sizes": sizes._asdict(), "phases": [one]}]}


def page_data(kind: str) -> dict[str, Any]:
    """What every page says: what it is, which version made it, and how its probabilities are written."""
    return {"kind": kind, "version": __version__, "unit": THOUSANDTHS, "opcodes": NAMES}

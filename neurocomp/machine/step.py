"""One step of the machine on distributions (Eq. 5-9, 11), with the readings that the paper leaves open.

With one-hot weights and states every function here does exactly what the opcodes of `isa` do.
"""

from __future__ import annotations

import torch

from neurocomp.language.isa import COMPUTING, INDEX, WRITING
from neurocomp.machine.controller import fetch
from neurocomp.machine.lookup import lookup_table
from neurocomp.machine.state import State
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.shapes import Float, Tensor


def step(lines: Float[Tensor, "K L W"], state: State, sizes: Sizes, machine: MachineConfig) -> State:
    """The state after one instruction; `lines` are the prepared weights (see `controller.prepare`)."""
    opcode, slots, target = fetch(lines, state.counter, sizes, machine)
    x, y = resolve(state.registers, slots[..., :2, :], machine).unbind(dim=-2)
    goal = {"line": target, "operand": slots[..., 1, :], "value": y}[machine.jump_target]
    assert goal is not None, "jump_target=line needs weights with a target section"
    after = State(
        memory=write_memory(state.memory, x, y, opcode[..., INDEX["write"]], machine),
        registers=write_register(
            state.registers,
            interpret(opcode, x, y, state.memory, machine),
            slots[..., 2, :],
            opcode[..., WRITING].sum(dim=-1),
            machine,
        ),
        counter=advance(state.counter, goal, opcode[..., INDEX["jump"]], x[..., 0], machine),
        halted=state.halted,
    )
    return halt(state, after, opcode[..., INDEX["halt"]], machine)


def resolve(
    registers: Float[Tensor, "*batch R V"], select: Float[Tensor, "*batch S R"], machine: MachineConfig
) -> Float[Tensor, "*batch S V"]:
    """The words in the selected registers, each averaged over its selection (Eq. 5).

    With `select` one-hot at 2 this is exactly the word in register 2. Where the laws conserve mass, each word has
    mass 1 but for rounding, and is divided by it. Otherwise the error would grow: the mass of a result is the product
    of its operands' masses, so a program that adds a register to itself (fib) would double the error each time, to
    infinity in 150 steps.
    """
    words = select @ registers
    return words / words.sum(dim=-1, keepdim=True) if conserves_mass(machine) else words


def conserves_mass(machine: MachineConfig) -> bool:
    """Whether every row of the state stays a distribution: none of the three laws is read as printed."""
    return "printed" not in (machine.writeback, machine.memory_law, machine.jump_law)


def interpret(
    opcode: Float[Tensor, "*batch O"],
    x: Float[Tensor, "*batch V"],
    y: Float[Tensor, "*batch V"],
    memory: Float[Tensor, "*batch A V"],
    machine: MachineConfig,
) -> Float[Tensor, "*batch V"]:
    """The word that the opcode computes, averaged over opcodes and operand words (Eq. 6).

    Its mass is the mass of the opcodes that write a register: write, jump, halt and noop have zero rows.
    For `read` the table is memory whatever y is; summed over y that gives the factor `y.sum()`, which is 1 unless a
    law is printed.
    """
    table = lookup_table(x.shape[-1], machine.mod_by_zero, x.dtype, x.device)
    pairs = x.unsqueeze(-1) * y.unsqueeze(-2)
    by_opcode = torch.einsum("...p,opv->...ov", pairs.flatten(-2), table.flatten(1, 2))
    computed = (opcode[..., COMPUTING].unsqueeze(-2) @ by_opcode).squeeze(-2)
    cell = (x.unsqueeze(-2) @ memory).squeeze(-2)
    return computed + opcode[..., INDEX["read"], None] * y.sum(dim=-1, keepdim=True) * cell


def write_register(
    registers: Float[Tensor, "*batch R V"],
    output: Float[Tensor, "*batch V"],
    third: Float[Tensor, "*batch R"],
    writing: Float[Tensor, "*batch"],
    machine: MachineConfig,
) -> Float[Tensor, "*batch R V"]:
    """The registers after the output went to the third slot (Eq. 7).

    As printed, R (1 - r3) + o r3 drains register r3 whenever the opcode writes none, because o has no mass then.
    gated takes away only as much as comes in: R + r3 (o - rho R), with rho (`writing`) the mass of the opcodes that
    write a register.
    """
    gate = 1 if machine.writeback == "printed" else writing[..., None, None]
    return registers + third.unsqueeze(-1) * (output.unsqueeze(-2) - gate * registers)


def write_memory(
    memory: Float[Tensor, "*batch A V"],
    x: Float[Tensor, "*batch A"],
    y: Float[Tensor, "*batch V"],
    write: Float[Tensor, "*batch"],
    machine: MachineConfig,
) -> Float[Tensor, "*batch A V"]:
    """The memory after y was written to address x with probability `write` (Eq. 8, w).

    normalized moves the addressed rows to y by w x: (1 - w x) M + w x y. As printed, the last term lacks its w, so
    x y is added at every step, whatever the opcode.
    """
    address, word = x.unsqueeze(-1), y.unsqueeze(-2)
    amount = write[..., None, None]
    if machine.memory_law == "printed":
        return (1 - amount) * memory + amount * (1 - address) * memory + address * word
    return memory + amount * address * (word - memory)


def advance(
    counter: Float[Tensor, "*batch L"],
    goal: Float[Tensor, "*batch L"],
    jump: Float[Tensor, "*batch"],
    zero: Float[Tensor, "*batch"],
    machine: MachineConfig,
) -> Float[Tensor, "*batch L"]:
    """The counter at the next line, or at the goal if it is a jump (j) whose test is zero (z) (Eq. 9).

    The next line wraps from L-1 to 0. As printed, l_n (1 - j) + goal z + j l_n (1 - z) has mass 1 + z (1 - j);
    normalized is l_n (1 - j z) + j z goal.
    """
    following = counter.roll(1, dims=-1)
    jump, zero = jump.unsqueeze(-1), zero.unsqueeze(-1)
    if machine.jump_law == "printed":
        return following * (1 - jump) + goal * zero + jump * following * (1 - zero)
    return following + jump * zero * (goal - following)


def halt(before: State, after: State, halting: Float[Tensor, "*batch"], machine: MachineConfig) -> State:
    """The halted share of the state stays as it was, and the halted mass h grows (Eq. 11).

    freeze: the new state is (1 - h) `after` + h `before`, and h grows by (1 - h) times the mass of halt. printed: h is
    the running maximum of the mass of halt, and the state goes on.
    """
    if machine.halting == "printed":
        return after._replace(halted=torch.maximum(before.halted, halting))
    h = before.halted
    return State(
        memory=torch.lerp(after.memory, before.memory, h[..., None, None]),
        registers=torch.lerp(after.registers, before.registers, h[..., None, None]),
        counter=torch.lerp(after.counter, before.counter, h[..., None]),
        halted=h + (1 - h) * halting,
    )

"""A program that leaves the right words, as a question to a SAT solver: which program, and what each of its steps does.

Every field of every line is one of its values (a variable each, of which exactly one is true), and so is every word at
every step of an example. Clauses say that each step does what the instruction at the program counter says; the opcodes
come from `isa`, as everywhere. Where the program and the start are known, the clauses leave one value for each word.

Of programs that differ in no more than a slot that nothing uses, one is left. Where it does not matter which of several
equal programs is found, operands are in order too, and so are registers that start alike: a proof of absence has less
to go through.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurocomp.language.isa import COLUMN, INDEX, OPCODES, compute
from neurocomp.machine_config import MachineConfig, Sizes
from neurocomp.search.solver.clauses import Clauses
from neurocomp.search.space import FIELDS, bounds, used_fields

Words = list[list[int]]  # a variable for each value of each word
COMPUTING = [(INDEX[opcode.name], opcode) for opcode in OPCODES if opcode.result]
UNORDERED = [INDEX[name] for name in ("add", "min", "max")]  # x and y may change places


class ProgramVariables:
    """The fields of a program of `sizes.lines` lines: `fields[line][field][value]` is a variable."""

    def __init__(self, clauses: Clauses, sizes: Sizes, machine: MachineConfig):
        self.clauses, self.sizes, self.machine = clauses, sizes, machine
        self.used = used_fields(machine.jump_target)
        self.fields = [[clauses.one_of_them(int(count)) for count in bounds(sizes)] for _ in range(sizes.lines)]
        for line in self.fields:
            for opcode, uses in zip(line[COLUMN.opcode], self.used, strict=True):
                for field in range(1, len(FIELDS)):
                    if not uses[field]:
                        clauses.add(-opcode, line[field][0])

    def order_operands(self) -> None:
        """Operands that may change places stand in the order of their registers."""
        for line in self.fields:
            for opcode in UNORDERED:
                for x, one in enumerate(line[COLUMN.first]):
                    for other in line[COLUMN.second][:x]:
                        self.clauses.add(-line[COLUMN.opcode][opcode], -one, -other)

    def order_registers(self, alike: Sequence[int]) -> None:
        """The registers `alike` come up in the text in their order. Sound where they start alike and none is checked:
        another program is one of these with its registers renamed.
        """
        seen = [[] for _ in alike]  # by register, the places before which it came up
        for line in self.fields:
            for field in (COLUMN.first, COLUMN.second, COLUMN.third):
                opcodes = [line[COLUMN.opcode][opcode] for opcode in np.flatnonzero(self.used[:, field])]
                uses = self.clauses.any_of(opcodes)
                here = [self.clauses.both(uses, line[field][register]) for register in alike]
                for place, occurs in enumerate(here[1:], start=1):
                    self.clauses.add(-occurs, *seen[place - 1][-1:])
                for before, occurs in zip(seen, here, strict=True):
                    before.append(self.clauses.any_of([*before[-1:], occurs]))

    def differing(self, start: np.ndarray) -> list[int]:
        """A variable for each field of each line that is true where the program's differs from the start's [L, 5].

        A slot differs where the program's instruction uses it and the start's does not, or has another value there.
        """
        differs = []
        for line, row in zip(self.fields, start.tolist(), strict=True):
            opcode = row[COLUMN.opcode]
            differs.append(-line[COLUMN.opcode][opcode])
            for field in range(1, len(FIELDS)):
                literal = self.clauses.new()
                same = [line[field][row[field]]] if self.used[opcode, field] else []
                for other in np.flatnonzero(self.used[:, field]):
                    self.clauses.add(-line[COLUMN.opcode][other], *same, literal)
                differs.append(literal)
        return differs

    def code(self, model: set[int]) -> np.ndarray:
        """The program [L, 5] that a model says: the variables that are true."""
        return np.array([[_true(values, model) for values in line] for line in self.fields])

    def forbid(self, code: np.ndarray, lines: Sequence[int]) -> None:
        """No program that has these lines of `code` as they are."""
        literals = []
        for line in lines:
            uses = self.used[code[line, COLUMN.opcode]]
            literals += [-self.fields[line][field][code[line, field]] for field in np.flatnonzero(uses)]
        self.clauses.add(*literals)


def _true(values: list[int], model: set[int]) -> int:
    return next(value for value, literal in enumerate(values) if literal in model)


class ExampleRun:
    """What a program does with one example; `memory` and `registers` are the words after the last step."""

    def __init__(self, program: ProgramVariables, memory: Sequence[int], registers: Sequence[int], steps: int):
        self.program, self.clauses, self.sizes = program, program.clauses, program.sizes
        self.memory, self.registers = (self._known(words) for words in (memory, registers))
        self.counter = self.clauses.one_of_them(self.sizes.lines)
        self.clauses.add(self.counter[0])
        for _ in range(steps):
            self._step()

    def _known(self, words: Sequence[int]) -> Words:
        variables = [self.clauses.one_of_them(self.sizes.base) for _ in words]
        for word, value in zip(variables, words, strict=True):
            self.clauses.add(word[value])
        return variables

    def _step(self) -> None:
        """One step: fetch, read the operands, compute, write, go on."""
        clauses, base = self.clauses, self.sizes.base
        opcode, first, second, third, target = (self._fetched(field) for field in range(len(FIELDS)))
        x, y = (self._selected(register, self.registers) for register in (first, second))
        result = self._result(opcode, x, y)
        writes = clauses.any_of([opcode[INDEX[each.name]] for each in OPCODES if each.writes_register])
        to_register = [clauses.both(writes, register) for register in third]
        to_cell = [clauses.both(opcode[INDEX["write"]], x[cell]) for cell in range(base)]
        self.counter = self._next_line(opcode, target, x, y)
        self.registers = self._written(self.registers, to_register, result)
        self.memory = self._written(self.memory, to_cell, y)

    def _fetched(self, field: int) -> list[int]:
        """The values of a field at the program counter."""
        values = self.clauses.several(len(self.program.fields[0][field]))
        for here, line in zip(self.counter, self.program.fields, strict=True):
            self.clauses.equal(values, line[field], here)
        return values

    def _selected(self, place: list[int], words: Words) -> list[int]:
        """The word at a place."""
        values = self.clauses.several(self.sizes.base)
        for chosen, word in zip(place, words, strict=True):
            self.clauses.equal(values, word, chosen)
        return values

    def _result(self, opcode: list[int], x: list[int], y: list[int]) -> list[int]:
        """The word for a register; any, where the opcode writes none."""
        clauses, base, mod_by_zero = self.clauses, self.sizes.base, self.program.machine.mod_by_zero
        result = clauses.several(base)
        clauses.at_most_one(result)
        for index, of in COMPUTING:
            words = [[compute(of, one, two, base, mod_by_zero) for two in range(base)] for one in range(base)]
            for one in range(base):
                if len(set(words[one])) == 1:
                    clauses.add(-opcode[index], -x[one], result[words[one][0]])
                else:
                    for two in range(base):
                        clauses.add(-opcode[index], -x[one], -y[two], result[words[one][two]])
        clauses.equal(result, self._selected(x, self.memory), opcode[INDEX["read"]])
        return result

    def _next_line(self, opcode: list[int], label: list[int], x: list[int], y: list[int]) -> list[int]:
        counter = self.clauses.several(self.sizes.lines)
        jumps = self.clauses.both(opcode[INDEX["jump"]], x[0])
        target = y if self.program.machine.jump_target == "value" else label
        self.clauses.equal(counter, target, jumps)
        stays = [opcode[INDEX["halt"]]] if self.program.machine.halting == "freeze" else []
        for halts in stays:
            self.clauses.equal(counter, self.counter, halts)
        goes_on = [-jumps, *(-halts for halts in stays)]
        self.clauses.equal(counter, [self.counter[-1], *self.counter[:-1]], *goes_on)
        return counter

    def _written(self, words: Words, to: list[int], word: list[int]) -> Words:
        """The words after one of them may have been written."""
        after = []
        for here, before in zip(to, words, strict=True):
            after.append(values := self.clauses.several(self.sizes.base))
            self.clauses.equal(values, word, here)
            self.clauses.equal(values, before, -here)
        return after

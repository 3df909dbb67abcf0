"""How many edits make one program of another: Levenshtein's distance between the tokens of their instructions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from neurocomp.language.assembly import Program


def edit_distance(one: Program, other: Program) -> int:
    """The fewest tokens that have to be inserted, deleted or replaced.

    An instruction's tokens are its opcode and each operand that it uses: a register, or the number of the line that it
    jumps to.
    """
    return levenshtein(_tokens(one), _tokens(other))


def _tokens(program: Program) -> list[Hashable]:
    tokens: list[Hashable] = []
    for instruction in program.instructions:
        tokens += [instruction.opcode, *(("register", register) for register in instruction.registers)]
        tokens += [] if instruction.target is None else [("line", instruction.target)]
    return tokens


def levenshtein(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """The fewest insertions, deletions and replacements that turn one sequence into the other (Levenshtein, 1966)."""
    to_prefixes = list(range(len(other) + 1))  # of what is read of `one` so far to each prefix of `other`
    for read, token in enumerate(one, start=1):
        diagonal, to_prefixes[0] = to_prefixes[0], read
        for place, wanted in enumerate(other, start=1):
            replaced = diagonal + (token != wanted)
            diagonal = to_prefixes[place]
            to_prefixes[place] = min(replaced, diagonal + 1, to_prefixes[place - 1] + 1)
    return to_prefixes[-1]

"""A row of the high-level language: its kinds of arguments, its weight, what it means, and how it is lowered."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

# What an argument may be. `each` is evaluated in every round of a loop: it may use index and elem.
WORD, EACH_WORD, STATEMENT, EACH_STATEMENT = "word", "each word", "statement", "each statement"
TEST, EACH_TEST = "test", "each test"  # a word; one that is always the same decides nothing
ADDRESS = "address"  # a word; in a loop a number, a register or index: the element, or a cell that stays the same
FIXED = "fixed"  # a number or a register
OPERATOR = "operator"  # the name of a scalar operation on two words
REGISTER = "register"
WORDS = (WORD, TEST, ADDRESS)  # evaluated once, where the statement stands
BOUND = "fixed?"  # the last index of a loop; one that is given none never ends
OPTIONAL_STATEMENT = "statement?"
STATEMENTS = "statement*"  # two or more

Word = Callable[[], int]
Statement = Callable[[], Iterator[None]]


class Construct(NamedTuple):
    """A row of the language.

    A construct is a word or a statement (`result`) of arguments of the kinds above. Its weight, plus that of its
    arguments, orders the enumeration. `lines` are how many instructions it adds to those of its arguments, at least:
    with as few arguments as it takes, with one more, ...

    The meaning of a word is a function of the words that its arguments are; of a statement, a generator that is
    given its arguments as functions (words to call, statements to iterate) and yields as each round of a loop begins.

    The lowering of a word writes instructions that leave it in a register, from the registers that its arguments are
    in; the first may be one of the others. That of a statement is given its arguments as terms.
    """

    name: str
    result: str
    arguments: tuple[str, ...]
    weight: int
    lines: tuple[int, ...]
    meaning: Callable[..., Any]
    lower: Callable[..., None]
    opcode: str | None = None  # if the lowering is this one instruction, whatever its registers
    reads_memory: bool = False  # so that the word is no function of the arguments alone
    by_default: bool = True  # whether programs are built with it unless `synthesis.constructs` says so

    @property
    def sequential(self) -> bool:
        """Whether its arguments are statements one after the other."""
        return self.arguments == (STATEMENTS,)

    def own_lines(self, count: int) -> int:
        """How many lines it takes beside those of its `count` arguments, at least."""
        more = count - sum(not kind.endswith("?") for kind in self.arguments)
        return self.lines[min(more, len(self.lines) - 1)]

    def ends(self, count: int) -> bool:
        """Whether it ends by itself, given `count` arguments: a loop without a bound does not."""
        return self.arguments[-1:] != (BOUND,) or count == len(self.arguments)

    def kinds(self, count: int) -> tuple[str, ...] | None:
        """Of which kind each of `count` arguments is, or None if it does not take so many."""
        return _kinds(self.arguments, count)


@functools.cache
def _kinds(arguments: tuple[str, ...], count: int) -> tuple[str, ...] | None:
    if arguments == (STATEMENTS,):
        return (STATEMENT,) * count if count >= 2 else None
    needed = sum(not kind.endswith("?") for kind in arguments)
    if not needed <= count <= len(arguments):
        return None
    return tuple(kind.removesuffix("?") for kind in arguments[:count])

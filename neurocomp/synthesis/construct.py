"""A row of the high-level language: the kinds of its arguments, its weight, its meaning and its lowering."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from neurocomp.synthesis.terms import Term

# The kinds of arguments. `each` is evaluated in every round of a loop: it may use index and elem.
WORD, EACH_WORD, STATEMENT, EACH_STATEMENT = "word", "each word", "statement", "each statement"
TEST, EACH_TEST = "test", "each test"  # a word; enumeration leaves out constant words, which decide nothing
# A word; in a loop only a number, a register or index, so that the cell is the element or stays the same.
ADDRESS, EACH_ADDRESS = "address", "each address"
ENDING = "statement that ends"  # it may be followed by others
FIXED = "fixed"  # a number or a register
OPERATOR = "operator"  # the name of a scalar operation on two words
REGISTER = "register"
WORDS = (WORD, TEST, ADDRESS)  # evaluated once, where the statement stands
BOUND = "fixed?"  # the last index of a loop; without one, the loop never ends
OPTIONAL_STATEMENT = "statement?"
STATEMENTS = "statement*"  # two or more
# The kinds that open a loop, and what an argument has to be inside it.
EACH = {EACH_WORD: WORD, EACH_TEST: TEST, EACH_ADDRESS: ADDRESS, EACH_STATEMENT: ENDING}

Word = Callable[[], int]
Statement = Callable[[], Iterator[None]]


class Construct(NamedTuple):
    """A row of the language.

    A construct is a word or a statement (`result`) of arguments of the kinds above. Its weight, plus the weights of
    its arguments, orders the enumeration. `lines` gives the fewest instructions that it adds to those of its
    arguments: with as few arguments as it takes, with one more, ...

    The meaning of a word is a function from the words of its arguments to a word. The meaning of a statement is a
    generator: its arguments are functions (words to call, statements to iterate), and it yields at the beginning of
    each round of a loop.

    The lowering of a word writes instructions that leave it in a register (its first argument), given the registers
    of its arguments, of which that may be one. The lowering of a statement is given its arguments as terms.

    An abstraction (`language.py`) has a `body` of other constructs instead of a meaning and a lowering. Its arguments
    take the places of its `holes` there, in their order.
    """

    name: str
    result: str
    arguments: tuple[str, ...]
    weight: int
    lines: tuple[int, ...]
    meaning: Callable[..., Any]
    lower: Callable[..., None]
    opcode: str | None = None  # of the one instruction that is the whole lowering; None if it is not one instruction
    reads_memory: bool = False  # then the word is not a function of the arguments alone
    by_default: bool = True  # whether programs are built with it if `synthesis.constructs` names nothing
    holes: tuple[str, ...] = ()
    body: Term | None = None
    inside: bool = False  # whether the body has an index or an elem of the loop around it, so that there must be one
    outside: bool = False  # whether it has an address that a loop would compute anew in each round: there must be none
    endless: bool = False  # whether a loop of the body never ends

    @property
    def sequential(self) -> bool:
        """Whether its arguments are statements one after the other."""
        return self.arguments == (STATEMENTS,)

    def own_lines(self, count: int) -> int:
        """The fewest lines that it takes beside those of its `count` arguments."""
        more = count - sum(not kind.endswith("?") for kind in self.arguments)
        return self.lines[min(more, len(self.lines) - 1)]

    def ends(self, count: int) -> bool:
        """Whether it ends by itself, given `count` arguments: a loop without a bound does not."""
        return not self.endless and (self.arguments[-1:] != (BOUND,) or count == len(self.arguments))

    def kinds(self, count: int) -> tuple[str, ...] | None:
        """The kinds of `count` arguments, or None if it does not take that many."""
        return _kinds(self.arguments, count)


@functools.cache
def _kinds(arguments: tuple[str, ...], count: int) -> tuple[str, ...] | None:
    if arguments == (STATEMENTS,):
        return (STATEMENT,) * count if count >= 2 else None
    needed = sum(not kind.endswith("?") for kind in arguments)
    if not needed <= count <= len(arguments):
        return None
    return tuple(kind.removesuffix("?") for kind in arguments[:count])

"""The constructs of the high-level language: one row each, with its meaning on ints and its lowering to assembly.

A `Language` has these rows: parser, type check, evaluator, lowering and enumeration read it. A new one is one row here.
A meaning knows no assembly: it changes a `World`. A lowering knows no words: it writes instructions with an
`Assembler`. Tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from neurocomp.language.isa import OPCODES, Opcode, compute
from neurocomp.synthesis.assembler import Assembler
from neurocomp.synthesis.construct import (
    ADDRESS,
    BOUND,
    EACH_STATEMENT,
    EACH_TEST,
    EACH_WORD,
    FIXED,
    OPERATOR,
    OPTIONAL_STATEMENT,
    REGISTER,
    STATEMENT,
    STATEMENTS,
    TEST,
    WORD,
    Construct,
    Statement,
    Word,
)
from neurocomp.synthesis.terms import INDEX, Term
from neurocomp.synthesis.world import World


def of_opcode(opcode: Opcode) -> Construct:
    """An opcode that computes, as a scalar operation on words."""
    arity = len(opcode.operands) - 1

    def meaning(world: World, x: int, y: int = 0) -> int:
        return compute(opcode, x, y, world.base, world.mod_by_zero)

    def lower(assembler: Assembler, to: int, *sources: int) -> None:
        assembler.emit(opcode.name, *sources, to=to)

    return Construct(opcode.name, WORD, (WORD,) * arity, 1, (1,), meaning, lower, opcode.name)


# The meanings and lowerings of statements, in pairs.


def store(world: World, address: Word, value: Word) -> Iterator[None]:
    """M[address] = value. It is also the meaning of `put`, whose address may be any word."""
    world.memory[address()] = value()
    yield from ()


def exchange(world: World, address: Word) -> Iterator[None]:
    """M[address] becomes the smaller of itself and the cell behind it, which becomes the larger."""
    at = address()
    behind = (at + 1) % world.base
    words = world.memory[at], world.memory[behind]
    world.memory[at], world.memory[behind] = min(words), max(words)
    yield from ()


def lower_exchange(assembler: Assembler, address: Term) -> None:
    (where,) = assembler.words(address)
    behind, first, second, word = [assembler.temporary() for _ in range(4)]
    assembler.emit("inc", where, to=behind)
    assembler.emit("read", where, to=first)
    assembler.emit("read", behind, to=second)
    assembler.emit("min", first, second, to=word)
    assembler.emit("write", where, word)
    assembler.emit("max", first, second, to=word)
    assembler.emit("write", behind, word)
    assembler.release(where, behind, first, second, word)


def lower_store(assembler: Assembler, address: Term, value: Term) -> None:
    where, word = assembler.words(address, value)
    assembler.emit("write", where, word)
    assembler.release(where, word)


def set_register(world: World, register: int, value: Word) -> Iterator[None]:
    """R[register] = value.

    A program may not read a register that it sets (`grammar.check`), so registers that are read keep their start words.
    """
    world.registers[register] = value()
    yield from ()


def lower_set(assembler: Assembler, register: Term, value: Term) -> None:
    assembler.copy(value, assembler.register(register))


def repeat(world: World, body: Statement, last: Word | None = None) -> Iterator[None]:
    """The body at index 0, 1, 2, ..., `last`."""
    for _ in world.rounds(last):
        yield
        yield from body()


def lower_repeat(assembler: Assembler, body: Term, last: Term | None = None) -> None:
    loop = assembler.begin_loop()
    assembler.statement(body)
    assembler.end_loop(loop, last)


def map_list(world: World, function: Word, last: Word | None = None) -> Iterator[None]:
    """Every element becomes `function` of it."""
    for _ in world.rounds(last):
        yield
        world.memory[world.index] = function()


def lower_map(assembler: Assembler, function: Term, last: Term | None = None) -> None:
    lower_repeat(assembler, Term("store", (INDEX, function)), last)


def iterate(world: World, function: Word, last: Word | None = None) -> Iterator[None]:
    """The element after each becomes `function` of it: x, f(x), f(f(x)), ... from whatever cell 0 holds."""
    for _ in world.rounds(last):
        yield
        value = function()
        world.memory[(world.index + 1) % world.base] = value


def lower_iterate(assembler: Assembler, function: Term, last: Term | None = None) -> None:
    loop = assembler.begin_loop()
    assembler.same_element(function)
    # The word is written to the next cell, so the index moves on before the write. A word that is the index itself
    # would move with it, so it is copied.
    word = assembler.copy(function) if function == INDEX else assembler.words(function)[0]
    assembler.step(loop)
    assembler.emit("write", loop.index, word)
    assembler.release(word)
    assembler.end_loop(loop, last)


def update(world: World, test: Word, function: Word, last: Word | None = None) -> Iterator[None]:
    """Every element with a test that is not 0 becomes `function` of it."""
    for _ in world.rounds(last):
        yield
        if test():
            world.memory[world.index] = function()


def lower_update(assembler: Assembler, test: Term, function: Term, last: Term | None = None) -> None:
    loop = assembler.begin_loop()
    assembler.same_element(test, function)
    (tested,) = assembler.words(test)
    skip = assembler.jump(tested)
    assembler.release(tested)
    (word,) = assembler.words(function)
    assembler.emit("write", loop.index, word)
    assembler.release(word)
    assembler.land(skip)
    assembler.end_loop(loop, last)


def reduce_list(world: World, operator: Callable[[int, int], int], start: Word, last: Word) -> Iterator[None]:
    """The cell after the list = operator(... operator(operator(start, M[0]), M[1]) ..., M[last])."""
    total = start()
    for _ in world.rounds(last):
        yield
        total = operator(total, world.memory[world.index])
    world.memory[(last() + 1) % world.base] = total


def lower_reduce(assembler: Assembler, operator: Term, start: Term, last: Term) -> None:
    total = assembler.copy(start)
    loop = assembler.begin_loop()
    elem = assembler.temporary()
    assembler.emit("read", loop.index, to=elem)
    assembler.constructs[operator.name].lower(assembler, total, total, elem)
    assembler.release(elem)
    assembler.end_loop(loop, last)
    assembler.emit("write", loop.index, total)
    assembler.release(total)


def choose(world: World, test: Word, then: Statement, otherwise: Statement | None = None) -> Iterator[None]:
    """`then` where the test is not 0, else `otherwise`."""
    if test():
        yield from then()
    elif otherwise:
        yield from otherwise()


def lower_choose(assembler: Assembler, test: Term, then: Term, otherwise: Term | None = None) -> None:
    (tested,) = assembler.words(test)
    skip = assembler.jump(tested)
    assembler.release(tested)
    assembler.statement(then)
    if otherwise is not None:
        end = assembler.jump()
        assembler.land(skip)
        assembler.statement(otherwise)
        skip = end
    assembler.land(skip)


def unless(world: World, test: Word, then: Statement) -> Iterator[None]:
    """`then` where the test is 0."""
    if not test():
        yield from then()


def lower_unless(assembler: Assembler, test: Term, then: Term) -> None:
    (tested,) = assembler.words(test)
    enter = assembler.jump(tested)
    assembler.release(tested)
    skip = assembler.jump()
    assembler.land(enter)
    assembler.statement(then)
    assembler.land(skip)


def sequence(world: World, *statements: Statement) -> Iterator[None]:
    """The statements one after the other."""
    for statement in statements:
        yield from statement()


def lower_sequence(assembler: Assembler, *statements: Term) -> None:
    for statement in statements:
        assembler.statement(statement)


def noop(world: World) -> Iterator[None]:
    """Do nothing: it takes a line that tuning may use."""
    yield from ()


SCALARS = tuple(of_opcode(opcode) for opcode in OPCODES if opcode.result and len(opcode.operands) > 1)
# exchange is what sorting lacks: programs of the other rows keep no word of memory while they write another.
# Programs are not built with put by default: with it, 3 of about 800,000 programs leave the right words of fib on its 7
# lines. Those are the same for every example, and all three programs leave them only because the last step ends the run
# in the middle of a round.
STATEMENT_ROWS = (
    Construct("store", STATEMENT, (ADDRESS, WORD), 1, (1,), store, lower_store),
    Construct("map", STATEMENT, (EACH_WORD, BOUND), 1, (3, 5), map_list, lower_map),
    Construct("iterate", STATEMENT, (EACH_WORD, BOUND), 1, (3, 5), iterate, lower_iterate),
    Construct("update", STATEMENT, (EACH_TEST, EACH_WORD, BOUND), 1, (4, 6), update, lower_update),
    Construct("reduce", STATEMENT, (OPERATOR, FIXED, FIXED), 1, (7,), reduce_list, lower_reduce),
    Construct("loop", STATEMENT, (EACH_STATEMENT, BOUND), 1, (2, 4), repeat, lower_repeat),
    Construct("if", STATEMENT, (TEST, STATEMENT, OPTIONAL_STATEMENT), 1, (1, 2), choose, lower_choose),
    Construct("unless", STATEMENT, (TEST, STATEMENT), 1, (2,), unless, lower_unless),
    Construct("seq", STATEMENT, (STATEMENTS,), 1, (0,), sequence, lower_sequence),
    Construct("set", STATEMENT, (REGISTER, WORD), 1, (0,), set_register, lower_set),
    Construct("put", STATEMENT, (WORD, WORD), 1, (1,), store, lower_store, by_default=False),
    Construct("exchange", STATEMENT, (ADDRESS,), 1, (7,), exchange, lower_exchange, by_default=False),
    Construct("noop", STATEMENT, (), 1, (1,), noop, lambda assembler: assembler.emit("noop"), by_default=False),
)
READ = Construct(
    "read",
    WORD,
    (WORD,),
    1,
    (1,),
    meaning=lambda world, address: world.memory[address],
    lower=lambda assembler, to, address: assembler.emit("read", address, to=to),
    opcode="read",
    reads_memory=True,
)

CONSTRUCTS = {row.name: row for row in (*SCALARS, READ, *STATEMENT_ROWS)}

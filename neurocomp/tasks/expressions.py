"""Integers in a task file: numbers, expressions in `length` and `base`, and ranges `low..high` of them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

from neurocomp.errors import UserError

# Python's own numbers are more (1_000, 0o17, 0x1f, 1e3), and it takes letters of other scripts for these.
CHARACTERS = re.compile(r"[a-z0-9 \t\n+*/%()-]*")
NOT_DECIMAL = re.compile(r"[0-9][a-z]")

OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: lambda x, y: x // y,
    ast.Mod: operator.mod,
}

LONGEST = 1000  # characters: products of long numbers would take memory by themselves
LARGEST = 2**63  # words, sizes and steps are int64 in every array


def evaluate(given: object, names: Mapping[str, int], where: str, used: set[str] | None = None) -> int:
    """The value of an int or of an expression like `5*length + 1`; only + - * // % and the names given.

    Names that occur are added to `used`. Raises UserError naming `where`.
    """
    if isinstance(given, int) and not isinstance(given, bool):
        return _bounded(given, str(given), where)
    written = {"None": "null", "True": "true", "False": "false"}.get(str(given), given)
    problem = UserError(f'{where}: "{written}" is not an integer or an expression in {", ".join(names)} (+ - * // %)')
    if not isinstance(given, str) or not CHARACTERS.fullmatch(given) or NOT_DECIMAL.search(given):
        raise problem
    if len(given) > LONGEST:
        raise UserError(f"{where}: an expression of {len(given):,} characters; expected at most {LONGEST:,}")
    try:
        value = _value(ast.parse(given.strip(), mode="eval").body, names, used if used is not None else set())
    except (SyntaxError, KeyError, TypeError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        raise problem from None
    return _bounded(value, given, where)


def _bounded(value: int, given: str, where: str) -> int:
    if abs(value) >= LARGEST:
        raise UserError(f"{where}: {given[:40]}{'...' * (len(given) > 40)} is beyond 2^63, expected a smaller number")
    return value


def _value(node: ast.expr, names: Mapping[str, int], used: set[str]) -> int:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            value = names[name]
            used.add(name)
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names, used)
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATIONS[type(op)](_value(left, names, used), _value(right, names, used))
        case _:
            raise ValueError


def evaluate_range(
    given: object, names: Mapping[str, int], where: str, used: set[str] | None = None
) -> tuple[int, int]:
    """The two ends, both included, of `low..high`; a single integer or expression n is n..n."""
    if isinstance(given, str) and given.strip() == "random":
        return 0, names["base"] - 1
    ends = given.split("..") if isinstance(given, str) else [given]
    if len(ends) > 2:
        raise UserError(f'{where}: "{given}" has more than one ".."; expected low..high')
    low, high = (evaluate(end, names, where, used) for end in (ends[0], ends[-1]))
    if low > high:
        raise UserError(f'{where}: "{given}" is empty, {low} > {high}')
    return low, high

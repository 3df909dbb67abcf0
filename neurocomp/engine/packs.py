"""Numbers that are packs of examples: the type `Pack` and pointers to it, for kernels compiled by Numba.

A kernel reads like arithmetic on one example; each of its numbers is a SIMD register that holds the same number
of several examples. Nothing moves between the lanes of a pack except in `total`. `+ - * /` take packs and scalars.
"""

from __future__ import annotations

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from neurocomp.limits.estimates import PACK_BYTES

WORD = ir.IntType(64)
# Only the fusing of a product and a sum is allowed: nothing that presumes numbers to be finite or reorders sums.
FUSE = ("contract",)


class Pack(types.Type):
    """As many floats of `dtype` as fill PACK_BYTES."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.lanes = 8 * PACK_BYTES // dtype.bitwidth
        super().__init__(name=f"Pack({dtype} x {self.lanes})")


@register_model(Pack)
class PackModel(models.PrimitiveModel):
    def __init__(self, manager, pack):
        element = manager.lookup(pack.dtype).get_value_type()
        super().__init__(manager, pack, ir.VectorType(element, pack.lanes))


def _result(a, b):
    """The type of an operation on a and b: a pack if one of them is a pack and the other the same pack or a number."""
    for pack, other in ((a, b), (b, a)):
        if isinstance(pack, Pack) and (other == pack or isinstance(other, types.Float | types.Integer)):
            return pack
    return None


def _splat(context, builder, value, given, pack):
    """`value` of type `given` in every lane; a pack stays as it is."""
    if isinstance(given, Pack):
        return value
    scalar = context.cast(builder, value, given, pack.dtype)
    vector = context.get_value_type(pack)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.IntType(32)(0))
    pattern = ir.Constant(ir.VectorType(ir.IntType(32), pack.lanes), [0] * pack.lanes)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), pattern)


def _define(function, instruction):
    """Let `function` (an operator) work on packs by way of LLVM's `instruction`."""

    @type_callable(function)
    def typing(context):
        return _result

    def lowering(context, builder, signature, arguments):
        pack = signature.return_type
        a, b = (_splat(context, builder, *pair, pack) for pair in zip(arguments, signature.args, strict=True))
        return getattr(builder, instruction)(a, b, flags=FUSE)

    for a, b in ((Pack, Pack), (Pack, types.Float), (Pack, types.Integer), (types.Float, Pack), (types.Integer, Pack)):
        lower_builtin(function, a, b)(lowering)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define(_function, _instruction)


@intrinsic
def filled(typingctx, like, value):
    """A pack like `like` with `value` in every lane."""

    def generate(context, builder, signature, arguments):
        return _splat(context, builder, arguments[1], signature.args[1], signature.return_type)

    return like(like, value), generate


@intrinsic
def maximum(typingctx, a, b):
    """The larger of a and b, lane by lane; b where one of them is NaN."""

    def generate(context, builder, signature, arguments):
        a, b = arguments
        return builder.select(builder.fcmp_ordered(">", a, b), a, b)

    return a(a, b), generate


@intrinsic
def equal(typingctx, a, b):
    """1 where a = b and 0 elsewhere."""
    return a(a, b), _comparison("==")


@intrinsic
def above(typingctx, a, b):
    """1 where a > b and 0 elsewhere."""
    return a(a, b), _comparison(">")


def _comparison(symbol):
    def generate(context, builder, signature, arguments):
        return builder.uitofp(builder.fcmp_ordered(symbol, *arguments), arguments[0].type)

    return generate


# Degree of the polynomial, mantissa bits, exponent bias.
_FORMATS = {32: (6, 23, 127), 64: (11, 52, 1023)}


def _exp2_coefficients(degree):
    """A polynomial for 2^r on [-1/2, 1/2], by Chebyshev's points: relative error 2e-9 (degree 6), 3e-18 (degree 11)."""
    fit = np.polynomial.Chebyshev.interpolate(np.exp2, degree, domain=[-0.5, 0.5])
    return fit.convert(kind=np.polynomial.Polynomial).coef


def _exp2(lowest_is_zero):
    """2 to the power of each lane, for exponents <= 0; a power that would be subnormal is zero, or the smallest normal.

    The exponent is an integer n plus a rest r, |r| <= 1/2. Floats near 1.5 * 2^mantissa are 1 apart, so adding that
    rounds to n and leaves it in the lowest bits. A shift moves them to the place of a float's exponent, and adding the
    bias there makes 2^n. For n = -bias, the lowest with `lowest_is_zero`, it makes 0. NaN stays NaN.
    """

    def exp2(typingctx, exponent):
        degree, mantissa, bias = _FORMATS[exponent.dtype.bitwidth]

        def generate(context, builder, signature, arguments):
            vector = arguments[0].type
            bits = ir.VectorType(ir.IntType(exponent.dtype.bitwidth), exponent.lanes)

            def constant(value):
                return ir.Constant(vector, [float(value)] * exponent.lanes)

            def integer(value):
                return ir.Constant(bits, [value] * exponent.lanes)

            lowest = constant(-bias if lowest_is_zero else 1 - bias)
            t = builder.select(builder.fcmp_ordered("<", arguments[0], lowest), lowest, arguments[0])
            shifted = builder.fadd(t, constant(1.5 * 2.0**mantissa))
            rest = builder.fsub(t, builder.fsub(shifted, constant(1.5 * 2.0**mantissa)))
            *lower, power = (constant(c) for c in _exp2_coefficients(degree))
            for coefficient in reversed(lower):
                power = builder.fadd(builder.fmul(power, rest, flags=FUSE), coefficient, flags=FUSE)
            raised = builder.shl(builder.bitcast(shifted, bits), integer(mantissa))
            scale = builder.bitcast(builder.add(raised, integer(bias << mantissa)), vector)
            return builder.fmul(power, scale)

        return exponent(exponent), generate

    return intrinsic(exp2)


exp2, exp2_or_zero = _exp2(lowest_is_zero=False), _exp2(lowest_is_zero=True)


@intrinsic
def total(typingctx, pack):
    """The sum over the lanes of a pack, half to half until one is left: always in the same order."""

    def generate(context, builder, signature, arguments):
        value, count = arguments[0], pack.lanes
        while count > 1:
            count //= 2
            index = ir.VectorType(ir.IntType(32), count)
            low, high = (ir.Constant(index, list(range(start, start + count))) for start in (0, count))
            halves = (builder.shuffle_vector(value, value, half) for half in (low, high))
            value = builder.fadd(*halves)
        return builder.extract_element(value, ir.IntType(32)(0))

    return pack.dtype(pack), generate


@intrinsic
def fma(typingctx, a, b, c):
    """a b + c of single numbers, rounded once."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return a(a, b, c), generate


def _address(context, builder, array, value):
    return context.make_array(array)(context, builder, value=value).data


@intrinsic
def numbers(typingctx, array):
    """A pointer to the first number of an array, which must outlive it."""

    def generate(context, builder, signature, arguments):
        return _address(context, builder, array, arguments[0])

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def packs(typingctx, array):
    """A pointer to packs inside an array of numbers, which must outlive it: the first place that is aligned."""

    def generate(context, builder, signature, arguments):
        start = builder.ptrtoint(_address(context, builder, array, arguments[0]), WORD)
        aligned = builder.and_(builder.add(start, WORD(63)), WORD(~63))
        return builder.inttoptr(aligned, context.get_value_type(signature.return_type))

    return types.CPointer(Pack(array.dtype))(array), generate


@intrinsic
def at(typingctx, pointer, offset):
    """The pointer `offset` places further."""

    def generate(context, builder, signature, arguments):
        place = context.cast(builder, arguments[1], signature.args[1], types.int64)
        return builder.gep(arguments[0], [place])

    return pointer(pointer, offset), generate


@intrinsic
def lanes_of(typingctx, pointer):
    """The same place, as a pointer to the single numbers in the packs."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(pointer.dtype.dtype)(pointer), generate


@intrinsic
def lane_count(typingctx, pointer):
    """How many numbers stand in one of the packs that the pointer points to."""

    def generate(context, builder, signature, arguments):
        return WORD(pointer.dtype.lanes)

    return types.int64(pointer), generate

"""A float32 vector type: the building blocks that tiles, pairs and paths are written in.

Owns what a vector register can do; knows nothing of rows, words or learning. LLVM's own vectoriser
gives up on loops over many rows that may alias, so kernels are written as LLVM IR: Python loops
unroll them at compile time. A vector has ``LANES`` lanes; LLVM splits it where the machine is
narrower. Functions here add code to a builder and return the value that it computes.
"""

from __future__ import annotations

import math
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import config as numba_config
from numba.core import cgutils

ROW_MULTIPLE = 16
"""Rows are padded to a multiple of so many floats (64 bytes, a cache line), on every machine."""

CACHE_LINE_BYTES = 64


def _has_avx512() -> bool:
    features = getattr(numba_config, "CPU_FEATURES", None)
    if features is not None:
        return "+avx512f" in features
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512f", False))


def _adds_apart() -> bool:
    """Whether products and sums have units of their own, as on AMD's Zen."""
    name = getattr(numba_config, "CPU_NAME", None) or llvmlite.binding.get_host_cpu_name()
    return str(name).startswith("znver")


ADDS_APART = _adds_apart()

LANES = 16 if _has_avx512() else 8
"""Floats in a vector register: 16 with AVX-512, else 8, which LLVM halves for SSE and NEON."""

F32 = ir.FloatType()
I32 = ir.IntType(32)
I64 = ir.IntType(64)
VEC = ir.VectorType(F32, LANES)
IVEC = ir.VectorType(I32, LANES)
VEC_BYTES = 4 * LANES
NOTHING = ir.Constant(ir.IntType(8).as_pointer(), None)
"""What the code of a void intrinsic returns to Numba."""


def padded(vector_size: int) -> int:
    """Floats in a row of the matrices for vectors of this size."""
    return -(-vector_size // ROW_MULTIPLE) * ROW_MULTIPLE


def splat(builder: Any, scalar: Any, lanes: int = LANES) -> Any:
    """A vector with a scalar in every lane."""
    vec_type = ir.VectorType(scalar.type, lanes)
    first = builder.insert_element(ir.Constant(vec_type, ir.Undefined), scalar, I32(0))
    zeros = ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)
    return builder.shuffle_vector(first, ir.Constant(vec_type, ir.Undefined), zeros)


def constant(value: float | list[float], lanes: int = LANES) -> Any:
    """A vector of one value in every lane, or of one for each."""
    values = value if isinstance(value, list) else [value] * lanes
    return ir.Constant(ir.VectorType(F32, len(values)), [ir.Constant(F32, v) for v in values])


def int_constant(value: int) -> Any:
    """A vector of one int32 in every lane."""
    return ir.Constant(IVEC, [ir.Constant(I32, value)] * LANES)


def pointer_to(builder: Any, address: Any, byte_offset: Any, element: Any) -> Any:
    """A pointer to an element so many bytes behind an address."""
    return builder.inttoptr(builder.add(address, byte_offset), element.as_pointer())


def load(builder: Any, address: Any, byte_offset: Any, lanes: int = LANES) -> Any:
    """A vector of float32 from memory that is aligned to its size."""
    vector = ir.VectorType(F32, lanes)
    pointer = pointer_to(builder, address, byte_offset, vector)
    return builder.load(pointer, align=4 * lanes, typ=vector)


def store(builder: Any, value: Any, address: Any, byte_offset: Any) -> None:
    """Write a vector of float32 to memory that is aligned to its size."""
    pointer = pointer_to(builder, address, byte_offset, value.type)
    builder.store(value, pointer, align=4 * value.type.count)


def load_float_splat(builder: Any, address: Any, byte_offset: Any, lanes: int) -> Any:
    """A vector with a float32 from memory in every lane."""
    value = builder.load(pointer_to(builder, address, byte_offset, F32), align=4, typ=F32)
    return splat(builder, value, lanes)


def load_address(builder: Any, address: Any, index: int) -> Any:
    """The index-th of the addresses at an address."""
    return builder.load(pointer_to(builder, address, I64(8 * index), I64), align=8, typ=I64)


def ask_for(builder: Any, address: Any, byte_offset: Any) -> None:
    """Ask for a cache line, for the second cache: in the first it would displace what is in use."""
    byte = ir.IntType(8)
    function_type = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), I32, I32, I32])
    name = "llvm.prefetch.p0"
    function = cgutils.get_or_insert_function(builder.module, function_type, name)
    pointer = pointer_to(builder, address, byte_offset, byte)
    builder.call(function, [pointer, I32(0), I32(2), I32(1)])


def _call(builder: Any, name: str, args: list[Any]) -> Any:
    function_type = ir.FunctionType(args[0].type, [arg.type for arg in args])
    function = cgutils.get_or_insert_function(builder.module, function_type, name)
    return builder.call(function, args)


def fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """A * b + c, rounded once where the machine can; emulated, it takes twenty times as long."""
    return _call(builder, f"llvm.fmuladd.v{a.type.count}f32", [a, b, c])


def axpy(builder: Any, a: Any, x: Any, y: Any) -> Any:
    """A * x + y for a vector that is stored at once, where little else is done.

    On Zen it is rounded twice: a fused operation keeps a store waiting, so that one of each takes
    1.5 cycles instead of one (measured on Zen 3).
    """
    return builder.fadd(builder.fmul(a, x), y) if ADDS_APART else fma(builder, a, x, y)


def narrowed(builder: Any, vector: Any, lanes: int) -> Any:
    """The first lanes of a vector."""
    if lanes == vector.type.count:
        return vector
    return builder.shuffle_vector(
        vector, vector, ir.Constant(ir.VectorType(I32, lanes), list(range(lanes)))
    )


def widened(builder: Any, vector: Any) -> Any:
    """A whole vector: lanes of a narrower one, then zeros."""
    lanes = [*range(vector.type.count), *[vector.type.count] * (LANES - vector.type.count)]
    zeros = constant(0.0, vector.type.count)
    return builder.shuffle_vector(vector, zeros, ir.Constant(IVEC, lanes))


def sum_lanes(builder: Any, vectors: list[Any]) -> Any:
    """One vector whose lane i is the sum of ``vectors[i]``: a tree of shuffles and additions.

    At each level neighbours are merged: every other group of lanes of the one stays where it is,
    as do the others of its neighbour, and what they lack comes in from beside. Groups begin as
    single lanes, so after log2(LANES) levels one vector is left, in the order of the list.
    """
    vectors = vectors + [constant(0.0)] * (LANES - len(vectors))
    width = 1
    while width < LANES:
        # Lanes with this bit clear are the first vector's, set the second's, counted from LANES.
        second = [LANES * bool(lane & width) for lane in range(LANES)]
        stays = ir.Constant(IVEC, [lane + second[lane] for lane in range(LANES)])
        comes = ir.Constant(IVEC, [(lane ^ width) + second[lane] for lane in range(LANES)])
        vectors = [
            builder.fadd(builder.shuffle_vector(a, b, stays), builder.shuffle_vector(a, b, comes))
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        width *= 2
    return vectors[0]


# 2^r = 1 + r * P(r) on |r| <= 1/2: least greatest relative error, 1.1e-7 in float32.
_EXP2_POLYNOMIAL = (
    1.326472731307149e-3,
    9.671512991189957e-3,
    5.550733581185341e-2,
    2.4022242426872253e-1,
    6.931470036506653e-1,
    1.0,
)


def _nearest_float32(value: float) -> float:
    return float(np.float32(value))


def _exp2(builder: Any, x: Any) -> Any:
    """2^x on every lane for |x| <= 125 (larger ones are clamped), relative error below 2e-7."""
    x = _call(builder, f"llvm.minnum.v{LANES}f32", [x, constant(125.0)])
    x = _call(builder, f"llvm.maxnum.v{LANES}f32", [x, constant(-125.0)])
    n = _call(builder, f"llvm.rint.v{LANES}f32", [x])
    r = builder.fsub(x, n)
    p = constant(_EXP2_POLYNOMIAL[0])
    for coefficient in _EXP2_POLYNOMIAL[1:]:
        p = fma(builder, p, r, constant(coefficient))
    # Times 2^n: n is added to the exponent.
    power = builder.shl(builder.fptosi(n, IVEC), int_constant(23))
    return builder.bitcast(builder.add(builder.bitcast(p, IVEC), power), VEC)


def odds_against(builder: Any, dots: Any, signs: Any) -> Any:
    """Odds (1 - p) / p against the label of each lane, p = sigmoid(s d); at most 2^125."""
    log2_e = constant(_nearest_float32(-1.0 / math.log(2.0)))
    return _exp2(builder, builder.fmul(dots, builder.fmul(signs, log2_e)))


def split_power(builder: Any, positive: Any) -> tuple[Any, Any]:
    """Mantissa in [1, 2) and power of two, an int32, of each lane of a vector of normal numbers."""
    bits = builder.bitcast(positive, IVEC)
    power = builder.sub(builder.lshr(bits, int_constant(23)), int_constant(127))
    mantissa = builder.or_(builder.and_(bits, int_constant(0x7FFFFF)), int_constant(0x3F800000))
    return builder.bitcast(mantissa, VEC), power


def errors_of_dots(
    builder: Any, errors_at: Any, signs: Any, likelihood_at: Any, exponent_at: Any
) -> None:
    """Replace a vector of dot products by errors; see :func:`tile_errors`."""
    odds = odds_against(builder, load(builder, errors_at, I64(0)), signs)
    p = builder.fdiv(constant(1.0), builder.fadd(odds, constant(1.0)))
    # 1 - p without cancellation is odds * p.
    error = builder.fmul(signs, builder.fmul(odds, p))
    store(builder, error, errors_at, I64(0))
    product = builder.fmul(load(builder, likelihood_at, I64(0)), p)
    mantissa, power = split_power(builder, product)
    exponent_pointer = pointer_to(builder, exponent_at, I64(0), IVEC)
    old = builder.load(exponent_pointer, align=VEC_BYTES, typ=IVEC)
    builder.store(builder.add(old, power), exponent_pointer, align=VEC_BYTES)
    store(builder, mantissa, likelihood_at, I64(0))

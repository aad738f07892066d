"""Register code for scores: the logarithm of a product of probabilities, and means of windows.

Training needs the error of every dot product; a score needs only how likely all labels were. With
the odds o = (1 - p) / p against a label, -log p is log(1 + o): no division, and one logarithm for
the product over many inputs, lane by lane.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from w2v_online.simd.registers import (
    I32,
    I64,
    IVEC,
    LANES,
    NOTHING,
    VEC,
    VEC_BYTES,
    constant,
    fma,
    int_constant,
    load,
    load_address,
    narrowed,
    odds_against,
    splat,
    split_power,
    store,
    sum_lanes,
)
from w2v_online.simd.tiles import lane_groups

FOUR = 4

# log2(1 + r) = r * P(r) on sqrt(1/2) <= 1 + r < sqrt(2): least greatest relative error, 3e-7 in
# float32. At 0 it is exact.
_LOG2_POLYNOMIAL = (
    -0.1458117232334675,
    0.2340423854525212,
    -0.24887685989111985,
    0.2870986974738236,
    -0.3602396399228707,
    0.4809232423768649,
    -0.7213527880605843,
    1.4426949619868448,
)

_SQRT_HALF_BITS = 0x3F3504F3
"""sqrt(1/2) as float32; what is added to the exponent's bits by it is rounded to the nearest."""


def _log2(builder: Any, values: Any) -> Any:
    """log2 of each lane of a vector of positive normal numbers."""
    bits = builder.bitcast(values, IVEC)
    power = builder.ashr(builder.sub(bits, int_constant(_SQRT_HALF_BITS)), int_constant(23))
    nearest = builder.sub(bits, builder.shl(power, int_constant(23)))
    r = builder.fsub(builder.bitcast(nearest, VEC), constant(1.0))
    p = constant(_LOG2_POLYNOMIAL[0])
    for coefficient in _LOG2_POLYNOMIAL[1:]:
        p = fma(builder, p, r, constant(coefficient))
    return fma(builder, p, r, builder.sitofp(power, VEC))


def _minus_log_sigmoid(builder: Any, dots: Any, signs: Any) -> Any:
    """-log sigmoid(s d) of each lane."""
    logs = _log2(builder, builder.fadd(odds_against(builder, dots, signs), constant(1.0)))
    return builder.fmul(logs, constant(math.log(2.0)))


def _sum(builder: Any, vector: Any) -> Any:
    """The sum of all lanes, by halves."""
    lanes = vector.type.count
    while lanes > 1:
        lanes //= 2
        low, high = (
            ir.Constant(ir.VectorType(I32, lanes), list(range(first, first + lanes)))
            for first in (0, lanes)
        )
        vector = builder.fadd(
            builder.shuffle_vector(vector, vector, low),
            builder.shuffle_vector(vector, vector, high),
        )
    return builder.extract_element(vector, I32(0))


@intrinsic
def four_dots(_typing: Any, tile: Any, row: Any, rows: Any, dots: Any) -> Any:
    """Dot products of one row with four others: little code, which loops.

    Addresses: ``row`` of the one, ``rows`` of the int64 addresses of the four, ``dots`` of four
    float32, written.
    """
    shape = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, row_at, rows_at, dots_at = args
        others = [load_address(builder, rows_at, k) for k in range(FOUR)]
        sums = [constant(0.0)] * FOUR
        for offset, lanes in lane_groups(shape):
            x = load(builder, row_at, I64(offset), lanes)
            for k, other in enumerate(others):
                y = load(builder, other, I64(offset), lanes)
                sums[k] = fma(builder, x, y, sums[k])
        store(builder, narrowed(builder, sum_lanes(builder, sums), FOUR), dots_at, I64(0))
        return NOTHING

    return types.void(tile, row, rows, dots), codegen


@intrinsic
def four_dots_of_two(_typing: Any, tile: Any, inputs: Any, rows: Any, dots: Any) -> Any:
    """Dot products of two rows with four others, which are read once for both.

    Addresses: ``inputs`` and ``rows`` of the int64 addresses of the two and of the four, ``dots``
    of a vector for each of the two, whose first four lanes are written.
    """
    shape = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, inputs_at, rows_at, dots_at = args
        input_rows = [load_address(builder, inputs_at, i) for i in range(2)]
        others = [load_address(builder, rows_at, k) for k in range(FOUR)]
        sums = [[constant(0.0)] * FOUR for _ in input_rows]
        for offset, lanes in lane_groups(shape):
            xs = [load(builder, row, I64(offset), lanes) for row in input_rows]
            for k, other in enumerate(others):
                y = load(builder, other, I64(offset), lanes)
                for i, x in enumerate(xs):
                    sums[i][k] = fma(builder, x, y, sums[i][k])
        for i, dots_of_row in enumerate(sums):
            four = narrowed(builder, sum_lanes(builder, dots_of_row), FOUR)
            store(builder, four, dots_at, I64(VEC_BYTES * i))
        return NOTHING

    return types.void(tile, inputs, rows, dots), codegen


@intrinsic
def one_dot(_typing: Any, tile: Any, row: Any, other: Any) -> Any:
    """Dot product of the rows at two addresses, float32."""
    shape = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, row_at, other_at = args
        total = constant(0.0)
        for offset, lanes in lane_groups(shape):
            x, y = (load(builder, address, I64(offset), lanes) for address in (row_at, other_at))
            total = fma(builder, x, y, total)
        return _sum(builder, total)

    return types.float32(tile, row, other), codegen


@intrinsic
def minus_log_sigmoid(_typing: Any, dots: Any, out: Any) -> Any:
    """-log sigmoid(d) for each lane of the vector at the address ``dots``, written to ``out``."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        dots_at, out_at = args
        logs = _minus_log_sigmoid(builder, load(builder, dots_at, I64(0)), constant(1.0))
        store(builder, logs, out_at, I64(0))
        return NOTHING

    return types.void(dots, out), codegen


@intrinsic
def minus_log_likelihoods(_typing: Any, dots: Any, signs: Any) -> Any:
    """Replace a vector of dot products d by -log sigmoid(s d), by 0 where the sign s is 0."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        dots_at, signs_at = args
        labels = load(builder, signs_at, I64(0))
        logs = _minus_log_sigmoid(builder, load(builder, dots_at, I64(0)), labels)
        counted = builder.fmul(labels, labels)
        store(builder, builder.fmul(logs, counted), dots_at, I64(0))
        return NOTHING

    return types.void(dots, signs), codegen


@intrinsic
def sum_of_four(_typing: Any, values: Any) -> Any:
    """The sum of four float32 at an address."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _sum(builder, load(builder, args[0], I64(0), FOUR))

    return types.float32(values), codegen


@intrinsic
def log_likelihood(_typing: Any, count: Any, used: Any, dots: Any, signs: Any) -> Any:
    """Sum of log sigmoid(s d) over ``count`` vectors of dot products d, as float64.

    Of each vector only the first ``used`` lanes count. ``dots`` is the address of the vectors,
    ``signs`` of one vector with the s of each lane. Where d is beyond 86 in either direction it
    counts as that.
    """

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        n_vectors, n_used, dots_at, signs_at = args
        labels = load(builder, signs_at, I64(0))
        lanes = ir.Constant(IVEC, [I32(lane) for lane in range(LANES)])
        is_used = builder.icmp_signed("<", lanes, splat(builder, builder.trunc(n_used, I32)))
        mantissas = cgutils.alloca_once_value(builder, constant(1.0))
        powers = cgutils.alloca_once_value(builder, int_constant(0))
        with cgutils.for_range(builder, n_vectors, intp=I64) as loop:
            dots_now = load(builder, dots_at, builder.mul(loop.index, I64(VEC_BYTES)))
            odds = odds_against(builder, dots_now, labels)
            odds = builder.select(is_used, odds, constant(0.0))
            # m (1 + o) below 2 * 2^126: normalised before it could overflow.
            mantissa = builder.load(mantissas, typ=VEC)
            mantissa, power = split_power(builder, fma(builder, mantissa, odds, mantissa))
            builder.store(mantissa, mantissas)
            builder.store(builder.add(builder.load(powers, typ=IVEC), power), powers)
        logs = builder.fadd(
            _log2(builder, builder.load(mantissas, typ=VEC)),
            builder.sitofp(builder.load(powers, typ=IVEC), VEC),
        )
        total = builder.fpext(_sum(builder, logs), ir.DoubleType())
        return builder.fmul(total, ir.Constant(ir.DoubleType(), -math.log(2.0)))

    return types.float64(count, used, dots, signs), codegen


@intrinsic
def slide_window(
    _typing: Any, tile: Any, total: Any, added: Any, removed: Any, gap: Any, mean: Any, scale: Any
) -> Any:
    """Let a window's sum of rows slide by one, and write the mean of all but one of its rows.

    total += added - removed  and  mean = scale * (total - gap). Every argument but the tile and
    ``scale`` is the address of a row; a row of zeros stands for none.
    """
    shape = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, total_at, added_at, removed_at, gap_at, mean_at, factor = args
        for offset, lanes in lane_groups(shape):
            total, added, removed, gap = (
                load(builder, address, I64(offset), lanes)
                for address in (total_at, added_at, removed_at, gap_at)
            )
            total = builder.fadd(total, builder.fsub(added, removed))
            store(builder, total, total_at, I64(offset))
            rest = builder.fmul(builder.fsub(total, gap), splat(builder, factor, lanes))
            store(builder, rest, mean_at, I64(offset))
        return NOTHING

    return types.void(tile, total, added, removed, gap, mean, types.float32), codegen

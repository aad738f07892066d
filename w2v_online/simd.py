"""A float32 vector type and the register tiles that the training kernels are made of.

Owns how a window's dot products and updates map onto vector registers; knows nothing of words,
sampling or learning rates. LLVM's own vectoriser gives up on loops over many rows that may
alias, so the tiles are written as LLVM IR: Python loops unroll them for one :class:`Tile` shape
at compile time. A vector has ``LANES`` lanes; LLVM splits it where the machine is narrower.

Notation (Rong 2014, eq. 55-59): x are input rows, y output rows, t the label, p the probability
that the model gives to the label that was seen, and g = t - sigmoid(x . y).
"""

from __future__ import annotations

import math
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import config as numba_config
from numba import types
from numba.core import cgutils
from numba.extending import (
    NativeValue,
    intrinsic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

ROW_MULTIPLE = 16
"""Rows are padded to a multiple of so many floats (64 bytes, a cache line), on every machine."""

CACHE_LINE_BYTES = 64


def _has_avx512() -> bool:
    features = getattr(numba_config, "CPU_FEATURES", None)
    if features is not None:
        return "+avx512f" in features
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512f", False))


LANES = 16 if _has_avx512() else 8
"""Floats in a vector register: 16 with AVX-512, else 8, which LLVM halves for SSE and NEON."""

F32 = ir.FloatType()
I32 = ir.IntType(32)
I64 = ir.IntType(64)
VEC = ir.VectorType(F32, LANES)
IVEC = ir.VectorType(I32, LANES)
VEC_BYTES = 4 * LANES
_NOTHING = ir.Constant(ir.IntType(8).as_pointer(), None)
"""What the code of a void intrinsic returns to Numba."""


def padded(vector_size: int) -> int:
    """Floats in a row of the matrices for vectors of this size."""
    return -(-vector_size // ROW_MULTIPLE) * ROW_MULTIPLE


class Tile:
    """The shape a kernel is compiled for: passed as an argument, its numbers become constants.

    Parameters
    ----------
    vector_size
        Floats of a row that are in use.
    outputs
        Output rows that each input row meets: the target and the negatives, or inner nodes.
    mean
        The input is the mean of a window's rows (CBOW), not each of them (skip-gram).
    signs
        Labels are read from memory (+1 or -1); else the first row has label 1, the others 0.

    """

    def __init__(
        self, vector_size: int, outputs: int, *, mean: bool = False, signs: bool = False
    ) -> None:
        if vector_size < 1 or outputs < 1:
            raise ValueError("vector_size and outputs must be at least 1")
        self.vector_size = vector_size
        self.outputs = outputs
        self.mean = mean
        self.signs = signs

    @property
    def row_floats(self) -> int:
        """Floats in a padded row."""
        return padded(self.vector_size)

    @property
    def tail_lanes(self) -> int:
        """Lanes of the narrowest vector for what whole vectors leave of a row, 0 for none."""
        rest = self.vector_size % LANES
        return next(lanes for lanes in (0, 4, 8, 16) if lanes >= rest)

    @property
    def inputs(self) -> int:
        """Input rows whose dot products are computed together."""
        return 2 if 2 * self.outputs <= 16 and not self.mean else 1

    @property
    def error_floats(self) -> int:
        """Floats of one tile of errors: ``inputs * outputs`` rounded up to whole vectors."""
        return -(-self.inputs * self.outputs // LANES) * LANES


class TileType(types.Type):
    """Numba's type of one :class:`Tile` shape."""

    def __init__(self, shape: Tile) -> None:
        self.shape = shape
        kind = f"{'mean ' * shape.mean}{'signs' * shape.signs}"
        super().__init__(name=f"Tile({shape.vector_size}, {shape.outputs}, {LANES}, {kind})")


@typeof_impl.register(Tile)
def _typeof_tile(value: Tile, _context: Any) -> TileType:
    return TileType(value)


register_model(TileType)(models.OpaqueModel)


@unbox(TileType)
def _unbox_tile(_typ: Any, _obj: Any, c: Any) -> NativeValue:
    return NativeValue(c.context.get_dummy_value())


# --- building blocks of the generated code ---------------------------------------------------


def _splat(builder: Any, scalar: Any, lanes: int = LANES) -> Any:
    vec_type = ir.VectorType(scalar.type, lanes)
    first = builder.insert_element(ir.Constant(vec_type, ir.Undefined), scalar, I32(0))
    zeros = ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)
    return builder.shuffle_vector(first, ir.Constant(vec_type, ir.Undefined), zeros)


def _constant(value: float, lanes: int = LANES) -> Any:
    return ir.Constant(ir.VectorType(F32, lanes), [ir.Constant(F32, value)] * lanes)


def _int_constant(value: int) -> Any:
    return ir.Constant(IVEC, [ir.Constant(I32, value)] * LANES)


def _pointer(builder: Any, address: Any, byte_offset: Any, element: Any) -> Any:
    return builder.inttoptr(builder.add(address, byte_offset), element.as_pointer())


def _load(builder: Any, address: Any, byte_offset: Any, lanes: int = LANES) -> Any:
    vector = ir.VectorType(F32, lanes)
    pointer = _pointer(builder, address, byte_offset, vector)
    return builder.load(pointer, align=4 * lanes, typ=vector)


def _store(builder: Any, value: Any, address: Any, byte_offset: Any) -> None:
    pointer = _pointer(builder, address, byte_offset, value.type)
    builder.store(value, pointer, align=4 * value.type.count)


def _load_float_splat(builder: Any, address: Any, byte_offset: Any, lanes: int) -> Any:
    value = builder.load(_pointer(builder, address, byte_offset, F32), align=4, typ=F32)
    return _splat(builder, value, lanes)


def _load_address(builder: Any, address: Any, index: int) -> Any:
    return builder.load(_pointer(builder, address, I64(8 * index), I64), align=8, typ=I64)


def _prefetch(builder: Any, address: Any, byte_offset: Any) -> None:
    """Ask for a cache line that will be read and written."""
    byte = ir.IntType(8)
    function_type = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), I32, I32, I32])
    name = "llvm.prefetch.p0"
    function = cgutils.get_or_insert_function(builder.module, function_type, name)
    pointer = _pointer(builder, address, byte_offset, byte)
    builder.call(function, [pointer, I32(1), I32(3), I32(1)])


def _call(builder: Any, name: str, args: list[Any]) -> Any:
    function_type = ir.FunctionType(args[0].type, [arg.type for arg in args])
    function = cgutils.get_or_insert_function(builder.module, function_type, name)
    return builder.call(function, args)


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return _call(builder, f"llvm.fma.v{a.type.count}f32", [a, b, c])


def _sum_lanes(builder: Any, vectors: list[Any]) -> Any:
    """One vector whose lane i is the sum of ``vectors[i]``: a tree of shuffles and additions.

    At each level neighbours in the list are merged: the halves of every lane group of the one
    and the other are added and laid side by side, so that after log2(LANES) levels each vector
    has one lane left and they stand in the order of the list.
    """
    vectors = vectors + [_constant(0.0)] * (LANES - len(vectors))
    width = LANES // 2
    while width >= 1:
        merged = []
        for i in range(len(vectors) // 2):
            a, b = vectors[i], vectors[i + len(vectors) // 2]
            low, high = [], []
            for lane in range(LANES):
                # Lanes with this bit clear come from a, set from b; partners differ in the bit.
                source = 0 if not lane & width else LANES
                low.append(source + (lane & ~width))
                high.append(source + (lane | width))
            merged.append(
                builder.fadd(
                    builder.shuffle_vector(a, b, ir.Constant(IVEC, low)),
                    builder.shuffle_vector(a, b, ir.Constant(IVEC, high)),
                )
            )
        vectors = merged
        width //= 2
    return vectors[0]


_LN2_HIGH = 0.693359375
_LN2_LOW = -2.12194440e-4
# Cephes expf: exp(r) = 1 + r + r^2 * P(r) on |r| <= ln2 / 2, error below 2 ulp.
_EXP_POLYNOMIAL = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)


def _nearest_float32(value: float) -> float:
    return float(np.float32(value))


def _exp(builder: Any, x: Any) -> Any:
    """exp(x) on every lane for |x| <= 87 (larger ones are clamped), relative error below 2e-7."""
    x = _call(builder, f"llvm.minnum.v{LANES}f32", [x, _constant(87.0)])
    x = _call(builder, f"llvm.maxnum.v{LANES}f32", [x, _constant(-87.0)])
    log2_e = _constant(_nearest_float32(1.0 / math.log(2.0)))
    n = _call(builder, f"llvm.rint.v{LANES}f32", [builder.fmul(x, log2_e)])
    r = _fma(builder, n, _constant(-_LN2_HIGH), x)
    r = _fma(builder, n, _constant(_nearest_float32(-_LN2_LOW)), r)
    p = _constant(_nearest_float32(_EXP_POLYNOMIAL[0]))
    for coefficient in _EXP_POLYNOMIAL[1:]:
        p = _fma(builder, p, r, _constant(_nearest_float32(coefficient)))
    value = builder.fadd(_fma(builder, p, builder.fmul(r, r), r), _constant(1.0))
    power = builder.shl(builder.add(builder.fptosi(n, IVEC), _int_constant(127)), _int_constant(23))
    return builder.fmul(value, builder.bitcast(power, VEC))


# --- intrinsics ------------------------------------------------------------------------------


@intrinsic
def address_of(_typing: Any, array: Any) -> Any:
    """Address of an array's first element as an integer; the caller keeps the array alive."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.ptrtoint(struct.data, I64)

    return types.intp(array), codegen


@intrinsic
def tile_inputs(_typing: Any, tile: Any) -> Any:
    """``Tile.inputs`` as a constant."""
    inputs = tile.shape.inputs
    return types.intp(tile), lambda _c, _b, _s, _a: I64(inputs)


@intrinsic
def tile_outputs(_typing: Any, tile: Any) -> Any:
    """``Tile.outputs`` as a constant."""
    outputs = tile.shape.outputs
    return types.intp(tile), lambda _c, _b, _s, _a: I64(outputs)


@intrinsic
def tile_row_bytes(_typing: Any, tile: Any) -> Any:
    """Bytes in a padded row as a constant."""
    row_bytes = 4 * tile.shape.row_floats
    return types.intp(tile), lambda _c, _b, _s, _a: I64(row_bytes)


@intrinsic
def tile_error_floats(_typing: Any, tile: Any) -> Any:
    """``Tile.error_floats`` as a constant."""
    floats = tile.shape.error_floats
    return types.intp(tile), lambda _c, _b, _s, _a: I64(floats)


@intrinsic
def tile_is_mean(_typing: Any, tile: Any) -> Any:
    """``Tile.mean`` as a constant."""
    is_mean = tile.shape.mean
    return types.boolean(tile), lambda _c, _b, _s, _a: ir.Constant(ir.IntType(1), int(is_mean))


@intrinsic
def prefetch(_typing: Any, address: Any) -> Any:
    """Ask for the cache line at an address."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _prefetch(builder, args[0], I64(0))
        return _NOTHING

    return types.void(address), codegen


@intrinsic
def copy_cache_line(_typing: Any, to: Any, source: Any) -> Any:
    """Copy 64 bytes between two addresses, aligned or not."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        line = ir.VectorType(I64, CACHE_LINE_BYTES // 8)
        value = builder.load(_pointer(builder, args[1], I64(0), line), align=1, typ=line)
        builder.store(value, _pointer(builder, args[0], I64(0), line), align=1)
        return _NOTHING

    return types.void(to, source), codegen


@intrinsic
def tile_dots(_typing: Any, tile: Any, inputs: Any, outputs: Any, dots: Any) -> Any:
    """Dot products x . y of ``Tile.inputs`` input rows with all output rows.

    Every argument but the tile is an address: ``inputs`` and ``outputs`` of int64 addresses of
    rows, ``dots`` of float32[error_floats], written input-major; what is left over becomes 0.
    """
    shape = tile.shape
    n_in, n_out = shape.inputs, shape.outputs

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, inputs_at, outputs_at, dots_at = args
        x_rows = [_load_address(builder, inputs_at, i) for i in range(n_in)]
        y_rows = [_load_address(builder, outputs_at, k) for k in range(n_out)]
        sums = [_constant(0.0)] * (n_in * n_out)
        for offset in range(0, 4 * shape.row_floats, VEC_BYTES):
            xs = [_load(builder, row, I64(offset)) for row in x_rows]
            for k, y_row in enumerate(y_rows):
                y = _load(builder, y_row, I64(offset))
                for i, x in enumerate(xs):
                    sums[i * n_out + k] = _fma(builder, x, y, sums[i * n_out + k])
        for first in range(0, n_in * n_out, LANES):
            dots = _sum_lanes(builder, sums[first : first + LANES])
            _store(builder, dots, dots_at, I64(4 * first))
        return _NOTHING

    return types.void(tile, inputs, outputs, dots), codegen


@intrinsic
def tile_errors(
    _typing: Any, tile: Any, errors: Any, signs: Any, likelihood: Any, exponent: Any
) -> Any:
    """Errors g = t - sigmoid(x . y) in place of the dot products of ``tile_dots``.

    Every argument but the tile is an address: ``errors``, ``signs`` (+1 for label 1, -1 for 0) and
    ``likelihood`` of float32[error_floats], ``exponent`` of int32[error_floats]. The latter two
    keep, lane by lane, the product of the probabilities p as mantissa in [1, 2) and power of two,
    so that the logarithm is taken once per call of a kernel and not once per pair. A row of zeros
    gives p = 1/2 exactly. Only a tile with ``signs`` reads them: else the first output row has
    label 1 and the others 0.
    """
    shape = tile.shape
    n_in, n_out = shape.inputs, shape.outputs

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, errors_at, signs_at, likelihood_at, exponent_at = args
        for first in range(0, n_in * n_out, LANES):
            dots = _load(builder, errors_at, I64(4 * first))
            if shape.signs:
                signs = _load(builder, signs_at, I64(4 * first))
            else:
                sign = [1.0 if (first + lane) % n_out == 0 else -1.0 for lane in range(LANES)]
                signs = ir.Constant(VEC, [ir.Constant(F32, s) for s in sign])
            odds = _exp(builder, builder.fneg(builder.fmul(dots, signs)))
            p = builder.fdiv(_constant(1.0), builder.fadd(odds, _constant(1.0)))
            # 1 - p without cancellation is odds * p.
            error = builder.fmul(signs, builder.fmul(odds, p))
            _store(builder, error, errors_at, I64(4 * first))
            product = builder.fmul(_load(builder, likelihood_at, I64(4 * first)), p)
            bits = builder.bitcast(product, IVEC)
            exponent_pointer = _pointer(builder, exponent_at, I64(4 * first), IVEC)
            old = builder.load(exponent_pointer, align=VEC_BYTES, typ=IVEC)
            power = builder.sub(builder.lshr(bits, _int_constant(23)), _int_constant(127))
            builder.store(builder.add(old, power), exponent_pointer, align=VEC_BYTES)
            mantissa = builder.or_(
                builder.and_(bits, _int_constant(0x7FFFFF)), _int_constant(0x3F800000)
            )
            _store(builder, builder.bitcast(mantissa, VEC), likelihood_at, I64(4 * first))
        return _NOTHING

    return types.void(tile, errors, signs, likelihood, exponent), codegen


@intrinsic
def tile_update(
    _typing: Any,
    tile: Any,
    n_inputs: Any,
    inputs: Any,
    input_rates: Any,
    outputs: Any,
    output_rates: Any,
    errors: Any,
    ahead: Any,
    ahead_row: Any,
) -> Any:
    """Both gradient steps of one window, from the errors that ``tile_errors`` wrote.

    x_i += input_rate_i * sum_k g_ik y_k  and  y_k += output_rate_k * sum_i g_ik x_i, all with the
    rows as they were before (an input row that stands twice in the window is taken as the first
    of the two left it). Output rows are added to in memory one after the other, so a row that
    stands twice gets both sums. Addresses: ``inputs``, ``outputs`` of int64 row addresses;
    ``input_rates``, ``output_rates`` of float32; ``errors`` as ``tile_errors`` lays them out;
    ``ahead`` of int64 addresses of as many rows, which will be needed soon with ``ahead_row``:
    their cache lines are asked for here, spread over the work.

    A tile with ``mean`` has one input, the first of ``inputs``, and leaves it as it is: sum_k g_k
    y_k is added to the row behind it in ``inputs``.
    """
    shape = tile.shape
    n_in, n_out, error_floats = shape.inputs, shape.outputs, shape.error_floats

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, inputs_at, input_rates_at, outputs_at, output_rates_at, errors_at = args[:7]
        ahead_rows = [_load_address(builder, args[7], k) for k in range(n_out)] + [args[8]]
        y_rows = [_load_address(builder, outputs_at, k) for k in range(n_out)]

        def update_lanes(offset: Any, lanes: int) -> None:
            vector = ir.VectorType(F32, lanes)
            for row in ahead_rows:
                _prefetch(builder, row, offset)
            ys = [_load(builder, row, offset, lanes) for row in y_rows]
            gradients = [cgutils.alloca_once(builder, vector) for _ in range(n_out)]
            for gradient in gradients:
                builder.store(_constant(0.0, lanes), gradient)
            with cgutils.for_range(builder, count, intp=I64) as loop:
                i = loop.index
                x_pointer = _pointer(builder, inputs_at, builder.mul(i, I64(8)), I64)
                x_row = builder.load(x_pointer, align=8, typ=I64)
                x = _load(builder, x_row, offset, lanes)
                group = builder.udiv(i, I64(n_in))
                place = builder.add(
                    builder.mul(group, I64(error_floats)),
                    builder.mul(builder.urem(i, I64(n_in)), I64(n_out)),
                )
                step = _constant(0.0, lanes)
                for k in range(n_out):
                    error_bytes = builder.mul(builder.add(place, I64(k)), I64(4))
                    g = _load_float_splat(builder, errors_at, error_bytes, lanes)
                    step = _fma(builder, g, ys[k], step)
                    old = builder.load(gradients[k], typ=vector)
                    builder.store(_fma(builder, g, x, old), gradients[k])
                if shape.mean:
                    sum_row = _load_address(builder, inputs_at, 1)
                    total = _load(builder, sum_row, offset, lanes)
                    _store(builder, builder.fadd(total, step), sum_row, offset)
                else:
                    rate_bytes = builder.mul(i, I64(4))
                    rate = _load_float_splat(builder, input_rates_at, rate_bytes, lanes)
                    _store(builder, _fma(builder, rate, step, x), x_row, offset)
            for k, row in enumerate(y_rows):
                rate = _load_float_splat(builder, output_rates_at, I64(4 * k), lanes)
                gradient = builder.load(gradients[k], typ=vector)
                y = _load(builder, row, offset, lanes)
                _store(builder, _fma(builder, rate, gradient, y), row, offset)

        whole_bytes = I64(shape.vector_size // LANES * VEC_BYTES)
        with cgutils.for_range_slice(
            builder, I64(0), whole_bytes, I64(VEC_BYTES), intp=I64, inc=True
        ) as (offset, _):
            update_lanes(offset, LANES)
        if shape.tail_lanes:
            update_lanes(whole_bytes, shape.tail_lanes)
        return _NOTHING

    return types.void(
        *(tile, n_inputs, inputs, input_rates, outputs, output_rates, errors, ahead, ahead_row)
    ), codegen


def _lane_groups(shape: Tile) -> list[tuple[int, int]]:
    """Byte offset and lanes of each vector that a row is made of, without its padding."""
    whole = shape.vector_size // LANES
    groups = [(VEC_BYTES * i, LANES) for i in range(whole)]
    return groups + ([(VEC_BYTES * whole, shape.tail_lanes)] if shape.tail_lanes else [])


@intrinsic
def tile_mean(_typing: Any, tile: Any, n_inputs: Any, inputs: Any, mean: Any, scale: Any) -> Any:
    """Write ``scale`` times the sum of input rows: h = sum_i x_i / C with scale 1 / C.

    ``inputs`` is the address of int64 addresses of ``n_inputs`` rows, ``mean`` of the row written.
    """
    shape = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, inputs_at, mean_at, factor = args
        groups = _lane_groups(shape)
        sums = [cgutils.alloca_once_value(builder, _constant(0.0, lanes)) for _, lanes in groups]
        with cgutils.for_range(builder, count, intp=I64) as loop:
            pointer = _pointer(builder, inputs_at, builder.mul(loop.index, I64(8)), I64)
            row = builder.load(pointer, align=8, typ=I64)
            for total, (offset, lanes) in zip(sums, groups, strict=True):
                x = _load(builder, row, I64(offset), lanes)
                old = builder.load(total, typ=x.type)
                builder.store(builder.fadd(old, x), total)
        for total, (offset, lanes) in zip(sums, groups, strict=True):
            value = builder.load(total, typ=ir.VectorType(F32, lanes))
            _store(
                builder, builder.fmul(value, _splat(builder, factor, lanes)), mean_at, I64(offset)
            )
        return _NOTHING

    return types.void(tile, n_inputs, inputs, mean, types.float32), codegen


@intrinsic
def tile_spread(
    _typing: Any, tile: Any, n_inputs: Any, inputs: Any, input_rates: Any, step: Any, scale: Any
) -> Any:
    """Give input rows their part of a step, x_i += input_rate_i * scale * step, and zero the step.

    ``inputs`` is the address of int64 addresses of ``n_inputs`` rows, ``input_rates`` of their
    float32 learning rates, ``step`` of the row that is added. A row that stands twice gets both.
    """
    shape = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, inputs_at, input_rates_at, step_at, factor = args
        groups = _lane_groups(shape)
        steps = [_load(builder, step_at, I64(offset), lanes) for offset, lanes in groups]
        for offset, lanes in groups:
            _store(builder, _constant(0.0, lanes), step_at, I64(offset))
        with cgutils.for_range(builder, count, intp=I64) as loop:
            pointer = _pointer(builder, inputs_at, builder.mul(loop.index, I64(8)), I64)
            row = builder.load(pointer, align=8, typ=I64)
            rate_bytes = builder.mul(loop.index, I64(4))
            rate_pointer = _pointer(builder, input_rates_at, rate_bytes, F32)
            rate = builder.fmul(builder.load(rate_pointer, align=4, typ=F32), factor)
            for vector, (offset, lanes) in zip(steps, groups, strict=True):
                x = _load(builder, row, I64(offset), lanes)
                moved = _fma(builder, _splat(builder, rate, lanes), vector, x)
                _store(builder, moved, row, I64(offset))
        return _NOTHING

    return types.void(tile, n_inputs, inputs, input_rates, step, types.float32), codegen

"""Register tiles: several input rows meet several output rows.

Owns how a window's dot products and updates map onto vector registers, for one :class:`Tile` shape
at compile time; knows nothing of words, sampling or learning rates.

Notation (Rong 2014, eq. 55-59): x are input rows, y output rows, t the label, p the probability
that the model gives to the label that was seen, and g = t - sigmoid(x . y).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
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

from w2v_online.simd.registers import (
    CACHE_LINE_BYTES,
    F32,
    I64,
    LANES,
    NOTHING,
    VEC_BYTES,
    ask_for,
    axpy,
    constant,
    errors_of_dots,
    fma,
    load,
    load_address,
    load_float_splat,
    padded,
    pointer_to,
    splat,
    store,
    sum_lanes,
    widened,
)


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

    """

    def __init__(self, vector_size: int, outputs: int, *, mean: bool = False) -> None:
        if vector_size < 1 or outputs < 1:
            raise ValueError("vector_size and outputs must be at least 1")
        self.vector_size = vector_size
        self.outputs = outputs
        self.mean = mean

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
        kind = "mean" if shape.mean else "each"
        super().__init__(name=f"Tile({shape.vector_size}, {shape.outputs}, {LANES}, {kind})")


@typeof_impl.register(Tile)
def _typeof_tile(value: Tile, _context: Any) -> TileType:
    return TileType(value)


register_model(TileType)(models.OpaqueModel)


@unbox(TileType)
def _unbox_tile(_typ: Any, _obj: Any, c: Any) -> NativeValue:
    return NativeValue(c.context.get_dummy_value())


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
def prefetch_row(_typing: Any, tile: Any, address: Any) -> Any:
    """Ask for every cache line of the row at an address."""
    row_bytes = 4 * tile.shape.row_floats

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        for offset in range(0, row_bytes, CACHE_LINE_BYTES):
            ask_for(builder, args[1], I64(offset))
        return NOTHING

    return types.void(tile, address), codegen


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
        x_rows = [load_address(builder, inputs_at, i) for i in range(n_in)]
        y_rows = [load_address(builder, outputs_at, k) for k in range(n_out)]
        sums = [constant(0.0)] * (n_in * n_out)
        # Narrow tail first, as it was stored: a wide load of it would wait for the store to finish.
        for offset, lanes in reversed(lane_groups(shape)):
            xs = [load(builder, row, I64(offset), lanes) for row in x_rows]
            for k, y_row in enumerate(y_rows):
                y = load(builder, y_row, I64(offset), lanes)
                for i, x in enumerate(xs):
                    place = i * n_out + k
                    if lanes < LANES:
                        sums[place] = widened(builder, builder.fmul(x, y))
                    else:
                        sums[place] = fma(builder, x, y, sums[place])
        for first in range(0, n_in * n_out, LANES):
            dots = sum_lanes(builder, sums[first : first + LANES])
            store(builder, dots, dots_at, I64(4 * first))
        return NOTHING

    return types.void(tile, inputs, outputs, dots), codegen


@intrinsic
def tile_errors(_typing: Any, tile: Any, errors: Any, likelihood: Any, exponent: Any) -> Any:
    """Errors g = t - sigmoid(x . y) in place of the dot products of ``tile_dots``.

    Label t is 1 for the first output row, 0 for the others. Every argument but the tile is an
    address: ``errors`` and ``likelihood`` of float32[error_floats], ``exponent`` of
    int32[error_floats]. The latter two keep, lane by lane, the product of the probabilities p as
    mantissa in [1, 2) and power of two, so that the logarithm is taken once per call of a kernel
    and not once per pair. A row of zeros gives p = 1/2 exactly.
    """
    shape = tile.shape
    n_in, n_out = shape.inputs, shape.outputs

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        for first in range(0, n_in * n_out, LANES):
            signs = [1.0 if (first + lane) % n_out == 0 else -1.0 for lane in range(LANES)]
            errors_at, likelihood_at, exponent_at = (
                builder.add(address, I64(4 * first)) for address in args[1:]
            )
            errors_of_dots(builder, errors_at, constant(signs), likelihood_at, exponent_at)
        return NOTHING

    return types.void(tile, errors, likelihood, exponent), codegen


def update_rows(
    builder: Any,
    shape: Tile,
    n_out: int,
    count: Any,
    inputs_at: Any,
    input_rates_at: Any,
    outputs_at: Any,
    output_rates_at: Any,
    errors_at: Any,
    error_index: Callable[[Any], Any],
    ahead_rows: list[Any],
) -> None:
    """Both gradient steps of inputs and ``n_out`` outputs; see :func:`tile_update`.

    ``error_index`` says where the errors of an input begin.
    """
    y_rows = [load_address(builder, outputs_at, k) for k in range(n_out)]

    def update_lanes(offset: Any, lanes: int) -> None:
        vector = ir.VectorType(F32, lanes)
        for row in ahead_rows:
            ask_for(builder, row, offset)
        ys = [load(builder, row, offset, lanes) for row in y_rows]
        gradients = [cgutils.alloca_once(builder, vector) for _ in range(n_out)]
        for gradient in gradients:
            builder.store(constant(0.0, lanes), gradient)
        with cgutils.for_range(builder, count, intp=I64) as loop:
            i = loop.index
            x_pointer = pointer_to(builder, inputs_at, builder.mul(i, I64(8)), I64)
            x_row = builder.load(x_pointer, align=8, typ=I64)
            x = load(builder, x_row, offset, lanes)
            place = error_index(i)
            step = constant(0.0, lanes)
            for k in range(n_out):
                error_bytes = builder.mul(builder.add(place, I64(k)), I64(4))
                g = load_float_splat(builder, errors_at, error_bytes, lanes)
                step = fma(builder, g, ys[k], step)
                old = builder.load(gradients[k], typ=vector)
                builder.store(fma(builder, g, x, old), gradients[k])
            rate = load_float_splat(builder, input_rates_at, builder.mul(i, I64(4)), lanes)
            store(builder, fma(builder, rate, step, x), x_row, offset)
        for k, row in enumerate(y_rows):
            rate = load_float_splat(builder, output_rates_at, I64(4 * k), lanes)
            gradient = builder.load(gradients[k], typ=vector)
            y = load(builder, row, offset, lanes)
            store(builder, fma(builder, rate, gradient, y), row, offset)

    whole_bytes = I64(shape.vector_size // LANES * VEC_BYTES)
    with cgutils.for_range_slice(
        builder, I64(0), whole_bytes, I64(VEC_BYTES), intp=I64, inc=True
    ) as (offset, _):
        update_lanes(offset, LANES)
    if shape.tail_lanes:
        update_lanes(whole_bytes, shape.tail_lanes)


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
    """
    shape = tile.shape
    n_in, n_out, error_floats = shape.inputs, shape.outputs, shape.error_floats

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, inputs_at, input_rates_at, outputs_at, output_rates_at, errors_at = args[:7]
        ahead_rows = [load_address(builder, args[7], k) for k in range(n_out)] + [args[8]]

        def error_index(i: Any) -> Any:
            group = builder.udiv(i, I64(n_in))
            return builder.add(
                builder.mul(group, I64(error_floats)),
                builder.mul(builder.urem(i, I64(n_in)), I64(n_out)),
            )

        update_rows(
            builder, shape, n_out, count, inputs_at, input_rates_at, outputs_at, output_rates_at,
            errors_at, error_index, ahead_rows,
        )  # fmt: skip
        return NOTHING

    return types.void(
        *(tile, n_inputs, inputs, input_rates, outputs, output_rates, errors, ahead, ahead_row)
    ), codegen


def lane_groups(shape: Tile) -> list[tuple[int, int]]:
    """Byte offset and lanes of each vector that a row is made of, without its padding."""
    whole = shape.vector_size // LANES
    groups = [(VEC_BYTES * i, LANES) for i in range(whole)]
    return groups + ([(VEC_BYTES * whole, shape.tail_lanes)] if shape.tail_lanes else [])


def _around(builder: Any, index: Any, gap: Any) -> Any:
    """Where the index-th of a row of items is, of which the one at ``gap`` is left out."""
    return builder.add(index, builder.zext(builder.icmp_signed(">=", index, gap), I64))


@intrinsic
def tile_mean(
    _typing: Any, tile: Any, n_inputs: Any, gap: Any, inputs: Any, mean: Any, scale: Any
) -> Any:
    """Write ``scale`` times the sum of input rows: h = sum_i x_i / C with scale 1 / C.

    ``inputs`` is the address of int64 addresses of ``n_inputs`` rows and, at ``gap``, of one more
    that is left out; ``mean`` is the address of the row written.
    """
    shape = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, gap_at, inputs_at, mean_at, factor = args
        groups = lane_groups(shape)
        sums = [cgutils.alloca_once_value(builder, constant(0.0, lanes)) for _, lanes in groups]
        with cgutils.for_range(builder, count, intp=I64) as loop:
            index = _around(builder, loop.index, gap_at)
            pointer = pointer_to(builder, inputs_at, builder.mul(index, I64(8)), I64)
            row = builder.load(pointer, align=8, typ=I64)
            for total, (offset, lanes) in zip(sums, groups, strict=True):
                x = load(builder, row, I64(offset), lanes)
                old = builder.load(total, typ=x.type)
                builder.store(builder.fadd(old, x), total)
        for total, (offset, lanes) in zip(sums, groups, strict=True):
            value = builder.load(total, typ=ir.VectorType(F32, lanes))
            mean_vector = builder.fmul(value, splat(builder, factor, lanes))
            store(builder, mean_vector, mean_at, I64(offset))
        return NOTHING

    return types.void(tile, n_inputs, gap, inputs, mean, types.float32), codegen


@intrinsic
def tile_spread(
    _typing: Any,
    tile: Any,
    n_inputs: Any,
    gap: Any,
    inputs: Any,
    input_rates: Any,
    step: Any,
    scale: Any,
) -> Any:
    """Give input rows their part of a step, x_i += input_rate_i * scale * step.

    ``inputs`` is the address of int64 addresses of ``n_inputs`` rows, ``input_rates`` of their
    float32 learning rates, both with one more at ``gap`` that is left out; ``step`` of the row
    that is added. A row that stands twice gets both.
    """
    shape = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, gap_at, inputs_at, input_rates_at, step_at, factor = args
        groups = lane_groups(shape)
        steps = [load(builder, step_at, I64(offset), lanes) for offset, lanes in groups]
        with cgutils.for_range(builder, count, intp=I64) as loop:
            index = _around(builder, loop.index, gap_at)
            pointer = pointer_to(builder, inputs_at, builder.mul(index, I64(8)), I64)
            row = builder.load(pointer, align=8, typ=I64)
            rate_pointer = pointer_to(builder, input_rates_at, builder.mul(index, I64(4)), F32)
            rate = builder.fmul(builder.load(rate_pointer, align=4, typ=F32), factor)
            for vector, (offset, lanes) in zip(steps, groups, strict=True):
                x = load(builder, row, I64(offset), lanes)
                moved = axpy(builder, splat(builder, rate, lanes), vector, x)
                store(builder, moved, row, I64(offset))
        return NOTHING

    return types.void(tile, n_inputs, gap, inputs, input_rates, step, types.float32), codegen

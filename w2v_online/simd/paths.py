"""Register code for paths: inputs meet the inner nodes above a leaf, however many these are.

A path is taken a tile of nodes at a time. Code is made for every even number of nodes in a tile,
because a whole tile for what is left of a path would be a fifth of all work for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from w2v_online.simd.registers import (
    F32,
    I64,
    LANES,
    NOTHING,
    axpy,
    constant,
    errors_of_dots,
    fma,
    load,
    load_address,
    load_float_splat,
    narrowed,
    pointer_to,
    store,
    sum_lanes,
    widened,
)
from w2v_online.simd.tiles import Tile, lane_groups, update_rows

INPUTS = 2
"""Inputs whose dot products are computed together, where there are several."""

_CHUNK_VECTORS = 10 if LANES == 16 else 6
"""Vectors of a row that are in registers at once, twice: the mean and its step."""

_NODES = 12 if LANES == 16 else 6
"""Nodes of a tile with several inputs: twice as many sums and an input fill the registers."""


def nodes_per_tile(shape: Tile) -> int:
    """How many nodes a tile holds: their errors are one vector for each input."""
    return LANES if shape.mean else _NODES


def _inputs(shape: Tile) -> int:
    return 1 if shape.mean else INPUTS


def _for_every_size(builder: Any, nodes: Any, shape: Tile, body: Callable[[int], None]) -> None:
    """Make code for each even number of nodes, and a jump to the one that ``nodes`` says."""
    after = builder.append_basic_block("sized")
    switch = builder.switch(nodes, after)
    for size in range(2, nodes_per_tile(shape) + 1, 2):
        block = builder.append_basic_block(f"nodes{size}")
        switch.add_case(I64(size), block)
        builder.position_at_end(block)
        body(size)
        builder.branch(after)
    builder.position_at_end(after)


@intrinsic
def path_tile_nodes(_typing: Any, tile: Any) -> Any:
    """``nodes_per_tile`` as a constant."""
    nodes = nodes_per_tile(tile.shape)
    return types.intp(tile), lambda _c, _b, _s, _a: I64(nodes)


@intrinsic
def path_inputs(_typing: Any, tile: Any) -> Any:
    """Inputs that ``path_dots`` takes, as a constant."""
    inputs = _inputs(tile.shape)
    return types.intp(tile), lambda _c, _b, _s, _a: I64(inputs)


@intrinsic
def path_dots(_typing: Any, tile: Any, nodes: Any, inputs: Any, outputs: Any, dots: Any) -> Any:
    """Dot products x . y of one input (a mean) or of two with an even number of nodes.

    Addresses: ``inputs`` and ``outputs`` of int64 addresses of rows, ``dots`` of a vector for each
    input, written; what is left over becomes 0.
    """
    shape: Tile = tile.shape
    n_in = _inputs(shape)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, inputs_at, outputs_at, dots_at = args
        x_rows = [load_address(builder, inputs_at, i) for i in range(n_in)]

        def dots_of(size: int) -> None:
            y_rows = [load_address(builder, outputs_at, k) for k in range(size)]
            sums = [[constant(0.0)] * size for _ in range(n_in)]
            # The narrow rest first, read as it was written: a wider read would wait for the write.
            for offset, lanes in reversed(lane_groups(shape)):
                xs = [load(builder, row, I64(offset), lanes) for row in x_rows]
                for k, y_row in enumerate(y_rows):
                    y = load(builder, y_row, I64(offset), lanes)
                    for i, x in enumerate(xs):
                        if lanes < LANES:
                            sums[i][k] = widened(builder, builder.fmul(x, y))
                        else:
                            sums[i][k] = fma(builder, x, y, sums[i][k])
            for i in range(n_in):
                store(builder, sum_lanes(builder, sums[i]), dots_at, I64(4 * LANES * i))

        _for_every_size(builder, count, shape, dots_of)
        return NOTHING

    return types.void(tile, nodes, inputs, outputs, dots), codegen


@intrinsic
def path_errors(
    _typing: Any, tile: Any, errors: Any, signs: Any, likelihood: Any, exponent: Any
) -> Any:
    """Errors g = t - sigmoid(x . y) of one input in place of the dot products of ``path_dots``.

    Addresses of one vector each: ``signs`` is +1 for label 1 and -1 for 0, ``likelihood`` and
    ``exponent`` as ``tile_errors`` keeps them.
    """

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, errors_at, signs_at, likelihood_at, exponent_at = args
        labels = load(builder, signs_at, I64(0))
        errors_of_dots(builder, errors_at, labels, likelihood_at, exponent_at)
        return NOTHING

    return types.void(tile, errors, signs, likelihood, exponent), codegen


@intrinsic
def path_update(
    _typing: Any,
    tile: Any,
    nodes: Any,
    n_inputs: Any,
    inputs: Any,
    input_rates: Any,
    outputs: Any,
    output_rates: Any,
    errors: Any,
) -> Any:
    """Both gradient steps of inputs and an even number of nodes; see ``tile_update``.

    ``errors`` is the address of a vector for each input.
    """
    shape: Tile = tile.shape

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, n_rows, inputs_at, input_rates_at, outputs_at, output_rates_at, errors_at = args

        def error_index(i: Any) -> Any:
            return builder.mul(i, I64(LANES))

        def update(size: int) -> None:
            update_rows(
                builder, shape, size, n_rows, inputs_at, input_rates_at, outputs_at,
                output_rates_at, errors_at, error_index, [],
            )  # fmt: skip

        _for_every_size(builder, count, shape, update)
        return NOTHING

    return types.void(
        *(tile, nodes, n_inputs, inputs, input_rates, outputs, output_rates, errors)
    ), codegen


@intrinsic
def path_update_mean(
    _typing: Any,
    tile: Any,
    nodes: Any,
    mean: Any,
    outputs: Any,
    output_rates: Any,
    errors: Any,
    step: Any,
) -> Any:
    """The gradient steps of any number of nodes, in place, and of the mean of inputs.

    y_n += output_rate_n * g_n h  and  step = sum_n g_n y_n, with y_n as it was before. Every
    argument but the tile and ``nodes`` is an address; ``step`` of the row that is written.
    """
    shape: Tile = tile.shape
    groups = lane_groups(shape)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, count, mean_at, outputs_at, rates_at, errors_at, step_at = args
        for first in range(0, len(groups), _CHUNK_VECTORS):
            chunk = groups[first : first + _CHUNK_VECTORS]
            means = [load(builder, mean_at, I64(offset), lanes) for offset, lanes in chunk]
            steps = [cgutils.alloca_once(builder, ir.VectorType(F32, n)) for _, n in chunk]
            for step_vector, (_, lanes) in zip(steps, chunk, strict=True):
                builder.store(constant(0.0, lanes), step_vector)
            with cgutils.for_range(builder, count, intp=I64) as loop:
                pointer = pointer_to(builder, outputs_at, builder.mul(loop.index, I64(8)), I64)
                row = builder.load(pointer, align=8, typ=I64)
                float_bytes = builder.mul(loop.index, I64(4))
                g = load_float_splat(builder, errors_at, float_bytes, LANES)
                move = builder.fmul(g, load_float_splat(builder, rates_at, float_bytes, LANES))
                for mean_vector, step_vector, (offset, lanes) in zip(
                    means, steps, chunk, strict=True
                ):
                    y = load(builder, row, I64(offset), lanes)
                    old = builder.load(step_vector, typ=y.type)
                    builder.store(fma(builder, narrowed(builder, g, lanes), y, old), step_vector)
                    moved = axpy(builder, narrowed(builder, move, lanes), mean_vector, y)
                    store(builder, moved, row, I64(offset))
            for step_vector, (offset, lanes) in zip(steps, chunk, strict=True):
                value = builder.load(step_vector, typ=ir.VectorType(F32, lanes))
                store(builder, value, step_at, I64(offset))
        return NOTHING

    return types.void(tile, nodes, mean, outputs, output_rates, errors, step), codegen

"""Register code for a pair of means: two centres of CBOW that share their negatives.

A pair's outputs stand in a row: the first centre's target, the second's, then the negatives of
both. An output row is read and written once for both centres, in whole registers.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from w2v_online.simd.registers import (
    I64,
    LANES,
    NOTHING,
    constant,
    errors_of_dots,
    fma,
    load,
    load_address,
    load_float_splat,
    narrowed,
    store,
    sum_lanes,
    widened,
)
from w2v_online.simd.tiles import Tile, lane_groups

PAIR = 2
"""Centres that are trained in one step."""

_BLOCK_OUTPUTS = 8
"""Outputs whose dot products with both means are in registers at once."""

_CHUNK_VECTORS = 7 if LANES == 16 else 3
"""Vectors of a row that are in registers at once, four times: both means and both steps."""


def _blocks(outputs: int) -> list[range]:
    """The outputs of one centre, target first, in blocks."""
    ends = range(0, outputs, _BLOCK_OUTPUTS)
    return [range(first, min(first + _BLOCK_OUTPUTS, outputs)) for first in ends]


def _places(outputs: int) -> dict[tuple[int, int], int]:
    """Where the error of a centre and one of its outputs stands: block after block."""
    places = {}
    first = 0
    for block in _blocks(outputs):
        for centre in range(PAIR):
            for k in block:
                places[centre, k] = first + centre * len(block) + k - block[0]
        first += -(-PAIR * len(block) // LANES) * LANES
    return places


def pair_error_floats(outputs: int) -> int:
    """Floats that the errors of a pair take: whole vectors."""
    return sum(-(-PAIR * len(block) // LANES) * LANES for block in _blocks(outputs))


def pair_target_lanes(outputs: int) -> list[int]:
    """Which of those are errors of the two targets."""
    places = _places(outputs)
    return [places[centre, 0] for centre in range(PAIR)]


def _row(centre: int, k: int) -> int:
    """Which output row is the k-th of a centre's."""
    return centre if k == 0 else k + 1


@intrinsic
def pair_errors_count(_typing: Any, tile: Any) -> Any:
    """``pair_error_floats`` as a constant."""
    floats = pair_error_floats(tile.shape.outputs)
    return types.intp(tile), lambda _c, _b, _s, _a: I64(floats)


@intrinsic
def pair_is_target(_typing: Any, tile: Any, lane: Any) -> Any:
    """Whether an error is one of the two targets'."""
    lanes = pair_target_lanes(tile.shape.outputs)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        first, second = (builder.icmp_signed("==", args[1], I64(target)) for target in lanes)
        return builder.or_(first, second)

    return types.boolean(tile, lane), codegen


@intrinsic
def pair_dots(_typing: Any, tile: Any, means: Any, outputs: Any, dots: Any) -> Any:
    """Dot products of two means with their output rows.

    Every argument but the tile is an address: ``means`` of float32[2, row_floats], ``outputs`` of
    int64[outputs + 1] row addresses, ``dots`` of float32[pair_error_floats], written; what is
    left over becomes 0.
    """
    shape: Tile = tile.shape
    groups = lane_groups(shape)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, means_at, outputs_at, dots_at = args
        place = 0
        for block in _blocks(shape.outputs):
            rows = {
                _row(centre, k): load_address(builder, outputs_at, _row(centre, k))
                for k in block
                for centre in range(PAIR)
            }
            sums = {(centre, k): constant(0.0) for centre in range(PAIR) for k in block}
            # The narrow rest first, read as it was written: a wider read would wait for the write.
            for offset, lanes in reversed(groups):
                means = [
                    load(builder, means_at, I64(4 * shape.row_floats * centre + offset), lanes)
                    for centre in range(PAIR)
                ]
                ys = {r: load(builder, row, I64(offset), lanes) for r, row in rows.items()}
                for (centre, k), total in sums.items():
                    y = ys[_row(centre, k)]
                    if lanes < LANES:
                        sums[centre, k] = widened(builder, builder.fmul(means[centre], y))
                    else:
                        sums[centre, k] = fma(builder, means[centre], y, total)
            ordered = [sums[centre, k] for centre in range(PAIR) for k in block]
            for first in range(0, len(ordered), LANES):
                vector = sum_lanes(builder, ordered[first : first + LANES])
                store(builder, vector, dots_at, I64(4 * place))
                place += LANES
        return NOTHING

    return types.void(tile, means, outputs, dots), codegen


@intrinsic
def pair_errors(_typing: Any, tile: Any, errors: Any, likelihood: Any, exponent: Any) -> Any:
    """Errors g = t - sigmoid(h . y) in place of the dot products of ``pair_dots``.

    ``likelihood`` and ``exponent`` as ``tile_errors`` keeps them, over as many floats.
    """
    outputs = tile.shape.outputs
    targets = pair_target_lanes(outputs)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, errors_at, likelihood_at, exponent_at = args
        for first in range(0, pair_error_floats(outputs), LANES):
            sign = [1.0 if first + lane in targets else -1.0 for lane in range(LANES)]
            signs = constant(sign)
            at = [
                builder.add(address, I64(4 * first))
                for address in (errors_at, likelihood_at, exponent_at)
            ]
            errors_of_dots(builder, at[0], signs, *at[1:])
        return NOTHING

    return types.void(tile, errors, likelihood, exponent), codegen


@intrinsic
def pair_update(
    _typing: Any,
    tile: Any,
    means: Any,
    outputs: Any,
    output_rates: Any,
    errors: Any,
    steps: Any,
) -> Any:
    """The gradient steps of the outputs, in place, and of the two means.

    y_k += output_rate_k * sum_c g_ck h_c  and  steps_c = sum_k g_ck y_k with y_k as it was before.
    A negative that stands twice is taken as the first of the two left it. Every argument but the
    tile is an address: ``output_rates`` of float32[outputs + 1], ``steps`` of
    float32[2, row_floats], written; the others as for ``pair_dots`` and ``pair_errors``.
    """
    shape: Tile = tile.shape
    row_bytes = 4 * shape.row_floats
    groups = lane_groups(shape)
    places = _places(shape.outputs)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _, means_at, outputs_at, rates_at, errors_at, steps_at = args
        for first in range(0, len(groups), _CHUNK_VECTORS):
            chunk = groups[first : first + _CHUNK_VECTORS]
            means = [
                [
                    load(builder, means_at, I64(row_bytes * c + offset), lanes)
                    for offset, lanes in chunk
                ]
                for c in range(PAIR)
            ]
            steps = [[constant(0.0, lanes) for _, lanes in chunk] for _ in range(PAIR)]
            for r in range(shape.outputs + 1):
                row = load_address(builder, outputs_at, r)
                rate = load_float_splat(builder, rates_at, I64(4 * r), LANES)
                centres = [r] if r < PAIR else range(PAIR)
                errors = {
                    c: load_float_splat(
                        builder, errors_at, I64(4 * places[c, max(0, r - 1)]), LANES
                    )
                    for c in centres
                }
                moves = {c: builder.fmul(rate, g) for c, g in errors.items()}
                for j, (offset, lanes) in enumerate(chunk):
                    y = moved = load(builder, row, I64(offset), lanes)
                    for c in centres:
                        g, move = (narrowed(builder, v, lanes) for v in (errors[c], moves[c]))
                        steps[c][j] = fma(builder, g, y, steps[c][j])
                        moved = fma(builder, move, means[c][j], moved)
                    store(builder, moved, row, I64(offset))
            for c in range(PAIR):
                for step, (offset, _) in zip(steps[c], chunk, strict=True):
                    store(builder, step, steps_at, I64(row_bytes * c + offset))
        return NOTHING

    return types.void(tile, means, outputs, output_rates, errors, steps), codegen

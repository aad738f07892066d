"""The noise distribution: weights from counts, and blocks of draws from weights."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import kernel
from w2v_online.kernels.random import next_uint64, uniform

MANTISSA_BITS = 12
"""Resolution of the power table; linear interpolation leaves a relative error below 1e-8."""


@kernel
def noise_weights(counts, n_rows, mantissa_powers, exponent_powers, weights):
    """Write count**ns_exponent into ``weights`` and return their sum.

    Parameters
    ----------
    counts : float64[capacity], positive below ``n_rows``
    n_rows : int, rows in use
    mantissa_powers : float64[2**MANTISSA_BITS + 1], (1 + i / 2**MANTISSA_BITS)**ns_exponent
    exponent_powers : float64[2048], 2**((i - 1023) * ns_exponent)
    weights : float64[capacity], written below ``n_rows``

    """
    low_bits = np.uint64(52 - MANTISSA_BITS)
    scale = 1.0 / np.float64(np.uint64(1) << low_bits)
    total = 0.0
    for row in range(n_rows):
        bits = np.float64(counts[row]).view(np.uint64)
        exponent = np.int64(bits >> np.uint64(52))
        mantissa = bits & np.uint64(0xFFFFFFFFFFFFF)
        step = np.int64(mantissa >> low_bits)
        rest = np.float64(mantissa & ((np.uint64(1) << low_bits) - np.uint64(1))) * scale
        low = mantissa_powers[step]
        weight = (low + rest * (mantissa_powers[step + 1] - low)) * exponent_powers[exponent]
        weights[row] = weight
        total += weight
    return total


@kernel
def draw_block(weights, n_rows, total, state, block):
    """Fill a block with draws proportional to ``weights``, in random order.

    Systematic sampling: one random offset, then every row as often as the multiples of
    total / len(block) fall into its part of the cumulative weights, so a row's expected number
    is exact and its actual number is never off by one or more; a Fisher-Yates shuffle follows.
    One pass over the rows and the block, no search and no table.

    Parameters
    ----------
    weights : float64[capacity], as ``noise_weights`` wrote them
    n_rows : int, rows in use; with none, the block becomes -1 throughout
    total : float, sum of the weights
    state : uint64[1], generator; advanced
    block : int32[n], written: rows

    """
    size = len(block)
    if n_rows == 0:
        block[:] = np.int32(-1)
        return
    scale = size / total
    offset = uniform(state)
    cumulative = 0.0
    filled = 0
    for row in range(n_rows):
        cumulative += weights[row]
        until = min(size, np.int64(cumulative * scale + offset))
        if filled < size:
            # Most rows come at most once: written in any case, overwritten if it was not to be.
            block[filled] = np.int32(row)
        for i in range(filled + 1, until):
            block[i] = np.int32(row)
        filled = until
    block[filled:] = np.int32(n_rows - 1)  # rounding of the last sum
    bits = np.uint64(0)
    for i in range(size - 1, 0, -1):
        # Two places from each 64 bits, each biased by less than size / 2**32.
        bits = next_uint64(state) if i & 1 or i == size - 1 else bits << np.uint64(32)
        j = np.int64(((bits >> np.uint64(32)) * np.uint64(i + 1)) >> np.uint64(32))
        block[i], block[j] = block[j], block[i]


@kernel
def remap_draws(draws, rows, new_rows, working):
    """Let draws (int32) of ``rows`` become those of ``new_rows`` (-1: skipped), both int32[k].

    ``working`` is int32[capacity] of zeros, and left so.
    """
    for i in range(len(rows)):
        working[rows[i]] = new_rows[i] + np.int32(2)
    for i in range(len(draws)):
        if draws[i] >= 0 and working[draws[i]] != 0:
            draws[i] = working[draws[i]] - np.int32(2)
    for i in range(len(rows)):
        working[rows[i]] = np.int32(0)

"""The noise distribution: weights from counts, and blocks of draws from weights."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.random import next_uint64, uniform

MANTISSA_BITS = 12
"""Resolution of the power table; linear interpolation leaves a relative error below 1e-8."""


@kernel
def noise_weights(counts, n_rows, mantissa_powers, exponent_powers, weights):
    """Write count**ns_exponent into ``weights`` and return their sum.

    Parameters
    ----------
    counts : float64[capacity]; a row with none is never drawn, whatever the exponent
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
        if counts[row] == 0.0:
            weight = 0.0
        weights[row] = weight
        total += weight
    return total


@inner
def _shuffled(i, keys, bits):
    """Where item i of 2**bits goes: a bijection that the two odd ``keys`` choose.

    Odd multiplications and xorshifts modulo 2**bits, each of which can be undone. Unlike a
    Fisher-Yates shuffle it needs no table and no item waits for another.
    """
    mask = (np.uint64(1) << bits) - np.uint64(1)
    half = (bits + np.uint64(1)) >> np.uint64(1)
    x = (np.uint64(i) * keys[0]) & mask
    x ^= x >> half
    x = (x * keys[1]) & mask
    x ^= x >> half
    return (x * keys[0]) & mask


@kernel
def draw_block(weights, n_rows, total, state, working, block):
    """Fill a block with draws proportional to ``weights``, in random order.

    Systematic sampling: one random offset, then every row as often as the multiples of
    total / len(block) fall into its part of the cumulative weights, so a row's expected number
    is exact and its actual number is never off by one or more. Each goes to the place that a
    random bijection gives it. One pass over the rows and one over the block, without a branch
    that depends on the weights, which could not be predicted.

    Parameters
    ----------
    weights : float64[capacity], as ``noise_weights`` wrote them
    n_rows : int, rows in use; with none, the block becomes -1 throughout
    total : float, sum of the weights
    state : uint64[1], generator; advanced
    working : int32[len(block) + 1], overwritten
    block : int32[2**b], written: rows

    """
    size = len(block)
    if n_rows == 0 or total == 0.0:
        block[:] = np.int32(-1)
        return
    bits = np.uint64(0)
    while (1 << bits) < size:
        bits += np.uint64(1)
    keys = (next_uint64(state) | np.uint64(1), next_uint64(state) | np.uint64(1))
    scale = size / total
    offset = uniform(state)
    # Where the draws of each row begin; of rows that begin at one place the last one has it.
    working[:] = np.int32(0)
    cumulative = 0.0
    for row in range(n_rows - 1):
        cumulative += weights[row]
        working[min(size, np.int64(cumulative * scale + offset))] = np.int32(row + 1)
    row = np.int32(0)
    for i in range(size):
        row = max(row, working[i])
        block[_shuffled(i, keys, bits)] = row


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

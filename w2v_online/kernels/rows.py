"""Initial values of matrix rows, and their averages."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.random import uniform
from w2v_online.kernels.training import MAX_UPDATES


@kernel
def initialise_rows(syn0, rows, vector_size, state):
    """Give new rows uniform values in [-0.15, 0.15) / sqrt(vector_size).

    Parameters
    ----------
    syn0 : float32[capacity, row_floats], written
    rows : int32[n], which of them
    vector_size : int, values behind it stay as they are
    state : uint64[1], generator; advanced

    """
    width = 0.3 / np.sqrt(np.float64(vector_size))
    for i in range(len(rows)):
        for j in range(vector_size):
            syn0[rows[i], j] = np.float32((uniform(state) - 0.5) * width)


@inner
def _power_of_two(exponent):
    """2 ** exponent as float32, for exponents from -126 to 127."""
    return np.int32((np.int32(exponent) + 127) << 23).view(np.float32)


@inner
def encode_row(values, codes, seed):
    """Write float32[D] as int8[c > D]: whole multiples of a power of two, and its exponent.

    The largest value has a code from 64 to 127. With a ``seed`` above 0 values are rounded up or
    down at random, so that they are right on average and small steps are not lost; without one to
    the nearest.
    """
    # Without their signs floats compare like whole numbers, which LLVM does many at a time.
    largest = np.int32(0)
    for j in range(len(values)):
        magnitude = np.int32(np.float32(values[j]).view(np.int32) & np.int32(0x7FFFFFFF))
        largest = magnitude if magnitude > largest else largest
    exponent = max((np.int64(largest) >> 23) - 127 - 6, -126)
    inverse = _power_of_two(-exponent)
    start = np.uint32(seed * np.uint32(0x9E3779B1))
    for j in range(len(values)):
        bits = np.uint32(start + np.uint32(j))
        bits = np.uint32((bits ^ (bits >> np.uint32(16))) * np.uint32(0x85EBCA6B))
        bits = np.uint32((bits ^ (bits >> np.uint32(15))) * np.uint32(0xC2B2AE35))
        part = np.float32(np.int32(bits >> np.uint32(17))) * np.float32(2.0**-15)
        code = np.int32(np.floor(values[j] * inverse + (part if seed else np.float32(0.5))))
        codes[j] = np.int8(min(max(code, -127), 127))
    codes[len(values)] = np.int8(exponent)


@kernel
def average_rows(
    syn0, updates0, codes, averaged, values, first, last, share, pull, min_updates, seed
):  # fmt: skip
    """Move averages towards their rows, then rows towards their averages.

        a += share * (x - a), x += pull * (a - x)

    Averages are rounded at random, after rows have moved.

    Parameters
    ----------
    syn0 : float32[capacity, row_floats], the rows x; updated in place if there is a pull
    updates0 : uint32[capacity], updates of each row
    codes : int8[capacity, c > D], the averages a as ``encode_row`` has them, updated in place
    averaged : uint32[capacity], ``updates0`` at a row's last turn, 0 for none; updated
    values : float32[D], overwritten
    first, last : int, rows whose turn it is
    share, pull : float32
    min_updates : int, updates that a row must have to be averaged; its first average is itself
    seed : uint32, of the rounding

    A row without a further update since its last turn is left as it is.

    """
    vector_size = len(values)
    for row in range(first, last):
        updates = updates0[row]
        is_unchanged = updates == averaged[row] and updates < MAX_UPDATES
        if updates < min_updates or is_unchanged:
            continue
        if averaged[row] == 0:
            averaged[row] = updates
            encode_row(syn0[row, :vector_size], codes[row], np.uint32(0))
            continue
        averaged[row] = updates
        unit = _power_of_two(codes[row, vector_size])
        for j in range(vector_size):
            average = np.float32(codes[row, j]) * unit
            values[j] = average + share * (syn0[row, j] - average)
        if pull > np.float32(0.0):
            for j in range(vector_size):
                syn0[row, j] += pull * (values[j] - syn0[row, j])
        encode_row(values, codes[row], np.uint32(seed ^ np.uint32(row)) | np.uint32(1))


@kernel
def encode_rows(values, rows, codes):
    """Let ``codes[rows[i]]`` (int8[capacity, c]) stand for ``values[i]`` (float32[n, D]).

    Exactly so, if the values come from codes; else to the nearest.
    """
    for i in range(len(rows)):
        encode_row(values[i], codes[rows[i]], np.uint32(0))

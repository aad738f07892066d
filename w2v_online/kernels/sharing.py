"""Rows that several learners train: what one has to tell, and what it makes of the others' news.

For each row a learner keeps its base: the value that the shard has from it or gave it. What it
learned since is the row minus the base; a merged row takes the base's place, and what was learned
since is added to it again.

Vectors that are sent are whole multiples of a unit, each row's largest value LEVELS of them (int8),
or exact (float32, in units of one). What rounding takes away stays with the sender and is part of
what it sends next.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.training import MAX_UPDATES

LEVELS = 127.0


@inner
def _sum_of_updates(a, b):
    return np.uint32(min(np.int64(a) + np.int64(b), np.int64(MAX_UPDATES)))


@inner
def _magnitude(value):
    """The bits of an absolute value: they order like it, and LLVM vectorises their maximum."""
    return np.float32(value).view(np.int32) & np.int32(0x7FFFFFFF)


@inner
def _unit(magnitude, is_exact):
    """The unit of a row whose largest magnitude is this, and one over it."""
    largest = np.int32(magnitude).view(np.float32)
    if is_exact or not largest > 0.0:
        return np.float32(1.0), np.float32(1.0)
    return np.float32(largest / LEVELS), np.float32(LEVELS / largest)


@inner
def _rounded(value, is_exact):
    return value if is_exact else np.floor(value + np.float32(0.5))


@kernel
def take_rows(
    matrix, base, updates, sent, is_shared, rows, share, is_exact, vectors, units, amounts, is_new
):  # fmt: skip
    """Write this learner's part of what rows learned since their base, and move the base by it.

    Parameters
    ----------
    matrix : float32[capacity, row_floats], updated: left with the base and this part
    base : float32[capacity, row_floats], updated; zeros for a row that was never shared
    updates : uint32[capacity], updates of each row
    sent : uint32[capacity], updates of each base; updated
    is_shared : uint8[capacity], whether a row has a base; updated
    rows : int32[n], no two alike
    share : float32, part of what was learned that is to be merged; of a row without a base all
    is_exact : bool, whether vectors are float32; else they are int8
    vectors : [n, D], written: this part in units, the row itself if it has no base
    units : float32[n], written
    amounts : uint32[n], written: updates since the base
    is_new : uint8[n], written: whether the row had no base

    """
    for i in range(len(rows)):
        row = rows[i]
        part = share if is_shared[row] else np.float32(1.0)
        magnitude = np.int32(0)
        for j in range(vectors.shape[1]):
            learned = part * (matrix[row, j] - base[row, j])
            magnitude = max(magnitude, _magnitude(learned))
        unit, inverse = _unit(magnitude, is_exact)
        for j in range(vectors.shape[1]):
            learned = part * (matrix[row, j] - base[row, j])
            value = _rounded(learned * inverse, is_exact)
            vectors[i, j] = value
            if part != np.float32(1.0):
                matrix[row, j] = base[row, j] + learned
            base[row, j] = matrix[row, j] if is_exact else base[row, j] + value * unit
        units[i] = unit
        amounts[i] = updates[row] - sent[row]
        sent[row] = updates[row]
        is_new[i] = np.uint8(1) - is_shared[row]
        is_shared[row] = np.uint8(1)


@kernel
def apply_rows(matrix, base, updates, sent, is_shared, rows, vectors, units, amounts):
    """Let merged rows take the place of bases, and keep what was learned since.

    Parameters are as in ``take_rows``, but that ``vectors`` are whole rows and ``amounts`` all of
    their updates. A row without a base, which began elsewhere too, becomes the mean of both,
    weighted by updates. Rows of -1 are left out.

    """
    for i in range(len(rows)):
        row = rows[i]
        if row < 0:
            continue
        unit = units[i]
        own = np.int64(updates[row]) - np.int64(sent[row])
        share = np.float32(1.0)
        if is_shared[row] == 0:
            share = np.float32(own / max(1.0, np.float64(amounts[i]) + np.float64(own)))
            for j in range(vectors.shape[1]):
                base[row, j] = np.float32(vectors[i, j]) * unit
            is_shared[row] = np.uint8(1)
        for j in range(vectors.shape[1]):
            value = np.float32(vectors[i, j]) * unit
            matrix[row, j] = value + share * (matrix[row, j] - base[row, j])
            base[row, j] = value
        sent[row] = amounts[i]
        updates[row] = _sum_of_updates(amounts[i], own)


NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)
"""What a worker knows of a row whose value at the shard it cannot foresee."""


@kernel
def merge_rows(
    merged, updates, changes, known, is_held, rows, vectors, units, amounts, is_new, is_unknown
):  # fmt: skip
    """Add what a worker learned to the rows of a shard.

    Parameters
    ----------
    merged : float32[capacity, D], updated
    updates : uint32[capacity], updates of each row by all workers; updated
    changes : uint64[capacity], goes up whenever a row changes; updated
    known : uint64[capacity], the value of ``changes`` that this worker knows the row of; updated
    is_held : uint8[capacity], whether a row has a value yet; updated
    rows : int32[n], -1 for words that the shard has no room for
    vectors, units : [n, D] and float32[n], as ``take_rows`` wrote them
    amounts : uint32[n]
    is_new : uint8[n]
    is_unknown : uint8[n], written: a change of a row that is not held, so must be sent whole

    A row that is new to the worker but not to the shard becomes the mean of both, weighted by
    updates.

    """
    for i in range(len(rows)):
        row = rows[i]
        is_unknown[i] = np.uint8(row < 0 or (is_held[row] == 0 and is_new[i] == 0))
        if is_unknown[i]:
            continue
        unit = units[i]
        change = np.uint64(max(np.uint32(1), amounts[i]))
        changes[row] += change
        if is_new[i] == 0:
            for j in range(vectors.shape[1]):
                merged[row, j] += np.float32(vectors[i, j]) * unit
            if known[row] != NEVER:
                known[row] += change
        elif is_held[row]:
            all_updates = np.float64(updates[row]) + np.float64(amounts[i])
            share = np.float32(amounts[i] / all_updates) if amounts[i] > 0 else np.float32(0.0)
            for j in range(vectors.shape[1]):
                value = np.float32(vectors[i, j]) * unit
                merged[row, j] += share * (value - merged[row, j])
            known[row] = NEVER
        else:
            for j in range(vectors.shape[1]):
                merged[row, j] = np.float32(vectors[i, j]) * unit
            is_held[row] = np.uint8(1)
            known[row] = changes[row]
        updates[row] = _sum_of_updates(updates[row], amounts[i])


@kernel
def write_rows(merged, rows, is_exact, vectors, units):
    """Write whole rows (int32[n]) of ``merged``: as ``take_rows`` writes what it sends."""
    for i in range(len(rows)):
        row = rows[i]
        magnitude = np.int32(0)
        for j in range(vectors.shape[1]):
            magnitude = max(magnitude, _magnitude(merged[row, j]))
        unit, inverse = _unit(magnitude, is_exact)
        for j in range(vectors.shape[1]):
            vectors[i, j] = _rounded(merged[row, j] * inverse, is_exact)
        units[i] = unit

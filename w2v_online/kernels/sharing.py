"""Rows that several learners train: what one has to tell, and what it makes of the others' news.

For each row a learner keeps its base: the value that the shard has from it or gave it. What it
learned since is the row minus the base; a merged row takes the base's place, and what was learned
since is added to it again.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.windows import MAX_UPDATES


@inner
def _sum_of_updates(a, b):
    return np.uint32(min(np.int64(a) + np.int64(b), np.int64(MAX_UPDATES)))


@kernel
def take_rows(matrix, base, updates, sent, is_shared, rows, vectors, amounts, is_new):
    """Write what rows learned since their base, and move the base to them.

    Parameters
    ----------
    matrix : float32[capacity, row_floats]
    base : float32[capacity, row_floats], updated; zeros for a row that was never shared
    updates : uint32[capacity], updates of each row
    sent : uint32[capacity], updates of each base; updated
    is_shared : uint8[capacity], whether a row has a base; updated
    rows : int32[n], no two alike
    vectors : float32[n, D], written: row minus base, the row itself if it has no base
    amounts : uint32[n], written: updates since the base
    is_new : uint8[n], written: whether the row had no base

    """
    for i in range(len(rows)):
        row = rows[i]
        for j in range(vectors.shape[1]):
            vectors[i, j] = matrix[row, j] - base[row, j]
            base[row, j] = matrix[row, j]
        amounts[i] = updates[row] - sent[row]
        sent[row] = updates[row]
        is_new[i] = np.uint8(1) - is_shared[row]
        is_shared[row] = np.uint8(1)


@kernel
def apply_rows(matrix, base, updates, sent, is_shared, rows, vectors, amounts):
    """Let merged rows take the place of bases, and keep what was learned since.

    Parameters are as in ``take_rows``, but that ``vectors`` are whole rows and ``amounts`` all of
    their updates. A row without a base, which began elsewhere too, becomes the mean of both,
    weighted by updates. Rows of -1 are left out.

    """
    for i in range(len(rows)):
        row = rows[i]
        if row < 0:
            continue
        own = np.int64(updates[row]) - np.int64(sent[row])
        if is_shared[row]:
            for j in range(vectors.shape[1]):
                matrix[row, j] = vectors[i, j] + (matrix[row, j] - base[row, j])
                base[row, j] = vectors[i, j]
        else:
            all_updates = np.float64(amounts[i]) + np.float64(own)
            share = np.float32(own / all_updates) if own > 0 else np.float32(0.0)
            for j in range(vectors.shape[1]):
                matrix[row, j] = vectors[i, j] + share * (matrix[row, j] - vectors[i, j])
                base[row, j] = vectors[i, j]
            is_shared[row] = np.uint8(1)
        sent[row] = amounts[i]
        updates[row] = _sum_of_updates(amounts[i], own)


NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)
"""What a worker knows of a row whose value at the shard it cannot foresee."""


@kernel
def merge_rows(
    merged, updates, changes, known, is_held, rows, vectors, amounts, is_new, is_unknown
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
    vectors : float32[n, D], as ``take_rows`` wrote them
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
        change = np.uint64(max(np.uint32(1), amounts[i]))
        changes[row] += change
        if is_new[i] == 0:
            for j in range(vectors.shape[1]):
                merged[row, j] += vectors[i, j]
            if known[row] != NEVER:
                known[row] += change
        elif is_held[row]:
            all_updates = np.float64(updates[row]) + np.float64(amounts[i])
            share = np.float32(amounts[i] / all_updates) if amounts[i] > 0 else np.float32(0.0)
            for j in range(vectors.shape[1]):
                merged[row, j] += share * (vectors[i, j] - merged[row, j])
            known[row] = NEVER
        else:
            for j in range(vectors.shape[1]):
                merged[row, j] = vectors[i, j]
            is_held[row] = np.uint8(1)
            known[row] = changes[row]
        updates[row] = _sum_of_updates(updates[row], amounts[i])

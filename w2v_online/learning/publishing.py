"""What is published of a row that has an average, and how much the row is changing.

An average is smooth and late; the present vector is noisy and up to date. Readers get

    a + s (v - a),   s = MIN_SHARE + (1 - MIN_SHARE) clip((r - USUAL) / RANGE, 0, 1)

of average a and vector v. The change score r compares how far the row is from its average with
what is usual among rows that were updated about as often:

    r = (|v - a|^2 / |a|^2) / median of the same

Noise gives about 1. Where a word's use changes, its vector leaves its average behind and r rises,
so the vector itself is published; not so for the few most frequent words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import FREQUENT

MIN_SHARE = 0.3
"""Share of the way from the average to the vector where nothing changes; chosen by measurement."""

USUAL = 2.0
"""Change score up to which a row counts as one that does not change, ..."""

RANGE = 1.0
"""... and how much above that the vector itself is published."""

RELIABLE_UPDATES = 1000
"""Updates from which a score counts: the vectors of rarer words are too noisy to tell; measured."""

_GROUP_ROWS = 64
_MAX_GROUPS = 64
"""Rows are grouped by their updates for medians: at least so many in one, and so many groups."""

_LEAST_DEVIATION, _MAX_DEVIATION = 1e-5, 1e30
"""A new average is its vector but for rounding, and does not count for what is usual."""


def deviations(vectors: NDArray[np.float32], averages: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[n]: |v - a|^2 / |a|^2 of each row; both float32[n, D]."""
    with np.errstate(all="ignore"):  # a model that has diverged still has snapshots
        moved = vectors - averages
        squares = np.einsum("ij,ij->i", averages, averages, dtype=np.float64)
        distances = np.einsum("ij,ij->i", moved, moved, dtype=np.float64)
        ratios = distances / np.maximum(squares, np.finfo(np.float64).tiny)
    finite = np.minimum(np.nan_to_num(ratios, nan=0.0), _MAX_DEVIATION)
    found: NDArray[np.float32] = finite.astype(np.float32)
    return found


def change_scores(
    deviation: NDArray[np.float32], updates: NDArray[np.uint32]
) -> NDArray[np.float32]:
    """float32[n]: the change score of rows that have an average, by their updates (uint32[n])."""
    moved = np.flatnonzero(deviation > _LEAST_DEVIATION)
    if not len(moved):
        return np.zeros(len(deviation), np.float32)
    places = np.log1p(updates.astype(np.float64))
    n_groups = max(1, min(_MAX_GROUPS, len(moved) // _GROUP_ROWS))
    groups = np.array_split(moved[np.argsort(places[moved], kind="stable")], n_groups)
    usual = [np.log(float(np.median(deviation[rows]))) for rows in groups]
    expected = np.interp(places, [places[rows].mean() for rows in groups], usual)
    scores: NDArray[np.float32] = (deviation / np.exp(expected)).astype(np.float32)
    return scores


def shares(scores: NDArray[np.float32], updates: NDArray[np.uint32]) -> NDArray[np.float32]:
    """float32[n]: how much of the way from its average to its vector is published of each row.

    ``updates`` are uint32[n], those of each row.
    """
    follows = updates >= RELIABLE_UPDATES
    if n_frequent := np.count_nonzero(updates) // FREQUENT:
        follows &= updates < np.partition(updates, -n_frequent)[-n_frequent]
    risen = np.clip((scores - USUAL) / RANGE, 0.0, 1.0) * follows
    share: NDArray[np.float32] = (MIN_SHARE + (1.0 - MIN_SHARE) * risen).astype(np.float32)
    return share


def between(
    vectors: NDArray[np.float32], averages: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """float32[n, D]: so much of the way from each average to its vector."""
    return averages + share[:, None] * (vectors - averages)

"""What is published of a row that has an average, and how much the row is changing.

An average is smooth and late; the present vector is noisy and up to date. Readers get

    a + s (v - a),   s = MIN_SHARE + (MAX_SHARE - MIN_SHARE) clip(log(r) / d - USUAL, 0, 1)

of average a and vector v. The change score r compares how far the row is from its average with
what is usual among rows that were updated about as often:

    r = (|v - a|^2 / |a|^2) / median of the same

and d is how much log(r) usually varies among them: 84% of them have less, as with one standard
deviation. Noise gives about 1. Where a word's use changes, its vector leaves its average behind and
r rises, so what is published moves towards the vector; not so for the few most frequent words.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import FREQUENT

MIN_SHARE, MAX_SHARE = 0.3, 0.65
"""Shares of the way from the average to the vector where nothing changes, and where much does.

Both were chosen by measurement; the vector itself is too noisy.
"""

USUAL = 2.0
"""So many times d log(r) may be in rows that count as not changing."""

RELIABLE_UPDATES = 200
"""Updates from which a score counts: the vectors of rarer words are too noisy to tell; measured."""

_GROUP_ROWS = 64
_MAX_GROUPS = 64
"""Rows are grouped by their updates for medians: at least so many in one, and so many groups."""

_LEAST_DEVIATION, _MAX_DEVIATION = 1e-5, 1e30
"""A new average is its vector but for rounding, and does not count for what is usual."""

_VARYING_PERCENTILE = 84
_LEAST_VARIATION = 0.05
"""Of log(r), also where few rows are about the same."""


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
    usual = _among_like(deviation, updates, moved, np.median)
    scores: NDArray[np.float32] = (deviation / np.exp(usual)).astype(np.float32)
    return scores


def shares(scores: NDArray[np.float32], updates: NDArray[np.uint32]) -> NDArray[np.float32]:
    """float32[n]: how much of the way from its average to its vector is published of each row.

    ``scores`` are float32[n], nan for rows without an average; ``updates``, uint32[n].
    """
    share = np.full(len(scores), MIN_SHARE, np.float32)
    known = np.flatnonzero(scores > _LEAST_DEVIATION)
    if not len(known):
        return share
    varying = np.maximum(_among_like(scores, updates, known, _upper), _LEAST_VARIATION)[known]
    risen = np.clip(np.log(scores[known].astype(np.float64)) / varying - USUAL, 0.0, 1.0)
    follows = updates >= RELIABLE_UPDATES
    if n_frequent := np.count_nonzero(updates) // FREQUENT:
        follows &= updates < np.partition(updates, -n_frequent)[-n_frequent]
    share[known] += ((MAX_SHARE - MIN_SHARE) * risen * follows[known]).astype(np.float32)
    return share


def _among_like(
    values: NDArray[np.float32],
    updates: NDArray[np.uint32],
    rows: NDArray[np.intp],
    statistic: Callable[[NDArray[np.float32]], float],
) -> NDArray[np.float64]:
    """float64[n]: log of ``statistic`` of the values of those ``rows`` that have as many updates.

    It is computed of groups of rows and interpolated between them by the logarithm of updates.
    """
    places = np.log1p(updates.astype(np.float64))
    n_groups = max(1, min(_MAX_GROUPS, len(rows) // _GROUP_ROWS))
    groups = np.array_split(rows[np.argsort(places[rows], kind="stable")], n_groups)
    found = [np.log(float(statistic(values[group]))) for group in groups]
    interpolated: NDArray[np.float64] = np.interp(
        places, [places[group].mean() for group in groups], found
    )
    return interpolated


def _upper(scores: NDArray[np.float32]) -> float:
    return float(np.percentile(scores, _VARYING_PERCENTILE))


def between(
    vectors: NDArray[np.float32], averages: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """float32[n, D]: so much of the way from each average to its vector."""
    return averages + share[:, None] * (vectors - averages)
